"""Stays: which cars come to a lot on one day, when they leave and what is unusual about each.

Belongs here: every random draw about a stay. Does not belong here: records (``passages.py``, ``money.py``), which
follow from these draws without chance. Times are unix seconds, amounts fen. A stay belongs to the day of its entry.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.simulator.members import pool
from ingest.simulator.model import LotModel
from ingest.simulator.plates import draw_plates, misread
from ingest.simulator.seeds import Stream, generator, midnight
from ingest.simulator.tariff import fee_fen

LONGEST_DAYS = 4
"""No stay lasts longer, so the cars in a lot are among the stays of this many days and the present one."""

Numbers = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


@lru_cache(maxsize=600)
def stays_of_day(lot: LotModel, seed: int, day: date, scale: float = 1.0) -> pl.DataFrame:
    """The stays that begin on ``day``, in order of entry; one row per stay, columns as drawn below."""
    rng = generator(seed, lot, Stream.STAYS, day)
    start = midnight(lot, day)
    weather = float(np.clip(rng.normal(1.0, 0.07), 0.75, 1.25))
    visitors = _visitors(rng, lot, day, start, scale * weather)
    members = _members(rng, lot, seed, day, start)
    frame = pl.concat([visitors, members]).sort("entry_at", "plate")
    return _details(rng, lot, day, frame)


def stays(lot: LotModel, seed: int, days: list[date], scale: float = 1.0) -> pl.DataFrame:
    """The stays that begin on any of ``days``."""
    return pl.concat([stays_of_day(lot, seed, day, scale) for day in days])


def _visitors(rng: np.random.Generator, lot: LotModel, day: date, start: int, factor: float) -> pl.DataFrame:
    plan = lot.visitors
    count = int(rng.poisson(plan.per_day[day.weekday()] * factor))
    weights = np.array(plan.weekend_hours if day.weekday() >= 5 else plan.workday_hours)
    hours = rng.choice(24, count, p=weights / weights.sum())
    entry = start + hours * 3600 + rng.integers(0, 3600, count)
    parts = rng.choice(len(plan.stays), count, p=[part.share for part in plan.stays])
    medians = np.array([part.median_minutes for part in plan.stays])[parts]
    spreads = np.array([part.sigma for part in plan.stays])[parts]
    seconds = np.exp(rng.normal(np.log(medians * 60), spreads)).astype(np.int64)
    seconds = np.clip(seconds, 50, (LONGEST_DAYS - 1) * 86400)
    plates, colors = draw_plates(rng, count, lot.home_plates)
    return pl.DataFrame(
        {
            "entry_at": entry.astype(np.int64),
            "exit_at": entry + seconds,
            "plate": plates,
            "plate_color": colors,
            "member": np.full(count, -1, dtype=np.int64),
            "owner_name": pl.Series([None] * count, dtype=pl.String),
            "owner_id": pl.Series([None] * count, dtype=pl.String),
        }
    )


def _members(rng: np.random.Generator, lot: LotModel, seed: int, day: date, start: int) -> pl.DataFrame:
    plan, people = lot.members, pool(lot, seed)
    share = plan.weekend_share if day.weekday() >= 5 else plan.workday_share
    here = np.flatnonzero(rng.random(plan.count) < share)
    count = len(here)
    entry = start + (np.clip(rng.normal(*plan.arrive, count), 15.2 if plan.overnight else 0.2, 23.4) * 3600).astype(int)
    exit_at = entry + (np.clip(rng.normal(*plan.stay, count), 0.5, 23.0) * 3600).astype(int)
    # A member's stays must not overlap: those at home at night are gone by 15:00, the others by midnight.
    latest = start + (39 * 3600 if plan.overnight else 86100)
    exit_at = np.minimum(exit_at, latest - rng.integers(0, 600, count))
    exit_at = np.maximum(exit_at, entry + 60)
    return pl.DataFrame(
        {
            "entry_at": entry.astype(np.int64),
            "exit_at": exit_at.astype(np.int64),
            "plate": people.plates[here],
            "plate_color": people.colors[here],
            "member": here.astype(np.int64),
            "owner_name": people.names[here],
            "owner_id": people.owner_ids[here],
        }
    )


def _details(rng: np.random.Generator, lot: LotModel, day: date, frame: pl.DataFrame) -> pl.DataFrame:
    count = frame.height
    habits = lot.habits
    is_member = frame["member"].to_numpy() >= 0
    entry = frame["entry_at"].to_numpy()
    # A clock set back between entry and exit: the stay is negative, and the reports must say so.
    set_back = rng.random(count) < 0.0002
    exit_at = np.where(set_back, entry - 35, frame["exit_at"].to_numpy())
    is_registered = is_member & (rng.random(count) < 0.02)
    columns: dict[str, Any] = {
        "stay_id": [f"{day:%Y%m%d}-{number:05d}" for number in range(count)],
        "exit_at": exit_at,
        "vehicle_class": np.where(is_member, np.where(is_registered, "registered_temporary", "long_term"), "temporary"),
    }
    columns |= _readings(rng, lot, frame)
    for direction in ("entry", "exit"):
        columns[f"{direction}_gate"] = _gates(rng, lot, direction, count)
    columns["goes_inside"] = (
        (rng.random(count) < np.where(is_member, 0.82, 0.12)) & (exit_at - entry > 900) & (lot.inner_area is not None)
    )
    columns |= _payment(rng, lot, np.maximum(exit_at - entry, 0), ~is_member | is_registered)
    columns["u_entry"], columns["u_exit"], columns["u_charge"] = rng.random((3, count))
    columns["lost"] = rng.choice(
        np.array(["", "entry", "exit"]), count, p=[1 - 2 * habits.lost_record, habits.lost_record, habits.lost_record]
    )
    return frame.with_columns(**{name: pl.Series(name, values) for name, values in columns.items()})


def _readings(rng: np.random.Generator, lot: LotModel, frame: pl.DataFrame) -> dict[str, Any]:
    """Plates as the cameras read them: not at all, one character wrong, or right."""
    count, plates = frame.height, frame["plate"].to_numpy().astype("<U12")
    unread = rng.random(count) < lot.habits.no_plate
    readings: dict[str, Any] = {}
    for direction in ("entry", "exit"):
        wrong = np.flatnonzero(rng.random(count) < lot.habits.misread / 2)
        read = plates.copy()
        read[wrong] = misread(rng, plates[wrong])
        series = pl.Series(read)
        readings[f"{direction}_plate"] = (
            pl.DataFrame({"read": series, "unread": unread})
            .select(pl.when("unread").then(None).otherwise("read"))
            .to_series()
        )
    return readings


def _gates(rng: np.random.Generator, lot: LotModel, direction: str, count: int) -> Numbers:
    weights = np.array([gate.weight for gate in lot.gates_of(direction)])
    chosen: Numbers = rng.choice(len(weights), count, p=weights / weights.sum()).astype(np.int64)
    return chosen


def _payment(rng: np.random.Generator, lot: LotModel, seconds: Numbers, pays: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Amounts of each stay and how it was paid; receivable = discount + waived + received + uncollected."""
    count, habits = len(seconds), lot.habits
    receivable = np.where(pays, fee_fen(lot.tariff, seconds), 0)
    has_coupon = rng.random(count) < habits.coupon
    discount = np.where(
        has_coupon, np.minimum(rng.choice([500, 1000, 2000], count, p=[0.5, 0.35, 0.15]), receivable), 0
    )
    rest = receivable - discount
    u = rng.random(count)
    is_waived = u < habits.waived
    waived = np.where(is_waived, np.where(u < habits.waived / 2, rest, rest // 200 * 100), 0)
    escaped = (u >= habits.waived) & (u < habits.waived + habits.escaped) & (rest > 0)
    uncollected = np.where(escaped, rest, 0)
    received = rest - waived - uncollected
    names = list(lot.method_shares)
    shares = np.array(list(lot.method_shares.values()))
    methods = np.array(names)[rng.choice(len(names), count, p=shares / shares.sum())]
    is_split = (rng.random(count) < 0.006) & (received >= 1000) & (methods != "cash")
    cash_part = np.where(is_split, received // 200 * 100, 0)
    is_prepaid = (rng.random(count) < habits.prepaid) & (received > 0) & (methods != "cash") & (seconds > 1200)
    paid_before = np.where(is_prepaid, rng.integers(120, 840, count), rng.integers(3, 25, count))
    u_release = rng.random(count)
    is_scan = (received > 0) & ~is_prepaid & (methods != "cash") & (u_release < 0.75)
    release = np.where(
        is_scan, "exit_scan", np.where(is_prepaid, "prepaid", np.where(u_release < 0.9, "automatic", "software"))
    )
    release = np.where(u_release > 1 - habits.manual_release, "manual", release)
    release = np.where(u_release > 1 - habits.manual_release / 4, "remote", release)
    release = np.where(escaped, "forced", release)
    refund_after = np.where(rng.random(count) < habits.refund, rng.integers(600, 2 * 86400, count), -1)
    return {
        "receivable": receivable,
        "discount": discount,
        "waived": waived,
        "received": received,
        "uncollected": uncollected,
        "method": methods,
        "cash_part": cash_part,
        "paid_before": paid_before,
        "is_prepaid": is_prepaid,
        "release_mode": release,
        "refund_after": np.where(received > 0, refund_after, -1),
        "u_invoice": rng.random(count),
    }
