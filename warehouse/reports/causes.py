"""Why figures moved: the records behind a difference, and the days and rows that each of them touches.

Belongs here: which kinds feed a report, and joining records to rows of it. Does not belong here: the difference itself
(``difference``) and reading raw tables (``warehouse.lake.restated``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from warehouse.lake.reader import IN_MEMORY, Reader, View
from warehouse.lake.restated import ChangedRecord
from warehouse.reports.relations import LotPredicate

_PASSAGES: Final = ("entry", "exit", "inner_entry", "inner_exit")
_MONEY: Final = ("charge", "refund")
_ALL: Final = (
    *_PASSAGES, *_MONEY, "renewal", "top_up", "gate_opening", "shift", "alarm", "device_state", "free_space_count",
    "invoice", "snapshot", "heartbeat",
)  # fmt: skip
KINDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "fct_passage": _PASSAGES,
    "fct_stay": _PASSAGES,
    "rpt_traffic_hour": _PASSAGES,
    "rpt_stay_day": _PASSAGES,
    "rpt_occupancy_hour": _ALL,  # hours that have uploads, of any kind
    "fct_charge": _MONEY,
    "rpt_fee_day": _MONEY,
    "fct_renewal": ("renewal", "top_up"),
    "rpt_renewal_day": ("renewal", "top_up"),
    "fct_gate_opening": ("gate_opening",),
    "fct_shift": ("shift",),
    "fct_alarm": ("alarm",),
    "fct_device_interval": ("device_state",),
    "rpt_device_day": ("device_state",),
    "fct_free_space": ("free_space_count",),
    "fct_invoice": ("invoice",),
    "fct_snapshot": ("snapshot",),
    "rpt_upload_hour": _ALL,
    "rpt_completeness_day": _ALL,
    "rpt_arrival_day": _ALL,
    "rpt_quality_day": _ALL,
}
PAIRING_REACH: Final = 64
"""Days by which a passage can change a row of another day: the pairing horizon and the days beside it."""
_DAY: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_SHOWN_DAYS: Final = 400


@dataclass(frozen=True)
class Cause:
    """A changed record, the days on which it stands in the figures before or after, and the ids it goes with."""

    record: ChangedRecord
    days: frozenset[date]
    ids: frozenset[str]


def kinds_of(marts: Iterable[str]) -> tuple[str, ...]:
    """The record kinds that feed these marts, in the order of the contract; dimensions of devices feed names only."""
    found = {kind for mart in marts for kind in KINDS_OF.get(mart, ())}
    return tuple(kind for kind in _ALL if kind in found)


def causes_of(records: Sequence[ChangedRecord], readers: Sequence[Reader], lots: LotPredicate) -> list[Cause]:
    """The records with the days and ids under which they stand in the marts before and after."""
    days: dict[tuple[int, str, str], set[date]] = defaultdict(set)
    ids: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for record in records:
        key = (record.lot_id, record.kind, record.record_id)
        ids[key].add(record.record_id)
        days[key] |= {day for day in (record.business_date, record.day_before) if day is not None}
    passages = {(record.lot_id, record.record_id): record.kind for record in records if record.kind in _PASSAGES}
    money = {(record.lot_id, record.record_id): record.kind for record in records if record.kind in _MONEY}
    alarms = sorted({record.record_id for record in records if record.kind == "alarm"})
    beside: set[tuple[int, str, str]] = set()
    for reader in readers:
        with reader.view() as view:
            beside |= set(_stays_beside(view, passages, lots))
            for lot_id, stay_id, entry_id, exit_id, first, last in _stays(view, passages, lots):
                span = {first + timedelta(days=step) for step in range(min((last - first).days, _SHOWN_DAYS) + 1)}
                for part in (entry_id, exit_id):
                    kind = passages.get((lot_id, part)) if part is not None else None
                    if kind is not None:
                        days[(lot_id, kind, part)] |= span
                        ids[(lot_id, kind, part)] |= {one for one in (stay_id, entry_id, exit_id) if one is not None}
            for lot_id, kind, record_id, exit_day, charge_id in _charges(view, money, lots):
                key = (lot_id, kind, record_id)
                if key in days:
                    days[key] |= {exit_day} if exit_day is not None else set()
                    ids[key] |= {charge_id} if charge_id is not None else set()
            # A recovery stands in the row that its raise began.
            for lot_id, record_id, alarm_id in _alarm_events(view, alarms, lots):
                ids[(lot_id, "alarm", record_id)].add(alarm_id)
    # A visit turns from open to without an exit, or loses its entry, through the plate's next or last passage.
    stood = [_stood(reader, {stay_id for _, _, stay_id in beside}, lots) for reader in readers]
    for lot_id, part, stay_id in beside:
        then = [stays.get((lot_id, stay_id)) for stays in stood]
        if len(set(then)) > 1:
            key = (lot_id, passages[(lot_id, part)], part)
            days[key] |= {place[1] for place in then if place is not None}
            ids[key].add(stay_id)
    return [
        Cause(
            record,
            frozenset(days[(record.lot_id, record.kind, record.record_id)]),
            frozenset(ids[(record.lot_id, record.kind, record.record_id)]),
        )
        for record in records
    ]


def _has(view: View, mart: str) -> bool:
    known = (
        "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = 'marts' and table_name = $mart"
    )
    return bool(view.query(known, {"mart": mart}).rows)


def _stays(view: View, passages: Mapping[tuple[int, str], str], lots: LotPredicate) -> list[tuple[Any, ...]]:
    """Stays that hold one of the passages, and stays of the same exit at the other moment."""
    if not passages or not _has(view, "fct_stay"):
        return []
    named = sorted({record_id for _, record_id in passages})
    local = "(timezone(l.time_zone, {0}) - to_minutes(l.cutover_minutes))::date"
    first, last = local.format("coalesce(s.entry_at, s.exit_at)"), local.format("coalesce(s.exit_at, s.entry_at)")
    sql = f"""
        select s.lot_id, s.stay_id, s.entry_record_id, s.exit_record_id,
            least({first}, {last}), greatest({first}, {last})
        from (select * from lake.marts.fct_stay where {lots.sql()}) as s
        join (select * from {IN_MEMORY}.dim_lot where {lots.sql()}) as l on l.lot_id = s.lot_id
        where list_contains($named, s.entry_record_id) or list_contains($named, s.exit_record_id)
    """
    return view.query(sql, {**lots.parameters(), "named": named}).rows


def _stays_beside(
    view: View, passages: Mapping[tuple[int, str], str], lots: LotPredicate
) -> list[tuple[int, str, str]]:
    """Lot, passage and stay_id: a plate's visits directly before and after those that hold one of the passages."""
    if not passages or not _has(view, "fct_stay"):
        return []
    named = sorted({record_id for _, record_id in passages})
    visits = "over (partition by lot_id, is_inner, plate order by {0}, stay_id)"
    starts = visits.format("coalesce(entry_at, exit_at)")
    ends = visits.format("coalesce(exit_at, entry_at)")
    sql = f"""
        with stay as (
            select *, unnest(list_distinct([entry_plate, exit_plate])) as seen_plate
            from lake.marts.fct_stay where {lots.sql()}
        ),
        visit as (select * exclude (plate, seen_plate), seen_plate as plate from stay where seen_plate is not null),
        near as (
            select lot_id, entry_record_id, exit_record_id, unnest([
                lag(stay_id) {starts}, lead(stay_id) {starts}, lag(stay_id) {ends}, lead(stay_id) {ends}
            ]) as other_id
            from visit
            where (lot_id, plate) in (
                select lot_id, plate from visit
                where list_contains($named, entry_record_id) or list_contains($named, exit_record_id)
            )
        )
        select distinct lot_id, unnest([entry_record_id, exit_record_id]) as part, other_id
        from near where other_id is not null
    """
    rows = view.query(sql, {**lots.parameters(), "named": named}).rows
    return [(lot_id, part, stay_id) for lot_id, part, stay_id in rows if (lot_id, part) in passages]


