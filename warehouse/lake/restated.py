"""Records whose version in force changed between two moments.

Belongs here: the one question to the raw tables. Does not belong here: which figures moved through them
(``warehouse.reports.causes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from warehouse.lake.connect import LAKE, open_lake
from warehouse.settings import Settings

LARGEST: Final = 5_000
Change = Literal["new", "corrected", "moved", "voided", "restored"]


@dataclass(frozen=True)
class ChangedRecord:
    """A record that another version is in force of than before, or that was not known before.

    Attributes:
        lot_id: its lot.
        kind: its kind.
        record_id: the lot's own id.
        change: what happened to it.
        revision: of the version in force afterwards.
        op: upsert or void.
        occurred_at: event time, UTC.
        local_at: event time on the lot's wall clock.
        received_at: when that version came in.
        landed_at: when its batch became part of the lake.
        source: http, or the file.
        business_date: its day afterwards.
        day_before: its day before; None when it was not in force.
    """

    lot_id: int
    kind: str
    record_id: str
    change: Change
    revision: int
    op: str
    occurred_at: datetime
    local_at: datetime
    received_at: datetime
    landed_at: datetime
    source: str
    business_date: date
    day_before: date | None

    @property
    def late_seconds(self) -> int:
        """How long after the event this version came in."""
        return int((self.received_at - self.occurred_at).total_seconds())


def changed_records(
    settings: Settings,
    kinds: Sequence[str],
    lot_ids: Sequence[int] | None,
    after_batch: int,
    to_batch: int,
    days: tuple[date, date] | None,
) -> tuple[list[ChangedRecord], bool]:
    """Records of ``kinds`` that batches in (after_batch, to_batch] changed, newest batch last.

    Args:
        settings: names the lake.
        kinds: record kinds.
        lot_ids: whose; None means every lot.
        after_batch: the newest batch known before.
        to_batch: the newest batch known afterwards.
        days: [first, end) of business days in which either version lies; any day when None.

    Returns:
        At most ``LARGEST`` records, and whether these are all.
    """
    if to_batch <= after_batch or not kinds:
        return [], True
    lots = "true" if lot_ids is None else f"lot_id in ({', '.join(str(int(lot_id)) for lot_id in lot_ids) or 'null'})"
    parts = " union all ".join(_kind(kind, lots, int(after_batch), int(to_batch)) for kind in kinds)
    within, values = "true", []
    if days is not None:
        span = "business_date >= ? and business_date < ?"
        within = f"({span}) or ({span.replace('business_date', 'day_before')})"
        values = [*days, *days]
    connection = open_lake(settings, read_only=True)
    try:
        rows = connection.execute(
            f"""
            select changed.lot_id, changed.kind, changed.record_id,
                case
                    when known_before is null then 'new'
                    when op = 'void' then 'voided'
                    when op_before = 'void' then 'restored'
                    when business_date <> day_before then 'moved'
                    else 'corrected'
                end as change,
                changed.revision, changed.op, changed.occurred_at, changed.local_at, changed.received_at,
                batch.landed_at, changed.source, changed.business_date,
                case when op_before = 'upsert' then day_before end as standing_day
            from ({parts}) as changed
            inner join {LAKE}.raw.batch as batch on batch.batch_seq = changed.batch_seq
            where ({within}) and not (op = 'void' and (known_before is null or op_before = 'void'))
            order by changed.batch_seq, changed.batch_row
            limit {LARGEST + 1}
            """,
            values,
        ).fetchall()
    finally:
        connection.close()
    return [ChangedRecord(*row) for row in rows[:LARGEST]], len(rows) <= LARGEST


def _kind(kind: str, lots: str, after: int, to: int) -> str:
    """Versions in force of one kind at ``to`` that differ from those at ``after``; the rule is that of staging."""
    order = "order by revision desc, case when op = 'void' then 0 else 1 end, batch_seq, batch_row"
    newest = f"row_number() over (partition by lot_id, record_id {order}) = 1"
    raw = f"{LAKE}.raw.{kind}"
    return f"""
        select '{kind}' as kind, later.*, earlier.batch_seq as known_before, earlier.op as op_before,
            earlier.business_date as day_before
        from (select * from version_{kind} where batch_seq <= {to} qualify {newest}) as later
        left join (select * from version_{kind} where batch_seq <= {after} qualify {newest}) as earlier
            on earlier.lot_id = later.lot_id and earlier.record_id = later.record_id
        where earlier.batch_seq is null
            or (earlier.batch_seq, earlier.batch_row) <> (later.batch_seq, later.batch_row)
    """.replace(
        f"version_{kind}",
        f"""(
            select lot_id, record_id, revision, op, occurred_at, local_at, received_at, source, business_date,
                batch_seq, batch_row
            from {raw}
            where {lots} and batch_seq <= {to} and (lot_id, record_id) in (
                select lot_id, record_id from {raw} where {lots} and batch_seq > {after} and batch_seq <= {to}
            )
        )""",
    )
