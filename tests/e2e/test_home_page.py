"""The home page in a real browser: every figure is the report's, nothing unknown looks known."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from dashboards.ui import numbers
from warehouse.lake.publish import end_build, start_build
from warehouse.lake.reader import Reader
from warehouse.ops.models import AreaFreeSpaces, AuthSession, Build, Lot
from warehouse.ops.session import ops_session, write_session
from warehouse.reports.base import run
from warehouse.reports.catalogue import find
from warehouse.security.actor import LOCAL
from warehouse.security.scope import EVERYTHING
from warehouse.services.operators import create_operator
from warehouse.services.owner_changes import create_owner
from warehouse.services.owner_forms import OwnerForm, VehicleForm
from warehouse.services.tree import ensure_platform

pytestmark = pytest.mark.usefixtures("chromium")


@pytest.fixture
def report(published_server):
    """Runs a report on the published snapshot without the pages."""
    reader = Reader(published_server.settings)
    yield lambda name, **parameters: run(find(name), reader, EVERYTHING, parameters)
    reader.close()


@pytest.fixture
def home(published_server, new_context, sign_in):
    """Opens the home page in a browser of its own."""

    def open_home(path: str = "/", login: str = "li.na", **options):
        page = new_context(**options).new_page()
        sign_in(page, published_server, login=login, path=path)
        page.locator(".pc-foot").wait_for()
        return page

    return open_home


def figure(page, key: str) -> str:
    return page.locator(f"[data-figure={key}] .v").inner_text().strip()


def digits(text: str) -> str:
    return re.sub(r"[^\d.]", "", text)


def shown_figures(page) -> dict[str, str]:
    return {key: digits(figure(page, key)) for key in ("received", "entries", "exits", "cars", "online")}


def reported_figures(report, **parameters) -> dict[str, str]:
    totals = report("home-totals", **parameters).records()[0]
    received = totals["received"] + totals["renewed"]
    assert min(received, totals["entries"], totals["exits"], totals["cars"]) > 0
    return {
        "received": digits(numbers.short(received, "zh")),
        "entries": str(totals["entries"]),
        "exits": str(totals["exits"]),
        "cars": str(totals["cars"]),
        "online": digits(numbers.percent(totals["online_share"])),
    }


def test_the_figures_at_the_top_equal_the_reports(home, report):
    page = home()
    assert shown_figures(page) == reported_figures(report)
    exact = page.locator("[data-figure=received] .v").get_attribute("title")
    totals = report("home-totals").records()[0]
    assert numbers.money(totals["received"] + totals["renewed"]) in exact


def test_receipts_by_method_add_up_to_the_figure_at_the_top(home, report):
    page = home()
    shown = [row.split("\n") for row in page.locator(".pc-part").all_inner_texts()]
    listed = sum(float(amount.replace(",", "")) for _name, amount, _share in shown)
    totals = report("home-totals").records()[0]
    assert listed == pytest.approx(float(totals["received"] + totals["renewed"]))


def test_one_lot_and_a_past_day_come_from_the_address_and_back_into_it(home, report):
    page = home("/?lot=lot-3&date=2026-03-04")
    expected = reported_figures(report, lot="lot-3", **{"from": "2026-03-04", "to": "2026-03-05"})
    assert shown_figures(page) == expected
    assert page.get_by_text("当日实收").is_visible()
    page.reload()
    page.locator(".pc-foot").wait_for()
    assert shown_figures(page) == expected


def test_choosing_a_lot_changes_the_figures_and_the_address(home, report):
    page = home()
    page.locator("[data-testid=stSelectbox] input").click()
    page.get_by_role("option", name="人民医院").click()
    page.wait_for_url(re.compile(r"lot=lot-3"))
    page.locator(".pc-bar").nth(6).wait_for(state="detached")
    assert shown_figures(page) == reported_figures(report, lot="lot-3")


@pytest.mark.parametrize("day", ["yesterday", "2099-01-01"])
def test_a_lot_that_does_not_exist_and_a_wrong_date_are_told_and_not_obeyed(home, report, day):
    page = home(f"/?lot=not-mine&date={day}")
    assert page.get_by_text("not-mine").is_visible()
    assert page.get_by_text(day).is_visible()
    assert shown_figures(page) == reported_figures(report)


def test_somebody_of_one_lot_sees_that_lot_only_also_after_the_platform_asked_the_same(home, report):
    home("/?lot=lot-1")
    page = home("/?lot=lot-1", login="guard")
    assert page.get_by_text("您无权查看").is_visible()
    assert shown_figures(page) == reported_figures(report, lot="lot-3")
    assert page.locator(".pc-feed b").all_inner_texts() == ["人民医院"]
    names = page.locator("[data-testid=stMain]").inner_text()
    assert "静安嘉里" not in names
    assert "大学城" not in names


def test_hours_without_uploads_are_marked_and_hours_to_come_are_not(home, report):
    page = home()
    hours = report("home-traffic-hours").records()
    assert [row["hour"] for row in hours if row["entries"] is None] == ["05:00"] + [
        f"{hour}:00" for hour in range(15, 24)
    ]
    page.locator(".js-plotly-plot .bars .point").first.wait_for(state="attached")
    marked = page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')]
            .flatMap(plot => plot.data).filter(trace => trace.yaxis === 'y2')
            .flatMap(trace => trace.x.filter((hour, index) => trace.y[index]))"""
    )
    assert marked == ["05:00"]


