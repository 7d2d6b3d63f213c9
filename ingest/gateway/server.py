"""Running the gateway under uvicorn.

Belongs here: server settings. Does not belong here: the application.
"""

from __future__ import annotations

import uvicorn

from ingest.gateway.app import create_app
from warehouse.settings import Settings

# Connections and requests in hand; beyond it uvicorn answers 503 and lots send again.
_CONCURRENCY = 512


def run(settings: Settings, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; then take no more, answer what is in hand and seal the journal."""
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=_CONCURRENCY,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
