"""The slow way for records that do not decode strictly: accept harmless spellings, or say exactly what is wrong.

Belongs here: numbers sent as text and text as numbers, texts that mean missing, naming the field that is wrong.
Does not belong here: rules on values (``check.py``), which see the same struct as from the fast way.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from ingest.records import money, rules, times
from ingest.records.kinds import STRUCTS, Payment, Record
from ingest.records.verdicts import RecordRefused

DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError, ValueError)
_LONGEST_INTEGER: Final = 20  # digits; more is outside of 64 bits
_is_integer: Final = re.compile(rf"[+-]?[0-9]{{1,{_LONGEST_INTEGER}}}").fullmatch
_has_lone_surrogate: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
).search
_TRUE: Final = frozenset({"true", "1", "yes", "y", "是"})
_FALSE: Final = frozenset({"false", "0", "no", "n", "否"})


def _number(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:  # an exponent beyond what a Decimal holds
        return Decimal("Infinity")


_decode: Final = msgspec.json.Decoder(Any, float_hook=_number).decode


class _Head(msgspec.Struct):
    kind: Any = None
    record_id: Any = None


_decode_head: Final = msgspec.json.Decoder(_Head, float_hook=_number).decode


def identify(raw: bytes) -> tuple[str | None, str | None]:
    """Kind and record id of a refused record as far as they can be read, cut to their limits."""
    try:
        head = _decode_head(raw)
    except DECODE_ERRORS:
        return None, None
    return _shown_key(head.kind, rules.SHORT_ID_LIMIT), _shown_key(head.record_id, rules.ID_LIMIT)


def _shown_key(value: object, limit: int) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        value = str(value)
    if not isinstance(value, str):
        return None
    return re.sub(rules.CONTROL_PATTERN, "", value).strip(rules.BLANKS)[:limit] or None


def repair(raw: bytes) -> Record:
    """Decode ``raw`` field by field.

    Raises:
        RecordRefused: with the code, field and value.
    """
    try:
        sent = _decode(raw)
    except RecursionError as error:
        raise RecordRefused("bad_json", "", "nested too deeply") from error
    except DECODE_ERRORS as error:
        # The decoder calls half of a surrogate pair "truncated", which sends people looking in the wrong place.
        reason = "a \\u escape is half of a surrogate pair" if _has_lone_surrogate(raw) else str(error)
        raise RecordRefused("bad_json", "", reason) from error
    if not isinstance(sent, dict):
        raise RecordRefused("not_an_object", "", sent)
    kind = sent.get("kind")
    if kind is None:
        raise RecordRefused("missing_field", "kind")
    if not isinstance(kind, str) or kind not in STRUCTS:
        raise RecordRefused("unknown_kind", "kind", kind)
    is_void = isinstance(sent.get("op"), str) and sent["op"].strip(rules.BLANKS).lower() == "void"
    values: dict[str, Any] = {}
    for name, field in (rules.COMMON_FIELDS if is_void else rules.fields(kind)).items():
        value = sent.get(name)
        if value is None or (isinstance(value, str) and _means_missing(value)):
            if name in ("record_id", "occurred_at"):
                raise RecordRefused("missing_field", name)
            continue
        values[name] = _READERS[field.type](value, name, field)
    return STRUCTS[kind](**values)


def _means_missing(text: str) -> bool:
    return len(text) <= 32 and text.strip(rules.BLANKS).lower() in rules.MISSING_TEXTS


def _text(value: object, name: str, _field: rules.Field) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    raise RecordRefused("wrong_type", name, value)


def _text_list(value: object, name: str, field: rules.Field) -> list[str] | str:
    if isinstance(value, list):
        return [_text(item, name, field) for item in value if item is not None]
    return _text(value, name, field)


def _time(value: object, name: str, _field: rules.Field) -> object:
    if isinstance(value, str):
        return times.parse(re.sub(rules.CONTROL_PATTERN, "", value).strip(rules.BLANKS), name)
    raise RecordRefused("bad_time", name, value)


def _money(value: object, name: str, _field: rules.Field) -> Decimal:
    return money.parse(value, name)


def _integer(value: object, name: str, field: rules.Field) -> int:
    number: int
    if isinstance(value, bool):
        raise RecordRefused("wrong_type", name, value)
    if isinstance(value, int):
        number = value
    elif isinstance(value, Decimal) and value.is_finite() and value.adjusted() >= _LONGEST_INTEGER:
        raise RecordRefused("out_of_range", name, value)
    elif isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        number = int(value)
    elif isinstance(value, str) and _is_integer(value.strip(rules.BLANKS)):
        number = int(value.strip(rules.BLANKS))
    else:
        raise RecordRefused("wrong_type", name, value)
    lowest, highest = field.range
    if not lowest <= number <= highest:
        raise RecordRefused("out_of_range", name, value)
    return number


def _boolean(value: object, name: str, field: rules.Field) -> bool:
    if isinstance(value, bool):
        return value
    text = _text(value, name, field).strip(rules.BLANKS).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise RecordRefused("wrong_type", name, value)


def _payments(value: object, name: str, field: rules.Field) -> list[Payment] | str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise RecordRefused("wrong_type", name, value)
    parts = []
    for part in value:
        if not isinstance(part, dict):
            raise RecordRefused("wrong_type", name, part)
        if part.get("amount") is None:
            raise RecordRefused("missing_field", "payments.amount")
        method = part.get("method")
        parts.append(
            Payment(
                method=None if method is None else _text(method, "payments.method", field),
                amount=money.parse(part["amount"], "payments.amount"),
            )
        )
    return parts


_READERS: Final[dict[str, Any]] = {
    "text": _text,
    "plate": _text,
    "code": _text,
    "method": _text,
    "codes": _text_list,
    "money": _money,
    "time": _time,
    "integer": _integer,
    "boolean": _boolean,
    "payments": _payments,
}
