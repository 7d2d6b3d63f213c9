"""Exports in the background: progress, owner, cancelling, errors in words, nothing left behind."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import fastexcel
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from dashboards import instance
from dashboards.exports import jobs
from dashboards.exports.jobs import Export, Exports
from dashboards.exports.routes import route
from dashboards.exports.worker import Order
from dashboards.gate import Gate
from dashboards.requests import session_cookie
from tests.integration.reports.lake import Lake, add_tree, fill
from warehouse.errors import ParkError
from warehouse.lake.reader import Reader
from warehouse.ops.models import AuditEntry, AuthSession, Operator
from warehouse.ops.session import ops_session
from warehouse.reports import access
from warehouse.reports.catalogue import find
from warehouse.security.actor import actor_by_login
from warehouse.security.sessions import token_hash
from warehouse.settings import Settings

WIDE = {"from": "2019-01-01", "to": "2020-01-01"}


@pytest.fixture(scope="session")
def exported_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(Settings(home=Path(tmp_path_factory.mktemp("exports"))))
    add_tree(made.settings)
    fill(made)
    made.publish()
    return made


@pytest.fixture
def exports(exported_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exports]:
    monkeypatch.setenv("PARK_HOME", str(exported_lake.settings.home))
    for cached in (instance.settings, jobs.exports):
        cached.cache_clear()
    made = jobs.exports()
    yield made
    for one in list(made._known.values()):
        made.cancel(one.operator_id, one.job_id)
    for cached in (instance.settings, jobs.exports):
        cached.cache_clear()


def operator_id(settings: Settings, login: str) -> int:
    with ops_session(settings) as session:
        return session.scalars(select(Operator.operator_id).where(Operator.login == login)).one()


def order(exports: Exports, login: str, report: str = "daily-report", kind: str = "csv", **asked: str) -> Export:
    made = Order(operator_id(exports.settings, login), "127.0.0.1", report, {**WIDE, **asked}, "zh", kind, "")
    return exports.order(
        made,
        title="停车日报表",
        file_name=f"停车日报表_1.{kind}",
        permission=f"{report.replace('-', '_')}.export",
        row_count=5,
    )


def until(exports: Exports, one: Export, is_reached: Callable[[Export], bool]) -> Export:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = exports.find(one.operator_id, one.job_id)
        assert found is not None
        if is_reached(found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def finished(exports: Exports, one: Export) -> Export:
    return until(exports, one, lambda found: not found.is_open)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_file_holds_the_owners_figures_and_nobody_elses(exports: Exports, kind: str) -> None:
    settings = exports.settings
    one = finished(exports, order(exports, "second", kind=kind))
    assert one.state == "done", one.error
    with ops_session(settings) as session:
        me = actor_by_login(session, "second")
    whole = access.run(find("daily-report"), Reader(settings), settings, me, WIDE)
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(one.path.read_bytes().decode("utf-8-sig"))))
    else:
        rows = [
            list(row)
            for row in fastexcel.read_excel(one.path).load_sheet(0, header_row=None, dtypes="string").to_polars().rows()
        ]
    assert rows[0] == whole.headers
    assert {row[1] for row in rows[1:-1]} == {"别家停车场"}
    place = [column.key for column in whole.columns].index("received")
    assert Decimal(rows[-1][place]) == whole.totals["received"] > 0
    assert (one.rows, one.row_count) == (whole.row_count, whole.row_count)
    with ops_session(settings) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.entry_id.desc()).limit(1)).one()
    assert (entry.login, entry.action, entry.entity_name) == ("second", "daily_report.export", "daily-report")


def test_a_refusal_is_told_in_words_and_leaves_no_file(exports: Exports) -> None:
    one = finished(exports, order(exports, "second", lot="LOT1"))
    assert one.state == "failed"
    assert one.error is not None
    assert "LOT1" in one.error.zh
    assert not one.path.parent.exists()


def test_a_disabled_operator_gets_no_file(exports: Exports) -> None:
    one = finished(exports, order(exports, "gone"))
    assert one.error is not None
    assert "停用" in one.error.zh


def test_others_exports_do_not_exist(exports: Exports) -> None:
    one = order(exports, "second")
    me = operator_id(exports.settings, "agent")
    assert exports.of(me) == []
    assert exports.find(me, one.job_id) is None
    exports.cancel(me, one.job_id)
    assert finished(exports, one).state == "done"


def test_only_so_many_run_at_once_and_one_operator_cannot_take_all_places(exports: Exports) -> None:
    exports.per_operator = 2
    mine = [order(exports, "agent") for _ in range(exports.per_operator)]
    with pytest.raises(ParkError, match="under way"):
        order(exports, "agent")
    order(exports, "second")
    seen = set()
    while any(one.is_open for one in exports.of(mine[0].operator_id)):
        running = [one for one in exports._known.values() if one.state == "running"]
        seen.add(len(running))
        time.sleep(0.01)
    assert max(seen, default=0) <= exports.at_once
    assert {one.state for one in exports.of(mine[0].operator_id)} == {"done"}


def test_a_cancelled_export_ends_and_leaves_nothing(exports: Exports) -> None:
    first = order(exports, "agent")
    until(exports, first, lambda found: found.state == "running")
    waiting = [order(exports, "agent") for _ in range(2)]
    for one in (first, *waiting):
        exports.cancel(one.operator_id, one.job_id)
    assert {one.state for one in exports.of(first.operator_id)} == {"cancelled"}
    deadline = time.monotonic() + 30
    while any(exports.settings.exports_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(exports.settings.exports_path.iterdir()) == []
    assert finished(exports, order(exports, "agent")).state == "done"


def test_files_go_after_a_day_and_when_the_process_starts(exports: Exports) -> None:
    one = finished(exports, order(exports, "agent"))
    exports._known[one.job_id] = replace(one, ordered_at=datetime.now(UTC) - timedelta(hours=23, minutes=59))
    assert exports.of(one.operator_id) != []
    exports._known[one.job_id] = replace(one, ordered_at=datetime.now(UTC) - timedelta(hours=24, minutes=1))
    assert exports.of(one.operator_id) == []
    assert not one.path.exists()
    other = finished(exports, order(exports, "agent"))
    assert other.path.exists()
    Exports(exports.settings)
    assert not other.path.exists()


@pytest.fixture
def browser(exports: Exports) -> Callable[[str | None], TestClient]:
    """The route behind the gate, as a browser with a login's session."""
    settings = exports.settings
    app = Starlette(routes=[route(settings)], middleware=[Middleware(Gate, settings=settings)])

    def sign_in(login: str | None) -> TestClient:
        client = TestClient(app, follow_redirects=False)
        if login is not None:
            now = datetime.now(UTC)
            with ops_session(settings) as session:
                session.merge(
                    AuthSession(
                        token_hash=token_hash(login), session_id=login, operator_id=operator_id(settings, login),
                        created_at=now, seen_at=now, address="127.0.0.1", user_agent="test",
                    )
                )  # fmt: skip
            client.cookies.set(session_cookie(settings), login)
        return client

    return sign_in


