"""Live state: the newest news win in whatever order and however often they come, also while the lake is locked."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st
from sqlalchemy import select

from ingest import live_state
from ingest.journal import Journal, SegmentWriter
from ingest.lander import Lander
from ingest.live_follow import LiveFollower, rebuild
from ingest.records.batch import LotContext, decode_batch
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import writer_lock
from warehouse.ops.models import AreaFreeSpaces, DeviceLive, LivePassage, Lot, LotLive, Node, OpenAlarm
from warehouse.ops.session import migrate, ops_session
from warehouse.services.live import free_spaces_of
from warehouse.settings import Settings

NOW = datetime.now(UTC).replace(microsecond=0)
TABLES = (AreaFreeSpaces, DeviceLive, LivePassage, LotLive)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(home=tmp_path_factory.mktemp("live"))
    migrate(made)
    create_lake(made)
    with ops_session(made) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="p"))
        session.flush()
        session.add_all(Lot(lot_id=lot_id, customer_id=1, code=f"L{lot_id}", name="L") for lot_id in (1, 2))
    return made


def seal(settings: Settings, lot_id: int, records: Sequence[dict[str, Any]], received_at: datetime = NOW) -> Path:
    body = "\n".join(json.dumps(record) for record in records).encode()
    lot = LotContext(lot_id, f"L{lot_id}", "Asia/Shanghai", 0)
    writer = SegmentWriter(Journal(settings.journal_path))
    writer.append([decode_batch(body, "application/x-ndjson", lot, received_at).lines])
    before = set(Journal(settings.journal_path).sealed_segments())
    writer.seal()
    (made,) = set(Journal(settings.journal_path).sealed_segments()) - before
    return made


def picture(settings: Settings) -> list[Any]:
    with ops_session(settings) as session:
        return [
            sorted(
                (tuple(str(getattr(row, column.name)) for column in table.__table__.columns) for row in found), key=str
            )
            for table in TABLES
            for found in [session.scalars(select(table)).all()]
        ]


def empty(settings: Settings) -> None:
    for path in Journal(settings.journal_path).sealed_segments():
        path.unlink()
    with ops_session(settings) as session:
        live_state.forget(session)


def at(minutes_ago: int) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).isoformat()


def count(number: int, minutes_ago: int, free: int, revision: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "kind": "free_space_count",
        "record_id": f"f{number}",
        "revision": revision,
        "occurred_at": at(minutes_ago),
        "free_spaces": free,
        "total_spaces": 50,
        **more,
    }


def passage(kind: str, number: int, minutes_ago: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "record_id": f"{kind}{number}", "occurred_at": at(minutes_ago), "plate": "京A00001", **more}


MINUTES = st.integers(0, 5)
NEWS = st.one_of(
    st.builds(count, st.integers(0, 3), MINUTES, st.integers(0, 9), st.integers(0, 2)),
    st.builds(
        passage,
        st.sampled_from(["entry", "exit"]),
        st.integers(0, 3),
        MINUTES,
        revision=st.integers(0, 2),
        op=st.sampled_from(["upsert", "void"]),
    ),
    st.builds(
        lambda number, minutes, state, revision: {
            "kind": "device_state",
            "record_id": f"d{number}",
            "revision": revision,
            "occurred_at": at(minutes),
            "device_id": "D",
            "device_type": "camera",
            "state": state,
        },
        st.integers(0, 2),
        MINUTES,
        st.sampled_from(["online", "offline", "fault"]),
        st.integers(0, 2),
    ),
    st.builds(
        lambda minutes, pending: {
            "kind": "heartbeat",
            "record_id": f"h{minutes}{pending}",
            "occurred_at": at(minutes),
            "lot_clock": at(minutes + pending),
            "pending_records": pending,
        },
        MINUTES,
        st.integers(0, 3),
    ),
)
BATCHES = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.lists(NEWS, min_size=1, max_size=4), MINUTES), min_size=1, max_size=4
)


@run_with(max_examples=15, deadline=None)
@given(batches=BATCHES, data=st.data())
def test_only_newer_news_win_in_any_order_and_twice(settings: Settings, batches: Any, data: st.DataObject) -> None:
    pictures = []
    for order in (batches, data.draw(st.permutations(batches * 2))):
        empty(settings)
        follower = LiveFollower(settings, Journal(settings.journal_path))
        for lot_id, records, minutes in order:
            seal(settings, lot_id, records, NOW - timedelta(minutes=minutes))
            if data.draw(st.booleans()):
                follower.turn()
        follower.turn()
        follower.close()
        pictures.append(picture(settings))
    assert pictures[0] == pictures[1]


def test_live_state_is_there_while_a_build_holds_the_lake_and_landing_does_not_change_it(settings: Settings) -> None:
    empty(settings)
    lander = Lander(settings)
    seen, stop = threading.Event(), threading.Event()
    with writer_lock(settings):
        thread = threading.Thread(target=lander.follow, args=(stop,))
        thread.start()
        seal(settings, 1, [count(1, 1, 7), passage("entry", 1, 0)])
        for _turn in range(600):
            with ops_session(settings) as session:
                found = session.get(AreaFreeSpaces, (1, ""))
            if found is not None:
                seen.set()
                break
            stop.wait(0.05)
        before = picture(settings)
    assert seen.is_set()
    while lander.journal.sealed_segments() and thread.is_alive():
        stop.wait(0.05)
    stop.set()
    thread.join()
    lander.close()
    assert picture(settings) == before


def test_a_rebuild_from_lake_and_journal_gives_what_was_there(settings: Settings) -> None:
    empty(settings)
    lander = Lander(settings)
    seal(settings, 1, [count(21, 4, 9), passage("exit", 21, 2), passage("entry", 22, 3, area_id="A")])
    assert lander.drain().error is None
    lander.close()
    seal(settings, 2, [count(23, 1, 3, area_id="B1")])
    follower = LiveFollower(settings, lander.journal)
    follower.turn()
    follower.close()
    with ops_session(settings) as session:
        session.add(OpenAlarm(lot_id=1, alarm_id="note", raised_at=NOW))
    rebuild(settings)
    before = picture(settings)
    with ops_session(settings) as session:
        live_state.forget(session)
        session.get_one(OpenAlarm, (1, "note"))
    rebuild(settings)
    assert picture(settings) == before
    with ops_session(settings) as session:
        free = free_spaces_of(session, None, NOW)
    assert free[2].free_spaces == 3


def test_passages_are_kept_only_while_a_count_may_be_carried_on_with_them(settings: Settings) -> None:
    empty(settings)
    long_ago = NOW - timedelta(hours=3)
    seal(settings, 1, [passage("entry", 31, 170), passage("entry", 32, 10)], long_ago)
    seal(settings, 1, [count(31, 60, 9), passage("entry", 33, 5), passage("entry", 34, 13 * 60)])
    follower = LiveFollower(settings, Journal(settings.journal_path))
    follower.turn()
    follower.close()
    with ops_session(settings) as session:
        live_state.prune(session, NOW)
        kept = set(session.scalars(select(LivePassage.record_id)))
    empty(settings)
    # "entry32" claims a time after its receipt, and counts as of its receipt.
    assert kept == {"entry33"}
