"""How often alarms are raised and how long they last, by lot, type and device."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.reports.lake import Lake
from warehouse.errors import ParkError
from warehouse.lake.reader import Reader
from warehouse.reports.base import ReportResult, run
from warehouse.reports.catalogue import find
from warehouse.security.scope import EVERYTHING, Scope

WIDE = {"from": "2019-05-01", "to": "2019-06-01"}


@pytest.fixture
def ask(reader: Reader) -> Any:
    def report(scope: Scope = EVERYTHING, **asked: str) -> ReportResult:
        return run(find("alarm-statistics"), reader, scope, {**WIDE, **asked})

    return report


def test_a_lot_has_its_alarms_and_the_mean_of_those_that_recovered(ask: Any, lake: Lake) -> None:
    result = ask(Scope(frozenset({1})))
    (row,) = result.records()
    assert (row["alarms"], row["critical"], row["still_open"]) == (2, 1, 1)
    assert (row["mean_seconds"], row["longest_seconds"]) == (129600, 129600)
    whole = ask()
    assert whole.totals["alarms"] == sum(one["alarms"] for one in whole.records())
    assert whole.totals["mean_seconds"] == 129600
    assert lake.settings.home.exists()


def test_types_and_devices_are_counted_apart_and_levels_filter(ask: Any) -> None:
    one = Scope(frozenset({1}))
    by_type = {row["alarm_type"]: row["mean_seconds"] for row in ask(one, by="type").records()}
    assert by_type == {"device_offline": None, "abnormal_opening": 129600}
    devices = [(row["device_type"], row["alarms"]) for row in ask(one, by="device").records()]
    assert sorted(devices, key=str) == [("controller", 1), (None, 1)]
    assert ask(one, level="warning").totals["alarms"] == 1
    assert ask(one, **{"from": "2019-05-08"}).totals["alarms"] == 1
    with pytest.raises(ParkError):
        ask(one, by="colour")
