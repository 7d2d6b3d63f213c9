"""What a receipt prints."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.services.receipts import capital, receipt_page
from warehouse.services.renewal_entries import Receipt, RenewalView

RECEIPT = Receipt(
    renewal=RenewalView(
        renewal_id=1,
        owner_id=1,
        receipt_number="P1-20260501-0001",
        created_at=datetime(2026, 4, 30, 17, 0, 5, tzinfo=UTC),
        plates=("鲁F69Y07", "鲁F69Y08"),
        plan_name="<月卡>",
        periods=3,
        unit_price=Decimal("300.00"),
        amount=Decimal("900.05"),
        method="wechat",
        valid_from_before=None,
        valid_to_before=None,
        valid_from=date(2026, 5, 1),
        valid_to=date(2026, 7, 31),
        operator_name="王芳",
        remark="<script>alert(1)</script>",
    ),
    lot_name="云和花园 & 西区",
    time_zone="Asia/Shanghai",
    owner_code="00001",
    owner_name="初建春",
    group="家庭",
)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0.00", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("0.55", "伍角伍分"),
        ("1.00", "壹元整"),
        ("1.05", "壹元零伍分"),
        ("1.50", "壹元伍角整"),
        ("10.00", "壹拾元整"),
        ("100.10", "壹佰元壹角整"),
        ("1004.05", "壹仟零肆元零伍分"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("10000.00", "壹万元整"),
        ("10001.00", "壹万零壹元整"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("100020.00", "壹拾万零贰拾元整"),
        ("1000000.00", "壹佰万元整"),
        ("99999999.99", "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
        ("100000001.00", "壹亿零壹元整"),
    ],
)
def test_amounts_are_written_as_bookkeepers_write_them(amount: str, written: str) -> None:
    assert capital(Decimal(amount)) == written


def read_capital(text: str) -> Decimal:
    """The amount that capital numerals say."""
    units = {"拾": 10, "佰": 100, "仟": 1000}
    fen, group, digit, yuan = 0, 0, 0, 0
    for character in text.removesuffix("整"):
        if character in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(character)
        elif character in units:
            group, digit = group + digit * units[character], 0
        elif character == "万":
            yuan, group, digit = (yuan + group + digit) * 10_000, 0, 0
        elif character == "元":
            yuan, group, digit = yuan + group + digit, 0, 0
        elif character == "角":
            fen, digit = fen + digit * 10, 0
        elif character == "分":
            fen, digit = fen + digit, 0
    return Decimal(yuan * 100 + fen).scaleb(-2)


@given(st.integers(0, 9_999_999_999).map(lambda fen: Decimal(fen).scaleb(-2)))
def test_what_is_written_reads_as_the_amount(amount: Decimal) -> None:
    written = capital(amount)
    assert read_capital(written) == amount
    assert "零零" not in written


@pytest.mark.parametrize("amount", ["-0.01", "0.001"])
def test_amounts_that_are_no_money_are_not_written(amount: str) -> None:
    with pytest.raises(ValueError, match="capital"):
        capital(Decimal(amount))


def test_the_chinese_receipt_has_the_local_time_and_the_amount_in_capitals() -> None:
    page = receipt_page(RECEIPT, "zh")
    for text in (
        '<html lang="zh-CN">',
        "长期车续费收据",
        "P1-20260501-0001",
        "2026-05-01 01:00:05",
        "鲁F69Y07、鲁F69Y08",
        "¥900.05（大写：玖佰元零伍分）",
        "2026-05-01 至 2026-07-31",
        "APP微信支付",
        "初建春（00001）",
        "王芳",
    ):
        assert text in page


def test_the_english_receipt_is_english_and_what_people_typed_is_escaped() -> None:
    page = receipt_page(RECEIPT, "en")
    assert "Receipt for long-term parking" in page
    assert "WeChat Pay" in page
    assert "大写" not in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "&lt;月卡&gt; × 3" in page
    assert "云和花园 &amp; 西区" in page
