"""What the gateway answers besides verdicts: refusals of a whole request, each with a code and a sentence zh and en.

Belongs here: the refusals and their JSON. Does not belong here: deciding on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
from starlette.responses import Response


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A whole request is refused; nothing of it was stored."""

    def __init__(
        self, status: int, code: str, *, zh: str, en: str, headers: Mapping[str, str] | None = None, **details: object
    ) -> None:
        """Keep the HTTP status, the code, both sentences, extra headers and extra fields of the body."""
        super().__init__(en)
        self.status = status
        self.code = code
        self.zh = zh
        self.en = en
        self.headers = dict(headers or {})
        self.details = details

    def response(self) -> Response:
        """The answer as JSON."""
        return json_response(
            {"code": self.code, "zh": self.zh, "en": self.en, **self.details}, self.status, self.headers
        )


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any value that msgspec can encode, as JSON that no browser takes for anything else."""
    return Response(
        msgspec.json.encode(content),
        status,
        {"X-Content-Type-Options": "nosniff", **(headers or {})},
        media_type="application/json",
    )


def unauthorized(code: str, zh: str, en: str, **details: object) -> Refusal:
    """401: the request does not prove who sent it."""
    return Refusal(401, code, zh=zh, en=en, headers={"WWW-Authenticate": "ParkCloud-HMAC-SHA256"}, **details)


def unknown_key() -> Refusal:
    """401: the credential is not, or no longer, in force."""
    return unauthorized("unknown_key", zh="上传凭证不存在或已吊销", en="the credential is unknown or revoked")


def too_large(limit: int) -> Refusal:
    """413: the body is over the limit, as sent or after decompression.

    The connection stays open and the rest of the body is read into nothing: with a connection that is reset while it
    still writes, a proxy tells the lot 502 instead of this.
    """
    return Refusal(
        413,
        "body_too_large",
        zh=f"请求体超过 {limit} 字节（按解压后计算），请分成更小的批次发送",
        en=f"the body is over {limit} bytes after decompression; send smaller batches",
        limit_bytes=limit,
    )


def rate_limited(seconds: float) -> Refusal:
    """429: the lot sends more than it may."""
    wait = max(1, math.ceil(seconds))
    return Refusal(
        429,
        "rate_limited",
        zh=f"上传过快，请 {wait} 秒后重发",
        en=f"too many records; send again after {wait} seconds",
        headers={"Retry-After": str(wait)},
        retry_after_seconds=wait,
    )


def unavailable(code: str, zh: str, en: str) -> Refusal:
    """503: not stored, through no fault of the request; sending it again later is right."""
    return Refusal(503, code, zh=zh, en=en, headers={"Retry-After": "5"})


def too_busy() -> Refusal:
    """503: too many requests at the same moment."""
    return unavailable(
        "too_many_requests",
        zh="请求过于频繁，请用更大的批次，稍后重发",
        en="too many requests; use larger batches and send again later",
    )
