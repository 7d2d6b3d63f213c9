"""Region linkage: when a lot is nearly full, its displays and the map point to free neighbours.

Belongs here: which lots are linked, choosing neighbours, telling the displays, and what is shown now. Does not belong
here: the rules as people edit them (``linkage_rules.py``), the way of a command to its lot (``downlink_delivery.py``).

The lots of a region below the node of a rule are linked; the rule of the nearest node holds for a lot, so that nobody
is pointed to lots of strangers unless the platform says so. Only counts that are live make a neighbour. Displays are
told anew when the neighbours or their numbers change, at most once a minute, and at least every five minutes, because
a command says until when it may be shown: a display that hears nothing more goes dark by itself.

Payload of a command of the kind ``guidance``:

    {"action": "show", "full": true, "lots": [{"code", "name", "free_spaces", "distance_metres", "longitude",
     "latitude"}], "until": instant}
    {"action": "clear"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.geography.coordinates import Point
from warehouse.geography.distance import metres_between
from warehouse.ops.models import GuidanceShown, Lot, Node, RegionRule
from warehouse.ops.session import write_session
from warehouse.services.downlink_queue import queue_guidance
from warehouse.services.live import LotFreeSpaces, free_spaces_of
from warehouse.settings import Settings

SUBJECT: Final = "guidance"
SHOWN_FOR: Final = timedelta(minutes=10)
RENEWED_EVERY: Final = timedelta(minutes=5)
CHANGED_AFTER: Final = timedelta(minutes=1)
LEAST_FREE: Final = 5
"""A neighbour with fewer spaces may be full when the driver comes."""
RELIEF_PERCENT: Final = 2
"""Guidance ends when the lot has this much more room than the threshold, so that displays do not flicker."""


@dataclass(frozen=True)
class Neighbour:
    """A free lot that a full one points to."""

    lot_id: int
    code: str
    name: str
    free_spaces: int
    distance_metres: int
    longitude: float
    latitude: float


@dataclass(frozen=True)
class LinkageSummary:
    """What one round did: lots told something new, told the same again, and told to end."""

    linked: int
    shown: int
    renewed: int
    ended: int


@dataclass(frozen=True)
class _Place:
    lot_id: int
    code: str
    name: str
    point: Point | None
    rule: RegionRule


def link(settings: Settings, now: datetime) -> LinkageSummary:
    """Look at every linked lot once, and tell the displays what changed."""
    with write_session(settings) as session:
        places = _linked(session)
        free = free_spaces_of(session, [place.lot_id for place in places], now) if places else {}
        showing = {
            row.lot_id: row for row in session.scalars(select(GuidanceShown).where(GuidanceShown.ended_at.is_(None)))
        }
        by_rule: dict[int, list[_Place]] = {}
        for place in places:
            by_rule.setdefault(place.rule.rule_id, []).append(place)
        counts = {"shown": 0, "renewed": 0, "ended": 0, "": 0}
        for place in places:
            shown = showing.pop(place.lot_id, None)
            counts[_tell(session, place, by_rule[place.rule.rule_id], free, shown, now)] += 1
        for shown in showing.values():  # their rule was taken away
            _end(session, shown, now)
            counts["ended"] += 1
        return LinkageSummary(len(places), counts["shown"], counts["renewed"], counts["ended"])


def guidance_now(session: Session) -> dict[int, tuple[Neighbour, ...]]:
    """What displays point to at this moment, by lot; lots that point nowhere are left out."""
    found = session.scalars(
        select(GuidanceShown).where(GuidanceShown.ended_at.is_(None)).order_by(GuidanceShown.lot_id)
    )
    return {row.lot_id: neighbours_of(row) for row in found}


def neighbours_of(row: GuidanceShown) -> tuple[Neighbour, ...]:
    """The neighbours of a row as they were told."""
    return tuple(Neighbour(**one) for one in row.neighbours)


def rank(distance_metres: float, free_spaces: int) -> float:
    """The order of neighbours: by distance, and a lot with few spaces as if it were farther away."""
    return distance_metres * (1 + 10 / max(free_spaces, 1))


def _linked(session: Session) -> list[_Place]:
    """Lots in use with the rule that holds for each, by id."""
    rules: dict[tuple[int, str | None], RegionRule] = {
        (rule.node_id, rule.region): rule for rule in session.scalars(select(RegionRule))
    }
    if not rules:
        return []
    parents: Mapping[int, int | None] = dict(session.execute(select(Node.node_id, Node.parent_id)).tuples().all())
    rows = session.execute(
        select(Lot.lot_id, Lot.code, Lot.name, Lot.region, Lot.customer_id, Lot.longitude, Lot.latitude)
        .where(~Lot.is_void, ~Lot.is_test, Lot.deleted_at.is_(None), Lot.region.in_({region for _, region in rules}))
        .order_by(Lot.lot_id)
    )
    places = []
    for lot_id, code, name, region, customer_id, longitude, latitude in rows:
        node: int | None = customer_id
        while node is not None and (node, region) not in rules:
            node = parents.get(node)
        if node is not None and rules[node, region].is_active:
            point = None if longitude is None or latitude is None else Point(longitude, latitude)
            places.append(_Place(lot_id, code, name, point, rules[node, region]))
    return places


def _tell(
    session: Session,
    place: _Place,
    linked: Sequence[_Place],
    free: Mapping[int, LotFreeSpaces],
    shown: GuidanceShown | None,
    now: datetime,
) -> str:
    """Bring what a lot's displays show up to date; returns what was done."""
    own = free.get(place.lot_id)
    neighbours: list[Neighbour] = []
    if own is not None and _is_nearly_full(own, place.rule, is_shown=shown is not None):
        neighbours = _choose(place, linked, free)
    if own is None or own.free_spaces is None or own.total_spaces is None or not neighbours:
        if shown is None:
            return ""
        _end(session, shown, now)
        return "ended"
    told = [asdict(one) for one in neighbours]
    if shown is not None:
        is_same = shown.neighbours == told
        if now - shown.renewed_at < (RENEWED_EVERY if is_same else CHANGED_AFTER):
            return ""
        if is_same:
            shown.renewed_at = now
            shown.command_id = _queue(session, place.lot_id, told, now)
            return "renewed"
        shown.ended_at = now
    row = GuidanceShown(
        lot_id=place.lot_id,
        region=place.rule.region,
        shown_at=now,
        renewed_at=now,
        free_spaces=own.free_spaces,
        total_spaces=own.total_spaces,
        neighbours=told,
        command_id=_queue(session, place.lot_id, told, now),
    )
    session.add(row)
    session.flush()
    return "shown"


