"""Plates are masked for those who may not see them whole, wherever they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.reports.columns import integer, text
from warehouse.reports.masking import masked_plate, masked_rows, masked_text


@pytest.mark.parametrize(
    ("plate", "shown"),
    [("沪A12345", "沪A***45"), ("浙AD12345", "浙A****45"), ("无牌", "**"), ("", ""), ("粤ZAB12港", "粤Z***2港")],
)
def test_the_first_and_last_two_characters_stay(plate: str, shown: str) -> None:
    assert masked_plate(plate) == shown


def test_a_plate_inside_a_text_is_masked_and_the_rest_stays() -> None:
    assert masked_text('{"plate":"沪A12345","fee":"5.00"}') == '{"plate":"沪A***45","fee":"5.00"}'


def test_rows_are_masked_in_their_plate_and_text_columns_only() -> None:
    columns = (text("lot_name", "", ""), text("plate", "", ""), integer("fee", "", ""), text("remark", "", ""))
    rows = [("沪A12345", "沪A12345", 5, "见 沪A12345"), ("x", None, 6, None)]
    assert masked_rows(columns, rows) == [("沪A12345", "沪A***45", 5, "见 沪A***45"), ("x", None, 6, None)]


@given(st.text(min_size=6, max_size=12))
def test_a_masked_plate_keeps_its_length_and_tells_four_characters_at_most(plate: str) -> None:
    shown = masked_plate(plate)
    assert len(shown) == len(plate)
    assert shown[2:-2] == "*" * (len(plate) - 4)
