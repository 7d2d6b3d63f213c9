"""Reading: a file of any of the formats becomes a relation of text columns named by the file's own header.

Belongs here: bytes, encodings, headers, sheets, and finding the line a row stands on.
Does not belong here: the meaning of a column (``mapping``) or of a value (``validation``).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import fastexcel
import msgspec

from ingest.files.layers import identifier, quoted
from ingest.files.profile import FileSection
from warehouse.errors import ParkError

HEAD_BYTES: Final = 4 * 1024 * 1024
JSON_LIMIT_BYTES: Final = 1024 * 1024 * 1024  # a JSON document is read whole; NDJSON has no limit
MALFORMED: Final = "malformed_rows"  # temporary table: line BIGINT, raw VARCHAR, message VARCHAR
_PATH_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass
class Source:
    """Rows of one file inside a connection.

    ``relation`` has the columns ``r0``, ``r1``, … (VARCHAR) in the order of ``columns``. For JSON lines it has ``raw``
    too, the text of the line, and ``broken``, whether that is no JSON object. Row n (from 0) stands on line
    n + ``first_line`` unless ``line_column`` names the column that says so.
    """

    relation: str
    columns: list[str]
    first_line: int = 1
    line_column: str | None = None
    is_json: bool = False
    has_parse_errors: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    path: Path | None = None
    newlines: int | None = None
    names: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str | None:
        """SQL name of the file's column ``name``; None when the file has none."""
        return self.names.get(name)


def open_source(
    connection: duckdb.DuckDBPyConnection,
    section: FileSection,
    path: Path,
    columns: Sequence[str],
    spool: Path,
) -> Source:
    """Make the rows of ``path`` readable in ``connection``.

    Args:
        connection: receives temporary objects.
        section: the profile's ``[file]``.
        path: UTF-8 for the text formats.
        columns: columns the profile uses; only for JSON, whose objects have no header.
        spool: folder for temporary files.

    Raises:
        ParkError: the file is not of this format, or has no such sheet or header row.
    """
    if section.format == "csv":
        return _csv(section, path)
    if section.format == "xlsx":
        return _xlsx(connection, section, path)
    if section.format == "parquet":
        return _parquet(connection, path)
    if section.format == "json":
        path = _json_as_lines(path, section.records_path, spool)
    return json_lines(path, {name: json_path(name) for name in columns})


