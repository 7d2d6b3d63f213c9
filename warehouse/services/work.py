"""The form that every use case has: permission, scope, change, operator log and downlink in one transaction.

Belongs here: what all use cases share. Does not belong here: any single one. A use case reads

    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id, expected_version)
        … checks, changes …
        work.record("lot", lot.lot_id, lot.name, before, after, lot_id=lot.lot_id)

A refusal rolls back and is itself written to the operator log. A change that writes without recording is an error of
the program and is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Select, event, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuditEntry, Base, DownlinkCommand, Lot, Node, OutboxRecord
from warehouse.ops.models.base import Versioned
from warehouse.ops.session import ops_session, write_session
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.services.downlink_queue import queue_command, seal
from warehouse.settings import Settings

Entity = TypeVar("Entity", bound=Base)


def value_of(value: Any) -> Any:
    """A field's value as the operator log keeps it: exact and readable."""
    if isinstance(value, Decimal | date):
        return str(value)
    return value


def picture(row: Base, names: Iterable[str]) -> dict[str, Any]:
    """The named fields of a row as JSON values; never pass the name of a secret."""
    return {name: value_of(getattr(row, name)) for name in names}


@dataclass
class Work:
    """One use case under way."""

    settings: Settings
    session: Session
    actor: Actor
    permission: str
    now: datetime
    _recorded: int = field(default=0, repr=False)

    def lot(self, lot_id: int, expected_version: int | None = None) -> Lot:
        """A lot in the actor's scope, locked until the transaction ends.

        Raises:
            Forbidden: there is no such lot for this actor; existence is not told.
            ParkError: ``conflict`` when somebody changed it since ``expected_version``.
        """
        lot = visible_lot(self.session, self.actor, lot_id, lock=True)
        if expected_version is not None:
            self.expect(lot, expected_version, "lot", lot_id)
        return lot

    def node(self, node_id: int, expected_version: int | None = None) -> Node:
        """A node at or below the actor's; errors as for ``lot``."""
        node = visible_node(self.session, self.actor, node_id, lock=True)
        if expected_version is not None:
            self.expect(node, expected_version, node.level, node_id)
        return node

    def expect(self, row: Versioned, expected_version: int, entity: str, entity_id: object) -> None:
        """Refuse to overwrite what somebody else changed since the form was opened; tells who and when.

        Raises:
            ParkError: ``conflict``.
        """
        if row.version == expected_version:
            return
        last = self.session.scalar(
            select(AuditEntry)
            .where(AuditEntry.entity == entity, AuditEntry.entity_id == str(entity_id))
            .order_by(AuditEntry.entry_id.desc())
            .limit(1)
        )
        who = f"{last.login}（{last.at:%Y-%m-%d %H:%M} UTC）" if last else "他人"
        who_en = f"{last.login} at {last.at:%Y-%m-%d %H:%M} UTC" if last else "somebody"
        raise ParkError(
            zh=f"打开表单后，{who}已修改此项；您的修改没有保存。请重新打开，核对后再改",
            en=f"{who_en} changed this after you opened the form; yours was not saved. Open it again and look",
            code="conflict",
        )

    def record(
        self,
        entity: str,
        entity_id: object,
        name: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        *,
        lot_id: int | None = None,
        node_id: int | None = None,
        action: str | None = None,
    ) -> bool:
        """Write the operator log; of two pictures of the same row only the fields that differ, nothing when none does.

        ``before`` None means created, ``after`` None means deleted. Returns whether there was anything to write.
        """
        if before is not None and after is not None:
            changed = [key for key in after if before.get(key) != after[key]]
            if not changed:
                return False
            before, after = ({key: side.get(key) for key in changed} for side in (before, after))
        self.session.flush()
        audit.append(
            self.session,
            self.actor,
            action or self.permission,
            entity=entity,
            entity_id=entity_id,
            entity_name=name,
            node_id=node_id,
            lot_id=lot_id,
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
            now=self.now,
        )
        self._recorded += 1
        return True

    def command(
        self,
        lot_id: int,
        kind: str,
        subject: str,
        payload: Mapping[str, Any],
        *,
        valid_for: timedelta | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> DownlinkCommand:
        """Queue a command for a lot; commands of one ``subject`` are applied in order.

        The payload holds no secrets: they go into ``secrets``, which lies encrypted until the command is delivered and
        is then added to the payload.
        """
        return queue_command(
            self.session,
            lot_id,
            kind,
            subject,
            payload,
            self.now,
            operator_id=self.actor.operator_id,
            operator_name=self.actor.name,
            valid_for=valid_for,
            sealed=seal(self.settings, secrets) if secrets else None,
        )

    def upload(self, lot_id: int, record: Mapping[str, Any]) -> None:
        """Put a record of the contract on its way to the reports, as if the lot had uploaded it."""
        self.session.add(OutboxRecord(lot_id=lot_id, record=dict(record), created_at=self.now))


def locked(query: Select[Entity]) -> Select[Entity]:
    """The query with its rows locked until the transaction ends, and read anew even if the session knows them."""
    return query.with_for_update().execution_options(populate_existing=True)


def visible_lot(session: Session, actor: Actor, lot_id: int, *, lock: bool = False) -> Lot:
    """A lot in the actor's scope that is not deleted; Forbidden otherwise."""
    lot = None
    if actor.scope.allows(lot_id):
        query = select(Lot).where(Lot.lot_id == lot_id, Lot.deleted_at.is_(None))
        lot = session.scalar(locked(query) if lock else query)
    if lot is None:
        raise Forbidden(
            zh=f"停车场 {lot_id} 不存在，或您无权查看：请从列表中选择",
            en=f"lot {lot_id} does not exist, or you may not see it: choose from the list",
        )
    return lot


def visible_node(session: Session, actor: Actor, node_id: int, *, lock: bool = False) -> Node:
    """A node at or below the actor's that is not deleted; Forbidden otherwise."""
    node = None
    if actor.sees_node(node_id):
        query = select(Node).where(Node.node_id == node_id, Node.deleted_at.is_(None))
        node = session.scalar(locked(query) if lock else query)
    if node is None:
        raise Forbidden(
            zh=f"机构 {node_id} 不存在，或您无权查看：请从列表中选择",
            en=f"node {node_id} does not exist, or you may not see it: choose from the list",
        )
    return node


@contextmanager
def working(settings: Settings, actor: Actor, permission: str, *, now: datetime | None = None) -> Iterator[Work]:
    """A use case that changes something.

    Raises:
        Forbidden: the actor lacks the permission, or reached outside of the scope; written to the operator log.
        ParkError: ``conflict`` when a row was changed meanwhile.
    """
    moment = now or datetime.now(UTC)
    try:
        actor.require(permission)
        with write_session(settings) as session:
            wrote: list[bool] = []
            event.listen(session, "after_flush", lambda *_: wrote.append(True))
            work = Work(settings, session, actor, permission, moment)
            yield work
            session.flush()
            if wrote and not work._recorded:
                raise RuntimeError(f"{permission} changed something without recording it")
    except Forbidden as error:
        audit.note_refusal(settings, actor, permission, error)
        raise
    except StaleDataError as error:
        raise ParkError(
            zh="此项刚被他人修改，您的修改没有保存：请重新打开后再改",
            en="somebody changed this at the same moment, yours was not saved: open it again",
            code="conflict",
        ) from error


@contextmanager
def reading(settings: Settings, actor: Actor, permission: str) -> Iterator[Session]:
    """A use case that only reads; refusals as for ``working``."""
    try:
        actor.require(permission)
        with ops_session(settings) as session:
            yield session
    except Forbidden as error:
        audit.note_refusal(settings, actor, permission, error)
        raise
