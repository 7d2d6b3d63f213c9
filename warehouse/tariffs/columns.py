"""The fee by the rule over columns of entries and exits, in whole-array steps.

Belongs here: the arithmetic of ``runs.py`` and ``engine.Fee`` for many stays. Does not belong here: frames, coupons,
payments (``vector.py``).

A stay is cut into pieces wherever anything could change: business days, bands, 24 hours from entry. Pieces that are
charged by one price from its beginning form a run, as in ``runs.py``. The amount of a piece is what its run has charged
up to the end of the piece, less what it had before; caps then act on sums of pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from warehouse.tariffs.clock import DAY_SECONDS, WallClock
from warehouse.tariffs.model import (
    Bands,
    DayKind,
    DayKindFrom,
    Fixed,
    PerEntry,
    Plan,
    Price,
    Rate,
    Restarts,
    Tariff,
)

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PIECES_AT_ONCE: Final = 200_000
_NO_CAP: Final = np.iinfo(np.int64).max // 4
_KEY_BITS: Final = 33  # seconds from 1970 to 2200


@dataclass(frozen=True)
class _Prices:
    """A row for each price that a plan can apply: one for each pricing, or one for each of its bands."""

    first_seconds: Ints
    first_fen: Ints
    unit_seconds: Ints
    unit_fen: Ints
    tolerance_seconds: Ints
    cap_fen: Ints
    once_per_stay: Flags
    restarts_daily: Flags
    restarts_24_hourly: Flags

    @classmethod
    def of(cls, prices: list[tuple[Price, int | None]]) -> _Prices:
        """An amount that does not depend on time is a unit that never ends."""
        never = 2**_KEY_BITS
        rates = [
            price
            if isinstance(price, Rate)
            else Rate(never, price.price_fen if isinstance(price, Fixed | PerEntry) else 0)
            for price, _ in prices
        ]
        return cls(
            np.array([rate.first_minutes * 60 for rate in rates], np.int64),
            np.array([rate.first_fen if rate.first_minutes else 0 for rate in rates], np.int64),
            np.array([rate.unit_minutes * 60 for rate in rates], np.int64),
            np.array([rate.unit_fen for rate in rates], np.int64),
            np.array([rate.tolerance_minutes * 60 for rate in rates], np.int64),
            np.array([_NO_CAP if cap is None else cap for _, cap in prices], np.int64),
            np.array([isinstance(price, PerEntry) for price, _ in prices]),
            np.array([rate.restarts is Restarts.EVERY_DAY for rate in rates]),
            np.array([rate.restarts is Restarts.EVERY_24_HOURS for rate in rates]),
        )


@dataclass(frozen=True)
class _Pieces:
    """Pieces of stays in the order of stay and time: the stay's row, start, end, and whether it is the stay's first."""

    row: Ints
    starts: Ints
    ends: Ints
    first: Flags


class PlanColumns:
    """The fees of stays under one plan, as a function of when they leave."""

    def __init__(self, tariff: Tariff, plan: Plan, clock: WallClock, entered: Ints, left: Ints) -> None:
        """Lay out the local days and bands from the first entry to the last exit, in seconds since 1970."""
        self.plan, self.entered = plan, entered
        self._pricings = plan.pricings
        kinds = [plan.rules[kind] for kind in DayKind]
        self._kind_pricing = np.array([self._pricings.index(rule.pricing) for rule in kinds], np.int64)
        caps = [rule.cap_per_day_fen for rule in kinds]
        self._kind_cap = np.array([_NO_CAP if cap is None else cap for cap in caps], np.int64)
        self._by_entry_day = plan.day_kind_from is DayKindFrom.ENTRY_DAY and len(plan.days) > 1
        rates = [pricing for pricing in self._pricings if isinstance(pricing, Rate)]
        each_day_differs = len(self._pricings) > 1 or plan.caps_days
        self._needs_days = each_day_differs or any(rate.restarts is Restarts.EVERY_DAY for rate in rates)
        self._needs_windows = plan.cap_per_24_hours_fen is not None or any(
            rate.restarts is Restarts.EVERY_24_HOURS for rate in rates
        )
        self._prices, self._first_price = self._all_prices()
        self._day_starts = np.empty(0, np.int64)
        self._day_kind = np.empty(0, np.int64)
        self._band_starts: dict[int, Ints] = {}
        self._cuts = np.empty(0, np.int64)
        if len(entered):
            self._lay_out(tariff, clock, int(entered.min()), int(left.max()))

    def fen(self, left: Ints, rows: Ints | None = None) -> Ints:
        """Fees in fen of the stays ``rows`` (all when None) when they leave at ``left``."""
        entered = self.entered if rows is None else self.entered[rows]
        free = self.plan.free_minutes * 60
        result = np.zeros(len(left), np.int64)
        charged = np.flatnonzero(left - entered > free)
        entered, ends = entered[charged], left[charged]
        starts = entered if self.plan.free_time_billed else entered + free
        fees = np.empty(len(charged), np.int64)
        for part in self._parts(starts, ends):
            fees[part] = self._fees(entered[part], starts[part], ends[part])
        if self.plan.cap_per_stay_fen is not None:
            np.minimum(fees, self.plan.cap_per_stay_fen, out=fees)
        result[charged] = fees
        return result

    def _all_prices(self) -> tuple[_Prices, Ints]:
        prices: list[tuple[Price, int | None]] = []
        first = []
        for pricing in self._pricings:
            first.append(len(prices))
            if isinstance(pricing, Bands):
                prices += [(band.price, band.cap_fen) for band in pricing.bands]
            else:
                prices.append((pricing, None))
        return _Prices.of(prices), np.array(first, np.int64)

    def _lay_out(self, tariff: Tariff, clock: WallClock, earliest: int, latest: int) -> None:
        days = range(clock.business_day(earliest), clock.business_day(latest) + 2)
        cuts = []
        if self._needs_days:
            self._day_starts = np.array([clock.day_start(day) for day in days], np.int64)
            kinds = list(DayKind)
            self._day_kind = np.array([kinds.index(tariff.day_kind(day)) for day in days], np.int64)
            cuts.append(self._day_starts)
        for number, pricing in enumerate(self._pricings):
            if isinstance(pricing, Bands):
                calendar = range(clock.calendar_day(earliest) - 1, clock.calendar_day(latest) + 2)
                passes = [clock.passes(day, band.starts) for day in calendar for band in pricing.bands]
                self._band_starts[number] = np.array(passes, np.int64)
                cuts.append(self._band_starts[number])
        if cuts:
            self._cuts = np.unique(np.concatenate(cuts))

    def _parts(self, starts: Ints, ends: Ints) -> list[slice]:
        """Slices of rows with not too many pieces together."""
        pieces = np.searchsorted(self._cuts, ends) - np.searchsorted(self._cuts, starts) + 1
        if self._needs_windows:
            pieces += (ends - starts) // DAY_SECONDS + 1
        total = np.cumsum(pieces)
        parts, begun = [], 0
        while begun < len(starts):
            before = int(total[begun - 1]) if begun else 0
            ended = max(int(np.searchsorted(total, before + PIECES_AT_ONCE, "right")), begun + 1)
            parts.append(slice(begun, ended))
            begun = ended
        return parts

    def _fees(self, entered: Ints, starts: Ints, ends: Ints) -> Ints:
        pieces = self._cut(entered, starts, ends)
        day = window = kind = pricing = None
        if self._needs_days:
            day = np.searchsorted(self._day_starts, pieces.starts, "right") - 1
            kind = self._day_kind[day]
            if self._by_entry_day:
                entry_day = np.searchsorted(self._day_starts, entered, "right") - 1
                kind = self._day_kind[entry_day][pieces.row]
            if len(self._pricings) > 1:
                pricing = self._kind_pricing[kind]
        if self._needs_windows:
            window = (pieces.starts - entered[pieces.row]) // DAY_SECONDS
        price, occurrence = self._price(pieces.starts, pricing)
        begins = pieces.first.copy()
        for changing in (pricing, occurrence):
            if changing is not None:
                begins[1:] |= changing[1:] != changing[:-1]
        for changing, restarts in ((day, self._prices.restarts_daily), (window, self._prices.restarts_24_hourly)):
            if changing is not None and restarts.any():
                begins[1:] |= (changing[1:] != changing[:-1]) & restarts[price[1:]]
        amount = self._amounts(pieces, price, begins)
        day_cap = self._kind_cap[kind] if self.plan.caps_days and kind is not None else None
        window_cap = self.plan.cap_per_24_hours_fen
        if day is not None and day_cap is not None and window is not None and window_cap is not None:
            amount, first = _capped_by_both(pieces, amount, (day, day_cap), (window, window_cap))
        elif day is not None and day_cap is not None:
            amount, first = _capped(pieces, amount, day, day_cap)
        elif window is not None and window_cap is not None:
            amount, first = _capped(pieces, amount, window, np.full(len(amount), window_cap))
        else:
            first = pieces.first
        return _sums(amount, first)

    def _cut(self, entered: Ints, starts: Ints, ends: Ints) -> _Pieces:
        count = len(starts)
        rows = np.arange(count)
        low = np.searchsorted(self._cuts, starts, "right")
        inner = np.searchsorted(self._cuts, ends, "left") - low
        windows = np.zeros(count, np.int64)
        if self._needs_windows:
            first_window = (starts - entered) // DAY_SECONDS + 1
            windows = np.maximum((ends - entered - 1) // DAY_SECONDS - first_window + 1, 0)
        if not inner.any() and not windows.any():
            return _Pieces(rows, starts, ends, np.ones(count, np.bool_))
        keys = [rows << _KEY_BITS | starts]
        if inner.any():
            row, nth = _exploded(inner)
            keys.append(row << _KEY_BITS | self._cuts[low[row] + nth])
        if windows.any():
            row, nth = _exploded(windows)
            keys.append(row << _KEY_BITS | entered[row] + (first_window[row] + nth) * DAY_SECONDS)
        # Where two cuts coincide, the first piece has no length and the price, day and hours of the second.
        key = np.sort(np.concatenate(keys))
        row, piece_starts = key >> _KEY_BITS, key & (1 << _KEY_BITS) - 1
        first = np.concatenate(([True], row[1:] != row[:-1]))
        piece_ends = np.append(piece_starts[1:], 0)
        last = np.append(first[1:], True)
        piece_ends[last] = ends
        return _Pieces(row, piece_starts, piece_ends, first)

    def _price(self, instants: Ints, pricing: Ints | None) -> tuple[Ints, Ints | None]:
        """The row of the price in force at each instant, and which occurrence of its band it is."""
        price = np.zeros(len(instants), np.int64) if pricing is None else self._first_price[pricing]
        if not self._band_starts:
            return price, None
        occurrence = np.full(len(instants), -1)
        for number, starts in self._band_starts.items():
            bands = self._pricings[number]
            assert isinstance(bands, Bands)
            where = slice(None) if pricing is None else np.flatnonzero(pricing == number)
            found = np.searchsorted(starts, instants[where], "right") - 1
            occurrence[where] = found
            price[where] += found % len(bands.bands)
        return price, occurrence

    def _amounts(self, pieces: _Pieces, price: Ints, begins: Flags) -> Ints:
        """What each piece adds to its run, with the caps of bands."""
        prices = self._prices
        heads = np.flatnonzero(begins)
        price = price[heads]
        run_starts = pieces.starts[heads]
        run_ends = pieces.ends[np.append(heads[1:] - 1, len(begins) - 1)]
        first_seconds, first_fen = prices.first_seconds[price], prices.first_fen[price]
        unit_seconds, unit_fen, cap = prices.unit_seconds[price], prices.unit_fen[price], prices.cap_fen[price]
        if self.plan.first_period_once:
            has_first = pieces.first[heads]
            first_seconds, first_fen = first_seconds * has_first, first_fen * has_first
        if prices.once_per_stay.any():
            later = ~pieces.first[heads]
            unit_fen = np.where(_repeated(pieces.row[heads], later, price, prices.once_per_stay), 0, unit_fen)
        units_from = run_starts + first_seconds
        counted_until = run_ends - prices.tolerance_seconds[price]
        if len(heads) == len(begins):
            units = np.maximum(-((units_from - counted_until) // unit_seconds), 0)
            whole: Ints = np.minimum(first_fen + units * unit_fen, cap)
            return whole
        run = np.cumsum(begins) - 1
        used = np.minimum(pieces.ends, counted_until[run]) - units_from[run]
        units = np.maximum(-(-used // unit_seconds[run]), 0)
        upto = np.minimum(first_fen[run] + units * unit_fen[run], cap[run])
        before = np.append(0, upto[:-1])
        before[begins] = 0
        added: Ints = upto - before
        return added


def _exploded(counts: Ints) -> tuple[Ints, Ints]:
    """Each row as often as counted, and the how-manieth it is."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)


