"""The raw tables of the lake: one per record kind, append-only.

Belongs here: column names and types, the contract between ingest (which appends) and dbt (which reads).
Does not belong here: validation of records (``ingest/records``) or any reading of these tables.
Instants are UTC. Money is yuan, DECIMAL(18,2). A column that a kind does not list does not exist for it.
"""

from __future__ import annotations

from typing import Final

MONEY: Final = "DECIMAL(18,2)"

COMMON_COLUMNS: Final[dict[str, str]] = {
    "lot_id": "BIGINT",  # id of the lot in the operational store
    "record_id": "VARCHAR",  # the lot's own id, unique within (lot, kind)
    "revision": "INTEGER",  # higher replaces lower
    "op": "VARCHAR",  # upsert | void
    "occurred_at": "TIMESTAMPTZ",  # event time
    "local_at": "TIMESTAMP",  # event time on the lot's wall clock
    "business_date": "DATE",  # lot-local day shifted by the lot's cut-over
    "received_at": "TIMESTAMPTZ",
    "lot_clock": "TIMESTAMPTZ",  # what the lot's clock showed when it sent the record
    "mode": "VARCHAR",  # live | backfill
    "source": "VARCHAR",  # http, or file:<content hash>
    "batch_seq": "BIGINT",  # order of landing; (batch_seq, batch_row) identifies a raw row
    "batch_row": "BIGINT",
    "marks": "VARCHAR",  # comma-separated mark codes; null when none
    "payload": "VARCHAR",  # the record as received; null for file rows, whose file is archived whole
}

_PASSAGE: Final[dict[str, str]] = {
    "plate": "VARCHAR",  # normalised; null for a car without a readable plate
    "plate_color": "VARCHAR",
    "vehicle_class": "VARCHAR",
    "charge_class": "VARCHAR",
    "owner_name": "VARCHAR",
    "gate_id": "VARCHAR",
    "controller_id": "VARCHAR",
    "area_id": "VARCHAR",
    "remark": "VARCHAR",
}
_EXIT: Final[dict[str, str]] = _PASSAGE | {
    "entry_record_id": "VARCHAR",  # record_id of the entry this exit closes, when the lot knows it
    "entered_at": "TIMESTAMPTZ",  # entry time the lot claims
    "release_mode": "VARCHAR",
}

