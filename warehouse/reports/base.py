"""Reports as objects, and the one way to run them.

Belongs here: what every report shares: name, titles, columns, parameters, the result with its totals, running and
streaming. Does not belong here: the two forms a report takes (``table``: computed rows; ``listing``: records, paged),
single reports, and writing results to files (``export``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl

from warehouse.errors import ParkError
from warehouse.lake.publish import Basis
from warehouse.lake.reader import Reader, Row, View, cache_key
from warehouse.reports.columns import POLARS_TYPES, SUM, Column, ColumnType
from warehouse.reports.parameters import LARGEST_PAGE, Parameter, whole_number
from warehouse.reports.period import Grain
from warehouse.reports.question import Question, ask
from warehouse.reports.relations import check
from warehouse.security.scope import Scope

_FROM_TEN_THOUSANDTHS: Final = Decimal("0.0001")
_FROM_HUNDREDTHS: Final = Decimal("0.01")
ZEROS: Final[dict[ColumnType, Any]] = {
    ColumnType.MONEY: Decimal("0.00"),
    ColumnType.INTEGER: 0,
    ColumnType.DURATION: 0,
}


@dataclass(frozen=True)
class PageRequest:
    """Which part of the rows: page ``number`` of ``size`` rows, or the ``size`` rows behind a cursor."""

    number: int
    size: int
    after: str | None = None
    sort: str | None = None

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.number - 1) * self.size


@dataclass(frozen=True)
class Page:
    """Which part of the rows a result shows; ``next_cursor`` continues behind it, where the report can."""

    number: int
    size: int
    count: int
    next_cursor: str | None = None


@dataclass(frozen=True)
class Part:
    """What a report's form found: rows in column order, the number of all rows, totals over all rows."""

    rows: list[Row]
    row_count: int
    totals: dict[str, Any]
    next_cursor: str | None = None


@dataclass(frozen=True)
class ReportResult:
    """A page of a report.

    Attributes:
        columns: the columns shown for these parameters, in order.
        rows: typed values in column order: str, int, bool, date, Decimal (money 2 places, shares 4, means 2),
            naive datetime on the lot's wall clock; None where nothing is known.
        totals: by column key, over every row of the filter; only columns that can be added up.
        row_count: rows of the whole filter.
        data_as_of: how far the published data reach, UTC.
        basis: what the figures rest on when they are those of a past moment.
    """

    report: Report
    question: Question
    columns: tuple[Column, ...]
    rows: list[Row]
    totals: dict[str, Any]
    row_count: int
    page: Page
    data_as_of: datetime
    snapshot_id: int
    language: str
    basis: Basis | None = None

    @property
    def headers(self) -> list[str]:
        """Column headers in the result's language."""
        return [column.header(self.language) for column in self.columns]

    def records(self) -> list[dict[str, Any]]:
        """The rows by column key."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]

    def frame(self) -> pl.DataFrame:
        """The rows as a Polars frame with exact types, columns named by key."""
        schema = {column.key: POLARS_TYPES[column.type] for column in self.columns}
        return pl.DataFrame(self.rows, schema=schema, orient="row")


@dataclass(frozen=True)
class Stream:
    """The whole filter of a report: totals and count beforehand, rows in batches."""

    result: ReportResult
    batches: Iterator[list[Row]]


@dataclass(frozen=True, kw_only=True)
class Report(ABC):
    """A named, parameterised question to the published snapshot.

    Attributes:
        name: what ``park report`` and the pages call it.
        zh: title, Chinese; the manual's.
        en: title, English.
        about_zh: what a row is and what is special, Chinese.
        about_en: the same, English.
        columns: all columns, in order.
        grain: how fine its period may be.
        default_days: business days of the default period, the last being the day that the data reach.
        parameters: its own settings besides lots, period and paging.
        totals_row: whether CSV and Excel end with a row 合计.
        listed: whether ``park reports`` shows it; the home page's own figures are not.
    """

    name: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    columns: tuple[Column, ...]
    grain: Grain
    default_days: int = 1
    parameters: tuple[Parameter, ...] = ()
    totals_row: bool = True
    listed: bool = field(default=True)

    def __post_init__(self) -> None:
        """Refuse SQL that goes around the lot scope, when the module is imported."""
        for sql in self.sql_texts():
            check(self.name, sql)

    @abstractmethod
    def sql_texts(self) -> list[str]:
        """Every SQL text of the report, for the check at import."""

    @abstractmethod
    def sort_keys(self) -> tuple[str, ...]:
        """Column keys that ``sort`` accepts."""

    @property
    @abstractmethod
    def default_size(self) -> int:
        """Rows of a page when ``size`` is not given."""

    @abstractmethod
    def fetch(self, view: View, question: Question, request: PageRequest, key: str) -> Part:
        """One page; ``key`` identifies question and snapshot for what may be remembered."""

    @abstractmethod
    def whole(self, view: View, question: Question, sort: str | None, key: str) -> tuple[Part, Iterator[list[Row]]]:
        """Count and totals, and all rows in batches."""

    def title(self, language: str) -> str:
        """Title in zh, else English."""
        return self.zh if language == "zh" else self.en

    def shown_columns(self, values: Mapping[str, Any]) -> tuple[Column, ...]:
        """The columns that exist for these parameters."""
        return tuple(column for column in self.columns if column.shown is None or column.shown(values))


def exact(column: Column, value: Any) -> Any:
    """What a query yields, as the column's exact Python type."""
    if value is None:
        return None
    if column.type is ColumnType.RATIO:
        return value * _FROM_TEN_THOUSANDTHS
    if column.type is ColumnType.AVERAGE:
        return value * _FROM_HUNDREDTHS
    if column.type is ColumnType.MONEY:
        return Decimal(value).quantize(_FROM_HUNDREDTHS)
    return value


