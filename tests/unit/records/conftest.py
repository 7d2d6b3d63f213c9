"""What the tests of the record contract share: a lot, a time of receipt, and one record through ``decode_batch``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.records import LotContext, Verdict, decode_batch

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Judge = Callable[..., tuple[Verdict, dict[str, Any]]]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def judge() -> Judge:
    """Judge one record; what is not given is filled in. Returns its verdict and its journal line."""

    def judge_one(
        kind: str = "entry", *, time_zone: str = "Asia/Shanghai", cutover_minutes: int = 0, **values: Any
    ) -> tuple[Verdict, dict[str, Any]]:
        record = {"kind": kind, "record_id": "r1", "occurred_at": "2026-05-01T08:00:00"} | values
        lot = LotContext(7, "L7", time_zone, cutover_minutes)
        result = decode_batch(json.dumps({"records": [record]}).encode(), "application/json", lot, NOW)
        (verdict,) = result.verdicts
        (line,) = result.lines.splitlines()
        return verdict, json.loads(line)

    return judge_one


@pytest.fixture
def judge_raw() -> Callable[..., tuple[list[Verdict], list[dict[str, Any]]]]:
    """Judge a body as it is. Returns the verdicts and the journal lines."""

    def judge_body(body: bytes, content_type: str = "application/json") -> tuple[list[Verdict], list[dict[str, Any]]]:
        result = decode_batch(body, content_type, LotContext(7, "L7", "Asia/Shanghai", 0), NOW)
        return result.verdicts, [json.loads(line) for line in result.lines.splitlines()]

    return judge_body
