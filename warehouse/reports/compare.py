"""Two periods beside each other.

Belongs here: the second period of the analyses: its parameters, its condition, its values to bind. Does not belong
here: what is compared, which each report says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.reports.parameters import Parameter, ParameterType
from warehouse.reports.period import Grain, Period, read_period
from warehouse.reports.question import Question

COMPARE: Final = (
    Parameter("compare_from", "对比期间开始", "start of the period to compare with", ParameterType.PERIOD),
    Parameter(
        "compare_to",
        "对比期间结束(不含);默认与期间等长",
        "its end, exclusive; as long as the period by default",
        ParameterType.PERIOD,
    ),
)


def comparing(values: Mapping[str, Any]) -> bool:
    """Whether a second period was asked for."""
    return "compare_from" in values


def compared(question: Question, grain: Grain, report: str) -> Period | None:
    """The period to compare with; None when there is none.

    Raises:
        ParkError: an end without a start, or ends that do not fit the grain.
    """
    start, end = question.values.get("compare_from"), question.values.get("compare_to")
    period = question.period
    assert period is not None
    if start is None and end is None:
        return None
    if start is None:
        raise ParkError(
            zh="有 compare-to 时还需要 compare-from", en="compare-to needs compare-from too", code="bad_period"
        )
    given: dict[str, Any] = {"from": start, "to": end}
    if end is None:  # as long as the period it is compared with
        # Read with a far end: the start may lie after the period.
        first = read_period({"from": start}, grain, 1, period.end_day, report).start
        given["to"] = first + (period.end - period.start)  # type: ignore[operator]
    return read_period(given, grain, 1, period.end_day, report)


def compare_condition(other: Period) -> str:
    """SQL for rows of the second period."""
    days = "business_date >= $compare_from_day and business_date < $compare_to_day"
    if not other.has_time:
        return days
    return f"{days} and local_hour >= $compare_from_time and local_hour < $compare_to_time"


def compare_parameters(other: Period) -> dict[str, Any]:
    """What ``compare_condition`` names."""
    return {f"compare_{name}": value for name, value in other.parameters().items()}


def places(period: Period, by_month: bool) -> int:
    """How many days, or months begun, the period's business days are."""
    last = period.end_day - timedelta(days=1)
    if by_month:
        return (last.year - period.first_day.year) * 12 + last.month - period.first_day.month + 1
    return (period.end_day - period.first_day).days
