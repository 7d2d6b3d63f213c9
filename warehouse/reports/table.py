"""Reports whose rows are computed: sums by lot, day, hour, device.

Belongs here: the form. Such a report is one SQL text; the base counts, totals, sorts and pages around it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from warehouse.lake.reader import Row, View
from warehouse.reports.base import PageRequest, Part, Report, exact_rows, exact_totals, total_expressions
from warehouse.reports.columns import Column
from warehouse.reports.parameters import LARGEST_PAGE, conditions
from warehouse.reports.question import Question
from warehouse.reports.relations import LotPredicate, render, used_parameters

Fragments = Callable[[Question], Mapping[str, str]]
Bound = Callable[[Question], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TableReport(Report):
    """A report whose rows one SQL text computes.

    Attributes:
        sql: yields every column by its key, and what ``order`` names. It may use ``{mart}``, ``{period}`` (the
            period on business_date and local_hour), ``{filters}`` (the conditions that are set) and ``{fragment}``.
        order: the default order over its output, complete enough to be unique.
        fragments: further pieces of SQL, chosen from constants by the question; never text of the caller.
        bound: further values to bind.
        by_lot: the rows of a lot depend on no other lot, the default order starts with ``lot_id`` and nothing is
            added up: then a page is computed from its own lots, which matters with ten thousand of them.
    """

    sql: str
    order: str
    fragments: Fragments | None = None
    bound: Bound | None = None
    by_lot: bool = False

    def __post_init__(self) -> None:
        """Refuse ``by_lot`` where a page's own lots are not enough, when the module is imported."""
        if self.by_lot and (not self.order.startswith("lot_id,") or total_expressions(self.columns)):
            raise ValueError(f"{self.name}: by_lot needs an order that starts with lot_id, and nothing added up")
        super().__post_init__()

    @property
    def default_size(self) -> int:
        """Computed rows are few: all of them, up to the largest page."""
        return LARGEST_PAGE

    def sql_texts(self) -> list[str]:
        """The one text and the filters."""
        return [self.sql, *(parameter.condition or "" for parameter in self.parameters)]

    def sort_keys(self) -> tuple[str, ...]:
        """Every column can be sorted by."""
        return tuple(column.key for column in self.columns)

    def statement(self, question: Question) -> str:
        """The rows of the report, unordered, each relation cut to the question's lots."""
        pieces = {"filters": conditions(self.parameters, question.values)}
        if question.period is not None:
            pieces["period"] = question.period.condition("business_date", "local_hour")
        if self.fragments is not None:
            pieces |= self.fragments(question)
        return render(self.name, self.sql, question.lots, pieces)

    def bindings(self, question: Question) -> dict[str, Any]:
        """All values the statement may name."""
        return question.parameters() | dict(self.bound(question) if self.bound is not None else {})

    def _order(self, sort: str | None) -> str:
        if sort is None:
            return self.order
        direction = "desc" if sort.startswith("-") else "asc"
        return f'"{sort.removeprefix("-")}" {direction} nulls last, {self.order}'

    def fetch(self, view: View, question: Question, request: PageRequest, key: str) -> Part:
        """One page; the statement runs once for rows, count and totals."""
        if self.by_lot and request.sort is None:
            return self._fetch_of_lots(view, question, request, key)
        columns = self.shown_columns(question.values)
        totals = total_expressions(columns)
        keys = ", ".join(f'page."{column.key}"' for column in columns)
        figures = "".join(f', {expression} as "total {name}"' for name, expression in totals.items())
        order = self._order(request.sort)
        sql = f"""
            with report as materialized ({self.statement(question)}),
            whole as (select count(*) as row_count{figures} from report),
            page as (
                select *, row_number() over (order by {order}) as row_position
                from report order by row_position limit $limit offset $offset
            )
            select {keys}, page.row_position, whole.*
            from whole left join page on true
            order by page.row_position
        """
        values = self.bindings(question) | {"limit": request.size, "offset": request.offset}
        answer = view.query(sql, used_parameters(sql, values))
        first = answer.rows[0]
        width = len(columns)
        rows = [] if first[width] is None else exact_rows(columns, answer.rows)
        found = dict(zip(totals, first[width + 2 :], strict=True))
        return Part(rows, int(first[width + 1]), exact_totals(columns, found))

    def _fetch_of_lots(self, view: View, question: Question, request: PageRequest, key: str) -> Part:
        """The rows of the page's lots only; how many each lot has is counted once."""

        def count() -> tuple[list[int], list[int]]:
            sql = f"select lot_id, count(*) from ({self.statement(question)}) group by lot_id order by lot_id"
            found = view.query(sql, used_parameters(sql, self.bindings(question))).rows
            return [lot_id for lot_id, _rows in found], list(accumulate((rows for _lot, rows in found), initial=0))

        lot_ids, before = view.remember(f"{key} by lot", count)
        first = max(0, bisect_right(before, request.offset) - 1)
        last = bisect_left(before, request.offset + request.size)
        if not (on_page := tuple(lot_ids[first:last])):
            return Part([], before[-1], {})
        columns = self.shown_columns(question.values)
        narrowed = replace(question, lots=LotPredicate(on_page))
        keys = ", ".join(f'"{column.key}"' for column in columns)
        sql = f"""
            select {keys} from ({self.statement(narrowed)}) order by {self.order} limit $limit offset $offset
        """
        values = self.bindings(narrowed) | {"limit": request.size, "offset": request.offset - before[first]}
        return Part(exact_rows(columns, view.query(sql, used_parameters(sql, values)).rows), before[-1], {})

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
