"""Every figure that leads to records leads to exactly those that add up to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.reports.comparison import shifted
from dashboards.reports.drill import ROWS, Drill
from dashboards.reports.drills import DRILLS, ways_from
from tests.integration.reports.lake import Lake, dim_lot, stay
from warehouse.lake.reader import Reader
from warehouse.reports.base import run, stream
from warehouse.reports.catalogue import find
from warehouse.reports.period import Clock
from warehouse.security.scope import EVERYTHING
from warehouse.settings import Settings

WIDE = {"from": "2019-05-01", "to": "2019-06-01"}
OTHER = {"compare_from": "2019-04-20", "compare_to": "2019-05-09"}
PAGES: dict[str, list[dict[str, str]]] = {
    "traffic-statistics": [
        *({"by": by, "split": split} for by in ("total", "day", "month") for split in ("", "gate,vehicle_class")),
        {"by": "hour", "split": "gate,vehicle_class"},
        {"by": "hour", "split": "vehicle_class", "inner": "yes"},
        {"by": "total", "split": "gate", "inner": "yes"},
    ],
    "traffic-analysis": [
        *({"by": by, **OTHER} for by in ("each_hour", "day", "month", "hour", "weekday")),
        {"by": "hour", "inner": "yes"},
    ],
    "temporary-fee-analysis": [
        {"by": "day", "basis": "payment", **OTHER},
        {"by": "month", "basis": "exit", **OTHER},
        {"by": "day", "basis": "exit", "booth": "岗亭"},
    ],
    "temporary-fee-statistics": [{"basis": "payment"}, {"basis": "exit", "without": "booth"}],
    "daily-report": [{"basis": "payment", "by": "total"}, {"basis": "exit", "by": "day"}],
    "renewal-analysis": [{"kind": "renewal", "by": "day", **OTHER}, {"kind": "all", "by": "month", **OTHER}],
    "renewal-statistics": [{"kind": kind} for kind in ("renewal", "top_up", "all")],
}
SHARES = {"entries_change", "exits_change", "collection_rate", "received_change", "amount_change"}


class Asked:
    """Reports asked for once; pages share many of their figures."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.found: dict[Any, Any] = {}

    def records(self, way: Drill, parameters: dict[str, str]) -> Any:
        """What the records add up to, one by one."""
        name = (way.report, *sorted(parameters.items()))
        if name not in self.found:
            with stream(find(way.report), self.reader, EVERYTHING, parameters) as whole:
                rows = [row for batch in whole.batches for row in batch]
                self.found[name] = [dict(zip((c.key for c in whole.result.columns), row, strict=True)) for row in rows]
        rows = self.found[name]
        return len(rows) if way.figure == ROWS else sum(row[way.figure] for row in rows)

    def totals(self, report: str, parameters: dict[str, str]) -> dict[str, Any]:
        name = (report, "totals", *sorted(parameters.items()))
        if name not in self.found:
            self.found[name] = run(find(report), self.reader, EVERYTHING, parameters).totals
        return self.found[name]


def page(asked: dict[str, str]) -> dict[str, str]:
    """What the filters of a page give: what has a default is always there."""
    return {"inner": "no", **{name: value for name, value in asked.items() if value}}


def given_to(report: str, asked: dict[str, str]) -> dict[str, str]:
    known = {parameter.key for parameter in find(report).parameters} | {"lot", "from", "to"}
    return {name: value for name, value in page(asked).items() if name in known}


def figures(reader: Reader, report: str, asked: dict[str, str]) -> Iterator[tuple[Drill, dict[str, Any], Any]]:
    """Each figure of a page that leads somewhere, with its row; an empty row for the totals."""
    result = run(find(report), reader, EVERYTHING, asked)
    for column, way in ways_from(report, asked).items():
        for record in [*result.records(), {}]:
            value = record.get(column) if record else result.totals.get(column)
            if value:
                yield way, record, value


def check(one: Asked, report: str, asked: dict[str, str], clocks: Sequence[Clock] = ()) -> int:
    """Every figure of a page against its records, and against its own report asked for it alone."""
    found = 0
    for way, record, value in figures(one.reader, report, asked):
        parameters = way.parameters(record, asked, clocks)
        if parameters is None:
            assert clocks
            continue
        said = f"{report} {asked} {way.column} of {record}: {way.report} {parameters}"
        assert one.records(way, parameters) == value, said
        alone = way.of_figure(parameters)
        assert alone is not None, said
        assert one.totals(report, alone)[way.column] == value, said
        found += 1
    return found


@pytest.mark.parametrize("report", sorted(DRILLS))
def test_every_figure_of_every_page_equals_its_records(reader: Reader, report: str) -> None:
    one = Asked(reader)
    for asked in PAGES[report]:
        assert check(one, report, given_to(report, {**WIDE, **asked})) > 3


