"""The JSON form is read strictly, and every problem says where, what and what to do."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.errors import ParkError
from warehouse.tariffs.document import dump, parse, problems
from warehouse.tariffs.templates import TEMPLATES

BANDS = {
    "kind": "bands",
    "bands": [
        {"from": "08:00", "to": "22:00", "price": {"kind": "rate", "unit_minutes": 30, "unit_price": "2.00"}},
        {"from": "22:00", "to": "08:00", "price": {"kind": "fixed", "price": "10.00"}, "cap": None},
    ],
}
GOOD: dict[str, Any] = {
    "version": 1,
    "special_days": [{"date": "2026-10-01", "kind": "holiday"}],
    "plans": [
        {"vehicle_groups": ["large"], "days": [{"pricing": BANDS}]},
        {
            "days": [
                {"kinds": ["workday"], "pricing": {"kind": "per_entry", "price": 5}},
                {"pricing": {"kind": "rate", "unit_minutes": 60, "unit_price": "3.5"}},
            ]
        },
    ],
}
MISSING = object()


def changed(path: str, value: object) -> dict[str, Any]:
    document = deepcopy(GOOD)
    *way, last = [int(part) if part.isdigit() else part for part in path.replace("[", ".").replace("]", "").split(".")]
    place: Any = document
    for part in way:
        place = place[part]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "told", "word"),
    [
        ("version", 2, "version", "2"),
        ("version", MISSING, "version", "version"),
        ("name", 5, "name", "5"),
        ("nmae", "x", "nmae", "nmae"),
        ("ignore_seconds", 1, "ignore_seconds", "true"),
        ("grace_minutes", 1441, "grace_minutes", "1441"),
        ("grace_minutes", True, "grace_minutes", "true"),
        ("coupon_order", "first", "coupon_order", "money_first"),
        ("special_days[0].date", "2026-02-30", "special_days[0].date", "2026-02-30"),
        ("special_days[0].date", 5, "special_days[0].date", "5"),
        ("special_days[0].kind", "weekend", "special_days[0].kind", "weekend"),
        ("special_days", [{"date": "2026-10-01", "kind": "holiday"}] * 2, "special_days", "2026-10-01"),
        ("plans", [], "plans", "[]"),
        ("plans", MISSING, "plans", "plans"),
        ("plans[0].vehicle_groups", ["Large"], "plans[0].vehicle_groups[0]", "Large"),
        ("plans[0].vehicle_groups", ["a", "a"], "plans", "“a”"),
        ("plans[0].vehicle_groups", MISSING, "plans", "2"),
        ("plans[1].vehicle_groups", ["small"], "plans", "0"),
        ("plans[1].free_minutes", -1, "plans[1].free_minutes", "-1"),
        ("plans[1].cap_per_stay", 2.5, "plans[1].cap_per_stay", "2.5"),
        ("plans[1].days[0].kinds", ["sunday"], "plans[1].days[0].kinds[0]", "sunday"),
        ("plans[1].days[1].kinds", ["weekend"], "plans[1].days", "holiday"),
        ("plans[1].days[1].kinds", ["workday", "weekend", "holiday"], "plans[1].days", "workday"),
        ("plans[1].days[0].cap_per_day", "1.005", "plans[1].days[0].cap_per_day", "1.005"),
        ("plans[1].days[0].pricing", {}, "plans[1].days[0].pricing.kind", "bands"),
        ("plans[1].days[0].pricing.kind", "fixed", "plans[1].days[0].pricing.kind", "fixed"),
        ("plans[1].days[0].pricing.price", "-5", "plans[1].days[0].pricing.price", "-5"),
        ("plans[1].days[0].pricing.price", MISSING, "plans[1].days[0].pricing.price", "price"),
        ("plans[1].days[1].pricing.unit_minutes", 0, "plans[1].days[1].pricing.unit_minutes", "0"),
        ("plans[1].days[1].pricing.first_price", "5", "plans[1].days[1].pricing.first_price", "first_minutes"),
        ("plans[1].days[1].pricing.tolerance_minutes", 60, "plans[1].days[1].pricing.tolerance_minutes", "59"),
        ("plans[0].days[0].pricing.bands[0].from", "24:00", "plans[0].days[0].pricing.bands[0].from", "24:00"),
        ("plans[0].days[0].pricing.bands[0].to", "21:00", "plans[0].days[0].pricing.bands", "08:00-21:00"),
        (
            "plans[0].days[0].pricing.bands[0].price.restarts",
            "every_day",
            "plans[0].days[0].pricing.bands[0].price.restarts",
            "restarts",
        ),
        ("plans[0].days[0].pricing.bands[1].price", 10, "plans[0].days[0].pricing.bands[1].price", "10"),
        (
            "plans[0].days[0].pricing.bands[1].price.kind",
            "bands",
            "plans[0].days[0].pricing.bands[1].price.kind",
            "fixed",
        ),
    ],
)
def test_a_problem_names_its_path_and_value_in_both_languages(path: str, value: object, told: str, word: str) -> None:
    document = changed(path, value)
    (problem,) = problems(document)
    assert problem.path == told
    assert word in problem.zh
    assert word in problem.en
    with pytest.raises(ParkError) as caught:
        parse(document)
    assert caught.value.code == "bad_tariff"
    assert told in caught.value.zh
    assert told in caught.value.en


@pytest.mark.parametrize("document", [None, [], "1", 1.5, {"version": 1, "plans": [None]}])
def test_what_is_no_object_is_refused(document: object) -> None:
    assert problems(document)


def test_all_problems_are_found_at_once_and_the_error_shows_the_first_ones() -> None:
    document = deepcopy(GOOD) | {f"key{number}": 0 for number in range(9)}
    assert len(problems(document)) == 9
    with pytest.raises(ParkError) as caught:
        parse(document)
    assert "9" in caught.value.zh
    assert caught.value.en.count("\n") == 6


def test_defaults_are_written_out_and_reading_them_changes_nothing() -> None:
    tariff = parse(GOOD)
    written = json.loads(json.dumps(dump(tariff)))
    assert parse(written) == tariff
    assert written["plans"][1]["days"][1]["pricing"] == {
        "kind": "rate",
        "first_minutes": 0,
        "first_price": "0.00",
        "unit_minutes": 60,
        "unit_price": "3.50",
        "tolerance_minutes": 0,
    }


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_the_starting_points_have_no_problem(template: Any) -> None:
    assert problems(template.document) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = (
    "special_days",
    "special_days[0]",
    "special_days[0].date",
    "plans",
    "plans[0]",
    "plans[0].vehicle_groups",
    "plans[0].days",
    "plans[0].days[0].pricing",
    "plans[0].days[0].pricing.bands",
    "plans[0].days[0].pricing.bands[0]",
    "plans[0].days[0].pricing.bands[0].price",
    "plans[0].days[0].pricing.bands[0].price.kind",
    "plans[1].days[0]",
    "plans[1].days[0].kinds",
    "plans[1].days[1].pricing.unit_price",
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PATHS), json_values)
def test_any_value_anywhere_is_taken_or_told_as_a_problem(path: str, value: object) -> None:
    document = changed(path, value)
    if not problems(document):
        assert parse(dump(parse(document))) == parse(document)
