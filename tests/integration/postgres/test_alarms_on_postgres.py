"""Alarms on PostgreSQL: rules, episodes of a lot, messages, forgetting; as on SQLite."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from tests.unit.alarms.conftest import NOW, World, minutes
from tests.unit.security.tenants import fill_new
from warehouse.alarms.deliver import deliver_due
from warehouse.alarms.episodes import fold
from warehouse.alarms.evaluate import Evaluator
from warehouse.ops.models import AlarmDelivery, AlarmEpisode, UploadSlot
from warehouse.ops.session import ops_session
from warehouse.services.alarm_channels import ChannelForm, save_channel
from warehouse.services.alarms import AlarmFilter, acknowledge, count_open, list_alarms, news
from warehouse.services.listing import ListQuery
from warehouse.settings import Settings


def test_an_alarm_is_raised_told_acknowledged_recovers_and_is_forgotten(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(home=tmp_path, ops_url=postgres_url, webhook_networks="127.0.0.0/8")
    world = World(fill_new(settings), Evaluator(settings))
    sun = world.tenants.actor("sun")
    place = f"n{world.tenants.nodes['sun']}"
    save_channel(settings, sun, place, ChannelForm("a", "webhook", url="http://127.0.0.1:9/", fold_seconds=0))
    world.heard("S-2", "M-1")
    world.heard("S-1", ago=11)
    world.device("S-2", "C1", ago=20)
    world.free("M-1", -3)
    world.opened("S-2", 10)
    with ops_session(settings) as session:
        session.add(UploadSlot(lot_id=world.lot("S-1"), slot_started_at=NOW - timedelta(days=2), records=1))
        row = {
            "lot_id": world.lot("S-1"), "record_id": "r", "revision": 0, "is_void": False, "alarm_id": "A",
            "event": "raised", "occurred_at": NOW, "alarm_type": "tailgating", "level": "info", "device_id": None,
            "device_type": None, "gate_id": "1", "message": "跟车",
        }  # fmt: skip
        fold(session, [row], NOW)
        fold(session, [{**row, "record_id": "s", "event": "recovered", "occurred_at": NOW + minutes(1)}], NOW)
    found = world.check()
    assert (found.raised, found.notices) == (4, 3), "the tailgating is below the channel's level"
    assert world.open() == {
        ("S-1", "lot_silent"), ("S-2", "device_offline:C1"), ("S-2", "abnormal_opening:1"),
        ("M-1", "free_count_impossible"),
    }  # fmt: skip
    (sent,) = deliver_due(settings, NOW)
    assert sent.error is not None
    with ops_session(settings) as session:
        assert session.scalars(select(AlarmDelivery.state)).all() == ["waiting"]
        assert session.scalars(select(UploadSlot)).all() == []
    assert news(settings, sun, 0).count == 3
    assert count_open(settings, sun) == ({"info": 0, "warning": 2, "critical": 1}, 3)
    rows = list_alarms(settings, sun, ListQuery(), AlarmFilter()).rows
    assert acknowledge(settings, sun, [one.episode_id for one in rows], "好") == 3
    world.heard("S-1")
    assert world.check().recovered == 1
    world.now += timedelta(days=91)
    world.check()
    with ops_session(settings) as session:
        kinds = set(session.scalars(select(AlarmEpisode.alarm_key).where(AlarmEpisode.recovered_at.is_not(None))))
    assert "A" not in kinds
    world.evaluator.close()
