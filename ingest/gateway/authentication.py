"""Who sent a request: signature, timestamp, nonce, credential.

Belongs here: checking the signature headers, the memory of nonces. Does not belong here: HTTP routing, or
which credentials are in force (``keyring.py``).

Limits worth knowing: nonces are remembered by each process and not across restarts, so a captured request could be
replayed to another gateway process within the clock tolerance. It would bring the same records again, which changes
nothing, because a record is identified by (lot, kind, record_id, revision); of commands it would show what the lot was
shown, which is why the gateway belongs behind TLS. Remembering nonces durably would cost one
more fsync per request and is not worth that.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from ingest.gateway.answers import too_busy, unauthorized, unknown_key
from ingest.gateway.keyring import Keyring
from warehouse.security.credentials import LotKey, sign
from warehouse.settings import Settings

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


class NonceMemory:
    """Nonces whose requests would still be fresh, in bounded memory.

    Kept by the minute of the request's own timestamp: a request is stale when its timestamp is older than the
    tolerance, so a minute's nonces are dropped together that long after its end.
    """

    def __init__(self, tolerance_seconds: int, limit: int, clock: Callable[[], float] = time.time) -> None:
        """Remember at most ``limit`` nonces."""
        self._tolerance = tolerance_seconds
        self._limit = limit
        self._clock = clock
        self._minutes: dict[int, set[int]] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return sum(len(nonces) for nonces in self._minutes.values())

    def remember(self, key_id: str, nonce: str, timestamp: int) -> bool:
        """Take note of the nonce of a request that is fresh; False when it was seen before.

        The timestamp is part of what is remembered: under another one the request would have another signature.

        Raises:
            Refusal: 503 when the memory is full: without it a replay could not be told.
        """
        now = self._clock()
        for minute in [found for found in self._minutes if (found + 1) * 60 + self._tolerance < now]:
            del self._minutes[minute]
        value = int.from_bytes(blake2b(f"{key_id}\n{nonce}\n{timestamp}".encode(), digest_size=8).digest())
        seen = self._minutes.setdefault(timestamp // 60, set())
        if value in seen:
            return False
        if len(self) >= self._limit:
            raise too_busy()
        seen.add(value)
        return True


class Authenticator:
    """Checks in two steps: what the headers can tell before the body is read, then the signature over the body."""

    def __init__(self, settings: Settings) -> None:
        """One per process."""
        self._tolerance = settings.gateway_clock_tolerance_seconds
        self._keyring = Keyring(settings)
        self._nonces = NonceMemory(self._tolerance, settings.gateway_max_nonces)

    def forget(self, key_ids: Iterable[str]) -> None:
        """Credentials that were revoked are asked for anew."""
        self._keyring.forget(key_ids)

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
            raise unknown_key()
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
        if not self._nonces.remember(claim.key.key_id, claim.nonce, int(claim.timestamp)):
            raise unauthorized(
                "replayed_nonce",
                zh="该 X-Park-Nonce 已用过；重发时请换新的并重新签名",
                en="this X-Park-Nonce was used before; take a new one and sign again",
            )