def exact_rows(columns: tuple[Column, ...], rows: list[Row]) -> list[Row]:
    """``rows`` (values in column order, surplus ones behind dropped) with exact Python types."""
    special = [
        position
        for position, column in enumerate(columns)
        if column.type in (ColumnType.RATIO, ColumnType.AVERAGE, ColumnType.MONEY)
    ]
    width = len(columns)
    if not special:
        return [row[:width] for row in rows]
    result = []
    for row in rows:
        values = list(row[:width])
        for position in special:
            values[position] = exact(columns[position], values[position])
        result.append(tuple(values))
    return result


def total_expressions(columns: tuple[Column, ...]) -> dict[str, str]:
    """SQL aggregates over a report's rows, by column key."""
    return {
        column.key: (f'sum("{column.key}")' if column.total == SUM else column.total)
        for column in columns
        if column.total is not None
    }


def exact_totals(columns: tuple[Column, ...], totals: Mapping[str, Any]) -> dict[str, Any]:
    """Totals with exact types; a sum over no rows is zero."""
    found: dict[str, Any] = {}
    for column in columns:
        if column.key in totals:
            value = exact(column, totals[column.key])
            found[column.key] = ZEROS.get(column.type) if value is None and column.total == SUM else value
    return found


def read_page(report: Report, given: Mapping[str, Any]) -> PageRequest:
    """Page, size, sort and cursor out of the parameters.

    Raises:
        ParkError: one of them does not fit.
    """
    size = whole_number("size", given.get("size") or report.default_size, least=1, most=LARGEST_PAGE)
    number = whole_number("page", given.get("page") or 1, least=1)
    after, sort = given.get("after") or None, given.get("sort") or None
    if sort is not None and sort.removeprefix("-") not in report.sort_keys():
        keys = report.sort_keys()
        raise ParkError(
            zh=f"报表 {report.name} 不能按 {sort} 排序:可用 {'、'.join(keys)},前加 - 为降序",
            en=f"{report.name} cannot be sorted by {sort!r}: use {', '.join(keys)}, with - in front for descending",
            code="bad_parameter",
        )
    if after is not None and (sort is not None or number != 1):
        raise ParkError(
            zh="after 不能与 page 或 sort 同用", en="after cannot be combined with page or sort", code="bad_parameter"
        )
    return PageRequest(number, size, after, sort)


