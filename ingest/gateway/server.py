"""Running the gateway under uvicorn.

Belongs here: server settings. Does not belong here: the application.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import sys
from typing import Final

import uvicorn

from ingest.gateway.app import create_app
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

_OTHER_FILES: Final = 256
_STARTUP_FAILED: Final = 3


def run(settings: Settings, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; then take no more, answer what is in hand and seal the journal."""
    _raise_file_limit(settings.gateway_max_connections)
    server: uvicorn.Server

    def is_stopping() -> bool:
        return server.should_exit

    config = uvicorn.Config(
        create_app(settings, is_stopping),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        # Beyond it uvicorn answers 503 and lots come again.
        limit_concurrency=settings.gateway_max_connections,
        backlog=4096,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_STARTUP_FAILED)


def _raise_file_limit(connections: int) -> None:
    """Every connection is an open file; the usual soft limit of 1024 is far less than lots that wait."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning("only %d open files are allowed: at most so many lots can wait for commands", allowed)
