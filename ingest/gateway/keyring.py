"""The credentials in force, as one gateway process knows them.

Belongs here: the cache, and reading many credentials at once. Does not belong here: signatures (``authentication.py``),
how credentials are kept (``warehouse/security/credentials.py``).

Thousands of lots that ask every minute find their credentials no longer cached. So requests that wait for credentials
share one query: those that come while it runs share the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ingest.gateway.answers import unavailable
from warehouse.errors import ParkError
from warehouse.ops.session import ops_session
from warehouse.security.credentials import LotKey, find_keys
from warehouse.settings import Settings

KEY_SECONDS: Final = 3.0  # after a revocation a credential may live this much longer
_MAX_KEYS: Final = 20_000
_MOST_AT_ONCE: Final = 500
Found = LotKey | ParkError | None


class Keyring:
    """Credentials in force, cached for ``KEY_SECONDS``; unknown ids too, so that they cost nothing either."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read before it is asked for."""
        self._settings = settings
        self._cache: OrderedDict[str, tuple[float, LotKey | None]] = OrderedDict()
        self._asked: dict[str, asyncio.Future[Found]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keys")

    async def find(self, key_id: str) -> LotKey | None:
        """The credential with this id, or None when unknown or revoked.

        Raises:
            Refusal: 503 when the operational store cannot be read.
        """
        cached = self._cache.get(key_id)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        asked = self._asked.get(key_id)
        if asked is None:
            asked = self._asked[key_id] = asyncio.get_running_loop().create_future()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_all(), name="keys")
        # One of several who ask may go away; the others must still get their answer.
        found = await asyncio.shield(asked)
        if isinstance(found, ParkError):
            raise unavailable(
                "credentials_unavailable",
                zh="暂时无法核对上传凭证，请稍后重发",
                en="credentials cannot be checked at the moment; send again later",
            ) from found
        return found

    def forget(self, key_ids: Iterable[str]) -> None:
        """Look these up anew when they come next: they were revoked."""
        for key_id in key_ids:
            self._cache.pop(key_id, None)

    async def _read_all(self) -> None:
        while self._asked:
            taken = dict(list(self._asked.items())[:_MOST_AT_ONCE])
            for key_id in taken:
                del self._asked[key_id]
            began = time.monotonic()
            found: dict[str, LotKey | ParkError]
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, list(taken))
            except Exception as error:
                away = ParkError(zh=str(error), en=str(error), code="credentials_unavailable")
                found = dict.fromkeys(taken, away)
            for key_id, future in taken.items():
                one = found.get(key_id)
                if not isinstance(one, ParkError):
                    self._keep(key_id, one, began + KEY_SECONDS)
                if not future.done():
                    future.set_result(one)

    def _keep(self, key_id: str, found: LotKey | None, until: float) -> None:
        self._cache[key_id] = (until, found)
        self._cache.move_to_end(key_id)
        while len(self._cache) > _MAX_KEYS:
            self._cache.popitem(last=False)

    def _read(self, key_ids: Sequence[str]) -> dict[str, LotKey | ParkError]:
        with ops_session(self._settings) as session:
            return find_keys(session, self._settings, key_ids)
