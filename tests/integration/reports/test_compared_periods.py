"""Compared periods and shares: the compared figures are the report's own of that period, a share is what it divides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.reports.comparison import shifted
from warehouse.lake.reader import Reader
from warehouse.reports.base import run
from warehouse.reports.catalogue import find
from warehouse.security.scope import EVERYTHING

PAIRS = {
    "traffic-analysis": {"entries": "compare_entries", "exits": "compare_exits"},
    "temporary-fee-analysis": {"received": "compare_received", "charges": "compare_charges"},
    "renewal-analysis": {"amount": "compare_amount"},
}


def change(now: Any, before: Any) -> Decimal | None:
    """By how much of it ``before`` has changed, to four places, half up; None without anything to compare with."""
    if now is None or before is None or before <= 0:
        return None
    exact = (Decimal(now) - Decimal(before)) / Decimal(before)
    return exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def shares_are_what_they_divide(row: Mapping[str, Any], pairs: Mapping[str, str]) -> int:
    found = 0
    for figure, compared in pairs.items():
        if f"{figure}_change" in row:
            assert row[f"{figure}_change"] == change(row[figure], row[compared]), row
            found += row[f"{figure}_change"] is not None
    if "collection_rate" in row and row["received"] is not None:
        owed = row["receivable"] - row["discount"] - row["waived"]
        rate = change(row["received"], owed)
        assert row["collection_rate"] == (rate + 1 if rate is not None else None), row
        found += rate is not None
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_compared_figures_are_those_of_the_compared_period_and_shares_divide_them(
    reader: Reader, data: st.DataObject
) -> None:
    report = data.draw(st.sampled_from(sorted(PAIRS)))
    start = date(2019, 5, 1) + timedelta(days=data.draw(st.integers(0, 9)))
    end = start + timedelta(days=data.draw(st.integers(1, 10)))
    way = data.draw(st.sampled_from(["previous", "week", "month", "year"]))
    other = shifted(way, start, end)
    lots = data.draw(st.sampled_from(["", "LOT1", "LOT1,LOT21"]))
    asked = {"by": "day"} | ({"lot": lots} if lots else {})
    both = run(
        find(report),
        reader,
        EVERYTHING,
        asked | {"from": str(start), "to": str(end), "compare_from": str(other[0]), "compare_to": str(other[1])},
    )
    alone = run(find(report), reader, EVERYTHING, asked | {"from": str(other[0]), "to": str(other[1])})
    rows, others = list(both.records()), list(alone.records())
    for figure, compared in PAIRS[report].items():
        assert [row[compared] for row in rows[: len(others)]] == [row[figure] for row in others[: len(rows)]]
        if other[1] - other[0] == end - start:
            assert (both.totals[compared] or 0) == (alone.totals[figure] or 0)
    # What was not uploaded at all adds up to zero, and has changed by nothing that is known.
    known = [both.totals] if all(any(row[name] is not None for row in rows) for name in PAIRS[report]) else []
    for row in [*rows, *known]:
        shares_are_what_they_divide(row, PAIRS[report])


def test_the_property_has_shares_to_look_at(reader: Reader) -> None:
    asked = {"by": "day", "from": "2019-05-01", "to": "2019-06-01"}
    compared = {"compare_from": "2019-04-20", "compare_to": "2019-05-21"}
    for report, pairs in PAIRS.items():
        result = run(find(report), reader, EVERYTHING, asked | compared)
        assert sum(shares_are_what_they_divide(row, pairs) for row in [*result.records(), result.totals]) > 0
