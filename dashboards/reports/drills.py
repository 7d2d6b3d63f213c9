"""Which figures lead to records: every figure of the statistics, the analyses and the daily report.

Belongs here: the ways, by report and column. Does not belong here: how a way is walked and proven (drill.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from dashboards.reports.drill import ORIGIN, ROWS, Drill
from dashboards.ui import address
from warehouse.reports.pieces import METHODS

Ways = Mapping[str, tuple[Drill, ...]]

_NARROWED: Final = ("gate", "gate_id", "vehicle_class", "without", "hour_of_day", "weekday")


def _traffic(columns: Mapping[str, str], **more: Any) -> Ways:
    """Ways of the columns (column of the page to the figure it is) of passages, to outer and inner records."""
    return {
        shown: tuple(
            Drill(
                f"{prefix}{'entry' if column == 'entries' else 'exit'}-records",
                ROWS,
                column,
                kept=_NARROWED,
                compared=shown.startswith("compare_"),
                when={"inner": inner},
                **more,
            )
            for inner, prefix in (("no", ""), ("yes", "inner-"))
        )
        for shown, column in columns.items()
    }


def _merged(*parts: Ways) -> Ways:
    return {column: ways for part in parts for column, ways in part.items()}


_PASSAGES: Final = {"entries": "entries", "exits": "exits"}
_TRAFFIC_STATISTICS: Final = _traffic(
    _PASSAGES,
    row={"lot": "lot_code", "gate_id": "gate_id", "vehicle_class": "vehicle_class"},
    lacking={"gate_id": "gate", "vehicle_class": "vehicle_class"},
    days="period",
)


def _analysis(by: str, row: Mapping[str, str], days: str | None, compare_days: str | None) -> Ways:
    # Alone, the figure is asked for by hours: days would refuse a period that an hour or a clock limits.
    common = {"source": {"by": "hour"}, "row": row}
    ways = _merged(
        _traffic(_PASSAGES, days=days, **common),
        _traffic({f"compare_{name}": name for name in _PASSAGES}, days=compare_days, **common),
    )
    return {
        column: tuple(replace(one, when=dict(one.when) | {"by": by}) for one in found) for column, found in ways.items()
    }


def _several(*parts: Ways) -> Ways:
    return {column: tuple(way for part in parts for way in part[column]) for column in parts[0]}


_TRAFFIC_ANALYSIS: Final = _several(
    _analysis("hour", {"hour_of_day": "position"}, None, None),
    _analysis("weekday", {"weekday": "position"}, None, None),
    *(_analysis(by, {}, "position", "compare_day") for by in ("each_hour", "day", "month")),
)


def _charges(**more: Any) -> dict[str, Drill]:
    """The ways of every figure that single charges add up to."""
    common: dict[str, Any] = {"kept": ("basis", "booth", "without"), **more}
    amounts = ("receivable", "discount", "waived", "received", "uncollected", "charged")
    ways = {name: Drill("charges", name, name, **common) for name in amounts}
    ways |= {name: Drill("charges", name, name, fixed={"method": name}, **common) for name in METHODS}
    ways["other_methods"] = Drill("charges", "other_methods", "other_methods", fixed={"method": "other"}, **common)
    ways["charges"] = Drill("charges", ROWS, "charges", fixed={"kind": "charge"}, **common)
    ways["refunds"] = Drill("charges", ROWS, "refunds", fixed={"kind": "refund"}, **common)
    ways["unbalanced"] = Drill("charges", ROWS, "unbalanced", fixed={"balanced": "no"}, **common)
    return ways


def _renewals(**more: Any) -> dict[str, Drill]:
    """The ways of every figure that single renewals add up to; without a kind the list holds both."""
    common: dict[str, Any] = {"kept": ("kind",), "source": {"kind": "all"}, **more}
    ways = {
        "renewals": Drill("renewals", ROWS, "renewals", **common),
        "amount": Drill("renewals", "amount", "amount", **common),
    }
    return ways | {name: Drill("renewals", "amount", name, fixed={"method": name}, **common) for name in METHODS}


def _compared(ways: Mapping[str, Drill], *names: str) -> dict[str, Drill]:
    return {f"compare_{name}": replace(ways[name], days="compare_day", compared=True) for name in names}


def _single(ways: Mapping[str, Drill]) -> Ways:
    return {column: (one,) for column, one in ways.items()}


_FEES_BY_DAY: Final = _charges(row={}, days="day")
_RENEWALS_BY_DAY: Final = _renewals(row={}, days="day")
DRILLS: Final[Mapping[str, Ways]] = {
    "traffic-statistics": _TRAFFIC_STATISTICS,
    "traffic-analysis": _TRAFFIC_ANALYSIS,
    "temporary-fee-analysis": _single(_FEES_BY_DAY | _compared(_FEES_BY_DAY, "charges", "received")),
    "temporary-fee-statistics": _single(_charges()),
    "renewal-analysis": _single(_RENEWALS_BY_DAY | _compared(_RENEWALS_BY_DAY, "renewals", "amount")),
    "renewal-statistics": _single(_renewals()),
    "daily-report": _single(
        _charges(row={"lot": "lot_code", "booth": "booth"}, lacking={"booth": "booth"}, days="day")
    ),
}


def ways_from(report: str, asked: Mapping[str, Any]) -> dict[str, Drill]:
    """The way of each figure of a report's page with these parameters, by column."""
    found = {}
    for column, ways in DRILLS.get(report, {}).items():
        for one in ways:
            if one.fits(asked):
                found[column] = one
    return found


def ways_to(report: str) -> list[tuple[str, Drill]]:
    """The ways that lead to this report's page from the figure that the address names."""
    source, _, column = (address.written(ORIGIN) or [""])[0].partition(".")
    return [
        (source, one)
        for ways in DRILLS.get(source, {}).values()
        for one in ways
        if one.column == column and one.report == report and not one.compared
    ]
