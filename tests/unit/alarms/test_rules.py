"""Each rule of the platform: when it raises, when it recovers, and when nothing can be said."""

from __future__ import annotations

import os
import threading
from datetime import date, timedelta

import pytest

from ingest.lander import HEARTBEAT
from tests.unit.alarms.conftest import NOW, World, minutes
from warehouse.alarms.evaluate import Evaluator, follow
from warehouse.alarms.expectations import Expectations, shares_of_windows, thin_window
from warehouse.alarms.platform import ALIVE
from warehouse.alarms.words import sentence
from warehouse.ops.models import AlarmWatch, UploadSlot
from warehouse.ops.session import ops_session
from warehouse.reports.forecast import NearlyFull

ALL = ("S-1", "S-2", "M-1")


def test_a_lot_that_falls_silent_raises_once_and_each_silence_anew(world: World) -> None:
    world.heard(*ALL)
    assert world.check().broken == 0
    world.now += minutes(11)
    world.heard("S-2", "M-1")
    assert world.check().raised == 1
    assert world.open() == {("S-1", "lot_silent")}
    world.heard("S-2", "M-1")
    assert (world.check(1).raised, world.check(1).raised) == (0, 0)
    world.heard("S-1")
    assert world.check().recovered == 1
    world.now += minutes(12)
    world.heard("S-2", "M-1")
    assert world.check().raised == 1
    first, second = world.episodes()
    assert first.recovered_at is not None
    assert (second.alarm_key, second.recovered_at) == ("lot_silent", None)


def test_a_lot_that_never_connected_and_one_that_is_void_raise_nothing(world: World) -> None:
    world.heard("S-2", ago=0)
    world.heard("M-1", ago=99)
    world.licence("M-1", is_void=True)
    assert world.check().broken == 0


def test_the_devices_of_a_silent_lot_are_unknown_and_raise_nothing_of_their_own(world: World) -> None:
    world.heard(*ALL)
    world.device("S-1", "C1", ago=5)
    world.device("S-1", "C2", "online")
    assert world.check().raised == 0
    assert world.check(6).raised == 1
    assert world.open() == {("S-1", "device_offline:C1")}
    world.now += minutes(30)
    world.heard("S-2", "M-1")
    world.device("S-1", "C2", ago=25)
    world.check()
    assert world.open() == {("S-1", "device_offline:C1"), ("S-1", "lot_silent")}, "C1 is neither raised nor recovered"
    world.heard("S-1")
    world.device("S-1", "C1", "online")
    world.check()
    assert world.open() == {("S-1", "device_offline:C2")}


def test_an_offline_device_counts_from_its_first_word_however_often_the_lot_repeats_it(world: World) -> None:
    world.heard(*ALL)
    for _ in range(3):
        world.device("S-1", "C1")
        world.check(4)
        world.heard(*ALL)
    assert world.open() == {("S-1", "device_offline:C1")}


def test_when_every_lot_is_silent_the_platform_raises_one_alarm(world: World) -> None:
    world.heard(*ALL, ago=20)
    assert world.check().raised == 1
    assert world.open() == {("", "all_silent")}
    assert world.uploads() == [], "the platform is no lot of the reports"
    world.heard("S-1", "S-2")
    world.check()
    assert world.open() == {("M-1", "lot_silent")}


def test_a_lander_that_stands_still_raises_one_alarm_and_nothing_is_said_about_lots(world: World) -> None:
    world.heard(*ALL)
    world.device("S-1", "C1", ago=20)
    world.check()
    assert world.open() == {("S-1", "device_offline:C1")}
    folder = world.tenants.settings.journal_path / "sealed"
    folder.mkdir(parents=True)
    waiting = folder / "0001.ndjson"
    waiting.write_text("")
    world.now += minutes(30)
    os.utime(waiting, (then := (world.now - minutes(20)).timestamp(), then))
    world.check()
    assert world.open() == {("", "lander_stopped"), ("S-1", "device_offline:C1")}
    waiting.unlink()
    world.heard(*ALL)
    world.check()
    assert world.open() == {("S-1", "device_offline:C1")}


