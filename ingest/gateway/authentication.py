"""Who sent a request: signature, timestamp, nonce, credential.

Belongs here: checking the signature headers, the cache of credentials, the memory of nonces. Does not belong here:
HTTP routing, or how credentials are kept (``warehouse/security/credentials.py``).

Limits worth knowing: nonces are remembered by each process and not across restarts, so a captured request could be
replayed to another gateway process within the clock tolerance. It would bring the same records again, which changes
nothing, because a record is identified by (lot, kind, record_id, revision). Remembering nonces durably would cost one
more fsync per request and is not worth that.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from ingest.gateway.answers import unauthorized, unavailable
from warehouse.ops.session import ops_session
from warehouse.security.credentials import LotKey, find_key, sign
from warehouse.settings import Settings

KEY_SECONDS: Final = 3.0  # after a revocation a credential may live this much longer
_MAX_KEYS: Final = 10_000
_MAX_NONCES: Final = 400_000
_NONCE = re.compile(r"[A-Za-z0-9_.~-]{16,64}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_HEADERS: Final = ("x-park-key", "x-park-timestamp", "x-park-nonce", "x-park-signature")


@dataclass(frozen=True)
class Claim:
    """The signature headers of a request, well-formed but not yet proved."""

    key: LotKey
    timestamp: str
    nonce: str
    signature: str


class Keyring:
    """Credentials in force, cached for ``KEY_SECONDS``; unknown ids too, so that they cost nothing either."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read before it is asked for."""
        self._settings = settings
        self._cache: OrderedDict[str, tuple[float, LotKey | None]] = OrderedDict()

    async def find(self, key_id: str) -> LotKey | None:
        """The credential with this id, or None when unknown or revoked.

        Raises:
            Refusal: 503 when the operational store cannot be read.
        """
        now = time.monotonic()
        cached = self._cache.get(key_id)
        if cached is not None and cached[0] > now:
            return cached[1]
        try:
            found = await asyncio.to_thread(self._read, key_id)
        except Exception as error:
            raise unavailable(
                "credentials_unavailable",
                zh="暂时无法核对上传凭证，请稍后重发",
                en="credentials cannot be checked at the moment; send again later",
            ) from error
        self._cache[key_id] = (now + KEY_SECONDS, found)
        self._cache.move_to_end(key_id)
        while len(self._cache) > _MAX_KEYS:
            self._cache.popitem(last=False)
        return found

    def _read(self, key_id: str) -> LotKey | None:
        with ops_session(self._settings) as session:
            return find_key(session, self._settings, key_id)


class NonceMemory:
    """Nonces seen within the time in which their requests would still be fresh, in bounded memory."""

    def __init__(self, keep_seconds: float, limit: int = _MAX_NONCES) -> None:
        """Remember each nonce for ``keep_seconds`` to twice that, at most ``limit`` of them."""
        self._keep_seconds = keep_seconds
        self._limit = limit
        self._current: set[int] = set()
        self._previous: set[int] = set()
        self._turned_at = time.monotonic()

    def remember(self, key_id: str, nonce: str) -> bool:
        """Take note of a nonce; False when it was seen before.

        Raises:
            Refusal: 503 when the memory is full: without it a replay could not be told.
        """
        age = time.monotonic() - self._turned_at
        if age >= self._keep_seconds:
            self._previous = self._current if age < 2 * self._keep_seconds else set()
            self._current = set()
            self._turned_at = time.monotonic()
        value = int.from_bytes(blake2b(f"{key_id}\n{nonce}".encode(), digest_size=8).digest())
        if value in self._current or value in self._previous:
            return False
        if len(self._current) + len(self._previous) >= self._limit:
            raise unavailable(
                "too_many_requests",
                zh="请求过于频繁，请用更大的批次，稍后重发",
                en="too many requests; use larger batches and send again later",
            )
        self._current.add(value)
        return True


class Authenticator:
    """Checks in two steps: what the headers can tell before the body is read, then the signature over the body."""

    def __init__(self, settings: Settings) -> None:
        """One per process."""
        self._tolerance = settings.gateway_clock_tolerance_seconds
        self._keyring = Keyring(settings)
        # A timestamp may lie ahead by the tolerance and is then fresh for twice the tolerance.
        self._nonces = NonceMemory(2 * self._tolerance + 1)

    async def claim(self, headers: Mapping[str, str]) -> Claim:
        """Read the signature headers.

        Raises:
            Refusal: 401, or 503 when credentials cannot be read.
        """
        missing = [name for name in _HEADERS if not headers.get(name)]
        if missing:
            raise unauthorized(
                "missing_signature",
                zh=f"缺少签名头 {', '.join(missing)}",
                en=f"signature headers are missing: {', '.join(missing)}",
            )
        key_id, timestamp, nonce, signature = (headers[name] for name in _HEADERS)
        now = int(time.time())
        if not _TIMESTAMP.fullmatch(timestamp):
            raise unauthorized(
                "bad_timestamp",
                zh="X-Park-Timestamp 应为 Unix 秒数",
                en="X-Park-Timestamp must be Unix time in seconds",
                server_time=now,
            )
        if abs(now - int(timestamp)) > self._tolerance:
            raise unauthorized(
                "stale_timestamp",
                zh=f"时间戳 {timestamp} 与服务器时间 {now} 相差超过 {self._tolerance} 秒，请校准时钟",
                en=f"timestamp {timestamp} is over {self._tolerance} s away from the server's time {now}; "
                "correct the clock",
                server_time=now,
            )
        if not _NONCE.fullmatch(nonce):
            raise unauthorized(
                "bad_nonce",
                zh="X-Park-Nonce 应为 16 至 64 个字母、数字或 _ . ~ -",
                en="X-Park-Nonce must be 16 to 64 letters, digits or _ . ~ -",
            )
        key = await self._keyring.find(key_id) if _KEY_ID.fullmatch(key_id) else None
        if key is None:
            raise unauthorized(
                "unknown_key",
                zh="上传凭证不存在或已吊销",
                en="the credential is unknown or revoked",
            )
        return Claim(key, timestamp, nonce, signature.lower())

    def prove(self, claim: Claim, method: str, path: str, body: bytes) -> None:
        """Check the signature over the body as sent, and that the request is no replay.

        Raises:
            Refusal: 401, or 503 when no more nonces can be remembered.
        """
        expected = sign(claim.key.secret, method, path, claim.timestamp, claim.nonce, body)
        if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
            raise unauthorized(
                "bad_signature",
                zh="签名不符：请核对密钥、路径与所签的请求体",
                en="the signature does not match; check the secret, the path and the body that was signed",
            )
        if not self._nonces.remember(claim.key.key_id, claim.nonce):
            raise unauthorized(
                "replayed_nonce",
                zh="该 X-Park-Nonce 已用过；重发时请换新的并重新签名",
                en="this X-Park-Nonce was used before; take a new one and sign again",
            )
