"""The records behind the manual's tables add up to what it prints."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ingest.records.batch import LotContext, decode_batch
from ingest.simulator.manual.records import LOT_FILE, Record, manual_records
from warehouse.services.lot_file import read_lot_file

NAMES = {
    "WXT-TEST": "wxt测试停车场",
    "HZ-TEST-ZW": "杭州测试停车场ZW",
    "SH-SHOWROOM-OLD": "上海展厅(作废)",
    "SH-SHOWROOM": "上海展厅",
    "KERRY-NE": "嘉里城东北区",
    "YT-XIANGLONG": "烟台祥隆新世界百货",
    "YT-LIVING": "烟台国际生活馆停车场",
    "HZ-TEST-ZL": "杭州测试ZL",
}
MONTH = {  # cash, iou, alipay, wechat, total: the columns of 3.8.3 that are not zero
    "HZ-TEST-ZW": ("13.03", "0", "0", "0", "13.03"),
    "KERRY-NE": ("1345.00", "0", "905.00", "440.00", "2690.00"),
    "YT-XIANGLONG": ("562.00", "0", "0", "1648.00", "2210.00"),
    "YT-LIVING": ("730.00", "0", "0", "1058.00", "1788.00"),
    "HZ-TEST-ZL": ("360.02", "1.06", "0", "0.10", "361.18"),
}
RENEWED = {"SH-SHOWROOM": "0.03", "KERRY-NE": "1820.00", "YT-XIANGLONG": "6120.00", "HZ-TEST-ZL": "400.00"}
DAY = {  # 3.8.8: received, discount, alipay, wechat, cash
    ("KERRY-NE", "岗亭"): ("20", "405", "0", "0", "20"),
    ("KERRY-NE", "手动开闸"): ("70", "0", "65", "5", "0"),
    ("YT-XIANGLONG", "桐林路岗亭"): ("6", "44", "0", "0", "6"),
    ("YT-XIANGLONG", "岗亭"): ("4", "0", "0", "2", "2"),
    ("YT-XIANGLONG", "手动开闸"): ("56", "0", "0", "56", "0"),
    ("YT-LIVING", "生活馆"): ("12", "40", "0", "0", "12"),
    ("YT-LIVING", "手动开闸"): ("32", "0", "0", "32", "0"),
}
THE_DAY = "2019-05-08"


@pytest.fixture(scope="module")
def sent() -> dict[str, list[Record]]:
    return manual_records()


def of(sent: dict[str, list[Record]], kind: str, prefix: str = "2019-05") -> list[tuple[str, Record]]:
    return [
        (lot, record)
        for lot, records in sent.items()
        for record in records
        if record["kind"] == kind and record["occurred_at"].startswith(prefix)
    ]


def numbers(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


def test_the_eight_lots_carry_their_printed_names_and_marks() -> None:
    parsed = read_lot_file(LOT_FILE)
    assert parsed.errors == []
    assert {lot.code: lot.name for lot in parsed.lots} == NAMES
    assert {lot.code for lot in parsed.lots if lot.is_void} == {"SH-SHOWROOM-OLD"}
    assert {lot.code for lot in parsed.lots if lot.is_test} == {"WXT-TEST", "HZ-TEST-ZW", "HZ-TEST-ZL"}
    assert [lot.code for lot in parsed.lots if lot.address is None] == ["HZ-TEST-ZW", "HZ-TEST-ZL"]


def test_the_charges_of_may_add_up_to_the_printed_statistics(sent: dict[str, list[Record]]) -> None:
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for lot, charge in of(sent, "charge"):
        received = Decimal(charge["received"])
        if received:
            sums[lot][charge["method"]] += received
    methods = ("cash", "iou", "alipay", "wechat")
    found = {lot: (*(by[method] for method in methods), sum(by.values(), Decimal())) for lot, by in sums.items()}
    assert found == {lot: numbers(*row) for lot, row in MONTH.items()}
    assert sum((row[-1] for row in found.values()), Decimal()) == Decimal("7062.21")


def test_the_renewals_of_may_add_up_to_the_printed_statistics(sent: dict[str, list[Record]]) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for lot, renewal in of(sent, "renewal"):
        assert renewal["method"] == "cash"
        sums[lot] += Decimal(renewal["amount"])
    assert sums == {lot: Decimal(amount) for lot, amount in RENEWED.items()}
    assert sum(sums.values()) == Decimal("8340.03")


def test_the_charges_of_the_day_add_up_to_the_daily_report(sent: dict[str, list[Record]]) -> None:
    sums: dict[tuple[str, str], list[Decimal]] = {}
    for lot, charge in of(sent, "charge", THE_DAY):
        row = sums.setdefault((lot, charge["booth"]), [Decimal()] * 5)
        received = Decimal(charge["received"])
        row[0] += received
        row[1] += Decimal(charge["discount"])
        for position, method in ((2, "alipay"), (3, "wechat"), (4, "cash")):
            row[position] += received if charge.get("method") == method else 0
    assert {key: tuple(row) for key, row in sums.items()} == {key: numbers(*row) for key, row in DAY.items()}


def test_every_charge_balances(sent: dict[str, list[Record]]) -> None:
    for _, charge in of(sent, "charge"):
        assert Decimal(charge["receivable"]) == Decimal(charge["discount"]) + Decimal(charge["received"])


def test_the_day_has_exactly_the_sixteen_printed_exits_each_with_its_entry(sent: dict[str, list[Record]]) -> None:
    exits = of(sent, "exit", THE_DAY)
    entries = {(lot, entry["record_id"]): entry for lot, entry in of(sent, "entry", THE_DAY)}
    assert len(exits) == len(entries) == 16
    for lot, left in exits:
        entry = entries[lot, left["entry_record_id"]]
        assert (entry["plate"], entry["occurred_at"]) == (left["plate"], left["entered_at"])
    assert sorted(left["owner_name"] for _, left in exits if "owner_name" in left) == ["初建春", "王健"]


def test_every_controller_of_a_passage_is_a_device_of_its_lot(sent: dict[str, list[Record]]) -> None:
    devices = {(lot, state["device_id"]) for lot, state in of(sent, "device_state")}
    passages = of(sent, "entry") + of(sent, "exit")
    assert {(lot, passage["controller_id"]) for lot, passage in passages} <= devices


def test_devices_are_those_of_the_manual_and_end_in_the_printed_state(sent: dict[str, list[Record]]) -> None:
    last: dict[tuple[str, str], Record] = {}
    for lot, state in of(sent, "device_state"):
        key = lot, state["device_id"]
        if key not in last or state["occurred_at"] > last[key]["occurred_at"]:
            last[key] = state
    by_type: dict[str, list[str]] = defaultdict(list)
    for state in last.values():
        by_type[state["device_type"]].append(state["state"])
    assert {kind: len(states) for kind, states in by_type.items()} == {"controller": 15, "camera": 17}
    assert by_type["controller"].count("online") == 9
    assert by_type["camera"].count("online") == 8


def test_nothing_is_refused(sent: dict[str, list[Record]]) -> None:
    for lot, records in sent.items():
        body = json.dumps({"records": records}).encode()
        result = decode_batch(body, "application/json", LotContext(1, lot, "Asia/Shanghai", 0), datetime.now(UTC))
        assert {verdict.code for verdict in result.verdicts} == {None}
        assert {mark for verdict in result.verdicts for mark in verdict.marks} <= {"misread_plate"}


def test_record_ids_are_unique_and_every_call_gives_the_same(sent: dict[str, list[Record]]) -> None:
    for records in sent.values():
        keys = [(record["kind"], record["record_id"]) for record in records]
        assert len(keys) == len(set(keys))
    assert manual_records() == sent
