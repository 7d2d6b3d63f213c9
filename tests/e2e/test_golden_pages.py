"""The manual's printed tables on the pages of a real browser, and in the workbooks that a click fetches."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Server, running
from tests.integration.reports.sheet import read_workbook
from warehouse.ops.session import ops_session
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_platform
from warehouse.settings import Settings

GOLDEN = Path(__file__).parents[1] / "integration" / "demo" / "golden"
READER, PASSWORD = "golden.reader", "Right-Horse-7"
DAY = "period=custom&days=2019-05-08&days=2019-05-08&size=500"
MONTH = "period=custom&days=2019-05-01&days=2019-05-31&size=500"
PAGES = {
    "exit_records": f"/exit-records?{DAY}",
    "daily_report": f"/daily-report?{DAY}",
    "temporary_fee_statistics": f"/temporary-fee-statistics?{MONTH}",
    "renewal_statistics": f"/renewal-statistics?{MONTH}",
    "gate_controllers": "/gate-controllers?size=500",
    "cameras": "/cameras?size=500",
}


@pytest.fixture(scope="module")
def server(manual_home: Path) -> Iterator[Server]:
    settings = Settings(home=manual_home)
    with ops_session(settings) as session:
        node = ensure_platform(session).node_id
        create_operator(session, login=READER, name="核对", role="admin", node_id=node, password=PASSWORD)
    with running(settings) as started:
        yield started


@pytest.fixture(scope="module")
def page(server: Server, chromium: Any, sign_in: Any) -> Iterator[Any]:
    """One browser, signed in."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN", accept_downloads=True)
    context.set_default_timeout(45_000)
    opened = context.new_page()
    sign_in(opened, server, login=READER, password=PASSWORD)
    opened.locator("[data-testid=stSidebar]").wait_for()
    yield opened
    context.close()


def golden(table: str) -> list[list[str]]:
    with (GOLDEN / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def plain(cell: str) -> str:
    """A cell of the page as the manual prints it: without thousands separators."""
    return cell.replace(",", "") if re.fullmatch(r"-?[\d,]+(\.\d\d)?", cell) else cell


def printed(cell: Any) -> str:
    """A typed cell of a workbook as the manual prints it."""
    match cell:
        case None:
            return ""
        case Decimal():
            assert abs(cell - cell.quantize(Decimal("0.01"))) < Decimal("0.000001")
            return f"{cell:.2f}"
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case timedelta():
            hours, rest = divmod(int(cell.total_seconds()), 3600)
            return (f"{hours}小时" if hours else "") + f"{rest // 60}分钟{rest % 60}秒"
        case _:
            return str(cell)


def agrees(found: list[list[str]], table: str) -> None:
    """Header in order, rows in any order but the totals last, cell by cell."""
    wanted = golden(table)
    width = len(wanted[0])
    cut = [row[:width] for row in found]
    assert cut[0] == wanted[0]
    assert sorted(cut[1:]) == sorted(wanted[1:])
    if wanted[-1][0] == "合计":
        assert cut[-1] == wanted[-1]


@pytest.mark.parametrize("table", PAGES)
def test_the_page_and_its_workbook_show_the_manuals_table_cell_by_cell(
    page: Any, server: Server, table: str, tmp_path: Path
) -> None:
    page.goto(server.url + PAGES[table])
    page.locator(".pc-foot").wait_for()
    shown = page.locator(".pc-table tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    agrees([[plain(cell) for cell in row] for row in shown], table)
    with page.expect_download() as fetched:
        page.get_by_role("button", name="Excel", exact=True).click()
    path = tmp_path / "fetched.xlsx"
    fetched.value.save_as(path)
    assert fetched.value.suggested_filename.endswith(".xlsx")
    sheet, about = read_workbook(path)
    assert sheet.frozen_rows == 1
    agrees([[printed(cell) for cell in row] for row in sheet.rows], table)
    assert dict(about.rows)["行数"] == str(len(golden(table)) - 1 - (golden(table)[-1][0] == "合计"))
