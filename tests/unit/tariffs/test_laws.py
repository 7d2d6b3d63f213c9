"""Laws of the tariff engine on random tariffs and stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.tariffs.by_the_minute import fee_fen
from tests.unit.tariffs.made import MONEY, STARTS, clocks, documents, rates, stays
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import dump, parse, problems
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import MinutesCoupon, MoneyCoupon, Stay
from warehouse.tariffs.money import yuan
from warehouse.tariffs.vector import charge_many

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def framed(listed: list[Stay]) -> pl.DataFrame:
    """Stays as rows."""
    return pl.DataFrame(
        [
            {
                "entered_at": stay.entered_at,
                "left_at": stay.left_at,
                "vehicle_group": stay.vehicle_group,
                "coupon_minutes": sum(c.minutes for c in stay.coupons if isinstance(c, MinutesCoupon)),
                "coupon_amount": sum((c.amount for c in stay.coupons if isinstance(c, MoneyCoupon)), Decimal("0.00")),
                "paid_at": stay.payments[0].paid_at if stay.payments else None,
                "paid_amount": stay.payments[0].amount if stay.payments else None,
            }
            for stay in listed
        ],
        schema={
            "entered_at": pl.Datetime("us", "UTC"),
            "left_at": pl.Datetime("us", "UTC"),
            "vehicle_group": pl.String,
            "coupon_minutes": pl.Int64,
            "coupon_amount": pl.Decimal(18, 2),
            "paid_at": pl.Datetime("us", "UTC"),
            "paid_amount": pl.Decimal(18, 2),
        },
    )


@settings(SLOW, max_examples=120)
@given(documents(), clocks, st.lists(stays(whole_minutes=True), min_size=1, max_size=3))
def test_the_engine_agrees_with_counting_each_minute(
    document: dict[str, Any], clock: WallClock, listed: list[Stay]
) -> None:
    tariff = parse(document)
    for stay in listed:
        slow = fee_fen(
            document, stay.vehicle_group, stay.entered_at, stay.left_at, clock.time_zone, clock.cutover_minutes
        )
        bare = Stay(stay.entered_at, stay.left_at, stay.vehicle_group)
        assert charge(tariff, bare, clock).receivable == yuan(slow)


@settings(SLOW, max_examples=150)
@given(documents(), clocks, st.lists(stays(), min_size=1, max_size=12))
def test_columns_give_the_figures_of_single_stays(
    document: dict[str, Any], clock: WallClock, listed: list[Stay]
) -> None:
    tariff = parse(document)
    for stay, row in zip(listed, charge_many(tariff, framed(listed), clock).iter_rows(named=True), strict=True):
        single = charge(tariff, stay, clock)
        by = {MinutesCoupon: Decimal(0), MoneyCoupon: Decimal(0)}
        for discount in single.discounts:
            by[type(discount.coupon)] += discount.amount
        assert row == {
            "receivable": single.receivable,
            "discount_by_minutes": by[MinutesCoupon],
            "discount_by_money": by[MoneyCoupon],
            "paid": single.paid,
            "due": single.due,
            "overpaid": single.overpaid,
            "charged_until": single.charged_until,
            "problem": None,
        }


@settings(SLOW, max_examples=150)
@given(documents(), clocks, stays())
def test_amounts_are_never_negative_and_lines_add_up(document: dict[str, Any], clock: WallClock, stay: Stay) -> None:
    charged = charge(parse(document), stay, clock)
    assert sum((line.amount for line in charged.lines), Decimal(0)) == charged.receivable
    assert charged.receivable + charged.overpaid == charged.discount + charged.paid + charged.due
    assert charged.discount == sum((discount.amount for discount in charged.discounts), Decimal(0))
    amounts = [charged.receivable, charged.discount, charged.paid, charged.due, charged.overpaid]
    assert all(amount >= 0 for amount in amounts + [discount.amount for discount in charged.discounts])
    assert all(str(amount)[-3] == "." for amount in amounts)
    assert min(charged.due, charged.overpaid) == 0


@settings(SLOW, max_examples=150)
@given(documents(), clocks, stays(), st.integers(0, 400_000))
def test_leaving_later_never_costs_less(document: dict[str, Any], clock: WallClock, stay: Stay, seconds: int) -> None:
    tariff = parse(document)
    bare = Stay(stay.entered_at, stay.left_at, stay.vehicle_group)
    later = replace(bare, left_at=stay.left_at + timedelta(seconds=seconds))
    assert charge(tariff, bare, clock).receivable <= charge(tariff, later, clock).receivable


@settings(SLOW, max_examples=100)
@given(
    rates(),
    st.sampled_from(["every_24_hours", "never"]),
    st.none() | MONEY,
    st.lists(st.tuples(clocks, st.sampled_from(STARTS), st.integers(0, 300_000)), min_size=2, max_size=2),
    st.lists(st.integers(0, 400_000), min_size=2, max_size=2),
)
def test_without_bands_and_days_the_fee_depends_on_the_length_alone_and_grows_with_it(
    rate: dict[str, Any],
    restarts: str,
    cap: str | None,
    entries: list[tuple[WallClock, datetime, int]],
    lengths: list[int],
) -> None:
    plan = {"free_minutes": 15, "cap_per_24_hours": cap, "days": [{"pricing": rate | {"restarts": restarts}}]}
    tariff = parse({"version": 1, "plans": [plan]})
    fees = []
    for length in sorted(lengths):
        found = set()
        for clock, start, later in entries:
            entered = start + timedelta(seconds=later)
            found.add(charge(tariff, Stay(entered, entered + timedelta(seconds=length)), clock).receivable)
        (fee,) = found
        fees.append(fee)
    assert fees[0] <= fees[1]


@settings(SLOW, max_examples=100)
@given(rates(linear=True), clocks, stays())
def test_cutting_into_days_changes_nothing_of_a_linear_tariff_without_a_cap_that_binds(
    rate: dict[str, Any], clock: WallClock, stay: Stay
) -> None:
    whole = parse({"version": 1, "plans": [{"days": [{"pricing": rate}]}]})
    days = [{"kinds": [kind], "pricing": dict(rate), "cap_per_day": 1_000_000} for kind in ("workday", "weekend")]
    cut = parse({"version": 1, "plans": [{"cap_per_24_hours": 1_000_000, "days": [*days, {"pricing": dict(rate)}]}]})
    bare = Stay(stay.entered_at, stay.left_at)
    seconds = (stay.left_at.replace(microsecond=0) - stay.entered_at.replace(microsecond=0)) // timedelta(seconds=1)
    units = -(-seconds // (rate["unit_minutes"] * 60))
    expected = units * Decimal(rate["unit_price"])
    assert charge(whole, bare, clock).receivable == charge(cut, bare, clock).receivable == expected


@settings(SLOW, max_examples=150)
@given(documents(), clocks, stays())
def test_the_order_of_coupons_decides_their_worth_and_not_what_remains(
    document: dict[str, Any], clock: WallClock, stay: Stay
) -> None:
    ways = [
        charge(parse(document | {"coupon_order": order}), replace(stay, coupons=coupons), clock)
        for order in ("minutes_first", "money_first")
        for coupons in (stay.coupons, stay.coupons[::-1])
    ]
    assert len({(way.receivable, way.discount, way.due, way.overpaid) for way in ways}) == 1


@settings(SLOW, max_examples=100)
@given(documents())
def test_a_tariff_survives_its_json_form(document: dict[str, Any]) -> None:
    assert problems(document) == []
    tariff = parse(document)
    assert parse(dump(tariff)) == tariff
    assert dump(parse(dump(tariff))) == dump(tariff)


@settings(SLOW, max_examples=60)
@given(documents(), clocks, stays())
def test_a_row_with_a_problem_has_no_figures_and_harms_no_other(
    document: dict[str, Any], clock: WallClock, stay: Stay
) -> None:
    tariff = parse(document)
    good = framed([stay])
    turned = good.with_columns(entered_at="left_at", left_at=pl.col("entered_at") - pl.duration(seconds=1))
    empty = good.with_columns(left_at=pl.lit(None, pl.Datetime("us", "UTC")))
    negative = good.with_columns(coupon_amount=pl.lit(Decimal("-1.00"), pl.Decimal(18, 2)))
    result = charge_many(tariff, pl.concat([turned, good, empty, negative]), clock)
    assert result["problem"].to_list() == ["negative_stay", None, "missing_time", "bad_amount"]
    assert result.drop("problem").filter(result["problem"].is_not_null()).null_count().sum_horizontal().item() == 21
    assert result[1].equals(charge_many(tariff, good, clock))