def _check_sort(report: Report, columns: tuple[Column, ...], sort: str | None) -> None:
    """Refuse the order by a column that does not exist for these parameters."""
    key = (sort or "").removeprefix("-")
    shown = {column.key for column in columns}
    if key and key not in shown and any(column.key == key for column in report.columns):
        keys = [name for name in report.sort_keys() if name in shown]
        raise ParkError(
            zh=f"报表 {report.name} 在这些参数下没有列 {key},不能按它排序:可用 {'、'.join(keys)}",
            en=f"{report.name} has no column {key!r} with these parameters to sort by: use {', '.join(keys)}",
            code="bad_parameter",
        )


def _question(
    report: Report, view: View, scope: Scope, given: Mapping[str, Any], language: str
) -> tuple[Question, str]:
    question = ask(report.name, report.parameters, report.grain, report.default_days, view, scope, given, language)
    lots = "all" if question.lots.lot_ids is None else question.lots.lot_ids
    parts = {**question.values, "period": question.period}
    return question, cache_key(report.name, parts, lots, view.publication.snapshot_id)


def normal(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by the names that reports use: ``-`` and ``_`` are the same."""
    return {key.replace("-", "_"): value for key, value in params.items()}


def _result(
    report: Report, view: View, question: Question, request: PageRequest, part: Part, columns: tuple[Column, ...]
) -> ReportResult:
    pages = max(1, math.ceil(part.row_count / request.size))
    return ReportResult(
        report=report,
        question=question,
        columns=columns,
        rows=part.rows,
        totals=part.totals,
        row_count=part.row_count,
        page=Page(request.number, request.size, pages, part.next_cursor),
        data_as_of=question.as_of,
        snapshot_id=view.publication.snapshot_id,
        language=question.language,
        basis=view.publication.basis,
    )


def run(
    report: Report, reader: Reader, scope: Scope, params: Mapping[str, Any] | None = None, language: str = "zh"
) -> ReportResult:
    """One page of a report for somebody who may see ``scope``.

    Args:
        report: which.
        reader: the process's reader of the published snapshot.
        scope: whose lots.
        params: ``lot`` (code, id, or several), ``from``, ``to``, ``page``, ``size``, ``sort``, ``after`` and the
            report's own parameters; texts or typed values; ``-`` and ``_`` in names are the same.
        language: zh, en or key; decides headers and labels, never figures.

    Raises:
        ParkError: a parameter, lot or period does not fit; Forbidden for a lot outside the scope.
    """
    given = normal(params or {})
    request = read_page(report, given)
    with reader.view() as view:
        question, key = _question(report, view, scope, given, language)
        columns = report.shown_columns(question.values)
        _check_sort(report, columns, request.sort)
        part = report.fetch(view, question, request, key)
        return _result(report, view, question, request, part, columns)


@contextmanager
def stream(
    report: Report, reader: Reader, scope: Scope, params: Mapping[str, Any] | None = None, language: str = "zh"
) -> Iterator[Stream]:
    """All rows of a report, in batches, at one snapshot; arguments and errors as for ``run``."""
    given = normal(params or {})
    request = read_page(report, {"sort": given.get("sort")})
    with reader.view() as view:
        question, key = _question(report, view, scope, given, language)
        columns = report.shown_columns(question.values)
        _check_sort(report, columns, request.sort)
        part, batches = report.whole(view, question, request.sort, key)
        request = PageRequest(1, max(part.row_count, 1), sort=request.sort)
        yield Stream(_result(report, view, question, request, part, columns), batches)
