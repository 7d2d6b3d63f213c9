"""A client of the gateway: for the simulator, tests, benchmarks, and as a pattern for lots' systems.

Belongs here: signing, compressing, sending again. Does not belong here: making records.
"""

from __future__ import annotations

import gzip
import secrets
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from warehouse.errors import ParkError
from warehouse.security.credentials import sign

_RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})


class GatewayClient:
    """Sends batches of one lot. Not thread-safe: one client per thread."""

    def __init__(
        self,
        base_url: str,
        lot_code: str,
        key_id: str,
        secret: str,
        *,
        compress: bool = False,
        attempts: int = 5,
        timeout_seconds: float = 30.0,
    ) -> None:
        """Nothing is sent before ``send``.

        Args:
            base_url: for example ``http://127.0.0.1:8701``.
            lot_code: the lot that the credential belongs to.
            key_id: of the credential.
            secret: of the credential.
            compress: send bodies as gzip.
            attempts: how often a batch is tried before ``send`` gives up.
            timeout_seconds: for one attempt.
        """
        self._key_id = key_id
        self._secret = secret
        self._compress = compress
        self._attempts = attempts
        self._root = f"/v1/lots/{quote(lot_code, safe='')}"
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds)

    def __enter__(self) -> GatewayClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Upload records and return the gateway's answer; when this returns, they are on disk.

        A batch that fails for want of a connection, or with 408, 429 or 5xx, is sent again with a new nonce and
        signature. It may then arrive twice, which changes nothing.

        Raises:
            ParkError: the gateway refuses the batch, or cannot be reached after all attempts.
        """
        return self.send_body(msgspec.json.encode({"records": records}))

    def send_body(self, body: bytes, content_type: str = "application/json") -> dict[str, Any]:
        """As ``send``, for a body that is encoded already."""
        headers = {"content-type": content_type}
        if self._compress:
            body = gzip.compress(body, compresslevel=3)
            headers["content-encoding"] = "gzip"
        return self._ask("POST", "/records", body, headers)

    def commands(self, after: int = 0, wait: int = 0) -> dict[str, Any]:
        """Commands that the lot has not kept yet: ``{"commands": […], "cursor": n}``; waits for some ``wait`` seconds.

        Keep the commands before asking with the new cursor.
        """
        return self._ask("GET", f"/commands?after={after}&wait={wait}", b"", {}, timeout_seconds=wait + 20.0)

    def acknowledge(self, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Say what became of commands: ``command_id``, ``result`` (applied or failed), ``message``, ``at``."""
        body = msgspec.json.encode({"commands": list(results)})
        return self._ask("POST", "/commands/ack", body, {"content-type": "application/json"})

    def put_snapshot(self, kind: str, record_id: str, picture: bytes, at: str | None = None) -> dict[str, Any]:
        """Upload the picture (JPEG or PNG) of a record; ``at`` is when it was taken, RFC 3339 with offset."""
        path = f"/snapshots/{quote(kind, safe='')}/{quote(record_id, safe='')}"
        query = f"?at={quote(at, safe='')}" if at is not None else ""
        kind_of_picture = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
        return self._ask("PUT", path + query, picture, {"content-type": kind_of_picture})

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], *, timeout_seconds: float | None = None
    ) -> dict[str, Any]:
        target = self._root + path
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_seconds is None else httpx.Timeout(timeout_seconds)
        pause = 0.2
        for attempt in range(1, self._attempts + 1):
            signed = headers | self.signature(body, method, path)
            try:
                response = self._http.request(method, target, content=body, headers=signed, timeout=timeout)
            except httpx.TransportError as error:
                if attempt == self._attempts:
                    raise ParkError(
                        zh=f"无法连接上传网关 {self._http.base_url}：{error}",
                        en=f"the gateway {self._http.base_url} cannot be reached: {error}",
                        code="gateway_unreachable",
                    ) from error
            else:
                if response.status_code == 200:
                    answer: dict[str, Any] = msgspec.json.decode(response.content)
                    return answer
                if response.status_code not in _RETRIED or attempt == self._attempts:
                    raise _refused(response)
                pause = max(pause, _retry_after(response))
            time.sleep(min(pause, 60.0))
            pause *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def signature(self, body: bytes, method: str = "POST", path: str = "/records") -> dict[str, str]:
        """Fresh signature headers for ``body`` as it will be sent; ``path`` is below the lot's, with its query."""
        timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(18)
        return {
            "x-park-key": self._key_id,
            "x-park-timestamp": timestamp,
            "x-park-nonce": nonce,
            "x-park-signature": sign(self._secret, method, self._root + path, timestamp, nonce, body),
        }


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _refused(response: httpx.Response) -> ParkError:
    try:
        body = msgspec.json.decode(response.content, type=dict[str, Any])
        zh, en, code = str(body["zh"]), str(body["en"]), str(body["code"])
    except (msgspec.MsgspecError, KeyError):
        zh = en = response.text[:200]
        code = "refused"
    status = response.status_code
    return ParkError(zh=f"上传网关答复 {status}：{zh}", en=f"the gateway answered {status}: {en}", code=code)
