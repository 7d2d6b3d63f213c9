"""Random tariffs, stays and clocks for the laws of the tariff engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.model import Coupon, MinutesCoupon, MoneyCoupon, Payment, Stay


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


# Caps are mostly wide or absent, so that they do not hide what lies below them.
MONEY = st.integers(0, 400).map(_yuan)
CAPS = st.sampled_from([None, None, None]) | st.integers(0, 30_000).map(_yuan)
# Around the change to summer time (29 March) and back (25 October) in Europe, and around a holiday.
STARTS = (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC))
GROUPS = (None, "small", "large", "new_energy")

clocks = st.builds(
    WallClock, st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]), st.sampled_from([0, 0, 90, 150, 360])
)


@st.composite
def rates(draw: st.DrawFn, *, may_restart: bool = True, linear: bool = False) -> dict[str, Any]:
    unit = draw(st.sampled_from([15, 30, 45, 60, 100, 1440]))
    rate: dict[str, Any] = {"kind": "rate", "unit_minutes": unit, "unit_price": draw(MONEY)}
    if linear:
        return rate
    first = draw(st.sampled_from([0, 0, 20, 60, 90, 1500]))
    if first:
        rate |= {"first_minutes": first, "first_price": draw(MONEY)}
    rate["tolerance_minutes"] = draw(st.sampled_from([0, 0, 5, 14]))
    if may_restart:
        rate["restarts"] = draw(st.sampled_from(["never", "never", "every_24_hours", "every_day"]))
    return rate


entries = st.fixed_dictionaries({"kind": st.just("per_entry"), "price": MONEY})
fixed = st.fixed_dictionaries({"kind": st.just("fixed"), "price": MONEY})
free = st.just({"kind": "free"})


@st.composite
def bands(draw: st.DrawFn) -> dict[str, Any]:
    starts = sorted(
        draw(st.sets(st.sampled_from([0, 100, 120, 150, 170, 200, 480, 1080, 1320]), min_size=1, max_size=4))
    )
    made = []
    for begins, ends in zip(starts, [*starts[1:], starts[0]], strict=True):
        made.append(
            {
                "from": f"{begins // 60:02}:{begins % 60:02}",
                "to": f"{ends // 60:02}:{ends % 60:02}",
                "price": draw(rates(may_restart=False) | fixed | entries | free),
                "cap": draw(CAPS),
            }
        )
    return {"kind": "bands", "bands": draw(st.permutations(made))}


@st.composite
def plans(draw: st.DrawFn, groups: list[str] | None = None) -> dict[str, Any]:
    kinds = draw(st.sampled_from([[], [["holiday"]], [["weekend", "holiday"]], [["workday"], ["weekend"]]]))
    pricings = draw(st.lists(rates() | bands() | entries | free, min_size=1, max_size=2))
    days = [
        {"pricing": draw(st.sampled_from(pricings)), "cap_per_day": draw(CAPS)} | ({"kinds": listed} if listed else {})
        for listed in [*kinds, []]
    ]
    plan: dict[str, Any] = {
        "days": days,
        "free_minutes": draw(st.sampled_from([0, 0, 15, 130])),
        "free_time_billed": draw(st.booleans()),
        "first_period_once": draw(st.booleans()),
        "day_kind_from": draw(st.sampled_from(["each_day", "entry_day"])),
        "cap_per_24_hours": draw(CAPS),
        "cap_per_stay": draw(CAPS),
    }
    return plan | ({"vehicle_groups": groups} if groups else {})


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "version": 1,
        "grace_minutes": draw(st.sampled_from([0, 15])),
        "ignore_seconds": draw(st.booleans()),
        "coupon_order": draw(st.sampled_from(["minutes_first", "money_first"])),
        "special_days": [{"date": "2026-05-01", "kind": "holiday"}, {"date": "2026-10-24", "kind": "workday"}],
        "plans": [draw(plans()), *([draw(plans(["large", "bus"]))] if draw(st.booleans()) else [])],
    }


lengths = st.one_of(st.integers(0, 200), st.integers(0, 1500), st.integers(0, 6000))


@st.composite
def stays(draw: st.DrawFn, *, whole_minutes: bool = False) -> Stay:
    """A stay with at most one payment and one coupon of each sort, so that it fits a row."""
    entered = draw(st.sampled_from(STARTS)) + timedelta(minutes=draw(st.integers(0, 4000)))
    left = entered + timedelta(minutes=draw(lengths))
    if not whole_minutes:
        entered += timedelta(microseconds=draw(st.integers(0, 59_999_999)))
        left = max(entered, left + timedelta(microseconds=draw(st.integers(0, 59_999_999))))
    coupons: list[Coupon] = []
    if draw(st.booleans()):
        coupons.append(MinutesCoupon(draw(st.integers(0, 300))))
    if draw(st.booleans()):
        coupons.append(MoneyCoupon(Decimal(draw(st.sampled_from(["0.00", "2.50", "9.00", "40.00"]) | MONEY))))
    payments = ()
    if draw(st.booleans()):
        paid_at = left - timedelta(minutes=draw(st.sampled_from([0, 3, 15, 16, 200])))
        payments = (Payment(paid_at, Decimal(draw(st.sampled_from(["0.00", "2.50", "9.00", "40.00"]) | MONEY))),)
    return Stay(entered, left, draw(st.sampled_from(GROUPS)), tuple(coupons), payments)
