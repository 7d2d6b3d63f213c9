"""Reports whose rows are records: millions of them, newest first, paged.

Belongs here: the form and its paging. Records are ordered by (business day, moment, lot, id), newest first. One pass
counts rows and adds money by day and is remembered for the snapshot; a page then reads only the days it lies in,
whichever page it is. A cursor continues behind the last row of a page without counting at all.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import msgspec

from warehouse.errors import ParkError
from warehouse.lake.reader import Row, View
from warehouse.reports.base import PageRequest, Part, Report, exact_rows, exact_totals
from warehouse.reports.parameters import conditions
from warehouse.reports.period import DEFAULT_CLOCK
from warehouse.reports.question import Question
from warehouse.reports.relations import render, used_parameters

Bucket = date | int

MICROSECONDS_OF_DAY: Final = 86_400_000_000
_ROWS_OF_BATCH: Final = 50_000
_NEWEST_FIRST: Final = "row_bucket desc, row_micros desc, row_lot, row_record"


def _rank(bucket: Bucket) -> int:
    return bucket if isinstance(bucket, int) else bucket.toordinal()


@dataclass(frozen=True)
class Counted:
    """A mart that has already counted the records of a source by day: six times cheaper than counting them.

    Serves whole days without filters only; dbt tests prove that it agrees with the records.

    Attributes:
        relation: the mart, with the alias ``s``.
        where: which of its rows.
        rows: what to add up for the number of records.
        bucket: the source's bucket in this mart.
        by_utc_day: the bucket is a UTC day cut from hours, which fits whole-hour time zones only.
        cut_to: values of parameters that its rows are cut to already; they are no filter.
        sums: SQL for the columns that are added up, by key.
    """

    relation: str
    where: str
    rows: str
    bucket: str = "s.business_date"
    by_utc_day: bool = False
    cut_to: Mapping[str, Any] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Where records come from and what orders them; SQL over the alias ``s``.

    Attributes:
        relation: the mart, with its alias.
        where: what makes a row belong, whatever is asked.
        instant: its moment, TIMESTAMPTZ, never null; orders the list.
        record: its id, unique within the lot.
        day: its business day; None when the mart is not cut by the day of ``instant``; UTC days are counted then.
        local: its moment on the lot's wall clock; None when the mart has no such column.
        lot: its lot as a number, never null; orders records of the same moment.
        counted: a mart with the number of its records by day, when there is one.
    """

    relation: str
    where: str
    instant: str
    record: str
    day: str | None
    local: str | None = None
    lot: str = "s.lot_id"
    counted: Counted | None = None

    @property
    def bucket(self) -> str:
        """What rows are counted by: the business day, else the UTC day as a number."""
        return self.day or f"(epoch_us({self.instant}) // {MICROSECONDS_OF_DAY})"


class Cursor(msgspec.Struct, array_like=True):
    """The last row of a page: its day (ISO text or number), moment in microseconds, lot and id."""

    bucket: str | int
    micros: int
    lot_id: int
    record: str

    def text(self) -> str:
        """As one word for a URL."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that ``text`` holds.

        Raises:
            ParkError: it holds none.
        """
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=cls)
        except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
            raise _foreign_cursor() from error


@dataclass(frozen=True)
class DayCounts:
    """Rows and sums of each day of the whole filter, newest day first."""

    days: list[tuple[Bucket, int]]
    sums: dict[str, Any]

    @property
    def row_count(self) -> int:
        """Rows of the whole filter."""
        return sum(count for _, count in self.days)

    def span(self, offset: int, size: int) -> tuple[Bucket, Bucket, int] | None:
        """Newest and oldest day that hold rows [offset, offset + size), and the rows of these days before ``offset``.

        None when there are no such rows.
        """
        before, newest, skipped = 0, None, 0
        for bucket, count in self.days:
            if newest is None and before + count > offset:
                newest, skipped = bucket, before
            before += count
            if newest is not None and before >= offset + size:
                return newest, bucket, offset - skipped
        return None if newest is None else (newest, self.days[-1][0], offset - skipped)

    def stretches(self, least: int) -> Iterator[tuple[Bucket, Bucket]]:
        """Runs of days, newest first, each (newest, oldest) and of at least ``least`` rows but the last."""
        newest, rows = None, 0
        for bucket, count in self.days:
            newest, rows = bucket if newest is None else newest, rows + count
            if rows >= least:
                yield newest, bucket
                newest, rows = None, 0
        if newest is not None:
            yield newest, self.days[-1][0]

    def before(self, bucket: Bucket) -> int:
        """Rows of the days newer than ``bucket``."""
        return sum(count for day, count in self.days if _rank(day) > _rank(bucket))


