"""Reading and decompressing request bodies within limits.

Belongs here: sizes, time limits, gzip and zstd, protection from decompression bombs. Does not belong here: what is in
the body (``ingest/records``).
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

import zstandard
from starlette.requests import ClientDisconnect, Request

from ingest.gateway.answers import Refusal, too_large

READ_SECONDS: Final = 30.0
_ENCODINGS: Final = ("", "identity", "gzip", "x-gzip", "zstd")
# Eight bytes of zstd can stand for 256 KiB: small pieces bound what one step can bring.
_ZSTD_PIECE: Final = 512
_ZSTD_WINDOW: Final = 8 * 1024 * 1024


def content_encoding(request: Request) -> str:
    """The Content-Encoding: "", "gzip" or "zstd".

    Raises:
        Refusal: 415 for anything else.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise Refusal(
            415,
            "unsupported_encoding",
            zh=f"不支持的 Content-Encoding {encoding[:40]}，请使用 gzip 或 zstd",
            en=f"Content-Encoding {encoding[:40]} is not supported; use gzip or zstd",
        )
    return {"identity": "", "x-gzip": "gzip"}.get(encoding, encoding)


def declared_length(request: Request, limit: int) -> int | None:
    """Content-Length, or None when the body comes in chunks.

    Raises:
        Refusal: 413 when it is over ``limit``.
    """
    text = request.headers.get("content-length")
    if text is None or not text.isascii() or not text.isdigit():
        return None
    # Not converted when absurdly long: Python refuses integers of more than 4300 digits.
    if len(text) > 18 or int(text) > limit:
        raise too_large(limit)
    return int(text)


async def read(request: Request, limit: int) -> bytes:
    """The whole body as sent.

    Raises:
        Refusal: 413 over ``limit``, 408 when it does not arrive in time, 400 when the client goes away.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for piece in request.stream():
                size += len(piece)
                if size > limit:
                    raise too_large(limit)
                pieces.append(piece)
    except TimeoutError as error:
        raise Refusal(
            408,
            "body_timeout",
            zh=f"请求体在 {READ_SECONDS:.0f} 秒内未传完，请重发",
            en=f"the body did not arrive within {READ_SECONDS:.0f} seconds; send again",
            headers={"Connection": "close"},
        ) from error
    except ClientDisconnect as error:
        raise Refusal(400, "disconnected", zh="连接中断", en="the connection broke") from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo ``encoding``.

    Raises:
        Refusal: 400 when the body is damaged or cut short, 413 when more than ``limit`` bytes come out.
    """
    try:
        if encoding == "gzip":
            return _gunzip(body, limit)
        if encoding == "zstd":
            return _unzstd(body, limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise Refusal(
            400,
            "bad_compression",
            zh=f"请求体不是完整的 {encoding} 数据，请重发",
            en=f"the body is not complete {encoding} data; send it again",
        ) from error
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    rest = body
    while rest:  # A gzip file may have several members.
        member = zlib.decompressobj(wbits=31)
        piece = member.decompress(rest, limit + 1 - size)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        if not member.eof:
            raise EOFError
        rest = member.unused_data.lstrip(b"\0")  # Padding is allowed.
    if not body:
        raise EOFError
    return b"".join(pieces)


def _unzstd(body: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    frame = None
    view = memoryview(body)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    while view:
        if frame is None:
            frame = decompressor.decompressobj()
        taken = view[:_ZSTD_PIECE]
        piece = frame.decompress(taken)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        unused = len(frame.unused_data) if frame.eof else 0
        view = view[len(taken) - unused :]
        if frame.eof:
            frame = None
    if frame is not None or not body:
        raise EOFError
    return b"".join(pieces)