def _stood(reader: Reader, stay_ids: set[str], lots: LotPredicate) -> dict[tuple[int, str], tuple[str, date]]:
    """State and business day of visits, by lot and stay_id."""
    if not stay_ids:
        return {}
    sql = f"""
        select lot_id, stay_id, state, business_date from lake.marts.fct_stay
        where {lots.sql()} and list_contains($stay_ids, stay_id)
    """
    with reader.view() as view:
        rows = view.query(sql, {**lots.parameters(), "stay_ids": sorted(stay_ids)}).rows
    return {(lot_id, stay_id): (state, day) for lot_id, stay_id, state, day in rows}


def _charges(view: View, money: Mapping[tuple[int, str], str], lots: LotPredicate) -> list[tuple[Any, ...]]:
    if not money or not _has(view, "fct_charge"):
        return []
    named = sorted({record_id for _, record_id in money})
    sql = f"""
        select lot_id, kind, record_id, exit_business_date, charge_record_id
        from (select * from lake.marts.fct_charge where {lots.sql()}) where list_contains($named, record_id)
    """
    return view.query(sql, {**lots.parameters(), "named": named}).rows


def _alarm_events(view: View, named: Sequence[str], lots: LotPredicate) -> list[tuple[Any, ...]]:
    if not named or not _has(view, "fct_alarm_event"):
        return []
    sql = f"""
        select lot_id, record_id, alarm_id from lake.marts.fct_alarm_event
        where {lots.sql()} and list_contains($named, record_id)
    """
    return view.query(sql, {**lots.parameters(), "named": named}).rows


class Finder:
    """Finds the causes of a row by its lot, its day and the ids that stand in it."""

    def __init__(self, causes: Sequence[Cause], lot_of_code: Mapping[str, int]) -> None:
        """Index the causes."""
        self._lots = lot_of_code
        self._by_lot: dict[int, list[int]] = defaultdict(list)
        self._by_id: dict[str, list[int]] = defaultdict(list)
        self._causes = causes
        for place, cause in enumerate(causes):
            self._by_lot[cause.record.lot_id].append(place)
            for one in cause.ids:
                self._by_id[one].append(place)

    def find(self, row: Mapping[str, Any], *, is_list: bool) -> tuple[int, ...]:
        """Places of the causes of ``row`` (values by column key)."""
        lot = self._lots.get(str(row.get("lot_code")))
        places = self._by_lot.get(lot, []) if "lot_code" in row and lot is not None else range(len(self._causes))
        if is_list:
            named = {
                place
                for key, value in row.items()
                if value is not None and key.endswith("_id")
                for place in self._by_id.get(str(value), ())
            }
            return tuple(sorted(named & set(places)))
        prefix = _day_of(row)
        return tuple(
            place
            for place in places
            if prefix is None or any(day.isoformat().startswith(prefix) for day in self._causes[place].days)
        )


def _day_of(row: Mapping[str, Any]) -> str | None:
    """The day or month of a row, as text; None when its period is the whole."""
    for key in ("day", "period"):
        value = row.get(key)
        if isinstance(value, datetime | date):
            return value.isoformat()[:10]
        if isinstance(value, str) and (found := _DAY.match(value)):
            return found.group()
    return None
