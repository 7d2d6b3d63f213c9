"""Amounts in yuan, exact from the text on the wire to the journal; no float on the way.

Belongs here: reading and bounding one amount.
Does not belong here: how the amounts of a record fit together (``check.py``).
JSON numbers are taken from their text (msgspec reads a Decimal from the literal), strings likewise.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from ingest.records import rules
from ingest.records.verdicts import RecordRefused

ZERO: Final = Decimal("0.00")
_is_amount: Final = re.compile(rules.MONEY_PATTERN).fullmatch


def exact(value: Decimal, field: str, may_be_negative: bool) -> Decimal:
    """``value`` with exactly two decimals.

    Raises:
        RecordRefused: ``bad_money`` (not a number), ``absurd_money``, ``money_precision`` or ``negative_money``.
    """
    try:
        amount = value.quantize(rules.CENT)
        if amount == value and ZERO < amount < rules.MONEY_LIMIT:
            return amount
    except InvalidOperation:  # NaN, infinite or huge: the checks below say which
        pass
    return _judge(value, field, may_be_negative)


def _judge(value: Decimal, field: str, may_be_negative: bool) -> Decimal:
    if not value.is_finite():
        raise RecordRefused("bad_money", field, value)
    if not -rules.MONEY_LIMIT < value < rules.MONEY_LIMIT:
        raise RecordRefused("absurd_money", field, _short(value))
    amount = value.quantize(rules.CENT)
    if amount != value:
        raise RecordRefused("money_precision", field, _short(value))
    if amount < 0 and not may_be_negative:
        raise RecordRefused("negative_money", field, amount)
    return amount if amount else ZERO  # never -0.00


def parse(value: object, field: str) -> Decimal:
    """An amount from a text, an integer or a Decimal.

    Raises:
        RecordRefused: ``bad_money`` or ``too_long``.
    """
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str):
        text = value.strip(rules.BLANKS)
        if len(text) > rules.TEXT_LIMIT:
            raise RecordRefused("too_long", field, f"{len(text)} > {rules.TEXT_LIMIT}")
        if _is_amount(text):
            return Decimal(text)
    raise RecordRefused("bad_money", field, value)


def _short(value: Decimal) -> str:
    """``value`` as text without ever writing out a million digits."""
    return str(value) if len(value.as_tuple().digits) <= 60 else f"{value:.20E}…"
