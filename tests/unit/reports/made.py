"""A report and results of it made by hand, for what only looks at results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from warehouse.reports.base import Page, ReportResult
from warehouse.reports.columns import integer, money, text
from warehouse.reports.period import Clock, Grain, Period
from warehouse.reports.question import KnownLot, Question
from warehouse.reports.relations import LotPredicate
from warehouse.reports.table import TableReport

SHANGHAI = Clock("Asia/Shanghai", 0)
LOTS = (KnownLot(1, "P1", "静安嘉里中心", SHANGHAI), KnownLot(2, "P2", "人民医院", SHANGHAI))


def report(name: str = "made", **more: Any) -> TableReport:
    columns = (
        text("lot_name", "停车场", "Lot"),
        money("received", "实收金额", "Received"),
        integer("charges", "收费笔数", "Charges"),
    )
    return TableReport(
        name=name,
        zh="停车日报表",
        en="Daily report",
        about_zh="",
        about_en="",
        columns=columns,
        grain=Grain.DAY,
        sql="select lot_name, received, charges from {rpt_fee_day}",
        order="lot_name",
        **more,
    )


def result(
    rows: Sequence[tuple[Any, ...]],
    *,
    name: str = "made",
    language: str = "zh",
    chosen: tuple[KnownLot, ...] = (),
    row_count: int | None = None,
) -> ReportResult:
    made = report(name)
    period = Period(date(2019, 5, 1), date(2019, 6, 1))
    question = Question(
        LotPredicate(None), LOTS, chosen, period, {}, datetime(2019, 5, 31, 15, 59, 59, tzinfo=UTC), language
    )
    totals = {
        "received": sum((row[1] for row in rows), Decimal("0.00")),
        "charges": sum(row[2] for row in rows),
    }
    return ReportResult(
        report=made,
        question=question,
        columns=made.columns,
        rows=[],
        totals=totals,
        row_count=len(rows) if row_count is None else row_count,
        page=Page(1, max(1, len(rows)), 1),
        data_as_of=question.as_of,
        snapshot_id=1,
        language=language,
    )
