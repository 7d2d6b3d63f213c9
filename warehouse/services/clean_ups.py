"""Clean-up of a lot for people: preview, request with a typed confirmation, tombstones.

Belongs here: who may, from which day, what is written down. Does not belong here: the removing itself
(``warehouse.lake.clean_up``).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from warehouse.errors import ParkError
from warehouse.lake import clean_up
from warehouse.lake.clean_up import Removed
from warehouse.ops.models import Lot, Removal
from warehouse.ops.session import ops_session, write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL, Actor
from warehouse.services.operation_runs import CLEAN_UP, RunRow, list_runs, request, require_platform
from warehouse.services.snapshots import SnapshotStore
from warehouse.services.work import reading, visible_lot, working
from warehouse.settings import Settings

ENTITY: Final = "removal"
# Records of the last days still come late and are still corrected.
LEAST_DAYS: Final = 7
SHOWN: Final = 50


@dataclass(frozen=True)
class Tombstone:
    """A clean-up that was done."""

    removal_id: str
    lot_id: int
    lot_code: str
    lot_name: str
    removed_before: date
    removed_at: datetime
    login: str
    counts: tuple[Removed, ...]

    @property
    def records(self) -> int:
        """All records that went."""
        return sum(one.records for one in self.counts)


def latest_day(lot: Lot, now: datetime) -> date:
    """The latest day that may be named: days before it are removed, the last ones are not."""
    local = now.astimezone(ZoneInfo(lot.time_zone)) - timedelta(minutes=lot.cutover_minutes)
    return local.date() - timedelta(days=LEAST_DAYS)


def preview_clean_up(settings: Settings, actor: Actor, lot_id: int, before: date) -> tuple[Removed, ...]:
    """What would go, by kind and month.

    Raises:
        Forbidden: not of the platform.
        ParkError: the day is too recent, or nothing is built yet.
    """
    with reading(settings, actor, "maintenance.view") as session:
        require_platform(actor)
        _check_day(visible_lot(session, actor, lot_id), before, datetime.now(UTC))
    return clean_up.preview(settings, lot_id, before)


def request_clean_up(settings: Settings, actor: Actor, lot_id: int, before: date, confirmation: str) -> int:
    """Let the records of a lot from days before ``before`` be removed as soon as possible; returns the run's number.

    Raises:
        Forbidden: not of the platform.
        ParkError: ``confirmation`` is not the lot's code, the day is too recent, or this waits already.
    """
    with working(settings, actor, "maintenance.delete") as work:
        require_platform(actor)
        lot = work.lot(lot_id)
        if confirmation.strip() != lot.code:
            raise ParkError(
                zh=f"确认不符：请输入停车场代码 {lot.code}",
                en=f"that is not the confirmation: type the lot's code {lot.code}",
                code="confirmation_needed",
            )
        _check_day(lot, before, work.now)
        run_id = request(work, CLEAN_UP, lot.code, {"lot_id": lot_id, "before": before.isoformat()})
        work.record(
            ENTITY, run_id, lot.name, None, {"removed_before": before.isoformat()}, lot_id=lot_id,
            action="maintenance.requested",
        )  # fmt: skip
        return run_id


def _check_day(lot: Lot, before: date, now: datetime) -> None:
    latest = latest_day(lot, now)
    if before > latest:
        raise ParkError(
            zh=f"日期 {before} 太近：最近 {LEAST_DAYS} 天的记录仍可能补传或更正，最晚可选 {latest}",
            en=f"{before} is too recent: records of the last {LEAST_DAYS} days still come late or are corrected; "
            f"the latest day is {latest}",
            code="day_too_recent",
        )


def carry_out(settings: Settings, lot_id: int, before: date, operator_id: int | None, login: str) -> Tombstone:
    """Remove, then the pictures that no record names any more, then write the tombstone and the operator log.

    Raises:
        ParkError: records of these days are not in the reports yet; nothing was removed.
    """
    removal_id = secrets.token_hex(8)
    done = clean_up.remove(settings, removal_id, lot_id, before)
    store = SnapshotStore(settings)
    pictures = sum(store.remove(lot_id, digest) for digest in done.pictures)
    counts = (*done.counts, *((Removed("picture", None, pictures),) if pictures else ()))
    with write_session(settings) as session:
        lot = session.get_one(Lot, lot_id)
        row = Removal(
            removal_id=removal_id,
            lot_id=lot_id,
            removed_before=before,
            removed_at=datetime.now(UTC),
            operator_id=operator_id,
            login=login,
            counts=[_packed(one) for one in counts],
        )
        session.add(row)
        audit.append(
            session,
            LOCAL,
            "maintenance.removed",
            entity=ENTITY,
            entity_id=removal_id,
            entity_name=lot.name,
            lot_id=lot_id,
            before={"records": sum(one.records for one in counts), "asked_by": login},
            after={"removed_before": before.isoformat()},
        )
        return _tombstone(row, lot)


def list_removals(settings: Settings, actor: Actor) -> list[Tombstone]:
    """The newest tombstones.

    Raises:
        Forbidden: not of the platform.
    """
    with reading(settings, actor, "maintenance.view") as session:
        require_platform(actor)
        found = session.execute(
            select(Removal, Lot)
            .join(Lot, Lot.lot_id == Removal.lot_id)
            .order_by(Removal.removed_at.desc())
            .limit(SHOWN)
        )
        return [_tombstone(row, lot) for row, lot in found]


def list_clean_up_runs(settings: Settings, actor: Actor, *, size: int = 10) -> list[RunRow]:
    """The newest requests.

    Raises:
        Forbidden: not of the platform.
    """
    with reading(settings, actor, "maintenance.view") as session:
        require_platform(actor)
        return list_runs(session, (CLEAN_UP,), size=size)


def removed_before(settings: Settings, lot_ids: Collection[int] | Literal["all"]) -> dict[str, date]:
    """Lots whose records were removed, code to the day from which they are there; for a note beside reports."""
    query = (
        select(Lot.code, func.max(Removal.removed_before)).join(Lot, Lot.lot_id == Removal.lot_id).group_by(Lot.code)
    )
    if not isinstance(lot_ids, str):
        query = query.where(Removal.lot_id.in_(lot_ids))
    with ops_session(settings) as session:
        return dict(session.execute(query).tuples().all())


def _packed(one: Removed) -> dict[str, Any]:
    return {"kind": one.kind, "month": one.month and one.month.isoformat(), "records": one.records}


def _tombstone(row: Removal, lot: Lot) -> Tombstone:
    counts: Sequence[Removed] = [
        Removed(one["kind"], date.fromisoformat(one["month"]) if one["month"] else None, one["records"])
        for one in row.counts
    ]
    return Tombstone(
        row.removal_id, lot.lot_id, lot.code, lot.name, row.removed_before, row.removed_at, row.login, tuple(counts)
    )
