"""Asking as somebody: their lots, the operator log, the history, kept queries, the commands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import select

from tests.conftest import park
from warehouse.analysts import desk
from warehouse.analysts.running import Limits
from warehouse.analysts.saved import delete_query, list_queries, save_query
from warehouse.errors import Forbidden, ParkError
from warehouse.lake.dictionary import data_dictionary, example_queries
from warehouse.ops.models import AuditEntry, SqlRun
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL, Actor
from warehouse.services.fields import InvalidFields
from warehouse.settings import Settings

Find = Callable[[str], Actor]


def newest_entry(settings: Settings) -> AuditEntry:
    with ops_session(settings) as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.entry_id.desc())).first()  # type: ignore[return-value]


def test_everybody_gets_the_rows_of_their_lots_and_the_plates_they_may_see(settings: Settings, actor: Find) -> None:
    sql = "select lot_id, max(plate) as plate from fct_stay group by 1 order by 1"
    found = {
        login: desk.ask(settings, actor(login), sql).result.rows for login in ("root", "second", "guard", "looker2")
    }
    assert [row[0] for row in found["root"]] == ["1", "2", "21"]
    assert [row[0] for row in found["second"]] == ["21"]
    assert [row[0] for row in found["guard"]] == ["2"]
    assert [row[0] for row in found["looker2"]] == ["1", "2"]
    assert "**" not in str(found["root"])
    assert "**" in str(found["looker2"])


def test_values_come_exact_and_with_their_types(settings: Settings) -> None:
    sql = (
        "select 0.10::decimal(18,2) as money, 12345678901234567890123::hugeint as big, null as nothing, true as yes,"
        " timestamptz '2019-05-08 01:02:03.004+08' as instant, date '2019-05-08' as day, [1, 2] as list, '甲' as text"
    )
    result = desk.ask(settings, LOCAL, sql).result
    assert result.rows == [
        [
            "0.10",
            "12345678901234567890123",
            None,
            "true",
            "2019-05-07 17:02:03.004000+00:00",
            "2019-05-08",
            "[1, 2]",
            "甲",
        ]
    ]
    assert [column.is_number for column in result.columns] == [True, True, True, False, False, False, False, False]
    assert result.columns[0].type == "DECIMAL(18,2)"


def test_every_query_is_in_the_operator_log_and_in_ones_own_history(settings: Settings, actor: Find) -> None:
    looker, other = actor("looker2"), actor("second")
    desk.ask(settings, looker, "select 1 as one")
    entry = newest_entry(settings)
    assert (entry.login, entry.action, entry.outcome) == ("looker2", "sql.view", "done")
    assert entry.after is not None
    assert (entry.after["sql"], entry.after["rows"]) == ("select 1 as one", 1)
    assert entry.after["seconds"] > 0
    for sql, state in (("selec 1", "failed"), ("from glob('*')", "refused")):
        with pytest.raises(ParkError):
            desk.ask(settings, looker, sql)
        past = desk.history(settings, looker)[0]
        assert (past.sql, past.state, past.row_count) == (sql, state, None)
        assert past.message_zh
    with pytest.raises(ParkError):
        desk.ask(settings, looker, "from range(10000000) a, range(10000000) b order by 1",
                 limits=Limits(1, 10, "128MB", 1))  # fmt: skip
    assert desk.history(settings, looker)[0].state == "stopped"
    assert [past.sql for past in desk.history(settings, other) if "one" in past.sql] == []


def test_a_history_keeps_the_newest_only(settings: Settings, actor: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "KEPT_RUNS", 2)
    for number in range(4):
        with pytest.raises(ParkError):
            desk.ask(settings, actor("second"), f"selec {number}")
    with ops_session(settings) as session:
        kept = session.scalars(select(SqlRun.sql).where(SqlRun.login == "second").order_by(SqlRun.run_id)).all()
    assert kept == ["selec 2", "selec 3"]


def test_a_query_taken_back_before_it_began_never_begins(settings: Settings, actor: Find) -> None:
    asked = desk.Asked()
    asked.cancel()
    with pytest.raises(ParkError) as ended:
        desk.ask(settings, actor("looker"), "select 1", asked=asked)
    assert ended.value.code == "sql_cancelled"
    assert desk.history(settings, actor("looker"))[0].state == "cancelled"


def test_a_role_without_the_permission_is_refused_and_the_refusal_noted(settings: Settings, actor: Find) -> None:
    for act in (
        lambda: desk.ask(settings, actor("engineer"), "select 1"),
        lambda: desk.history(settings, actor("engineer")),
        lambda: list_queries(settings, actor("engineer")),
        lambda: desk.file_of(settings, actor("engineer")),
    ):
        with pytest.raises(Forbidden):
            act()
        assert newest_entry(settings).outcome == "refused"


def test_queries_are_kept_shared_within_a_place_and_deleted_by_their_owner_alone(
    settings: Settings, actor: Find
) -> None:
    mine, guest = actor("looker"), actor("root")
    query_id = save_query(settings, mine, "日报", " select 1 ", is_shared=True)
    assert [(kept.name, kept.sql, kept.is_own) for kept in list_queries(settings, mine)] == [("日报", "select 1", True)]
    assert [(kept.name, kept.owner_name) for kept in list_queries(settings, guest)] == [("日报", "looker")]
    assert list_queries(settings, actor("second")) == []
    with pytest.raises(InvalidFields):
        save_query(settings, mine, "日报", "select 2")
    with pytest.raises(Forbidden):
        save_query(settings, guest, "别的", "select 2", query_id=query_id)
    with pytest.raises(Forbidden):
        delete_query(settings, guest, query_id)
    save_query(settings, mine, "周报", "select 2", query_id=query_id)
    assert newest_entry(settings).entity == "sql_query"
    with pytest.raises(ParkError):
        save_query(settings, mine, "迟到", "select 3", query_id=query_id, expected_version=1)
    delete_query(settings, mine, query_id)
    assert list_queries(settings, mine) == []


def test_every_example_runs(settings: Settings) -> None:
    for example in example_queries():
        answer = desk.ask(settings, LOCAL, example.sql)
        assert answer.result.columns, example.en


def test_the_dictionary_names_every_column_of_the_file_in_both_languages(settings: Settings) -> None:
    with duckdb.connect(str(desk.file_of(settings, LOCAL).path), read_only=True) as connection:
        columns = "select table_name, column_name from duckdb_columns() where not internal"
        there = connection.execute(columns).fetchall()
    tables = data_dictionary().tables
    known = {(table.name, column.name) for table in tables for column in table.columns}
    assert set(there) - known == {("rpt_of_nobody", "secret")}
    words = [(one.about_zh, one.about_en) for table in tables for one in (table, *table.columns)]
    assert all(zh and en for zh, en in words)


def test_csv_is_exact_and_harmless_in_a_spreadsheet(settings: Settings) -> None:
    result = desk.ask(settings, LOCAL, "select -0.50::decimal(9,2) as a, '=1+1' as b, null as c").result
    for for_excel, text in ((False, "=1+1"), (True, "'=1+1")):
        target = io.StringIO(newline="")
        desk.write_csv(target, result, for_excel=for_excel)
        assert list(csv.reader(io.StringIO(target.getvalue()))) == [["a", "b", "c"], ["-0.50", text, ""]]


def test_the_commands_run_queries_and_hand_out_the_file_of_a_login(settings: Settings, tmp_path: Path) -> None:
    ran = park(
        settings.home, "sql", "select lot_id, 1.50 as a from dim_lot order by 1", "--as", "looker2", "--format", "json"
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["rows"] == [[1, "1.50"], [2, "1.50"]]
    assert "1 rows" in park(settings.home, "sql", "select 1").stdout
    refused = park(settings.home, "sql", "attach 'x'")
    assert refused.returncode == 1
    assert "only statements that read" in refused.stderr
    copy = tmp_path / "mine.duckdb"
    assert park(settings.home, "sql-file", "--as", "second", "-o", str(copy)).returncode == 0
    assert newest_entry(settings).entity == "export"
    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute("select lot_id from dim_lot").fetchall() == [(21,)]
