"""Pairing of raised and recovered events, against what one would say at each instant, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.alarms.episodes import fold
from warehouse.alarms.pairing import pair
from warehouse.ops.models import AlarmEpisode, AlarmEvent, AlarmNote
from warehouse.ops.session import ops_session

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Event:
    minute: int
    event: str
    record_id: str = ""
    revision: int = 0
    is_void: bool = False

    @property
    def occurred_at(self) -> datetime:
        return START + timedelta(minutes=self.minute)


def is_open_at(events: Sequence[Event], minute: int) -> bool:
    """The model: an alarm is open when the last word about it, raises first at one instant, was a raise."""
    said = sorted((one.minute, one.event == "recovered") for one in events if one.minute <= minute)
    return bool(said) and not said[-1][1]


EVENTS = st.lists(st.builds(Event, st.integers(0, 12), st.sampled_from(("raised", "recovered"))), max_size=12)


@given(EVENTS)
def test_an_alarm_is_open_exactly_while_its_last_word_was_a_raise(events: list[Event]) -> None:
    spans = pair(events)
    for minute in range(13):
        at = START + timedelta(minutes=minute)
        covered = any(span.raised_at <= at and (span.recovered_at is None or at < span.recovered_at) for span in spans)
        assert covered == is_open_at(events, minute)
    assert all(one.recovered_at is not None and one.recovered_at <= other.raised_at for one, other in pairwise(spans))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    return tenants_in(Path(tmp_path_factory.mktemp("pairing")) / "home")


def send(store: Tenants, events: Sequence[Event]) -> None:
    newest = {one.record_id: one for one in sorted(events, key=lambda one: one.revision)}
    with ops_session(store.settings) as session:
        rows = [
            {
                "lot_id": store.lots["S-1"], "record_id": one.record_id, "revision": one.revision,
                "is_void": one.is_void, "alarm_id": "A", "event": one.event, "occurred_at": one.occurred_at,
                "alarm_type": "camera_fault", "level": None, "device_id": "C1", "device_type": "camera",
                "gate_id": None, "message": one.record_id,
            }
            for one in newest.values()
        ]  # fmt: skip
        fold(session, rows, START)


def spans(store: Tenants) -> list[tuple[datetime, datetime | None]]:
    with ops_session(store.settings) as session:
        rows = session.scalars(select(AlarmEpisode).order_by(AlarmEpisode.raised_at)).all()
        return [(row.raised_at, row.recovered_at) for row in rows]


def clear(store: Tenants) -> None:
    with ops_session(store.settings) as session:
        for model in (AlarmNote, AlarmEpisode, AlarmEvent):
            session.execute(delete(model))


@given(EVENTS, st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_episodes_are_the_same_in_whatever_order_and_however_often_events_come(
    store: Tenants, events: list[Event], data: st.DataObject
) -> None:
    clear(store)
    final = [replace(one, record_id=str(place)) for place, one in enumerate(events)]
    # Some were something else before they were corrected; some are taken back in the end.
    sent = list(final)
    for place, one in enumerate(final):
        if data.draw(st.booleans()):
            sent.append(replace(one, minute=data.draw(st.integers(0, 12)), event="raised"))
            final[place] = replace(one, revision=1, is_void=data.draw(st.booleans()))
            sent[place] = final[place]
    sent += data.draw(st.lists(st.sampled_from(sent), max_size=4)) if sent else []
    shuffled = data.draw(st.permutations(sent))
    cut = data.draw(st.integers(0, len(shuffled)))
    for part in (shuffled[:cut], shuffled[cut:]):
        for one in part:
            send(store, [one])
    in_force = [one for one in final if not one.is_void]
    assert spans(store) == [(span.raised_at, span.recovered_at) for span in pair(in_force)]


def test_a_note_stays_with_its_alarm_when_a_late_recovery_splits_the_episode(store: Tenants) -> None:
    clear(store)
    send(store, [Event(1, "raised", "a")])
    with ops_session(store.settings) as session:
        episode = session.scalars(select(AlarmEpisode)).one()
        episode.acknowledged_at, episode.acknowledged_by = START, "甲"
        session.add(AlarmNote(episode_id=episode.episode_id, at=START, operator_name="甲", note="已派人"))
        kept = episode.episode_id
    send(store, [Event(5, "raised", "b"), Event(3, "recovered", "c")])
    with ops_session(store.settings) as session:
        first, second = session.scalars(select(AlarmEpisode).order_by(AlarmEpisode.raised_at)).all()
        assert (first.episode_id, first.recovered_at) == (kept, START + timedelta(minutes=3))
        assert (second.acknowledged_at, second.recovered_at) == (None, None)
        assert session.scalars(select(AlarmNote.episode_id)).all() == [kept]
    # The recovery is taken back: it was one alarm all the time.
    send(store, [Event(3, "recovered", "c", revision=1, is_void=True)])
    assert spans(store) == [(START + timedelta(minutes=1), None)]
    with ops_session(store.settings) as session:
        assert session.scalars(select(AlarmNote.episode_id)).all() == [kept]
