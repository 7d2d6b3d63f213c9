"""The gateway's HTTP application.

Belongs here: routes, the order of checks of an upload, last-resort answers. Does not belong here: the checks
themselves. The lake is never opened here: an upload ends in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.gateway import bodies
from ingest.gateway.answers import Refusal, json_response, rate_limited, too_busy, unavailable
from ingest.gateway.authentication import Authenticator, Claim
from ingest.gateway.command_board import CommandBoard
from ingest.gateway.downlink import Downlink
from ingest.gateway.group_commit import JournalWriter
from ingest.gateway.limits import RateLimiter
from ingest.gateway.metrics import Metrics
from ingest.gateway.openapi import document
from ingest.gateway.snapshots import COST_RECORDS, Snapshots
from ingest.journal import Journal
from ingest.records import BatchError, BatchResult, LotContext, decode_batch
from warehouse.errors import ParkError
from warehouse.logs import about
from warehouse.ops.session import ops_session
from warehouse.security.credentials import lot_by_code
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

# Bodies above this size are read two at a time and decoded in a thread, so that small uploads are not kept waiting.
LARGE_BYTES: Final = 512 * 1024
_LARGE_AT_ONCE: Final = 2
# Requests in hand besides those that wait for commands; more are put off.
_QUICK_AT_ONCE: Final = 512
_ACKNOWLEDGEMENT_BYTES: Final = 1024 * 1024


class Gateway:
    """One gateway process: what its requests share."""

    def __init__(self, settings: Settings, is_stopping: Callable[[], bool]) -> None:
        """Nothing is written before ``start``; when ``is_stopping``, nobody waits any more."""
        self._settings = settings
        self._journal = Journal(settings.journal_path)
        self.metrics = Metrics(self._journal)
        self._writer = JournalWriter(
            self._journal,
            segment_seconds=settings.journal_segment_seconds,
            segment_bytes=settings.journal_segment_bytes,
            observe_fsync=self.metrics.fsync,
        )
        self._authenticator = Authenticator(settings)
        self._limiter = RateLimiter(settings.gateway_records_per_minute)
        self._large_read = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._large_decode = asyncio.Semaphore(1)
        self._in_hand = 0
        self._board = CommandBoard(settings, on_revoked=self._authenticator.forget, is_stopping=is_stopping)
        self._downlink = Downlink(settings, self._board, self.metrics)
        self._snapshots = Snapshots(settings, self._writer, self.metrics)
        self.metrics.waiting(lambda: self._board.waiting)
        self._openapi = document(settings)

    async def start(self) -> None:
        """Begin to take uploads and to look for commands."""
        await self._writer.start()
        await self._board.start()

    async def close(self) -> None:
        """Let nobody wait; flush and seal the journal."""
        await self._board.close()
        self._downlink.close()
        self._snapshots.close()
        await self._writer.close()

    async def records(self, request: Request) -> Response:
        """POST /v1/lots/{lot_code}/records."""
        return await self._answered(request, self._upload)

    async def commands(self, request: Request) -> Response:
        """GET /v1/lots/{lot_code}/commands."""
        return await self._answered(request, self._fetch, is_quick=False)

    async def snapshot(self, request: Request) -> Response:
        """PUT /v1/lots/{lot_code}/snapshots/{kind}/{record_id}."""
        return await self._answered(request, self._keep_snapshot)

    async def acknowledgement(self, request: Request) -> Response:
        """POST /v1/lots/{lot_code}/commands/ack."""
        return await self._answered(request, self._acknowledge)

    async def _answered(
        self, request: Request, handle: Callable[[Request], Awaitable[Response]], *, is_quick: bool = True
    ) -> Response:
        """Handle a request; whatever goes wrong has an answer, and is counted. One that may wait is no quick one."""
        request_id = uuid.uuid4().hex[:16]
        with about(request_id=request_id, lot=request.path_params["lot_code"][:64]):
            response = await self._answer(request, handle, is_quick)
        response.headers["X-Request-Id"] = request_id
        return response

    async def _answer(
        self, request: Request, handle: Callable[[Request], Awaitable[Response]], is_quick: bool
    ) -> Response:
        started = time.perf_counter()
        self._in_hand += is_quick
        try:
            if is_quick and self._in_hand > _QUICK_AT_ONCE:
                raise too_busy()
            response = await handle(request)
        except Refusal as refusal:
            response = self._refuse(refusal)
        except BatchError as error:
            response = self._refuse(Refusal(error.status, error.code, zh=error.zh, en=error.en))
        except ParkError as error:
            response = self._refuse(unavailable(error.code, error.zh, error.en))
        except Exception:
            logger.exception("a request could not be handled")
            response = self._refuse(_unexpected())
        finally:
            self._in_hand -= is_quick
        seconds = time.perf_counter() - started
        if is_quick:
            self.metrics.answered(response.status_code, seconds)
        if response.status_code < 400:
            level = logging.DEBUG
        else:
            level = logging.WARNING if response.status_code >= 500 else logging.INFO
        if logger.isEnabledFor(level):
            logger.log(level, "request answered", extra={"status": response.status_code, "seconds": round(seconds, 4)})
        return response

    async def health(self, _request: Request) -> Response:
        """GET /health: 200 while uploads are stored, else 503 with the reason."""
        backlog = await asyncio.to_thread(self._journal.backlog)
        failure = await self._writer.check()
        content = {
            "state": "failing" if failure else "ok",
            "reason": failure,
            "journal": {
                "waiting_segments": backlog.segments,
                "waiting_bytes": backlog.bytes,
                "oldest_seconds": round(backlog.oldest_seconds, 1),
                "failed_segments": backlog.failed_segments,
                "free_bytes": shutil.disk_usage(self._journal.root).free,
            },
        }
        return json_response(content, 503 if failure else 200)

    async def metrics_page(self, _request: Request) -> Response:
        """GET /metrics."""
        content = await asyncio.to_thread(self.metrics.exposition)
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _request: Request) -> Response:
        """GET /v1/openapi.json."""
        return json_response(self._openapi)

    def _refuse(self, refusal: Refusal) -> Response:
        self.metrics.refused(refusal.code)
        return refusal.response()

    async def _upload(self, request: Request) -> Response:
        claim = await self._authenticator.claim(request.headers)
        encoding = bodies.content_encoding(request)
        limit = self._settings.gateway_max_body_bytes
        length = bodies.declared_length(request, limit)
        async with contextlib.AsyncExitStack() as stack:
            if length is None or length > LARGE_BYTES:
                await stack.enter_async_context(self._large_read)
            body = await bodies.read(request, limit)
            await self._admit(claim, request, body)
            await self._writer.room()
            result = await self._decode(claim, body, encoding, request.headers.get("content-type", ""))
            del body
        self._limiter.charge(claim.key.lot_id, len(result.verdicts))
        await self._writer.append(result.lines)
        self.metrics.verdicts(result.verdicts)
        noted = [verdict for verdict in result.verdicts if verdict.verdict != "accepted"]
        return json_response(
            {
                "accepted": len(result.verdicts) - len(noted),
                "marked": sum(1 for verdict in noted if verdict.verdict == "marked"),
                "rejected": sum(1 for verdict in noted if verdict.verdict == "rejected"),
                "records": noted,
            }
        )

    async def _fetch(self, request: Request) -> Response:
        claim = await self._authenticator.claim(request.headers)
        await self._admit(claim, request, await bodies.read(request, 0))
        self._limiter.charge(claim.key.lot_id, 1)
        return await self._downlink.fetch(claim, request)

    async def _acknowledge(self, request: Request) -> Response:
        claim = await self._authenticator.claim(request.headers)
        body = await bodies.read(request, _ACKNOWLEDGEMENT_BYTES)
        await self._admit(claim, request, body)
        self._limiter.charge(claim.key.lot_id, 1)
        return await self._downlink.acknowledge(claim, body)

    async def _keep_snapshot(self, request: Request) -> Response:
        claim = await self._authenticator.claim(request.headers)
        limit = self._settings.gateway_max_snapshot_bytes
        bodies.declared_length(request, limit)
        async with self._large_read:
            body = await bodies.read(request, limit)
            await self._admit(claim, request, body)
            self._limiter.charge(claim.key.lot_id, COST_RECORDS)
            return await self._snapshots.put(claim, request, body)

    async def _admit(self, claim: Claim, request: Request, body: bytes) -> None:
        """Prove who sent the request, that it is about their lot, and that the lot does not send too fast."""
        raw_path = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1")
        query = request.scope.get("query_string", b"").decode("latin-1")
        # What a request asks for is signed too.
        self._authenticator.prove(claim, request.method, f"{raw_path}?{query}" if query else raw_path, body)
        await self._check_lot(claim, request.path_params["lot_code"])
        wait = self._limiter.seconds_to_wait(claim.key.lot_id)
        if wait > 0:
            raise rate_limited(wait)

    async def _check_lot(self, claim: Claim, lot_code: str) -> None:
        if lot_code == claim.key.code:
            return
        if await asyncio.to_thread(self._lot_exists, lot_code):
            raise Refusal(
                403,
                "wrong_lot",
                zh=f"该凭证属于停车场 {claim.key.code}，不能为 {lot_code[:64]} 上传",
                en=f"this credential belongs to lot {claim.key.code} and cannot upload for {lot_code[:64]}",
            )
        raise Refusal(404, "unknown_lot", zh=f"没有停车场 {lot_code[:64]}", en=f"there is no lot {lot_code[:64]}")

    def _lot_exists(self, code: str) -> bool:
        with ops_session(self._settings) as session:
            try:
                lot_by_code(session, code)
            except ParkError:
                return False
        return True

    async def _decode(self, claim: Claim, body: bytes, encoding: str, content_type: str) -> BatchResult:
        plain = bodies.decompress(body, encoding, self._settings.gateway_max_body_bytes)
        key = claim.key
        lot = LotContext(key.lot_id, key.code, key.time_zone, key.cutover_minutes)
        work = partial(decode_batch, plain, content_type, lot, datetime.now(UTC))
        if len(plain) <= LARGE_BYTES:
            result = work()
        else:
            async with self._large_decode:
                result = await asyncio.to_thread(work)
        if len(result.verdicts) > self._settings.gateway_max_batch_records:
            raise Refusal(
                413,
                "too_many_records",
                zh=f"一批最多 {self._settings.gateway_max_batch_records} 条记录，请分批发送",
                en=f"a batch holds at most {self._settings.gateway_max_batch_records} records; send several",
            )
        return result


def create_app(settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> Starlette:
    """The ASGI application of one gateway process; when ``is_stopping``, waiting lots are answered."""
    gateway = Gateway(settings, is_stopping)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await gateway.start()
        try:
            yield
        finally:
            await gateway.close()

    return Starlette(
        routes=[
            Route("/v1/lots/{lot_code}/records", gateway.records, methods=["POST"]),
            Route("/v1/lots/{lot_code}/commands", gateway.commands, methods=["GET"]),
            Route("/v1/lots/{lot_code}/commands/ack", gateway.acknowledgement, methods=["POST"]),
            Route("/v1/lots/{lot_code}/snapshots/{kind}/{record_id:path}", gateway.snapshot, methods=["PUT"]),
            Route("/v1/openapi.json", gateway.openapi),
            Route("/health", gateway.health),
            Route("/metrics", gateway.metrics_page),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _last_resort},
        lifespan=lifespan,
    )


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {
        404: ("not_found", "没有这个地址；接口说明见 /v1/openapi.json", "no such address; see /v1/openapi.json"),
        405: ("method_not_allowed", "该地址不支持此方法", "this address does not take that method"),
    }
    code, zh, en = sentences.get(error.status_code, ("refused", "请求被拒绝", "the request is refused"))
    return Refusal(error.status_code, code, zh=zh, en=en, headers=error.headers).response()


async def _last_resort(_request: Request, _error: Exception) -> Response:
    return _unexpected().response()


def _unexpected() -> Refusal:
    return unavailable(
        "unexpected",
        zh="服务器暂时无法处理该请求，记录未被接收，请稍后重发",
        en="the server cannot handle this request at the moment; nothing was stored, send again later",
    )
