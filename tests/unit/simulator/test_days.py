"""What simulated lots send."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingest.records.batch import LotContext, decode_batch
from ingest.records.plates import recognise
from ingest.simulator.days import records
from ingest.simulator.demo_lots import DEMO_LOTS
from ingest.simulator.feed import Feed
from ingest.simulator.frames import Frames
from ingest.simulator.history import write_history
from ingest.simulator.model import LotModel, Tariff
from ingest.simulator.plates import draw_plates
from ingest.simulator.tariff import fee_fen
from ingest.simulator.wire import wire_records
from warehouse.lake.raw_tables import KINDS

FIRST, LAST = date(2026, 3, 9), date(2026, 3, 15)
NOW = datetime(2026, 3, 20, tzinfo=UTC)
SEED = 7
MALL, GARDEN, STATION = (
    next(lot for lot in DEMO_LOTS if lot.code == code) for code in ("JC-MALL", "AH-GARDEN", "TD-STATION")
)


@pytest.fixture(scope="module")
def week() -> dict[str, Frames]:
    return {lot.code: records(lot, SEED, FIRST, LAST) for lot in DEMO_LOTS}


def newest(frame: pl.DataFrame) -> pl.DataFrame:
    best = frame.sort("revision").unique("record_id", keep="last", maintain_order=True)
    return best.filter(pl.col("op") == "upsert")


def test_the_same_seed_gives_the_same_records_and_another_seed_gives_others() -> None:
    once, again = (records(GARDEN, SEED, FIRST, FIRST) for _ in range(2))
    other = records(GARDEN, SEED + 1, FIRST, FIRST)
    assert all(once[kind].equals(again[kind]) for kind in once)
    assert not once["entry"].equals(other["entry"])


def test_a_day_is_the_same_whatever_span_it_is_asked_in(week: dict[str, Frames]) -> None:
    middle = date(2026, 3, 12)
    alone = records(STATION, SEED, middle, middle)
    begin, end = datetime(2026, 3, 11, 16, tzinfo=UTC), datetime(2026, 3, 12, 16, tzinfo=UTC)
    for kind, frame in alone.items():
        of_day = pl.col("occurred_at").is_between(begin, end, closed="left")
        order = ["record_id", "revision", "sent_at"]
        left = frame.filter(of_day).sort(order)
        right = week[STATION.code][kind].filter(of_day).sort(order)
        if kind in ("refund", "invoice", "shift"):  # of stays that ended before the shorter span began
            right = right.join(left.select("record_id").unique(), on="record_id", how="semi")
        assert left.equals(right), kind


def test_every_kind_of_record_is_sent(week: dict[str, Frames]) -> None:
    sent = {kind for frames in week.values() for kind, frame in frames.items() if frame.height}
    assert sent == set(KINDS)


@pytest.mark.parametrize("lot", DEMO_LOTS, ids=lambda lot: lot.code)
def test_only_a_reset_clock_is_ever_refused(lot: LotModel, week: dict[str, Frames]) -> None:
    context = LotContext(1, lot.code, lot.definition.time_zone, lot.definition.cutover_minutes)
    verdicts: Counter[tuple[str, str | None]] = Counter()
    marks: set[str] = set()
    for frame in week[lot.code].values():
        for part in frame.iter_slices(5_000):
            body = b"\n".join(json.dumps(row).encode() for row in wire_records(part, lot.definition.time_zone))
            for verdict in decode_batch(body, "application/x-ndjson", context, NOW).verdicts:
                verdicts[verdict.verdict, verdict.code] += 1
                marks.update(verdict.marks)
    resets = week[lot.code]["entry"].filter(pl.col("record_id").str.ends_with("-reset")).height
    assert {key: count for key, count in verdicts.items() if key[0] == "rejected"} == (
        {("rejected", "absurd_time"): resets} if resets else {}
    )
    assert marks <= {"no_plate", "misread_plate", "negative_stay"}
    assert "no_plate" in marks


def test_some_record_of_a_week_is_refused_on_purpose(week: dict[str, Frames]) -> None:
    resets = [frame["entry"]["record_id"].str.ends_with("-reset").sum() for frame in week.values()]
    assert sum(resets) == 1


def test_every_charge_balances_and_split_payments_add_up(week: dict[str, Frames]) -> None:
    charges = pl.concat([frames["charge"] for frames in week.values()])
    parts = charges.select(
        (pl.col("discount") + pl.col("waived") + pl.col("received") + pl.col("uncollected")).alias("sum")
    )
    assert (parts["sum"] == charges["receivable"]).all()
    assert charges.filter(
        (pl.col("received") > 0) & pl.col("method").is_null() & pl.col("payments").is_null()
    ).is_empty()
    split = charges.filter(pl.col("payments").is_not_null())
    assert split.height > 20
    for received, payments in split.select(pl.col("received").cast(pl.String), "payments").rows():
        fen = sum(round(float(payment["amount"]) * 100) for payment in json.loads(payments))
        assert fen == round(float(received) * 100)


def test_each_way_in_which_money_is_not_received_occurs(week: dict[str, Frames]) -> None:
    charges = pl.concat([newest(frames["charge"]) for frames in week.values()])
    for column in ("discount", "waived", "uncollected"):
        assert (charges[column] > 0).sum() > 20, column
    assert charges["method"].n_unique() > 7
    assert pl.concat([frames["refund"] for frames in week.values()]).height > 10


def test_a_long_term_parker_is_never_in_a_lot_twice(week: dict[str, Frames]) -> None:
    for code, frames in week.items():
        exits = newest(frames["exit"]).filter(pl.col("owner_name").is_not_null() & pl.col("entered_at").is_not_null())
        stays = exits.filter(pl.col("occurred_at") > pl.col("entered_at")).sort("owner_name", "plate", "entered_at")
        same = stays.with_columns(gone=pl.col("occurred_at").shift(1).over("owner_name", "plate"))
        assert same.filter(pl.col("gone") > pl.col("entered_at")).is_empty(), code


def test_inner_passages_lie_within_outer_stays(week: dict[str, Frames]) -> None:
    frames = week[GARDEN.code]
    inner = frames["inner_exit"].with_columns(outer=pl.col("record_id").str.slice(1))
    both = inner.join(newest(frames["exit"]), left_on="outer", right_on="record_id")
    assert both.height > 500
    assert (both["occurred_at"] < both["occurred_at_right"]).all()
    assert set(inner["area_id"]) == {"garage"}


def test_duplicates_corrections_and_voids_are_sent(week: dict[str, Frames]) -> None:
    entries = week[MALL.code]["entry"]
    keys = entries.group_by("record_id", "revision", "op").len()
    assert keys.filter(pl.col("len") == 2).height > 10
    assert entries.filter((pl.col("revision") == 1) & (pl.col("op") == "upsert")).height > 10
    assert entries.filter(pl.col("op") == "void").height > 3
    charges = week[MALL.code]["charge"]
    assert charges.filter(pl.col("revision") == 1).height > 10


def test_records_of_an_outage_come_late_and_say_so(week: dict[str, Frames]) -> None:
    late = pl.concat([frames["entry"].filter(pl.col("mode") == "backfill") for frames in week.values()])
    assert late.height > 20
    assert ((late["sent_at"] - late["occurred_at"]) > timedelta(seconds=20)).all()
    beats = pl.concat([frames["heartbeat"] for frames in week.values()])
    assert (beats["mode"] == "backfill").sum() < 20  # only one that was on its way when the line broke


def test_free_spaces_follow_from_the_cars_inside(week: dict[str, Frames]) -> None:
    frames = week[MALL.code]
    whole = frames["free_space_count"].filter(pl.col("area_id").is_null())
    assert ((whole["free_spaces"] >= 0) & (whole["free_spaces"] <= MALL.capacity)).all()
    by_hour = whole.group_by(pl.col("occurred_at").dt.convert_time_zone("Asia/Shanghai").dt.hour()).agg(
        pl.col("free_spaces").mean()
    )
    hours = dict(by_hour.rows())
    assert hours[4] > 0.97 * MALL.capacity
    assert hours[19] < 0.6 * MALL.capacity


def test_the_mall_fills_at_weekends_and_the_garden_at_night(week: dict[str, Frames]) -> None:
    local = pl.col("occurred_at").dt.convert_time_zone("Asia/Shanghai")
    mall = newest(week[MALL.code]["entry"]).filter(pl.col("occurred_at") >= datetime(2026, 3, 8, 16, tzinfo=UTC))
    per_day = dict(mall.group_by(local.dt.weekday()).len().rows())
    assert per_day[6] > 1.5 * per_day[2]
    garden = week[GARDEN.code]["free_space_count"].filter(pl.col("area_id").is_null())
    per_hour = dict(garden.group_by(local.dt.hour()).agg(pl.col("free_spaces").mean()).rows())
    assert per_hour[3] < per_hour[13]


def test_devices_of_all_types_report_and_their_faults_raise_alarms_that_recover(week: dict[str, Frames]) -> None:
    states = pl.concat([frames["device_state"] for frames in week.values()])
    assert set(states["device_type"]) == {"controller", "camera", "terminal", "pay_station", "display"}
    assert set(states["state"]) == {"online", "offline", "fault"}
    alarms = pl.concat([frames["alarm"] for frames in week.values()])
    counts = dict(alarms.group_by("event").len().rows())
    assert counts["raised"] == counts["recovered"] > 20


def test_history_stops_at_its_end_and_the_feed_goes_on_without_gap_or_overlap(tmp_path: Path) -> None:
    until = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
    files = write_history([MALL], SEED, days=2, until=until, folder=tmp_path)
    history = {
        (file.kind, *key)
        for file in files
        for key in pl.read_parquet(file.path).select("record_id", "revision", "op").rows()
    }
    seconds = int(until.timestamp())
    before = Feed(MALL, SEED).due(seconds - 3600, seconds)
    after = Feed(MALL, SEED).due(seconds, seconds + 3600)
    assert len(before) > 100
    assert {(row["kind"], row["record_id"], row["revision"], row["op"]) for row in before} <= history
    fresh = {(row["kind"], row["record_id"], row["revision"], row["op"]) for row in after}
    repeats = fresh & history
    assert len(repeats) < 0.02 * len(fresh)  # only records that are sent twice on purpose, once on each side


def test_a_restarted_feed_sends_the_same(tmp_path: Path) -> None:
    start = int(datetime(2026, 3, 5, 9, 30, tzinfo=UTC).timestamp())
    running = Feed(GARDEN, SEED)
    ticks = [row for second in range(60) for row in running.due(start + 10 * second, start + 10 * second + 10)]
    assert ticks == Feed(GARDEN, SEED).due(start, start + 600)
    assert len(ticks) > 5


def test_what_is_sent_long_after_its_time_is_marked_as_late() -> None:
    start = int(datetime(2026, 3, 5, 9, 30, tzinfo=UTC).timestamp())
    rows = Feed(GARDEN, SEED).due(start, start + 3600, now=start + 7200)
    assert {row["mode"] for row in rows} == {"backfill"}


def test_writing_history_again_gives_the_same_bytes(tmp_path: Path) -> None:
    until = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
    once = write_history([GARDEN], SEED, days=1, until=until, folder=tmp_path / "a")
    again = write_history([GARDEN], SEED, days=1, until=until, folder=tmp_path / "b")
    assert [file.path.read_bytes() for file in once] == [file.path.read_bytes() for file in again]


def test_scale_changes_the_traffic() -> None:
    small = records(MALL, SEED, FIRST, FIRST, scale=0.1)["entry"].height
    whole = records(MALL, SEED, FIRST, FIRST)["entry"].height
    assert 0.05 < small / whole < 0.25


def test_drawn_plates_have_known_forms() -> None:
    plates, colors = draw_plates(np.random.default_rng(1), 5_000, ("沪A", "浙B"))
    assert [plate for plate in plates if recognise(str(plate))[1]] == []
    assert {"blue", "green", "yellow", "white", "black"} == set(colors.tolist())
    lengths = Counter(len(plate) for plate in plates)
    assert set(lengths) == {7, 8}


@pytest.mark.parametrize(
    ("minutes", "fen"),
    [
        (0, 0),
        (15, 0),
        (16, 1000),
        (60, 1000),
        (61, 1500),
        (90, 1500),
        (91, 2000),
        (1440, 4000),
        (1441, 5000),
        (2900, 9000),
    ],
)
def test_fees_follow_the_rule(minutes: int, fen: int) -> None:
    tariff = Tariff(free_minutes=15, first_minutes=60, first_fen=1000, unit_minutes=30, unit_fen=500, cap_fen=4000)
    assert fee_fen(tariff, np.array([minutes * 60]))[0] == fen
