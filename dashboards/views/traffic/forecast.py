"""车位预测: cars in the lots over the next hours, with the error that the same forecast made before.

Belongs here: the page around the reports ``forecast`` and ``forecast-course``. Does not belong here: how the forecast
is made, which the reports say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from dashboards.theme import BLUE, ORANGE
from dashboards.ui import cards, charts, numbers

VIEW = View("forecast", ":material/trending_up:")


def render(context: Context) -> None:
    """Draw the page."""
    render_report(
        context,
        ReportPage(
            "forecast",
            first=("ahead", "nearly_full"),
            hidden=("lot_code", "cases"),
            above=_above,
        ),
    )


def _above(context: Context, asked: dict[str, Any]) -> None:
    """How good the forecast is, how it is made, and the course of one lot."""
    asked["backtest"] = "yes"
    text = context.text
    result = context.query("forecast", **asked)
    nearly = context.query("forecast", **{**asked, "ahead": "1", "nearly_full": "yes"})
    totals = result.totals
    tested = totals["cases"] or 0
    cards.figures(
        [
            cards.Figure(
                "forecast_nearly_full",
                text("forecast.nearly_full"),
                numbers.count(nearly.row_count),
                text("forecast.lots"),
                notes=[cards.Note(text("forecast.nearly_full_note"))],
                colour=ORANGE,
            ),
            cards.Figure(
                "forecast_error",
                text("forecast.error"),
                _cars(totals["error"]),
                text("forecast.cars"),
                notes=[cards.Note(text("forecast.error_note", cases=numbers.count(tested)))],
                colour=BLUE,
            ),
            cards.Figure(
                "forecast_week_error",
                text("forecast.week_error"),
                _cars(totals["week_error"]),
                text("forecast.cars"),
                notes=[cards.Note(_compared(context, totals))],
                colour=BLUE,
            ),
        ]
    )
    if not result.row_count:
        cards.notice("plain", text("forecast.none"), text("forecast.none_why"))
        return
    _course(context, str(asked.get("lot") or result.records()[0]["lot_code"]).split(",")[0])


def _cars(value: Any) -> str:
    return "—" if value is None else f"{value:,.1f}"


def _compared(context: Context, totals: Mapping[str, Any]) -> str:
    better = totals["better"]
    if better is None:
        return context.text("forecast.not_tested")
    word = "better" if better >= 0 else "worse"
    return context.text(f"forecast.{word}", share=numbers.percent(abs(better)))


def _course(context: Context, lot_code: str) -> None:
    """The last day and the next hours of one lot; the interval as two thin lines."""
    text = context.text
    result = context.query("forecast-course", lot=lot_code)
    rows = result.records()
    if not rows:
        return
    with cards.card("forecast_course"):
        cards.heading(text("forecast.course", lot=rows[0]["lot_name"]), text("forecast.how"))
        labels = [f"{row['at']:%m-%d %H:%M}" for row in rows]
        series = [
            charts.Series(text(f"forecast.series_{key}"), [row[key] for row in rows], colour)
            for key, colour in (("cars", BLUE), ("forecast", ORANGE), ("low", "#f2b98a"), ("high", "#f2b98a"))
        ]
        figure = charts.over_positions(
            labels, series, [False] * len(rows), as_line=True, missing_name="", language=context.language
        )
        charts.show(figure, "forecast_course_chart", 300, text("forecast.course", lot=rows[0]["lot_name"]))
