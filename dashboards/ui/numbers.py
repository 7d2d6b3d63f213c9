"""Numbers as people read them.

Belongs here: short and exact forms of counts, money and shares in both languages. Does not belong here: arithmetic of
reports; everything that arrives is already the figure. ``None`` is a figure that is not known and is shown as such,
never as zero.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "—"

# Chinese counts by ten thousands and hundred millions, English by thousands and millions.
_STEPS = {
    "zh": ((Decimal(10) ** 8, "亿"), (Decimal(10) ** 4, "万")),
    "en": ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K")),
}


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def count(value: int | None) -> str:
    """An exact count with thousands separators."""
    return UNKNOWN if value is None else f"{value:,}"


def money(value: Decimal | None) -> str:
    """An exact amount in yuan with two decimals."""
    if value is None:
        return UNKNOWN
    return f"{'-' if value < 0 else ''}¥{abs(_rounded(value, 2)):,.2f}"


def short(value: int | Decimal | None, language: str, *, exact_below: int = 100_000) -> str:
    """A number where space is short: exact to the unit below ``exact_below``, else 10.34万 or 103.4K."""
    if value is None:
        return UNKNOWN
    number = Decimal(value)
    if abs(_rounded(number, 0)) < exact_below:
        return f"{_rounded(number, 0):,}"
    for step, unit in _STEPS["zh" if language == "zh" else "en"]:
        if abs(number) >= step:
            scaled = number / step
            digits = 2 if abs(scaled) < 100 else 1
            return f"{_rounded(scaled, digits):,}{unit}"
    return f"{_rounded(number, 0):,}"


def short_money(value: Decimal | None, language: str) -> str:
    """An amount where space is short, with the yuan sign."""
    if value is None:
        return UNKNOWN
    return f"{'-' if value < 0 else ''}¥{short(abs(value), language, exact_below=10_000)}"


def share(part: int | Decimal | None, whole: int | Decimal | None) -> Decimal | None:
    """``part`` of ``whole``, or None when there is no whole."""
    if part is None or whole is None or whole == 0:
        return None
    return Decimal(part) / Decimal(whole)


def percent(value: Decimal | None, digits: int = 1) -> str:
    """A share as per cent; more than 100 % is shown and not clipped."""
    return UNKNOWN if value is None else f"{_rounded(value * 100, digits):,}%"
