"""What the figures of single reports mean."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.errors import ParkError
from warehouse.lake.reader import Reader
from warehouse.reports.base import run
from warehouse.reports.catalogue import REPORTS, find
from warehouse.reports.columns import POLARS_TYPES, SUM
from warehouse.security.scope import EVERYTHING, Scope

WIDE = {"from": "2019-05-01", "to": "2019-06-01"}


def rows(reader: Reader, name: str, **given_: Any) -> list[dict[str, Any]]:
    return run(find(name), reader, EVERYTHING, given_).records()


FILTERS: dict[str, list[dict[str, str]]] = {
    "traffic-statistics": [{"by": by, "split": split} for by in ("total", "hour", "day", "month")
                           for split in ("", "gate", "gate,vehicle_class")],
    "traffic-analysis": [{"by": "hour"}, {"by": "weekday"}, {"by": "day", "vehicle_class": "temporary"}],
    "temporary-fee-analysis": [{}, {"by": "month"}, {"booth": "岗亭"}],
    "temporary-fee-statistics": [{}, {"booth": "岗亭"}],
    "renewal-analysis": [{"kind": "all"}, {"kind": "top_up"}],
    "renewal-statistics": [{}, {"kind": "all"}],
    "daily-report": [{}, {"by": "day"}],
    "charges": [{}, {"method": "alipay"}, {"basis": "exit"}, {"kind": "refund"}, {"plate": "*1"}],
    "renewals": [{}, {"kind": "top_up"}],
    "invoices": [{}, {"issued": "yes"}],
    "completeness": [{}, {"by": "hour"}, {"by": "total"}],
}  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_totals_are_the_sums_of_all_rows_and_never_of_the_page(reader: Reader, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILTERS)))
    days = data.draw(st.tuples(st.integers(1, 8), st.integers(1, 20)))
    asked = {
        **data.draw(st.sampled_from(FILTERS[name])),
        "from": f"2019-05-{days[0]:02d}",
        "to": f"2019-05-{days[0] + days[1]:02d}",
    }
    if data.draw(st.booleans()):
        asked["lot"] = data.draw(st.sampled_from(["LOT1", "LOT1,LOT2", "21"]))
    report = find(name)
    everything = run(report, reader, EVERYTHING, {**asked, "size": 10_000})
    small = run(report, reader, EVERYTHING, {**asked, "size": 1})
    assert small.totals == everything.totals
    assert small.row_count == everything.row_count == len(everything.rows)
    assert small.rows == everything.rows[:1]
    for place, column in enumerate(everything.columns):
        if column.total == SUM:
            values = [row[place] for row in everything.rows if row[place] is not None]
            assert everything.totals[column.key] == sum(
                values, Decimal(0) if values and isinstance(values[0], Decimal) else 0
            )


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_rows_have_the_exact_types_of_their_columns(reader: Reader, name: str) -> None:
    takes_no_period = name.startswith("home-") or name in ("forecast", "forecast-course")
    result = run(find(name), reader, EVERYTHING, {} if takes_no_period else WIDE)
    frame = result.frame()
    assert frame.height == len(result.rows)
    assert dict(frame.schema) == {column.key: POLARS_TYPES[column.type] for column in result.columns}
    assert not [value for row in result.rows for value in row if isinstance(value, float)]


def test_a_lot_without_charges_still_has_its_row(reader: Reader) -> None:
    found = rows(reader, "daily-report", **{"from": "2019-05-08", "to": "2019-05-09"})
    second = [row for row in found if row["lot_name"] == "二号停车场"]
    assert len(second) == 1
    assert second[0]["booth"] is None
    assert second[0]["received"] == Decimal("0.00")
    per_day = rows(reader, "daily-report", **{"from": "2019-05-06", "to": "2019-05-09", "by": "day"})
    assert {row["day"] for row in per_day if row["lot_name"] == "二号停车场"} == {
        date(2019, 5, day) for day in (6, 7, 8)
    }


def test_what_is_neither_alipay_wechat_nor_cash_is_another_method(reader: Reader) -> None:
    row = rows(reader, "daily-report", **{"from": "2019-05-07", "to": "2019-05-08", "lot": "LOT1"})[0]
    assert row["other_methods"] == Decimal("3.46")
    assert row["received"] == Decimal("3.46")


def test_a_day_without_uploads_is_missing_and_one_without_charges_is_zero(reader: Reader) -> None:
    found = {row["day"]: row for row in rows(reader, "temporary-fee-analysis", **WIDE, lot="LOT2")}
    assert found[date(2019, 5, 8)]["received"] == Decimal("0.00")
    assert found[date(2019, 5, 9)]["received"] is None
    hours = {row["position"]: row for row in rows(reader, "traffic-analysis", by="hour", lot="LOT1")}
    assert hours["12:00"]["entries"] == 1
    assert hours["03:00"]["entries"] is None


def test_two_periods_are_compared_position_by_position(reader: Reader) -> None:
    asked = {"from": "2019-05-08", "to": "2019-05-09", "compare-from": "2019-05-07", "lot": "LOT1", "by": "day"}
    result = run(find("traffic-analysis"), reader, EVERYTHING, asked)
    assert result.records() == [
        {
            "position": "2019-05-08", "entries": 4, "exits": 4, "compare_day": "2019-05-07", "compare_entries": 2,
            "compare_exits": 1, "entries_change": Decimal("1.0000"), "exits_change": Decimal("3.0000"),
        }
    ]  # fmt: skip
    assert result.totals["entries_change"] == Decimal("1.0000")


def test_inner_gates_never_count_in_traffic_unless_asked_for(reader: Reader) -> None:
    asked = {"from": "2019-05-08", "to": "2019-05-09", "lot": "LOT1"}
    outer = rows(reader, "traffic-statistics", **asked)[0]
    inner = rows(reader, "traffic-statistics", **asked, inner="yes")[0]
    assert (outer["entries"], inner["entries"]) == (4, 1)
    by_gate = rows(reader, "traffic-statistics", **asked, split="gate")
    assert {row["gate_name"]: row["entries"] for row in by_gate} == {"南门入口": 4, "南门出口": 0, "g9": 0}


def test_hours_are_the_lots_own(reader: Reader) -> None:
    asked = {"from": "2019-05-08T13:00", "to": "2019-05-08T14:00", "lot": "LOT1"}
    row = rows(reader, "traffic-statistics", **asked, by="hour")[0]
    assert (row["period"], row["entries"], row["exits"]) == ("2019-05-08 13:00", 1, 2)


def test_occupancy_above_the_capacity_is_shown(reader: Reader) -> None:
    found = rows(reader, "occupancy", lot="LOT1")
    noon = next(row for row in found if row["period"] == datetime(2019, 5, 8, 12))  # noqa: DTZ001
    assert noon["mean_cars"] == Decimal("6.00")
    assert noon["peak"] == 12
    assert noon["mean_share"] == Decimal("3.0000")
    assert noon["peak_share"] == Decimal("6.0000")
    assert noon["has_uploads"]
    assert not next(row for row in found if row["period"].hour == 3)["has_uploads"]
    assert rows(reader, "occupancy", lot="LOT1", **{"from": "2019-04-01", "to": "2019-04-02"}) == []


def test_expected_uploads_come_from_the_lots_own_hours_before(reader: Reader) -> None:
    found = {row["period"].hour: row for row in rows(reader, "completeness", lot="LOT1", by="hour")}
    assert len(found) == 24
    assert (found[8]["expected"], found[8]["received"], found[8]["missing_hours"]) == (10, 6, 0)
    assert found[8]["share"] == Decimal("0.6000")
    assert (found[12]["expected"], found[12]["received"], found[12]["late"]) == (0, 4, 1)
    day_before = {row["period"].hour: row for row in rows(reader, "completeness", lot="LOT1", by="hour",
                                                           **{"from": "2019-05-07", "to": "2019-05-08"})}  # fmt: skip
    assert day_before[8]["expected"] is None, "nothing is expected of a lot without a past"


def test_an_hour_with_records_expected_and_none_received_is_missing(reader: Reader) -> None:
    asked = {"from": "2019-05-08T08:00", "to": "2019-05-08T23:00", "by": "total", "kind": "entry", "lot": "LOT1"}
    assert rows(reader, "completeness", **asked)[0]["missing_hours"] == 0
    assert rows(reader, "completeness", **{**asked, "kind": "exit"})[0]["expected"] is None


def test_devices_carry_their_online_rate_and_are_flagged_when_an_address_is_used_twice(reader: Reader) -> None:
    found = rows(reader, "gate-controllers", lot="LOT1")
    assert [row["number"] for row in found] == ["01", "02"]
    assert found[0]["online_rate"] == Decimal("0.5000")
    assert [row["same_ip"] for row in found] == [True, True]
    assert [row["same_number"] for row in found] == [False, False]


def test_a_controller_that_is_not_known_is_named_by_its_gate_or_its_id(reader: Reader) -> None:
    found = {row["exit_record_id"]: row["exit_controller"] for row in rows(reader, "exit-records", lot="LOT1")}
    assert found == {"x1": "出口控制机", "x2": "南门出口", "x3": "g9", "x6": "出口控制机"}


def test_a_charge_paid_by_two_methods_names_both_and_is_found_by_either(reader: Reader) -> None:
    for method in ("alipay", "wechat"):
        found = rows(reader, "charges", lot="LOT1", method=method)
        assert "alipay,wechat" in {row["method"] for row in found}


def test_charges_by_exit_lie_on_the_day_of_the_exit(reader: Reader) -> None:
    asked = {"from": "2019-05-09", "to": "2019-05-10", "lot": "LOT1"}
    assert rows(reader, "charges", **asked) == []
    assert [row["record_id"] for row in rows(reader, "charges", **asked, basis="exit")] == ["c2"]


def test_the_home_page_compares_with_the_same_time_of_the_day_before(reader: Reader) -> None:
    result = run(find("home-totals"), reader, Scope(frozenset({1})))
    home = result.records()[0]
    assert home["received"] == Decimal("90.00")
    assert home["previous_received"] == Decimal("3.46")
    assert home["renewed"] == Decimal("300.00")
    assert (home["cars"], home["spaces"], home["share"]) == (23, 2, Decimal("11.5000"))
    assert (home["open_alarms"], home["previous_open_alarms"]) == (1, 1)
    assert (home["lots"], home["silent_lots"]) == (1, 0)
    receipts = {
        row["method"]: row["received"] for row in run(find("home-receipts"), reader, Scope(frozenset({1}))).records()
    }
    assert (receipts["cash"], receipts["alipay"]) == (Decimal("20.00"), Decimal("65.00"))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("daily-report", {"from": "2019-05-08T13:00"}),
        ("traffic-statistics", {"from": "2019-05-08T13:30", "to": "2019-05-08T15:00"}),
        ("traffic-analysis", {"from": "2019-05-08T13:00", "to": "2019-05-08T15:00", "by": "day"}),
        ("traffic-analysis", {"compare-to": "2019-05-01"}),
        ("home-alarms", {"from": "2019-05-08"}),
    ],
)
def test_a_period_that_a_report_cannot_show_is_refused(reader: Reader, name: str, asked: dict[str, str]) -> None:
    with pytest.raises(ParkError) as refused:
        run(find(name), reader, EVERYTHING, asked)
    assert refused.value.code == "bad_period"
