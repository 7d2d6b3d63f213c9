"""Ids of other tenants' things, and things of the whole instance, tried where a service takes them from a request.

The actors hold every permission there is: what holds them back is their place in the tree alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dashboards.map.lots import MapLots
from dashboards.restatement.work import AT_ONCE, MOST_UNDER_WAY, Moments
from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.analysts.desk import write_csv
from warehouse.analysts.running import Result, ResultColumn
from warehouse.analysts.saved import delete_query, list_queries, save_query
from warehouse.backup.library import library_of
from warehouse.errors import Forbidden, ParkError
from warehouse.lake.moments import Moment
from warehouse.ops.models import AlarmChannel, AlarmEpisode, AlarmRule, DownlinkCommand, RegionRule, SqlQuery
from warehouse.ops.session import ops_session, write_session
from warehouse.reports.catalogue import LISTED
from warehouse.reports.known import KnownReaders, Wanted
from warehouse.security.actor import LOCAL, Actor
from warehouse.services import backups, clean_ups
from warehouse.services.alarm_channels import (
    ChannelForm,
    delete_channel,
    renew_secret,
    save_channel,
    switch_channel,
    try_channel,
)
from warehouse.services.alarm_rules import RuleForm as AlarmRuleForm
from warehouse.services.alarm_rules import list_rules as alarm_rules
from warehouse.services.alarm_rules import reset_rule
from warehouse.services.alarm_rules import save_rule as save_alarm_rule
from warehouse.services.alarms import acknowledge, get_alarm
from warehouse.services.downlink import CommandQuery, commands_file
from warehouse.services.downlink_queue import queue_command
from warehouse.services.linkage_rules import RuleForm, list_rules, regions, remove_rule, save_rule
from warehouse.services.map_lots import areas_of, fee_rules, guidance_of
from warehouse.services.snapshots import SnapshotStore, visible_snapshot
from warehouse.services.status import status

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOOK = ChannelForm("值班", "webhook", url="https://8.8.8.8/x")
ALARM = AlarmRuleForm(True, 30, "critical")
NOT_THERE = 999_999
PEOPLE = ("sun", "east", "sun-lot")


@pytest.fixture
def there(tmp_path: Path) -> Tenants:
    """A customer, «moon», with an alarm, a channel, a rule of linkage and a query that is shared."""
    made = tenants_in(tmp_path)
    moon, settings = replace(made.actor("moon"), permissions=LOCAL.permissions), made.settings
    with write_session(settings) as session:
        session.add(
            AlarmEpisode(
                source="lot", alarm_key="k", lot_id=made.lots["M-1"], alarm_type="camera_fault", level="warning",
                raised_at=NOW, seen_at=NOW, announced="nothing",
            )
        )  # fmt: skip
    place = f"n{made.nodes['moon']}"
    save_channel(settings, moon, place, HOOK)
    save_rule(settings, moon, RuleForm(made.nodes["moon"], "moon 区"))
    save_query(settings, moon, "moon 查询", "select 'moon'", is_shared=True)
    return made


def number(there: Tenants, model: type[AlarmChannel | AlarmEpisode | RegionRule | SqlQuery]) -> int:
    """The id of the one thing there is; all of them are moon's."""
    with ops_session(there.settings) as session:
        found = session.scalar(select(model.__mapper__.primary_key[0]))
    assert isinstance(found, int)
    return found


