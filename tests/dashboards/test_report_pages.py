"""Report pages on published data: they show the report's own rows, and every figure that can be followed adds up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboards import frame
from dashboards.reports.drills import ways_from
from dashboards.reports.page import ReportPage
from dashboards.reports.table import cell_writer
from dashboards.requests import session_cookie
from tests.dashboards.conftest import CACHES, words
from tests.integration.reports.lake import Lake, add_tree, fee_day, fill
from warehouse.errors import Forbidden
from warehouse.lake.moments import kept_publications
from warehouse.lake.reader import Reader
from warehouse.ops.models import AuditEntry, AuthSession, Operator, Role
from warehouse.ops.session import ops_session
from warehouse.reports import base
from warehouse.reports.catalogue import find
from warehouse.security.actor import actor_by_login
from warehouse.security.scope import EVERYTHING
from warehouse.security.sessions import token_hash
from warehouse.services.saved_views import ViewForm, delete_view, save_view
from warehouse.settings import Settings

WIDE = {"from": "2019-05-01", "to": "2019-06-01"}
WRONG_DAY = "2019-05-20"
ADDRESS = {"period": "custom", "days": ["2019-05-01", "2019-05-31"]}
PAGES: dict[str, ReportPage] = {
    module.VIEW.menu: module.PAGE
    for module in frame.view_modules()
    if isinstance(getattr(module, "PAGE", None), ReportPage)
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(Settings(home=Path(tmp_path_factory.mktemp("report_pages")) / "home"))
    add_tree(made.settings)
    fill(made)
    made.add("rpt_fee_day", [fee_day(2, WRONG_DAY, "岗亭", cash="0.01")])  # a fen that no charge accounts for
    made.publish()
    return made


@pytest.fixture
def open_report(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """The page of a menu item, run for a login on the published lake; ``query`` fills the address."""
    cookies: dict[str, str] = {}
    monkeypatch.setattr(type(st.context), "cookies", property(lambda _self: cookies))
    monkeypatch.setenv("PARK_HOME", str(lake.settings.home))
    for cached in CACHES:
        cached.cache_clear()

    def run(login: str, menu: str, language: str = "zh", **query: str | list[str]) -> AppTest:
        token, now = f"{login}-token", datetime.now(UTC)
        with ops_session(lake.settings) as session:
            operator_id = session.scalars(select(Operator.operator_id).where(Operator.login == login)).one()
            session.merge(
                AuthSession(
                    token_hash=token_hash(token), session_id=token, operator_id=operator_id,
                    created_at=now, seen_at=now, address="127.0.0.1", user_agent="test",
                )
            )  # fmt: skip
        cookies.clear()
        cookies.update({session_cookie(lake.settings): token, "park_language": language})

        def script(menu: str) -> None:
            from dashboards import frame, instance
            from dashboards.context import current

            visitor = current(instance.settings(), None, is_activity=True)
            assert visitor is not None
            frame.draw_page(next(module for module in frame.view_modules() if module.VIEW.menu == menu), visitor)

        app = AppTest.from_function(script, default_timeout=60, kwargs={"menu": menu})
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield run
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def report(lake: Lake):
    """Run a report on the published lake for the whole platform."""
    reader = Reader(lake.settings)
    yield lambda name, **asked: base.run(find(name), reader, EVERYTHING, asked, "zh")
    reader.close()


@pytest.mark.parametrize("menu", sorted(PAGES))
def test_a_page_shows_the_rows_and_totals_of_its_report(open_report, report, menu: str) -> None:
    page = PAGES[menu]
    said = words(open_report("root", menu, **ADDRESS))
    assert "发生内部错误" not in said
    assert "无法显示此页" not in said
    result = report(page.report, **page.fixed, **WIDE)
    assert result.rows
    shown = [
        (place, cell_writer(column, "zh"))
        for place, column in enumerate(result.columns)
        if column.key not in page.hidden
    ]
    for row in result.rows[:50]:
        for place, write in shown:
            assert write(row[place]).replace("&", "&amp;") in said
    for column in result.columns:
        if result.totals.get(column.key) is not None and column.key not in page.hidden:
            assert cell_writer(column, "zh")(result.totals[column.key]) in said


def test_a_length_of_time_among_the_figures_is_written_as_in_the_table(open_report, report) -> None:
    said = words(open_report("root", "alarms", **ADDRESS, part="statistics"))
    result = report("alarm-statistics", **WIDE)
    column = next(column for column in result.columns if column.key == "mean_seconds")
    mean = result.totals["mean_seconds"]
    # In the row of totals, in the figure and as its exact value.
    assert said.count(cell_writer(column, "zh")(mean)) >= 3
    assert f">{mean:,}" not in said
    assert ">12.96万" not in said


@pytest.mark.parametrize("menu", sorted(PAGES))
def test_wrong_values_in_the_address_never_break_a_page(open_report, menu: str) -> None:
    odd = {
        "period": "never",
        "days": ["2019-13-01", "x"],
        "page": "-7",
        "size": "9999",
        "sort": "drop",
        "by": "'",
        "lot": "NOWHERE",
    }
    said = words(open_report("root", menu, language="en", **odd))
    assert "Internal error" not in said


@pytest.mark.parametrize(
    ("menu", "sort"),
    [("temporary_fee_analysis", "-compare_received"), ("daily_report", "day"), ("charges", "-received")],
)
def test_an_order_whose_column_went_away_with_a_filter_never_breaks_a_page(open_report, menu: str, sort: str) -> None:
    said = words(open_report("root", menu, **ADDRESS, sort=sort))
    assert "发生内部错误" not in said
    assert "<tfoot>" in said


@pytest.mark.parametrize("menu", sorted(PAGES))
def test_a_foreign_lot_in_the_address_shows_nothing_of_it(open_report, menu: str) -> None:
    said = words(open_report("agent", menu, **ADDRESS, lot="LOT21"))
    assert "别家停车场" not in said
    assert "LOT21/" not in said  # in no link to a record


def address_of_receipts(report, lot: str) -> str:
    """Where the money received of a lot leads."""
    name, asked = "temporary-fee-statistics", {**WIDE, "basis": "payment"}
    record = next(row for row in report(name, **asked).records() if row["lot_code"] == lot)
    address = ways_from(name, asked)["received"].address(name, record, asked)
    assert address is not None
    return address


def test_the_page_of_the_records_says_that_they_add_up(open_report, report) -> None:
    query = parse_qs(urlsplit(address_of_receipts(report, "LOT1")).query)
    assert "逐条相加与之相等" in words(open_report("root", "charges", **query))
    # Filtered further, they are no longer the figure's records, and the page does not claim it.
    said = words(open_report("root", "charges", **query, plate=["鲁F00001"]))
    assert "逐条相加与之相等" not in said
    assert "两者不符" not in said


def test_a_fen_that_no_record_accounts_for_is_said_in_red_and_logged(open_report, report, lake: Lake) -> None:
    query = parse_qs(urlsplit(address_of_receipts(report, "LOT2")).query)
    assert "两者不符" in words(open_report("root", "charges", **query))
    with ops_session(lake.settings) as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "report.mismatch")).all()


def keep_view(lake: Lake, login: str, name: str, query: str, **more: bool) -> int:
    with ops_session(lake.settings) as session:
        actor = actor_by_login(session, login)
    return save_view(lake.settings, actor, "exit_records", ViewForm(name, query, **more))


def drop_view(lake: Lake, login: str, view_id: int) -> None:
    with ops_session(lake.settings) as session:
        actor = actor_by_login(session, login)
    delete_view(lake.settings, actor, "exit_records", view_id)


def test_views_are_offered_to_their_owner_and_where_they_are_shared_only_to_the_same_place(
    open_report, lake: Lake
) -> None:
    made = [
        keep_view(lake, "root", "根的", "period=week", is_shared=True),
        keep_view(lake, "agent", "代理的", "period=yesterday&lot=LOT1"),
    ]
    seen = words(open_report("agent", "exit_records"))
    assert "href='/exit-records?period=yesterday&amp;lot=LOT1'" in seen
    assert "根的" not in seen
    assert "代理的" not in words(open_report("root", "exit_records"))
    assert "代理的" not in words(open_report("second", "exit_records"))
    for login, view_id in zip(("root", "agent"), made, strict=True):
        drop_view(lake, login, view_id)
    assert "代理的" not in words(open_report("agent", "exit_records"))


def test_a_page_opens_with_the_start_view_unless_the_address_says_otherwise(open_report, lake: Lake) -> None:
    view = keep_view(lake, "agent", "一号", "period=custom&days=2019-05-08&days=2019-05-08&lot=LOT1", is_start=True)
    app = open_report("agent", "exit_records")
    assert "LOT1" in app.query_params["lot"]
    assert "二号停车场" not in words(app)
    assert "lot" not in open_report("agent", "exit_records", **ADDRESS).query_params
    drop_view(lake, "agent", view)


def test_a_view_of_somebody_else_is_not_changed_or_deleted(open_report, lake: Lake) -> None:
    view = keep_view(lake, "root", "根的", "period=week", is_shared=True)
    with pytest.raises(Forbidden):
        drop_view(lake, "second", view)
    assert not [
        button.key for button in open_report("second", "exit_records").button if f"{view}_delete" in str(button.key)
    ]
    drop_view(lake, "root", view)


def test_paper_says_which_lots_and_period_it_is_about(open_report) -> None:
    said = words(open_report("root", "daily_report", **ADDRESS, lot="LOT1"))
    printed = said.partition("pc-printed")[2].partition("</div>")[0]
    assert "一号停车场" in printed
    assert "2019-05-01 至 2019-05-31" in printed


def test_the_cloud_map_tells_todays_figures_and_the_latest_passages_and_alarms_of_the_selected_lot(
    open_report, report
) -> None:
    said = words(open_report("root", "cloud_map", lot="LOT1"))
    assert "发生内部错误" not in said
    known = report("home-totals")
    day = known.question.known_lots[0].clock.business_day(known.data_as_of)
    days = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat(), "lot": "LOT1"}
    totals = report("home-totals", **days).records()[0]
    assert f"<dt>进场（{day}）</dt><dd>{totals['entries']}</dd>" in said
    assert f"<dt>出场（{day}）</dt><dd>{totals['exits']}</dd>" in said
    for name, at, gate in (("entry-records", "entered_at", "entry_gate"), ("exit-records", "exited_at", "exit_gate")):
        newest = report(name, size=1, **days).records()[0]
        for told in (f"{newest[at]:%m-%d %H:%M}", newest["plate"], newest[gate]):
            assert f">{told}</td>" in said
    assert report("alarms", size=1, **days).records()[0]["message"] in said


def test_the_cloud_map_shows_only_what_a_role_may_see_of_a_lot(open_report, lake: Lake) -> None:
    with ops_session(lake.settings) as session:
        role = session.scalars(select(Role.role_id).where(Role.code == "finance")).one()
        session.add(
            Operator(
                login="cashier", name="cashier", password_hash="-", role_id=role, node_id=1, is_active=True,
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip
    said = words(open_report("cashier", "cloud_map", lot="LOT1"))
    assert said.count("您的角色无权查看此报表") == 3
    assert "您的角色无权查看此报表" not in words(open_report("root", "cloud_map", lot="LOT1"))


def test_what_moved_between_two_publications_is_shown_with_its_sign(open_report, lake: Lake) -> None:
    lake.add("rpt_fee_day", [fee_day(1, "2019-05-21", "北岗亭", cash="12.30")])
    lake.publish()
    earlier, later = (one.published_at.isoformat() for one in reversed(kept_publications(lake.settings)[:2]))
    said = words(open_report("root", "restatement", a=earlier, report="temporary-fee-statistics", **ADDRESS))
    assert "+12.30" in said
    assert "差额之和与总计之差相等" in said
    assert "没有对应的记录" in said  # nobody uploaded it: the marts of this lake are filled by hand
    assert "LOT21" not in words(open_report("guard", "restatement", a=earlier, **ADDRESS))
    foreign = words(open_report("second", "restatement", a=earlier, **ADDRESS))
    assert "+12.30" not in foreign
    assert "没有变动" in foreign
    backwards = words(open_report("root", "restatement", "en", a=later, b=earlier, **ADDRESS))
    assert "must be before" in backwards
    nothing = words(open_report("root", "restatement", "en", a="free", a_at="1999-01-01", **ADDRESS))
    assert "nothing was known" in nothing
