"""The kinds of rules that the platform watches, their usual settings, and which setting holds for a lot.

Belongs here: what a rule is. Does not belong here: finding what breaks one (``conditions.py``), editing rules
(``warehouse.services.alarm_rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.ops.models import AlarmRule, Node

LEVELS: Final = ("info", "warning", "critical")
LEVEL_RANK: Final = {level: rank for rank, level in enumerate(LEVELS)}


@dataclass(frozen=True)
class RuleKind:
    """A kind of rule: what its threshold counts, its bounds, and how it is set where nobody set it."""

    code: str
    unit: str
    threshold: int
    least: int
    most: int
    level: str
    is_platform: bool = False


DEVICE_OFFLINE: Final = "device_offline"
LOT_SILENT: Final = "lot_silent"
THIN_HOUR: Final = "thin_hour"
BACKLOG_GROWING: Final = "backlog_growing"
FREE_COUNT_IMPOSSIBLE: Final = "free_count_impossible"
ABNORMAL_OPENING: Final = "abnormal_opening"
CLOCK_DRIFT: Final = "clock_drift"
COMPLETENESS_LOW: Final = "completeness_low"
LICENCE_ENDING: Final = "licence_ending"
ABOUT_TO_FILL: Final = "about_to_fill"
LANDER_STOPPED: Final = "lander_stopped"
ALL_SILENT: Final = "all_silent"

KINDS: Final[Mapping[str, RuleKind]] = {
    kind.code: kind
    for kind in (
        RuleKind(LOT_SILENT, "minutes", 10, 1, 1440, "critical"),
        RuleKind(DEVICE_OFFLINE, "minutes", 10, 1, 1440, "warning"),
        RuleKind(THIN_HOUR, "percent", 30, 1, 100, "warning"),
        RuleKind(COMPLETENESS_LOW, "percent", 80, 1, 100, "warning"),
        RuleKind(BACKLOG_GROWING, "minutes", 30, 1, 1440, "warning"),
        RuleKind(FREE_COUNT_IMPOSSIBLE, "spaces", 0, 0, 10_000, "warning"),
        RuleKind(ABNORMAL_OPENING, "openings", 10, 1, 10_000, "warning"),
        RuleKind(CLOCK_DRIFT, "seconds", 120, 1, 86_400, "warning"),
        RuleKind(ABOUT_TO_FILL, "percent", 95, 95, 100, "info"),
        RuleKind(LICENCE_ENDING, "days", 30, 1, 366, "info"),
        RuleKind(LANDER_STOPPED, "minutes", 5, 1, 1440, "critical", is_platform=True),
        RuleKind(ALL_SILENT, "lots", 3, 2, 10_000, "critical", is_platform=True),
    )
}


@dataclass(frozen=True)
class Setting:
    """How a rule is set; ``node_id`` or ``lot_id`` say where, neither means as usual."""

    is_enabled: bool
    threshold: int
    level: str
    node_id: int | None = None
    lot_id: int | None = None


def usual(kind: str) -> Setting:
    """The setting where nobody set anything."""
    found = KINDS[kind]
    return Setting(True, found.threshold, found.level)


class Rules:
    """Every rule of the instance, and the one that holds for a lot: the nearest above it."""

    def __init__(self, parents: Mapping[int, int | None], rows: list[AlarmRule]) -> None:
        """Rows of ``alarm_rule`` and the tree: node to the node above it."""
        self._parents = parents
        self._of_node: dict[tuple[str, int], Setting] = {}
        self._of_lot: dict[tuple[str, int], Setting] = {}
        for row in rows:
            setting = Setting(row.is_enabled, row.threshold, row.level, row.node_id, row.lot_id)
            if row.lot_id is not None:
                self._of_lot[(row.kind, row.lot_id)] = setting
            elif row.node_id is not None:
                self._of_node[(row.kind, row.node_id)] = setting
        self._known: dict[tuple[str, int], Setting] = {}

    @classmethod
    def read(cls, session: Session) -> Rules:
        """The rules in force."""
        parents = dict(session.execute(select(Node.node_id, Node.parent_id)).tuples().all())
        return cls(parents, list(session.scalars(select(AlarmRule))))

    def above(self, node_id: int) -> list[int]:
        """The node and those above it, from below."""
        found: list[int] = []
        step: int | None = node_id
        while step is not None and step not in found:
            found.append(step)
            step = self._parents.get(step)
        return found

    def of_node(self, kind: str, node_id: int) -> Setting:
        """What holds at a node."""
        known = self._known.get((kind, node_id))
        if known is None:
            set_here = (self._of_node.get((kind, place)) for place in self.above(node_id))
            known = next((setting for setting in set_here if setting is not None), usual(kind))
            self._known[(kind, node_id)] = known
        return known

    def of_lot(self, kind: str, lot_id: int, customer_id: int) -> Setting:
        """What holds for a lot of a customer."""
        if self._of_lot:
            own = self._of_lot.get((kind, lot_id))
            if own is not None:
                return own
        return self.of_node(kind, customer_id)

    def of_platform(self, kind: str) -> Setting:
        """What holds for the platform itself."""
        root = next((node_id for node_id, parent in self._parents.items() if parent is None), None)
        return usual(kind) if root is None else self.of_node(kind, root)