KIND_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "entry": _PASSAGE,
    "exit": _EXIT,
    "inner_entry": _PASSAGE,
    "inner_exit": _EXIT,
    "charge": {
        "plate": "VARCHAR",
        "vehicle_class": "VARCHAR",
        "exit_record_id": "VARCHAR",
        "entered_at": "TIMESTAMPTZ",
        "exited_at": "TIMESTAMPTZ",
        "receivable": MONEY,
        "discount": MONEY,
        "waived": MONEY,
        "received": MONEY,
        "uncollected": MONEY,
        "method": "VARCHAR",  # null when payments is set
        "payments": "VARCHAR",  # JSON [{"method": …, "amount": "…"}] when one charge was paid by several methods
        "booth": "VARCHAR",
        "terminal_id": "VARCHAR",
        "collector_name": "VARCHAR",
        "transaction_id": "VARCHAR",
        "remark": "VARCHAR",
    },
    "refund": {
        "plate": "VARCHAR",
        "charge_record_id": "VARCHAR",
        "amount": MONEY,  # positive: what went back to the driver
        "method": "VARCHAR",
        "booth": "VARCHAR",
        "operator_name": "VARCHAR",
        "transaction_id": "VARCHAR",
        "reason": "VARCHAR",
    },
    "renewal": {
        "plate": "VARCHAR",
        "owner_id": "VARCHAR",
        "owner_name": "VARCHAR",
        "amount": MONEY,
        "method": "VARCHAR",
        "valid_from_before": "TIMESTAMPTZ",
        "valid_to_before": "TIMESTAMPTZ",
        "valid_from": "TIMESTAMPTZ",
        "valid_to": "TIMESTAMPTZ",
        "operator_name": "VARCHAR",
        "transaction_id": "VARCHAR",
        "remark": "VARCHAR",
    },
    "top_up": {
        "plate": "VARCHAR",
        "owner_id": "VARCHAR",
        "owner_name": "VARCHAR",
        "amount": MONEY,
        "method": "VARCHAR",
        "balance_after": MONEY,
        "operator_name": "VARCHAR",
        "transaction_id": "VARCHAR",
        "remark": "VARCHAR",
    },
    "gate_opening": {
        "gate_id": "VARCHAR",
        "controller_id": "VARCHAR",
        "opening_mode": "VARCHAR",
        "plate": "VARCHAR",
        "operator_name": "VARCHAR",
        "reason": "VARCHAR",
    },
    "shift": {
        "booth": "VARCHAR",
        "terminal_id": "VARCHAR",
        "operator_name": "VARCHAR",
        "started_at": "TIMESTAMPTZ",
        "cash_expected": MONEY,
        "cash_counted": MONEY,
    },
    "alarm": {
        "alarm_id": "VARCHAR",  # joins the raised and the recovered event
        "event": "VARCHAR",  # raised | recovered
        "alarm_type": "VARCHAR",
        "level": "VARCHAR",  # info | warning | critical
        "device_id": "VARCHAR",
        "device_type": "VARCHAR",
        "gate_id": "VARCHAR",
        "message": "VARCHAR",
    },
    "device_state": {
        "device_id": "VARCHAR",
        "device_type": "VARCHAR",  # controller | camera | terminal | pay_station | display
        "number": "VARCHAR",
        "name": "VARCHAR",
        "area_name": "VARCHAR",
        "gate_id": "VARCHAR",
        "gate_name": "VARCHAR",
        "direction": "VARCHAR",  # entry | exit
        "ip": "VARCHAR",
        "host_ip": "VARCHAR",
        "vehicle_classes": "VARCHAR",  # comma-separated codes, in the lot's order
        "is_virtual": "BOOLEAN",
        "state": "VARCHAR",  # online | offline | fault
        "login_operator": "VARCHAR",
        "download_state": "VARCHAR",
        "guidance_enabled": "BOOLEAN",
    },
    "free_space_count": {
        "area_id": "VARCHAR",  # null: the whole lot
        "free_spaces": "INTEGER",
        "total_spaces": "INTEGER",
    },
    "invoice": {
        "charge_record_id": "VARCHAR",
        "plate": "VARCHAR",
        "amount": MONEY,
        "invoice_number": "VARCHAR",
        "invoice_type": "VARCHAR",  # blue | red
        "status": "VARCHAR",  # requested | issued | failed
        "issued_at": "TIMESTAMPTZ",
    },
    "snapshot": {
        "linked_kind": "VARCHAR",
        "linked_record_id": "VARCHAR",
        "content_hash": "VARCHAR",
        "content_type": "VARCHAR",
        "size_bytes": "BIGINT",
        "url": "VARCHAR",
    },
    "heartbeat": {
        "software_version": "VARCHAR",
        "pending_records": "BIGINT",
    },
}

KINDS: Final[tuple[str, ...]] = tuple(KIND_COLUMNS)

BATCH_COLUMNS: Final[dict[str, str]] = {
    "batch_seq": "BIGINT",
    "batch_id": "VARCHAR",  # journal:<segment>, or file:<hash>; a batch that is already here is skipped
    "source": "VARCHAR",
    "name": "VARCHAR",  # file name, or segment name
    "landed_at": "TIMESTAMPTZ",
    "source_rows": "BIGINT",
    "accepted": "BIGINT",
    "marked": "BIGINT",
    "rejected": "BIGINT",
}

REJECTED_COLUMNS: Final[dict[str, str]] = {
    "reject_id": "VARCHAR",  # stable: hash of batch and line
    "lot_id": "BIGINT",  # null when the lot is unknown
    "kind": "VARCHAR",
    "record_id": "VARCHAR",
    "code": "VARCHAR",
    "reason_zh": "VARCHAR",
    "reason_en": "VARCHAR",
    "received_at": "TIMESTAMPTZ",
    "source": "VARCHAR",
    "name": "VARCHAR",
    "profile": "VARCHAR",
    "line": "BIGINT",
    "batch_seq": "BIGINT",
    "payload": "VARCHAR",  # what was refused, as text, to be corrected and replayed
    "replay_of": "VARCHAR",  # reject_id that this row answers: written when a replay succeeded or failed again
    "replay_state": "VARCHAR",  # null: refused | accepted: a replay of replay_of went through
}


def raw_table_columns(kind: str) -> dict[str, str]:
    """Columns of ``raw.<kind>`` in table order, name to DuckDB type."""
    return COMMON_COLUMNS | KIND_COLUMNS[kind]
