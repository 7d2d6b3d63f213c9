"""What the analyses of money by day and month share: their days, and the second period beside them.

Belongs here: SQL pieces over places, the number of days or months since the period's first. Does not belong here:
figures (``fee``, ``renewal``), reading the second period (``compare``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from warehouse.reports.compare import compare_condition, compare_parameters, compared, places
from warehouse.reports.period import Grain
from warehouse.reports.question import Question
from warehouse.reports.table import Bound

CHANGE: Final = "per_ten_thousand(fen({0} - {1}), fen({1}))"


def filled(figures: tuple[str, ...], prefix: str = "") -> str:
    """SQL that makes ``figures`` zero where something was uploaded and leaves them null where nothing was."""
    known = f"{prefix}counted.place is not null or {prefix}uploaded.place is not null"
    return ", ".join(
        f"case when {known} then coalesce({prefix}counted.{name}, 0) end as {prefix}{name}" for name in figures
    )


# Days are listed even without charges; a day without any upload stays empty instead of zero.
ANALYSIS_DAYS: Final = """
    calendar as (
        select place, case when place <= $own_last then {day} end as day
        from (select unnest(generate_series(0::bigint, $last_place::bigint)) as place)
    ),
    uploaded as (select distinct {place} as place from {rpt_upload_hour} where {period})
"""
JOIN_DAYS: Final = "calendar left join uploaded using (place) left join counted using (place) {compare_joins}"


def analysis_fragments(report: str, figures: tuple[str, ...], counting: str) -> Callable[[Question], dict[str, str]]:
    """Pieces of an analysis by day or month: places, and the second period when one is asked for.

    Args:
        report: its name, for errors.
        figures: what is compared.
        counting: SQL from ``select {place} as place`` on, with ``{span}`` for the condition on the period.
    """

    def fragments(question: Question) -> dict[str, str]:
        by_month = question.values["by"] == "month"
        unit = "month" if by_month else "day"
        place = f"date_diff('{unit}', ${{0}}from_day::date, business_date)"
        day = (
            "(date_trunc('month', ${0}from_day::date) + to_months(place::int))::date"
            if by_month
            else "(${0}from_day::date + place::int)"
        )
        pieces = {"place": place.replace("{0}", ""), "day": day.replace("{0}", "")}
        other = compared(question, Grain.DAY, report)
        if other is None:
            return pieces | {"compare": "", "compare_columns": "", "compare_joins": ""}
        compare_place = place.replace("{0}", "compare_")
        within = compare_condition(other)
        return pieces | {
            "compare": f""",
                compare_uploaded as (
                    select distinct {compare_place} as place from {{rpt_upload_hour}} where {within}
                ),
                compare_counted as ({counting.replace("{place}", compare_place).replace("{span}", within)})
            """,
            "compare_columns": f""", case when place <= $compare_last then {day.replace("{0}", "compare_")} end
                as compare_day, {filled(figures, "compare_")}""",
            "compare_joins": "left join compare_uploaded using (place) left join compare_counted using (place)",
        }

    return fragments


def analysis_values(report: str) -> Bound:
    """What the pieces of an analysis name."""

    def values(question: Question) -> dict[str, Any]:
        period, other = question.period, compared(question, Grain.DAY, report)
        assert period is not None
        by_month = question.values["by"] == "month"
        own = places(period, by_month) - 1
        if other is None:
            return {"own_last": own, "last_place": own}
        last = places(other, by_month) - 1
        return {
            "own_last": own, "compare_last": last, "last_place": max(own, last), **compare_parameters(other)
        }  # fmt: skip

    return values
