"""Which processes an instance consists of.

Belongs here: their commands, ports and health, and the files Dagster wants to find. Does not belong here: keeping them
running (``pipelines.supervisor``).
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.supervisor import Service, local_url
from warehouse.settings import PROJECT_ROOT, Settings

PARTS: Final = ("pages", "ingest", "watch", "dagster")
"""What ``park up --only`` names: each may run on a machine of its own."""
_PART_OF: Final = {"pages": "pages", "gateway": "ingest", "lander": "ingest", "live": "ingest", "inbox": "ingest"}

# Longest path of a Unix socket, with room for the zero behind it.
_SOCKET_PATH: Final = 100


@dataclass(frozen=True)
class Port:
    """A port that must be free: where, and the setting that says so."""

    host: str
    number: int
    setting: str


def ports(settings: Settings, parts: Collection[str]) -> list[Port]:
    """The ports that the parts of an instance listen on."""
    found = {
        "pages": Port(settings.host, settings.pages_port, "PARK_PAGES_PORT"),
        "ingest": Port(settings.host, settings.gateway_port, "PARK_GATEWAY_PORT"),
        "dagster": Port(settings.dagster_host, settings.dagster_port, "PARK_DAGSTER_PORT"),
    }
    return [port for part, port in found.items() if part in parts]


def of_parts(services: Sequence[Service], parts: Collection[str]) -> list[Service]:
    """Those of ``services`` that belong to ``parts``; what watches over everything is the part ``watch``."""
    return [service for service in services if _PART_OF.get(service.name, "watch") in parts]


def serving(settings: Settings) -> list[Service]:
    """What people and lots talk to: pages, gateway, and the lander behind it."""
    return [
        Service("pages", [*_park(), "pages"], health_url=local_url(settings.host, settings.pages_port, "/healthz")),
        Service(
            "gateway",
            [*_park(), "gateway"],
            health_url=local_url(settings.host, settings.gateway_port, "/health"),
            stop_phase=1,  # after the simulator, whose last batch would fail otherwise
        ),
        Service("lander", [*_park(), "land", "--follow"]),
    ]


def watchers() -> list[Service]:
    """The watched inbox, the rules that raise alarms, and the linkage of regions."""
    return [
        Service("inbox", [*_park(), "watch"]),
        Service("alarms", [*_park(), "alarms", "--follow"]),
        Service("linkage", [*_park(), "linkage", "--follow"]),
    ]


def simulator(rate: float | None) -> Service:
    """The demonstration's lots, going on."""
    return Service("simulator", [*_park(), "simulate", *(["--rate", str(rate)] if rate is not None else [])])


def dagster_code(settings: Settings) -> Service:
    """The process that knows the definitions and runs the jobs; web server and daemon ask it."""
    path = code_socket(settings)
    return Service(
        "dagster-code",
        [sys.executable, "-m", "pipelines.code_server"],
        start_seconds=300.0,  # the first time it parses the models
        health_socket=path,
        environment=dagster_environment(settings),
    )


def dagster_faces(settings: Settings) -> list[Service]:
    """Dagster's web server and its daemon."""
    environment = dagster_environment(settings)
    workspace = ["-w", str(settings.dagster_home / "workspace.yaml")]
    return [
        Service("dagster-daemon", [_tool("dagster-daemon"), "run", *workspace], environment=environment),
        Service(
            "dagster-web",
            [
                _tool("dagster-webserver"),
                *("-h", settings.dagster_host, "-p", str(settings.dagster_port)),
                *workspace,
            ],
            health_url=local_url(settings.dagster_host, settings.dagster_port, "/server_info"),
            environment=environment,
        ),
    ]


def prepare_dagster(settings: Settings) -> None:
    """Write what Dagster looks for in its home."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT_ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    (settings.dagster_home / "workspace.yaml").write_text(
        f"load_from:\n  - grpc_server:\n      socket: {code_socket(settings)}\n      location_name: parkcloud\n"
    )


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Variables of Dagster's processes."""
    return {"DAGSTER_HOME": str(settings.dagster_home.resolve()), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def code_socket(settings: Settings) -> Path:
    """Where the code server listens: in Dagster's home, or in the temporary folder when that path is too long."""
    path = settings.dagster_home.resolve() / "code.sock"
    if len(str(path)) <= _SOCKET_PATH:
        return path
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"parkcloud-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "code.sock"


def _park() -> list[str]:
    return [sys.executable, _tool("park")]


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
