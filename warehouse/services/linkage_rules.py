"""The rules of region linkage as people see and edit them, and the history of what was shown.

Belongs here: listing, saving and removing rules, the history. Does not belong here: what follows from them
(``linkage.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select

from warehouse.errors import Forbidden
from warehouse.ops.models import GuidanceShown, Lot, Node, RegionRule
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.linkage import Neighbour, neighbours_of
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.work import Work, picture, reading, visible_node, working
from warehouse.settings import Settings

VIEW: Final = "region_linkage.view"
EDIT: Final = "region_linkage.edit"
ENTITY: Final = "region_rule"
LARGEST_RADIUS: Final = 20_000
_FIELDS: Final = ("region", "node_id", "is_active", "threshold_percent", "radius_metres", "neighbours")


@dataclass(frozen=True)
class RuleForm:
    """What a person sets."""

    node_id: int | None
    region: str
    is_active: bool = True
    threshold_percent: int | None = 95
    radius_metres: int | None = 1500
    neighbours: int | None = 3


@dataclass(frozen=True)
class RuleView:
    """A rule as listed; ``lots`` are those of the region below its node."""

    rule_id: int
    node_id: int
    node_name: str
    region: str
    is_active: bool
    threshold_percent: int
    radius_metres: int
    neighbours: int
    lots: int
    version: int


@dataclass(frozen=True)
class ShownView:
    """What the displays of a lot were told, from when until when (None: now)."""

    shown_id: int
    lot_code: str
    lot_name: str
    region: str
    shown_at: datetime
    ended_at: datetime | None
    free_spaces: int
    total_spaces: int
    neighbours: tuple[Neighbour, ...]
    command_id: int | None


def regions(settings: Settings, actor: Actor) -> tuple[str, ...]:
    """The regions of the lots in the actor's scope, in order."""
    with reading(settings, actor, VIEW) as session:
        query = select(Lot.region).where(Lot.region.is_not(None), Lot.deleted_at.is_(None)).distinct()
        if not isinstance(actor.scope.lot_ids, str):
            query = query.where(Lot.lot_id.in_(actor.scope.lot_ids))
        return tuple(sorted(region for region in session.scalars(query) if region))


def list_rules(settings: Settings, actor: Actor) -> list[RuleView]:
    """The rules of the actor's nodes, by region."""
    with reading(settings, actor, VIEW) as session:
        query = select(RegionRule, Node.name).join(Node, Node.node_id == RegionRule.node_id)
        if not isinstance(actor.node_ids, str):
            query = query.where(RegionRule.node_id.in_(actor.node_ids))
        found = session.execute(query.order_by(RegionRule.region, RegionRule.rule_id)).all()
        parents = dict(session.execute(select(Node.node_id, Node.parent_id)).tuples().all())
        lots = session.execute(
            select(Lot.region, Lot.customer_id, func.count())
            .where(Lot.deleted_at.is_(None), ~Lot.is_void, ~Lot.is_test)
            .group_by(Lot.region, Lot.customer_id)
        ).all()

        def below(node: int | None, top: int) -> bool:
            while node is not None and node != top:
                node = parents.get(node)
            return node == top

        return [
            RuleView(
                rule_id=rule.rule_id,
                node_id=rule.node_id,
                node_name=name,
                region=rule.region,
                is_active=rule.is_active,
                threshold_percent=rule.threshold_percent,
                radius_metres=rule.radius_metres,
                neighbours=rule.neighbours,
                lots=sum(
                    number
                    for region, customer, number in lots
                    if region == rule.region and below(customer, rule.node_id)
                ),
                version=rule.version,
            )
            for rule, name in found
        ]


