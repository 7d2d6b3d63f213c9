"""What describes a simulated lot: its place in the tree, gates, devices, tariff, traffic and habits.

Belongs here: the types. Does not belong here: the demonstration's lots (``demo_lots.py``) or anything random.
Amounts are fen, integers; hours are local hours of the day.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from warehouse.services.lots import AreaDefinition, LotDefinition


@dataclass(frozen=True)
class Tariff:
    """Free minutes, a first period, then units, with a cap per 24 hours counted from the entry."""

    free_minutes: int
    first_minutes: int
    first_fen: int
    unit_minutes: int
    unit_fen: int
    cap_fen: int


@dataclass(frozen=True)
class Gate:
    """A gate with one lane: one controller and one camera; ``weight`` is its share of the traffic."""

    gate_id: str
    name: str
    direction: str  # entry | exit
    area_name: str
    weight: float = 1.0
    booth: str | None = None  # exits: where cash is taken; None: unattended
    inner_area_id: str | None = None

    @property
    def controller_id(self) -> str:
        """Device id of the lane controller."""
        return f"ctl-{self.gate_id}"

    @property
    def camera_id(self) -> str:
        """Device id of the camera."""
        return f"cam-{self.gate_id}"


@dataclass(frozen=True)
class StayPart:
    """A share of visitors whose stay is log-normal around ``median_minutes``."""

    share: float
    median_minutes: float
    sigma: float


@dataclass(frozen=True)
class Visitors:
    """Temporary cars: how many on Monday … Sunday, at which hours, for how long."""

    per_day: tuple[float, ...]
    workday_hours: tuple[float, ...]  # 24 weights
    weekend_hours: tuple[float, ...]
    stays: tuple[StayPart, ...]


@dataclass(frozen=True)
class Members:
    """Long-term parkers: a fixed pool, each with at most one stay a day.

    ``arrive`` and ``stay`` are (mean hour, spread) and (mean hours, spread); ``overnight`` members are at home at
    night, so that their stay ends before the next one can begin.
    """

    count: int
    workday_share: float
    weekend_share: float
    arrive: tuple[float, float]
    stay: tuple[float, float]
    monthly_fen: int
    overnight: bool = False


@dataclass(frozen=True)
class Habits:
    """Shares of what is not ordinary; 0 … 1, of stays unless said otherwise."""

    coupon: float = 0.0  # of charges
    prepaid: float = 0.3  # of charges
    waived: float = 0.008
    escaped: float = 0.004
    no_plate: float = 0.006
    misread: float = 0.006
    manual_release: float = 0.008
    lost_record: float = 0.001
    invoice: float = 0.03  # of charges
    refund: float = 0.002  # of charges
    outages_per_day: float = 0.1
    faults_per_day: float = 0.6
    snapshots: bool = False
    clock_drift_seconds: float = 0.0
    weak_device: str | None = None  # gate whose camera fails again and again
    resets_clock: bool = False  # sends a record dated 1970 now and then


@dataclass(frozen=True)
class LotModel:
    """One simulated lot."""

    definition: LotDefinition
    home_plates: tuple[str, ...]  # plate prefixes seen here, most frequent first: 沪A, 浙A, …
    gates: tuple[Gate, ...]
    tariff: Tariff
    visitors: Visitors
    members: Members
    method_shares: dict[str, float] = field(hash=False)
    habits: Habits = field(default_factory=Habits)
    pay_stations: int = 1
    displays: int = 1

    @property
    def code(self) -> str:
        """The lot's code."""
        return self.definition.code

    @property
    def key(self) -> int:
        """A number of the lot that never changes, part of its random seeds."""
        return zlib.crc32(self.code.encode())

    @property
    def zone(self) -> ZoneInfo:
        """The lot's time zone."""
        return ZoneInfo(self.definition.time_zone)

    @property
    def capacity(self) -> int:
        """Spaces of the whole lot."""
        return self.definition.capacity or 0

    @property
    def inner_area(self) -> AreaDefinition | None:
        """The nested area with gates of its own, if any."""
        return next((area for area in self.definition.areas if area.is_inner), None)

    def gates_of(self, direction: str, *, inner: bool = False) -> tuple[Gate, ...]:
        """Outer or inner gates of one direction."""
        return tuple(
            gate for gate in self.gates if gate.direction == direction and (gate.inner_area_id is not None) == inner
        )
