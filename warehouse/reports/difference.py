"""Two moments of one report beside each other: which cells moved, by how much, through which records.

Belongs here: comparing two answers cell by cell, exactly, and proving that the movements add up to the difference of
the totals. Does not belong here: reading records (``causes``), answers of past moments (``known``), files
(``restatement``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.lake.publish import Basis
from warehouse.lake.reader import IN_MEMORY, Reader, Row
from warehouse.lake.restated import changed_records
from warehouse.reports import access, base
from warehouse.reports.base import Report, ReportResult
from warehouse.reports.causes import PAIRING_REACH, Cause, Finder, causes_of, kinds_of
from warehouse.reports.columns import SUM, Column, ColumnType
from warehouse.reports.known import KnownReaders, Told, Wanted, explaining, want
from warehouse.reports.listing import ListReport
from warehouse.reports.masking import masked_stream
from warehouse.security.actor import Actor

LARGEST: Final = 200_000
"""Rows of one side; a difference is for people, and so many rows are not."""
_NUMBERS: Final = frozenset(
    {ColumnType.INTEGER, ColumnType.MONEY, ColumnType.RATIO, ColumnType.AVERAGE, ColumnType.DURATION}
)
# A renamed lot moves no figure.
_LABELS: Final = frozenset({"lot_name", "region"})
_RECORD_KEYS: Final = ("stay_id", "reject_id", "record_id", "entry_record_id", "exit_record_id")
_ROW_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "traffic-statistics": ("lot_code", "period", "gate_id", "vehicle_class"),
    "stay-timeline": ("lot_code", "exit_record_id", "kind", "record_id"),
    "temporary-fee-analysis": ("day",),
    "renewal-analysis": ("day",),
    "daily-report": ("day", "lot_code", "booth"),
    "completeness": ("lot_code", "period"),
}
_DEVICE_KEYS: Final = ("lot_code", "device_id")


@dataclass(frozen=True)
class Moved:
    """A cell that differs.

    Attributes:
        row: what names its row, by column key.
        column: which cell of the row.
        before: its value at the first moment; None where the row was not there or held nothing.
        after: its value at the second.
        difference: after minus before, for numbers that can be added up, or where both are there.
        causes: places in ``Difference.causes``.
    """

    row: Mapping[str, Any]
    column: Column
    before: Any
    after: Any
    difference: Decimal | int | None
    causes: tuple[int, ...]


@dataclass(frozen=True)
class Side:
    """One of the two moments: what it rests on, how far its data reach, its rows and totals."""

    basis: Basis
    data_as_of: datetime
    row_count: int
    totals: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """What moved in a report between two moments.

    Attributes:
        result: the second moment's answer, for titles, headers and filters; without rows.
        keys: the columns that name a row.
        moved: the cells, in the order of the report.
        causes: the records behind them, in the order in which they landed.
        all_causes: whether these are all.
        entities_edited: whether lots, areas or spaces were edited between the two moments.
    """

    result: ReportResult
    keys: tuple[Column, ...]
    before: Side
    after: Side
    moved: tuple[Moved, ...]
    causes: tuple[Cause, ...]
    all_causes: bool
    entities_edited: bool

    def totals(self) -> list[tuple[Column, Any, Any, Any]]:
        """Columns that are added up: before, after, difference."""
        found = []
        for column in self.result.columns:
            if column.total is not None and column.key in self.after.totals:
                before, after = self.before.totals.get(column.key), self.after.totals[column.key]
                found.append((column, before, after, _minus(column, before, after)))
        return found


@dataclass(frozen=True)
class Pair:
    """The two moments of a report, checked."""

    before: Wanted
    after: Wanted
    parameters: Mapping[str, Any]


def want_both(
    report: Report,
    present: Reader,
    known: KnownReaders,
    actor: Actor,
    params: Mapping[str, Any],
    before: datetime,
    after: datetime,
) -> Pair:
    """Check who asks, and find both moments.

    Raises:
        Forbidden: a permission is missing or a lot is somebody else's.
        ParkError: a parameter does not fit, or nothing is known of one of the moments.
    """
    if before >= after:
        raise ParkError(
            zh="第一个时间必须早于第二个时间", en="the first moment must be before the second", code="bad_moment"
        )
    given = {key: value for key, value in base.normal(params).items() if key not in ("page", "size", "sort", "after")}
    return Pair(
        want(report, present, known, actor, given, before),
        want(report, present, known, actor, given, after),
        given,
    )


def compare(
    pair: Pair,
    known: KnownReaders,
    actor: Actor,
    language: str,
    *,
    recompute: bool = False,
    told: Told = lambda _step: None,
) -> Difference:
    """What moved between the two moments.

    Raises:
        ParkError: too many rows, figures that cannot be built, or movements that do not add up to the totals.
    """
    readers = [known.make(wanted, recompute=recompute, told=told) for wanted in (pair.before, pair.after)]
    report = pair.after.report
    with explaining():
        after, rows_after = _answer(report, readers[1], actor, pair.parameters, language)
        # Without a period both sides take the one that the later data reach.
        period = after.question.period
        fixed = {"from": period.start, "to": period.end} if period is not None else {}
        before, rows_before = _answer(report, readers[0], actor, {**pair.parameters, **fixed}, language)
        keys = key_columns(report, after.columns)
        records, is_all = changed_records(
            known.settings,
            kinds_of(pair.after.marts),
            after.question.lots.lot_ids,
            pair.before.moment.raw_to,
            pair.after.moment.raw_to,
            _days_around(after),
        )
        causes = causes_of(records, readers, after.question.lots)
        codes = {lot.code: lot.lot_id for side in (before, after) for lot in side.question.known_lots}
        finder = Finder(causes, codes)
        moved = _moved(report, after.columns, keys, rows_before, rows_after, finder)
        edited = _entities(readers[0], after) != _entities(readers[1], after)
    found = Difference(
        result=after,
        keys=keys,
        before=_side(before, len(rows_before)),
        after=_side(after, len(rows_after)),
        moved=tuple(moved),
        causes=tuple(causes),
        all_causes=is_all,
        entities_edited=edited,
    )
    _prove(found)
    return found


def key_columns(report: Report, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns that name a row of ``report``: lot and record of a list, labels and days of a table."""
    by_key = {column.key: column for column in columns}
    if isinstance(report, ListReport):
        record = next(key for key in _RECORD_KEYS if key in by_key)
        names: tuple[str, ...] = ("lot_code", "kind", record)
    elif report.name in _ROW_KEYS:
        names = _ROW_KEYS[report.name]
    elif "device_id" in by_key:
        names = _DEVICE_KEYS
    else:
        names = tuple(
            column.key
            for column in columns
            if column.type not in _NUMBERS | {ColumnType.BOOLEAN} and column.key not in _LABELS
        )
    return tuple(by_key[name] for name in names if name in by_key)


