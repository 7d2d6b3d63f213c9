"""Report pages in a real browser: exports in the background, views that are kept, deliveries, paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from tests.e2e.conftest import AS_OF, GUARD, PASSWORD, Server, add_lots, fill_marts, prepare_stores, running
from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.publish import end_build, publish, start_build
from warehouse.lake.writer import writer_lock
from warehouse.ops.models import Delivery, DeliveryRun, SavedView
from warehouse.ops.session import ops_session
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_platform
from warehouse.settings import Settings

ROWS = 120_000
MANY = f"""INSERT INTO lake.marts.fct_invoice BY NAME
    SELECT 1 AS lot_id, DATE '2026-03-05' AS business_date, 'i' || n AS record_id,
        TIMESTAMPTZ '2026-03-05 00:00:00+00' + INTERVAL (n % 20000) SECOND AS occurred_at,
        TIMESTAMP '2026-03-05 08:00:00' + INTERVAL (n % 20000) SECOND AS local_at, '沪A' || n AS plate,
        (n % 1000)::DECIMAL(18, 2) / 100 AS amount, n::VARCHAR AS invoice_number, 'blue' AS invoice_type,
        'issued' AS status
    FROM generate_series(1, {ROWS}) AS numbers(n)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nine lots, one with more invoices than a file is made of while the browser waits."""
    settings = prepare_stores(tmp_path_factory.mktemp("reports"))
    fill_marts(settings)
    add_lots(settings, {})
    add_invoices(settings)
    with ops_session(settings) as session:
        node = ensure_platform(session).node_id
        create_operator(session, login=GUARD, name="王刚", role="admin", node_id=node, password=PASSWORD)
    with running(settings) as started:
        yield started


def add_invoices(settings: Settings) -> None:
    with writer_lock(settings):
        connection = open_lake(settings)
        connection.execute(MANY)
        snapshot = current_snapshot(connection)
        connection.close()
    start_build(settings, "build-2", is_full=True)
    end_build(settings, "build-2", state="green")
    publish(settings, "build-2", snapshot, AS_OF)


@pytest.fixture
def open_as(server: Server, new_context: Any, sign_in: Any) -> Any:
    def open_one(path: str, **who: str) -> Any:
        page = new_context(accept_downloads=True).new_page()
        sign_in(page, server, path=path, **who)
        page.locator(".pc-foot").wait_for()
        return page

    return open_one


def exports_of(page: Any) -> Any:
    """The open list of one's own exports."""
    page.get_by_role("button", name="我的导出").click()
    return page.locator("[data-testid=stPopoverBody]").filter(has_text="文件保留一天")


def test_a_large_export_is_made_in_the_background_and_fetched_by_its_owner_only(open_as: Any, server: Server) -> None:
    page = open_as("/invoices?period=month")
    page.get_by_text(f"共 {ROWS:,} 条").wait_for()
    page.get_by_role("button", name="CSV", exact=True).click()
    page.get_by_text("已开始在后台生成").wait_for()
    link = exports_of(page).locator("a[href^='/exports/']")
    link.wait_for()
    address = server.url + link.get_attribute("href")
    with page.expect_download() as fetched:
        link.click()
    assert fetched.value.suggested_filename.startswith("电子发票明细_")
    rows = list(csv.reader(io.StringIO(fetched.value.path().read_bytes().decode("utf-8-sig"))))
    place = rows[0].index("金额")
    fen = [round(100 * float(row[place])) for row in rows[1:]]
    assert len(fen) == ROWS + 1
    assert sum(fen[:-1]) == fen[-1] == sum(n % 1000 for n in range(1, ROWS + 1))

    assert page.request.get(address).status == 200
    other = open_as("/invoices?period=month", login=GUARD)
    assert other.request.get(address).status == 404
    assert other.get_by_role("button", name="我的导出").count() == 0


def test_an_export_under_way_shows_its_progress_and_can_be_cancelled(open_as: Any, server: Server) -> None:
    page = open_as("/invoices?period=month", login=GUARD)
    page.get_by_role("button", name="Excel", exact=True).click()
    listed = exports_of(page)
    listed.get_by_role("progressbar").wait_for()
    listed.get_by_role("button", name="取消").click()
    listed.get_by_text("已取消").wait_for()
    assert listed.locator("a[href^='/exports/']").count() == 0
    listed.get_by_role("button", name="删除").click()
    listed.get_by_text("没有导出的文件").wait_for()


