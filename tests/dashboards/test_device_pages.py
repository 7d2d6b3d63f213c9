"""Device pages: what is so at this moment stands beside what was published, and a silent lot's devices are unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.dashboards.conftest import OpenPage, Tenants, plant, words
from tests.integration.reports.lake import Lake, utc
from warehouse.ops.models import DeviceLive, Lot, LotLive, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.services.devices_live import UNKNOWN, VOUCHED_FOR, count_device_states, device_states_of
from warehouse.settings import Settings

NOW = datetime.now(UTC)


def report_device(
    session: Session, lot_id: int, device_id: str, state: str, minutes_ago: float, now: datetime = NOW
) -> None:
    at = now - timedelta(minutes=minutes_ago)
    session.add(DeviceLive(lot_id=lot_id, device_id=device_id, device_type="camera", state=state, reported_at=at))
    session.flush()


def beat(session: Session, lot_id: int, minutes_ago: float, now: datetime = NOW) -> None:
    at = now - timedelta(minutes=minutes_ago)
    session.merge(LotLive(lot_id=lot_id, received_at=at, heartbeat_at=at))
    session.flush()


def test_a_lot_vouches_for_its_devices_until_its_heartbeat_stops(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="p"))
        session.flush()
        session.add_all(Lot(lot_id=lot_id, customer_id=1, code=f"L{lot_id}", name="L") for lot_id in (1, 2))
        session.flush()
        for lot_id in (1, 2):
            report_device(session, lot_id, "C1", "online", 600)
            report_device(session, lot_id, "C2", "offline", 300)
        beat(session, 1, 2)
        beat(session, 2, VOUCHED_FOR.total_seconds() / 60 + 1)
        keys = {(lot, device) for lot in (1, 2) for device in ("C1", "C2", "C3")}
        found = device_states_of(session, keys, NOW)
        assert found[1, "C1"].state == "online"
        assert found[1, "C1"].last_seen == NOW - timedelta(minutes=2)
        assert found[1, "C2"].state == "offline"
        assert found[1, "C2"].last_seen == NOW - timedelta(minutes=300)
        assert {found[2, device].state for device in ("C1", "C2")} == {UNKNOWN}
        assert (1, "C3") not in found
        assert count_device_states(session, None, "camera", NOW) == {"online": 1, "offline": 1, UNKNOWN: 2}
        assert count_device_states(session, [1], "camera", NOW) == {"online": 1, "offline": 1, UNKNOWN: 0}
        assert count_device_states(session, [], "camera", NOW) == {}
        assert count_device_states(session, None, "display", NOW) == {}


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    """Two cameras with one address in the own lot, and one in the foreign lot, published."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("devices") / "home"))
    tenants = plant(lake.settings)
    lake.add(
        "dim_lot",
        [
            {
                "lot_id": lot_id, "code": code, "name": code, "time_zone": "Asia/Shanghai", "cutover_minutes": 0,
                "is_test": False, "is_void": False,
            }
            for lot_id, code in ((tenants.lot, "own-lot"), (tenants.foreign_lot, "other-lot"))
        ],
    )  # fmt: skip
    lake.add(
        "dim_device",
        [
            {
                "lot_id": lot_id, "device_id": device, "device_type": "camera", "number": device,
                "name": f"相机{device}",
                "ip": "192.168.1.9", "state": "online", "reported_at": utc("2019-05-08 08:00:00"),
            }
            for lot_id, device in ((tenants.lot, "C1"), (tenants.lot, "C2"), (tenants.foreign_lot, "C3"))
        ],
    )  # fmt: skip
    for start, end, state in (("07", "08", "online"), ("08", "09", "online"), ("09", "12", "fault")):
        lake.add(
            "fct_device_interval",
            [
                {
                    "lot_id": tenants.lot, "business_date": "2019-05-08", "device_id": "C1", "device_type": "camera",
                    "state": state, "started_at": utc(f"2019-05-08 {start}:00:00"),
                    "ended_at": utc(f"2019-05-08 {end}:00:00"),
                }
            ],
        )  # fmt: skip
    lake.add(
        "rpt_device_day",
        [
            {
                "lot_id": tenants.lot, "business_date": "2019-05-08", "device_id": "C1", "device_type": "camera",
                "online_seconds": 7200, "offline_seconds": 0, "fault_seconds": 10800, "unknown_seconds": 68400,
            }
        ],
    )  # fmt: skip
    lake.publish()
    now = datetime.now(UTC)  # the page looks at the clock
    with ops_session(tenants.settings) as session:
        report_device(session, tenants.lot, "C1", "fault", 5, now)
        report_device(session, tenants.lot, "C2", "online", 500, now)
        beat(session, tenants.lot, 400, now)
    return tenants


def test_the_page_shows_the_present_state_beside_the_published_one(open_page: OpenPage) -> None:
    said = words(open_page("customer", "cameras"))
    assert "相机C1" in said
    assert "相机C3" not in said
    assert "<span class='pc-badge warning'>故障</span>" in said
    assert "<span class='pc-badge other'>未知</span>" in said
    assert "5 分钟前" in said
    assert "device=own-lot/C1" in said


def test_devices_with_one_address_in_one_lot_are_found(open_page: OpenPage) -> None:
    said = words(open_page("admin", "cameras", repeated="yes"))
    assert "相机C1" in said
    assert "相机C3" not in said


def test_the_drawer_tells_days_and_changes_of_one_device(open_page: OpenPage) -> None:
    app = open_page("customer", "cameras", device="own-lot/C1")
    assert not app.exception
    said = " ".join(element.proto.body for element in app.get("html"))
    assert "状态变化" in said
    assert "2019-05-08 09:00:00" in said
    assert "2小时0分钟0秒" in said  # two stretches of online that touch are one
    assert "8.33%" in said
    assert "您无权查看" in words(open_page("customer", "cameras", device="other-lot/C3"))
