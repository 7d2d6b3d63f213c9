"""What the journal holds is what the raw tables can hold, and DuckDB applies the rules' patterns as Python does."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import LotContext, decode_batch, rules
from ingest.records.meanings import example
from warehouse.lake.raw_tables import KINDS, raw_table_columns


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_is_read_by_duckdb_with_the_types_of_its_raw_table(kind: str, judge_raw, tmp_path: Path) -> None:
    lot, now = LotContext(7, "L7", "Asia/Shanghai", 240), datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    record = example(kind) | {"note": '引号" 反斜杠\\ 换行\n 😀'}
    path = tmp_path / "lines.ndjson"
    path.write_bytes(decode_batch(json.dumps(record).encode(), "application/x-ndjson", lot, now).lines)
    columns = {
        name: column for name, column in raw_table_columns(kind).items() if name not in ("batch_seq", "batch_row")
    }
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        cursor = connection.execute(
            f"SELECT * FROM read_json(?, format = 'newline_delimited', columns = {columns})", [str(path)]
        )
        row = dict(zip([item[0] for item in cursor.description], cursor.fetchone() or (), strict=True))
    finally:
        connection.close()
    assert (row["lot_id"], row["record_id"], row["received_at"]) == (7, record["record_id"], now)
    assert json.loads(row["payload"]) == record
    for name, sent in example(kind).items():
        if name in columns and columns[name] == "DECIMAL(18,2)":
            assert row[name] == Decimal(sent), name
        elif name in columns and columns[name] == "TIMESTAMPTZ":
            instant = datetime.fromisoformat(sent if "+" in sent else sent + "+08:00")
            assert row[name] == instant, name


_PATTERNS = {"money": rules.MONEY_PATTERN, "time": rules.TIME_PATTERN}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text("0123456789.+-eE_ ¥", max_size=8),
            st.from_regex(rules.TIME_PATTERN, fullmatch=True, alphabet=st.characters(codec="ascii")),
            st.datetimes().map(str),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_duckdb_matches_amounts_and_times_as_python_does(texts: list[str]) -> None:
    connection = duckdb.connect()
    try:
        for pattern in _PATTERNS.values():
            rows = connection.execute("SELECT regexp_full_match(unnest(?), ?)", [texts, pattern]).fetchall()
            assert [row[0] for row in rows] == [re.fullmatch(pattern, text) is not None for text in texts]
    finally:
        connection.close()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), min_size=1))
def test_duckdb_cleans_and_trims_texts_as_python_does(texts: list[str]) -> None:
    connection = duckdb.connect()
    try:
        rows = connection.execute(
            "SELECT trim(regexp_replace(unnest(?), ?, '', 'g'), ?)", [texts, rules.CONTROL_PATTERN, rules.BLANKS]
        ).fetchall()
    finally:
        connection.close()
    assert [row[0] for row in rows] == [re.sub(rules.CONTROL_PATTERN, "", text).strip(rules.BLANKS) for text in texts]
