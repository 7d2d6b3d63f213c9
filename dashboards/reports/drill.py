"""From a figure to its records, and the proof that they add up to it.

Belongs here: what a way down is, its address, and the check on arrival. Does not belong here: which figures have one
(drills.py). The address holds the filters of the records and the name of the figure, never the figure itself: on
arrival the report of the figure is asked for this figure alone, the records are counted one by one, both on the same
snapshot, and the two are compared.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st

from dashboards import instance
from dashboards.context import Context
from dashboards.ui import cards
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.session import write_session
from warehouse.reports import access, base
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.parameters import ParameterType
from warehouse.reports.period import Clock
from warehouse.reports.texts import writer
from warehouse.security import audit

LOG = logging.getLogger(__name__)
ORIGIN: Final = "of"
ROWS: Final = "row_count"
WITHOUT: Final = "without"
TOLD: Final = "report_mismatches_told"
COMMON: Final = ("lot", "from", "to")
Moment = date | datetime


@dataclass(frozen=True)
class Drill:
    """Where a figure of one column comes from.

    Attributes:
        report: the report of the records; its page has the same name.
        figure: what adds up to the figure there: a column's total, or ``row_count``.
        fixed: parameters of the records that are always so.
        kept: parameters that mean the same for the figure and for the records.
        row: parameter of the records to column of the figure's row that fixes it.
        lacking: column of the row to the word of ``without`` that stands for an empty one.
        days: the column with the row's hour, day or month; the whole period otherwise.
        column: the column whose total the figure is, when it is asked for alone.
        compared: the figure belongs to the period compared with.
        source: parameters of the figure's report when it is asked for the figure alone.
        when: parameters of the figure's report for which this way is the one.
    """

    report: str
    figure: str
    column: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    row: Mapping[str, str] = field(default_factory=lambda: {"lot": "lot_code"})
    lacking: Mapping[str, str] = field(default_factory=dict)
    days: str | None = None
    compared: bool = False
    source: Mapping[str, str] = field(default_factory=dict)
    when: Mapping[str, str] = field(default_factory=dict)

    @property
    def menu(self) -> str:
        """The menu item of the records' page."""
        return self.report.replace("-", "_")

    def fits(self, asked: Mapping[str, Any]) -> bool:
        """Whether this is the way for a page with these parameters."""
        return all(str(asked.get(name)) == value for name, value in self.when.items())

    def parameters(
        self, record: Mapping[str, Any], asked: Mapping[str, Any], clocks: Sequence[Clock] = ()
    ) -> dict[str, str] | None:
        """Parameters of the records of one row; of the row of totals when ``record`` is empty.

        None when no period in hours holds exactly what the row counts: an hour that the start of a lot's business day
        cuts in two.
        """
        found = {
            name: str(asked[name])
            for name in ("lot", *self.kept)
            if asked.get(name) not in (None, "") and self.source.get(name) != asked[name]
        }
        found |= {name: str(record[column]) for name, column in self.row.items() if record.get(column) is not None}
        lacking = [word for column, word in self.lacking.items() if column in record and record[column] is None]
        if lacking:
            found[WITHOUT] = ",".join(dict.fromkeys([*found.get(WITHOUT, "").split(","), *lacking])).strip(",")
        ends = ("compare_from", "compare_to") if self.compared else ("from", "to")
        period = _moment(asked[ends[0]]), _moment(asked[ends[1]])
        value = record.get(self.days) if self.days is not None else None
        if value is not None:
            narrowed = _cut(_span(value, str(asked.get("by"))), period, clocks)
            if narrowed is None:
                return None
            period = narrowed
        return found | dict(self.fixed) | {"from": _written(period[0]), "to": _written(period[1])}

    def address(
        self, report: str, record: Mapping[str, Any], asked: Mapping[str, Any], clocks: Sequence[Clock] = ()
    ) -> str | None:
        """The address of the records of one figure of ``report``."""
        parameters = self.parameters(record, asked, clocks)
        if parameters is None:
            return None
        several = {one.key for one in find(self.report).parameters if one.type is ParameterType.CHOICES} | {"lot"}
        usual = {one.key: one.default for one in find(self.report).parameters}
        query: list[tuple[str, str]] = [(ORIGIN, f"{report}.{self.column}")]
        for name, value in parameters.items():
            if name in several:
                query += [(name, one) for one in value.split(",")]
            elif name not in ("from", "to") and value != usual.get(name):
                query.append((name, value))
        query += _period_in_address(_moment(parameters["from"]), _moment(parameters["to"]))
        return f"/{self.report}?{urlencode(query)}"

    def of_figure(self, asked: Mapping[str, Any]) -> dict[str, str] | None:
        """Parameters of the figure's report that leave this figure alone, from those of the records' page.

        None when the page is filtered by more than the figure was, or by less.
        """
        if any(str(asked.get(name)) != value for name, value in self.fixed.items()):
            return None
        found = dict(self.source)
        for name, value in asked.items():
            if name in COMMON or name in self.kept:
                found[name] = str(value)
            elif name not in self.fixed and name not in self.row:
                return None
            elif name in self.row:
                found[name] = str(value)
        return dict(self.when) | found


def _moment(written: Any) -> Moment:
    if isinstance(written, date):  # a datetime is one too
        return written
    text = str(written)
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def _written(moment: Moment) -> str:
    return moment.isoformat(timespec="seconds") if isinstance(moment, datetime) else moment.isoformat()


def _span(value: Any, by: str) -> tuple[Moment, Moment]:
    """Start and end of an hour (2019-05-08 13:00), a day, or a month (2019-05, or a day of it with by=month)."""
    text = str(value)
    if len(text) == 16:
        hour = datetime.fromisoformat(text)
        return hour, hour + timedelta(hours=1)
    if len(text) == 7 or by == "month":
        first = date.fromisoformat(f"{text[:7]}-01")
        return first, (first + timedelta(days=32)).replace(day=1)
    day = date.fromisoformat(text[:10])
    return day, day + timedelta(days=1)