def test_a_view_is_kept_used_shared_and_deleted(open_as: Any, server: Server) -> None:
    page = open_as("/traffic-statistics?lot=lot-3&period=custom&days=2026-03-04&days=2026-03-04&page=1")
    page.get_by_role("button", name="视图").click()
    page.get_by_role("button", name="保存当前筛选").click()
    dialog = page.get_by_role("dialog").filter(has_text="保存视图")
    dialog.get_by_label("名称").fill("人民医院昨天")
    dialog.get_by_text("与同一机构的操作员共享").click()
    dialog.get_by_role("button", name="保存").click()
    dialog.wait_for(state="detached")
    with ops_session(server.settings) as session:
        kept = session.scalars(select(SavedView)).one()
        assert (kept.name, kept.is_shared, kept.is_start) == ("人民医院昨天", True, False)
        assert kept.query == "lot=lot-3&period=custom&days=2026-03-04&days=2026-03-04"

    other = open_as("/traffic-statistics", login=GUARD)
    other.get_by_role("button", name="视图").click()
    other.get_by_role("link", name="人民医院昨天").click()
    other.wait_for_url("**/traffic-statistics?lot=lot-3&period=custom&days=2026-03-04&days=2026-03-04")
    other.locator(".pc-table tbody td", has_text="人民医院").first.wait_for()
    assert other.locator(".pc-table tbody td", has_text="静安嘉里").count() == 0

    page.get_by_role("button", name="视图").click()
    page.get_by_role("button", name="delete icon").click()
    page.get_by_role("dialog").filter(has_text="将删除视图").get_by_role("button", name="删除").click()
    page.get_by_text("已删除视图").wait_for()
    with ops_session(server.settings) as session:
        assert session.scalars(select(SavedView)).all() == []


def test_a_delivery_is_set_up_run_and_deleted(open_as: Any, server: Server, sign_in: Any, new_context: Any) -> None:
    page = new_context().new_page()
    sign_in(page, server, path="/deliveries")
    page.get_by_role("button", name="停车日报表，每天 08:00，Excel").click()
    dialog = page.get_by_role("dialog").filter(has_text="投递：停车日报表")
    dialog.get_by_role("button", name="保存").click()
    dialog.wait_for(state="detached")
    with ops_session(server.settings) as session:
        kept = session.scalars(select(Delivery)).one()
        assert (kept.report, kept.file_format, kept.time_of_day, kept.channel) == (
            "daily-report", "xlsx", "08:00", "folder",
        )  # fmt: skip
    select_first(page)
    page.get_by_role("button", name="立即投递").click()
    page.locator(".st-key-card_delivery_runs .pc-table").wait_for()
    with ops_session(server.settings) as session:
        assert session.scalars(select(DeliveryRun)).one().delivery_id == kept.delivery_id
    select_first(page)
    page.get_by_role("button", name="删除", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    page.get_by_text("已删除").first.wait_for()
    page.get_by_text("还没有投递").wait_for()


def select_first(page: Any) -> None:
    """Choose the first row of the list, whose grid is a canvas."""
    frame = page.locator("[data-testid=stDataFrame]")
    frame.wait_for()
    if page.get_by_role("button", name="立即投递").is_disabled():
        box = frame.bounding_box()
        page.mouse.click(box["x"] + 15, box["y"] + 52)
    page.wait_for_function(
        "() => [...document.querySelectorAll('button')].some(b => b.innerText.includes('立即投递') && !b.disabled)"
    )


def test_paper_is_light_and_tells_lots_and_period_and_shows_no_controls(
    server: Server, new_context: Any, sign_in: Any
) -> None:
    page = new_context(color_scheme="dark").new_page()
    sign_in(page, server, path="/daily-report?period=custom&days=2026-03-04&days=2026-03-04")
    page.locator(".pc-foot").wait_for()
    assert not page.locator(".pc-printed").is_visible()
    page.emulate_media(media="print")
    assert "2026-03-04" in page.locator(".pc-printed").inner_text()
    assert not page.locator("[data-testid=stSidebar]").is_visible()
    assert not page.get_by_role("button", name="CSV").is_visible()
    ground = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
