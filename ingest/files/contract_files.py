"""Files that already hold records of the contract: NDJSON, one record a line, its lot's code under ``lot``.

Belongs here: sending such lines through ``decode_batch`` lot by lot, exactly as if they had come over HTTP.
Does not belong here: files of any other shape, which go through ``staging``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import duckdb
import msgspec

from ingest.files.layers import identifier, quoted
from ingest.files.staging import Counts, Origin
from ingest.records import rules
from ingest.records.batch import LotContext, decode_batch
from ingest.records.repair import identify
from ingest.records.verdicts import REJECTS, shown
from warehouse.lake.raw_tables import KINDS, REJECTED_COLUMNS, raw_table_columns

_CHUNK_LINES: Final = 5_000
_CHUNK_BYTES: Final = 8 * 1024 * 1024
_encode: Final = msgspec.json.Encoder().encode


class _Lot(msgspec.Struct):
    lot: str | int | None = None


_decode_lot: Final = msgspec.json.Decoder(_Lot).decode


class ContractFile:
    """The records of one such file, decoded into journal lines on disk, one file per kind."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, spool: Path, origin: Origin) -> None:
        """Bind where the lines go."""
        self._connection = connection
        self._spool = spool
        self._origin = origin
        self._files: dict[str, BinaryIO] = {}
        self._verdicts = {"accepted": 0, "marked": 0, "rejected": 0}
        self._rows = 0
        self._blank = 0
        self._with_payload = False

    def run(
        self,
        path: Path,
        lots: dict[str, LotContext],
        lot: LotContext | None,
        *,
        with_payload: bool = False,
    ) -> None:
        """Decode every line of ``path``; ``lot`` is that of lines that name none, and wins over those that do."""
        self._with_payload = with_payload
        try:
            with path.open("rb") as file:
                for chunk in _chunks(file):
                    self._chunk(chunk, lots, lot)
        finally:
            for opened in self._files.values():
                opened.close()

    def _chunk(self, chunk: list[tuple[int, bytes]], lots: dict[str, LotContext], lot: LotContext | None) -> None:
        by_lot: dict[str, list[tuple[int, bytes]]] = {}
        for number, line in chunk:
            if not line.strip():
                self._blank += 1
                continue
            self._rows += 1
            code = lot.code if lot is not None else _lot_code(line)
            by_lot.setdefault(code or "", []).append((number, line))
        for code, lines in by_lot.items():
            context = lot or lots.get(code)
            if context is None:
                self._refuse_unknown_lot(code, lines)
            else:
                self._decode(context, lines)

    def _decode(self, context: LotContext, lines: list[tuple[int, bytes]]) -> None:
        result = decode_batch(
            b"\n".join(line.rstrip(b"\r\n") for _, line in lines),
            "application/x-ndjson",
            context,
            self._origin.received_at,
            source=self._origin.source,
        )
        for verdict, line, (number, _) in zip(result.verdicts, result.lines.splitlines(), lines, strict=True):
            self._verdicts[verdict.verdict] += 1
            self._write("rejected" if verdict.verdict == "rejected" else str(verdict.kind), number, line)

    def _refuse_unknown_lot(self, code: str, lines: list[tuple[int, bytes]]) -> None:
        sentence = REJECTS["unknown_lot"]
        for number, line in lines:
            kind, record_id = identify(line)
            self._verdicts["rejected"] += 1
            refused = {
                "rejected_kind": kind,
                "record_id": record_id,
                "code": "unknown_lot",
                "reason_zh": sentence.zh.replace("{value}", shown(code)),
                "reason_en": sentence.en.replace("{value}", shown(code)),
                "received_at": self._origin.received_at,
                "source": self._origin.source,
                "payload": line.decode(errors="replace").rstrip("\r\n")[: rules.MAX_REJECTED_PAYLOAD_BYTES],
            }
            self._write("rejected", number, _encode(refused))

    def _write(self, name: str, number: int, line: bytes) -> None:
        if name not in self._files:
            self._files[name] = (self._spool / f"{name}.ndjson").open("wb")
        self._files[name].write(b'{"file_line":%d,' % number + line.lstrip(b"{") + b"\n")

    def counts(self) -> Counts:
        """What became of the lines."""
        counts = self._verdicts
        return Counts(self._rows, self._blank, 0, counts["accepted"], counts["marked"], counts["rejected"])

    def tables(self) -> dict[str, str]:
        """Relations of the kept records by kind, as ``ingest.landing.land`` takes them."""
        return {kind: self._relation(kind) for kind in KINDS if kind in self._files}

    def line_of_batch_row(self, batch_row: str) -> str:
        """SQL for the line of the file that a ``batch_row`` came from: they are the same."""
        return batch_row

    def _relation(self, kind: str) -> str:
        columns = {name: form for name, form in raw_table_columns(kind).items() if name != "batch_seq"}
        chosen = {name: f"CAST({identifier(name)} AS {form})" for name, form in columns.items()}
        chosen["batch_row"] = "CAST(file_line AS BIGINT)"
        if not self._with_payload:
            chosen["payload"] = "CAST(NULL AS VARCHAR)"  # the file is archived whole
        listed = ", ".join(f"{value} AS {identifier(name)}" for name, value in chosen.items())
        return f"(SELECT {listed} FROM {self._lines(kind, [name for name in columns if name != 'batch_row'])})"

    def rejected(self) -> str:
        """Relation of what was refused, as ``ingest.landing.land`` takes it."""
        origin = self._origin
        names = [name for name in REJECTED_COLUMNS if name not in ("batch_seq", "kind")]
        chosen = {name: f"CAST({identifier(name)} AS {REJECTED_COLUMNS[name]})" for name in names}
        chosen |= {
            "reject_id": f"left(sha256({quoted(origin.batch_id)} || ':' || file_line || ':0'), 20)",
            "kind": "rejected_kind",
            "name": quoted(origin.name),
            "profile": quoted(origin.profile),
            "line": "CAST(file_line AS BIGINT)",
        }
        listed = ", ".join(f"{value} AS {identifier(name)}" for name, value in chosen.items())
        return f"(SELECT {listed} FROM {self._lines('rejected', [*names, 'rejected_kind'])})"

    def _lines(self, name: str, columns: list[str]) -> str:
        structure = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in ["file_line", *columns])
        path = quoted(str(self._spool / f"{name}.ndjson"))
        return f"read_json({path}, format = 'newline_delimited', columns = {{{structure}}})"


def _chunks(file: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in enumerate(file, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        chunk.append((number, line))
        size += len(line)
        if len(chunk) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _lot_code(line: bytes) -> str | None:
    try:
        code = _decode_lot(line).lot
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return None if code is None else str(code).strip(rules.BLANKS)
