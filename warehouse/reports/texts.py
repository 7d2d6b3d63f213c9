"""How values are written for people, in both languages.

Belongs here: turning one typed value into a text. Does not belong here: files and tables (``export``), labels of codes
(``warehouse.codes``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from warehouse.codes import label
from warehouse.reports.columns import Column, ColumnType

TOTAL: Final = {"zh": "合计", "en": "Total", "key": "total"}
_WEEKDAYS: Final = {
    f"weekday_{number}": names
    for number, names in enumerate(
        (
            ("周一", "Monday"),
            ("周二", "Tuesday"),
            ("周三", "Wednesday"),
            ("周四", "Thursday"),
            ("周五", "Friday"),
            ("周六", "Saturday"),
            ("周日", "Sunday"),
        ),
        start=1,
    )
}


@lru_cache(maxsize=4096)
def code_text(code_set: str, code: str, language: str) -> str:
    """The label of a code; the code itself with language ``key`` or when it is not known."""
    if language == "key":
        return code
    if code_set == "weekday" and code in _WEEKDAYS:
        return _WEEKDAYS[code][0 if language == "zh" else 1]
    return label(code_set, code, language)


def duration_text(seconds: int, language: str) -> str:
    """A length of time in the manual's wording: 1小时14分钟45秒; hours are left out when there are none.

    English: 1h 14m 45s. With language ``key`` the bare number of seconds.
    """
    if language == "key":
        return str(seconds)
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    parts = (rest // 3600, rest // 60 % 60, rest % 60)
    units, gap = (("小时", "分钟", "秒"), "") if language == "zh" else (("h", "m", "s"), " ")
    first = next((position for position, part in enumerate(parts) if part), 2)
    return sign + gap.join(f"{part}{unit}" for part, unit in list(zip(parts, units, strict=True))[first:])


def yes_no(value: bool, language: str) -> str:
    """是 or 否, Yes or No; true or false with language ``key``."""
    if language == "key":
        return str(value).lower()
    return label("yes_no", "yes" if value else "no", language)


def ratio_text(value: Decimal, language: str) -> str:
    """A share as per cent with 2 places; with language ``key`` the share itself with 4."""
    return str(value) if language == "key" else f"{value * 100:.2f}%"


def _codes_text(code_set: str, value: str, language: str) -> str:
    return ",".join(code_text(code_set, code.strip(), language) for code in value.split(","))


def _writer(column: Column, language: str) -> Callable[[Any], str]:
    match column.type:
        case ColumnType.CODE:
            return lambda value: code_text(column.code_set or "", value, language)
        case ColumnType.CODES:
            return lambda value: _codes_text(column.code_set or "", value, language)
        case ColumnType.MONEY | ColumnType.AVERAGE:
            return lambda value: f"{value:.2f}"
        case ColumnType.RATIO:
            return lambda value: ratio_text(value, language)
        case ColumnType.DURATION:
            return lambda value: duration_text(value, language)
        case ColumnType.INSTANT:
            return _instant_text
        case ColumnType.BOOLEAN:
            return lambda value: yes_no(value, language)
        case _:
            return str


def _instant_text(value: date | datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S")


def writer(column: Column, language: str) -> Callable[[Any], str]:
    """How the values of ``column`` are written; nothing is an empty text."""
    write = _writer(column, language)
    return lambda value: "" if value is None else write(value)