def _is_nearly_full(own: LotFreeSpaces, rule: RegionRule, *, is_shown: bool) -> bool:
    if own.free_spaces is None or not own.total_spaces:
        return False
    room = 100 - rule.threshold_percent + (RELIEF_PERCENT if is_shown else 0)
    return 100 * own.free_spaces <= room * own.total_spaces


def _choose(place: _Place, linked: Sequence[_Place], free: Mapping[int, LotFreeSpaces]) -> list[Neighbour]:
    """The best free neighbours within the radius, best first; only counts that are live make one."""
    if place.point is None:
        return []
    found: list[tuple[float, Neighbour]] = []
    for other in linked:
        spaces = free.get(other.lot_id)
        if other.lot_id == place.lot_id or other.point is None or spaces is None:
            continue
        if spaces.state != "live" or spaces.free_spaces is None or spaces.free_spaces < LEAST_FREE:
            continue
        if _is_nearly_full(spaces, other.rule, is_shown=False):
            continue
        metres = metres_between(place.point, other.point)
        if metres <= place.rule.radius_metres:
            found.append(
                (
                    rank(metres, spaces.free_spaces),
                    Neighbour(
                        other.lot_id, other.code, other.name, spaces.free_spaces, round(metres),
                        other.point.longitude, other.point.latitude,
                    ),
                )
            )  # fmt: skip
    found.sort(key=lambda pair: (pair[0], pair[1].lot_id))
    return [neighbour for _rank, neighbour in found[: place.rule.neighbours]]


def _queue(session: Session, lot_id: int, told: Sequence[Mapping[str, Any]], now: datetime) -> int:
    lots = [{key: value for key, value in one.items() if key != "lot_id"} for one in told]
    payload = {"action": "show", "full": True, "lots": lots, "until": (now + SHOWN_FOR).isoformat()}
    return queue_guidance(session, lot_id, SUBJECT, payload, now, valid_for=SHOWN_FOR)


def _end(session: Session, shown: GuidanceShown, now: datetime) -> None:
    shown.ended_at = now
    queue_guidance(session, shown.lot_id, SUBJECT, {"action": "clear"}, now, valid_for=SHOWN_FOR)