def test_the_owner_fetches_the_file_under_its_chinese_name(
    exports: Exports, browser: Callable[[str | None], TestClient]
) -> None:
    one = finished(exports, order(exports, "agent", kind="xlsx"))
    answer = browser("agent").get(one.address)
    assert answer.status_code == 200
    assert answer.content == one.path.read_bytes()
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''")
    assert unquote(disposition.partition("''")[2]) == "停车日报表_1.xlsx"
    assert "no-store" in answer.headers["cache-control"]


def test_nobody_else_fetches_it(exports: Exports, browser: Callable[[str | None], TestClient]) -> None:
    one = finished(exports, order(exports, "agent"))
    assert browser("second").get(one.address).status_code == 404
    assert browser("root").get(one.address).status_code == 404
    assert browser(None).get(one.address).status_code == 401
    assert browser("agent").get("/exports/../ops.sqlite").status_code == 404
    assert browser("agent").get("/exports/unknown").status_code == 404
    # The session ends: the file is out of reach at once.
    client = browser("agent")
    with ops_session(exports.settings) as session:
        session.query(AuthSession).delete()
    assert client.get(one.address).status_code == 401


def test_a_file_whose_right_was_taken_away_is_out_of_reach(
    exports: Exports, browser: Callable[[str | None], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = finished(exports, order(exports, "agent"))
    monkeypatch.setattr("warehouse.security.actor.BUILT_IN", {"admin": frozenset({"daily_report.view"})})
    assert browser("agent").get(one.address).status_code == 404
