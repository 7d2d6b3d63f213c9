"""What breaks a rule at this moment.

Belongs here: asking the live state, a few questions for all lots at once, and comparing with each lot's rule. Does not
belong here: what becomes of a broken rule (``reconcile.py``), what is usual for a lot (``expectations.py``).

What cannot be known is neither broken nor kept: while our own lander stands still nothing is said about lots, and
nothing about the devices of a lot that is silent. Their open alarms stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from warehouse.alarms import kinds
from warehouse.alarms.expectations import WINDOWS, Expectations, end_of_windows, shares_of_windows, thin_window
from warehouse.alarms.kinds import Rules, Setting
from warehouse.alarms.platform import lander_silent_since
from warehouse.ops.models import (
    AlarmWatch,
    AreaCapacity,
    AreaFreeSpaces,
    DeviceLive,
    Lot,
    LotLive,
    Node,
    RecentOpening,
    UploadSlot,
)
from warehouse.settings import Settings

OPENINGS_WITHIN: Final = timedelta(hours=1)
DOUBTFUL: Final = timedelta(minutes=2)
"""Time without any lot after which a lander that gives no sign of life makes silence say nothing about lots."""
_NOTHING: Final = (0,) * len(WINDOWS)
Key = tuple[int | None, str]
"""Lot (None: the platform) and kind with subject."""


@dataclass(frozen=True)
class Condition:
    """A rule that is broken; ``details`` are the figures of its sentence."""

    kind: str
    level: str
    details: Mapping[str, Any]
    device_id: str | None = None
    device_type: str | None = None
    gate_id: str | None = None


@dataclass
class Watched:
    """Something that becomes an alarm if it lasts."""

    since: datetime | None
    value: int | None = None


@dataclass
class Found:
    """What is the case: broken rules by lot and key, what is not known, and what is watched on."""

    conditions: dict[Key, Condition] = field(default_factory=dict)
    unknown_kinds: set[str] = field(default_factory=set)
    unknown_lots: set[int] = field(default_factory=set)
    unknown_silence: set[int] = field(default_factory=set)
    watched: dict[tuple[str, int, str], Watched] = field(default_factory=dict)
    lots: int = 0

    def is_unknown(self, kind: str, lot_id: int | None) -> bool:
        """Whether nothing is known about a kind of rule at a lot."""
        if kind in self.unknown_kinds:
            return True
        if kind == kinds.LOT_SILENT:
            return lot_id in self.unknown_silence
        return lot_id in self.unknown_lots and kind in _OF_LIVE_LOTS


_OF_LIVE_LOTS: Final = frozenset({kinds.DEVICE_OFFLINE, kinds.THIN_HOUR, kinds.BACKLOG_GROWING})
_OF_LANDED: Final = _OF_LIVE_LOTS | {kinds.LOT_SILENT, kinds.ALL_SILENT}


@dataclass(frozen=True)
class _Lot:
    lot_id: int
    customer_id: int
    time_zone: str
    licence_to: date | None
    received_at: datetime | None
    drift: float | None
    pending: int | None


class Asking:
    """One evaluation: every question at one moment."""

    def __init__(
        self,
        settings: Settings,
        session: Session,
        now: datetime,
        expectations: Expectations,
        watching_since: datetime | None = None,
    ) -> None:
        """``watching_since``: before it nobody of ours listened, so that silence then was not a lot's."""
        self._settings = settings
        self._session = session
        self._now = now
        self._expectations = expectations
        self._watching_since = watching_since
        self._rules = Rules.read(session)
        self._found = Found()
        self._lots: dict[int, _Lot] = {}
        self._silent: set[int] = set()

    def ask(self) -> Found:
        """Answer everything."""
        self._read_lots()
        self._found.lots = len(self._lots)
        self._lander()
        self._silence()
        self._of_lots()
        self._devices()
        self._free_counts()
        self._openings()
        self._thin_hours()
        self._completeness()
        self._filling()
        return self._found

    def _read_lots(self) -> None:
        rows = self._session.execute(
            select(
                Lot.lot_id,
                Lot.customer_id,
                Lot.time_zone,
                Lot.licence_to,
                LotLive.received_at,
                LotLive.clock_drift_seconds,
                LotLive.pending_records,
            )
            .join(Node, Node.node_id == Lot.customer_id)
            .outerjoin(LotLive, LotLive.lot_id == Lot.lot_id)
            .where(Lot.deleted_at.is_(None), ~Lot.is_void, ~Lot.is_test, Node.deleted_at.is_(None), Node.is_active)
        )
        self._lots = {row[0]: _Lot(*row) for row in rows}

    def _rule(self, kind: str, lot: _Lot) -> Setting:
        return self._rules.of_lot(kind, lot.lot_id, lot.customer_id)

    def _broken(
        self,
        kind: str,
        lot_id: int | None,
        setting: Setting,
        details: Mapping[str, Any],
        subject: str = "",
        **where: str | None,
    ) -> None:
        key = f"{kind}:{subject}" if subject else kind
        told = {"threshold": setting.threshold, **details}
        self._found.conditions[(lot_id, key)] = Condition(kind, setting.level, told, **where)

    def _lander(self) -> None:
        setting = self._rules.of_platform(kinds.LANDER_STOPPED)
        since = lander_silent_since(self._settings, self._session, self._now)
        heard = max((lot.received_at for lot in self._lots.values() if lot.received_at is not None), default=None)
        if since is None or heard is None:
            return
        # As long as a lot is heard, the lander works, however long segments wait for the end of a build.
        stopped = self._now - max(since, heard)
        if stopped >= DOUBTFUL:
            # Whoever switched the alarm off must not get one for each lot instead.
            self._found.unknown_kinds |= _OF_LANDED
        if setting.is_enabled and stopped >= timedelta(minutes=setting.threshold):
            self._broken(kinds.LANDER_STOPPED, None, setting, {"value": _minutes(stopped)})

    def _silence(self) -> None:
        broken: list[tuple[_Lot, Setting, timedelta]] = []
        heard = 0
        for lot in self._lots.values():
            if lot.received_at is None:
                continue  # never connected
            heard += 1
            setting = self._rule(kinds.LOT_SILENT, lot)
            limit = self._now - timedelta(minutes=setting.threshold)
            if lot.received_at > limit:
                continue
            self._silent.add(lot.lot_id)
            if self._watching_since is not None and self._watching_since > limit:
                self._found.unknown_silence.add(lot.lot_id)
            elif setting.is_enabled:
                broken.append((lot, setting, self._now - lot.received_at))
        self._found.unknown_lots |= self._silent
        if kinds.LOT_SILENT in self._found.unknown_kinds:
            return
        every = self._rules.of_platform(kinds.ALL_SILENT)
        if every.is_enabled and heard >= every.threshold and len(broken) == heard:
            self._broken(
                kinds.ALL_SILENT, None, every, {"value": heard, "minutes": _minutes(min(b[2] for b in broken))}
            )
            self._found.unknown_silence |= {lot.lot_id for lot, _setting, _age in broken}
            return
        for lot, setting, age in broken:
            self._broken(kinds.LOT_SILENT, lot.lot_id, setting, {"value": _minutes(age)})

    def _of_lots(self) -> None:
        watched = self._watched(kinds.BACKLOG_GROWING)
        today: dict[str, date] = {}
        for lot in self._lots.values():
            if lot.drift is not None:
                setting = self._rule(kinds.CLOCK_DRIFT, lot)
                if setting.is_enabled and abs(lot.drift) > setting.threshold:
                    self._broken(kinds.CLOCK_DRIFT, lot.lot_id, setting, {"value": round(lot.drift)})
            if lot.licence_to is not None:
                setting = self._rule(kinds.LICENCE_ENDING, lot)
                if lot.time_zone not in today:
                    today[lot.time_zone] = self._now.astimezone(ZoneInfo(lot.time_zone)).date()
                left = (lot.licence_to - today[lot.time_zone]).days
                if setting.is_enabled and left <= setting.threshold:
                    self._broken(kinds.LICENCE_ENDING, lot.lot_id, setting, {"value": left, "day": str(lot.licence_to)})
            if lot.pending:
                self._backlog(lot, lot.pending, watched.get((lot.lot_id, "")))

    def _backlog(self, lot: _Lot, pending: int, before: Watched | None) -> None:
        """A backlog that has grown and not shrunk since ``Watched.since``."""
        since = None if before is None or (before.value or 0) > pending else before.since
        if since is None and before is not None and pending > (before.value or 0):
            since = self._now
        self._found.watched[(kinds.BACKLOG_GROWING, lot.lot_id, "")] = Watched(since, pending)
        setting = self._rule(kinds.BACKLOG_GROWING, lot)
        if setting.is_enabled and since is not None and self._now - since >= timedelta(minutes=setting.threshold):
            details = {"value": pending, "minutes": _minutes(self._now - since)}
            self._broken(kinds.BACKLOG_GROWING, lot.lot_id, setting, details)

    def _devices(self) -> None:
        watched = self._watched(kinds.DEVICE_OFFLINE)
        rows = self._session.execute(
            select(DeviceLive.lot_id, DeviceLive.device_id, DeviceLive.device_type, DeviceLive.reported_at).where(
                DeviceLive.state == "offline"
            )
        ).tuples()
        for lot_id, device_id, device_type, reported_at in rows:
            lot = self._lots.get(lot_id)
            if lot is None:
                continue
            before = watched.get((lot_id, device_id))
            # A lot says "offline" again and again: what counts is the first time.
            since = before.since if before is not None and before.since is not None else reported_at
            self._found.watched[(kinds.DEVICE_OFFLINE, lot_id, device_id)] = Watched(since)
            if lot_id in self._silent:
                continue
            setting = self._rule(kinds.DEVICE_OFFLINE, lot)
            if setting.is_enabled and self._now - since >= timedelta(minutes=setting.threshold):
                self._broken(
                    kinds.DEVICE_OFFLINE,
                    lot_id,
                    setting,
                    {"value": _minutes(self._now - since)},
                    device_id,
                    device_id=device_id,
                    device_type=device_type,
                )

    def _watched(self, kind: str) -> dict[tuple[int, str], Watched]:
        rows = self._session.execute(
            select(AlarmWatch.lot_id, AlarmWatch.subject, AlarmWatch.since, AlarmWatch.value).where(
                AlarmWatch.kind == kind
            )
        ).tuples()
        return {(lot_id, subject): Watched(since, value) for lot_id, subject, since, value in rows}

    def _free_counts(self) -> None:
        in_force = (
            select(
                AreaCapacity.lot_id,
                func.coalesce(AreaCapacity.area_id, "").label("area_id"),
                AreaCapacity.spaces,
                func.row_number()
                .over(partition_by=(AreaCapacity.lot_id, AreaCapacity.area_id), order_by=AreaCapacity.valid_from.desc())
                .label("place"),
            )
            .where(AreaCapacity.valid_from <= self._now.date())
            .subquery()
        )
        capacity = func.coalesce(AreaFreeSpaces.total_spaces, in_force.c.spaces)
        rows = self._session.execute(
            select(AreaFreeSpaces.lot_id, AreaFreeSpaces.area_id, AreaFreeSpaces.free_spaces, capacity)
            .outerjoin(
                in_force,
                (in_force.c.lot_id == AreaFreeSpaces.lot_id)
                & (in_force.c.area_id == AreaFreeSpaces.area_id)
                & (in_force.c.place == 1),
            )
            .where(or_(AreaFreeSpaces.free_spaces < 0, AreaFreeSpaces.free_spaces > capacity))
        ).tuples()
        for lot_id, area_id, free, spaces in rows:
            lot = self._lots.get(lot_id)
            if lot is None:
                continue
            setting = self._rule(kinds.FREE_COUNT_IMPOSSIBLE, lot)
            excess = -free if free < 0 else free - int(spaces)
            if setting.is_enabled and excess > setting.threshold:
                details = {"value": free, "spaces": spaces, "area": area_id}
                self._broken(kinds.FREE_COUNT_IMPOSSIBLE, lot_id, setting, details, area_id)

    def _openings(self) -> None:
        rows = self._session.execute(
            select(RecentOpening.lot_id, RecentOpening.gate_id, func.count())
            .where(RecentOpening.opened_at > self._now - OPENINGS_WITHIN, RecentOpening.is_counted)
            .group_by(RecentOpening.lot_id, RecentOpening.gate_id)
        ).tuples()
        for lot_id, gate_id, openings in rows:
            lot = self._lots.get(lot_id)
            if lot is None:
                continue
            setting = self._rule(kinds.ABNORMAL_OPENING, lot)
            if setting.is_enabled and openings >= setting.threshold:
                where = gate_id or None
                self._broken(kinds.ABNORMAL_OPENING, lot_id, setting, {"value": openings}, gate_id, gate_id=where)

    def _thin_hours(self) -> None:
        expected = self._expectations.uploads(self._now)
        counted_since = self._session.scalar(select(func.min(UploadSlot.slot_started_at)))
        if expected is None or counted_since is None:
            self._found.unknown_kinds.add(kinds.THIN_HOUR)
            return
        if kinds.THIN_HOUR in self._found.unknown_kinds:
            return
        received = self._received()
        shares = shares_of_windows(self._now, max(filter(None, (counted_since, self._watching_since))))
        for lot_id, usual in expected.items():
            lot = self._lots.get(lot_id)
            if lot is None or lot_id in self._silent:
                continue
            window = thin_window(shares, usual, received.get(lot_id, _NOTHING))
            if window is None:
                continue
            setting = self._rule(kinds.THIN_HOUR, lot)
            if setting.is_enabled and window.received * 100 < window.expected * setting.threshold:
                details = {
                    "value": window.received,
                    "expected": round(window.expected),
                    "minutes": window.minutes,
                }
                self._broken(kinds.THIN_HOUR, lot_id, setting, details)

    def _received(self) -> dict[int, tuple[int, ...]]:
        """Live records of each lot in each of the windows, added up by the store."""
        end = end_of_windows(self._now)
        starts = [end - timedelta(minutes=minutes) for minutes in WINDOWS]
        sums = [func.sum(case((UploadSlot.slot_started_at >= start, UploadSlot.records), else_=0)) for start in starts]
        rows = self._session.execute(
            select(UploadSlot.lot_id, *sums)
            .where(UploadSlot.slot_started_at >= min(starts), UploadSlot.slot_started_at < end)
            .group_by(UploadSlot.lot_id)
        )
        return {row[0]: tuple(int(records) for records in row[1:]) for row in rows}

    def _completeness(self) -> None:
        days = self._expectations.completeness(self._now)
        if days is None:
            self._found.unknown_kinds.add(kinds.COMPLETENESS_LOW)
            return
        for lot_id, (expected, received) in days.items():
            lot = self._lots.get(lot_id)
            if lot is None:
                continue
            setting = self._rule(kinds.COMPLETENESS_LOW, lot)
            if setting.is_enabled and received * 100 < expected * setting.threshold:
                details = {"value": received * 100 // expected, "expected": expected, "received": received}
                self._broken(kinds.COMPLETENESS_LOW, lot_id, setting, details)

    def _filling(self) -> None:
        told = self._expectations.filling(self._now)
        if told is None:
            self._found.unknown_kinds.add(kinds.ABOUT_TO_FILL)
            return
        for one in told:
            lot = self._lots.get(one.lot_id)
            if lot is None:
                continue
            setting = self._rule(kinds.ABOUT_TO_FILL, lot)
            if setting.is_enabled and one.forecast * 100 >= one.spaces * setting.threshold:
                details = {"value": one.forecast, "spaces": one.spaces, "cars": one.cars}
                self._broken(kinds.ABOUT_TO_FILL, one.lot_id, setting, details)


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)
