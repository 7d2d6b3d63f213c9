"""The cases of docs/tariffs.md, computed by the engine and over columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.tariffs.test_laws import framed
from warehouse.settings import PROJECT_ROOT
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import Coupon, MinutesCoupon, MoneyCoupon, Payment, Stay
from warehouse.tariffs.vector import charge_many

TEXT = (PROJECT_ROOT / "docs" / "tariffs.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"<!-- (?P<sort>tariff|cases): (?P<name>\w+)(?:, (?P<more>[^>\n]*?))? -->\n"
    r"(?:```json\n(?P<json>[^`]*)```\n)?\n(?P<table>(?:\|[^\n]*\n)+)"
)


def cases() -> Iterator[Any]:
    tariffs: dict[str, tuple[dict[str, Any], WallClock]] = {}
    for block in BLOCK.finditer(TEXT):
        name, more = block["name"], block["more"] or ""
        if block["sort"] == "tariff":
            zone, _, cutover = more.partition(", cut-over ")
            tariffs[name] = json.loads(block["json"]), WallClock(zone, int(cutover or 0))
        document, clock = tariffs[name]
        if more == "money_first":
            document = document | {"coupon_order": "money_first"}
        header, _, *rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in block["table"].strip().split("\n")
        ]
        for number, row in enumerate(rows, start=1):
            yield pytest.param(document, clock, dict(zip(header, row, strict=True)), id=f"{name}-{more[:11]}-{number}")


def stay_of(case: dict[str, str], clock: WallClock) -> Stay:
    zone = ZoneInfo(clock.time_zone)

    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=zone)

    coupons: list[Coupon] = []
    for text in filter(None, case.get("Coupons", "").split(", ")):
        number, unit = text.split()
        coupons.append(MinutesCoupon(int(number)) if unit == "minutes" else MoneyCoupon(Decimal(number)))
    payments = []
    for text in filter(None, case.get("Paid", "").split(", ")):
        amount, at = text.split(" at ")
        payments.append(Payment(instant(at), Decimal(amount)))
    entered, left = instant(case["Entered"]), instant(case["Left"])
    return Stay(entered, left, case.get("Vehicle"), tuple(coupons), tuple(payments))


def test_the_document_has_cases() -> None:
    assert len(list(cases())) >= 45


@pytest.mark.parametrize(("document", "clock", "case"), cases())
def test_a_documented_case_has_the_figures_that_the_document_says(
    document: dict[str, Any], clock: WallClock, case: dict[str, str]
) -> None:
    tariff, stay = parse(document), stay_of(case, clock)
    charged = charge(tariff, stay, clock)
    shown = {
        "Receivable": charged.receivable,
        "Due": charged.due,
        "By minutes": sum(d.amount for d in charged.discounts if isinstance(d.coupon, MinutesCoupon)),
        "By money": sum(d.amount for d in charged.discounts if isinstance(d.coupon, MoneyCoupon)),
    }
    figures = {name: f"{amount:.2f}" for name, amount in shown.items() if name in case}
    assert figures == {name: case[name] for name in figures}
    if len(stay.payments) < 2:
        row = charge_many(tariff, framed([stay]), clock).row(0, named=True)
        assert (row["receivable"], row["due"]) == (charged.receivable, charged.due)
