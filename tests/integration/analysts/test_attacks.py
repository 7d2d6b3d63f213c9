"""What an analyst must not be able to do, tried through the way that pages and command line take."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.integration.reports.lake import contract_columns
from warehouse.analysts.desk import cut_of
from warehouse.analysts.running import Limits, QueryProcess, Result
from warehouse.errors import ParkError
from warehouse.lake import sandbox
from warehouse.lake.analysts import ensure_file
from warehouse.security.actor import Actor
from warehouse.settings import Settings

LIMITS = Limits(seconds=20, rows=1000, memory="256MB", threads=2)
REFUSED = {"sql_refused", "sql_failed"}


@pytest.fixture(scope="session")
def own(settings: Settings, actor: Callable[[str], Actor]) -> Path:
    """The file of an analyst who sees lots 1 and 2 and plates with stars."""
    return ensure_file(settings, cut_of(actor("looker2"))).path


def run(path: Path, sql: str, limits: Limits = LIMITS) -> Result:
    return QueryProcess(path, sql, limits).wait()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def loot(own: Path, settings: Settings, tmp_path: Path) -> dict[str, str]:
    """Names of what lies about: the whole file, the operational store, a folder to write to."""
    return {"whole": str(ensure_file(settings).path), "own": str(own), "out": str(tmp_path / "out"),
            "ops": str(settings.home / "ops.sqlite"), "lake": str(settings.home / "lake")}  # fmt: skip


WORDS = (
    "select from attach copy '/etc/passwd' read_text( glob( ) ( ; /* */ explain analyze with as x 1 set pragma load",
    "install call , to * ' query( \" create temp table describe summarize show lateral pivot values",
)
ATTACKS = [
    "attach '{whole}' as w",
    "attach '{own}' as w",
    "attach '{ops}' as w (type sqlite)",
    "attach ':memory:' as w",
    "attach 'ducklake:sqlite:{lake}/catalog.sqlite' as w",
    "from '{whole}'",
    "from read_duckdb('{whole}')",
    "from read_duckdb('{own}')",
    "from 'ducklake:{lake}/catalog.sqlite'",
    "from sqlite_scan('{ops}', 'operator')",
    "from read_parquet('{lake}/data/**/*.parquet')",
    "from '{lake}/data/main.parquet'",
    "from parquet_scan('{lake}/data/**')",
    "from parquet_metadata('{lake}/x')",
    "from read_csv('/etc/passwd')",
    "from read_csv_auto('/etc/passwd')",
    "from sniff_csv('/etc/passwd')",
    "from read_text('/etc/passwd')",
    "from read_blob('/proc/self/environ')",
    "from read_json('/etc/hostname')",
    "from '/etc/passwd'",
    "from 'https://127.0.0.1:1/x.parquet'",
    "from glob('/*')",
    "select * from (select * from glob('{lake}/**')) g",
    "with g as (from glob('/*')) from g",
    "select (select count(*) from glob('/*'))",
    "explain analyze from glob('/*')",
    "explain analyze copy (select 1) to '{out}'",
    "explain copy (select 1) to '{out}'",
    "describe from read_csv('/etc/passwd')",
    "summarize from read_csv('/etc/passwd')",
    "from query('select 1')",
    "from query('from read' || '_text(''/etc/passwd'')')",
    "from query_table('fct_stay')",
    "copy (select 1) to '{out}'",
    "copy fct_stay to '{out}' (format parquet)",
    "copy fct_stay from '/etc/passwd'",
    "copy from database platform to w",
    "export database '{out}'",
    "import database '{out}'",
    "pragma database_list",
    "pragma threads=64",
    "pragma enable_profiling",
    "pragma profiling_output='{out}'",
    "from pragma_database_list()",
    "set enable_external_access=true",
    "set memory_limit='64GB'",
    "set lock_configuration=false",
    "set global temp_directory='{out}'",
    "set variable x = 1",
    "reset threads",
    "install httpfs",
    "force install 'http://127.0.0.1:1/x'",
    "load httpfs",
    "load '{out}'",
    "update extensions",
    "create macro f() as table from read_text('/etc/passwd')",
    "create temp macro f(x) as x",
    "create temp table t as select 1",
    "create temp view v as from read_text('/etc/passwd')",
    "create table t (x int)",
    "create secret (type s3)",
    "from duckdb_secrets()",
    "from duckdb_databases()",
    "insert into about select * from about",
    "update about set lots = 0",
    "delete from about",
    "drop table about",
    "truncate about",
    "alter table about add column x int",
    "comment on table about is 'x'",
    "vacuum",
    "checkpoint",
    "force checkpoint",
    "from force_checkpoint()",
    "begin",
    "commit",
    "use memory",
    "detach w",
    "call enable_logging('QueryLog', storage = 'file', storage_path = '{out}')",
    "from enable_logging('QueryLog', storage = 'file', storage_path = '{out}')",
    "prepare p as select 1",
    "execute p",
    "select getenv('HOME')",
    "select * from read_text(getvariable('x'))",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
    "from python_map_function(1)",
    "from sys",
    "from connection",
    "select 1; select 2",
    "select 1; attach '{whole}' as w",
    "select 1;; drop table about",
    "/* */ set threads=1",
    "",
    "-- nothing",
    ";",
    "selec 1",
    "select '\0'; drop table about",
]


def attempt(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    sandbox.check(connection, sql)
    connection.execute(sql).fetchall()
    pytest.fail(f"went through: {sql}")


@pytest.mark.parametrize("part", range(8))
def test_every_way_out_is_refused_and_leaves_nothing_behind(own: Path, loot: dict[str, str], part: int) -> None:
    """In a locked connection of this process, which is quick; the process has walls besides."""
    before = {path.name for path in own.parent.iterdir()}
    for text in ATTACKS[part::8]:
        sql = text.format(**loot)
        connection = sandbox.open_locked(str(own), 1, "256MB")
        try:
            with pytest.raises((sandbox.Refused, duckdb.Error)):
                attempt(connection, sql)
        finally:
            connection.close()
    assert not Path(loot["out"]).exists()
    assert {path.name for path in own.parent.iterdir()} == before


def test_the_process_refuses_the_same_with_a_sentence_in_both_languages(own: Path, loot: dict[str, str]) -> None:
    for text, code in (
        ("attach '{whole}' as w", "sql_refused"),
        ("from read_text('/etc/passwd')", "sql_refused"),
        ("from '{whole}'", "sql_failed"),
        ("select 1; select 2", "sql_refused"),
        ("selec 1", "sql_failed"),
    ):
        with pytest.raises(ParkError) as refused:
            run(own, text.format(**loot))
        assert refused.value.code == code, text
        assert refused.value.zh != refused.value.en


def test_the_kernel_itself_keeps_the_process_from_files_that_duckdb_would_open(own: Path, loot: dict[str, str]) -> None:
    """With the checks of the statement taken away and DuckDB's own doors open."""
    script = (
        "import sys, duckdb; from warehouse.lake import sandbox as s; shut = s.shut_out(sys.argv[1]);"
        "s.limit(60, 2**29); c = duckdb.connect(sys.argv[1], read_only=True, config={'threads': 1});"
        "print(shut, c.execute('select count(*) from about').fetchone());\n"
        "for q in sys.argv[2:]:\n"
        "    try: c.execute(q).fetchall(); print('THROUGH', q)\n"
        "    except duckdb.Error as error: print('shut', q)\n"
    )
    whole, out = loot["whole"], loot["out"]
    said = subprocess.run(
        [sys.executable, "-c", script, str(own), f"attach '{whole}' as w (read_only)", "from read_text('/etc/passwd')",
         f"copy (select 1) to '{out}'", "from glob('/etc/*')"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    if said[0].startswith("False"):
        pytest.skip("this kernel has no Landlock")
    assert [line.split()[0] for line in said[1:4]] == ["shut", "shut", "shut"]
    assert not Path(out).exists()


def test_the_process_has_none_of_our_environment(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARK_SECRET_KEY", "very-secret")
    process = QueryProcess(own, "select count(*) from range(100000000000)", LIMITS)
    try:
        time.sleep(0.3)
        assert b"very-secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        process.cancel()
        with pytest.raises(ParkError):
            process.wait()


def test_rows_of_foreign_lots_are_in_no_table_however_they_are_asked_for(own: Path) -> None:
    names = sorted(contract_columns())
    union = " union all ".join(
        f"select '{name}' as name, count(*) as own,"
        f" count(*) filter (where lot_id not in (1, 2) or lot_id is null) as other from {name}"
        for name in names
    )
    found = run(own, f"{union} order by 1").rows
    assert [row[0] for row in found] == names
    assert [row for row in found if row[2] != "0"] == []
    assert sum(int(row[1] or 0) for row in found) > 50
    every = run(own, "select count(*) from dim_lot where lot_id = 21 or name like '%别家%'").rows
    assert every == [["0"]]


@pytest.mark.parametrize(
    "sql",
    [
        "with recursive r as (select 1 as a union all select a + 1 from r) select sum(a) from r",
        "select count(*) from range(100000) a, range(100000) b, range(100000) c",
        "select sum(sqrt(a.range * b.range)) from range(10000000) a, range(10000000) b",
    ],
)
def test_a_query_without_an_end_is_stopped_within_its_time_and_its_process_is_gone(own: Path, sql: str) -> None:
    process = QueryProcess(own, sql, Limits(seconds=2, rows=10, memory="256MB", threads=1))
    began = time.monotonic()
    with pytest.raises(ParkError) as stopped:
        process.wait()
    assert stopped.value.code in {"sql_time", "sql_memory"}
    assert time.monotonic() - began < 30, "not a measure of speed: it would run for ever"
    assert gone(process.pid)


@pytest.mark.parametrize(
    "sql",
    [
        "select list(i) from range(1000000000) t(i)",
        "select repeat(repeat('x', 1000000), 100000)",
        "select string_agg(repeat('x', 10000), '') from range(1000000)",
        "select a.range, b.range from range(5000000) a, range(50) b order by random()",
    ],
)
def test_a_query_that_takes_all_memory_is_stopped(own: Path, sql: str) -> None:
    process = QueryProcess(own, sql, Limits(seconds=25, rows=10, memory="128MB", threads=1))
    with pytest.raises(ParkError) as stopped:
        process.wait()
    assert stopped.value.code in {"sql_memory", "sql_time", "sql_size", "sql_failed"}
    assert gone(process.pid)


def test_a_huge_result_is_cut_at_the_row_limit_and_a_fat_one_is_refused(own: Path) -> None:
    cut = run(own, "from range(1000000000000)")
    assert (len(cut.rows), cut.is_cut) == (1000, True)
    exact = run(own, "from range(1000)")
    assert (len(exact.rows), exact.is_cut) == (1000, False)
    with pytest.raises(ParkError) as fat:
        run(own, "select repeat('x', 1000000) from range(1000)", Limits(30, 1000, "512MB", 1))
    assert fat.value.code in {"sql_size", "sql_memory"}


def test_a_query_is_cancelled_from_another_thread_and_its_process_is_gone(own: Path) -> None:
    process = QueryProcess(own, "select count(*) from range(1000000) a, range(1000000) b", LIMITS)
    threading.Timer(0.5, process.cancel).start()
    with pytest.raises(ParkError) as ended:
        process.wait()
    assert ended.value.code == "sql_cancelled"
    assert gone(process.pid)


@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from([*" ".join(WORDS).split(), "--\n"]), max_size=9))
def test_whatever_passes_the_check_reads_and_nothing_else(own: Path, words: list[str]) -> None:
    connection = sandbox.open_locked(str(own), 1, "128MB")
    try:
        sql = " ".join(words)
        try:
            sandbox.check(connection, sql)
        except (sandbox.Refused, duckdb.Error):
            return
        lowered = sql.lower()
        kinds = {str(one.type) for one in connection.extract_statements(sql)}
        assert kinds <= {"StatementType.SELECT", "StatementType.EXPLAIN"}, lowered
        try:
            rows = str(connection.execute(sql).fetchmany(5))
        except duckdb.Error:
            return
        assert "root:" not in rows
    finally:
        connection.close()
