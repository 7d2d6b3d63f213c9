"""What a tariff, a stay and a charge are.

Belongs here: the frozen parts, and the rule that is in force for a vehicle and a day. Does not belong here: their JSON
form (``document.py``), computing (``engine.py``, ``vector.py``), words for people (``words.py``).

Inside, money is integer fen (names end in ``_fen``); what a caller hands over or gets is ``Decimal`` yuan with 2
places. Times of day are minutes after local midnight. ``docs/tariffs.md`` states what each combination means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
DAY_MINUTES: Final = 1440
NOTHING: Final = Decimal("0.00")


class DayKind(StrEnum):
    """What a business day is: a listed date, else by its weekday (Saturday and Sunday are the weekend)."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class Restarts(StrEnum):
    """When a rate that runs through begins anew with its first period."""

    NEVER = "never"
    EVERY_24_HOURS = "every_24_hours"
    EVERY_DAY = "every_day"


class CouponOrder(StrEnum):
    """Which coupons are taken off first; it decides what each is worth, never what remains due."""

    MINUTES_FIRST = "minutes_first"
    MONEY_FIRST = "money_first"


class DayKindFrom(StrEnum):
    """Whether each day goes by its own kind, or the whole stay by the kind of the day of entry."""

    EACH_DAY = "each_day"
    ENTRY_DAY = "entry_day"


@dataclass(frozen=True)
class Rate:
    """A first period (none when ``first_minutes`` is 0), then a price for each unit begun.

    A unit is charged when more than ``tolerance_minutes`` of it are used.
    """

    unit_minutes: int
    unit_fen: int
    first_minutes: int = 0
    first_fen: int = 0
    tolerance_minutes: int = 0
    restarts: Restarts = Restarts.NEVER


@dataclass(frozen=True)
class Fixed:
    """An amount for each occurrence of a band that the stay touches. Only in a band."""

    price_fen: int


@dataclass(frozen=True)
class PerEntry:
    """An amount once per stay, when it first comes under this price."""

    price_fen: int


@dataclass(frozen=True)
class Free:
    """Costs nothing."""


Price = Rate | Fixed | PerEntry | Free


@dataclass(frozen=True)
class Band:
    """A part of the local day from ``starts`` to ``ends``, over midnight unless ``ends`` is later; equal: 24 h."""

    starts: int
    ends: int
    price: Price
    cap_fen: int | None = None


@dataclass(frozen=True)
class Bands:
    """Bands that cover the 24 hours without overlap, by their starts."""

    bands: tuple[Band, ...]


Pricing = Rate | PerEntry | Free | Bands


@dataclass(frozen=True)
class DayRule:
    """The pricing of days of ``kinds`` (empty: of all other kinds) and the cap of one such day."""

    pricing: Pricing
    kinds: frozenset[DayKind] = frozenset()
    cap_per_day_fen: int | None = None


@dataclass(frozen=True)
class Plan:
    """The rules for vehicles of ``vehicle_groups`` (empty: for all other vehicles)."""

    days: tuple[DayRule, ...]
    vehicle_groups: tuple[str, ...] = ()
    free_minutes: int = 0
    free_time_billed: bool = True
    first_period_once: bool = False
    day_kind_from: DayKindFrom = DayKindFrom.EACH_DAY
    cap_per_24_hours_fen: int | None = None
    cap_per_stay_fen: int | None = None

    @cached_property
    def rules(self) -> Mapping[DayKind, DayRule]:
        """The rule of each kind of day."""
        other = next((rule for rule in self.days if not rule.kinds), None)
        named = {kind: rule for rule in self.days for kind in rule.kinds}
        found = {kind: named.get(kind, other) for kind in DayKind}
        return MappingProxyType({kind: rule for kind, rule in found.items() if rule is not None})

    @cached_property
    def pricings(self) -> tuple[Pricing, ...]:
        """The different pricings; days whose pricings are equal are charged as one."""
        return tuple(dict.fromkeys(rule.pricing for rule in self.rules.values()))

    @cached_property
    def caps_days(self) -> bool:
        """Whether any day has a cap."""
        return any(rule.cap_per_day_fen is not None for rule in self.rules.values())


@dataclass(frozen=True)
class Tariff:
    """A whole tariff. Made by ``document.parse``, which refuses what makes no sense."""

    plans: tuple[Plan, ...]
    name: str = ""
    ignore_seconds: bool = False
    grace_minutes: int = 0
    coupon_order: CouponOrder = CouponOrder.MINUTES_FIRST
    special_days: tuple[tuple[date, DayKind], ...] = ()

    @cached_property
    def special(self) -> Mapping[int, DayKind]:
        """Kind of the listed days by their proleptic ordinal."""
        return MappingProxyType({day.toordinal(): kind for day, kind in self.special_days})

    @cached_property
    def _plan_of_group(self) -> Mapping[str | None, Plan]:
        plans: dict[str | None, Plan] = {group: plan for plan in self.plans for group in plan.vehicle_groups}
        plans[None] = next(plan for plan in self.plans if not plan.vehicle_groups)
        return MappingProxyType(plans)

    def plan(self, vehicle_group: str | None) -> Plan:
        """The plan of a vehicle group; a group that no plan names, or None, has the plan of all other vehicles."""
        plans = self._plan_of_group
        return plans.get(vehicle_group) or plans[None]

    def day_kind(self, day: int) -> DayKind:
        """The kind of the day with this proleptic ordinal."""
        listed = self.special.get(day)
        if listed is not None:
            return listed
        return DayKind.WEEKEND if (day - 1) % 7 >= 5 else DayKind.WORKDAY


@dataclass(frozen=True)
class MinutesCoupon:
    """The stay is charged as if it had ended ``minutes`` earlier."""

    minutes: int
    name: str = ""


@dataclass(frozen=True)
class MoneyCoupon:
    """``amount`` yuan off."""

    amount: Decimal
    name: str = ""


Coupon = MinutesCoupon | MoneyCoupon


@dataclass(frozen=True)
class Payment:
    """``amount`` yuan paid at the aware instant ``paid_at``."""

    paid_at: datetime
    amount: Decimal


@dataclass(frozen=True)
class Stay:
    """One stay; instants are aware."""

    entered_at: datetime
    left_at: datetime
    vehicle_group: str | None = None
    coupons: tuple[Coupon, ...] = ()
    payments: tuple[Payment, ...] = ()


@dataclass(frozen=True)
class ChargeLine:
    """A step of a calculation: ``rule`` with its ``values`` from ``starts`` to ``ends`` (UTC), ``amount`` in yuan.

    Lines of caps are negative. ``words.line_text`` writes one for people.
    """

    starts: datetime
    ends: datetime
    rule: str
    amount: Decimal
    values: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Discount:
    """What one coupon took off; 0.00 when nothing was left for it."""

    coupon: Coupon
    amount: Decimal


@dataclass(frozen=True)
class Charge:
    """What a stay costs, in yuan with 2 places.

    ``receivable`` is the fee by the rule up to ``charged_until`` and the sum of ``lines``; always
    ``receivable + overpaid = discount + paid + due``, and one of ``due`` and ``overpaid`` is zero.
    """

    receivable: Decimal
    discount: Decimal
    paid: Decimal
    due: Decimal
    overpaid: Decimal
    charged_until: datetime
    discounts: tuple[Discount, ...]
    lines: tuple[ChargeLine, ...]
