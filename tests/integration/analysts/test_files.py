"""The analysts' files: what is in them, for whom, and when they go."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.conftest import park
from tests.integration.analysts.conftest import tables_of
from tests.integration.reports.lake import Lake, contract_columns, dim_lot
from warehouse.errors import ParkError
from warehouse.lake.analysts import WHOLE, AnalystsFile, Cut, ensure_file, remove_unused
from warehouse.plates import PLATE_PATTERN
from warehouse.reports.masking import masked_text
from warehouse.settings import Settings

Opened = Callable[[AnalystsFile], duckdb.DuckDBPyConnection]
FIRST = Cut(frozenset({1, 2}))


def test_the_whole_file_holds_every_mart_as_published_with_its_types_and_words(
    settings: Settings, opened: Opened
) -> None:
    connection = opened(ensure_file(settings))
    found = connection.execute(
        "select table_name, column_name, lower(data_type), comment from duckdb_columns()"
    ).fetchall()
    types: dict[str, dict[str, str]] = {}
    for table, column, kind, _comment in found:
        types.setdefault(table, {})[column] = kind.replace("timestamp with time zone", "timestamptz")
    assert {name: types[name] for name in contract_columns()} == contract_columns()
    assert "车牌" in next(row[3] for row in found if row[:2] == ("fct_stay", "plate"))
    assert connection.execute("select sum(received) from rpt_fee_day").fetchone() is not None
    assert connection.execute("select lots, plates_masked from about").fetchone() == (None, False)


def test_details_are_kept_for_the_days_set_and_reports_for_ever(settings: Settings, opened: Opened) -> None:
    assert opened(ensure_file(settings)).execute(
        "select count(*) from fct_stay where remark = '一年前'"
    ).fetchone() == (0,)
    patient = Settings(home=settings.home, analysts_detail_days=0)
    assert opened(ensure_file(patient)).execute("select count(*) from fct_stay where remark = '一年前'").fetchone() == (
        1,
    )


def test_a_scoped_file_holds_rows_of_its_lots_alone_in_every_table(settings: Settings, opened: Opened) -> None:
    connection = opened(ensure_file(settings, FIRST))
    whole = opened(ensure_file(settings))
    tables = [row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()]
    assert set(contract_columns()) <= set(tables)
    for table in set(tables) - {"code_label", "about"}:
        lots = {row[0] for row in connection.execute(f"select distinct lot_id from {table}").fetchall()}
        assert lots <= {1, 2}, table
        expected = whole.execute(f"select count(*) from {table} where lot_id in (1, 2)").fetchone()
        assert connection.execute(f"select count(*) from {table}").fetchone() == expected, table
    assert "rpt_of_nobody" not in tables, "a table without lots says whose rows it holds to nobody"
    assert connection.execute("from code_label").fetchall()


def test_the_bytes_of_a_scoped_file_do_not_name_other_tenants(settings: Settings) -> None:
    assert "别家停车场".encode() in ensure_file(settings).path.read_bytes()
    assert "别家停车场".encode() not in ensure_file(settings, FIRST).path.read_bytes()


def test_a_scope_without_lots_has_tables_without_rows(settings: Settings) -> None:
    rows = tables_of(ensure_file(settings, Cut(frozenset())))
    assert {name for name, found in rows.items() if found} == {"code_label", "about"}


def test_plates_wear_stars_as_in_reports_in_every_column_of_a_masked_file(settings: Settings) -> None:
    whole, masked = (tables_of(ensure_file(settings, cut)) for cut in (WHOLE, Cut(is_masked=True)))
    plates = 0
    for table, rows in masked.items():
        for row in rows:
            for value in row:
                assert not (isinstance(value, str) and re.search(PLATE_PATTERN, value)), (table, value)
        shown = {
            re.sub(r"\d{4}-.*", "", masked_text(value))
            for row in whole[table]
            for value in row
            if isinstance(value, str)
        }
        plates += sum(isinstance(value, str) and "**" in value for row in rows for value in row)
        assert {value for row in rows for value in row if isinstance(value, str) and "**" in value} <= shown
        assert len(rows) == len(whole[table])
    assert plates > 10


def test_a_file_is_made_once_and_unfinished_ones_are_never_seen(settings: Settings) -> None:
    first = ensure_file(settings, FIRST)
    again = ensure_file(settings, FIRST)
    assert again.path == first.path
    assert not again.is_new
    assert first.path.stat().st_mode & 0o077 == 0
    assert [path.name for path in settings.analysts_path.iterdir() if "partial" in path.name] == []


def test_nothing_published_says_what_to_do(empty_lake: Lake) -> None:
    with pytest.raises(ParkError, match="park refresh"):
        ensure_file(empty_lake.settings)


def test_old_files_go_except_the_two_newest_and_those_that_somebody_has_open(empty_lake: Lake) -> None:
    files: list[AnalystsFile] = []
    for number in range(5):
        empty_lake.add("dim_lot", [dim_lot(number + 1, f"L{number}", f"停车场{number}")])
        empty_lake.publish()
        files.append(ensure_file(empty_lake.settings))
        if number == 0:
            script = (
                "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); input()"
            )
            reader = subprocess.Popen(
                [sys.executable, "-c", script, str(files[0].path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert reader.stdout is not None
            reader.stdout.readline()
        time.sleep(0.02)  # ages tell publications apart
    assert [file.path.exists() for file in files] == [True, False, False, True, True]
    reader.communicate(b"\n")
    assert remove_unused(empty_lake.settings) == [files[0].path]


def test_the_command_makes_the_file_and_says_where(settings: Settings) -> None:
    ran = park(settings.home, "analysts", "build")
    assert ran.returncode == 0, ran.stderr
    path = Path(ran.stdout.split(" (")[0].strip())
    assert path.exists()
    assert "was there" in park(settings.home, "analysts", "build").stdout