def _repeated(row: Ints, later: Flags, price: Ints, once_per_stay: Flags) -> Flags:
    """Where a price that is charged once per stay was charged before; ``later`` are not the first run of their stay."""
    in_several = later | np.append(later[1:], False)
    once = np.flatnonzero(in_several & once_per_stay[price])
    _, first = np.unique(row[once] * len(once_per_stay) + price[once], return_index=True)
    repeated = np.zeros(len(row), np.bool_)
    repeated[once] = True
    repeated[once[first]] = False
    return repeated


def _sums(amount: Ints, first: Flags) -> Ints:
    """Sums of consecutive amounts, a new one from each ``first``."""
    if first.all():
        return amount
    return cast(Ints, np.add.reduceat(amount, np.flatnonzero(first)))


def _capped(pieces: _Pieces, amount: Ints, span: Ints, cap: Ints) -> tuple[Ints, Flags]:
    """Amounts of the spans of each stay, capped, and which is a stay's first."""
    begins = pieces.first.copy()
    begins[1:] |= span[1:] != span[:-1]
    capped: Ints = np.minimum(_sums(amount, begins), cap[begins])
    return capped, pieces.first[begins]


def _capped_by_both(
    pieces: _Pieces, amount: Ints, days: tuple[Ints, Ints], windows: tuple[Ints, int]
) -> tuple[Ints, Flags]:
    """As ``_capped``, where an amount uses up the cap of its day and of its 24 hours as far as it is charged."""
    (day, day_cap), (window, window_cap) = days, windows
    day_begins, window_begins = pieces.first.copy(), pieces.first.copy()
    day_begins[1:] |= day[1:] != day[:-1]
    window_begins[1:] |= window[1:] != window[:-1]
    begins = day_begins | window_begins
    amount, first = _sums(amount, begins), pieces.first[begins]
    day_begins, window_begins, day_cap = day_begins[begins], window_begins[begins], day_cap[begins]
    heads = np.flatnonzero(first)
    stay = np.cumsum(first) - 1
    nth = np.arange(len(first)) - heads[stay]
    order = np.argsort(nth, kind="stable")
    ends = np.cumsum(np.bincount(nth)) if len(nth) else np.empty(0, np.int64)
    day_left, window_left = np.zeros(len(heads), np.int64), np.zeros(len(heads), np.int64)
    # The nth span of all stays that have so many, one n after the other: as many steps as the longest stay has spans.
    for at in np.split(order, ends[:-1]):
        who = stay[at]
        of_day = np.where(day_begins[at], day_cap[at], day_left[who])
        of_window = np.where(window_begins[at], window_cap, window_left[who])
        allowed = np.minimum(np.minimum(amount[at], of_day), of_window)
        amount[at] = allowed
        day_left[who], window_left[who] = of_day - allowed, of_window - allowed
    return amount, first
