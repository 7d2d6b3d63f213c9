"""Reading sealed journal segments into DuckDB.

Belongs here: from segment files to typed relations per record kind, and the sorting out of damaged lines. Does not
belong here: landing them, or moving the files (``ingest/lander.py``, ``ingest/journal.py``).

Every column is read as text and cast by its declared type, never by inference. The fast way lets DuckDB read the
files; a segment with anything odd in it (a damaged disk, a torn tail) is read line by line, so that one bad line costs
only itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ingest.journal import SUFFIX, read_lines
from ingest.landing import LandingRequest
from warehouse.lake.raw_tables import KINDS, REJECTED_COLUMNS, raw_table_columns

logger = logging.getLogger(__name__)

REJECTED_LINE: Final = "rejected"
# A line's "kind" says what the line is; for a refused record this field says which kind it claimed to be.
REJECTED_KIND_FIELD: Final = "rejected_kind"
DAMAGED_CODE: Final = "journal_damaged"
_DAMAGED_ZH: Final = "日志段中的这一行已损坏，无法入库；请检查磁盘，并请停车场重新上传该记录。"
_DAMAGED_EN: Final = (
    "This line of a journal segment is damaged and cannot be landed; "
    "check the disk and have the lot send the record again."
)
_TABLE: Final = "journal_line"


def _columns() -> dict[str, str]:
    columns = {"kind": "VARCHAR", REJECTED_KIND_FIELD: "VARCHAR"}
    for kind in KINDS:
        columns |= raw_table_columns(kind)
    columns |= REJECTED_COLUMNS
    return {name: kind for name, kind in columns.items() if name not in ("batch_seq", "batch_row")}


COLUMNS: Final = _columns()


def segment_name(path: Path) -> str:
    """Name of a segment without folder and suffix."""
    return path.name.removesuffix(SUFFIX)


def batch_id(name: str) -> str:
    """Batch id of a segment in the ledger."""
    return f"journal:{name}"


@dataclass(frozen=True)
class LoadedSegments:
    """Segments read into ``connection``: requests in segment order, and relations for ``landing.land_group``."""

    requests: list[LandingRequest]
    tables: dict[str, str]
    rejected: str | None
    damaged: int


class UnreadableSegment(Exception):  # noqa: N818 - carries the segment, the cause is chained
    """A segment cannot be read at all."""

    def __init__(self, path: Path) -> None:
        """Keep which one."""
        super().__init__(f"segment {path.name} cannot be read")
        self.path = path


def load(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> LoadedSegments:
    """Read segments into the temporary table ``journal_line``, which replaces the one of an earlier call.

    Raises:
        UnreadableSegment: a file cannot be read, whatever its lines.
    """
    columns = ", ".join(f'"{name}" VARCHAR' for name in COLUMNS)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_TABLE} "
        f"(segment VARCHAR, segment_line BIGINT, damaged BOOLEAN, raw_text VARCHAR, {columns})"
    )
    if not _load_together(connection, paths):
        for path in paths:
            if not _load_together(connection, [path]):
                _load_by_line(connection, path)
    by_name = {segment_name(path): path for path in paths}
    for name in _mark_damaged(connection):
        # The fast way keeps no raw text, which a damaged line needs.
        connection.execute(f"DELETE FROM {_TABLE} WHERE segment = ?", [name])
        _load_by_line(connection, by_name[name])
        _mark_damaged(connection)
    return _summary(connection, paths)


def _load_together(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> bool:
    """The fast way; False when any of the segments needs the slow one, and then nothing was read."""
    try:
        if not all(_ends_well(path) for path in paths):
            return False
        structure = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        connection.execute("SET preserve_insertion_order = true")  # Line numbers are the order of reading.
        try:
            connection.execute(
                f"INSERT INTO {_TABLE} "
                f"SELECT parse_filename(filename, true), row_number() OVER (), false, NULL, {names} FROM read_json(?, "
                f"format = 'newline_delimited', columns = {{{structure}}}, filename = true)",
                [[str(path) for path in paths]],
            )
        finally:
            connection.execute("SET preserve_insertion_order = false")
    except (OSError, duckdb.Error) as error:
        logger.warning("reading journal segments another way: %s", str(error).splitlines()[0])
        return False
    if len(paths) > 1:
        connection.execute(
            f"UPDATE {_TABLE} SET segment_line = segment_line - before "
            f"FROM (SELECT segment AS first_of, min(segment_line) - 1 AS before "
            f"FROM {_TABLE} GROUP BY segment) AS first WHERE segment = first_of AND before > 0"
        )
    return True


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _load_by_line(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        _insert_lines(connection, path)
    except (OSError, duckdb.Error) as error:
        raise UnreadableSegment(path) from error


def _insert_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The slow way: every line is judged alone, and its raw text is kept."""
    numbers: list[int] = []
    texts: list[str] = []
    valid: list[bool] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        numbers.append(number)
        try:
            texts.append(line.decode())
            valid.append(True)
        except UnicodeDecodeError:
            texts.append(line.decode(errors="replace"))
            valid.append(False)
    connection.register(
        "segment_text",
        pa.table(
            {
                "line": pa.array(numbers, pa.int64()),
                "text": pa.array(texts, pa.large_string()),
                "valid": pa.array(valid, pa.bool_()),
            }
        ),
    )
    try:
        structure = json.dumps(dict.fromkeys(COLUMNS, "VARCHAR"))
        good = "valid AND json_valid(text) AND try(json_type(text)) = 'OBJECT'"
        fields = ", ".join(f'record."{name}"' for name in COLUMNS)
        empty = ", ".join(["NULL"] * len(COLUMNS))
        name = segment_name(path)
        connection.execute(
            f"INSERT INTO {_TABLE} SELECT ?, line, false, text, {fields} FROM (SELECT line, text, "
            f"from_json(text, '{structure}') AS record FROM segment_text WHERE {good})",
            [name],
        )
        connection.execute(
            f"INSERT INTO {_TABLE} SELECT ?, line, true, text, {empty} FROM segment_text "
            f"WHERE NOT coalesce({good}, false)",
            [name],
        )
    finally:
        connection.unregister("segment_text")