@pytest.mark.parametrize("report", sorted(DRILLS))
def test_all_that_a_page_adds_up_leads_to_records_but_shares(reader: Reader, report: str) -> None:
    for given_ in PAGES[report]:
        asked = given_to(report, {**WIDE, **given_})
        totals = set(run(find(report), reader, EVERYTHING, asked).totals)
        assert totals - SHARES == set(ways_from(report, asked)) & totals


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_figures_of_any_period_and_lots_equal_their_records(reader: Reader, data: st.DataObject) -> None:
    report = data.draw(st.sampled_from(sorted(DRILLS)))
    asked = dict(data.draw(st.sampled_from(PAGES[report])))
    start = date(2019, 5, 5) + timedelta(days=data.draw(st.integers(0, 4)))
    end = start + timedelta(days=data.draw(st.integers(1, 3)))
    asked |= {"from": start.isoformat(), "to": end.isoformat()}
    if "compare_from" in asked:
        way = data.draw(st.sampled_from(["previous", "week", "month", "year"]))
        other = shifted(way, start, end)
        asked |= {"compare_from": other[0].isoformat(), "compare_to": other[1].isoformat()}
    elif report == "traffic-statistics" and data.draw(st.booleans()):
        hour = data.draw(st.integers(0, 23))
        asked |= {"from": f"{start}T{hour:02d}:00:00", "to": f"{end}T15:00:00"}
    asked["lot"] = data.draw(st.sampled_from(["", "LOT1", "LOT1,LOT21"]))
    check(Asked(reader), report, given_to(report, asked))


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Two lots, the business day of one beginning at 04:30; passages without a gate and without a class."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("morning")))
    lake.add("dim_lot", [dim_lot(1, "LOT1", "一号", cutover_minutes=270), dim_lot(2, "LOT2", "二号")])
    times = ["04:10:00", "04:40:00", "03:59:00", "12:00:00", "23:30:00"]
    for lot_id in (1, 2):
        lake.add(
            "fct_stay",
            [
                stay(
                    lot_id, number, f"2019-05-08 {time}", f"2019-05-09 {time}",
                    entry_gate_id=None if number == 2 else "g1", exit_gate_id=None if number == 2 else "g2",
                    vehicle_class=None if number == 3 else "temporary",
                    business_date="2019-05-08" if lot_id == 1 and time < "04:30" else "2019-05-09",
                )
                for number, time in enumerate(times)
            ],
        )  # fmt: skip
    lake.count()
    lake.publish()
    made = Reader(lake.settings)
    yield made
    made.close()


@pytest.mark.parametrize("by", ["total", "hour", "day", "month"])
@pytest.mark.parametrize("period", [("2019-05-08", "2019-05-09"), ("2019-05-07", "2019-05-11")])
def test_days_that_begin_in_the_morning_and_passages_without_gate_or_class_lead_to_their_records(
    morning: Reader, by: str, period: tuple[str, str]
) -> None:
    asked = {"from": period[0], "to": period[1], "by": by, "split": "gate,vehicle_class", "inner": "no"}
    known = run(find("traffic-statistics"), morning, EVERYTHING, asked).question.known_lots
    assert check(Asked(morning), "traffic-statistics", asked, [lot.clock for lot in known]) >= 4


def test_an_hour_that_the_start_of_a_business_day_cuts_in_two_has_no_way(morning: Reader) -> None:
    asked = {"from": "2019-05-09", "to": "2019-05-10", "by": "hour", "inner": "no", "lot": "LOT1"}
    result = run(find("traffic-statistics"), morning, EVERYTHING, asked)
    clocks = [lot.clock for lot in result.question.known_lots]
    way = ways_from("traffic-statistics", asked)["exits"]
    hours = {row["period"]: way.parameters(row, asked, clocks) for row in result.records()}
    assert hours["2019-05-09 04:00"] is None
    assert hours["2019-05-09 12:00"] is not None


def test_an_address_is_short_and_holds_no_figure(reader: Reader) -> None:
    asked = {"from": "2019-05-08", "to": "2019-05-09", "by": "total", "basis": "payment"}
    record = {"lot_code": "LOT1", "booth": "手动开闸", "other_methods": 7}
    way = ways_from("daily-report", asked)["other_methods"]
    address = way.address("daily-report", record, asked)
    assert address is not None
    assert urlsplit(address).path == "/charges"
    assert parse_qs(urlsplit(address).query) == {
        "of": ["daily-report.other_methods"],
        "lot": ["LOT1"],
        "booth": ["手动开闸"],
        "method": ["other"],
        "period": ["custom"],
        "days": ["2019-05-08", "2019-05-08"],
    }
    assert len(address) < 250
    assert "without=booth" in (way.address("daily-report", record | {"booth": None}, asked) or "")


def test_a_page_filtered_further_no_longer_claims_to_be_the_figures_records() -> None:
    asked = {"from": "2019-05-08", "to": "2019-05-09", "by": "total", "basis": "payment"}
    way = ways_from("daily-report", asked)["cash"]
    parameters = way.parameters({"lot_code": "LOT1", "booth": "岗亭"}, asked)
    assert parameters is not None
    assert way.of_figure(parameters) is not None
    assert way.of_figure(parameters | {"plate": "鲁F*"}) is None
    assert way.of_figure({name: value for name, value in parameters.items() if name != "method"}) is None
