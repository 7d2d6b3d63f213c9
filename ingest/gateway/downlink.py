"""Commands for lots over HTTP: the long poll and the acknowledgement.

Belongs here: reading the requests and writing the answers. Does not belong here: who may ask (``authentication.py``),
who waits (``command_board.py``), which commands there are (``warehouse/services/downlink_delivery.py``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ingest.gateway.answers import Refusal, json_response, unknown_key
from ingest.gateway.authentication import Claim
from ingest.gateway.command_board import CommandBoard, Woken
from ingest.gateway.metrics import Metrics
from ingest.gateway.shared_writes import SharedWrites
from warehouse.services.downlink_delivery import (
    Acknowledgement,
    CredentialEnded,
    Fetched,
    acknowledge_commands,
    give_commands,
    given_before,
)
from warehouse.settings import Settings

MOST_ACKNOWLEDGED: Final = 1_000
# SQLite has one writer: more threads would only wait for each other.
_THREADS: Final = 2
_THREADS_POSTGRESQL: Final = 8


class _Said(msgspec.Struct):
    command_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    result: Literal["applied", "failed"]
    message: str | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Body(msgspec.Struct):
    commands: Annotated[list[_Said], msgspec.Meta(max_length=MOST_ACKNOWLEDGED)]


class Downlink:
    """What the gateway's requests about commands share."""

    def __init__(self, settings: Settings, board: CommandBoard, metrics: Metrics) -> None:
        """``board`` is started and closed by the caller."""
        self._settings = settings
        self._board = board
        self._metrics = metrics
        # However many lots wait, the store is asked by so many at a time.
        count = _THREADS if settings.resolved_ops_url.startswith("sqlite") else _THREADS_POSTGRESQL
        self._threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix="downlink")
        self._writes = SharedWrites(settings, answers=(CredentialEnded,))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)
        self._writes.close()

    async def fetch(self, claim: Claim, request: Request) -> Response:
        """GET …/commands: at once when there are commands, else when some come or the time is over.

        Raises:
            Refusal: 400 for a bad cursor or time, 401 when the credential ends meanwhile.
        """
        after = _whole(request, "after", 0, most=2**31 - 1)
        longest = self._settings.gateway_command_wait_seconds
        ends = time.monotonic() + min(_whole(request, "wait", longest, most=3600), longest)
        waiter = self._board.enter(claim.key.lot_id, claim.key.key_id)
        woken = Woken.NEWS
        try:
            # The board knows what was queued up to its last look. Who waits hears the rest from it; who does not wait
            # would go away empty-handed.
            is_worth_it = ends <= time.monotonic() or self._board.may_have(claim.key.lot_id)
            is_told = False
            while woken is Woken.NEWS:
                if is_worth_it:
                    found = await self._found(claim, after, is_told=is_told)
                    if found.commands:
                        self._metrics.commands("delivered", len(found.commands))
                        return json_response(found)
                    after = found.cursor
                woken = await self._board.news(waiter, ends - time.monotonic())
                is_worth_it = is_told = True
        finally:
            self._board.leave(waiter)
        if woken is Woken.REVOKED:
            raise unknown_key()
        return json_response(Fetched((), after))

    async def acknowledge(self, claim: Claim, body: bytes) -> Response:
        """POST …/commands/ack.

        Raises:
            Refusal: 400 for a malformed body, 401 when the credential has ended.
        """
        said = _read(body)
        key = claim.key
        try:
            noted = await self._writes.run(
                partial(acknowledge_commands, key_id=key.key_id, lot_id=key.lot_id, said=said, now=datetime.now(UTC))
            )
        except CredentialEnded as error:
            raise unknown_key() from error
        # What comes next of these subjects may go out now.
        self._board.tell([claim.key.lot_id])
        by_id = {one.command_id: one for one in said}
        for result in ("applied", "failed"):
            count = sum(one.outcome == "recorded" and by_id[one.command_id].result == result for one in noted)
            self._metrics.commands(result, count)
        return json_response({"commands": noted})

    async def _found(self, claim: Claim, after: int, *, is_told: bool) -> Fetched:
        key, now = claim.key, datetime.now(UTC)
        look = partial(given_before, self._settings, key.key_id, key.lot_id, after, now)
        give = partial(
            give_commands, settings=self._settings, key_id=key.key_id, lot_id=key.lot_id, after=after, now=now
        )
        try:
            # Most questions change nothing and need no lock; after news there is something to give.
            found = None if is_told else await asyncio.get_running_loop().run_in_executor(self._threads, look)
            return found if found is not None else await self._writes.run(give)
        except CredentialEnded as error:
            raise unknown_key() from error


def _whole(request: Request, name: str, usual: int, *, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > most:
        raise Refusal(
            400,
            "bad_query",
            zh=f"参数 {name} 应为 0 至 {most} 的整数，收到 {text[:40]}",
            en=f"{name} must be a whole number from 0 to {most}, not {text[:40]}",
        )
    return int(text)


def _read(body: bytes) -> Sequence[Acknowledgement]:
    try:
        found: list[Any] = msgspec.json.decode(body, type=_Body).commands
        # A time on the edge of the calendar has none in UTC.
        times = [one.at.astimezone(UTC) if one.at is not None else None for one in found]
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
        raise Refusal(
            400,
            "bad_acknowledgement",
            zh=f'应为 {{"commands": [{{command_id, result, message, at}}]}}，最多 {MOST_ACKNOWLEDGED} 条：{error}',
            en=f'must be {{"commands": [{{command_id, result, message, at}}]}}, at most {MOST_ACKNOWLEDGED}: {error}',
        ) from error
    return [Acknowledgement(one.command_id, one.result, one.message, at) for one, at in zip(found, times, strict=True)]
