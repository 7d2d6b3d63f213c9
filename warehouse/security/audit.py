"""The operator log: appending to the chain and proving that it is whole.

Belongs here: how an entry is hashed, appended and verified. Does not belong here: what is worth an entry
(``warehouse.services``, ``dashboards``).

An entry's hash is SHA-256 over the hash of the entry before it and the entry's own fields as canonical JSON. Changing,
removing or inserting an entry anywhere breaks every hash from there on, and ``audit_head`` tells where the chain must
end. The store's triggers refuse changes; the chain shows those made past the triggers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden
from warehouse.ops.models import AuditEntry, AuditHead
from warehouse.ops.session import write_session
from warehouse.security.actor import Actor
from warehouse.settings import Settings

DONE: Final = "done"
REFUSED: Final = "refused"
FIRST_HASH: Final = "0" * 64
_HASHED: Final = (
    "entry_id",
    "operator_id",
    "login",
    "address",
    "action",
    "outcome",
    "entity",
    "entity_id",
    "entity_name",
    "node_id",
    "lot_id",
    "before",
    "after",
)


def entry_hash(previous: str, entry: AuditEntry) -> str:
    """The hash of ``entry`` behind the entry whose hash is ``previous``: 64 hexadecimal digits."""
    fields = {name: getattr(entry, name) for name in _HASHED}
    fields["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def append(
    session: Session,
    actor: Actor,
    action: str,
    *,
    outcome: str = DONE,
    entity: str | None = None,
    entity_id: object = None,
    entity_name: str | None = None,
    node_id: int | None = None,
    lot_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    now: datetime | None = None,
) -> AuditEntry:
    """Append an entry inside the caller's transaction; others who append wait until it ends.

    Args:
        session: a ``write_session``.
        actor: who did it.
        action: ``menu.action`` or an event such as ``session.login``.
        outcome: ``DONE`` or ``REFUSED``.
        entity: kind of thing, for example ``lot``.
        entity_id: its id.
        entity_name: its name, kept as it was.
        node_id: whose it is; with both absent, the actor's own node.
        lot_id: whose it is.
        before: the fields that changed, JSON values, never secrets.
        after: the same fields afterwards.
        now: for tests.
    """
    head = session.scalars(select(AuditHead).where(AuditHead.head_id == 1).with_for_update()).one()
    own = node_id is None and lot_id is None
    entry = AuditEntry(
        entry_id=head.entry_id + 1,
        at=now or datetime.now(UTC),
        operator_id=actor.operator_id,
        login=actor.login,
        address=actor.address[:64],
        action=action[:80],
        outcome=outcome,
        entity=entity,
        entity_id=None if entity_id is None else str(entity_id)[:128],
        entity_name=None if entity_name is None else entity_name[:300],
        node_id=actor.node_id if own else node_id,
        lot_id=actor.lot_id if own else lot_id,
        before=before,
        after=after,
        previous_hash=head.entry_hash,
    )
    entry.entry_hash = entry_hash(head.entry_hash, entry)
    session.add(entry)
    head.entry_id, head.entry_hash = entry.entry_id, entry.entry_hash
    session.flush()
    return entry


@dataclass(frozen=True)
class ChainReport:
    """What verifying found; ``broken_at`` is the first entry that does not fit, None when all do."""

    entries: int
    last_hash: str
    broken_at: int | None
    zh: str
    en: str


def verify(session: Session) -> ChainReport:
    """Compute every hash again, in order, and compare the end with ``audit_head``."""
    previous, count = FIRST_HASH, 0
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.entry_id).execution_options(yield_per=1000)):
        count += 1
        if entry.entry_id != count:
            return _broken(count - 1, previous, count, f"缺少第 {count} 条", f"entry {count} is missing")
        if entry.previous_hash != previous or entry.entry_hash != entry_hash(previous, entry):
            return _broken(count, previous, count, f"第 {count} 条被改动", f"entry {count} was changed")
        previous = entry.entry_hash
        session.expunge(entry)
    head = session.get_one(AuditHead, 1)
    if (head.entry_id, head.entry_hash) != (count, previous):
        return _broken(
            count,
            previous,
            count + 1,
            f"日志应有 {head.entry_id} 条，实有 {count} 条：末尾被删去",
            f"the log should have {head.entry_id} entries and has {count}: its end was cut off",
        )
    return ChainReport(count, previous, None, f"{count} 条，完整", f"{count} entries, whole")


def _broken(count: int, last_hash: str, at: int, zh: str, en: str) -> ChainReport:
    return ChainReport(count, last_hash, at, zh, en)


def note_refusal(settings: Settings, actor: Actor, permission: str, error: Forbidden) -> None:
    """Write to the operator log that ``actor`` was refused, and why in both languages: readers have their own."""
    with write_session(settings) as session:
        append(session, actor, permission, outcome=REFUSED, after={"reason": {"zh": error.zh, "en": error.en}})


def note_export(settings: Settings, actor: Actor, permission: str, what: str, details: Mapping[str, Any]) -> None:
    """Write to the operator log that ``actor`` took data out: which, by which filter, how many rows."""
    with write_session(settings) as session:
        append(session, actor, permission, entity="export", entity_name=what, after=dict(details))
