"""Reports whose rows are computed: sums by lot, day, hour, device.

Belongs here: the form. Such a report is one SQL text; the base counts, totals, sorts and pages around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from warehouse.lake.reader import Row, View
from warehouse.reports.base import PageRequest, Part, Report, exact_rows, exact_totals, total_expressions
from warehouse.reports.columns import Column
from warehouse.reports.parameters import LARGEST_PAGE, conditions
from warehouse.reports.question import Question
from warehouse.reports.relations import render, used_parameters

Fragments = Callable[[Question], Mapping[str, str]]
Bound = Callable[[Question], Mapping[str, Any]]


@dataclass(frozen=True)
class Behind:
    """Columns that cost much: computed for the rows of the page alone, unless the report is sorted by one of them.

    Attributes:
        columns: their keys; none of them has a total.
        sql: all columns of ``{rows}``, which it may name more than once, and these.
    """

    columns: frozenset[str]
    sql: str


@dataclass(frozen=True, kw_only=True)
class TableReport(Report):
    """A report whose rows one SQL text computes.

    Attributes:
        sql: yields every column by its key, and what ``order`` names. It may use ``{mart}``, ``{period}`` (the
            period on business_date and local_hour), ``{filters}`` (the conditions that are set) and ``{fragment}``.
        order: the default order over its output, complete enough to be unique.
        fragments: further pieces of SQL, chosen from constants by the question; never text of the caller.
        bound: further values to bind.
        behind: columns that are computed for shown rows only.
    """

    sql: str
    order: str
    fragments: Fragments | None = None
    bound: Bound | None = None
    behind: Behind | None = None

    @property
    def default_size(self) -> int:
        """Computed rows are few: all of them, up to the largest page."""
        return LARGEST_PAGE

    def sql_texts(self) -> list[str]:
        """The one text, the columns behind it, and the filters."""
        behind = [self.behind.sql] if self.behind is not None else []
        return [self.sql, *behind, *(parameter.condition or "" for parameter in self.parameters)]

    def sort_keys(self) -> tuple[str, ...]:
        """Every column can be sorted by."""
        return tuple(column.key for column in self.columns)

    def statement(self, question: Question) -> str:
        """The rows of the report, unordered, each relation cut to the question's lots."""
        rows = self._rendered(question, self.sql)
        if self.behind is None:
            return rows
        return f"with bare as materialized ({rows}) {self._rendered(question, self.behind.sql, rows='bare')}"

    def _rendered(self, question: Question, sql: str, **more: str) -> str:
        pieces = {"filters": conditions(self.parameters, question.values)} | more
        if question.period is not None:
            pieces["period"] = question.period.condition("business_date", "local_hour")
        if self.fragments is not None:
            pieces |= self.fragments(question)
        return render(self.name, sql, question.lots, pieces)

    def bindings(self, question: Question) -> dict[str, Any]:
        """All values the statement may name."""
        return question.parameters() | dict(self.bound(question) if self.bound is not None else {})

    def _order(self, sort: str | None) -> str:
        if sort is None:
            return self.order
        direction = "desc" if sort.startswith("-") else "asc"
        return f'"{sort.removeprefix("-")}" {direction} nulls last, {self.order}'

    def fetch(self, view: View, question: Question, request: PageRequest, key: str) -> Part:  # noqa: ARG002
        """One page; the statement runs once for rows, count and totals."""
        columns = self.shown_columns(question.values)
        totals = total_expressions(columns)
        keys = ", ".join(f'shown."{column.key}"' for column in columns)
        statement, shown = self.statement(question), "from page"
        if self.behind is not None and (request.sort or "").removeprefix("-") not in self.behind.columns:
            statement = self._rendered(question, self.sql)
            shown = self._rendered(question, self.behind.sql, rows="page")
        figures = "".join(f', {expression} as "total {name}"' for name, expression in totals.items())
        order = self._order(request.sort)
        sql = f"""
            with report as materialized ({statement}),
            whole as (select count(*) as row_count{figures} from report),
            page as materialized (
                select *, row_number() over (order by {order}) as row_position
                from (from report order by {order} limit $limit offset $offset)
            ),
            shown as ({shown})
            select {keys}, shown.row_position, whole.*
            from whole left join shown on true
            order by shown.row_position
        """
        values = self.bindings(question) | {"limit": request.size, "offset": request.offset}
        answer = view.query(sql, used_parameters(sql, values))
        first = answer.rows[0]
        width = len(columns)
        rows = [] if first[width] is None else exact_rows(columns, answer.rows)
        found = dict(zip(totals, first[width + 2 :], strict=True))
        return Part(rows, int(first[width + 1]), exact_totals(columns, found))

    def whole(self, view: View, question: Question, sort: str | None, key: str) -> tuple[Part, Iterator[list[Row]]]:  # noqa: ARG002
        """Count and totals in one query, the rows in a second that streams."""
        columns = self.shown_columns(question.values)
        totals = total_expressions(columns)
        figures = "".join(f", {expression}" for expression in totals.values())
        statement = self.statement(question)
        values = self.bindings(question)
        counting = f"with report as ({statement}) select count(*){figures} from report"
        first = view.query(counting, used_parameters(counting, values)).rows[0]
        part = Part([], int(first[0]), exact_totals(columns, dict(zip(totals, first[1:], strict=True))))
        return part, self._rows(view, columns, statement, values, sort)

    def _rows(
        self, view: View, columns: tuple[Column, ...], statement: str, values: Mapping[str, Any], sort: str | None
    ) -> Iterator[list[Row]]:
        keys = ", ".join(f'"{column.key}"' for column in columns)
        sql = f"with report as ({statement}) select {keys} from report order by {self._order(sort)}"
        for batch in view.stream(sql, used_parameters(sql, values)):
            yield exact_rows(columns, batch)
