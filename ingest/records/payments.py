"""How a payment was made: one method, or several with an amount each; the amounts must explain what was received.

Belongs here: methods and payment lists of charges, refunds, renewals and top-ups.
Does not belong here: the amounts of the charge itself (``check.py``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.records import money, rules
from ingest.records.kinds import Charge, Payment
from ingest.records.verdicts import RecordRefused
from warehouse.codes import codes

MAX_PAYMENTS: Final = 50  # parts of one charge
_METHODS: Final = frozenset(codes("method"))
_encode: Final = msgspec.json.Encoder().encode
_decode_list: Final = msgspec.json.Decoder(list[Payment] | None).decode


def settle_method(record: Any, explains: str, marks: list[str]) -> None:
    """Bring ``record.method`` to a known code or None.

    Raises:
        RecordRefused: ``unknown_method`` when the amount in the field ``explains`` is above zero and nothing says how
            it was paid.
    """
    sent = record.method
    if sent in _METHODS:
        return
    method = None if sent is None else sent.lower()
    if method in _METHODS:
        record.method = method
        return
    if getattr(record, "payments", None) is None and getattr(record, explains) > 0:
        raise RecordRefused("unknown_method", "method", "" if sent is None else sent)
    if sent is not None:
        record.method = None
        marks.append("unknown_method")


def settle_payments(record: Charge, marks: list[str]) -> None:
    """Bring ``record.payments`` to JSON text with exact amounts, and drop the single method beside it.

    Raises:
        RecordRefused: the list is malformed, too long, or an amount or method in it is refused.
    """
    if record.payments is None:
        return
    parts = _read(record.payments)
    if len(parts) > MAX_PAYMENTS:
        raise RecordRefused("too_long", "payments", f"{len(parts)} > {MAX_PAYMENTS}")
    total = money.ZERO
    known: list[Payment] = []
    for part in parts:
        amount = money.exact(part.amount, "payments.amount", False)
        method = None if part.method is None else part.method.strip(rules.BLANKS).lower()
        total += amount
        if method in _METHODS:
            known.append(Payment(method=method, amount=amount))
        elif amount > 0:
            raise RecordRefused("unknown_method", "payments.method", part.method or "")
        else:
            marks.append("unknown_method")
    received = record.received or Decimal(0)
    if not known:
        record.payments = None
        return
    if total != received:
        marks.append("payments_differ")
    elif len(known) == 1:
        record.method, record.payments = known[0].method, None
        return
    record.method = None
    record.payments = _encode(known).decode()


def _read(payments: list[Payment] | str) -> list[Payment]:
    if isinstance(payments, list):
        return payments
    text = payments.strip(rules.BLANKS)
    if text.lower() in rules.MISSING_TEXTS:
        return []
    try:
        return _decode_list(text) or []
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as error:
        raise RecordRefused("wrong_type", "payments", payments) from error