def test_an_old_sign_of_life_counts_as_stopped_unless_a_lot_is_heard_all_the_same(world: World) -> None:
    assert ALIVE == HEARTBEAT
    world.heard(*ALL, ago=8)
    world.tenants.settings.journal_path.mkdir(parents=True)
    alive = world.tenants.settings.journal_path / ALIVE
    alive.touch()
    os.utime(alive, (then := (world.now - minutes(9)).timestamp(), then))
    world.check()
    assert world.open() == {("", "lander_stopped")}
    assert world.episodes()[0].details == {"threshold": 5, "value": 8}
    world.heard("S-1")
    world.check()
    assert world.open() == set()


def test_silence_before_anybody_listened_is_not_held_against_a_lot(world: World) -> None:
    world.heard(*ALL, ago=500)
    world.heard("S-2")
    evaluator = Evaluator(world.tenants.settings, watching_since=world.now)
    assert evaluator.check(world.now).raised == 0
    world.heard("S-2", ago=-11)
    assert evaluator.check(world.now + minutes(11)).raised == 2
    evaluator.close()


def test_a_backlog_that_grows_and_never_shrinks_raises(world: World) -> None:
    world.rule("backlog_growing", 15, node="platform")
    for pending in (10, 20, 20, 90):
        world.heard(*ALL)
        world.heard("S-1", pending_records=pending)
        world.check(9)
    assert world.open() == {("S-1", "backlog_growing")}
    world.heard(*ALL)
    world.heard("S-1", pending_records=80)
    world.check()
    assert world.open() == set()
    with ops_session(world.tenants.settings) as session:
        assert session.query(AlarmWatch).one().since is None
    world.heard("S-1", pending_records=0)
    world.check()
    with ops_session(world.tenants.settings) as session:
        assert session.query(AlarmWatch).count() == 0


@pytest.mark.parametrize(
    ("free", "total", "raises"), [(-1, 100, True), (101, 100, True), (100, 100, False), (5, None, False)]
)
def test_a_free_count_below_zero_or_above_the_spaces_raises(
    world: World, free: int, total: int | None, raises: bool
) -> None:
    world.heard(*ALL)
    world.free("S-1", free, total)
    world.check()
    assert world.open() == ({("S-1", "free_count_impossible")} if raises else set())


def test_openings_by_hand_count_within_an_hour_and_by_gate(world: World) -> None:
    world.heard(*ALL)
    world.opened("S-1", 6, gate="1")
    world.opened("S-1", 6, gate="2")
    world.opened("S-1", 9, ago=70, gate="1")
    world.check()
    assert world.open() == set()
    world.opened("S-1", 4, ago=1, gate="2")
    world.check()
    assert world.open() == {("S-1", "abnormal_opening:2")}
    assert world.episodes()[0].gate_id == "2"
    world.now += minutes(61)
    world.heard(*ALL)
    world.check()
    assert world.open() == set()


def test_a_clock_that_drifts_and_a_licence_that_ends_raise(world: World) -> None:
    world.heard(*ALL)
    world.heard("S-1", clock_drift_seconds=-121.0)
    world.heard("S-2", clock_drift_seconds=120.0)
    world.licence("M-1", licence_to=date(2026, 3, 5) + timedelta(days=30))
    world.licence("S-2", licence_to=date(2026, 3, 5) + timedelta(days=31))
    world.check()
    assert world.open() == {("S-1", "clock_drift"), ("M-1", "licence_ending")}
    said = {
        episode.alarm_key: sentence(episode.alarm_type, episode.details, None, "zh") for episode in world.episodes()
    }
    assert said == {"clock_drift": "场端时钟偏差 -121 秒", "licence_ending": "授权于 2026-04-04 到期，剩 30 天"}


