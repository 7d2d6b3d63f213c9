from __future__ import annotations

from typing import Any

import pytest

from warehouse.errors import ParkError
from warehouse.reports.parameters import Parameter, ParameterType, conditions, read_parameters
from warehouse.reports.pieces import choice, code_filter, plate_filter, yes_no_filter

KNOWN = (
    plate_filter("s.plate"),
    code_filter("vehicle_class", "车辆类型", "vehicle class", "vehicle_class", "s.vehicle_class"),
    choice("by", "单位", "unit", ("day", "hour"), "day"),
    yes_no_filter("left", "已出场", "left", "s.state <> 'open'"),
    Parameter("longer", "更长", "longer", ParameterType.INTEGER),
)


def read(given: dict[str, Any]) -> dict[str, Any]:
    return read_parameters("stays", KNOWN, given)


def test_an_unknown_key_is_refused_and_the_allowed_ones_are_listed() -> None:
    with pytest.raises(ParkError) as refused:
        read({"plates": "x"})
    assert refused.value.code == "unknown_parameter"
    for key in ("plate", "vehicle_class", "by", "left", "longer", "lot", "from", "to", "page", "size", "sort", "after"):
        assert key in refused.value.en
        assert key in refused.value.zh


def test_defaults_fill_in_and_filters_not_given_are_left_out() -> None:
    assert read({}) == {"by": "day"}
    assert conditions(KNOWN, read({})) == ""


def test_values_become_typed() -> None:
    values = read({"plate": "鲁f*1?", "vehicle_class": "temporary,free", "by": "hour", "left": "否", "longer": "5"})
    assert values == {
        "plate": "鲁F%1_",
        "vehicle_class": ["temporary", "free"],
        "by": "hour",
        "left": False,
        "longer": 5,
    }
    assert conditions(KNOWN, values) == (
        " and (s.plate like $plate) and (list_contains($vehicle_class, s.vehicle_class))"
        " and ((s.state <> 'open') = $left)"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"plate": "100%"},
        {"plate": "a\\b"},
        {"vehicle_class": "tank"},
        {"by": "week"},
        {"by": "day,hour"},
        {"left": "perhaps"},
        {"longer": "-1"},
        {"longer": "1.5"},
        {"longer": "'; drop table x"},
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_both_languages(given: dict[str, Any]) -> None:
    with pytest.raises(ParkError) as refused:
        read(given)
    assert refused.value.code == "bad_parameter"
    for text in (refused.value.zh, refused.value.en):
        assert next(iter(given)) in text
