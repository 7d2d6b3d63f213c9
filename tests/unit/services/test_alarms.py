"""Alarms and rules as people work with them: who sees and sets what, and what the operator log keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.alarms.kinds import KINDS
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AlarmEpisode, AlarmNote
from warehouse.ops.session import ops_session
from warehouse.services.alarm_rules import RuleForm, RuleRow, list_rules, reset_rule, save_rule
from warehouse.services.alarms import (
    AlarmFilter,
    acknowledge,
    count_open,
    get_alarm,
    list_alarms,
    news,
)
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery

NOW = datetime(2026, 3, 5, 3, tzinfo=UTC)


@pytest.fixture
def there(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path / "home")


def alarm(there: Tenants, code: str | None, level: str = "warning", *, recovered: bool = False) -> int:
    with ops_session(there.settings) as session:
        episode = AlarmEpisode(
            source="rule",
            lot_id=None if code is None else there.lots[code],
            alarm_key="lot_silent",
            alarm_type="lot_silent",
            level=level,
            details={"value": 12, "threshold": 10},
            raised_at=NOW - timedelta(minutes=5),
            recovered_at=NOW if recovered else None,
            seen_at=NOW,
        )
        session.add(episode)
        session.flush()
        return episode.episode_id


def seen(there: Tenants, login: str, wanted: AlarmFilter | None = None) -> list[int]:
    found = list_alarms(there.settings, there.actor(login), ListQuery(sort="raised_at"), wanted or AlarmFilter())
    return sorted(row.episode_id for row in found.rows)


def test_everybody_sees_the_alarms_of_the_own_lots_and_the_platform_its_own(there: Tenants) -> None:
    platform, sun, moon = alarm(there, None), alarm(there, "S-1", "critical"), alarm(there, "M-1")
    assert seen(there, "admin") == [platform, sun, moon]
    assert seen(there, "east") == seen(there, "sun") == seen(there, "sun-lot") == [sun]
    assert seen(there, "moon-lot") == [moon]
    with pytest.raises(Forbidden):
        seen(there, "sun-finance")
    assert count_open(there.settings, there.actor("sun")) == ({"info": 0, "warning": 0, "critical": 1}, 1)
    for login, episode in (("sun", moon), ("sun", platform), ("moon", sun)):
        with pytest.raises(Forbidden):
            get_alarm(there.settings, there.actor(login), episode)
        with pytest.raises(Forbidden):
            acknowledge(there.settings, there.actor(login), [episode], "")


def test_filters_narrow_the_list(there: Tenants) -> None:
    first, second = alarm(there, "S-1", "critical"), alarm(there, "S-2", recovered=True)
    assert seen(there, "sun") == [first]
    assert seen(there, "sun", AlarmFilter("recovered")) == [second]
    assert seen(there, "sun", AlarmFilter("all")) == [first, second]
    assert seen(there, "sun", AlarmFilter("all", lot_code="S-2")) == [second]
    assert seen(there, "sun", AlarmFilter("all", level="critical")) == [first]
    assert seen(there, "sun", AlarmFilter("all", alarm_type="clock_drift")) == []
    acknowledge(there.settings, there.actor("sun"), [first], "")
    assert seen(there, "sun", AlarmFilter("all", only_waiting=True)) == [second]


def test_the_first_acknowledgement_stands_and_notes_are_added_in_order(there: Tenants) -> None:
    episode = alarm(there, "S-1")
    assert acknowledge(there.settings, there.actor("sun"), [episode], " 已派人 ", now=NOW) == 1
    with pytest.raises(InvalidFields):
        acknowledge(there.settings, there.actor("sun-lot"), [episode], "")
    acknowledge(there.settings, there.actor("sun-lot"), [episode], "已修好")
    row, notes = get_alarm(there.settings, there.actor("east"), episode)
    assert (row.acknowledged_by, row.acknowledged_at) == ("sun 姓名", NOW)
    assert [(note.operator_name, note.note) for note in notes] == [("sun 姓名", "已派人"), ("sun-lot 姓名", "已修好")]
    assert row.said("en") == "nothing uploaded for 12 minutes"
    entries = [entry for entry in there.log("alarms.edit") if entry.outcome != "refused"]
    assert [(entry.entity, entry.lot_id, entry.after) for entry in entries] == [
        ("alarm", there.lots["S-1"], {"acknowledged_by": "sun 姓名", "note": "已派人"}),
        ("alarm", there.lots["S-1"], {"note": "已修好"}),
    ]


def test_nothing_is_acknowledged_when_one_of_the_chosen_is_not_ones_own(there: Tenants) -> None:
    own, foreign = alarm(there, "S-1"), alarm(there, "M-1")
    with pytest.raises(Forbidden):
        acknowledge(there.settings, there.actor("sun"), [own, foreign], "x")
    with pytest.raises(InvalidFields):
        acknowledge(there.settings, there.actor("sun"), [], "x")
    with ops_session(there.settings) as session:
        assert session.scalars(select(AlarmNote)).all() == []


def test_news_are_the_open_alarms_of_the_own_lots_since_the_last_look(there: Tenants) -> None:
    alarm(there, "S-1")
    begun = news(there.settings, there.actor("sun"), None)
    assert begun.rows == []
    alarm(there, "M-1")
    alarm(there, "S-2", recovered=True)
    after = news(there.settings, there.actor("sun"), begun.newest_id)
    assert (after.rows, after.count) == ([], 0)
    made = [alarm(there, "S-2") for _ in range(5)]
    found = news(there.settings, there.actor("sun"), after.newest_id)
    assert ([row.episode_id for row in found.rows], found.count) == (made[:1:-1], 5)
    assert news(there.settings, there.actor("sun"), found.newest_id).count == 0


def rule(there: Tenants, login: str, place: str, kind: str = "lot_silent") -> RuleRow:
    return next(row for row in list_rules(there.settings, there.actor(login), place) if row.kind == kind)


def test_a_rule_is_set_and_taken_back_for_a_place_and_the_nearest_one_shows(there: Tenants) -> None:
    east, lot = f"n{there.nodes['east']}", f"l{there.lots['S-1']}"
    assert (rule(there, "sun", lot).origin, rule(there, "sun", lot).threshold) == ("usual", 10)
    save_rule(there.settings, there.actor("east"), east, "lot_silent", RuleForm(True, 30, "warning"))
    shown = rule(there, "sun", lot)
    assert (shown.origin, shown.origin_name, shown.threshold, shown.level) == ("above", "east 名称", 30, "warning")
    save_rule(there.settings, there.actor("sun"), lot, "lot_silent", RuleForm(False, 20, "info"))
    shown = rule(there, "sun", lot)
    assert (shown.origin, shown.threshold, shown.is_enabled) == ("here", 20, False)
    reset_rule(there.settings, there.actor("sun"), lot, "lot_silent", shown.version)
    assert rule(there, "sun", lot).threshold == 30
    assert [entry.after for entry in there.log("alarms.edit")] == [
        {"is_enabled": True, "threshold": 30, "level": "warning"},
        {"is_enabled": False, "threshold": 20, "level": "info"},
        None,
    ]


def test_nobody_sets_rules_above_or_beside_the_own_place(there: Tenants) -> None:
    form = RuleForm(True, 5, "info")
    for login, place in (
        ("sun", f"n{there.nodes['east']}"),
        ("sun", f"n{there.nodes['platform']}"),
        ("sun", f"l{there.lots['M-1']}"),
        ("sun-lot", f"l{there.lots['S-2']}"),
        ("sun-lot", f"n{there.nodes['sun']}"),
        ("admin", "x1"),
    ):
        with pytest.raises(Forbidden):
            save_rule(there.settings, there.actor(login), place, "lot_silent", form)
        with pytest.raises(Forbidden):
            list_rules(there.settings, there.actor(login), place)
    platform = f"n{there.nodes['platform']}"
    save_rule(there.settings, there.actor("admin"), platform, "lander_stopped", form)
    with pytest.raises(ParkError, match="has no rule"):
        save_rule(there.settings, there.actor("sun"), f"n{there.nodes['sun']}", "lander_stopped", form)


def test_a_rule_has_bounds_and_a_form_that_was_overtaken_is_refused(there: Tenants) -> None:
    place, sun = f"n{there.nodes['sun']}", there.actor("sun")
    for threshold in (0, 1441, None, "x"):
        with pytest.raises(InvalidFields):
            save_rule(there.settings, sun, place, "lot_silent", RuleForm(True, threshold, "info"))
    with pytest.raises(InvalidFields):
        save_rule(there.settings, sun, place, "lot_silent", RuleForm(True, 5, "loud"))
    save_rule(there.settings, sun, place, "lot_silent", RuleForm(True, 5, "info"))
    version = rule(there, "sun", place).version
    save_rule(there.settings, sun, place, "lot_silent", RuleForm(True, 6, "info"), version)
    with pytest.raises(ParkError, match="changed this after"):
        save_rule(there.settings, sun, place, "lot_silent", RuleForm(True, 7, "info"), version)
    kinds = [row.kind for row in list_rules(there.settings, sun, place)]
    assert kinds == [kind.code for kind in KINDS.values() if not kind.is_platform]
