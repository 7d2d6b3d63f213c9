"""The 16 kinds of records as typed structs; field names are the wire's, the journal's and the raw tables'.

Belongs here: shape only. Does not belong here: rules (``rules.py``) and their application (``check.py``).
Decoding is strict and fast; what does not fit goes through ``repair.py``, which knows how to say why. After checking,
``occurred_at`` and the other times are UTC, money has two decimals, ``payments`` and ``vehicle_classes`` are text.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct

from ingest.records import rules

Revision = Annotated[int, Meta(ge=rules.REVISION_RANGE[0], le=rules.REVISION_RANGE[1])]
Int32 = Annotated[int, Meta(ge=rules.INTEGER_RANGE[0], le=rules.INTEGER_RANGE[1])]
Int64 = Annotated[int, Meta(ge=rules.BIGINT_RANGE[0], le=rules.BIGINT_RANGE[1])]


class Payment(Struct, gc=False):
    """One part of a charge paid by several methods; ``amount`` in yuan."""

    method: str | None
    amount: Decimal


class Record(Struct, kw_only=True, gc=False, tag_field="kind"):
    """What every kind carries: its key, revision, operation and times."""

    kind: ClassVar[str]

    record_id: str
    revision: Revision = 0
    op: str = "upsert"
    occurred_at: datetime
    lot_clock: datetime | None = None
    mode: str | None = "live"


class _Passage(Record, kw_only=True, gc=False):
    plate: str | None = None
    plate_color: str | None = None
    vehicle_class: str | None = None
    charge_class: str | None = None
    owner_name: str | None = None
    gate_id: str | None = None
    controller_id: str | None = None
    area_id: str | None = None
    remark: str | None = None


class _Departure(_Passage, kw_only=True, gc=False):
    entry_record_id: str | None = None
    entered_at: datetime | None = None
    release_mode: str | None = None


class Entry(_Passage, kw_only=True, gc=False, tag="entry"):
    """A car came in through an outer gate."""

    kind = "entry"


class Exit(_Departure, kw_only=True, gc=False, tag="exit"):
    """A car left through an outer gate."""

    kind = "exit"


class InnerEntry(_Passage, kw_only=True, gc=False, tag="inner_entry"):
    """A car went from the lot into an area inside it."""

    kind = "inner_entry"


class InnerExit(_Departure, kw_only=True, gc=False, tag="inner_exit"):
    """A car left an inner area and is still in the lot."""

    kind = "inner_exit"


class Charge(Record, kw_only=True, gc=False, tag="charge"):
    """A parking fee was settled; receivable = discount + waived + received + uncollected."""

    kind = "charge"

    plate: str | None = None
    vehicle_class: str | None = None
    exit_record_id: str | None = None
    entered_at: datetime | None = None
    exited_at: datetime | None = None
    receivable: Decimal | None = None
    discount: Decimal | None = None
    waived: Decimal | None = None
    received: Decimal | None = None
    uncollected: Decimal | None = None
    method: str | None = None
    payments: list[Payment] | str | None = None
    booth: str | None = None
    terminal_id: str | None = None
    collector_name: str | None = None
    transaction_id: str | None = None
    remark: str | None = None


class Refund(Record, kw_only=True, gc=False, tag="refund"):
    """Money of a charge went back to the driver; ``amount`` is positive."""

    kind = "refund"

    plate: str | None = None
    charge_record_id: str | None = None
    amount: Decimal | None = None
    method: str | None = None
    booth: str | None = None
    operator_name: str | None = None
    transaction_id: str | None = None
    reason: str | None = None


class Renewal(Record, kw_only=True, gc=False, tag="renewal"):
    """A long-term parker paid for a further period."""

    kind = "renewal"

    plate: str | None = None
    owner_id: str | None = None
    owner_name: str | None = None
    amount: Decimal | None = None
    method: str | None = None
    valid_from_before: datetime | None = None
    valid_to_before: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    operator_name: str | None = None
    transaction_id: str | None = None
    remark: str | None = None


class TopUp(Record, kw_only=True, gc=False, tag="top_up"):
    """Money was put on a stored-value account or wallet."""

    kind = "top_up"

    plate: str | None = None
    owner_id: str | None = None
    owner_name: str | None = None
    amount: Decimal | None = None
    method: str | None = None
    balance_after: Decimal | None = None
    operator_name: str | None = None
    transaction_id: str | None = None
    remark: str | None = None


class GateOpening(Record, kw_only=True, gc=False, tag="gate_opening"):
    """A barrier was opened, by whom and why."""

    kind = "gate_opening"

    gate_id: str | None = None
    controller_id: str | None = None
    opening_mode: str | None = None
    plate: str | None = None
    operator_name: str | None = None
    reason: str | None = None


class Shift(Record, kw_only=True, gc=False, tag="shift"):
    """A booth's shift ended and its cash was counted."""

    kind = "shift"

    booth: str | None = None
    terminal_id: str | None = None
    operator_name: str | None = None
    started_at: datetime | None = None
    cash_expected: Decimal | None = None
    cash_counted: Decimal | None = None


