"""Nobody sees a lot outside the own node of the tree, in any report."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.reports.lake import Lake
from warehouse.errors import Forbidden, ParkError
from warehouse.lake.reader import Reader
from warehouse.ops.session import ops_session
from warehouse.reports.base import run, stream
from warehouse.reports.catalogue import REPORTS, find
from warehouse.security.actor import actor_by_login
from warehouse.security.scope import EVERYTHING, Scope

OWN = Scope(frozenset({1, 2}))
WIDE = {"from": "2019-05-01", "to": "2019-06-01"}
# They tell of the present, and take no period.
PRESENT = ("home-alarms", "forecast", "forecast-course")
# The lake of these tests holds no rows for them; their own tests do.
ELSEWHERE = {"forecast", "forecast-course", "quality", "watermark"} | {
    f"{device}-{what}"
    for device in ("cameras", "displays", "gate-controllers", "pay-stations", "terminals")
    for what in ("days", "states")
}


def asked(name: str, **more: Any) -> dict[str, Any]:
    return {
        **({} if name in PRESENT else WIDE if not name.startswith("home-") else {"from": "2019-05-08"}),
        **more,
    }


def test_a_login_sees_the_lots_below_its_node(lake: Lake) -> None:
    with ops_session(lake.settings) as session:
        assert actor_by_login(session, "root").scope == EVERYTHING
        assert actor_by_login(session, "agent").scope == Scope(frozenset({1, 2}))
        assert actor_by_login(session, "second").scope == Scope(frozenset({21}))
        assert actor_by_login(session, "guard").scope == Scope(frozenset({2}))


@pytest.mark.parametrize(("login", "code"), [("nobody", "unknown_login"), ("gone", "disabled_login")])
def test_an_unknown_or_disabled_login_sees_nothing(lake: Lake, login: str, code: str) -> None:
    with ops_session(lake.settings) as session, pytest.raises(ParkError) as refused:
        actor_by_login(session, login)
    assert refused.value.code == code


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_report_shows_no_row_of_another_tenant(reader: Reader, name: str) -> None:
    for language in ("zh", "key"):
        with stream(find(name), reader, OWN, asked(name), language) as whole:
            rows = [row for batch in whole.batches for row in batch]
        assert len(rows) == whole.result.row_count
        assert rows or name in ELSEWHERE, "the report has rows of its own lots, otherwise this proves nothing"
        assert not [row for row in rows if "别家停车场" in row or "LOT21" in row or "unknown-lot" in row]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_all_tenants_together_are_the_whole(reader: Reader, name: str) -> None:
    def count(scope: Scope) -> dict[str, Any]:
        result = run(find(name), reader, scope, asked(name))
        return {"rows": result.row_count, **result.totals}

    own, other, everything = count(OWN), count(Scope(frozenset({21}))), count(EVERYTHING)
    summed = [column.key for column in find(name).columns if column.total == "sum" and column.key in own]
    for key in summed:
        assert own[key] + other[key] == everything[key], key
    if find(name).parameters and "lot_code" in {column.key for column in find(name).columns}:
        unknown = 1 if name == "rejects" else 0
        assert own["rows"] + other["rows"] + unknown == everything["rows"]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_an_empty_scope_shows_nothing(reader: Reader, name: str) -> None:
    result = run(find(name), reader, Scope(frozenset()), asked(name))
    assert not [row for row in result.rows if any(isinstance(value, str) and "停车场" in value for value in row)]
    assert not [total for total in result.totals.values() if total]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_foreign_lot_is_forbidden(reader: Reader, name: str) -> None:
    for lot in ("LOT21", "21", ["LOT1", "LOT21"], "LOT1,LOT21", "NOWHERE"):
        with pytest.raises(Forbidden):
            run(find(name), reader, OWN, asked(name, lot=lot))


def test_an_unknown_lot_is_named_to_the_platform(reader: Reader) -> None:
    with pytest.raises(ParkError) as refused:
        run(find("stays"), reader, EVERYTHING, {"lot": "NOWHERE"})
    assert refused.value.code == "unknown_lot"


def test_a_lot_filter_by_code_or_id_shows_that_lot_only(reader: Reader) -> None:
    by_code = run(find("exit-records"), reader, OWN, {**WIDE, "lot": "LOT1"})
    by_id = run(find("exit-records"), reader, OWN, {**WIDE, "lot": ["1"]})
    assert by_code.rows == by_id.rows
    assert {row[0] for row in by_code.rows} == {"一号停车场"}


def test_rejected_records_of_no_known_lot_are_for_the_platform_only(reader: Reader) -> None:
    def ids(scope: Scope) -> set[str]:
        return {row[-1] for row in run(find("rejects"), reader, scope, WIDE).rows}

    assert ids(EVERYTHING) == {"open-1", "open-2", "open-21", "unknown-lot"}
    assert ids(OWN) == {"open-1", "open-2"}
