"""Rules and steps in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any

import pytest
from hypothesis import given

from tests.unit.tariffs.made import clocks, documents, stays
from tests.unit.tariffs.test_laws import SLOW
from warehouse.tariffs import words
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import Stay
from warehouse.tariffs.templates import TEMPLATES
from warehouse.tariffs.words import describe, line_text

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "grace_minutes": 15,
    "special_days": [
        *({"date": f"2026-10-0{day}", "kind": "holiday"} for day in (1, 2, 3)),
        {"date": "2026-10-10", "kind": "workday"},
    ],
    "plans": [
        {
            "vehicle_groups": ["large", "tow_truck"],
            "days": [{"pricing": {"kind": "per_entry", "price": "20"}}],
            "cap_per_stay": "90",
        },
        {
            "free_minutes": 30,
            "cap_per_24_hours": "30.00",
            "days": [
                {
                    "kinds": ["workday"],
                    "pricing": {
                        "kind": "rate",
                        "first_minutes": 60,
                        "first_price": "5.00",
                        "unit_minutes": 30,
                        "unit_price": "2.00",
                    },
                },
                {
                    "pricing": {
                        "kind": "bands",
                        "bands": [
                            {
                                "from": "08:00",
                                "to": "22:00",
                                "price": {"kind": "rate", "unit_minutes": 120, "unit_price": "3"},
                                "cap": "12",
                            },
                            {"from": "22:00", "to": "08:00", "price": {"kind": "fixed", "price": "4"}},
                        ],
                    }
                },
            ],
        },
    ],
}


def test_the_rules_are_told_in_chinese() -> None:
    assert describe(parse(DOCUMENT), "zh") == [
        "大型车、tow_truck：每次停车 20.00 元",
        "大型车、tow_truck：单次停车封顶 90.00 元",
        "其它车辆：前30分钟免费（超出后全程计费）",
        "其它车辆 · 工作日：首60分钟 5.00 元",
        "其它车辆 · 工作日：之后每30分钟 2.00 元",
        "其它车辆 · 周末、节假日：08:00-22:00 每2小时 3.00 元",
        "其它车辆 · 周末、节假日：08:00-22:00 时段封顶 12.00 元",
        "其它车辆 · 周末、节假日：22:00-08:00 每时段 4.00 元",
        "其它车辆：24小时封顶 30.00 元",
        "节假日：2026-10-01 至 2026-10-03",
        "调休工作日：2026-10-10",
        "缴费后15分钟内出场不再收费",
    ]


def test_the_rules_are_told_in_english() -> None:
    assert describe(parse(DOCUMENT), "en")[2:6] == [
        "Other vehicles: first 30 minutes free (a longer stay pays from its entry)",
        "Other vehicles · workdays: first 60 minutes 5.00 yuan",
        "Other vehicles · workdays: then 2.00 yuan per 30 minutes",
        "Other vehicles · weekends, holidays: 08:00-22:00 3.00 yuan per 2 hours",
    ]


def test_the_steps_of_a_charge_are_told() -> None:
    start = datetime(2026, 10, 3, 1, tzinfo=UTC)
    charged = charge(parse(DOCUMENT), Stay(start, start + timedelta(hours=18)), WallClock())
    assert [line_text(line, "zh") for line in charged.lines] == [
        "08:00-22:00 7 × 2小时，每个 3.00 元",
        "08:00-22:00 时段封顶 12.00 元",
        "22:00-08:00 每时段 4.00 元",
    ]
    assert line_text(charged.lines[0], "en") == "08:00-22:00 7 × 2 hours at 3.00 yuan"


@SLOW
@given(documents(), clocks, stays())
def test_every_tariff_and_every_step_has_words_in_both_languages(
    document: dict[str, Any], clock: WallClock, stay: Stay
) -> None:
    tariff = parse(document)
    told = [*describe(tariff, "zh"), *describe(tariff, "en")]
    told += [line_text(line, language) for line in charge(tariff, stay, clock).lines for language in ("zh", "en")]
    assert all(text and "{" not in text for text in told)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_starting_points_are_told_alike_in_both_languages(template: Any) -> None:
    tariff = parse(template.document)
    assert len(describe(tariff, "zh")) == len(describe(tariff, "en")) > 2


def test_both_languages_of_a_phrase_say_the_same_values() -> None:
    for zh, en in words._PHRASES.values():
        fields = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (zh, en)]
        assert fields[0] == fields[1]
