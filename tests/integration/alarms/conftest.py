"""A receiver of web hooks on this machine that can be down, and an instance that may call it."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deliveries.conftest import Post
from tests.integration.deliveries.conftest import post as mail_server
from tests.unit.alarms.conftest import NOW, minutes
from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.alarms.announce import announce
from warehouse.alarms.deliver import Sent, deliver_due
from warehouse.ops.models import AlarmEpisode
from warehouse.ops.session import write_session
from warehouse.services.alarm_channels import ChannelForm, save_channel
from warehouse.settings import Settings

post = mail_server


@dataclass
class Receiver:
    """What arrived; while ``status`` is not 200 nothing is taken."""

    port: int = 0
    status: int = 200
    location: str | None = None
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    refused: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    def alarms(self) -> list[tuple[int, str]]:
        """Alarm and event of everything that was taken, in order."""
        return [
            (alarm["alarm"], alarm["event"]) for _headers, body in self.calls for alarm in json.loads(body)["alarms"]
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if made.status == 200:
                made.calls.append(({**self.headers, "path": self.path}, body))
            else:
                made.refused += 1
            self.send_response(made.status)
            if made.location is not None:
                self.send_header("Location", made.location)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Desk:
    """An instance in which alarms are raised and told, by a clock of the test's own."""

    tenants: Tenants
    settings: Settings
    now: datetime = NOW

    def channel(self, login: str = "sun", place: str = "sun", **form: Any) -> tuple[int, str | None]:
        usual = {"name": "值班", "kind": "webhook", "fold_seconds": 0}
        where = f"n{self.tenants.nodes[place]}" if place in self.tenants.nodes else f"l{self.tenants.lots[place]}"
        return save_channel(self.settings, self.tenants.actor(login), where, ChannelForm(**{**usual, **form}))

    def alarm(self, code: str | None = "S-1", level: str = "warning", alarm_type: str = "camera_fault") -> int:
        with write_session(self.settings) as session:
            episode = AlarmEpisode(
                source="lot", lot_id=None if code is None else self.tenants.lots[code], alarm_key="A",
                alarm_type=alarm_type, level=level, message="画面丢失", device_id="C1", device_type="camera",
                raised_at=self.now, seen_at=self.now,
            )  # fmt: skip
            session.add(episode)
            session.flush()
            announce(session, self.now)
            return episode.episode_id

    def recover(self, episode_id: int) -> None:
        with write_session(self.settings) as session:
            session.get_one(AlarmEpisode, episode_id).recovered_at = self.now
            session.flush()
            announce(session, self.now)

    def send(self, later: float = 0) -> list[Sent]:
        self.now += minutes(later)
        return deliver_due(self.settings, self.now)

    def go_on(self, length: timedelta, step: float = 0.5) -> None:
        """Send again and again for some time."""
        end = self.now + length
        while self.now < end:
            self.send(step)


@pytest.fixture
def desk(tmp_path: Path, post: Post) -> Desk:
    tenants = tenants_in(tmp_path / "home")
    settings = Settings(
        home=tenants.settings.home, webhook_networks="127.0.0.0/8", smtp_host="127.0.0.1", smtp_port=post.port,
        smtp_tls="none", smtp_sender="alarms@parkcloud.example",
    )  # fmt: skip
    return Desk(tenants, settings)


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What docs/alarms.md tells receivers to do."""
    text = headers["X-Park-Timestamp"].encode() + b"." + body
    expected = "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["X-Park-Signature"])