def _answer(
    report: Report, reader: Reader, actor: Actor, params: Mapping[str, Any], language: str
) -> tuple[ReportResult, list[Row]]:
    with base.stream(report, reader, actor.scope, params, language) as opened:
        whole = opened if actor.allows(access.WHOLE_PLATES) else masked_stream(opened)
        if whole.result.row_count > LARGEST:
            raise ParkError(
                zh=f"共 {whole.result.row_count:,} 行,超过对比的上限 {LARGEST:,}:请缩小期间或选择更少的停车场",
                en=f"{whole.result.row_count:,} rows are more than {LARGEST:,}, the most that are compared: choose a "
                "shorter period or fewer lots",
                code="too_many_rows",
            )
        return whole.result, [row for batch in whole.batches for row in batch]


def _side(result: ReportResult, rows: int) -> Side:
    assert result.basis is not None
    return Side(result.basis, result.data_as_of, rows, result.totals)


def _days_around(result: ReportResult) -> tuple[Any, Any] | None:
    period = result.question.period
    if period is None:
        return None
    first = period.first_day.toordinal() - PAIRING_REACH
    end = period.end_day.toordinal() + PAIRING_REACH
    day = type(period.first_day)
    return day.fromordinal(first), day.fromordinal(end)


def _entities(reader: Reader, result: ReportResult) -> list[Row]:
    lots = result.question.lots
    found: list[Row] = []
    with reader.view() as view:
        for name in ("dim_lot", "dim_area", "dim_capacity"):
            found += view.query(f"select * from {IN_MEMORY}.{name} where {lots.sql()}", lots.parameters()).rows
    return sorted(found, key=repr)


def _by_key(columns: tuple[Column, ...], keys: tuple[Column, ...], rows: list[Row]) -> dict[Row, Row]:
    places = [columns.index(column) for column in keys]
    met: Counter[Row] = Counter()
    found: dict[Row, Row] = {}
    for row in rows:
        key = tuple(row[place] for place in places)
        met[key] += 1
        found[(*key, met[key])] = row
    return found


def _moved(
    report: Report,
    columns: tuple[Column, ...],
    keys: tuple[Column, ...],
    rows_before: list[Row],
    rows_after: list[Row],
    finder: Finder,
) -> list[Moved]:
    earlier, later = _by_key(columns, keys, rows_before), _by_key(columns, keys, rows_after)
    compared = [
        (place, column) for place, column in enumerate(columns) if column not in keys and column.key not in _LABELS
    ]
    is_list = isinstance(report, ListReport)
    found: list[Moved] = []
    for key in {**later, **earlier}:
        old, new = earlier.get(key), later.get(key)
        if old == new:
            continue
        whole = dict(zip((column.key for column in columns), new or old or (), strict=True))
        row = {name: whole[name] for name in ("lot_name", *(column.key for column in keys)) if name in whole}
        causes: tuple[int, ...] | None = None
        for place, column in compared:
            before = old[place] if old is not None else None
            after = new[place] if new is not None else None
            if before == after:
                continue
            causes = finder.find(whole, is_list=is_list) if causes is None else causes
            found.append(Moved(row, column, before, after, _minus(column, before, after), causes))
    return found


def _minus(column: Column, before: Any, after: Any) -> Decimal | int | None:
    if column.type not in _NUMBERS:
        return None
    if column.total == SUM:  # what is not there adds nothing
        zero = base.ZEROS[column.type]
        return (zero if after is None else after) - (zero if before is None else before)  # type: ignore[no-any-return]
    return None if before is None or after is None else after - before


def _prove(found: Difference) -> None:
    """The movements of every column that is added up must sum to the difference of its totals.

    Raises:
        ParkError: code ``difference_fault``; an error of the program.
    """
    sums: dict[str, Decimal | int] = {}
    for cell in found.moved:
        if cell.column.total == SUM and cell.difference is not None:
            sums[cell.column.key] = sums.get(cell.column.key, 0) + cell.difference
    for column, before, after, difference in found.totals():
        added = sums.get(column.key, 0)
        if column.total == SUM and added != difference:
            raise ParkError(
                zh=f"列 {column.zh} 的变动合计 {added} 与总计之差 {difference} 不符({before} → {after})",
                en=f"the movements of {column.key} add up to {added}, its totals differ by {difference} "
                f"({before} to {after})",
                code="difference_fault",
            )
