"""Entries, exits and inner passages of stays, with what goes wrong at gates: misread plates, corrections, ghost cars.

Belongs here: turning drawn stays into passage records. Nothing here is random.
"""

from __future__ import annotations

import hashlib

import polars as pl

from ingest.simulator.frames import Frames, corrected
from ingest.simulator.model import Gate, LotModel

INSIDE_AFTER = 140
"""Seconds from the outer gate to the inner one, and back."""

GHOST_SHARE = 0.0015
_SNAPSHOT_SHARE = 0.2


def passages(lot: LotModel, stays: pl.DataFrame) -> Frames:
    """Frames of entry, exit, inner_entry, inner_exit and snapshot."""
    base = stays.with_columns(
        charge_class=pl.when(pl.col("member") >= 0).then(pl.col("vehicle_class")).otherwise(pl.lit("temporary")),
        entry_id=pl.lit("E") + pl.col("stay_id"),
        exit_id=pl.lit("X") + pl.col("stay_id"),
    )
    entries = _with_gate(base.filter(pl.col("lost") != "entry"), lot.gates_of("entry"), "entry")
    exits = _with_gate(base.filter(pl.col("lost") != "exit"), lot.gates_of("exit"), "exit")
    # Most exits know which entry they close; the others leave the pairing to the plate.
    knows = (pl.col("lost") != "entry") & (pl.col("u_exit") > 0.15)
    exits = exits.with_columns(
        entry_record_id=pl.when(knows).then(pl.col("entry_id")),
        entered_at=pl.when(pl.col("u_exit") > 0.1).then(pl.col("entry_at")),
    )
    misread = pl.col("plate").str.slice(0, 2) + pl.col("plate").str.slice(2).str.reverse()
    repair = {"remark": pl.lit("人工更正车牌")}
    frames = {
        "entry": pl.concat(
            [corrected(entries, pl.col("u_entry"), {"plate": misread}, repair), _ghosts(entries)], how="diagonal"
        ),
        "exit": corrected(exits, pl.col("u_exit"), {"plate": misread}, repair),
    }
    frames |= _inner(lot, base)
    if lot.habits.snapshots:
        frames["snapshot"] = _snapshots(lot, exits.filter(pl.col("u_exit") > 1 - _SNAPSHOT_SHARE))
    return frames


def inner_times(frame: pl.DataFrame) -> pl.DataFrame:
    """Times at which cars that go inside pass the inner gates; such stays last more than 15 minutes."""
    return frame.filter(pl.col("goes_inside")).with_columns(
        inner_entry_at=pl.col("entry_at") + INSIDE_AFTER, inner_exit_at=pl.col("exit_at") - INSIDE_AFTER
    )


def _with_gate(frame: pl.DataFrame, gates: tuple[Gate, ...], direction: str) -> pl.DataFrame:
    index = pl.col(f"{direction}_gate")
    places = range(len(gates))
    return frame.with_columns(
        record_id=pl.col(f"{direction}_id"),
        occurred_at=pl.col(f"{direction}_at"),
        plate=pl.col(f"{direction}_plate"),
        gate_id=index.replace_strict(list(places), [gate.gate_id for gate in gates], return_dtype=pl.String),
        controller_id=index.replace_strict(
            list(places), [gate.controller_id for gate in gates], return_dtype=pl.String
        ),
        remark=pl.lit(None, dtype=pl.String),
    )


def _ghosts(entries: pl.DataFrame) -> pl.DataFrame:
    """A camera that fired twice for one car: an entry too many, voided by the guard two minutes later."""
    edge = 1 - GHOST_SHARE
    ghosts = entries.filter(pl.col("u_entry") > edge).with_columns(
        record_id=pl.col("record_id") + "G",
        occurred_at=pl.col("occurred_at") - 6,
        revision=pl.lit(0),
        delay=pl.lit(2),
        op=pl.lit("upsert"),
    )
    voids = ghosts.select("record_id", "occurred_at", revision=pl.lit(1), delay=pl.lit(125), op=pl.lit("void"))
    return pl.concat([ghosts, voids], how="diagonal")


def _inner(lot: LotModel, base: pl.DataFrame) -> Frames:
    area = lot.inner_area
    if area is None:
        return {}
    frames: Frames = {}
    inside = inner_times(base)
    for direction in ("entry", "exit"):
        gate = lot.gates_of(direction, inner=True)[0]
        frames[f"inner_{direction}"] = inside.with_columns(
            record_id=pl.lit("I") + pl.col(f"{direction}_id"),
            occurred_at=pl.col(f"inner_{direction}_at"),
            plate=pl.col(f"{direction}_plate"),
            gate_id=pl.lit(gate.gate_id),
            controller_id=pl.lit(gate.controller_id),
            area_id=pl.lit(area.area_id),
            release_mode=pl.lit("automatic"),
            entry_record_id=pl.lit("I") + pl.col("entry_id"),
            entered_at=pl.col("inner_entry_at"),
        )
    return frames


def _snapshots(lot: LotModel, exits: pl.DataFrame) -> pl.DataFrame:
    identities = exits["record_id"].to_list()
    hashes = [hashlib.sha256(f"{lot.code}/{identity}".encode()).hexdigest() for identity in identities]
    return exits.select(
        record_id=pl.lit("S") + pl.col("record_id"),
        occurred_at=pl.col("occurred_at"),
        delay=pl.lit(4),
        linked_kind=pl.lit("exit"),
        linked_record_id=pl.col("record_id"),
        content_hash=pl.Series(hashes, dtype=pl.String),
        content_type=pl.lit("image/jpeg"),
        size_bytes=86_000 + (pl.col("u_exit") * 10**7).cast(pl.Int64) % 120_000,
        url=pl.format("snapshots/{}/{}.jpg", pl.lit(lot.code), pl.col("record_id")),
    )