@dataclass(frozen=True, kw_only=True)
class ListReport(Report):
    """A report of single records.

    Attributes:
        source: where they come from; may depend on the parameters.
        select: the columns by key, over ``s`` (the page's records) and ``joins``.
        joins: what labels the page's few rows: lot, devices, areas.
        sums: SQL over ``s`` for the columns that are added up, by key.
        sortable: SQL over ``s`` for other orders, by key.
        exit_basis: a second source for ``basis=exit``.
    """

    source: Source
    select: str
    joins: str
    sums: Mapping[str, str]
    sortable: Mapping[str, str]
    exit_basis: Source | None = None

    def __post_init__(self) -> None:
        """Totals and their sums must name the same columns."""
        added = {column.key for column in self.columns if column.total is not None}
        if added != set(self.sums):
            raise ValueError(f"{self.name}: columns added up {sorted(added)} differ from sums {sorted(self.sums)}")
        super().__post_init__()

    @property
    def default_size(self) -> int:
        """A page of a long list."""
        return 50

    def sql_texts(self) -> list[str]:
        """Relations, conditions, selected columns and joins."""
        sources = [self.source, self.exit_basis or self.source]
        texts = [text for source in sources for text in (source.relation, source.where, source.instant, source.bucket)]
        texts += [source.lot for source in sources]
        for counted in (source.counted for source in sources if source.counted is not None):
            texts += [counted.relation, counted.where, counted.rows, counted.bucket, *counted.sums.values()]
        texts += [self.select, self.joins, *self.sums.values(), *self.sortable.values()]
        return texts + [parameter.condition or "" for parameter in self.parameters]

    def sort_keys(self) -> tuple[str, ...]:
        """The orders offered beside newest first."""
        return tuple(self.sortable)

    def _source(self, question: Question) -> Source:
        if self.exit_basis is not None and question.values.get("basis") == "exit":
            return self.exit_basis
        return self.source

    def _period(self, source: Source, question: Question) -> tuple[str, dict[str, Any]]:
        period = question.period
        if period is None:
            return "true", {}
        if source.day is not None and (not period.has_time or source.local is not None):
            return period.condition(source.day, source.local or ""), {}
        windows: list[str] = []
        bound: dict[str, Any] = {}
        clocks = question.clocks or {DEFAULT_CLOCK: ()}
        for number, (clock, lot_ids) in enumerate(clocks.items()):
            bound[f"window_{number}_from"], bound[f"window_{number}_to"] = period.window(clock)
            window = f"{source.instant} >= $window_{number}_from and {source.instant} < $window_{number}_to"
            if len(clocks) > 1:
                bound |= {f"window_{number}_lot_{place}": lot_id for place, lot_id in enumerate(lot_ids)}
                names = ", ".join(f"$window_{number}_lot_{place}" for place in range(len(lot_ids)))
                # Rows of no known lot are read by the first clock.
                window += f" and (s.lot_id in ({names}){' or s.lot_id is null' if number == 0 else ''})"
            windows.append(f"({window})")
        condition = f"({' or '.join(windows)})"
        if source.day is not None:
            condition += f" and {source.day} >= $from_day and {source.day} < $to_day"
        return condition, bound

    def _matching(self, source: Source, question: Question) -> tuple[str, dict[str, Any]]:
        period, bound = self._period(source, question)
        filters = conditions(self.parameters, question.values)
        return f"from {source.relation} where {source.where} and {period}{filters}", question.parameters() | bound

    def _ask(self, view: View, question: Question, sql: str, values: Mapping[str, Any]) -> list[Row]:
        rendered = render(self.name, sql, question.lots, {})
        return view.query(rendered, used_parameters(rendered, values)).rows

    def counts(self, view: View, question: Question, key: str, *, exact: bool = False) -> DayCounts:
        """Rows and sums by day over the whole filter, remembered for the snapshot; ``exact`` counts the records."""

        def count() -> DayCounts:
            source = self._source(question)
            counted = source.counted
            if not exact and counted is not None and self._is_counted(counted, question):
                assert question.period is not None
                days = question.period.condition("s.business_date", "")
                matching, values = f"from {counted.relation} where {counted.where} and {days}", question.parameters()
                bucket, number, added_up = counted.bucket, f"sum({counted.rows})", counted.sums
            else:
                matching, values = self._matching(source, question)
                bucket, number, added_up = source.bucket, "count(*)", self.sums
            sums = "".join(f", sum({added_up[name]})" for name in self.sums)
            sql = f"""
                select {bucket} as bucket, {number} as records{sums} {matching}
                group by bucket having records > 0 order by bucket desc
            """
            rows = self._ask(view, question, sql, values)
            added = {
                name: sum(row[position] for row in rows if row[position] is not None)
                for position, name in enumerate(self.sums, start=2)
            }
            return DayCounts([(row[0], int(row[1])) for row in rows], added)

        return view.remember(key + "exact" if exact else key, count)

    def _is_counted(self, counted: Counted, question: Question) -> bool:
        filters = {key: value for key, value in question.values.items() if counted.cut_to.get(key) != value}
        if question.period is None or question.period.has_time or conditions(self.parameters, filters):
            return False
        return not counted.by_utc_day or all(clock.on_whole_hours(question.period) for clock in question.clocks)

    def _statement(self, question: Question, matching: str, sort: str | None, limit: str) -> str:
        source, columns = self._source(question), self.shown_columns(question.values)
        keys = ", ".join(f'"{column.key}"' for column in columns)
        order, sorted_by = _NEWEST_FIRST, "null"
        if sort is not None:
            sorted_by = self.sortable[sort.removeprefix("-")]
            order = f"row_sorted {'desc' if sort.startswith('-') else 'asc'} nulls last, {order}"
        # Records are cut to the page before anything is joined to them.
        return f"""
            with page as (
                select s.*, {source.bucket} as row_bucket, epoch_us({source.instant}) as row_micros,
                    {source.lot} as row_lot, {source.record} as row_record, {sorted_by} as row_sorted
                {matching}
                order by {order} {limit}
            ),
            labelled as (
                select s.row_bucket, s.row_micros, s.row_lot, s.row_record, s.row_sorted, {self.select}
                from page as s {self.joins}
            )
            select {keys}, row_bucket, row_micros, row_lot, row_record from labelled order by {order}
        """

    def _days(self, source: Source, span: tuple[Bucket, Bucket]) -> tuple[str, dict[str, Any]]:
        newest, oldest = span
        if isinstance(newest, int) and isinstance(oldest, int):  # a plain range of instants prunes files
            condition = (
                f" and {source.instant} >= make_timestamptz($oldest) and {source.instant} < make_timestamptz($newest)"
            )
            return condition, {
                "oldest": oldest * MICROSECONDS_OF_DAY,
                "newest": (newest + 1) * MICROSECONDS_OF_DAY,
            }
        return f" and {source.day} between $oldest and $newest", {"oldest": oldest, "newest": newest}

    def fetch(self, view: View, question: Question, request: PageRequest, key: str) -> Part:
        """One page of records."""
        counts = self.counts(view, question, key)
        source = self._source(question)
        matching, values = self._matching(source, question)
        values |= {"limit": request.size}
        if request.sort is not None:
            sql = self._statement(question, matching, request.sort, "limit $limit offset $offset")
            values |= {"offset": request.offset}
        else:
            cursor = Cursor.read(request.after) if request.after else None
            located = self._locate(source, counts, request, cursor)
            if located is None:
                return self._part(question, counts, [])
            more, bound = located
            sql = self._statement(question, matching + more, None, "limit $limit offset $offset")
            values |= bound
        rows = self._ask(view, question, sql, values)
        return self._part(question, counts, rows, full=request.sort is None and len(rows) == request.size)

    def _locate(
        self, source: Source, counts: DayCounts, request: PageRequest, cursor: Cursor | None
    ) -> tuple[str, dict[str, Any]] | None:
        if cursor is None:
            span = counts.span(request.offset, request.size)
            if span is None:
                return None
            more, bound = self._days(source, span[:2])
            return more, bound | {"offset": span[2]}
        bucket: Bucket = cursor.bucket if isinstance(cursor.bucket, int) else _day(cursor.bucket)
        if isinstance(bucket, int) != (source.day is None):
            raise _foreign_cursor()
        here = next((count for day, count in counts.days if day == bucket), 0)
        span = counts.span(counts.before(bucket), here + request.size)
        if span is None:
            return None
        more, bound = self._days(source, span[:2])
        more += (
            f" and ({source.bucket} < $after_bucket or ({source.bucket} = $after_bucket"
            f" and (epoch_us({source.instant}) < $after_micros or (epoch_us({source.instant}) = $after_micros"
            f" and ({source.lot} > $after_lot or ({source.lot} = $after_lot and {source.record} > $after_record))))))"
        )
        bound |= {"after_bucket": bucket, "after_micros": cursor.micros, "after_lot": cursor.lot_id}
        return more, bound | {"after_record": cursor.record, "offset": 0}

    def _part(self, question: Question, counts: DayCounts, rows: list[Row], *, full: bool = False) -> Part:
        columns = self.shown_columns(question.values)
        cursor = None
        if full:
            bucket, micros, lot_id, record = rows[-1][len(columns) :]
            cursor = Cursor(bucket if isinstance(bucket, int) else bucket.isoformat(), micros, lot_id, record).text()
        return Part(exact_rows(columns, rows), counts.row_count, exact_totals(columns, counts.sums), cursor)

    def whole(self, view: View, question: Question, sort: str | None, key: str) -> tuple[Part, Iterator[list[Row]]]:
        """Count and totals, and all records; a few days at a time, so that no sort holds more than these."""
        counts = self.counts(view, question, key, exact=True)
        part = self._part(question, counts, [])
        return part, self._sorted(view, question, sort) if sort else self._by_day(view, question, counts)

    def _by_day(self, view: View, question: Question, counts: DayCounts) -> Iterator[list[Row]]:
        source, columns = self._source(question), self.shown_columns(question.values)
        matching, values = self._matching(source, question)
        for span in counts.stretches(_ROWS_OF_BATCH):
            more, bound = self._days(source, span)
            sql = render(self.name, self._statement(question, matching + more, None, ""), question.lots, {})
            for batch in view.stream(sql, used_parameters(sql, values | bound)):
                yield exact_rows(columns, batch)

    def _sorted(self, view: View, question: Question, sort: str) -> Iterator[list[Row]]:
        matching, values = self._matching(self._source(question), question)
        sql = render(self.name, self._statement(question, matching, sort, ""), question.lots, {})
        for batch in view.stream(sql, used_parameters(sql, values)):
            yield exact_rows(self.shown_columns(question.values), batch)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _foreign_cursor() from error


def _foreign_cursor() -> ParkError:
    return ParkError(
        zh="after 不是有效的翻页标记:请从第一页重新开始",
        en="after is not a valid cursor: start again from the first page",
        code="bad_parameter",
    )
