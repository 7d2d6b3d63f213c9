"""Single stays, calculated by hand; the cases of the document are in test_documented_cases.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.tariffs.test_laws import framed
from warehouse.errors import ParkError
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import MinutesCoupon, MoneyCoupon, Payment, Stay, Tariff
from warehouse.tariffs.templates import TEMPLATES
from warehouse.tariffs.vector import charge_many

SHANGHAI = WallClock("Asia/Shanghai", 0)
START = datetime(2026, 5, 4, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
HOUR = {"kind": "rate", "first_minutes": 60, "first_price": "5.00", "unit_minutes": 30, "unit_price": "2.00"}


def tariff(pricing: dict[str, Any], day: dict[str, Any] | None = None, plan: dict[str, Any] | None = None) -> Tariff:
    return parse({"version": 1, "plans": [{"days": [{"pricing": pricing, **(day or {})}], **(plan or {})}]})


def receivable(priced: Tariff, stay: Stay, clock: WallClock = SHANGHAI) -> str:
    """The receivable, the same one by one, as the sum of its lines, and over columns."""
    charged = charge(priced, stay, clock)
    amount = charged.receivable
    assert sum((line.amount for line in charged.lines), Decimal(0)) == amount
    assert charge_many(priced, framed([stay]), clock)["receivable"].to_list() == [amount]
    return str(amount)


def hours(number: float, start: datetime = START) -> Stay:
    return Stay(start, (start.astimezone(UTC) + timedelta(hours=number)).astimezone(start.tzinfo))


def test_a_preview_can_show_each_step() -> None:
    document = {
        "kind": "bands",
        "bands": [
            {"from": "08:00", "to": "20:00", "price": HOUR, "cap": "12.00"},
            {"from": "20:00", "to": "08:00", "price": {"kind": "fixed", "price": "10"}},
        ],
    }
    priced = tariff(
        document, {"cap_per_day": "20"}, {"cap_per_stay": "25", "free_minutes": 30, "free_time_billed": False}
    )
    charged = charge(priced, hours(26), SHANGHAI)
    zone = START.tzinfo
    shown = [
        (
            f"{line.starts.astimezone(zone):%d %H:%M}",
            f"{line.ends.astimezone(zone):%d %H:%M}",
            line.rule,
            str(line.amount),
        )
        for line in charged.lines
    ]
    assert shown == [
        ("04 08:00", "04 08:30", "free_minutes", "0.00"),
        ("04 08:30", "04 09:30", "first_period", "5.00"),
        ("04 09:30", "04 20:00", "units", "42.00"),
        ("04 08:30", "04 20:00", "cap_per_band", "-35.00"),
        ("04 20:00", "05 08:00", "fixed", "10.00"),
        ("04 08:00", "05 00:00", "cap_per_day", "-2.00"),
        ("05 08:00", "05 09:00", "first_period", "5.00"),
        ("05 09:00", "05 10:00", "units", "4.00"),
        ("04 08:00", "05 10:00", "cap_per_stay", "-4.00"),
    ]
    assert charged.lines[2].values == {
        "count": 21,
        "minutes": 30,
        "price_fen": 200,
        "band_starts": 480,
        "band_ends": 1200,
    }
    assert str(charged.receivable) == "25.00"


def test_a_first_period_can_count_once_per_stay() -> None:
    days = [{"kinds": ["workday"], "pricing": HOUR}, {"pricing": HOUR | {"unit_price": "3.00"}}]
    friday = datetime(2026, 5, 15, 23, 30, tzinfo=START.tzinfo)
    for once, expected in ((False, "10.00"), (True, "11.00")):
        priced = parse({"version": 1, "plans": [{"first_period_once": once, "days": days}]})
        assert receivable(priced, hours(1.5, friday)) == expected  # 5, then 5 or two units of 3


def test_a_rate_can_begin_anew_with_each_business_day() -> None:
    priced = tariff(HOUR | {"restarts": "every_day"})
    evening = datetime(2026, 5, 4, 23, 30, tzinfo=START.tzinfo)
    assert receivable(priced, hours(1, evening)) == "10.00"
    assert receivable(priced, hours(1, evening), WallClock("Asia/Shanghai", 60)) == "5.00"


def test_only_the_rate_that_says_so_begins_anew() -> None:
    days = [{"kinds": ["workday"], "pricing": HOUR | {"restarts": "every_day"}}, {"pricing": HOUR}]
    priced = parse({"version": 1, "plans": [{"days": days}]})
    assert receivable(priced, hours(1, datetime(2026, 5, 16, 23, 30, tzinfo=START.tzinfo))) == "5.00"
    assert receivable(priced, hours(1, datetime(2026, 5, 14, 23, 30, tzinfo=START.tzinfo))) == "10.00"


def test_the_day_of_entry_is_that_of_the_entry_and_not_of_the_end_of_free_time() -> None:
    days = [{"kinds": ["workday"], "pricing": HOUR}, {"pricing": {"kind": "free"}}]
    plan = {"day_kind_from": "entry_day", "free_minutes": 60, "free_time_billed": False, "days": days}
    friday = datetime(2026, 5, 15, 23, 30, tzinfo=START.tzinfo)
    assert receivable(parse({"version": 1, "plans": [plan]}), hours(2, friday)) == "5.00"


def test_seconds_can_be_left_out() -> None:
    stay = Stay(START.replace(second=1), START.replace(hour=9, second=59))
    document = {"version": 1, "plans": [{"days": [{"pricing": HOUR}]}]}
    assert receivable(parse(document), stay) == "7.00"
    assert receivable(parse(document | {"ignore_seconds": True}), stay) == "5.00"


def test_parts_of_a_second_are_dropped() -> None:
    stay = Stay(START, START.replace(hour=9, microsecond=999_999))
    assert receivable(tariff(HOUR), stay) == "5.00"


def test_years_of_parking_are_charged_without_counting_minutes() -> None:
    capped = tariff({"kind": "rate", "unit_minutes": 1, "unit_price": "0.01"}, {"cap_per_day": "10"})
    stay = Stay(START.replace(hour=0), START.replace(year=2066, hour=0))
    assert receivable(capped, stay) == f"{(stay.left_at - stay.entered_at).days * 10}.00"


def test_a_day_that_a_zone_left_out_is_not_charged() -> None:
    """Samoa went from 29 to 31 December 2011."""
    clock = WallClock("Pacific/Apia", 0)
    zone = ZoneInfo("Pacific/Apia")
    stay = Stay(datetime(2011, 12, 29, tzinfo=zone), datetime(2012, 1, 1, tzinfo=zone))
    daily = {"kind": "bands", "bands": [{"from": "00:00", "to": "00:00", "price": {"kind": "fixed", "price": 7}}]}
    assert receivable(tariff(daily), stay, clock) == "14.00"
    assert receivable(tariff(HOUR | {"restarts": "every_day"}, {"cap_per_day": 20}), stay, clock) == "40.00"


def test_a_band_that_the_clock_left_out_costs_nothing() -> None:
    clock, zone = WallClock("Europe/Berlin", 0), ZoneInfo("Europe/Berlin")
    bands = [
        {"from": "02:10", "to": "02:50", "price": {"kind": "fixed", "price": "9"}},
        {"from": "02:50", "to": "02:10", "price": {"kind": "free"}},
    ]
    priced = tariff({"kind": "bands", "bands": bands})
    assert receivable(priced, hours(5, datetime(2026, 3, 29, tzinfo=zone)), clock) == "0.00"
    assert receivable(priced, hours(5, datetime(2026, 3, 30, tzinfo=zone)), clock) == "9.00"


def test_each_coupon_tells_its_worth_in_the_order_they_are_taken() -> None:
    coupons = (MoneyCoupon(Decimal("3"), "shop"), MinutesCoupon(60, "cinema"), MoneyCoupon(Decimal("9"), "club"))
    charged = charge(tariff(HOUR), replace(hours(2), coupons=coupons), SHANGHAI)
    worth = [(discount.coupon.name, str(discount.amount)) for discount in charged.discounts]
    assert worth == [("cinema", "4.00"), ("shop", "3.00"), ("club", "2.00")]
    assert (str(charged.receivable), str(charged.discount), str(charged.due)) == ("9.00", "9.00", "0.00")


def test_what_was_paid_too_much_is_told_apart() -> None:
    paid = replace(hours(2), payments=(Payment(START, Decimal("20")),))
    charged = charge(tariff(HOUR), paid, SHANGHAI)
    assert (str(charged.due), str(charged.overpaid)) == ("0.00", "11.00")


def test_a_payment_of_nothing_settles_when_coupons_cover_the_fee() -> None:
    priced = parse({"version": 1, "grace_minutes": 15, "plans": [{"days": [{"pricing": HOUR}]}]})
    payment = Payment(START + timedelta(hours=1), Decimal(0))
    stay = replace(hours(1.25), coupons=(MoneyCoupon(Decimal(5)),), payments=(payment,))
    charged = charge(priced, stay, SHANGHAI)
    assert (str(charged.receivable), str(charged.due), charged.charged_until) == ("5.00", "0.00", payment.paid_at)
    assert receivable(priced, stay) == "5.00"


@pytest.mark.parametrize(
    ("stay", "code", "value"),
    [
        (Stay(START, START - timedelta(seconds=1)), "negative_stay", "07:59:59"),
        (Stay(START.replace(tzinfo=None), START), "naive_time", "2026-05-04 08:00:00"),
        (Stay(START.replace(year=1960), START), "time_out_of_range", "1960"),
        (Stay(START, START, coupons=(MoneyCoupon(Decimal("0.005")),)), "bad_amount", "0.005"),
        (Stay(START, START, coupons=(MinutesCoupon(-1),)), "bad_amount", "-1"),
        (Stay(START, START, payments=(Payment(START, Decimal("NaN")),)), "bad_amount", "NaN"),
    ],
)
def test_a_broken_stay_is_refused_with_the_value_in_both_languages(stay: Stay, code: str, value: str) -> None:
    with pytest.raises(ParkError) as caught:
        charge(tariff(HOUR), stay, SHANGHAI)
    assert caught.value.code == code
    assert value in caught.value.zh
    assert value in caught.value.en


@pytest.mark.parametrize(
    ("zone", "cutover", "code"), [("Mars/Base", 0, "unknown_time_zone"), ("UTC", 1440, "bad_cutover")]
)
def test_a_clock_that_is_none_is_refused(zone: str, cutover: int, code: str) -> None:
    with pytest.raises(ParkError) as caught:
        WallClock(zone, cutover)
    assert caught.value.code == code


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_day_under_each_starting_point_costs_something(template: Any) -> None:
    assert Decimal(receivable(parse(template.document), hours(24))) > 0
