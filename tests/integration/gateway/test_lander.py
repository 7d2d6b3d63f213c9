"""From sealed segments to the lake: exactly once, whatever lies in the journal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from ingest.journal import SegmentWriter
from ingest.lander import MAX_DEATHS, MAX_FAILURES, Lander
from ingest.records import LotContext, decode_batch
from warehouse.lake.connect import current_snapshot
from warehouse.ops.models import AreaFreeSpaces, DeviceLive, LotLive, OpenAlarm
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

Entries = Callable[..., list[dict[str, Any]]]
NOW = datetime.now(UTC)


def lines(records: list[dict[str, Any]], lot_id: int = 1, now: datetime = NOW) -> bytes:
    body = msgspec.json.encode({"records": records})
    return decode_batch(body, "application/json", LotContext(lot_id, "L", "Asia/Shanghai", 0), now).lines


def write_segment(lander: Lander, content: bytes) -> Path:
    writer = SegmentWriter(lander.journal)
    before = set(lander.journal.sealed_segments())
    writer.append([content])
    writer.seal()
    (path,) = set(lander.journal.sealed_segments()) - before
    return path


@pytest.fixture
def lander(instance: Any) -> Iterator[Lander]:
    made = Lander(instance.settings)
    yield made
    made.close()


def test_every_kind_of_record_lands_with_all_its_columns(instance: Any, lander: Lander) -> None:
    at = NOW.isoformat()
    records = [
        {"kind": "entry", "record_id": "1", "occurred_at": at, "plate": "粤B12345"},
        {
            "kind": "charge",
            "record_id": "2",
            "occurred_at": "2026-01-31T23:30:00",
            "plate": "粤B12345",
            "receivable": "12.50",
            "discount": 2.5,
            "received": "10",
            "payments": [{"method": "cash", "amount": "4"}, {"method": "wechat", "amount": "6"}],
        },
        {"kind": "snapshot", "record_id": "3", "occurred_at": at, "linked_kind": "entry", "linked_record_id": "1"},
        {"kind": "entry", "record_id": "4", "occurred_at": at, "op": "void", "revision": 2},
        {"kind": "entry", "record_id": "5"},
    ]
    write_segment(lander, lines(records))
    summary = lander.drain()
    assert (summary.segments, summary.records, summary.rejected, summary.waiting) == (1, 4, 1, 0)
    with instance.lake() as lake:
        assert lake.execute("SELECT record_id, op, revision FROM lake.raw.entry ORDER BY 1").fetchall() == [
            ("1", "upsert", 0),
            ("4", "void", 2),
        ]
        charge = lake.execute(
            "SELECT receivable::varchar, discount::varchar, uncollected::varchar, occurred_at, local_at, "
            "business_date::varchar, source, method, payments FROM lake.raw.charge"
        ).fetchone()
        assert charge is not None
        assert charge[:3] == ("12.50", "2.50", "0.00")
        assert charge[3] == datetime(2026, 1, 31, 15, 30, tzinfo=UTC)
        assert charge[4:7] == (datetime(2026, 1, 31, 23, 30), "2026-01-31", "http")  # noqa: DTZ001
        assert charge[7] is None
        assert len(json.loads(charge[8])) == 2
        rejected = lake.execute(
            "SELECT lot_id, kind, record_id, code, line, batch_seq, payload FROM lake.raw.rejected_record"
        ).fetchall()
        assert rejected == [(1, "entry", "5", "missing_field", 5, 1, '{"kind":"entry","record_id":"5"}')]
        assert lake.execute("SELECT source_rows, accepted, marked, rejected FROM lake.raw.batch").fetchall() == [
            (5, 4, 0, 1)
        ]


def test_many_segments_land_together_in_order_each_with_its_own_ledger_line(
    instance: Any, lander: Lander, entries: Entries
) -> None:
    names = [write_segment(lander, lines(entries(3, f"s{number}-"))).name for number in range(12)]
    with instance.lake() as lake:
        before = current_snapshot(lake)
    assert lander.drain().segments == 12
    with instance.lake() as lake:
        assert current_snapshot(lake) == before + 1
        ledger = lake.execute("SELECT batch_seq, name, accepted FROM lake.raw.batch ORDER BY batch_seq").fetchall()
        rows = lake.execute("SELECT batch_seq, batch_row, record_id FROM lake.raw.entry ORDER BY 1, 2").fetchall()
    assert [(row[0], row[2]) for row in ledger] == [(number + 1, 3) for number in range(12)]
    assert [row[1] + ".ndjson" for row in ledger] == names
    assert rows == [(number + 1, row + 1, f"s{number}-{row}") for number in range(12) for row in range(3)]


def test_a_segment_that_comes_back_is_not_landed_again(instance: Any, lander: Lander, entries: Entries) -> None:
    path = write_segment(lander, lines(entries(5)))
    content = path.read_bytes()
    lander.drain()
    assert not path.exists()
    path.write_bytes(content)
    summary = lander.drain()
    assert (summary.already_landed, summary.records, path.exists()) == (1, 0, False)
    assert len(instance.record_ids()) == 5


def test_damaged_lines_are_set_aside_with_their_text_and_the_others_land(
    instance: Any, lander: Lander, entries: Entries
) -> None:
    good = lines(entries(4)).splitlines(keepends=True)
    damaged = [
        good[0][:40] + b"\n",
        b"\xff\xfe broken \x00\n",
        b"[1,2]\n",
        good[0].replace(b'"occurred_at":"20', b'"occurred_at":"XX'),
        good[0].replace(b'"kind":"entry"', b'"kind":"eXtry"'),
    ]
    write_segment(lander, good[0] + damaged[0] + damaged[1] + good[1] + damaged[2] + good[2])
    write_segment(lander, damaged[3] + good[3] + damaged[4])
    write_segment(lander, lines(entries(2, "other-")))
    summary = lander.drain()
    assert (summary.segments, summary.records, summary.rejected, summary.damaged) == (3, 6, 5, 5)
    assert instance.record_ids() == ["e0", "e1", "e2", "e3", "other-0", "other-1"]
    with instance.lake() as lake:
        refused = lake.execute(
            "SELECT code, line, payload, reject_id FROM lake.raw.rejected_record ORDER BY batch_seq, line"
        ).fetchall()
    assert [row[0] for row in refused] == ["journal_damaged"] * 5
    assert [row[1] for row in refused] == [2, 3, 5, 1, 3]
    assert refused[0][2].encode() + b"\n" == damaged[0]
    assert "broken" in refused[1][2]
    assert refused[3][2].encode() + b"\n" == damaged[3]
    assert len({row[3] for row in refused}) == 5


def test_a_torn_last_line_is_left_out(instance: Any, lander: Lander, entries: Entries) -> None:
    content = lines(entries(3))
    path = lander.journal.sealed / f"{time.time_ns():020d}-1-00000000.ndjson"
    path.write_bytes(content[:-20])
    assert lander.drain().records == 2
    assert instance.record_ids() == ["e0", "e1"]


def test_the_open_segment_of_a_dead_process_is_landed_and_that_of_a_living_one_is_not(
    instance: Any, lander: Lander, entries: Entries
) -> None:
    living = SegmentWriter(lander.journal)
    living.append([lines(entries(2, "living-"))])
    dead = lander.journal.open / f"{time.time_ns():020d}-999-00000000.ndjson"
    dead.write_bytes(lines(entries(2, "dead-")) + b'{"kind":"entry","torn')
    assert lander.drain().records == 2
    assert instance.record_ids() == ["dead-0", "dead-1"]
    living.append([lines(entries(1, "later-"))])
    living.seal()
    assert lander.drain().records == 3


def test_a_segment_that_cannot_be_read_is_set_aside_and_does_not_block_the_others(
    instance: Any, lander: Lander, entries: Entries
) -> None:
    broken = lander.journal.sealed / "00000000000000000001-1-00000000.ndjson"
    broken.mkdir()
    for turn in range(MAX_FAILURES):
        write_segment(lander, lines(entries(2, f"turn{turn}-")))
        summary = lander.drain()
        assert summary.records == 2
    assert summary.set_aside == [broken.name]
    assert (lander.journal.failed / broken.name).exists()
    assert "Is a directory" in (lander.journal.failed / broken.name).with_suffix(".txt").read_text()
    assert lander.drain().waiting == 0
    assert len(instance.record_ids()) == 2 * MAX_FAILURES


def test_a_segment_on_which_the_lander_keeps_dying_is_set_aside_and_can_be_taken_back(
    instance: Any, lander: Lander, entries: Entries
) -> None:
    path = write_segment(lander, lines(entries(2, "deadly-")))
    write_segment(lander, lines(entries(2, "good-")))
    (instance.settings.journal_path / "attempts.json").write_text(
        json.dumps({path.name: {"begun": MAX_DEATHS, "failed": 0}})
    )
    restarted = Lander(instance.settings)
    summary = restarted.drain()
    assert (summary.set_aside, summary.records) == ([path.name], 2)
    restarted.journal.retry_failed()
    assert restarted.drain().records == 2
    restarted.close()
    assert instance.record_ids() == ["deadly-0", "deadly-1", "good-0", "good-1"]
    assert not list(restarted.journal.failed.iterdir())


def test_an_unreadable_note_of_attempts_starts_anew(instance: Any, lander: Lander, entries: Entries) -> None:
    write_segment(lander, lines(entries(1)))
    for content in ("", "{", "[]", '{"x": 1}', '{"x": {"begun": "y"}}'):
        (instance.settings.journal_path / "attempts.json").write_text(content)
        restarted = Lander(instance.settings)
        restarted.drain()
        restarted.close()
    assert instance.record_ids() == ["e0"]


def test_while_the_lake_is_away_segments_wait_and_none_is_set_aside(
    instance: Any, lander: Lander, entries: Entries
) -> None:
    path = write_segment(lander, lines(entries(2)))
    away = Settings(home=instance.settings.home, catalog_url="postgresql://nobody@127.0.0.1:1/none")
    waiting = Lander(away)
    for _ in range(MAX_FAILURES + 1):
        summary = waiting.drain()
        assert summary.error
        assert (summary.set_aside, summary.waiting) == ([], 1)
    waiting.close()
    assert path.exists()
    assert lander.drain().records == 2


def test_archived_segments_are_whole_and_go_after_their_time(instance: Any, lander: Lander, entries: Entries) -> None:
    import zstandard

    path = write_segment(lander, lines(entries(4)))
    content = path.read_bytes()
    lander.drain()
    (archived,) = lander.journal.landed.iterdir()
    with archived.open("rb") as file:
        assert zstandard.ZstdDecompressor().stream_reader(file).read() == content
    assert lander.journal.purge_archive(keep_days=1) == 0
    long_ago = time.time() - 3 * 86_400
    os.utime(archived, (long_ago, long_ago))
    assert lander.journal.purge_archive(keep_days=1) == 1
    assert not archived.exists()


def live_records(state: str, at: datetime, number: int) -> list[dict[str, Any]]:
    when = at.isoformat()
    return [
        {
            "kind": "device_state",
            "record_id": f"d{number}",
            "occurred_at": when,
            "device_id": "D1",
            "device_type": "camera",
            "state": state,
        },
        {"kind": "free_space_count", "record_id": f"f{number}", "occurred_at": when, "free_spaces": number},
        {
            "kind": "free_space_count",
            "record_id": f"a{number}",
            "occurred_at": when,
            "area_id": "B1",
            "free_spaces": number * 10,
        },
        {
            "kind": "heartbeat",
            "record_id": f"h{number}",
            "occurred_at": when,
            "lot_clock": (at + timedelta(seconds=90)).isoformat(),
            "pending_records": number,
        },
    ]


def test_live_state_takes_only_newer_news(instance: Any, lander: Lander) -> None:
    hour_ago = NOW - timedelta(hours=1)
    for state, at, number in (("offline", NOW, 2), ("online", hour_ago, 1), ("fault", hour_ago, 3)):
        write_segment(lander, lines(live_records(state, at, number), now=at))
        lander.drain()
    with ops_session(instance.settings) as session:
        device = session.get_one(DeviceLive, (1, "D1"))
        lot = session.get_one(LotLive, 1)
        spaces = {
            found.area_id: (found.free_spaces, found.counted_at) for found in session.scalars(select(AreaFreeSpaces))
        }
    assert (device.state, device.reported_at) == ("offline", NOW)
    assert spaces == {"": (2, NOW), "B1": (20, NOW)}
    assert (lot.received_at, lot.heartbeat_at, lot.pending_records) == (NOW, NOW, 2)
    assert lot.clock_drift_seconds == pytest.approx(90, abs=0.01)


def test_a_fast_clock_does_not_hide_later_news(instance: Any, lander: Lander) -> None:
    write_segment(lander, lines(live_records("fault", NOW + timedelta(hours=5), 1), now=NOW))
    lander.drain()
    later = NOW + timedelta(minutes=1)
    write_segment(lander, lines(live_records("online", later, 2), now=later))
    lander.drain()
    with ops_session(instance.settings) as session:
        assert session.get_one(DeviceLive, (1, "D1")).state == "online"


def alarm(event: str, at: datetime, number: int) -> dict[str, Any]:
    return {
        "kind": "alarm",
        "record_id": f"{event}{number}",
        "occurred_at": at.isoformat(),
        "alarm_id": "A",
        "event": event,
        "alarm_type": "device_fault",
        "level": "critical",
    }


@pytest.mark.parametrize("turn", range(6))
def test_alarms_end_in_the_same_state_in_whatever_order_their_events_arrive(
    instance: Any, lander: Lander, turn: int
) -> None:
    from itertools import permutations

    times = [NOW - timedelta(minutes=minutes) for minutes in (30, 20, 10)]
    events = [alarm("raised", times[0], 1), alarm("recovered", times[1], 2), alarm("raised", times[2], 3)]
    for event in list(permutations(events))[turn]:
        write_segment(lander, lines([event]))
        lander.drain()
    with ops_session(instance.settings) as session:
        found = session.get_one(OpenAlarm, (1, "A"))
        assert (found.raised_at, found.recovered_at) == (times[2], None)
    write_segment(lander, lines([alarm("recovered", NOW, 4)]))
    lander.drain()
    with ops_session(instance.settings) as session:
        assert session.get_one(OpenAlarm, (1, "A")).recovered_at == NOW


def test_records_of_a_lot_that_is_gone_land_without_live_state(instance: Any, lander: Lander, entries: Entries) -> None:
    write_segment(lander, lines(entries(2), lot_id=77))
    summary = lander.drain()
    assert (summary.records, summary.error) == (2, None)
    with ops_session(instance.settings) as session:
        assert session.get(LotLive, 77) is None