def save_rule(
    settings: Settings, actor: Actor, form: RuleForm, *, rule_id: int | None = None, version: int | None = None
) -> int:
    """Make a rule, or change one; returns its id.

    Raises:
        Forbidden: the node is not the actor's.
        InvalidFields: a value does not fit, or the node has a rule for this region.
        ParkError: ``conflict``.
    """
    fields = Fields()
    region = fields.text("region", form.region, required=True)
    threshold = fields.whole("threshold_percent", form.threshold_percent, least=50, most=100)
    radius = fields.whole("radius_metres", form.radius_metres, least=50, most=LARGEST_RADIUS)
    neighbours = fields.whole("neighbours", form.neighbours, least=1, most=10)
    if form.node_id is None:
        fields.wrong("node_id", "必填", "is required")
    fields.done()
    assert region is not None
    assert threshold is not None
    assert radius is not None
    assert neighbours is not None
    assert form.node_id is not None
    with working(settings, actor, EDIT) as work:
        node = work.node(form.node_id)
        other = work.session.scalar(
            select(RegionRule.rule_id).where(RegionRule.node_id == node.node_id, RegionRule.region == region)
        )
        if other is not None and other != rule_id:
            fields.wrong(
                "region",
                f"“{node.name}”在“{region}”已有规则，请修改那一条",
                f"“{node.name}” has a rule for “{region}” already: change that one",
            )
            fields.done()
        rule = RegionRule() if rule_id is None else _rule(work, rule_id)
        before = None
        if rule_id is not None:
            before = picture(rule, _FIELDS)
            if version is not None:
                work.expect(rule, version, ENTITY, rule_id)
        rule.node_id, rule.region, rule.is_active = node.node_id, region, form.is_active
        rule.threshold_percent, rule.radius_metres, rule.neighbours = threshold, radius, neighbours
        work.session.add(rule)
        work.session.flush()
        work.record(ENTITY, rule.rule_id, region, before, picture(rule, _FIELDS), node_id=node.node_id)
        return rule.rule_id


def remove_rule(settings: Settings, actor: Actor, rule_id: int, version: int) -> None:
    """Remove a rule; what its lots show ends at the next round.

    Raises:
        Forbidden: there is no such rule for this actor.
        ParkError: ``conflict``.
    """
    with working(settings, actor, EDIT) as work:
        rule = _rule(work, rule_id)
        work.expect(rule, version, ENTITY, rule_id)
        before, region, node_id = picture(rule, _FIELDS), rule.region, rule.node_id
        work.session.delete(rule)
        work.record(ENTITY, rule_id, region, before, None, node_id=node_id)


def list_shown(settings: Settings, actor: Actor, asked: ListQuery, *, only_now: bool = False) -> Found[ShownView]:
    """What was shown when in the lots of the actor's scope, newest first."""
    with reading(settings, actor, VIEW) as session:
        query: Select[Any] = select(GuidanceShown, Lot.code, Lot.name).join(  # type: ignore[assignment]
            Lot, Lot.lot_id == GuidanceShown.lot_id
        )
        if not isinstance(actor.scope.lot_ids, str):
            query = query.where(GuidanceShown.lot_id.in_(actor.scope.lot_ids))
        if only_now:
            query = query.where(GuidanceShown.ended_at.is_(None))
        sorts = {"shown_at": GuidanceShown.shown_at, "shown_id": GuidanceShown.shown_id}
        rows, total = one_page(session, query, asked, sorts, "-shown_at")
        return Found(
            [
                ShownView(
                    shown_id=row.shown_id,
                    lot_code=code,
                    lot_name=name,
                    region=row.region,
                    shown_at=row.shown_at,
                    ended_at=row.ended_at,
                    free_spaces=row.free_spaces,
                    total_spaces=row.total_spaces,
                    neighbours=neighbours_of(row),
                    command_id=row.command_id,
                )
                for row, code, name in rows
            ],
            total,
        )


def _rule(work: Work, rule_id: int) -> RegionRule:
    rule = work.session.get(RegionRule, rule_id)
    if rule is None or not work.actor.sees_node(rule.node_id):
        raise Forbidden(
            zh=f"联动规则 {rule_id} 不存在，或您无权查看：请从列表中选择",
            en=f"linkage rule {rule_id} does not exist, or you may not see it: choose from the list",
        )
    visible_node(work.session, work.actor, rule.node_id)
    return rule