def test_the_nearest_setting_wins_and_a_rule_can_be_off_for_one_lot(world: World) -> None:
    world.heard(*ALL, ago=20)
    world.rule("all_silent", 3, node="platform", is_enabled=False)
    world.rule("lot_silent", 60, node="platform")
    world.rule("lot_silent", 15, node="east", level="info")
    world.rule("lot_silent", 15, lot="S-2", is_enabled=False)
    world.check()
    assert world.open() == {("S-1", "lot_silent")}
    assert world.episodes()[0].level == "info"


def test_each_alarm_of_a_lot_reaches_the_reports_as_two_records(world: World) -> None:
    world.heard("S-2", "M-1")
    world.heard("S-1", ago=11)
    world.check()
    world.heard("S-1")
    world.check(1)
    raised, recovered = world.uploads()
    number = world.episodes()[0].episode_id
    assert raised == {
        "kind": "alarm", "record_id": f"park-{number}-raised", "occurred_at": NOW.isoformat(),
        "alarm_id": f"park-{number}", "event": "raised", "alarm_type": "lot_silent", "level": "critical",
        "message": "已 11 分钟没有任何上传",
    }  # fmt: skip
    assert (recovered["alarm_id"], recovered["event"]) == (f"park-{number}", "recovered")


def test_the_shortest_window_with_enough_expected_counts() -> None:
    now = NOW + minutes(32)
    shares, received = shares_of_windows(now, NOW - timedelta(days=1)), (2, 4, 6, 12)
    busy = thin_window(shares, (120, 240), received)
    assert busy is not None
    assert (busy.minutes, busy.expected, busy.received) == (10, 40, 2)
    quiet = thin_window(shares, (20, 30), received)
    assert quiet is not None
    assert (quiet.minutes, quiet.expected, quiet.received) == (60, 25, 12)
    assert thin_window(shares, (1, 1), received) is None
    assert shares_of_windows(now, now - minutes(5)) == [], "nothing was counted so long ago"


def test_a_thin_hour_raises_and_recovers_by_the_lots_own_history(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {world.lot("S-1"): (600.0, 600.0), world.lot("M-1"): (6.0, 6.0)}
    monkeypatch.setattr(Expectations, "uploads", lambda _self, _now: usual)
    world.heard(*ALL)

    def send(records: int, ago: float) -> None:
        with ops_session(world.tenants.settings) as session:
            session.add(UploadSlot(lot_id=world.lot("S-1"), slot_started_at=world.now - minutes(ago), records=records))

    send(50, 60)
    send(50, 10)
    send(0, 5)
    world.check()
    assert world.open() == set()
    world.now += minutes(10)
    world.heard(*ALL)
    send(10, 5)
    world.check()
    assert world.open() == {("S-1", "thin_hour")}
    details = world.episodes()[0].details
    assert details == {"threshold": 30, "value": 10, "expected": 100, "minutes": 10}


def test_a_lot_that_is_forecast_to_fill_raises_until_the_forecast_says_otherwise(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[NearlyFull] | None = [NearlyFull(world.lot("S-1"), "S-1", 90, 97, 100, world.now)]
    monkeypatch.setattr(Expectations, "filling", lambda _self, _now: told)
    world.heard(*ALL)
    world.check()
    assert world.open() == {("S-1", "about_to_fill")}
    episode = world.episodes()[0]
    assert sentence(episode.alarm_type, episode.details, None, "en") == (
        "about 97 cars expected in an hour on 100 spaces, 90 now"
    )
    told = None  # the published data are too old to say anything
    world.check(1)
    assert world.open() == {("S-1", "about_to_fill")}
    world.rule("about_to_fill", 98, lot="S-1")
    told = [NearlyFull(world.lot("S-1"), "S-1", 90, 97, 100, world.now)]
    world.check(1)
    assert world.open() == set()


def test_following_evaluates_until_it_is_stopped(world: World) -> None:
    settings = world.tenants.settings.model_copy(update={"alarm_interval_seconds": 0.05})
    world.heard(*ALL)
    world.licence("S-1", licence_to=date(2026, 1, 1))
    stop, told = threading.Event(), []
    follow(settings, stop, lambda found: (told.append(found.raised), stop.set()))
    assert told == [1]
