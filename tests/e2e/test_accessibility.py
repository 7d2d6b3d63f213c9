"""Pages without serious or critical accessibility faults (axe-core) in our own markup."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe


def faults(page: Any) -> list[str]:
    """Serious and critical findings, one line each; of Streamlit's own widgets there is none either."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def page(published_server, new_context, sign_in, request) -> Any:
    page = new_context(color_scheme=request.param).new_page()
    sign_in(page, published_server)
    page.locator(".pc-foot").wait_for()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    return page


def test_signing_in(published_server, new_context) -> None:
    page = new_context().new_page()
    page.goto(f"{published_server.url}/")
    page.locator("#login").wait_for()
    assert faults(page) == []


def test_a_button_whose_name_is_missing_is_found(page) -> None:
    page.evaluate("document.querySelector('.pc-i').outerHTML = '<button></button>'")
    assert any(line.startswith("button-name") for line in faults(page))


def test_home_a_report_a_list_and_a_form(page, published_server) -> None:
    found = {"home": faults(page)}
    page.goto(f"{published_server.url}/traffic-statistics")
    page.locator(".pc-foot").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    found["report"] = faults(page)
    page.goto(f"{published_server.url}/agents")
    add = page.get_by_role("button", name="新增代理商")
    add.wait_for()
    page.locator("[data-testid=stDataFrame], .pc-none").first.wait_for()
    found["list"] = faults(page)
    add.click()
    page.get_by_role("dialog").get_by_role("button", name="保存").wait_for()
    found["form"] = faults(page)
    assert {place: lines for place, lines in found.items() if lines} == {}


def test_the_screen_on_the_wall(page, published_server) -> None:
    page.goto(f"{published_server.url}/?tv=1")
    page.locator(".pc-tv").wait_for()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    assert faults(page) == []