def read_parse_errors(connection: duckdb.DuckDBPyConnection, source: Source) -> int:
    """After a scan of a CSV or NDJSON file: keep the lines that could not be split into columns; their number."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {MALFORMED} (line BIGINT, raw VARCHAR, message VARCHAR)")
    if not source.has_parse_errors:
        return 0
    connection.execute(
        f"INSERT INTO {MALFORMED} SELECT min(line), any_value(rtrim(csv_line, chr(10) || chr(13))), "
        "any_value(error_message) FROM reject_errors GROUP BY line_byte_position"
    )
    row = connection.execute(f"SELECT count(*) FROM {MALFORMED}").fetchone()
    assert row is not None
    return int(row[0])


def _unique(names: Sequence[str | None]) -> list[str]:
    """Trimmed header names; an empty one becomes column_N, a repeated one gets the number of its repetition."""
    result: list[str] = []
    for position, name in enumerate(names, start=1):
        base = (name or "").strip().strip("\ufeff") or f"column_{position}"
        candidate, repetition = base, 2
        while candidate in result:
            candidate, repetition = f"{base}_{repetition}", repetition + 1
        result.append(candidate)
    return result


def _named(columns: list[str]) -> dict[str, str]:
    return {name: f"r{position}" for position, name in enumerate(columns)}


def _csv(section: FileSection, path: Path) -> Source:
    columns, skipped = section.columns, 0
    head = _head(path)
    if section.header_row:
        reader = csv.reader(io.StringIO(head, newline=""), delimiter=section.delimiter, quotechar=section.quote)
        columns = []
        # Rows are counted as a person counts lines; a quoted line break inside the preamble counts as one more.
        try:
            for row in reader:
                if reader.line_num >= section.header_row:
                    columns, skipped = _unique(row), reader.line_num
                    break
        except csv.Error as error:
            raise _unreadable(path, "CSV", error) from error
        if not columns:
            raise _no_header(path, section.header_row)
    skipped += section.skip_after_header
    width = len(columns)
    structure = ", ".join(f"'r{i}': 'VARCHAR'" for i in range(width))
    options = [
        f"columns = {{{structure}}}",
        "auto_detect = false",
        "header = false",
        f"skip = {skipped}",
        f"delim = {quoted(section.delimiter)}",
        f"quote = {quoted(section.quote)}",
        f"escape = {quoted(section.quote)}",
        "strict_mode = true",
        "store_rejects = true",
    ]
    return Source(
        relation=f"read_csv({quoted(str(path))}, {', '.join(options)})",
        columns=columns,
        first_line=skipped + 1,
        has_parse_errors=True,
        delimiter=section.delimiter,
        quote=section.quote,
        path=path,
        names=_named(columns),
    )


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES).decode("utf-8-sig", errors="replace")


def json_lines(path: Path, paths: dict[str, str]) -> Source:
    """NDJSON: each line is read as text first, so that a broken line is one refused row and not a refused file."""
    columns = list(paths)
    wanted = ", ".join(quoted(json) for json in paths.values()) or quoted("$.x")
    values = ", ".join(f"found[{i + 1}] AS r{i}" for i in range(len(columns)))
    text = (
        f"read_csv({quoted(str(path))}, columns = {{'raw': 'VARCHAR'}}, auto_detect = false, header = false, "
        "delim = '\x01', quote = '', escape = '', store_rejects = true)"
    )
    is_object = "json_valid(raw) AND json_type(CASE WHEN json_valid(raw) THEN raw END) = 'OBJECT'"
    relation = (
        f"(SELECT raw, raw IS NOT NULL AND found IS NULL AS broken{', ' + values if values else ''} FROM ("
        f"SELECT raw, CASE WHEN {is_object} THEN json_extract_string(raw, [{wanted}]) END AS found "
        f"FROM {text}))"
    )
    return Source(
        relation=relation, columns=columns, is_json=True, has_parse_errors=True, path=path, names=_named(columns)
    )


def json_path(name: str) -> str:
    """The JSON path of a column name: dots go into objects, ``[n]`` (from 0) into lists."""
    steps = ["$"]
    for match in _PATH_STEP.finditer(name):
        key, index = match.groups()
        steps.append(f"[{index}]" if key is None else f'."{key}"')
    return "".join(steps)


def _json_as_lines(path: Path, records_path: str, spool: Path) -> Path:
    if path.stat().st_size > JSON_LIMIT_BYTES:
        raise ParkError(
            zh=f"{path.name} 超过 {JSON_LIMIT_BYTES >> 20} MB:JSON 须整体读入，请改存为 NDJSON(每行一条)",
            en=f"{path.name} is over {JSON_LIMIT_BYTES >> 20} MB: a JSON document is read whole; save it as "
            "NDJSON, one "
            "record a line",
            code="file_too_large",
        )
    steps = [key or int(index) for key, index in _PATH_STEP.findall(records_path)]
    raw = msgspec.Raw(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    try:
        for step in steps:
            raw = (
                msgspec.json.decode(raw, type=list[msgspec.Raw])[step]
                if isinstance(step, int)
                else msgspec.json.decode(raw, type=dict[str, msgspec.Raw])[step]
            )
        is_list = bytes(raw).lstrip()[:1] == b"["
        records = msgspec.json.decode(raw, type=list[msgspec.Raw]) if is_list else [raw]
    except (msgspec.DecodeError, KeyError, IndexError) as error:
        where = records_path or "(top)"
        raise ParkError(
            zh=f"{path.name}：在路径 {where} 找不到记录数组（{error!r}）；请检查 file.records_path",
            en=f"{path.name}: no list of records at {where} ({error!r}); check file.records_path",
            code="wrong_profile",
        ) from error
    target = spool / "records.ndjson"
    with target.open("wb") as file:
        for record in records:
            # Inside valid JSON strings a line break is always escaped: a bare one is layout.
            file.write(bytes(record).replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
    return target


def _xlsx(connection: duckdb.DuckDBPyConnection, section: FileSection, path: Path) -> Source:
    try:
        workbook = fastexcel.read_excel(str(path))
    except fastexcel.FastExcelError as error:
        raise _unreadable(path, "XLSX", error) from error
    names = workbook.sheet_names
    sheet = section.sheet
    if (isinstance(sheet, int) and not 1 <= sheet <= len(names)) or (isinstance(sheet, str) and sheet not in names):
        raise ParkError(
            zh=f"{path.name} 没有工作表 {sheet!r}，现有：{', '.join(names)}",
            en=f"{path.name} has no sheet {sheet!r}; sheets: {', '.join(names)}",
            code="wrong_profile",
        )
    try:
        loaded = workbook.load_sheet(
            sheet - 1 if isinstance(sheet, int) else sheet, header_row=None, skip_rows=0, dtypes="string"
        )
        table: Any = loaded.to_arrow()
    except (fastexcel.FastExcelError, ValueError) as error:
        raise _unreadable(path, "XLSX", error) from error
    if section.header_row > table.num_rows:
        raise _no_header(path, section.header_row)
    columns = section.columns
    if section.header_row:
        columns = _unique([column[section.header_row - 1].as_py() for column in table.columns])
    width = min(len(columns), table.num_columns)
    skipped = section.header_row + section.skip_after_header
    connection.register("sheet_rows", table.rename_columns([f"r{i}" for i in range(table.num_columns)]))
    connection.execute("CREATE OR REPLACE TEMP TABLE sheet AS SELECT *, row_number() OVER () AS line FROM sheet_rows")
    connection.unregister("sheet_rows")
    return Source(
        relation=f"(SELECT * FROM sheet WHERE line > {skipped} ORDER BY line)",
        columns=columns[:width],
        line_column="line",
        names=_named(columns[:width]),
    )


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Source:
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(str(path))})").fetchall()
    except duckdb.Error as error:
        raise _unreadable(path, "Parquet", error) from error
    columns = [str(row[0]) for row in described]
    chosen = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS r{i}" for i, name in enumerate(columns))
    trimmed = _unique(columns)
    return Source(
        relation=f"(SELECT {chosen} FROM read_parquet({quoted(str(path))}))", columns=trimmed, names=_named(trimmed)
    )


def physical_lines(source: Source, rows: Sequence[int]) -> tuple[dict[int, int], list[int]]:
    """Lines of a CSV file on which the well-formed ``rows`` (from 0) begin, and lines of the malformed ones.

    The file is read again with every line counted; only needed when blank lines or line breaks inside quotes make row
    and line differ.
    """
    assert source.path is not None
    wanted, found, malformed = set(rows), {}, []
    width, index, before = len(source.columns), 0, 0
    csv.field_size_limit(1 << 30)
    with source.path.open(encoding="utf-8", newline="", errors="replace") as file:
        reader = csv.reader(file, delimiter=source.delimiter, quotechar=source.quote)
        for record in reader:
            line, before = before + 1, reader.line_num
            if line < source.first_line or not record:
                continue
            if len(record) != width:
                malformed.append(line)
                continue
            if index in wanted:
                found[index] = line
            index += 1
    return found, malformed


def row_as_json(source: Source) -> str:
    """SQL text of a row as JSON object of its columns, to be kept with a refusal."""
    if source.is_json:
        return "raw"
    pairs = ", ".join(f"{quoted(name)}, r{i}" for i, name in enumerate(source.columns))
    return f"CAST(json_object({pairs}) AS VARCHAR)"


def exact_key_paths(columns: Sequence[str]) -> dict[str, str]:
    """JSON paths of column names taken as plain keys, as ``row_as_json`` writes them."""
    return {name: "$." + json.dumps(name, ensure_ascii=False) for name in columns}


def _unreadable(path: Path, kind: str, error: Exception) -> ParkError:
    return ParkError(
        zh=f"{path.name} 不是可读取的 {kind} 文件：{error}",
        en=f"{path.name} cannot be read as {kind}: {error}",
        code="unreadable_file",
    )


def _no_header(path: Path, row: int) -> ParkError:
    return ParkError(
        zh=f"{path.name} 没有第 {row} 行，找不到表头；请检查 file.header_row",
        en=f"{path.name} has no row {row}, so no header; check file.header_row",
        code="wrong_profile",
    )