def test_free_spaces_are_summed_over_live_lots_and_an_old_count_is_unknown(home, published_server):
    settings = published_server.settings

    def count(lot_id: int, free: int, minutes_ago: int) -> None:
        with ops_session(settings) as session:
            row = session.get_one(AreaFreeSpaces, (lot_id, ""))
            row.free_spaces, row.counted_at = free, datetime.now(UTC) - timedelta(minutes=minutes_ago)

    count(1, 12, 1)
    count(2, 34, 2)
    assert figure(home(), "free").startswith("46")
    assert figure(home("/?lot=lot-1"), "free").startswith("12")
    count(1, 12, 20)
    page = home("/?lot=lot-1")
    assert figure(page, "free") == "未知"
    assert figure(home(), "free").startswith("34")


def test_names_and_messages_are_shown_as_text_and_never_run_as_markup(home):
    page = home()
    assert "<b>国际会展中心</b>" in page.locator(".pc-feed").inner_text()
    assert "<i>道闸</i>" in page.locator(".pc-feed").inner_text()


def test_nothing_is_wider_than_a_phone(home):
    page = home(viewport={"width": 390, "height": 844})
    page.locator(".js-plotly-plot").first.wait_for()
    wider = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=stMain], [data-testid=stMain] [class*=st-key-], .pc-ks')]
            .filter(one => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
            .map(one => one.className)"""
    )
    assert wider == []


def test_no_request_of_the_home_page_leaves_this_machine(published_server, new_context, sign_in):
    context = new_context()
    requested: list[str] = []
    problems: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    sign_in(page, published_server)
    page.locator(".js-plotly-plot").nth(1).wait_for()
    page.wait_for_timeout(2_000)
    foreign = [url for url in requested if not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", url)]
    assert foreign == []
    assert problems == []


def test_english_pages_show_no_chinese_but_names(home, published_server):
    page = home()
    page.get_by_role("link", name="English").click()
    page.get_by_text("Received today").wait_for()
    page.locator(".pc-foot").wait_for()
    own = page.locator(".pc-h, .pc-k, .pc-foot, .pc-title, .pc-sub, .pc-section, .pc-part, .pc-badge").all_inner_texts()
    assert not re.search(r"[\u4e00-\u9fff]", " ".join(own))


def test_a_red_build_is_told_while_the_figures_stay(home, published_server, report):
    settings = published_server.settings
    start_build(settings, "build-red", is_full=False)
    end_build(settings, "build-red", state="red", message="assert_methods_add_up: 3 rows")
    try:
        page = home()
        assert page.get_by_text("assert_methods_add_up: 3 rows").is_visible()
        assert shown_figures(page) == reported_figures(report)
    finally:
        with ops_session(settings) as session:
            session.delete(session.get_one(Build, "build-red"))


def test_figures_are_beside_the_same_time_of_yesterday_and_a_week_without_data_is_told(home, report):
    page = home()
    totals = report("home-totals").records()[0]
    now, before = totals["entries"], totals["previous_entries"]
    assert 0 < before < totals["previous_day_entries"], "otherwise half a day was compared with a whole one"
    yesterday, last_week = page.locator("[data-figure=entries] .f").all()
    share = numbers.percent(numbers.share(abs(now - before), before))
    sign = "▲ " if now > before else "▼ " if now < before else ""
    assert yesterday.inner_text() == f"{sign}{share} 较昨日此时"
    assert numbers.count(before) in yesterday.locator("span").get_attribute("title")
    assert last_week.inner_text() == "上周同日无数据"


def test_a_definition_is_shown_to_the_mouse_and_to_the_keyboard(home):
    page = home()
    mark = page.get_by_role("button", name="进场车次的定义")
    tip = page.locator("#meaning-entries")
    assert not tip.is_visible()
    mark.hover()
    assert "外围出入口" in tip.inner_text()
    page.mouse.move(0, 0)
    tip.wait_for(state="hidden")
    mark.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    tip.wait_for(state="visible")
    marks = page.locator(".pc-i").all()
    assert len(marks) == 12
    assert all(page.locator(f"#{one.get_attribute('aria-describedby')}").text_content() for one in marks)


def test_a_figure_leads_to_its_report_with_the_same_lot_and_day(home):
    page = home("/?lot=lot-3&date=2026-03-04")
    entries = figure(page, "entries").removesuffix("辆").strip()
    days = "lot=lot-3&period=custom&days=2026-03-04&days=2026-03-04"
    for link, path in (
        ("[data-figure=received] .v a", f"/temporary-fee-statistics?{days}"),
        ("[data-figure=entries] .v a", f"/entry-records?{days}"),
        ("[data-figure=online] .v a", "/gate-controllers?lot=lot-3"),
        (".st-key-card_home_receipts small a:last-child", f"/renewal-statistics?{days}"),
    ):
        assert page.locator(link).get_attribute("href") == path
    page.locator(".st-key-card_home_traffic .pc-h a").click()
    page.wait_for_url(f"**/traffic-statistics?{days}")
    page.locator(".pc-table tfoot").wait_for()
    assert entries in page.locator(".pc-table tfoot").inner_text()


def test_figures_lead_nowhere_for_those_who_may_not_see_the_report(home, published_server):
    with ops_session(published_server.settings) as session:
        node = ensure_platform(session).node_id
        create_operator(session, login="fixer", name="赵工", role="engineer", node_id=node, password="Right-Horse-7")
    page = home(login="fixer")
    assert page.locator("[data-figure=received] a, [data-figure=entries] a, .st-key-card_home_traffic a").count() == 0
    assert page.locator("[data-figure=online] a, .st-key-card_home_alarms .pc-h a").count() == 2
    assert page.locator(".st-key-card_home_due").count() == 0


def test_renewals_due_and_licences_about_to_end_are_told_and_lead_to_their_lists(home, published_server):
    settings, today = published_server.settings, datetime.now(UTC).date()
    for number, days in enumerate((-30, -20, 2)):
        validity = {"valid_from": today - timedelta(days=60), "valid_to": today + timedelta(days=days)}
        vehicle = VehicleForm(f"鲁F0000{number}", **validity)
        create_owner(settings, LOCAL, OwnerForm(lot_id=1, name=f"车主{number}", vehicles=(vehicle,)))
    with write_session(settings) as session:
        session.get_one(Lot, 2).licence_to = today + timedelta(days=9)
    page = home()
    due, expired = page.locator(".st-key-card_home_due small a").all()
    assert (due.inner_text(), expired.inner_text()) == ("7 天内到期 1", "已过期 2")
    page.locator(".pc-notice a[href='/lots?licence=due']").wait_for()
    expired.click()
    page.wait_for_url("**/long-term-vehicles?state=expired")
    page.get_by_text("共 2 条").wait_for()


def test_the_screen_on_the_wall_goes_through_the_lots_without_frame_until_escape(home, report):
    page = home("/?tv=1&seconds=5")
    name = page.locator(".pc-tv b")
    name.get_by_text("全部停车场（9）").or_(name.get_by_text("静安嘉里")).wait_for()
    assert not page.locator("[data-testid=stSidebar]").is_visible()
    page.locator(".pc-tv b", has_text="静安嘉里").wait_for()
    page.wait_for_function(
        "expected => document.querySelector('[data-figure=entries] .v').innerText.startsWith(expected)",
        arg=reported_figures(report, lot="lot-1")["entries"],
    )
    page.keyboard.press("Escape")
    page.locator("[data-testid=stSidebar]").wait_for(state="visible")
    assert "tv" not in page.url


def test_the_screen_asks_to_sign_in_when_the_session_has_ended(home, published_server):
    page = home("/?tv=1&seconds=5&lot=lot-2")
    with write_session(published_server.settings) as session:
        for one in session.query(AuthSession):
            session.delete(one)
    page.locator("#login").wait_for()
    page.fill("#login", "li.na")
    page.fill("#password", "Right-Horse-7")
    page.click("button[type=submit]")
    page.locator(".pc-tv b", has_text="国际会展中心").wait_for()


def test_a_day_without_any_upload_has_no_figures_and_not_zero(home):
    page = home("/?date=2026-03-03")
    assert {figure(page, key) for key in ("received", "entries", "exits", "cars")} == {"—"}
    assert page.locator("[data-figure=entries] .f").first.inner_text() == "前一日无数据"
