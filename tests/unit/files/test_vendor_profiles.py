"""Each vendor's sample payload gives exactly these records; docs/source-profiles.md has the mapping tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.files.catalogue import PROFILES, load_profile
from tests.unit.files import judging
from tests.unit.files.judging import Judged, judge_file

ENTERED = datetime(2026, 5, 1, 0, 30, tzinfo=UTC)
LEFT = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)
Sample = Callable[[str], Judged]


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """Judge the sample payload of a vendor; the samples are of lot SZ-1."""
    monkeypatch.setattr(judging, "SHANGHAI", replace(judging.SHANGHAI, code="SZ-1"))

    def judge_sample(name: str) -> Judged:
        (path,) = (PROFILES / "samples").glob(f"{name}.*")
        return judge_file(path, load_profile(name), tmp_path / "spool", None)

    return judge_sample


def _only(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_bolian_gives_entries_exits_charges_counts_openings_and_cancellations(sample: Sample) -> None:
    judged = sample("bolian")
    tables = judged.tables
    assert _only(tables["entry"], "record_id", "occurred_at", "plate", "plate_color", "marks") == [
        ("B1001", ENTERED, "粤B12345", "white", None),
        ("B1002", datetime(2026, 5, 1, 0, 31, 40, tzinfo=UTC), None, None, "no_plate"),
    ]
    assert _only(tables["exit"], "record_id", "revision", "op", "occurred_at", "entered_at", "plate") == [
        ("B1001", 0, "upsert", LEFT, ENTERED, "粤B12345"),
        ("B1001", 1, "void", LEFT, None, None),
    ]
    charge, void = tables["charge"]
    assert (charge["receivable"], charge["discount"], charge["received"], charge["uncollected"]) == (
        Decimal("15.00"), Decimal("5.00"), Decimal("10.00"), Decimal("0.00"),
    )  # fmt: skip
    assert charge["payments"] == '[{"method":"cash","amount":"4.00"},{"method":"wallet","amount":"6.00"}]'
    assert (void["op"], void["revision"], void["receivable"]) == ("void", 1, None)
    assert _only(tables["free_space_count"], "free_spaces") == [(42,)]
    assert _only(tables["gate_opening"], "record_id", "operator_name", "reason") == [("L7", "u3", "救护车")]
    assert _only(judged.rejected, "line", "code") == [(7, "unknown_lot")]


def test_tdzn_query_turns_fen_and_pay_orders_into_yuan_and_payments(sample: Sample) -> None:
    judged = sample("tdzn_query")
    assert _only(judged.tables["entry"], "record_id", "plate", "mode") == [
        ("T1", "粤BD12345", "backfill"), ("T2", None, "backfill"), ("T3", "粤B22222", "backfill"),
    ]  # fmt: skip
    assert _only(judged.tables["exit"], "record_id", "release_mode") == [("T1", "automatic"), ("T3", "manual")]
    first, free = judged.tables["charge"]
    assert first["received"] == Decimal("10.00")
    assert first["payments"] == (
        '[{"method":"cash","amount":"3.00"},{"method":"wechat","amount":"2.00"},{"method":"alipay","amount":"5.00"}]'
    )
    assert (free["received"], free["method"], free["payments"], free["marks"]) == (Decimal("0.00"), None, None, None)


def test_tdzn_mqtt_knows_backfill_and_takes_a_cancelled_exit_back(sample: Sample) -> None:
    judged = sample("tdzn_mqtt")
    assert _only(judged.tables["entry"], "plate_color", "mode", "occurred_at") == [("white", "live", ENTERED)]
    assert _only(judged.tables["exit"], "op", "revision", "mode") == [("upsert", 0, "backfill"), ("void", 1, "live")]
    assert _only(judged.tables["charge"], "op", "receivable", "discount", "received", "method") == [
        ("upsert", Decimal("15.50"), Decimal("0.50"), Decimal("15.00"), "alipay"),
        ("void", None, None, None, None),
    ]
    assert _only(judged.tables["free_space_count"], "free_spaces", "total_spaces") == [(12, 120)]
    assert _only(judged.tables["gate_opening"], "record_id", "reason") == [("G9", "消防")]


def test_hfcsbc_reads_milliseconds_and_marks_what_was_paid_beyond_the_receivable(sample: Sample) -> None:
    judged = sample("hfcsbc")
    assert _only(judged.tables["entry"], "occurred_at", "plate_color") == [(ENTERED, "black")]
    assert _only(judged.tables["charge"], "record_id", "receivable", "received", "method", "marks") == [
        ("H1", Decimal("15.05"), Decimal("15.05"), "wechat", None),
        ("H2", Decimal("0.00"), Decimal("0.00"), None, "no_plate"),
        ("H3", Decimal("5.00"), Decimal("8.00"), "qr", "unbalanced"),
    ]


def test_ydt_reads_compact_times_revisions_and_openings(sample: Sample) -> None:
    judged = sample("ydt")
    assert _only(judged.tables["entry"], "record_id", "revision", "occurred_at", "plate") == [
        ("Y1", 0, ENTERED, "鲁A12345"),
        ("Y1", 1, ENTERED, "鲁A12346"),
        ("Y2", 0, datetime(2026, 5, 1, 0, 45, tzinfo=UTC), None),
    ]
    assert _only(judged.tables["charge"], "discount", "received", "method") == [
        (Decimal("5.00"), Decimal("10.00"), "wechat")
    ]
    assert _only(judged.tables["free_space_count"], "free_spaces", "marks") == [(-3, "impossible_count")]
    assert _only(judged.tables["gate_opening"], "opening_mode") == [("remote",)]
