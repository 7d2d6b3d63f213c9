"""From a figure to its records, and the proof that they add up to it.

Belongs here: links that carry where they come from, and the check on arrival. The link names report, row and column
of the figure, never the figure itself: on arrival both sides are computed anew on the same snapshot and compared.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from warehouse.errors import ParkError
from warehouse.ops.session import write_session
from warehouse.reports.catalogue import find
from warehouse.reports.columns import Column
from warehouse.reports.texts import writer
from warehouse.security import audit

LOG = logging.getLogger(__name__)
ORIGIN: Final = "origin"
ROWS: Final = "row_count"


@dataclass(frozen=True)
class Drill:
    """Where a figure of one column comes from.

    Attributes:
        menu: the page with the records, by its menu item; its report has the menu's name with hyphens.
        figure: what adds up to the figure there: a column's total, or ``row_count``.
        carried: parameter of the target to column of the row, for what the row fixes (``lot`` to ``lot_code``).
        kept: parameters of the page that mean the same on the target.
        fixed: parameters of the target that are always so.
        days: the column that narrows the period to its day or month; the page's period otherwise.
    """

    menu: str
    figure: str
    carried: Mapping[str, str] = field(default_factory=lambda: {"lot": "lot_code"})
    kept: Sequence[str] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    days: str | None = None

    @property
    def report(self) -> str:
        """The target's report."""
        return self.menu.replace("_", "-")

    def parameters(self, record: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, str]:
        """Parameters of the target for one row."""
        found = {name: str(asked[name]) for name in ("lot", "from", "to", *self.kept) if name in asked}
        found |= {name: str(record[column]) for name, column in self.carried.items() if record.get(column) is not None}
        if self.days is not None and record.get(self.days) is not None:
            start, end = _span(record[self.days])
            found |= {"from": start, "to": end}
        return found | dict(self.fixed)

    def address(self, report: str, column: str, record: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
        """The target's address for one figure."""
        parameters = self.parameters(record, asked)
        start, end = parameters.pop("from", None), parameters.pop("to", None)
        query: list[tuple[str, str]] = []
        for name, value in parameters.items():
            query += [(name, one) for one in value.split(",")] if name in ("lot", *self.carried) else [(name, value)]
        if start is not None and end is not None:
            query += _period_in_address(start, end)
        row = {name: str(value) for name, value in record.items() if isinstance(value, str | date)}
        origin = {"report": report, "column": column, "figure": self.figure, "row": row, "asked": dict(asked)}
        query.append((ORIGIN, json.dumps(origin, ensure_ascii=False, separators=(",", ":"))))
        return f"/{self.menu.replace('_', '-')}?{urlencode(query)}"


def _span(value: Any) -> tuple[str, str]:
    """First day and the day after the last of a day, a month (2019-05) or an hour (2019-05-08 13:00)."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds"), (value + timedelta(hours=1)).isoformat(timespec="seconds")
    written = str(value)
    if len(written) == 7:
        first = date.fromisoformat(f"{written}-01")
        return first.isoformat(), (first + timedelta(days=32)).replace(day=1).isoformat()
    if len(written) == 16:
        hour = datetime.fromisoformat(written)
        return hour.isoformat(timespec="seconds"), (hour + timedelta(hours=1)).isoformat(timespec="seconds")
    day = date.fromisoformat(written[:10])
    return day.isoformat(), (day + timedelta(days=1)).isoformat()


def _period_in_address(start: str, end: str) -> list[tuple[str, str]]:
    if len(start) == 10 and len(end) == 10:
        last = date.fromisoformat(end) - timedelta(days=1)
        return [("period", "custom"), ("days", start), ("days", last.isoformat())]
    first, last_moment = datetime.fromisoformat(start), datetime.fromisoformat(end)
    times = [("from_time", f"{first:%H:%M}"), ("to_time", f"{last_moment:%H:%M}")]
    if last_moment.time() == datetime.min.time():
        last_moment, times = last_moment - timedelta(days=1), times[:1]
    return [("period", "custom"), ("days", f"{first:%Y-%m-%d}"), ("days", f"{last_moment:%Y-%m-%d}"), *times]


def show_origin(context: Context, report: str, asked: Mapping[str, Any]) -> None:
    """On a page that was reached from a figure: say which, and whether the records add up to it."""
    written = st.query_params.get(ORIGIN)
    if not written:
        return
    try:
        origin = json.loads(written)
        source, column, row = find(origin["report"]), str(origin["column"]), dict(origin["row"])
        there = _figure(context, source.name, column, row, origin["asked"])
        result = context.query(report, **asked, size=1)
        here = result.row_count if origin["figure"] == ROWS else result.totals[origin["figure"]]
    except (ValueError, KeyError, TypeError, ParkError):
        cards.notice("plain", context.text("report.origin"), context.text("report.origin_unknown"))
        return
    shown = next(one for one in source.columns if one.key == column)
    names = {"report": source.title(context.language), "column": shown.header(context.language)}
    if there == here:
        cards.notice(
            "good",
            context.text("report.origin"),
            context.text("report.origin_equal", **names, figure=_written(shown, here, context)),
        )
        return
    cards.notice(
        "bad",
        context.text("report.origin"),
        context.text(
            "report.origin_differs",
            **names,
            figure=_written(shown, there, context),
            found=_written(shown, here, context),
        ),
    )
    _alarm(context, source.name, column, there, report, here)


def _figure(context: Context, report: str, column: str, row: Mapping[str, str], asked: Mapping[str, Any]) -> Any:
    """The figure in its own report, found again by the texts and days of its row."""
    for record in context.query(report, **asked, size=10_000).records():
        if all(str(record.get(name)) == value for name, value in row.items()):
            return record[column]
    raise KeyError(column)


def _written(column: Column, value: int | Decimal, context: Context) -> str:
    return f"{value:,}" if isinstance(value, int | Decimal) else writer(column, context.language)(value)


def _alarm(context: Context, source: str, column: str, there: Any, report: str, here: Any) -> None:
    LOG.error("figure %s of %s is %s, its records in %s add up to %s", column, source, there, report, here)
    with write_session(context.settings) as session:
        audit.append(
            session,
            context.actor,
            "report.mismatch",
            entity="report",
            entity_id=source,
            entity_name=column,
            before={"figure": str(there)},
            after={"records": str(here), "report": report},
        )
