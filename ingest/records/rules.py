"""The rules of the record contract as data: fields, limits, patterns. One home for both ways in.

Belongs here: constants that the per-record path (``ingest/records``) and the vectorised path of file ingest both
apply. Every regular expression is within RE2, so that DuckDB's ``regexp_full_match`` and Python's ``re.fullmatch``
agree; every character table works with ``str.translate`` and with DuckDB's ``translate(x, FROM, TO)``.
Does not belong here: code that applies them, sentences (``verdicts.py``), code sets (``warehouse/codes.py``), the
tables and patterns of plates, which pages need too (``warehouse/plates.py``).

Text, in this order: control characters matching ``CONTROL_PATTERN`` are removed (mark ``cleaned_text``), ``BLANKS`` are
trimmed, a text whose lower case is in ``MISSING_TEXTS`` is missing, a text longer than its field's limit is refused.
Marks are stored sorted by code and joined by commas.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from warehouse.plates import NO_PLATE_PATTERN as NO_PLATE_PATTERN
from warehouse.plates import PLATE_FORMS as PLATE_FORMS
from warehouse.plates import PLATE_FROM as PLATE_FROM
from warehouse.plates import PLATE_PATTERN as PLATE_PATTERN
from warehouse.plates import PLATE_TO as PLATE_TO

VERSION: Final = "v1"

# Sizes.
MAX_RECORDS: Final = 10_000  # records of one batch
MAX_RECORD_BYTES: Final = 65_536  # one record as sent; longer is refused with ``too_long``
MAX_REJECTED_PAYLOAD_BYTES: Final = 65_536  # what is kept of a refused record
ID_LIMIT: Final = 128  # record ids and what refers to them, in characters
SHORT_ID_LIMIT: Final = 64  # keys of areas, gates and devices
TEXT_LIMIT: Final = 500
URL_LIMIT: Final = 2_000

# Texts.
BLANKS: Final = " \t\r\n\u00a0\u3000\ufeff"  # for str.strip(BLANKS) and trim(x, BLANKS)
MISSING_TEXTS: Final = frozenset({"", "null", "(null)", "none", "undefined", "nan", "n/a", "\\n"})
CONTROL_PATTERN: Final = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]"

# Money: yuan. The amount as text must match, have at most two decimals that matter, and stay under the limit.
MONEY_PATTERN: Final = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
MONEY_LIMIT: Final = Decimal(100_000_000)  # |amount| from here on is refused with ``absurd_money``
CENT: Final = Decimal("0.01")

# Times: RFC 3339 with offset, or the wall clock of the lot's zone. A wall clock that the zone shows twice (clocks go
# back) means the later instant, mark ``ambiguous_time``; one that it skips (clocks go forward) is read with the offset
# before the change, so that it moves forward by the gap, mark ``nonexistent_time``. DuckDB's timezone(zone, local) does
# the same.
TIME_PATTERN: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AHEAD: Final = timedelta(hours=24)  # of the time of receipt
EARLIEST_VALIDITY: Final = datetime(1900, 1, 1, tzinfo=UTC)
EARLIEST_CLOCK: Final = datetime(1970, 1, 1, tzinfo=UTC)  # a flat clock battery starts again here
FAR_FUTURE: Final = datetime(9999, 12, 30, tzinfo=UTC)

# Integers.
INTEGER_RANGE: Final = (-(2**31), 2**31 - 1)
BIGINT_RANGE: Final = (-(2**63), 2**63 - 1)
REVISION_RANGE: Final = (0, 2**31 - 1)

FieldType = Literal["text", "plate", "code", "codes", "method", "money", "time", "integer", "boolean", "payments"]
OnUnknown = Literal["other", "null", "reject"]
Window = Literal["event", "past", "validity", "clock"]


@dataclass(frozen=True)
class Field:
    """One field of a kind: how it is read and what happens to values outside the rule.

    ``required`` holds for upserts; a void needs only ``record_id`` and ``occurred_at``, its kind's fields are left out.
    ``on_unknown`` (codes): "other" and "null" keep the record with mark ``unknown_code``, "reject" refuses it with
    ``unknown_code`` (``op``: ``unknown_op``). ``window`` (times): an "event" outside its window is refused with
    ``absurd_time``; any other is left out with mark ``ignored_time``.
    """

    type: FieldType
    required: bool = False
    limit: int = TEXT_LIMIT
    code_set: str = ""
    on_unknown: OnUnknown = "null"
    may_be_negative: bool = False
    window: Window = "past"
    range: tuple[int, int] = BIGINT_RANGE


def window(name: Window, now: datetime) -> tuple[datetime, datetime]:
    """Earliest and latest instant (both allowed) of a time window for records received at ``now``."""
    if name == "validity":
        return EARLIEST_VALIDITY, FAR_FUTURE
    if name == "clock":
        return EARLIEST_CLOCK, FAR_FUTURE
    return EARLIEST, now + LATEST_AHEAD


_TEXT = Field("text")
_ID = Field("text", limit=ID_LIMIT)
_SHORT_ID = Field("text", limit=SHORT_ID_LIMIT)
_PLATE = Field("plate")
_TIME = Field("time")
_VALIDITY = Field("time", window="validity")
_MONEY = Field("money")
_METHOD = Field("method", code_set="method")
_VEHICLE_CLASS = Field("code", code_set="vehicle_class", on_unknown="other")

COMMON_FIELDS: Final[dict[str, Field]] = {
    "record_id": Field("text", required=True, limit=ID_LIMIT),
    "revision": Field("integer", range=REVISION_RANGE),
    "op": Field("code", code_set="op", on_unknown="reject"),
    "occurred_at": Field("time", required=True, window="event"),
    "lot_clock": Field("time", window="clock"),
    "mode": Field("code", code_set="mode", on_unknown="null"),
}
DEFAULTS: Final[dict[str, int | str]] = {"revision": 0, "op": "upsert", "mode": "live"}  # for missing and unknown

_PASSAGE: Final[dict[str, Field]] = {
    "plate": _PLATE,
    "plate_color": Field("code", code_set="plate_color", on_unknown="other"),
    "vehicle_class": _VEHICLE_CLASS,
    "charge_class": Field("code", code_set="charge_class", on_unknown="other"),
    "owner_name": _TEXT,
    "gate_id": _SHORT_ID,
    "controller_id": _SHORT_ID,
    "area_id": _SHORT_ID,
    "remark": _TEXT,
}
_EXIT: Final[dict[str, Field]] = _PASSAGE | {
    "entry_record_id": _ID,
    "entered_at": _TIME,
    "release_mode": Field("code", code_set="release_mode", on_unknown="other"),
}

FIELDS: Final[dict[str, dict[str, Field]]] = {
    "entry": _PASSAGE,
    "exit": _EXIT,
    "inner_entry": _PASSAGE,
    "inner_exit": _EXIT,
    "charge": {
        "plate": _PLATE,
        "vehicle_class": _VEHICLE_CLASS,
        "exit_record_id": _ID,
        "entered_at": _TIME,
        "exited_at": _TIME,
        "receivable": Field("money", required=True),
        "discount": _MONEY,
        "waived": _MONEY,
        "received": Field("money", required=True),
        "uncollected": _MONEY,
        "method": _METHOD,
        "payments": Field("payments"),
        "booth": _TEXT,
        "terminal_id": _SHORT_ID,
        "collector_name": _TEXT,
        "transaction_id": _ID,
        "remark": _TEXT,
    },
    "refund": {
        "plate": _PLATE,
        "charge_record_id": _ID,
        "amount": Field("money", required=True),
        "method": _METHOD,
        "booth": _TEXT,
        "operator_name": _TEXT,
        "transaction_id": _ID,
        "reason": _TEXT,
    },
    "renewal": {
        "plate": _PLATE,
        "owner_id": _SHORT_ID,
        "owner_name": _TEXT,
        "amount": Field("money", required=True),
        "method": _METHOD,
        "valid_from_before": _VALIDITY,
        "valid_to_before": _VALIDITY,
        "valid_from": _VALIDITY,
        "valid_to": _VALIDITY,
        "operator_name": _TEXT,
        "transaction_id": _ID,
        "remark": _TEXT,
    },
    "top_up": {
        "plate": _PLATE,
        "owner_id": _SHORT_ID,
        "owner_name": _TEXT,
        "amount": Field("money", required=True),
        "method": _METHOD,
        "balance_after": Field("money", may_be_negative=True),
        "operator_name": _TEXT,
        "transaction_id": _ID,
        "remark": _TEXT,
    },
    "gate_opening": {
        "gate_id": _SHORT_ID,
        "controller_id": _SHORT_ID,
        "opening_mode": Field("code", code_set="opening_mode"),
        "plate": _PLATE,
        "operator_name": _TEXT,
        "reason": _TEXT,
    },
    "shift": {
        "booth": _TEXT,
        "terminal_id": _SHORT_ID,
        "operator_name": _TEXT,
        "started_at": _TIME,
        "cash_expected": Field("money", may_be_negative=True),
        "cash_counted": Field("money", may_be_negative=True),
    },
    "alarm": {
        "alarm_id": Field("text", required=True, limit=ID_LIMIT),
        "event": Field("code", required=True, code_set="alarm_event", on_unknown="reject"),
        "alarm_type": Field("code", code_set="alarm_type", on_unknown="other"),
        "level": Field("code", code_set="alarm_level"),
        "device_id": _SHORT_ID,
        "device_type": Field("code", code_set="device_type"),
        "gate_id": _SHORT_ID,
        "message": _TEXT,
    },
    "device_state": {
        "device_id": Field("text", required=True, limit=SHORT_ID_LIMIT),
        "device_type": Field("code", required=True, code_set="device_type", on_unknown="reject"),
        "number": _SHORT_ID,
        "name": _TEXT,
        "area_name": _TEXT,
        "gate_id": _SHORT_ID,
        "gate_name": _TEXT,
        "direction": Field("code", code_set="direction"),
        "ip": _SHORT_ID,
        "host_ip": _SHORT_ID,
        "vehicle_classes": Field("codes", code_set="vehicle_class", on_unknown="other"),
        "is_virtual": Field("boolean"),
        "state": Field("code", required=True, code_set="device_state", on_unknown="reject"),
        "login_operator": _TEXT,
        "download_state": Field("code", code_set="download_state"),
        "guidance_enabled": Field("boolean"),
    },
    "free_space_count": {
        "area_id": _SHORT_ID,
        "free_spaces": Field("integer", required=True, range=INTEGER_RANGE),
        "total_spaces": Field("integer", range=INTEGER_RANGE),
    },
    "invoice": {
        "charge_record_id": _ID,
        "plate": _PLATE,
        "amount": Field("money", required=True, may_be_negative=True),  # a red invoice may carry its sign
        "invoice_number": _ID,
        "invoice_type": Field("code", code_set="invoice_type"),
        "status": Field("code", required=True, code_set="invoice_status", on_unknown="reject"),
        "issued_at": _TIME,
    },
    "snapshot": {
        "linked_kind": Field("code", required=True, code_set="record_kind", on_unknown="reject"),
        "linked_record_id": Field("text", required=True, limit=ID_LIMIT),
        "content_hash": _ID,
        "content_type": _ID,
        "size_bytes": Field("integer"),
        "url": Field("text", limit=URL_LIMIT),
    },
    "heartbeat": {
        "software_version": _ID,
        "pending_records": Field("integer"),
    },
}

# Rules that look at more than one field.
PLATE_EXPECTED: Final = frozenset({"entry", "exit", "inner_entry", "inner_exit", "charge"})  # else mark ``no_plate``
# Money that a method must explain: above zero without a known method the record is refused with ``unknown_method``;
# at zero an unknown method becomes null with the mark of the same name.
METHOD_EXPLAINS: Final[dict[str, str]] = {
    "charge": "received",
    "refund": "amount",
    "renewal": "amount",
    "top_up": "amount",
}
# (kind, earlier, later): an earlier time after the later one gives the mark ``negative_stay``.
STAY_ORDER: Final[tuple[tuple[str, str, str], ...]] = (
    ("exit", "entered_at", "occurred_at"),
    ("inner_exit", "entered_at", "occurred_at"),
    ("charge", "entered_at", "exited_at"),
)
# Integers that cannot be below zero in fact; below zero, or free above total, gives the mark ``impossible_count``.
COUNTS: Final[dict[str, tuple[str, ...]]] = {
    "free_space_count": ("free_spaces", "total_spaces"),
    "snapshot": ("size_bytes",),
    "heartbeat": ("pending_records",),
}
# charge: discount, waived missing = 0.00; uncollected missing = greatest(receivable - discount - waived - received, 0);
# receivable <> discount + waived + received + uncollected gives the mark ``unbalanced``. With payments, method is null
# (one payment equal to received becomes method, payments null); sum(payments) <> received gives ``payments_differ``.
# renewal: valid_from after valid_to gives the mark ``reversed_period``.


def fields(kind: str) -> dict[str, Field]:
    """Every field of ``kind`` that may be sent, common ones first."""
    return COMMON_FIELDS | FIELDS[kind]
