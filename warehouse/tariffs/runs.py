"""A stay cut into runs: the parts that are each charged by one price from its beginning.

Belongs here: where a run begins and ends. Does not belong here: amounts (``engine.py``).

A run begins when charging begins, when the pricing changes with the business day, when a band begins, and when a rate
restarts. Nothing else cuts: equal pricings of consecutive days, caps and calendar days leave a run whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from warehouse.tariffs.clock import DAY_SECONDS, WallClock
from warehouse.tariffs.model import Band, Bands, DayKindFrom, DayRule, Plan, Price, Pricing, Rate, Restarts, Tariff


class Run(NamedTuple):
    """Seconds since 1970 from ``starts`` to ``ends``; ``band`` when the price is that of a band."""

    starts: int
    ends: int
    price: Price
    pricing: Pricing
    band: Band | None


class Rules:
    """The rules of one stay: a plan on a clock, from the moment of entry."""

    def __init__(self, tariff: Tariff, plan: Plan, clock: WallClock, entered: int) -> None:
        """Fix the rule of the entry day where the plan goes by it."""
        self.tariff, self.plan, self.clock, self.entered = tariff, plan, clock, entered
        self._whole_stay: DayRule | None = None
        if len(plan.days) == 1:
            self._whole_stay = plan.days[0]
        elif plan.day_kind_from is DayKindFrom.ENTRY_DAY:
            self._whole_stay = plan.rules[tariff.day_kind(clock.business_day(entered))]

    def of_day(self, day: int) -> DayRule:
        """The rule of business day ``day`` for this stay."""
        return self._whole_stay or self.plan.rules[self.tariff.day_kind(day)]

    def runs(self, starts: int, ends: int) -> Iterator[Run]:
        """The runs from ``starts`` to ``ends``, in order, without gaps."""
        for stretch_starts, stretch_ends, pricing in self._stretches(starts, ends):
            if isinstance(pricing, Bands):
                yield from self._in_bands(stretch_starts, stretch_ends, pricing)
            elif isinstance(pricing, Rate) and pricing.restarts is not Restarts.NEVER:
                cuts = self.days if pricing.restarts is Restarts.EVERY_DAY else self.windows
                edges = [stretch_starts, *cuts(stretch_starts, stretch_ends), stretch_ends]
                for run_starts, run_ends in pairwise(edges):
                    yield Run(run_starts, run_ends, pricing, pricing, None)
            else:
                yield Run(stretch_starts, stretch_ends, pricing, pricing, None)

    def days(self, starts: int, ends: int) -> Iterator[int]:
        """The starts of business days strictly between."""
        day = self.clock.business_day(starts) + 1
        while (cut := self.clock.day_start(day)) < ends:
            if cut > starts:
                yield cut
                starts = cut
            day += 1

    def windows(self, starts: int, ends: int) -> Iterator[int]:
        """The ends of 24 hours from entry strictly between."""
        yield from range(starts + DAY_SECONDS - (starts - self.entered) % DAY_SECONDS, ends, DAY_SECONDS)

    def _stretches(self, starts: int, ends: int) -> Iterator[tuple[int, int, Pricing]]:
        if self._whole_stay is not None or len(self.plan.pricings) == 1:
            yield starts, ends, (self._whole_stay or self.plan.days[0]).pricing
            return
        day = self.clock.business_day(starts)
        begun, pricing = starts, self.of_day(day).pricing
        while (cut := self.clock.day_start(day := day + 1)) < ends:
            following = self.of_day(day).pricing
            if following != pricing:
                if cut > begun:
                    yield begun, cut, pricing
                begun, pricing = cut, following
        yield begun, ends, pricing

    def _in_bands(self, starts: int, ends: int, pricing: Bands) -> Iterator[Run]:
        bands = pricing.bands
        day = self.clock.calendar_day(starts)
        index = bisect_right([self.clock.passes(day, band.starts) for band in bands], starts) - 1
        if index < 0:
            index, day = len(bands) - 1, day - 1
        while starts < ends:
            band = bands[index]
            index += 1
            if index == len(bands):
                index, day = 0, day + 1
            cut = min(self.clock.passes(day, bands[index].starts), ends)
            if cut > starts:
                yield Run(starts, cut, band.price, pricing, band)
                starts = cut
