"""The cloud map in a real browser: a click on a marker, the way to the lot, a refused position, no foreign server."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dashboards.map.markers import around
from dashboards.views.overview.cloud_map_chart import HEIGHT, USUAL_WIDTH
from tests.e2e.conftest import LOT_NAMES, Server, add_lots, fill_marts, prepare_stores, running
from warehouse.geography.coordinates import Point
from warehouse.geography.distance import mercator
from warehouse.ops.models import Lot
from warehouse.ops.session import ops_session
from warehouse.routing.choosing import import_roads

WEST, SOUTH, STEP, SIDE = 121.40, 31.20, 0.005, 9
START = {"longitude": WEST + 0.0001, "latitude": SOUTH + 0.0001}
PLACES = {1: (2, 2), 2: (6, 2), 3: (2, 6), 4: (6, 6)}
"""Lots at crossings of the streets."""
MAP = "[data-testid=stDeckGlJsonChart]"


def streets() -> str:
    """A grid of streets."""
    lines = ["<osm version='0.6'>"]
    for row in range(SIDE):
        for column in range(SIDE):
            place = f"lat='{SOUTH + row * STEP:.6f}' lon='{WEST + column * STEP:.6f}'"
            lines.append(f"<node id='{row * SIDE + column + 1}' version='1' {place}/>")
    for line in range(SIDE):
        for is_row in (True, False):
            refs = [line * SIDE + k + 1 if is_row else k * SIDE + line + 1 for k in range(SIDE)]
            name = f"{'东西' if is_row else '南北'}{line}路"
            lines.append(f"<way id='{2 * line + is_row + 1}' version='1'>")
            lines += [f"<nd ref='{ref}'/>" for ref in refs]
            lines.append(f"<tag k='highway' v='residential'/><tag k='name' v='{name}'/></way>")
    return "\n".join([*lines, "</osm>"])


@pytest.fixture(scope="module")
def map_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Four lots with places at crossings of imported streets, one counted a moment ago."""
    home = tmp_path_factory.mktemp("map")
    settings = prepare_stores(home)
    fill_marts(settings)
    add_lots(settings, {1: 70, 2: 3})
    with ops_session(settings) as session:
        for lot_id, (column, row) in PLACES.items():
            lot = session.get_one(Lot, lot_id)
            lot.longitude, lot.latitude = WEST + column * STEP, SOUTH + row * STEP
            lot.address = f"南京西路 {lot_id} 号"
    file = Path(home) / "streets.osm"
    file.write_text(streets(), encoding="utf-8")
    import_roads(settings, file)
    with running(settings) as started:
        yield started


@pytest.fixture
def open_map(map_server: Server, new_context: Any, sign_in: Any) -> Any:
    """Opens the page; ``foreign`` gathers what was asked of any other server."""

    def open_one(path: str = "/cloud-map", **options: Any) -> tuple[Any, list[str]]:
        context = new_context(**options)
        page = context.new_page()
        foreign: list[str] = []
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith((map_server.url, "data:", "blob:")) else foreign.append(asked.url)
            ),
        )
        page.on("websocket", lambda opened: None if map_server.url[4:] in opened.url else foreign.append(opened.url))
        sign_in(page, map_server, path=path)
        page.locator(f"{MAP} canvas").last.wait_for()
        return page, foreign

    return open_one


def click_marker(page: Any, lot_id: int) -> None:
    """Click where the lot's marker stands in the first view, until its tile has come and the click is felt."""
    box = page.locator(f"{MAP} canvas").last.bounding_box()
    middle, zoom = around([place_of(one) for one in PLACES], USUAL_WIDTH, HEIGHT)
    (x, y), (middle_x, middle_y) = mercator(place_of(lot_id)), mercator(middle)
    pixels = 512 * 2**zoom
    left = box["x"] + box["width"] / 2 + (x - middle_x) * pixels
    top = box["y"] + box["height"] / 2 + (y - middle_y) * pixels
    for _ in range(40):
        page.mouse.move(left + 1, top)
        page.mouse.click(left, top)
        page.wait_for_timeout(750)
        if f"lot=lot-{lot_id}" in page.url:
            return
    raise AssertionError(f"no marker of lot {lot_id} at {left:.0f}, {top:.0f}")


def place_of(lot_id: int) -> Point:
    column, row = PLACES[lot_id]
    return Point(WEST + column * STEP, SOUTH + row * STEP)


def blue_pixels(page: Any) -> int:
    """How much of the map has the colour of the route."""
    shot = Image.open(io.BytesIO(page.locator(MAP).screenshot())).convert("RGB")
    wanted = (20, 86, 216)
    return sum(
        number
        for number, pixel in shot.getcolors(shot.width * shot.height)
        if all(abs(one - other) <= 6 for one, other in zip(pixel, wanted, strict=True))
    )


def test_a_click_on_a_marker_shows_the_lot_and_draws_the_way_and_no_other_server_is_asked(open_map: Any) -> None:
    page, foreign = open_map(permissions=["geolocation"], geolocation=START)
    page.get_by_role("button", name="使用我的位置").click()
    page.get_by_text("起点：我的位置").wait_for()
    without = blue_pixels(page)
    click_marker(page, 1)
    page.locator("[data-lot=lot-1].on").wait_for()
    details = page.locator(".st-key-card_map_facts")
    details.get_by_text("南京西路 1 号").wait_for()
    assert "70 / 106" in details.inner_text()
    page.get_by_text("公里").last.wait_for()
    steps = page.locator(".pc-steps li").all_inner_texts()
    assert steps[0].startswith("从")
    assert steps[-1] == "到达目的地"
    page.wait_for_timeout(1500)
    assert blue_pixels(page) > without + 1000
    link = page.locator(".pc-apps a").first
    assert link.get_attribute("href").startswith("https://uri.amap.com/navigation?")
    page.locator(".st-key-card_map_occupancy .js-plotly-plot").wait_for()
    assert foreign == []


def test_an_entry_of_the_list_selects_the_marker_and_a_reload_keeps_it(open_map: Any) -> None:
    page, foreign = open_map()
    page.get_by_role("button", name=f"查看 {LOT_NAMES[2]}").click(force=True)
    page.wait_for_url(re.compile("lot=lot-3"))
    page.reload()
    page.locator("[data-lot=lot-3].on").wait_for()
    page.locator(".st-key-card_map_route").get_by_text("设定起点后显示").wait_for()
    assert foreign == []


def test_a_refused_position_is_told_and_a_start_can_be_typed(open_map: Any) -> None:
    page, foreign = open_map()
    page.get_by_role("button", name="使用我的位置").click()
    page.get_by_text("浏览器未获允许提供位置").wait_for()
    page.get_by_role("button", name="选择起点").click()
    typed = page.get_by_placeholder("121.473700, 31.230400")
    typed.fill(f"{WEST + 3 * STEP:.6f}, {SOUTH:.6f}")
    typed.press("Enter")
    page.get_by_role("button", name="从这里出发").click()
    page.get_by_text("起点：121.415").wait_for()
    assert page.get_by_text("浏览器未获允许提供位置").count() == 0
    click_marker(page, 4)
    page.locator(".pc-steps li").last.wait_for()
    assert foreign == []
