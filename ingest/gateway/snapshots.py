"""Pictures of passages over HTTP.

Belongs here: checking that what came is a picture, keeping it, and its record in the journal. Does not belong here: who
may send (``authentication.py``), where pictures lie (``warehouse/services/snapshots.py``).
"""

from __future__ import annotations

import asyncio
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
from PIL import Image, UnidentifiedImageError
from starlette.requests import Request
from starlette.responses import Response

from ingest.gateway.answers import Refusal, json_response
from ingest.gateway.authentication import Claim
from ingest.gateway.group_commit import JournalWriter
from ingest.gateway.metrics import Metrics
from ingest.records import BatchResult, LotContext, decode_batch
from warehouse.services.snapshots import SnapshotStore
from warehouse.settings import Settings

MOST_PIXELS: Final = 25_000_000
_SMALLEST_SIDE: Final = 8
_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png"}
# A picture of the largest size takes some 100 MB while it is decoded.
_AT_ONCE: Final = 2
COST_RECORDS: Final = 20
"""A picture counts as so many records against the lot's rate."""


@dataclass(frozen=True)
class Picture:
    """A picture that was checked."""

    content: bytes
    content_type: str
    width: int
    height: int


def checked_picture(content: bytes) -> Picture:
    """Decode a JPEG or PNG wholly, and nothing larger than ``MOST_PIXELS``.

    Raises:
        Refusal: 415 when it is neither, 422 when it is damaged, too large or tiny.
    """
    try:
        with warnings.catch_warnings():
            # The size is looked at below, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=tuple(_TYPES)) as image:
                width, height, form = *image.size, image.format
                if width * height > MOST_PIXELS or min(width, height) < _SMALLEST_SIDE:
                    raise _bad_size(width, height)
                image.load()
    except UnidentifiedImageError as error:
        raise Refusal(
            415,
            "not_a_picture",
            zh="内容不是 JPEG 或 PNG 图片：请核对文件",
            en="the content is no JPEG or PNG picture: check the file",
        ) from error
    except Image.DecompressionBombError as error:
        raise _bad_size(0, 0) from error
    # Whatever a decoder stumbles over: damaged data must not look like a fault of ours.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError, ArithmeticError) as error:
        raise Refusal(
            422,
            "damaged_picture",
            zh="图片已损坏或不完整：请重新抓拍或重传",
            en="the picture is damaged or cut short: send it again",
        ) from error
    return Picture(content, _TYPES[form or ""], width, height)


def _bad_size(width: int, height: int) -> Refusal:
    return Refusal(
        422,
        "bad_picture_size",
        zh=f"图片尺寸 {width}×{height} 不可接受：每边至少 {_SMALLEST_SIDE} 像素，总计至多 {MOST_PIXELS} 像素",
        en=f"{width}×{height} is not taken: at least {_SMALLEST_SIDE} a side, at most {MOST_PIXELS} pixels in all",
    )


class Snapshots:
    """What the gateway's requests about pictures share."""

    def __init__(self, settings: Settings, writer: JournalWriter, metrics: Metrics) -> None:
        """``writer`` is started and closed by the caller."""
        self._store = SnapshotStore(settings)
        self._writer = writer
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="snapshots")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    async def put(self, claim: Claim, request: Request, body: bytes) -> Response:
        """Keep a picture and its record; when this answers, both are on disk.

        Raises:
            Refusal: it is no picture, or its record is not accepted.
            ParkError: ``snapshots_unavailable``.
        """
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(self._threads, checked_picture, body)
        digest = sha256(body).hexdigest()
        record = _record(request, picture, digest)
        result = _judged(claim, record)
        await loop.run_in_executor(self._threads, self._store.put, claim.key.lot_id, body)
        await self._writer.append(result.lines)
        self._metrics.verdicts(result.verdicts)
        return json_response(
            {
                "record_id": record["record_id"],
                "content_hash": digest,
                "content_type": picture.content_type,
                "size_bytes": len(body),
                "marks": result.verdicts[0].marks,
            }
        )


def _record(request: Request, picture: Picture, digest: str) -> dict[str, Any]:
    kind, record_id = request.path_params["kind"], request.path_params["record_id"]
    # The same picture of the same record is the same record: sending it again changes nothing.
    identity = sha256(f"{kind}/{record_id}/{digest}".encode()).hexdigest()
    return {
        "kind": "snapshot",
        "record_id": f"picture-{identity[:40]}",
        "occurred_at": request.query_params.get("at") or datetime.now(UTC).isoformat(),
        "linked_kind": kind,
        "linked_record_id": record_id,
        "content_hash": digest,
        "content_type": picture.content_type,
        "size_bytes": len(picture.content),
    }


def _judged(claim: Claim, record: dict[str, Any]) -> BatchResult:
    key = claim.key
    lot = LotContext(key.lot_id, key.code, key.time_zone, key.cutover_minutes)
    body = msgspec.json.encode({"records": [record]})
    result = decode_batch(body, "application/json", lot, datetime.now(UTC))
    verdict = result.verdicts[0]
    if verdict.verdict == "rejected":
        raise Refusal(
            422,
            verdict.code or "rejected",
            zh=verdict.reason_zh or "记录不被接受",
            en=verdict.reason_en or "the record is not accepted",
        )
    return result
