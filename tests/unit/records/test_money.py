"""Amounts arrive exactly as they were written, or are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import LotContext, decode_batch

PAID = {"plate": "浙A12345", "method": "cash"}


def stored(literal: str) -> dict[str, object]:
    """The journal line of a charge whose amounts are this JSON literal."""
    body = (
        '{"records":[{"kind":"charge","record_id":"r1","occurred_at":"2026-05-01T08:00:00","plate":"浙A12345",'
        f'"method":"cash","receivable":{literal},"received":{literal}}}]}}'
    )
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    line: dict[str, object] = json.loads(
        decode_batch(body.encode(), "application/json", LotContext(7, "L7", "Asia/Shanghai", 0), now).lines
    )
    return line


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 9_999_999_999), st.sampled_from(["number", "text", "exponent"]))
def test_an_amount_survives_to_the_cent_however_it_is_written(fen: int, spelling: str) -> None:
    yuan = Decimal(fen).scaleb(-2)
    literal = {"number": f"{yuan:.2f}", "text": f'"{yuan:.2f}"', "exponent": f"{fen}e-2"}[spelling]
    line = stored(literal)
    assert line["received"] == f"{yuan:.2f}"
    assert line["marks"] is None


@pytest.mark.parametrize(
    ("literal", "amount"),
    [
        ("12.5", "12.50"),
        ("12", "12.00"),
        ('"12.500"', "12.50"),
        ("1e2", "100.00"),
        ('" 12.50 "', "12.50"),
        ("0.1", "0.10"),
        ("70368744.17", "70368744.17"),
        ("99999999.99", "99999999.99"),
        ("-0", "0.00"),
        ('"-0.00"', "0.00"),
        ('".5"', "0.50"),
    ],
)
def test_an_amount_is_stored_with_two_decimals(literal: str, amount: str) -> None:
    assert stored(literal)["received"] == amount


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        ("12.345", "money_precision"),
        ("0.1000000000000000055511151231257827", "money_precision"),
        ("1e-999999", "money_precision"),
        ("-0.01", "negative_money"),
        ("100000000", "absurd_money"),
        ("-100000000", "absurd_money"),
        ("1e999999", "absurd_money"),
        ("9" * 5000, "absurd_money"),
        ('"NaN"', "bad_money"),
        ('"sNaN"', "bad_money"),
        ('"Infinity"', "bad_money"),
        ("1e99999999999999999999", "bad_money"),
        ('"12,50"', "bad_money"),
        ('"￥12.50"', "bad_money"),
        ('"twelve"', "bad_money"),
        ("true", "bad_money"),
        ("[12.5]", "bad_money"),
        ('"null"', "missing_field"),
        ("null", "missing_field"),
        ('""', "missing_field"),
    ],
)
def test_an_impossible_amount_is_refused(literal: str, code: str) -> None:
    line = stored(literal)
    assert (line["kind"], line["code"]) == ("rejected", code)
    assert "receivable" in str(line["reason_en"])


def test_what_is_left_out_of_a_charge_is_filled_so_that_it_balances(judge) -> None:
    verdict, line = judge("charge", **PAID, receivable="15.00", discount="5", received="7.50")
    assert verdict.verdict == "accepted"
    assert (line["discount"], line["waived"], line["uncollected"]) == ("5.00", "0.00", "2.50")


def test_a_charge_that_does_not_balance_is_kept_as_sent_and_marked(judge) -> None:
    verdict, line = judge("charge", **PAID, receivable="15.00", received="10.00", uncollected="1.00")
    assert (verdict.marks, line["uncollected"]) == (["unbalanced"], "1.00")


def test_a_charge_paid_beyond_the_receivable_has_no_negative_debt_and_is_marked(judge) -> None:
    verdict, line = judge("charge", **PAID, receivable="10.00", received="12.00")
    assert (verdict.marks, line["uncollected"], line["received"]) == (["unbalanced"], "0.00", "12.00")


@pytest.mark.parametrize("method", [None, "bitcoin", "null"])
def test_money_received_without_a_known_method_is_refused(judge, method: str | None) -> None:
    verdict, _ = judge("charge", plate="浙A12345", receivable=5, received=5, method=method)
    assert (verdict.verdict, verdict.code) == ("rejected", "unknown_method")


@pytest.mark.parametrize("kind", ["refund", "renewal", "top_up"])
def test_every_kind_that_moves_money_needs_a_method(judge, kind: str) -> None:
    assert judge(kind, amount=5)[0].code == "unknown_method"
    assert judge(kind, amount=5, method="WeChat")[1]["method"] == "wechat"
    assert judge(kind, amount=-5, method="wechat")[0].code == "negative_money"


def test_a_charge_of_nothing_needs_no_method_but_an_unknown_one_is_marked(judge) -> None:
    assert judge("charge", plate="浙A12345", receivable=0, received=0)[0].verdict == "accepted"
    verdict, line = judge("charge", plate="浙A12345", receivable=0, received=0, method="bitcoin")
    assert (verdict.marks, line["method"]) == (["unknown_method"], None)


def test_several_methods_are_kept_with_their_amounts(judge) -> None:
    parts = [{"method": "wechat", "amount": 8.5}, {"method": "CASH", "amount": "1.5"}]
    verdict, line = judge("charge", plate="浙A12345", receivable=10, received=10, method="qr", payments=parts)
    assert (verdict.verdict, line["method"]) == ("accepted", None)
    assert json.loads(line["payments"]) == [
        {"method": "wechat", "amount": "8.50"},
        {"method": "cash", "amount": "1.50"},
    ]
    as_text = judge("charge", plate="浙A12345", receivable=10, received=10, payments=json.dumps(parts))[1]
    assert as_text["payments"] == line["payments"]


def test_one_payment_is_the_same_as_a_method(judge) -> None:
    parts = [{"method": "wechat", "amount": 10}]
    line = judge("charge", plate="浙A12345", receivable=10, received=10, payments=parts)[1]
    assert (line["method"], line["payments"]) == ("wechat", None)


def test_payments_that_do_not_add_up_are_marked(judge) -> None:
    parts = [{"method": "wechat", "amount": 8}, {"method": "cash", "amount": 1}]
    verdict, _ = judge("charge", plate="浙A12345", receivable=10, received=10, payments=parts)
    assert verdict.marks == ["payments_differ"]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([{"method": "bitcoin", "amount": 10}], "unknown_method"),
        ([{"amount": 10}], "unknown_method"),
        ([{"method": "cash", "amount": 10.001}], "money_precision"),
        ([{"method": "cash", "amount": -10}], "negative_money"),
        ([{"method": "cash"}], "missing_field"),
        ([{"method": "cash", "amount": 1}] * 51, "too_long"),
        ({"cash": 10}, "wrong_type"),
        (["cash"], "wrong_type"),
        ("cash 10", "wrong_type"),
        ([], "unknown_method"),
    ],
)
def test_malformed_payments_are_refused(judge, parts: object, code: str) -> None:
    verdict, _ = judge("charge", plate="浙A12345", receivable=10, received=10, payments=parts)
    assert (verdict.verdict, verdict.code) == ("rejected", code)


def test_balances_cash_counts_and_red_invoices_may_be_negative(judge) -> None:
    assert judge("top_up", amount=5, method="cash", balance_after=-1)[1]["balance_after"] == "-1.00"
    assert judge("shift", cash_expected=-3, cash_counted="-3.10")[1]["cash_counted"] == "-3.10"
    assert judge("invoice", amount=-10, invoice_type="red", status="issued")[1]["amount"] == "-10.00"
