"""The present state of devices.

Belongs here: what a device is in at this moment, from its last report and its lot's heartbeat. Does not belong here:
what the device is called and its history (reports), writing live state (ingest).

A device reports when its state changes; in between its lot vouches for it. When the lot's heartbeat stops, nobody knows
any more: its devices are unknown, and never still online.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from warehouse.ops.models import DeviceLive, LotLive

VOUCHED_FOR: Final = timedelta(minutes=15)
"""Silence after which a lot does not vouch for its devices; lots beat every five minutes."""
UNKNOWN: Final = "unknown"
_CHUNK: Final = 400

DeviceKey = tuple[int, str]


@dataclass(frozen=True)
class DeviceNow:
    """A device at this moment: ``state`` online, offline, fault or unknown, and when it was last known to work."""

    state: str
    reported_at: datetime | None
    last_seen: datetime | None


NEVER_HEARD: Final = DeviceNow(UNKNOWN, None, None)


def device_states_of(session: Session, keys: Collection[DeviceKey], now: datetime) -> dict[DeviceKey, DeviceNow]:
    """The present state of these devices, by (lot_id, device_id); one that never reported is left out."""
    found: dict[DeviceKey, DeviceNow] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        # SQLite finds pairs by the index only when the lots are named as well.
        rows = session.execute(
            select(
                DeviceLive.lot_id, DeviceLive.device_id, DeviceLive.state, DeviceLive.reported_at, LotLive.heartbeat_at
            )
            .outerjoin(LotLive, LotLive.lot_id == DeviceLive.lot_id)
            .where(DeviceLive.lot_id.in_({lot_id for lot_id, _device_id in chunk}))
            .where(tuple_(DeviceLive.lot_id, DeviceLive.device_id).in_(chunk))
        )
        for lot_id, device_id, state, reported_at, heartbeat_at in rows:
            found[lot_id, device_id] = _now(state, reported_at, heartbeat_at, now)
    return found


def _now(state: str, reported_at: datetime, heartbeat_at: datetime | None, now: datetime) -> DeviceNow:
    # A report is word from the lot as well.
    vouched_at = max(reported_at, heartbeat_at) if heartbeat_at is not None else reported_at
    last_seen = vouched_at if state == "online" else reported_at
    return DeviceNow(state if now - vouched_at <= VOUCHED_FOR else UNKNOWN, reported_at, last_seen)


def count_device_states(
    session: Session, lot_ids: Sequence[int] | None, device_type: str, now: datetime
) -> dict[str, int]:
    """How many devices of a type are in which state now; None stands for all lots."""
    since = now - VOUCHED_FOR
    vouched = (DeviceLive.reported_at >= since) | (LotLive.heartbeat_at >= since)
    query = (
        select(DeviceLive.state, func.count(), func.count().filter(vouched))
        .outerjoin(LotLive, LotLive.lot_id == DeviceLive.lot_id)
        .where(DeviceLive.device_type == device_type)
        .group_by(DeviceLive.state)
    )
    counts: dict[str, int] = {}
    parts = [lot_ids[start : start + _CHUNK] for start in range(0, len(lot_ids), _CHUNK)] if lot_ids is not None else []
    for part in parts if lot_ids is not None else (None,):
        rows = session.execute(query if part is None else query.where(DeviceLive.lot_id.in_(part)))
        for state, devices, known in rows:
            counts[state] = counts.get(state, 0) + known
            counts[UNKNOWN] = counts.get(UNKNOWN, 0) + devices - known
    return counts