ById = Callable[[Tenants, Actor, int], object]
BY_ID: dict[str, tuple[type[AlarmChannel | AlarmEpisode | RegionRule | SqlQuery], ById]] = {
    "alarm: look": (AlarmEpisode, lambda t, a, n: get_alarm(t.settings, a, n)),
    "alarm: acknowledge": (AlarmEpisode, lambda t, a, n: acknowledge(t.settings, a, [n], "x")),
    "channel: change": (AlarmChannel, lambda t, a, n: save_channel(t.settings, a, f"n{a.node_id}", HOOK, n)),
    "channel: secret": (AlarmChannel, lambda t, a, n: renew_secret(t.settings, a, n)),
    "channel: stop": (AlarmChannel, lambda t, a, n: switch_channel(t.settings, a, n, False)),
    "channel: try": (AlarmChannel, lambda t, a, n: try_channel(t.settings, a, n)),
    "channel: delete": (AlarmChannel, lambda t, a, n: delete_channel(t.settings, a, n)),
    "linkage: remove": (RegionRule, lambda t, a, n: remove_rule(t.settings, a, n, 1)),
    "query: change": (SqlQuery, lambda t, a, n: save_query(t.settings, a, "x", "select 1", query_id=n)),
    "query: delete": (SqlQuery, lambda t, a, n: delete_query(t.settings, a, n)),
}
Attempt = Callable[[Tenants, Actor], object]
AT_PLACES: dict[str, Attempt] = {
    f"{name} of {code}": attempt
    for code, place in {
        "a customer": lambda t: f"n{t.nodes['moon']}", "a lot": lambda t: f"l{t.lots['M-1']}",
        "the platform": lambda t: f"n{t.nodes['platform']}", "an injection": lambda _t: "l1 or 1=1",
    }.items()
    for name, attempt in {
        "rules": lambda t, a, place=place: alarm_rules(t.settings, a, place(t)),
        "a rule": lambda t, a, place=place: save_alarm_rule(t.settings, a, place(t), "lot_silent", ALARM),
        "taking back": lambda t, a, place=place: reset_rule(t.settings, a, place(t), "lot_silent"),
        "a channel": lambda t, a, place=place: save_channel(t.settings, a, place(t), HOOK),
    }.items()
}  # fmt: skip
AT_PLACES |= {
    "linkage": lambda t, a: save_rule(t.settings, a, RuleForm(t.nodes["moon"], "区")),
    "the map's areas": lambda t, a: areas_of(t.settings, a, t.lots["M-1"]),
    "the map's guidance": lambda t, a: guidance_of(t.settings, a, t.lots["M-1"]),
}
PLAN = backups.PlanForm("02:15", True, 1, 0)
OF_THE_INSTANCE: dict[str, Attempt] = {
    "status": lambda t, a: status(t.settings, a),
    "backups": lambda t, a: backups.list_backups(t.settings, a),
    "backup plan": lambda t, a: backups.overview(t.settings, a),
    "back up": lambda t, a: backups.request_backup(t.settings, a),
    "verify": lambda t, a: backups.request_verify(t.settings, a, "newest"),
    "keep fewer backups": lambda t, a: backups.save_plan(t.settings, a, PLAN),
    "removals": lambda t, a: clean_ups.list_removals(t.settings, a),
    "removals under way": lambda t, a: clean_ups.list_clean_up_runs(t.settings, a),
    "what would be removed": lambda t, a: clean_ups.preview_clean_up(t.settings, a, t.lots["M-1"], date(2026, 1, 1)),
    "remove": lambda t, a: clean_ups.request_clean_up(t.settings, a, t.lots["M-1"], date(2026, 1, 1), "M-1"),
    "remove of the own lot": lambda t, a: clean_ups.request_clean_up(
        t.settings, a, t.lots["S-1"], date(2026, 1, 1), "S-1"
    ),
}


def everything(there: Tenants) -> list[object]:
    with ops_session(there.settings) as session:
        return [
            [(c.channel_id, c.version, c.secret_encrypted, c.is_active) for c in session.scalars(select(AlarmChannel))],
            [(e.episode_id, e.acknowledged_at) for e in session.scalars(select(AlarmEpisode))],
            [(r.rule_id, r.version) for r in session.scalars(select(RegionRule))],
            [(q.query_id, q.version) for q in session.scalars(select(SqlQuery))],
            session.scalar(select(func.count()).select_from(AlarmRule)),
        ]


def refused(there: Tenants, who: str, attempt: Attempt) -> str:
    """What is said; nothing changed, and the attempt is in the log."""
    before, written = everything(there), len(there.log())
    with pytest.raises(Forbidden) as told:
        attempt(there, replace(there.actor(who), permissions=LOCAL.permissions))
    assert everything(there) == before
    (entry,) = there.log()[written:]
    assert (entry.outcome, entry.login) == ("refused", who)
    return f"{told.value.zh} {told.value.en}"


@pytest.mark.parametrize("name", BY_ID)
def test_the_number_of_a_foreign_thing_is_answered_like_one_that_does_not_exist(there: Tenants, name: str) -> None:
    model, attempt = BY_ID[name]
    foreign = number(there, model)
    for who in PEOPLE:
        answers = [
            re.sub(rf"\b{one}\b", "#", refused(there, who, lambda t, a, one=one: attempt(t, a, one)))
            for one in (foreign, NOT_THERE)
        ]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("name", AT_PLACES)