class Alarm(Record, kw_only=True, gc=False, tag="alarm"):
    """An alarm was raised or has recovered; ``alarm_id`` joins the two events."""

    kind = "alarm"

    alarm_id: str | None = None
    event: str | None = None
    alarm_type: str | None = None
    level: str | None = None
    device_id: str | None = None
    device_type: str | None = None
    gate_id: str | None = None
    message: str | None = None


class DeviceState(Record, kw_only=True, gc=False, tag="device_state"):
    """A device as registered at the lot, and whether it works."""

    kind = "device_state"

    device_id: str | None = None
    device_type: str | None = None
    number: str | None = None
    name: str | None = None
    area_name: str | None = None
    gate_id: str | None = None
    gate_name: str | None = None
    direction: str | None = None
    ip: str | None = None
    host_ip: str | None = None
    vehicle_classes: list[str] | str | None = None
    is_virtual: bool | None = None
    state: str | None = None
    login_operator: str | None = None
    download_state: str | None = None
    guidance_enabled: bool | None = None


class FreeSpaceCount(Record, kw_only=True, gc=False, tag="free_space_count"):
    """How many spaces are free, of the whole lot or of one area."""

    kind = "free_space_count"

    area_id: str | None = None
    free_spaces: Int32 | None = None
    total_spaces: Int32 | None = None


class Invoice(Record, kw_only=True, gc=False, tag="invoice"):
    """An electronic invoice was asked for, issued, or failed."""

    kind = "invoice"

    charge_record_id: str | None = None
    plate: str | None = None
    amount: Decimal | None = None
    invoice_number: str | None = None
    invoice_type: str | None = None
    status: str | None = None
    issued_at: datetime | None = None


class Snapshot(Record, kw_only=True, gc=False, tag="snapshot"):
    """Where the picture taken for another record is kept."""

    kind = "snapshot"

    linked_kind: str | None = None
    linked_record_id: str | None = None
    content_hash: str | None = None
    content_type: str | None = None
    size_bytes: Int64 | None = None
    url: str | None = None


class Heartbeat(Record, kw_only=True, gc=False, tag="heartbeat"):
    """The lot's system is alive."""

    kind = "heartbeat"

    software_version: str | None = None
    pending_records: Int64 | None = None


AnyRecord = (
    Entry
    | Exit
    | InnerEntry
    | InnerExit
    | Charge
    | Refund
    | Renewal
    | TopUp
    | GateOpening
    | Shift
    | Alarm
    | DeviceState
    | FreeSpaceCount
    | Invoice
    | Snapshot
    | Heartbeat
)
STRUCTS: Final[dict[str, type[Record]]] = {struct.kind: struct for struct in AnyRecord.__args__}
