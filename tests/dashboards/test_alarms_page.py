"""The page of alarms, run through the frame: what is open, acknowledging, rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.dashboards.conftest import OpenPage, Tenants, words
from tests.dashboards.test_settings_pages import buttons, cells, everything, press
from warehouse.ops.models import AlarmEpisode
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_by_login
from warehouse.services.alarms import acknowledge


def alarm(tenants: Tenants, lot_id: int | None, device_id: str = "C1", **more: object) -> int:
    with ops_session(tenants.settings) as session:
        values = {
            "source": "rule", "alarm_key": f"device_offline:{device_id}", "alarm_type": "device_offline",
            "level": "warning", "device_id": device_id, "device_type": "camera",
            "details": {"value": 25, "threshold": 10}, "raised_at": datetime.now(UTC) - timedelta(minutes=25),
            "seen_at": datetime.now(UTC), **more,
        }  # fmt: skip
        episode = AlarmEpisode(lot_id=lot_id, **values)
        session.add(episode)
        session.flush()
        return episode.episode_id


def test_the_list_holds_open_alarms_of_the_own_lots_with_what_they_say(open_page: OpenPage, tenants: Tenants) -> None:
    alarm(tenants, tenants.lot)
    alarm(tenants, tenants.foreign_lot, "FOREIGN")
    alarm(tenants, None, "", alarm_type="lander_stopped", level="critical")
    (row,) = cells(open_page("lot", "alarms"))
    assert row[:5] == ["警告", "own 停车场", "设备离线", "摄像机 · C1", "设备已离线 25 分钟"]
    assert row[6].startswith("25分钟")
    assert len(cells(open_page("admin", "alarms"))) == 3
    assert cells(open_page("lot", "alarms", language="en"))[0][4] == "offline for 25 minutes"


def test_acknowledging_opens_a_form_for_all_that_wait_and_the_list_shows_who_did(
    open_page: OpenPage, tenants: Tenants
) -> None:
    number = alarm(tenants, tenants.lot)
    alarm(tenants, tenants.lot, "C2")
    app = press(open_page("duty_manager", "alarms"), "alarms_acknowledge_all")
    assert "共 2 个警报" in everything(app)
    assert [area.label for area in app.text_area] == ["备注"]
    with ops_session(tenants.settings) as session:
        actor = actor_by_login(session, "duty_manager")
    acknowledge(tenants.settings, actor, [number], "已派人处理")
    said = {row[3]: row[7] for row in cells(open_page("duty_manager", "alarms"))}
    assert said["摄像机 · C1"].startswith("duty_manager 先生 ")
    assert [row[3] for row in cells(open_page("duty_manager", "alarms", alarm_seen="waiting"))] == ["摄像机 · C2"]


def test_who_may_only_look_has_no_button_to_acknowledge(open_page: OpenPage, tenants: Tenants) -> None:
    alarm(tenants, tenants.lot)
    assert not {"alarms_acknowledge", "alarms_acknowledge_all"} & buttons(open_page("booth_supervisor", "alarms"))
    assert {"alarms_acknowledge", "alarms_acknowledge_all"} <= buttons(open_page("engineer", "alarms"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_rules_of_a_place_are_listed_with_where_they_are_set(open_page: OpenPage, language: str) -> None:
    app = open_page("customer", "alarms", language=language, part="rules")
    everything(app)
    rows = cells(app)
    assert len(rows) == 10
    assert {row[5] for row in rows} == {"默认" if language == "zh" else "usual"}
    assert len(cells(open_page("admin", "alarms", part="rules"))) == 12


def test_a_foreign_place_in_the_address_falls_back_to_the_own(open_page: OpenPage, tenants: Tenants) -> None:
    app = open_page("customer", "alarms", part="rules", place=f"n{tenants.foreign_customer}")
    assert "other" not in words(app)
    assert len(cells(app)) == 10


def test_days_in_the_address_lead_to_the_records_of_these_days(open_page: OpenPage) -> None:
    assert "尚未发布数据" in words(open_page("admin", "alarms", period="today"))
    assert "尚未发布数据" not in words(open_page("admin", "alarms"))
