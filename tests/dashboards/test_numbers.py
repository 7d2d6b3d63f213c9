"""How numbers are shown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dashboards.ui import numbers


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (0, "0", "0"),
        (99_999, "99,999", "99,999"),
        (103_370, "10.34万", "103.4K"),
        (1_234_567, "123.5万", "1.23M"),
        (123_456_789, "1.23亿", "123.5M"),
        (-103_370, "-10.34万", "-103.4K"),
        (None, "—", "—"),
    ],
)
def test_a_long_number_is_shortened_in_the_way_of_its_language(value: int | None, zh: str, en: str) -> None:
    assert numbers.short(value, "zh") == zh
    assert numbers.short(value, "en") == en


def test_short_money_uses_ten_thousands_from_ten_thousand_on() -> None:
    assert numbers.short_money(Decimal("103370.40"), "zh") == "¥10.34万"
    assert numbers.short_money(Decimal("9999.40"), "zh") == "¥9,999"
    assert numbers.short_money(Decimal("-12345"), "zh") == "-¥1.23万"


def test_exact_money_keeps_the_fen() -> None:
    assert numbers.money(Decimal("1234567.5")) == "¥1,234,567.50"
    assert numbers.money(Decimal("-0.05")) == "-¥0.05"


def test_an_unknown_figure_is_never_shown_as_zero() -> None:
    assert {numbers.count(None), numbers.money(None), numbers.percent(None)} == {"—"}


def test_a_share_of_nothing_is_unknown() -> None:
    assert numbers.share(0, 0) is None
    assert numbers.share(3, None) is None


def test_more_than_all_is_shown_and_not_clipped() -> None:
    assert numbers.percent(numbers.share(459, 450)) == "102.0%"
