"""Which texts are plates, which say that there is none, and that DuckDB agrees."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import rules
from ingest.records.plates import form, recognise


@pytest.mark.parametrize(
    ("text", "plate", "expected_form"),
    [
        ("浙A8298P", "浙A8298P", "standard"),
        ("鲁ywa035", "鲁YWA035", "standard"),
        ("沪BRD963", "沪BRD963", "standard"),
        ("京A·12345", "京A12345", "standard"),
        ("粤 B-12345", "粤B12345", "standard"),
        ("粤Ｂ１２３４５", "粤B12345", "standard"),
        ("粤BD12345", "粤BD12345", "new_energy"),
        ("浙A12345F", "浙A12345F", "new_energy"),
        ("京A1234警", "京A1234警", "police_trailer_learner"),
        ("鲁B1234挂", "鲁B1234挂", "police_trailer_learner"),
        ("皖A1234学", "皖A1234学", "police_trailer_learner"),
        ("京X0001应急", "京X0001应急", "emergency"),
        ("使014578", "使014578", "embassy_consulate"),
        ("224578使", "224578使", "embassy_consulate"),
        ("沪A1234领", "沪A1234领", "embassy_consulate"),
        ("京A1234使", "京A1234使", "embassy_consulate"),
        ("粤Z1234港", "粤Z1234港", "hong_kong_macau"),
        ("粤Z·AB12澳", "粤ZAB12澳", "hong_kong_macau"),
        ("VA12345", "VA12345", "military"),
        ("KB88888", "KB88888", "military"),
        ("军A12345", "军A12345", "military"),
        ("WJ浙12345", "WJ浙12345", "armed_police"),
        ("WJ京1234X", "WJ京1234X", "armed_police"),
        ("wj01-12345", "WJ0112345", "armed_police"),
        ("民航A1234", "民航A1234", "civil_aviation"),
        ("临浙A12345", "临浙A12345", "temporary"),
    ],
)
def test_a_plate_of_a_known_form_is_normalised_without_a_mark(text: str, plate: str, expected_form: str) -> None:
    assert recognise(text) == (plate, None)
    assert form(plate) == expected_form


@pytest.mark.parametrize(
    "text",
    [
        "无牌车",
        "无",
        "?",
        "？？",
        "未识别09123",
        "无ES16V2A",
        "_无_",
        "无车牌",
        "未知",
        "000000",
        "Unknown",
        "no plate",
        "-",
        "没有车牌",
    ],
)
def test_a_text_that_says_there_is_no_plate_is_no_plate(text: str) -> None:
    assert recognise(text) == (None, "no_plate")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("浙B11U1", "浙B11U1"),  # one character short, as in the manual
        ("浙A1234567", "浙A1234567"),
        ("浙AO1234", "浙AO1234"),  # the letter O is not issued
        ("X", "X"),
        ("A12345", "A12345"),
        ("浙?12345", "浙?12345"),
    ],
)
def test_a_misread_plate_is_kept_and_marked(text: str, kept: str) -> None:
    assert recognise(text) == (kept, "misread_plate")


@pytest.mark.parametrize("text", ["null", "", "  ", "NULL", None, "(null)"])
def test_a_missing_plate_of_a_passage_is_marked(text: str | None, judge) -> None:
    verdict, line = judge("entry", plate=text)
    assert (verdict.verdict, verdict.marks, line["plate"], line["marks"]) == ("marked", ["no_plate"], None, "no_plate")


def test_a_gate_opening_without_a_car_is_not_marked(judge) -> None:
    assert judge("gate_opening", opening_mode="manual", plate="无")[0].verdict == "accepted"


def test_a_misread_plate_is_marked_on_every_kind(judge) -> None:
    verdict, line = judge("gate_opening", opening_mode="manual", plate="x1")
    assert (verdict.marks, line["plate"]) == (["misread_plate"], "X1")


_PLATE_LIKE = st.text(
    st.sampled_from("浙粤京沪军使领警挂学港澳临民航WJZABIO０１Ａａ0123456789·-. ?？*无未识别牌车空NULnul\u3000é"),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(_PLATE_LIKE, st.text(max_size=10)), min_size=1, max_size=20))
def test_duckdb_normalises_and_recognises_plates_the_same_way(texts: list[str]) -> None:
    texts = [text.replace("\0", "") for text in texts]
    connection = duckdb.connect()
    try:
        rows = connection.execute(
            "SELECT plate, regexp_full_match(plate, $known), regexp_full_match(plate, $none) "
            "FROM (SELECT translate(unnest($texts), $from, $to) AS plate)",
            {
                "texts": texts,
                "from": rules.PLATE_FROM,
                "to": rules.PLATE_TO,
                "known": rules.PLATE_PATTERN,
                "none": rules.NO_PLATE_PATTERN,
            },
        ).fetchall()
    finally:
        connection.close()
    for text, (plate, is_plate, is_none) in zip(texts, rows, strict=True):
        expected = (plate, None) if is_plate else (None, "no_plate") if is_none else (plate, "misread_plate")
        assert recognise(text) == expected
