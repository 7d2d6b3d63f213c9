"""The exact fee of one stay, with the steps that lead to it.

Belongs here: amounts of runs, caps, coupons, payments. Does not belong here: where runs begin (``runs.py``), many stays
at once (``vector.py``), words (``words.py``). Pure: no clock of the machine, no file, no database.

The order of the steps: free minutes; runs, each with the cap of its band; cap of the business day; cap of 24 hours from
entry; cap of the stay; coupons; payments. ``docs/tariffs.md`` has them in words and with worked cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from warehouse.errors import ParkError
from warehouse.tariffs.clock import DAY_SECONDS, WallClock, instant_of, seconds_of
from warehouse.tariffs.model import (
    Charge,
    ChargeLine,
    Coupon,
    CouponOrder,
    Discount,
    Fixed,
    MinutesCoupon,
    MoneyCoupon,
    PerEntry,
    Plan,
    Rate,
    Stay,
    Tariff,
)
from warehouse.tariffs.money import fen_of, yuan
from warehouse.tariffs.runs import Rules, Run

FIRST_INSTANT: Final = 0
LAST_INSTANT: Final = 7_258_118_400
"""Instants from 1970 up to 2200 (UTC) can be charged; a stay outside is a broken record."""


def charge(tariff: Tariff, stay: Stay, clock: WallClock) -> Charge:
    """What ``stay`` costs under ``tariff`` in a lot with this ``clock``.

    Fractions of seconds are dropped. A payment made before leaving settles the stay when something was to be paid and
    all payments up to it cover what was due then; a car that leaves within the grace minutes after it owes nothing
    more. Otherwise the fee of the whole stay is due, less what was paid.

    Raises:
        ParkError: ``negative_stay``, ``naive_time``, ``time_out_of_range`` or ``bad_amount`` (a coupon or payment that
            is negative or has parts of a fen).
    """
    entered, left = checked_times(stay)
    if tariff.ignore_seconds:
        entered, left = entered - entered % 60, left - left % 60
    minutes = tuple(coupon for coupon in stay.coupons if isinstance(coupon, MinutesCoupon))
    coupon_seconds = 60 * sum(_count(coupon.minutes) for coupon in minutes)
    coupon_fen = sum(fen_of(coupon.amount) for coupon in stay.coupons if isinstance(coupon, MoneyCoupon))
    fee = Fee(tariff, tariff.plan(stay.vehicle_group), clock, entered)
    paid = sum(fen_of(payment.amount) for payment in stay.payments)
    until = left
    if tariff.grace_minutes:
        until = _settled_at(fee, stay, left, coupon_seconds, coupon_fen)
    lines: list[ChargeLine] = []
    receivable = fee.fen(until, lines)
    discounts = tuple(_discounts(fee, stay.coupons, until, receivable)) if stay.coupons else ()
    discount = sum(fen for _, fen in discounts)
    rest = receivable - discount - paid
    return Charge(
        receivable=yuan(receivable),
        discount=yuan(discount),
        paid=yuan(paid),
        due=yuan(max(rest, 0)),
        overpaid=yuan(max(-rest, 0)),
        charged_until=instant_of(until),
        discounts=tuple(Discount(coupon, yuan(fen)) for coupon, fen in discounts),
        lines=tuple(lines),
    )


class Fee:
    """The fee by the rule of a vehicle that entered at ``entered``, as a function of when it leaves."""

    def __init__(self, tariff: Tariff, plan: Plan, clock: WallClock, entered: int) -> None:
        """Keep what does not depend on the end of the stay."""
        self.plan, self.entered, self.clock, self.tariff = plan, entered, clock, tariff
        self.rules = Rules(tariff, plan, clock, entered)

    def fen(self, left: int, lines: list[ChargeLine] | None = None) -> int:
        """The fee in fen when leaving at ``left``, which never falls as ``left`` grows; steps go to ``lines``."""
        plan, entered = self.plan, self.entered
        note = _noter(lines)
        if left == entered:
            return 0
        free_until = entered + plan.free_minutes * 60
        if left <= free_until:
            note(entered, left, "free_minutes", 0, minutes=plan.free_minutes)
            return 0
        starts = entered
        if plan.free_minutes and not plan.free_time_billed:
            starts = free_until
            note(entered, starts, "free_minutes", 0, minutes=plan.free_minutes)
        caps = _Caps(self, left, note) if plan.caps_days or plan.cap_per_24_hours_fen is not None else None
        touched: set[object] = set()
        total = 0
        for run in self.rules.runs(starts, left):
            upto = self._amounts(run, run.starts == starts or not plan.first_period_once, touched, note)
            total += upto(run.ends) if caps is None else caps.take(run, upto)
        if caps is not None:
            caps.close()
        if plan.cap_per_stay_fen is not None and total > plan.cap_per_stay_fen:
            note(entered, left, "cap_per_stay", plan.cap_per_stay_fen - total, cap_fen=plan.cap_per_stay_fen)
            total = plan.cap_per_stay_fen
        return total

    def _amounts(self, run: Run, first: bool, touched: set[object], note: Callable[..., None]) -> Callable[[int], int]:
        """The amount of what a run charges before an instant, as a function of the instant."""
        starts, ends, price, pricing, band = run
        shown = {} if band is None else {"band_starts": band.starts, "band_ends": band.ends}
        if isinstance(price, Rate):
            upto = _rate_amounts(run, price, first, note, shown)
        else:
            fen = 0
            if isinstance(price, Fixed):
                fen = price.price_fen
                note(starts, ends, "fixed", fen, price_fen=fen, **shown)
            elif isinstance(price, PerEntry):
                key = (pricing, band)
                if key in touched:
                    note(starts, ends, "charged_before", 0, **shown)
                else:
                    touched.add(key)
                    fen = price.price_fen
                    note(starts, ends, "per_entry", fen, price_fen=fen, **shown)
            else:
                note(starts, ends, "free", 0, **shown)

            def upto(instant: int) -> int:
                return fen if instant > starts else 0

        cap = None if band is None else band.cap_fen
        if cap is None:
            return upto
        excess = upto(ends) - cap
        if excess > 0:
            note(starts, ends, "cap_per_band", -excess, cap_fen=cap, **shown)
        return lambda instant: min(upto(instant), cap)


def _rate_amounts(
    run: Run, price: Rate, first: bool, note: Callable[..., None], shown: dict[str, int]
) -> Callable[[int], int]:
    starts, ends = run.starts, run.ends
    first_fen, units_from = 0, starts
    if first and price.first_minutes:
        first_fen, units_from = price.first_fen, starts + price.first_minutes * 60
        note(
            starts,
            min(units_from, ends),
            "first_period",
            first_fen,
            minutes=price.first_minutes,
            price_fen=first_fen,
            **shown,
        )
    counted_until = ends - price.tolerance_minutes * 60
    unit_seconds, unit_fen = price.unit_minutes * 60, price.unit_fen

    def upto(instant: int) -> int:
        used = min(instant, counted_until) - units_from
        units = -(-used // unit_seconds) if used > 0 else 0
        return (first_fen if instant > starts else 0) + units * unit_fen

    if ends > units_from:
        fen = upto(ends) - first_fen
        count = -(-(counted_until - units_from) // unit_seconds) if counted_until > units_from else 0
        note(units_from, ends, "units", fen, count=count, minutes=price.unit_minutes, price_fen=unit_fen, **shown)
    return upto


class _Caps:
    """Caps of business days and of 24 hours from entry, used up in the order of time.

    An amount belongs to the day and the 24 hours in which it begins to be charged, and uses up a cap only as far as it
    is really charged.
    """

    def __init__(self, fee: Fee, left: int, note: Callable[..., None]) -> None:
        self.rules, self.clock, self.entered, self.left, self.note = fee.rules, fee.clock, fee.entered, left, note
        self.window_cap = fee.plan.cap_per_24_hours_fen
        self.by_day = fee.plan.caps_days
        self.day, self.window = -1, -1
        self.day_cap: int | None = None
        self.day_used = self.day_over = self.window_used = self.window_over = 0

    def take(self, run: Run, upto: Callable[[int], int]) -> int:
        """What is really charged of a run."""
        total = before = 0
        starts = run.starts
        for ends in self._edges(run):
            self._enter(starts)
            amount = (after := upto(ends)) - before
            before, starts = after, ends
            if self.day_cap is not None:
                allowed = min(amount, self.day_cap - self.day_used)
                self.day_over += amount - allowed
                amount = allowed
            if self.window_cap is not None:
                allowed = min(amount, self.window_cap - self.window_used)
                self.window_over += amount - allowed
                amount = allowed
            self.day_used += amount
            self.window_used += amount
            total += amount
        return total

    def close(self) -> None:
        """Note what the last day and the last 24 hours took off."""
        self._close_day()
        self._close_window()

    def _edges(self, run: Run) -> Iterator[int]:
        edges = {run.ends}
        if self.by_day:
            edges.update(self.rules.days(run.starts, run.ends))
        if self.window_cap is not None:
            edges.update(self.rules.windows(run.starts, run.ends))
        return iter(sorted(edges))

    def _enter(self, instant: int) -> None:
        if self.by_day:
            day = self.clock.business_day(instant)
            if day != self.day:
                self._close_day()
                self.day, self.day_used, self.day_over = day, 0, 0
                self.day_cap = self.rules.of_day(day).cap_per_day_fen
        window = (instant - self.entered) // DAY_SECONDS
        if window != self.window:
            self._close_window()
            self.window, self.window_used, self.window_over = window, 0, 0

    def _close_day(self) -> None:
        if self.day_over:
            starts, ends = self.clock.day_start(self.day), self.clock.day_start(self.day + 1)
            within = max(starts, self.entered), min(ends, self.left)
            self.note(*within, "cap_per_day", -self.day_over, cap_fen=self.day_cap)

    def _close_window(self) -> None:
        if self.window_over:
            starts = self.entered + self.window * DAY_SECONDS
            ends = min(starts + DAY_SECONDS, self.left)
            self.note(starts, ends, "cap_per_24_hours", -self.window_over, cap_fen=self.window_cap)


def _noter(lines: list[ChargeLine] | None) -> Callable[..., None]:
    if lines is None:
        return lambda *_line, **_values: None

    def note(starts: int, ends: int, rule: str, fen: int, **values: int) -> None:
        lines.append(ChargeLine(instant_of(starts), instant_of(ends), rule, yuan(fen), values))

    return note


def checked_times(stay: Stay) -> tuple[int, int]:
    """Entry and exit in whole seconds since 1970.

    Raises:
        ParkError: ``negative_stay``, ``naive_time`` or ``time_out_of_range``.
    """
    entered, left = seconds_of(stay.entered_at), seconds_of(stay.left_at)
    if left < entered:
        raise ParkError(
            zh=f"出场时间 {stay.left_at} 早于进场时间 {stay.entered_at}，请更正记录。",
            en=f"The exit {stay.left_at} is before the entry {stay.entered_at}; correct the record.",
            code="negative_stay",
        )
    if entered < FIRST_INSTANT or left >= LAST_INSTANT:
        raise ParkError(
            zh=f"停车时间 {stay.entered_at} 至 {stay.left_at} 超出 1970 至 2199 年，请更正记录。",
            en=f"The stay from {stay.entered_at} to {stay.left_at} is not within 1970 to 2199; correct the record.",
            code="time_out_of_range",
        )
    return entered, left


def _settled_at(fee: Fee, stay: Stay, left: int, coupon_seconds: int, coupon_fen: int) -> int:
    """The payment up to which the stay is charged because it left in time after it, else ``left``."""
    grace = fee.tariff.grace_minutes * 60
    paid = 0
    for payment in sorted(stay.payments, key=lambda payment: payment.paid_at):
        paid += fen_of(payment.amount)
        at = seconds_of(payment.paid_at)
        if fee.tariff.ignore_seconds:
            at -= at % 60
        if fee.entered < at < left <= at + grace and fee.fen(at) > 0:
            owed = fee.fen(max(at - coupon_seconds, fee.entered)) - coupon_fen
            if paid >= owed:
                return at
    return left


def _discounts(fee: Fee, coupons: tuple[Coupon, ...], until: int, receivable: int) -> Iterator[tuple[Coupon, int]]:
    """Each coupon in the order in which they are taken off, with its worth in fen."""
    first = MinutesCoupon if fee.tariff.coupon_order is CouponOrder.MINUTES_FIRST else MoneyCoupon
    rest, worth = receivable, receivable
    for coupon in sorted(coupons, key=lambda coupon: not isinstance(coupon, first)):
        if isinstance(coupon, MinutesCoupon):
            until = max(until - coupon.minutes * 60, fee.entered)
            shorter = fee.fen(until)
            off, worth = worth - shorter, shorter
        else:
            off = fen_of(coupon.amount)
        off = min(off, rest)
        rest -= off
        yield coupon, off


def _count(minutes: int) -> int:
    if minutes < 0:
        raise ParkError(
            zh=f"优惠券的分钟数 {minutes} 无效，请填不小于 0 的整数。",
            en=f"A coupon of {minutes} minutes is not valid; give a whole number that is not negative.",
            code="bad_amount",
        )
    return minutes