def _mark_damaged(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Mark lines that parse and still are no record: unknown kind, no key, or a value its column cannot hold.

    Returns:
        Segments with such lines whose raw text is not known.
    """
    conditions = [
        f"kind IS NULL OR kind NOT IN ({', '.join(repr(kind) for kind in (*KINDS, REJECTED_LINE))})",
        f"kind <> '{REJECTED_LINE}' AND (lot_id IS NULL OR record_id IS NULL OR revision IS NULL OR op IS NULL "
        "OR occurred_at IS NULL OR business_date IS NULL)",
    ]
    conditions += [
        f'"{name}" IS NOT NULL AND try_cast("{name}" AS {kind}) IS NULL'
        for name, kind in COLUMNS.items()
        if kind != "VARCHAR"
    ]
    connection.execute(
        f"UPDATE {_TABLE} SET damaged = true WHERE NOT damaged AND ({' OR '.join(f'({part})' for part in conditions)})"
    )
    rows = connection.execute(
        f"SELECT DISTINCT segment FROM {_TABLE} WHERE damaged AND raw_text IS NULL ORDER BY segment"
    ).fetchall()
    return [row[0] for row in rows]


def _summary(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> LoadedSegments:
    counted = {
        row[0]: row[1:]
        for row in connection.execute(
            f"SELECT segment, count(*), count(*) FILTER (is_record AND marks IS NULL), "
            f"count(*) FILTER (is_record AND marks IS NOT NULL), count(*) FILTER (NOT is_record), "
            f"count(*) FILTER (damaged) FROM (SELECT *, NOT damaged AND kind <> '{REJECTED_LINE}' AS is_record "
            f"FROM {_TABLE}) GROUP BY segment"
        ).fetchall()
    }
    requests = []
    for path in paths:
        name = segment_name(path)
        lines, accepted, marked, rejected, _ = counted.get(name, (0, 0, 0, 0, 0))
        requests.append(LandingRequest(batch_id(name), "http", name, lines, accepted, marked, rejected))
    kinds = [
        row[0]
        for row in connection.execute(
            f"SELECT DISTINCT kind FROM {_TABLE} WHERE NOT damaged AND kind <> '{REJECTED_LINE}' ORDER BY kind"
        ).fetchall()
    ]
    refused = any(counts[3] for counts in counted.values())
    return LoadedSegments(
        requests=requests,
        tables={kind: _kind_relation(kind) for kind in kinds},
        rejected=_rejected_relation() if refused else None,
        damaged=sum(counts[4] for counts in counted.values()),
    )


def _kind_relation(kind: str) -> str:
    chosen = ", ".join(
        "segment_line AS batch_row" if name == "batch_row" else f'try_cast("{name}" AS {column_type}) AS "{name}"'
        for name, column_type in raw_table_columns(kind).items()
        if name != "batch_seq"
    )
    return f"(SELECT 'journal:' || segment AS batch_id, {chosen} FROM {_TABLE} WHERE NOT damaged AND kind = '{kind}')"


def _rejected_relation() -> str:
    own = {
        "reject_id": "coalesce(reject_id, md5('journal:' || segment || ':' || segment_line))",
        "lot_id": "try_cast(lot_id AS BIGINT)",
        "kind": f"CASE WHEN kind = '{REJECTED_LINE}' THEN {REJECTED_KIND_FIELD} ELSE kind END",
        "code": f"CASE WHEN damaged THEN '{DAMAGED_CODE}' ELSE code END",
        "reason_zh": f"CASE WHEN damaged THEN '{_DAMAGED_ZH}' ELSE reason_zh END",
        "reason_en": f"CASE WHEN damaged THEN '{_DAMAGED_EN}' ELSE reason_en END",
        "received_at": "coalesce(try_cast(received_at AS TIMESTAMPTZ), now())",
        "source": "coalesce(source, 'http')",
        "name": "coalesce(name, segment)",
        "line": "coalesce(try_cast(line AS BIGINT), segment_line)",
        "payload": "CASE WHEN damaged THEN coalesce(raw_text, payload) ELSE payload END",
    }
    chosen = ", ".join(
        f'{own.get(name, f"{chr(34)}{name}{chr(34)}")} AS "{name}"' for name in REJECTED_COLUMNS if name != "batch_seq"
    )
    return (
        f"(SELECT 'journal:' || segment AS batch_id, {chosen} FROM {_TABLE} WHERE damaged OR kind = '{REJECTED_LINE}')"
    )
