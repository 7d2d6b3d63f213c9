"""From a request body to the texts of its records, without looking into them.

Belongs here: JSON envelope and NDJSON, and rescuing the good records of an envelope in which one is malformed.
Does not belong here: decompression (the gateway) and the records themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from ingest.records import rules
from ingest.records.verdicts import BatchError

JSON_TYPES: Final = frozenset({"application/json"})
NDJSON_TYPES: Final = frozenset({"application/x-ndjson", "application/ndjson"})
MAX_RESCUE_TOKENS: Final = 1_000_000  # bounds the time that a hostile body can take

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_envelope_start: Final = re.compile(rb'\s*\{\s*"records"\s*:\s*\[').match
_envelope_end: Final = re.compile(rb"\s*\}\s*").fullmatch
_tokens: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL).finditer


class _Envelope(msgspec.Struct):
    records: list[msgspec.Raw]


_decode_envelope: Final = msgspec.json.Decoder(_Envelope).decode


def split(body: bytes, content_type: str) -> Sequence[bytes | msgspec.Raw]:
    """The records of ``body`` as raw JSON texts, in order.

    Raises:
        BatchError: 415 for another media type or charset, 400 for a body that is no batch, 413 for too many records.
    """
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    charset = re.search(r'charset\s*=\s*"?([\w-]+)', parameters.lower())
    if charset is not None and charset.group(1) not in ("utf-8", "utf8"):
        raise BatchError(
            415,
            "unsupported_charset",
            f"不支持字符集 {charset.group(1)[:40]}，请使用 UTF-8。",
            f"Charset {charset.group(1)[:40]} is not supported; use UTF-8.",
        )
    if body.startswith(_BYTE_ORDER_MARK):
        body = body[len(_BYTE_ORDER_MARK) :]
    if media_type in NDJSON_TYPES:
        records: Sequence[bytes | msgspec.Raw] = [line for line in map(bytes.strip, body.split(b"\n")) if line]
    elif media_type in JSON_TYPES:
        records = _split_envelope(body)
    else:
        raise BatchError(
            415,
            "unsupported_media_type",
            f"不支持的内容类型 {media_type[:60] or '（空）'}，请使用 application/json 或 application/x-ndjson。",
            f"Content type {media_type[:60] or '(none)'} is not supported; "
            "use application/json or application/x-ndjson.",
        )
    if len(records) > rules.MAX_RECORDS:
        raise BatchError(
            413,
            "too_many_records",
            f"一批 {len(records)} 条记录，最多 {rules.MAX_RECORDS} 条，请分批发送。",
            f"A batch of {len(records)} records; at most {rules.MAX_RECORDS} are allowed, send several batches.",
        )
    return records


def _split_envelope(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return _decode_envelope(body).records
    except msgspec.ValidationError as error:
        raise BatchError(
            400,
            "bad_envelope",
            f'请求体应为 {{"records": […]}}：{error}。',
            f'The body must be {{"records": […]}}: {error}.',
        ) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        rescued = _rescue(body)
        if rescued is None:
            raise BatchError(
                400,
                "bad_json",
                f"请求体不是完整的 JSON：{error}。请整批重发。",
                f"The body is not complete JSON: {error}. Send the whole batch again.",
            ) from error
        return rescued


def _rescue(body: bytes) -> list[bytes] | None:
    """Cut the envelope at the commas between its records, counting brackets; None when they do not match."""
    start = _envelope_start(body)
    if start is None:
        return None
    pieces: list[bytes] = []
    depth = 0
    piece_start = start.end()
    for count, token in enumerate(_tokens(body, piece_start)):
        if count > MAX_RESCUE_TOKENS:
            return None
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
        elif mark == 0x2C and depth == 0:
            pieces.append(body[piece_start : token.start()].strip())
            piece_start = token.end()
        elif mark in b"]}":
            if depth == 0:
                if mark != 0x5D or _envelope_end(body, token.end()) is None:
                    return None
                last = body[piece_start : token.start()].strip()
                return [*pieces, last] if last else pieces
            depth -= 1
        elif mark == 0x22 and token.end() - token.start() == 1:
            return None  # a text that never ends: where the records meet cannot be told
    return None
