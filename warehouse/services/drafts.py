"""What somebody typed into a form and could not save, kept for that person until they come back.

Belongs here: keeping and giving back drafts. A draft belongs to one operator, holds no secrets (the caller leaves them
out), and is forgotten after a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete

from warehouse.ops.models import FormDraft
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import Actor
from warehouse.settings import Settings

KEPT_FOR: Final = timedelta(days=1)


def keep(settings: Settings, actor: Actor, form: str, values: Mapping[str, Any]) -> None:
    """Keep the values of ``form``; an earlier draft of the same form is replaced."""
    if actor.operator_id is None:
        return
    with write_session(settings) as session:
        session.execute(delete(FormDraft).where(FormDraft.saved_at < datetime.now(UTC) - KEPT_FOR))
        session.merge(
            FormDraft(operator_id=actor.operator_id, form=form[:200], values=dict(values), saved_at=datetime.now(UTC))
        )


def take(settings: Settings, actor: Actor, form: str) -> dict[str, Any] | None:
    """Give back the draft of ``form`` and forget it; None when there is none."""
    if actor.operator_id is None:
        return None
    with ops_session(settings) as session:
        draft = session.get(FormDraft, (actor.operator_id, form[:200]))
        if draft is None or draft.saved_at < datetime.now(UTC) - KEPT_FOR:
            return None
        values: dict[str, Any] = draft.values
        session.delete(draft)
        return values
