"""The cloud map: which lots stand on it and in its list, how they are gathered, and what their colours say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from dashboards.gate import Gate
from dashboards.map import markers
from dashboards.map.land import land
from dashboards.map.lots import MapLots, Shown
from dashboards.map.routes import routes
from dashboards.requests import session_cookie
from dashboards.texts import Texts
from dashboards.theme import GREEN, GREY, ORANGE, RED
from tests.dashboards.conftest import OpenPage, Tenants, words
from warehouse.geography.coordinates import Datum, Point
from warehouse.ops.models import Area, AreaCapacity, AreaFreeSpaces, GuidanceShown, Lot, LotLive, LotTariff
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_by_login
from warehouse.services.live import LotFreeSpaces
from warehouse.services.map_lots import MapLot

WORDS = Texts("zh")
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
TARIFF = {"version": 1, "name": "标准", "plans": [{"days": [{"pricing": {"kind": "per_entry", "price": "5.00"}}]}]}


def lot(number: int, place: Point | None, spaces: int | None = 100) -> MapLot:
    return MapLot(number, f"lot-{number}", f"{number}号场", None, None, "Asia/Shanghai", place, spaces, f"{number}号场")


def tile_of(lots: list[MapLot], zoom: int, column: int, row: int, counts: dict[int, LotFreeSpaces] | None = None):
    shown = Shown(lots, counts or {})
    cells = markers.split(markers.placed(shown, Datum.WGS84), zoom)
    return markers.features(shown, cells.get((column, row), []), zoom, WORDS)["features"]


@pytest.mark.parametrize(
    ("free", "total", "colour"), [(None, 100, GREY), (0, 100, RED), (5, 100, RED), (10, 100, ORANGE), (30, 100, GREEN)]
)
def test_the_colour_tells_the_share_of_free_spaces(free: int | None, total: int, colour: str) -> None:
    assert markers.colour(free, total) == colour


def test_a_lot_without_a_fresh_count_is_grey_with_a_question_mark() -> None:
    (feature,) = tile_of([lot(1, Point(121.5, 31.2))], 0, 0, 0)
    assert feature["properties"]["label"] == "?"
    assert feature["properties"]["colour"] == markers.channels(GREY)


@given(
    places=st.lists(st.builds(Point, st.floats(-179, 179), st.floats(-80, 80)), min_size=1, max_size=150),
    zoom=st.integers(0, 4),
)
def test_each_lot_stands_on_exactly_one_tile_of_each_zoom(places: list[Point], zoom: int) -> None:
    lots = [lot(number, place) for number, place in enumerate(places)]
    found = 0
    for column in range(2**zoom):
        for row in range(2**zoom):
            for feature in tile_of(lots, zoom, column, row):
                properties = feature["properties"]
                found += 1 if "lot" in properties else int(properties["label"])
    assert found == len(lots)


def test_many_lots_are_gathered_from_afar_and_each_has_its_marker_from_near() -> None:
    lots = [lot(number, Point(121.5 + number * 1e-4, 31.2)) for number in range(200)]
    far = tile_of(lots, 3, 6, 3, {number: LotFreeSpaces(number, 50, 100, "live", NOW) for number in range(200)})
    assert [feature["properties"]["label"] for feature in far] == ["200"]
    assert far[0]["properties"]["colour"][:3] == markers.channels(GREEN)[:3]
    zoom = markers.CLOSEST
    columns = {int(place[0] * 2**zoom) for _lot, place in markers.placed(Shown(lots, {}), Datum.WGS84)}
    row = int(markers.placed(Shown(lots, {}), Datum.WGS84)[0][1][1] * 2**zoom)
    near = [feature for column in columns for feature in tile_of(lots, zoom, column, row)]
    assert {feature["properties"]["lot"] for feature in near} == {one.code for one in lots}


def test_few_lots_are_never_gathered() -> None:
    lots = [lot(number, Point(121.5, 31.2)) for number in range(5)]
    assert len(tile_of(lots, 0, 0, 0)) == 5


def test_the_base_map_has_land_and_its_lakes() -> None:
    told = land()
    assert any(len(polygon) > 1 for polygon in told["coarse"]["coordinates"])
    assert all(ring[0] == ring[-1] for polygon in told["fine"]["coordinates"] for ring in polygon)


def test_the_map_reads_the_counts_of_lots_heard_since_and_keeps_what_a_page_draws(tenants: Tenants) -> None:
    with ops_session(tenants.settings) as session:
        actor = actor_by_login(session, "admin")
    held = MapLots(tenants.settings)
    before = held.of(actor)
    now = datetime.now(UTC)
    with ops_session(tenants.settings) as session:
        session.add(LotLive(lot_id=tenants.lot, received_at=now))
        session.add(AreaFreeSpaces(lot_id=tenants.lot, area_id="", counted_at=now, free_spaces=9, total_spaces=10))
    held._changes_read = float("-inf")
    after = held.of(actor)
    assert after.counts[tenants.lot].free_spaces == 9
    assert before.counts[tenants.lot].free_spaces is None
    assert after.version != before.version
    held._changes_read = float("-inf")
    assert held.of(actor).revision == after.revision


@pytest.fixture
def furnished(tenants: Tenants) -> Tenants:
    """Both lots have a place, spaces and a tariff; the own one counted lately, with an area."""
    with ops_session(tenants.settings) as session:
        for lot_id, longitude in ((tenants.lot, 121.47), (tenants.foreign_lot, 121.48)):
            row = session.get_one(Lot, lot_id)
            row.longitude, row.latitude, row.address = longitude, 31.23, "南京西路 1 号"
            session.add(AreaCapacity(lot_id=lot_id, area_id=None, valid_from=date(2020, 1, 1), spaces=80))
            session.add(
                LotTariff(
                    lot_id=lot_id,
                    name="标准",
                    valid_from=date(2020, 1, 1),
                    document=TARIFF,
                    created_at=datetime.now(UTC),
                )
            )
        session.add(Area(lot_id=tenants.lot, area_id="B1", name="地下一层"))
        session.add(AreaCapacity(lot_id=tenants.lot, area_id="B1", valid_from=date(2020, 1, 1), spaces=50))
        session.flush()
        counted_at = datetime.now(UTC) - timedelta(minutes=3)
        session.add(
            AreaFreeSpaces(lot_id=tenants.lot, area_id="", counted_at=counted_at, free_spaces=42, total_spaces=80)
        )
    return tenants


def test_the_list_tells_free_spaces_their_age_and_the_fee_of_own_lots_only(
    furnished: Tenants, open_page: OpenPage
) -> None:
    said = words(open_page("agent", "cloud_map"))
    assert "own 停车场" in said
    assert "42" in said
    assert "3 分钟前" in said
    assert "每次停车 5.00 元" in said
    assert "other 停车场" not in said


def test_the_lot_in_the_address_is_shown_in_detail(furnished: Tenants, open_page: OpenPage) -> None:
    said = words(open_page("agent", "cloud_map", lot="own-lot"))
    assert "南京西路 1 号" in said
    assert "地下一层" in said
    assert "尚未发布此停车场的数据" in said


def test_a_full_lot_shows_where_its_displays_point_to_but_for_lots_of_strangers(
    furnished: Tenants, open_page: OpenPage
) -> None:
    now = datetime.now(UTC)
    there = {"free_spaces": 7, "distance_metres": 950, "longitude": 121.48, "latitude": 31.23}
    with ops_session(furnished.settings) as session:
        names = {lot.lot_id: lot.name for lot in session.scalars(select(Lot))}
        for lot_id, other in ((furnished.lot, furnished.foreign_lot), (furnished.foreign_lot, furnished.lot)):
            session.add(
                GuidanceShown(
                    lot_id=lot_id,
                    region="黄浦区",
                    shown_at=now,
                    renewed_at=now,
                    free_spaces=0,
                    total_spaces=80,
                    neighbours=[{"lot_id": other, "code": "x", "name": names[other], **there}],
                )
            )
    said = words(open_page("admin", "cloud_map", lot="own-lot"))
    assert "引导至" in said
    assert "950" in said
    assert f"当前引导车辆前来的停车场:{names[furnished.foreign_lot]}" in said
    said = words(open_page("agent", "cloud_map", lot="own-lot"))
    assert names[furnished.foreign_lot] not in said
    assert "引导至" not in said


def test_a_foreign_lot_in_the_address_is_not_shown(furnished: Tenants, open_page: OpenPage) -> None:
    said = words(open_page("agent", "cloud_map", lot="other-lot"))
    assert "地图上没有停车场 other-lot" in said


def test_a_search_without_a_hit_says_so(furnished: Tenants, open_page: OpenPage) -> None:
    assert "没有符合的停车场" in words(open_page("agent", "cloud_map", q="火星"))


def test_a_click_in_the_list_selects_the_lot_and_writes_it_into_the_address(
    furnished: Tenants, open_page: OpenPage
) -> None:
    app = open_page("agent", "cloud_map")
    app.button(key=f"cloud_map_choose_{furnished.lot}").click().run()
    assert "own-lot" in app.query_params["lot"]
    assert "地下一层" in words(app)


def test_tiles_hold_the_lots_of_whoever_asks_and_nothing_without_a_login(
    furnished: Tenants, open_page: OpenPage
) -> None:
    open_page("agent", "cloud_map")  # signs in
    app = Starlette(routes=routes(furnished.settings), middleware=[Middleware(Gate, settings=furnished.settings)])
    client = TestClient(app, follow_redirects=False)
    assert client.get("/map/lots/0/0/0.json").status_code == 401
    assert client.get("/map/style.json").status_code == 401
    client.cookies.set(session_cookie(furnished.settings), "agent-token")
    told = client.get("/map/lots/0/0/0.json").json()
    assert [feature["properties"]["lot"] for feature in told["features"]] == ["own-lot"]
    assert client.get("/map/lots/0/0/0.json", params={"q": "nothing"}).json()["features"] == []
    for odd in ("1/7/0", f"1/{'9' * 5000}/0", f"{'9' * 5000}/0/0", "-1/0/0", "x/0/0", "٣/0/0"):
        assert client.get(f"/map/lots/{odd}.json").status_code == 404
        assert client.get(f"/map/tiles/0/{odd}").status_code == 404
    assert client.get("/map/style.json", params={"theme": "dark"}).json()["version"] == 8
