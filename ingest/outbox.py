"""Records that the cloud makes itself, on their way to the reports.

Belongs here: taking what services put into the outbox into the journal, by the same decoding as an upload over HTTP.
Does not belong here: landing (``lander.py``), making records (``warehouse.services``).

A record is marked as taken only when the journal has it on disk. A crash in between takes it once more, which changes
nothing: a key counts once in each revision. The time of receipt is that of the transaction that wrote the record, so
that taking it again gives the same line. A record that the contract refuses becomes a rejected record like any other.
"""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select, update

from ingest.journal import Journal, SegmentWriter
from ingest.records.batch import LotContext, decode_batch
from warehouse.ops.models import Lot, OutboxRecord
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

SOURCE: Final = "cloud"
_AT_ONCE: Final = 1000


def take(settings: Settings, journal: Journal) -> int:
    """Put every waiting record into the journal, oldest first, in sealed segments; returns how many.

    A record that cannot even be judged, because its lot's clock is unusable, waits and holds up no other.

    Raises:
        OSError: the journal takes nothing at the moment; what was not marked is taken again.
        sqlalchemy.exc.OperationalError: the operational store cannot be reached.
    """
    taken, last = 0, 0
    with _alone(journal):
        while batch := _waiting(settings, last):
            last = max(row.outbox_id for _lot, row in batch)
            lines = {row.outbox_id: line for lot, row in batch if (line := _line(lot, row)) is not None}
            if lines:
                writer = SegmentWriter(journal)
                writer.append(list(lines.values()))
                writer.seal()
                _mark(settings, list(lines))
            taken += len(lines)
    return taken


def _waiting(settings: Settings, after: int) -> list[tuple[LotContext, OutboxRecord]]:
    """The oldest records that wait and come after the id ``after``, those of one lot together."""
    with ops_session(settings) as session:
        found = session.execute(
            select(OutboxRecord, Lot)
            .join(Lot, Lot.lot_id == OutboxRecord.lot_id)
            .where(OutboxRecord.journaled_at.is_(None), OutboxRecord.outbox_id > after)
            .order_by(OutboxRecord.outbox_id)
            .limit(_AT_ONCE)
        )
        waiting = [(LotContext(lot.lot_id, lot.code, lot.time_zone, lot.cutover_minutes), row) for row, lot in found]
    return sorted(waiting, key=lambda pair: pair[0].lot_id)


def _line(lot: LotContext, row: OutboxRecord) -> bytes | None:
    # Each by itself: the id of a refused record follows from its time of receipt and its place in the body.
    body = json.dumps(row.record, ensure_ascii=False).encode()
    try:
        result = decode_batch(body, "application/x-ndjson", lot, row.created_at, source=SOURCE)
    except Exception:
        logger.exception("record %d of the outbox, of lot %s, cannot be judged and waits", row.outbox_id, lot.code)
        return None
    for verdict in result.verdicts:
        if verdict.verdict == "rejected":
            logger.error(
                "a record of our own was refused: lot %s, %s %s: %s",
                lot.code,
                verdict.kind,
                verdict.record_id,
                verdict.reason_en,
            )
    return result.lines


def _mark(settings: Settings, outbox_ids: Sequence[int]) -> None:
    with ops_session(settings) as session:
        session.execute(
            update(OutboxRecord).where(OutboxRecord.outbox_id.in_(outbox_ids)).values(journaled_at=datetime.now(UTC))
        )


@contextmanager
def _alone(journal: Journal) -> Iterator[None]:
    """Landers of one journal take turns, so that none takes what another is taking."""
    with (journal.root / "outbox.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
