"""Carrying out the work on the instance itself that somebody asked for or that is due.

Belongs here: one run from claim to end. Does not belong here: which runs there are
(``warehouse.services.operation_runs``), the work itself (``warehouse.backup``), what starts this
(``pipelines.operations``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from warehouse.backup.create import create
from warehouse.backup.keep import sweep
from warehouse.backup.library import library_of
from warehouse.backup.seal import opener_of
from warehouse.backup.verify import verify
from warehouse.errors import ParkError
from warehouse.ops.session import write_session
from warehouse.services import clean_ups
from warehouse.services.operation_runs import BACKUP, CLEAN_UP, VERIFY, Claimed, claim, finish, plan_of
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    claimed: Claimed
    error: ParkError | None
    result: dict[str, Any]


def run_waiting(settings: Settings, *, now: datetime | None = None, only: int | None = None) -> list[Outcome]:
    """Carry out every run that waits, or the one with this number; one that fails does not keep the others."""
    outcomes: list[Outcome] = []
    while (claimed := claim(settings, now or datetime.now(UTC), only=only)) is not None:
        error: ParkError | None = None
        result: dict[str, Any] = {}
        try:
            error = _carry_out(settings, claimed, result)
        except ParkError as refused:
            error = refused
        except Exception:
            LOG.exception("operation %s failed", claimed.run_id)
            error = ParkError(
                zh=f"发生内部错误，详见日志中的“operation {claimed.run_id}”",
                en=f"an internal error, see “operation {claimed.run_id}” in the log",
            )
        finish(settings, claimed.run_id, datetime.now(UTC), error, result)
        outcomes.append(Outcome(claimed, error, result))
    return outcomes


def _carry_out(settings: Settings, claimed: Claimed, result: dict[str, Any]) -> ParkError | None:
    if claimed.kind == BACKUP:
        return _back_up(settings, result)
    if claimed.kind == VERIFY:
        return _prove(settings, claimed.subject or "", result)
    if claimed.kind == CLEAN_UP:
        _clean_up(settings, claimed, result)
        return None
    raise ValueError(claimed.kind)


def _back_up(settings: Settings, result: dict[str, Any]) -> ParkError | None:
    """Take, prove, and forget what the rule does not keep; a bad one forgets nothing."""
    library = library_of(settings)
    summary = create(settings, library)
    result |= {"backup_id": summary.backup_id, "bytes": summary.bytes, "new_bytes": summary.new_bytes}
    if summary.recipients and settings.backup_identity_file is None:
        LOG.warning("backup %s is encrypted and its identity is not here: it is not proved", summary.backup_id)
    elif (trouble := _prove(settings, summary.backup_id, result)) is not None:
        return trouble
    with write_session(settings) as session:
        plan = plan_of(settings, session, datetime.now(UTC))
        count, days = plan.keep_count, plan.keep_days
    swept = sweep(settings, library, datetime.now(UTC), count=count, days=days)
    result["forgotten"] = len(swept.backups)
    return None


def _prove(settings: Settings, backup_id: str, result: dict[str, Any]) -> ParkError | None:
    verified = verify(settings, library_of(settings), opener_of(settings), backup_id)
    result |= {"rows": verified.rows, "seconds": verified.seconds}
    return None if verified.is_good else ParkError(zh=verified.zh, en=verified.en, code="backup_bad")


def _clean_up(settings: Settings, claimed: Claimed, result: dict[str, Any]) -> None:
    before = date.fromisoformat(claimed.parameters["before"])
    tombstone = clean_ups.carry_out(settings, claimed.parameters["lot_id"], before, claimed.operator_id, claimed.login)
    result |= {"removal_id": tombstone.removal_id, "records": tombstone.records}
