"""Whatever arrives: a verdict for each record or one clean refusal, and good records beside it are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import BatchError, LotContext, decode_batch, rules
from ingest.records.meanings import example
from ingest.records.verdicts import MARKS, REJECTS
from warehouse.lake.raw_tables import KINDS

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOTS = [LotContext(7, "L7", zone, cut) for zone in ("Asia/Shanghai", "Europe/London") for cut in (0, 240)]
GOOD = '{"kind":"entry","record_id":"good","occurred_at":"2026-05-01T08:00:00","plate":"浙A12345"}'

_TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["null", "", "NaN", "2026-05-01T08:00:00", "0001-01-01T00:00:00+14:00", "1e9999", "\0", "١٢", "1_0", "9" * 400]
    ),
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**40), 10**40), st.floats(), _TEXTS, st.just(10**4000)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def _records(draw: st.DrawFn) -> dict[str, Any]:
    """An example with some of its fields replaced by anything."""
    kind = draw(st.sampled_from(KINDS))
    record = example(kind)
    names = st.sampled_from(["kind", *rules.fields(kind)])
    record |= draw(st.dictionaries(names, _VALUES, max_size=4))
    for name in draw(st.lists(names, max_size=2)):
        record.pop(name, None)
    return record


def _check(body: bytes, content_type: str, lot: LotContext, expected: int | None) -> list[Any]:
    result = decode_batch(body, content_type, lot, NOW)
    lines = [json.loads(line) for line in result.lines.split(b"\n")[:-1]]
    if expected is not None:
        assert len(result.verdicts) == expected
    assert [verdict.index for verdict in result.verdicts] == list(range(len(result.verdicts)))
    assert len(lines) == len(result.verdicts)
    for verdict, line in zip(result.verdicts, lines, strict=True):
        assert (line["kind"] == "rejected") == (verdict.verdict == "rejected") == (verdict.code is not None)
        assert set(verdict.marks) <= set(MARKS)
        assert verdict.code is None or verdict.code in REJECTS
        assert "\0" not in json.dumps(line, ensure_ascii=False)
        assert (verdict.verdict == "accepted") == (verdict.reason_en is None)
        if line["kind"] != "rejected":
            for name, field in rules.fields(line["kind"]).items():
                if field.type == "money" and line[name] is not None:
                    assert Decimal(line[name]).as_tuple().exponent == -2
    return lines


@settings(max_examples=500, deadline=None)
@given(st.lists(_records(), max_size=4), st.sampled_from(LOTS), st.booleans())
def test_any_mix_of_values_gets_exactly_one_verdict_each(
    records: list[dict[str, Any]], lot: LotContext, as_lines: bool
) -> None:
    texts = [json.dumps(record) for record in records]
    pieces = [piece for text in texts for piece in (GOOD, text)]
    if as_lines:
        lines = _check("\n".join(pieces).encode(), "application/x-ndjson", lot, len(pieces))
    else:
        lines = _check(f'{{"records":[{",".join(pieces)}]}}'.encode(), "application/json", lot, len(pieces))
    assert [line["payload"] for line in lines[::2]] == [GOOD] * len(records)
    for text, line in zip(texts, lines[1::2], strict=True):
        assert line["payload"] == text or line["kind"] == "rejected"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["application/json", "application/x-ndjson", "text/html"]))
def test_any_bytes_are_a_batch_or_one_refusal(body: bytes, content_type: str) -> None:
    try:
        _check(body, content_type, LOTS[0], None)
    except BatchError as refused:
        status = refused.status
    else:
        status = 200
    assert status in (200, 400, 413, 415)


@settings(max_examples=300, deadline=None)
@given(_records(), st.data())
def test_cut_and_damaged_records_leave_their_neighbours_alone(record: dict[str, Any], data: st.DataObject) -> None:
    raw = json.dumps(record, ensure_ascii=False).encode(errors="replace")
    cut = data.draw(st.integers(0, len(raw)))
    damaged = bytearray(raw[:cut])
    for position, byte in data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3)):
        if position < len(damaged) and byte != 0x0A:
            damaged[position] = byte
    if not damaged.strip():
        damaged = bytearray(b"-")
    lines = _check(b"\n".join([GOOD.encode(), bytes(damaged), GOOD.encode()]), "application/x-ndjson", LOTS[0], None)
    assert (lines[0]["payload"], lines[-1]["payload"]) == (GOOD, GOOD)
    body = b'{"records":[' + GOOD.encode() + b"," + bytes(damaged) + b"," + GOOD.encode() + b"]}"
    try:
        _check(body, "application/json", LOTS[0], None)
    except BatchError as refused:
        status = refused.status
    else:
        status = 200
    assert status in (200, 400)
