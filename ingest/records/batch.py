"""Decoding a batch: body in, one verdict per record and the lines for the journal out. Pure, no input or output.

Belongs here: the way of a record from its raw text to its journal line. Does not belong here: writing the journal,
rules (``rules.py``), their application (``check.py``).

A journal line is the record with the columns of its raw table, but for ``batch_seq`` and ``batch_row``, which landing
assigns; a refused record is a line of kind "rejected" with the columns of
``raw.rejected_record``, its own kind under ``rejected_kind``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Final

import msgspec

from ingest.records import bodies, rules
from ingest.records.check import Checker
from ingest.records.kinds import AnyRecord
from ingest.records.repair import DECODE_ERRORS, identify, repair
from ingest.records.times import lot_clock
from ingest.records.verdicts import RecordRefused, marks_sentence

_decode: Final = msgspec.json.Decoder(AnyRecord).decode
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class LotContext:
    """The lot that a batch comes from; ``cutover_minutes`` after local midnight its business day starts."""

    lot_id: int
    code: str
    time_zone: str
    cutover_minutes: int


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What became of one record: "accepted", "marked" (kept, with marks) or "rejected" (with a code and reasons)."""

    index: int
    kind: str | None
    record_id: str | None
    verdict: str
    marks: list[str]
    code: str | None
    reason_zh: str | None
    reason_en: str | None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The verdicts in the order of the records, and the NDJSON lines for the journal in the same order."""

    verdicts: list[Verdict]
    lines: bytes

    def count(self, verdict: str) -> int:
        """How many records got ``verdict``."""
        return sum(1 for found in self.verdicts if found.verdict == verdict)


class _BatchPart(msgspec.Struct):
    """Columns that are the same for each record of the batch."""

    lot_id: int
    received_at: datetime
    source: str


class _RecordPart(msgspec.Struct, gc=False):
    """Columns that the cloud adds to each record."""

    local_at: datetime
    business_date: date
    marks: str | None
    payload: str


class _Rejected(msgspec.Struct, tag_field="kind", tag="rejected", gc=False):
    reject_id: str
    lot_id: int
    rejected_kind: str | None  # "kind" says what the line is
    record_id: str | None
    code: str
    reason_zh: str
    reason_en: str
    received_at: datetime
    source: str
    line: int
    payload: str
    name: str | None = None
    profile: str | None = None
    replay_of: str | None = None
    replay_state: str | None = None


def decode_batch(
    body: bytes, content_type: str, lot: LotContext, now: datetime, *, source: str = "http"
) -> BatchResult:
    """Judge each record of ``body`` by itself and write the journal lines.

    Args:
        body: The decompressed body: JSON ``{"records": […]}`` or NDJSON, UTF-8.
        content_type: The request's Content-Type.
        lot: The lot that signed the request.
        now: Time of receipt, aware.
        source: What the lines name as their source.

    Raises:
        BatchError: the body as a whole is refused (400, 413, 415); nothing of it is kept.
    """
    clock = lot_clock(lot.time_zone, lot.cutover_minutes)
    checker = Checker(clock, now)
    constant = b"," + _encode(_BatchPart(lot.lot_id, now, source))[1:-1] + b","
    business_date = clock.business_date
    verdicts: list[Verdict] = []
    lines: list[bytes] = []
    for index, piece in enumerate(bodies.split(body, content_type)):
        raw = bytes(piece)
        try:
            if len(raw) > rules.MAX_RECORD_BYTES:
                raise RecordRefused("too_long", "record", f"{len(raw)} > {rules.MAX_RECORD_BYTES}")
            try:
                payload = raw.decode()
            except UnicodeDecodeError as error:
                raise RecordRefused("bad_encoding") from error
            try:
                record = _decode(raw)
            except DECODE_ERRORS:
                record = repair(raw)
            record, local, marks = checker.check(record, "\\" in payload)
        except RecordRefused as refused:
            verdict, line = _refuse(index, raw, refused, lot, now, source)
            verdicts.append(verdict)
            lines.append(line)
            continue
        if marks:
            sentence = marks_sentence(tuple(marks))
            verdicts.append(
                Verdict(index, record.kind, record.record_id, "marked", marks, None, sentence.zh, sentence.en)
            )
        else:
            verdicts.append(Verdict(index, record.kind, record.record_id, "accepted", marks, None, None, None))
        added = _RecordPart(local, business_date(local), ",".join(marks) or None, payload)
        lines.append(b"".join((_encode(record)[:-1], constant, _encode(added)[1:], b"\n")))
    return BatchResult(verdicts, b"".join(lines))


def _refuse(
    index: int, raw: bytes, refused: RecordRefused, lot: LotContext, now: datetime, source: str
) -> tuple[Verdict, bytes]:
    kind, record_id = identify(raw) if len(raw) <= rules.MAX_RECORD_BYTES else (None, None)
    sentence = refused.sentence()
    payload = _kept(raw)
    key = f"{lot.lot_id}|{source}|{now.isoformat()}|{index}|".encode() + raw
    rejected = _Rejected(
        reject_id=blake2b(key, digest_size=16).hexdigest(),
        lot_id=lot.lot_id,
        rejected_kind=kind,
        record_id=record_id,
        code=refused.code,
        reason_zh=sentence.zh,
        reason_en=sentence.en,
        received_at=now,
        source=source,
        line=index + 1,
        payload=payload,
    )
    verdict = Verdict(index, kind, record_id, "rejected", [], refused.code, sentence.zh, sentence.en)
    return verdict, _encode(rejected) + b"\n"


def _kept(raw: bytes) -> str:
    """What is kept of a refused record: text of at most ``MAX_REJECTED_PAYLOAD_BYTES`` in UTF-8 and without NUL."""
    limit = rules.MAX_REJECTED_PAYLOAD_BYTES
    text = raw[:limit].decode(errors="replace").replace("\0", "\ufffd")
    # A byte that is no UTF-8 became three.
    return text.encode()[:limit].decode(errors="ignore")
