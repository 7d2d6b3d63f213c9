"""Long-term groups: several vehicles share some spaces, and the surplus car pays as a temporary one.

Belongs here: which part of which stay is surplus, and its fee. Does not belong here: who belongs to a group.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heappop, heappush

from warehouse.errors import ParkError
from warehouse.tariffs.clock import WallClock, instant_of
from warehouse.tariffs.engine import charge, checked_times
from warehouse.tariffs.model import Charge, Stay, Tariff


@dataclass(frozen=True)
class Surplus:
    """The part of the stay number ``stay`` (of the stays given) without a space of the group; UTC."""

    stay: int
    starts: datetime
    ends: datetime


def surplus(stays: Sequence[Stay], spaces: int, *, takes_over: bool = True) -> list[Surplus]:
    """The parts of the members' stays that are surplus, by stay; at most one part of each.

    First in keeps its space until it leaves; of those that enter in the same second, the earlier in ``stays``. A car
    that enters when all spaces are taken is surplus until it leaves or, with ``takes_over``, until a space becomes free
    and no surplus car that entered before it is still there. A car that leaves in the second in which another enters
    has left. So with ``takes_over`` there are at every moment as many surplus cars as there are cars beyond ``spaces``.

    Raises:
        ParkError: ``bad_spaces``, or a stay that ``engine.charge`` would not take.
    """
    if spaces < 0:
        raise ParkError(
            zh=f"车位数 {spaces} 无效，请填不小于 0 的整数。",
            en=f"{spaces} spaces are not valid; give a whole number that is not negative.",
            code="bad_spaces",
        )
    times = [checked_times(stay) for stay in stays]
    holders: list[int] = []  # a heap of the instants at which spaces become free
    waiting: deque[int] = deque()
    ends = {}

    def free_spaces(until: int | None) -> None:
        while holders and (until is None or holders[0] <= until):
            freed = heappop(holders)
            while takes_over and waiting:
                following = waiting.popleft()
                if times[following][1] > freed:
                    ends[following] = freed
                    heappush(holders, times[following][1])
                    break

    for number in sorted(range(len(times)), key=lambda number: times[number][0]):
        entered, left = times[number]
        free_spaces(entered)
        if left == entered:
            continue
        if len(holders) < spaces:
            heappush(holders, left)
        else:
            ends[number] = left
            waiting.append(number)
    free_spaces(None)
    return [Surplus(number, instant_of(times[number][0]), instant_of(ended)) for number, ended in sorted(ends.items())]


def surplus_charge(tariff: Tariff, stay: Stay, part: Surplus, clock: WallClock) -> Charge:
    """The fee of the surplus part of ``stay``, as of a temporary car that was there for this part only.

    Its free minutes, caps and 24 hours count from the start of the part; coupons and payments of the stay count.

    Raises:
        ParkError: as ``engine.charge``.
    """
    return charge(tariff, replace(stay, entered_at=part.starts, left_at=part.ends), clock)