def test_nothing_is_read_or_set_at_a_foreign_place(there: Tenants, name: str) -> None:
    for who in PEOPLE:
        refused(there, who, AT_PLACES[name])


@pytest.mark.parametrize("name", OF_THE_INSTANCE)
def test_the_whole_instance_is_for_the_platform_whatever_a_role_permits(there: Tenants, name: str) -> None:
    for who in PEOPLE:
        refused(there, who, OF_THE_INSTANCE[name])


@pytest.mark.parametrize("who", PEOPLE)
def test_lists_name_nothing_of_others(there: Tenants, who: str) -> None:
    actor, settings = replace(there.actor(who), permissions=LOCAL.permissions), there.settings
    listed = [list_rules(settings, actor), regions(settings, actor), list_queries(settings, actor)]
    assert listed == [[], (), []]
    assert fee_rules(settings, actor, [there.lots["M-1"]], "zh") == {}
    assert {lot.code for lot in MapLots(settings).of(actor).lots} <= {"S-1", "S-2"}
    assert MapLots(settings).of(actor, "M-1").lots == []


def test_a_picture_is_found_by_its_own_lot_only_however_its_hash_is_written(there: Tenants) -> None:
    store = SnapshotStore(there.settings)
    digest = store.put(there.lots["M-1"], b"\x89PNG picture")
    sun, moon = there.actor("sun"), there.actor("moon")
    (there.settings.home / "secret").write_bytes(b"x")
    assert visible_snapshot(there.settings, moon, "M-1", digest) is not None
    for actor, lot in ((sun, "M-1"), (sun, "S-1"), (moon, "S-1"), (sun, "../M-1"), (moon, "M-1/../S-1")):
        assert visible_snapshot(there.settings, actor, lot, digest) is None
    for odd in ("../../../secret", digest.upper(), f"{digest}\n", digest[:63], f"../{digest[:61]}", "\0" * 64):
        assert visible_snapshot(there.settings, moon, "M-1", odd) is None


@pytest.mark.parametrize("name", ["../../elsewhere", "..", "", "x/../../elsewhere", "..\\x", "a\0"])
def test_the_name_of_a_backup_leads_nowhere_else(there: Tenants, name: str) -> None:
    place = Path(there.settings.resolved_backup_url)
    for folder in (place / "backups", place.parent / "elsewhere", place):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").write_text("{}")
    with pytest.raises(ParkError) as refusal:
        library_of(there.settings).one(name)
    assert refusal.value.code == "unknown_backup"


def test_what_lots_and_colleagues_write_is_no_formula_in_files(there: Tenants) -> None:
    formula = "=cmd|' /C calc'!A0"
    with write_session(there.settings) as session:
        command = queue_command(
            session, there.lots["S-1"], "tariff", "tariff", {}, NOW, operator_id=None, operator_name="@x"
        )
        session.flush()
        session.get_one(DownlinkCommand, command.command_id).message = formula
    made = commands_file(there.settings, there.actor("sun"), CommandQuery(), "", "csv", "zh").decode("utf-8-sig")
    target = io.StringIO()
    write_csv(target, Result((ResultColumn(formula, "VARCHAR"),), [[formula]], False, 0.0), for_excel=True)
    for text in (made, target.getvalue()):
        assert "cmd|" in text
        assert not re.search(r"""(^|,)"?[=@]""", text, re.M)


def test_nobody_fills_the_server_with_recomputations_of_ever_new_moments(there: Tenants) -> None:
    moments = Moments(KnownReaders(there.settings))
    for _ in range(AT_ONCE):
        moments._slots.acquire()
    wanted = [Wanted(LISTED[0], Moment(NOW, batch, None), None, ()) for batch in range(MOST_UNDER_WAY + 1)]
    # The slots stay taken: what waits for them never begins, and ends with the process.
    for one in wanted[:-1]:
        moments.start(one, recompute=False)
    moments.start(wanted[0], recompute=False)
    with pytest.raises(ParkError) as refusal:
        moments.start(wanted[-1], recompute=False)
    assert refusal.value.code == "busy"
    assert moments.building(wanted[-1]) is None
