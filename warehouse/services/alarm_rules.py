"""The rules that raise alarms, as people set them for a place of the tree.

Belongs here: showing what holds at a place and where that was set, setting it, taking it back. Does not belong here:
what the rules mean (``warehouse.alarms.kinds``) and evaluating them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.alarms.kinds import KINDS, LEVELS, RuleKind, Rules, Setting
from warehouse.errors import ParkError
from warehouse.ops.models import AlarmRule, Lot, Node
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.places import Place, read_place
from warehouse.services.rows import put
from warehouse.services.work import Work, picture, reading, working
from warehouse.settings import Settings

ENTITY: Final = "alarm_rule"
_SET: Final = ("is_enabled", "threshold", "level")


@dataclass(frozen=True)
class RuleForm:
    """What is set of a rule."""

    is_enabled: bool
    threshold: int | str | None
    level: str


@dataclass(frozen=True)
class RuleRow:
    """A rule at a place; ``origin``: here, above or usual; ``version`` is that of the row here, None without one."""

    kind: str
    unit: str
    least: int
    most: int
    is_enabled: bool
    threshold: int
    level: str
    origin: str
    origin_name: str | None
    version: int | None


def list_rules(settings: Settings, actor: Actor, place: str) -> list[RuleRow]:
    """Every kind of rule as it holds at a place; those of the platform itself at the platform only.

    Raises:
        Forbidden: without ``alarms.view``, or the place is not the actor's.
    """
    with reading(settings, actor, "alarms.view") as session:
        where = read_place(session, actor, place)
        rules = Rules.read(session)
        return [_row(session, rules, where, kind) for kind in KINDS.values() if _fits(kind, where)]


def _fits(kind: RuleKind, where: Place) -> bool:
    return where.level == "platform" or not kind.is_platform


def _row(session: Session, rules: Rules, where: Place, kind: RuleKind) -> RuleRow:
    if where.lot_id is not None:
        setting = rules.of_lot(kind.code, where.lot_id, where.above)
    else:
        setting = rules.of_node(kind.code, where.above)
    own = _own(session, where, kind.code)
    return RuleRow(
        kind=kind.code,
        unit=kind.unit,
        least=kind.least,
        most=kind.most,
        is_enabled=setting.is_enabled,
        threshold=setting.threshold,
        level=setting.level,
        origin="here" if own is not None else "usual" if setting.node_id is None else "above",
        origin_name=_name(session, setting),
        version=None if own is None else own.version,
    )


def _name(session: Session, setting: Setting) -> str | None:
    if setting.lot_id is not None:
        return session.scalar(select(Lot.name).where(Lot.lot_id == setting.lot_id))
    return session.scalar(select(Node.name).where(Node.node_id == setting.node_id))


def _own(session: Session, where: Place, kind: str) -> AlarmRule | None:
    here = AlarmRule.lot_id == where.lot_id if where.lot_id is not None else AlarmRule.node_id == where.node_id
    return session.scalar(select(AlarmRule).where(here, AlarmRule.kind == kind))


def save_rule(
    settings: Settings, actor: Actor, place: str, kind: str, form: RuleForm, expected_version: int | None = None
) -> None:
    """Set a rule at a place, for all lots below it that have no nearer setting.

    Raises:
        Forbidden: without ``alarms.edit``, or the place is not the actor's.
        InvalidFields: by field.
        ParkError: ``conflict``; ``unknown_rule``.
    """
    with working(settings, actor, "alarms.edit") as work:
        where = read_place(work.session, actor, place)
        found = _kind(kind, where)
        fields = Fields()
        values = {
            "is_enabled": bool(form.is_enabled),
            "threshold": fields.whole("threshold", form.threshold, least=found.least, most=found.most),
            "level": fields.choice("level", form.level, LEVELS),
        }
        fields.done()
        row = _own(work.session, where, kind)
        _expect(work, row, where, kind, expected_version)
        before = None if row is None else picture(row, _SET)
        if row is None:
            row = AlarmRule(kind=kind, node_id=where.node_id, lot_id=where.lot_id, **values)
            work.session.add(row)
        elif before == values:
            return
        put(row, values)
        _record(work, where, kind, before, values)


def reset_rule(settings: Settings, actor: Actor, place: str, kind: str, expected_version: int | None = None) -> None:
    """Take back what is set at a place: what is set above, or is usual, holds again.

    Raises:
        Forbidden: without ``alarms.edit``, or the place is not the actor's.
        ParkError: ``conflict``; ``unknown_rule``.
    """
    with working(settings, actor, "alarms.edit") as work:
        where = read_place(work.session, actor, place)
        _kind(kind, where)
        row = _own(work.session, where, kind)
        if row is None:
            return
        _expect(work, row, where, kind, expected_version)
        before = picture(row, _SET)
        work.session.delete(row)
        _record(work, where, kind, before, None)


def _kind(kind: str, where: Place) -> RuleKind:
    found = KINDS.get(kind)
    if found is None or not _fits(found, where):
        raise ParkError(
            zh=f"“{where.name}”没有规则 {kind}：请从列表中选择",
            en=f"“{where.name}” has no rule {kind}: choose from the list",
            code="unknown_rule",
        )
    return found


def _expect(work: Work, row: AlarmRule | None, where: Place, kind: str, expected_version: int | None) -> None:
    if row is not None and expected_version is not None:
        work.expect(row, expected_version, ENTITY, f"{where.code}:{kind}")


def _record(
    work: Work, where: Place, kind: str, before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> None:
    work.record(
        ENTITY,
        f"{where.code}:{kind}",
        f"{where.name} {kind}",
        before,
        after,
        lot_id=where.lot_id,
        node_id=where.node_id,
    )