def _cut(
    span: tuple[Moment, Moment], period: tuple[Moment, Moment], clocks: Sequence[Clock]
) -> tuple[Moment, Moment] | None:
    """The part of ``span`` inside ``period``; None when hours of business days do not fit into it."""
    (start, end), (first, last) = span, period
    if isinstance(start, datetime) and not isinstance(first, datetime):
        # Hours of business days: all of the hour must lie inside for every lot.
        cutovers = [timedelta(minutes=clock.cutover_minutes) for clock in clocks] or [timedelta()]
        whole = datetime.combine(first, time()) + max(cutovers), datetime.combine(last, time()) + min(cutovers)
        assert isinstance(end, datetime)
        return (start, end) if whole[0] <= start and end <= whole[1] else None
    if isinstance(first, datetime) and not isinstance(start, datetime):
        if any(clock.cutover_minutes for clock in clocks):
            return None
        start, end = datetime.combine(start, time()), datetime.combine(end, time())
    return max(start, first), min(end, last)


def _period_in_address(start: Moment, end: Moment) -> list[tuple[str, str]]:
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = end - timedelta(days=1)
        return [("period", "custom"), ("days", start.isoformat()), ("days", last.isoformat())]
    times = [("from_time", f"{start:%H:%M}"), ("to_time", f"{end:%H:%M}")]
    if end.time() == time():
        end, times = end - timedelta(days=1), times[:1]
    return [("period", "custom"), ("days", f"{start:%Y-%m-%d}"), ("days", f"{end:%Y-%m-%d}"), *times]


@dataclass(frozen=True)
class Proof:
    """A figure and what its records add up to, on one snapshot."""

    source: ReportResult
    column: str
    figure: Any
    records: Any

    @property
    def holds(self) -> bool:
        """Whether the records add up to the figure."""
        return bool(self.figure == self.records)


def prove(context: Context, drill: Drill, source: str, asked: Mapping[str, Any]) -> Proof | None:
    """Compute both sides anew; None when the page's filters are not those of a figure.

    Raises:
        ParkError: a parameter does not fit; Forbidden when the figure's report is not permitted.
    """
    wanted = drill.of_figure(asked)
    if wanted is None:
        return None
    for _attempt in range(3):  # a publication between the two questions makes them speak of different data
        there, here = context.query(source, **wanted, size=1), _each_record(context, drill.report, asked)
        if there.snapshot_id == here.snapshot_id:
            records = here.row_count if drill.figure == ROWS else here.totals[drill.figure]
            return Proof(there, drill.column, there.totals[drill.column], records)
    return None


def _each_record(context: Context, report: str, asked: Mapping[str, Any]) -> ReportResult:
    """Count and totals over the records themselves; a page may take them from a mart that has counted them."""
    found = find(report)
    context.actor.require(access.permission_of(found))

    def count() -> ReportResult:
        with base.stream(found, instance.reader(), context.actor.scope, asked, context.language) as whole:
            return whole.result

    parameters = tuple(sorted((name, str(value)) for name, value in asked.items()))
    scope, snapshot = context.actor.scope.lot_ids, context.publication().snapshot_id
    return instance.results().get(("each record", report, parameters, scope, context.language, snapshot), count)


def show_origin(context: Context, drills: Sequence[tuple[str, Drill]], asked: Mapping[str, Any]) -> None:
    """On a page that was reached from a figure: say which, and whether the records add up to it.

    ``drills`` are the ways, each with the report of its figure, that lead to this page from the figure in the address.
    """
    if not drills:
        return
    text = context.text
    try:
        proofs = (prove(context, one, source, asked) for source, one in drills)
        proof = next((one for one in proofs if one is not None), None)
    except Forbidden:
        return  # whoever may not see the figure is not told it
    except ParkError as error:
        cards.notice("plain", text("report.origin"), error.text(context.language))
        return
    if proof is None:
        cards.notice("plain", text("report.origin"), text("report.origin_changed"))
        return
    column = next(one for one in proof.source.columns if one.key == proof.column)
    write = writer(column, context.language)
    words = {
        "report": proof.source.report.title(context.language),
        "column": column.header(context.language),
        "figure": _grouped(proof.figure, write),
    }
    if proof.holds:
        cards.notice("good", text("report.origin"), text("report.origin_equal", **words))
        return
    cards.notice(
        "bad", text("report.origin"), text("report.origin_differs", **words, found=_grouped(proof.records, write))
    )
    _alarm(context, proof, drills[0][1].report, asked)


def _grouped(value: Any, write: Any) -> str:
    return f"{value:,}" if not isinstance(value, str) and value is not None else write(value)


def _alarm(context: Context, proof: Proof, report: str, asked: Mapping[str, Any]) -> None:
    """Write the difference to the log and the operator log, once a session and snapshot."""
    told: set[Any] = st.session_state.setdefault(TOLD, set())
    key = (proof.source.report.name, proof.column, tuple(sorted(asked.items())), proof.source.snapshot_id)
    if key in told:
        return
    told.add(key)
    name = proof.source.report.name
    LOG.error(
        "figure %s of %s is %s, its records in %s add up to %s", proof.column, name, proof.figure, report, proof.records
    )
    with write_session(context.settings) as session:
        audit.append(
            session,
            context.actor,
            "report.mismatch",
            entity="report",
            entity_id=name,
            entity_name=proof.column,
            before={"figure": str(proof.figure)},
            after={
                "records": str(proof.records),
                "report": report,
                "filter": {key: str(value) for key, value in asked.items()},
            },
        )
