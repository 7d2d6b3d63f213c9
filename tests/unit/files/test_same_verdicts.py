"""The vectorised way and the per-record way are one contract: same verdict, marks and stored values."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.records import LotContext, decode_batch, rules
from tests.unit.files.judging import NEW_YORK, NOW, SHANGHAI, judge_file
from warehouse.codes import codes
from warehouse.lake.raw_tables import raw_table_columns

BLANK = st.sampled_from(["", " ", "　", "\t "])
PLATES = st.sampled_from(
    [
        "粤B12345",
        "粤b12345",
        " 粤B·12345 ",
        "粤BD12345",
        "WJ粤1234A",
        "无牌车",
        "无ES16V2A",
        "???",
        "null",
        "ABC",
        "粤Z1234港",
        "",
    ]
)
TIMES = st.sampled_from(
    [
        "2026-05-01 08:30:00",
        "2026-05-01T08:30:00",
        "2026-05-01T08:30:00+08:00",
        "2026-05-01t08:30:00.123456789Z",
        "2026-05-01 08:30:00.9999999",
        "2026-03-08 02:30:00",
        "2025-11-02 01:30:00",
        "2026-05-01T08:30:00-0330",
        "1999-12-31 23:00:00",
        "2000-01-01 12:00:00",
        "2026-05-03 08:30:00",
        "2026-05-02 19:59:59",
        "2026-02-30 08:00:00",
        "2026-05-01 24:00:00",
        "2026-05-01 08:30",
        "tomorrow",
        "",
        "NULL",
        "1988-06-01 12:00:00",
        "9999-12-31T00:00:00",
        "2026-05-01 03:59:59",
        "2026-05-01 04:00:00",
    ]
)
MONEY = st.sampled_from(
    [
        "0",
        "0.00",
        "12.5",
        "12.50",
        "12.500",
        "12.505",
        "-1",
        "+3",
        ".5",
        "7.",
        "1e2",
        "1e-3",
        "1e9",
        "99999999.99",
        "100000000",
        "0100000000.00",
        "abc",
        "",
        "null",
        "1,000",
        "12.5元",
        "-0",
        "5.00",
        "10",
        "15",
    ]
)
METHODS = st.sampled_from(["cash", "WeChat", " alipay ", "", "bitcoin", "null", "receipt"])
TEXTS = st.sampled_from(
    ["", "东门", " 岗亭 ", "undefined", "N/A", "x" * 130, "字" * 501, "a\x07b", "\x00", 'quo"te', "line\nbreak"]
)
INTEGERS = st.sampled_from(
    ["0", "1", "-5", "+7", "007", "2147483647", "2147483648", "-1", "x", "", "1.5", "99999999999999999999999"]
)
BOOLEANS = st.sampled_from(["true", "FALSE", "1", "0", "是", "否", "maybe", "", "Y"])
PAYMENTS = st.sampled_from(
    [
        "",
        "null",
        "[]",
        "{}",
        "nonsense",
        '[{"method":"cash","amount":"5.00"},{"method":"wechat","amount":5}]',
        '[{"method":"cash","amount":10}]',
        '[{"method":"bitcoin","amount":1}]',
        '[{"method":"bitcoin","amount":0}]',
        '[{"method":"cash","amount":"-1"}]',
        '[{"method":"cash","amount":"1.005"}]',
        '[{"method":"cash"}]',
        "[1]",
    ]
)


def _texts_for(name: str, field: rules.Field) -> st.SearchStrategy[str]:
    if name == "record_id":
        return st.sampled_from(["r1", " r2 ", "", "r" * 129, "null"])
    if field.type == "plate":
        return PLATES
    if field.type == "time":
        return TIMES
    if field.type == "money":
        return MONEY
    if field.type == "method":
        return METHODS
    if field.type == "integer":
        return INTEGERS
    if field.type == "boolean":
        return BOOLEANS
    if field.type == "payments":
        return PAYMENTS
    if field.type in ("code", "codes"):
        known = list(codes(field.code_set))
        joined = [",".join(known[:2]), f"{known[0]}, {known[0].upper()},what"]
        return st.sampled_from([*known[:3], known[0].upper(), "", "what", *(joined if field.type == "codes" else [])])
    return TEXTS


def _good(name: str, field: rules.Field) -> str:
    """A text that no rule objects to, so that most records get as far as the later rules."""
    fixed = {"record_id": "r1", "revision": "0", "op": "upsert", "method": "cash"}
    by_type = {"time": "2026-05-01 08:30:00", "money": "10", "integer": "3", "boolean": "true", "plate": "粤B12345"}
    if name in fixed:
        return fixed[name]
    if field.type in ("code", "codes"):
        return codes(field.code_set)[0]
    return by_type.get(field.type, "")


@st.composite
def _record(draw: st.DrawFn, kind: str) -> dict[str, str]:
    record = {name: _good(name, field) for name, field in rules.fields(kind).items()}
    for name in draw(st.lists(st.sampled_from(list(record)), max_size=4, unique=True)):
        record[name] = draw(_texts_for(name, rules.fields(kind)[name]))
    return record


def _by_file(kind: str, records: list[dict[str, str]], lot: LotContext) -> list[tuple[str, Any]]:
    names = list(rules.fields(kind))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["n", *names])
    for number, record in enumerate(records):
        writer.writerow([number, *(record[name] for name in names)])
    profile = {"file": {"format": "csv"}, "record": [{"kind": kind, "fields": {name: name for name in names}}]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.csv"
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        judged = judge_file(path, profile, Path(folder) / "spool", lot)
    outcome: dict[int, tuple[str, Any]] = {}
    stored = [name for name in raw_table_columns(kind) if name not in ("batch_seq", "batch_row", "source", "payload")]
    for row in judged.tables[kind]:
        outcome[row["batch_row"]] = ("kept", {name: row[name] for name in stored})
    for row in judged.rejected:
        outcome[int(json.loads(row["payload"])["n"])] = ("refused", row["code"])
    return [outcome[number] for number in range(len(records))]


def _by_record(kind: str, records: list[dict[str, str]], lot: LotContext) -> list[tuple[str, Any]]:
    body = "\n".join(json.dumps({"kind": kind} | record) for record in records)
    result = decode_batch(body.encode(), "application/x-ndjson", lot, NOW)
    outcome: list[tuple[str, Any]] = []
    for verdict, line in zip(result.verdicts, result.lines.splitlines(), strict=True):
        if verdict.verdict == "rejected":
            outcome.append(("refused", verdict.code))
            continue
        sent = json.loads(line)
        columns = raw_table_columns(kind)
        outcome.append(
            (
                "kept",
                {
                    name: _typed(sent.get(name), columns[name])
                    for name in columns
                    if name not in ("batch_seq", "batch_row", "source", "payload")
                },
            )
        )
    return outcome


def _typed(value: Any, column: str) -> Any:
    if value is None:
        return None
    if column == "TIMESTAMPTZ":
        return datetime.fromisoformat(value).astimezone(UTC)
    if column == "TIMESTAMP":
        return datetime.fromisoformat(value)
    if column == "DATE":
        return date.fromisoformat(value)
    if column.startswith("DECIMAL"):
        return Decimal(str(value))
    return value


@pytest.mark.parametrize("kind", sorted(rules.FIELDS))
@pytest.mark.parametrize("lot", [SHANGHAI, NEW_YORK], ids=lambda lot: lot.time_zone)
def test_a_file_and_an_upload_of_the_same_records_agree(kind: str, lot: LotContext) -> None:
    @given(st.lists(_record(kind), min_size=20, max_size=60))
    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(records: list[dict[str, str]]) -> None:
        by_file = _by_file(kind, records, lot)
        by_record = _by_record(kind, records, lot)
        for record, one, other in zip(records, by_file, by_record, strict=True):
            assert one == other, record

    agree()
