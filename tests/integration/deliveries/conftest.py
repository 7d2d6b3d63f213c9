"""A published lake with operators of several places, and a mail server of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from tests.integration.reports.lake import Lake, add_tree, fill
from warehouse.lake.reader import Reader
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor, actor_by_login
from warehouse.settings import Settings


@dataclass
class Post:
    """What arrived; ``answers`` are given to the next mails instead of taking them."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        found = message_from_bytes(envelope.content, policy=default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"


@pytest.fixture
def post() -> Iterator[Post]:
    made = Post()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made.port = probe.getsockname()[1]
    controller = Controller(made, hostname="127.0.0.1", port=made.port, server_kwargs={"data_size_limit": 50 << 20})
    controller.start()
    yield made
    controller.stop()


@pytest.fixture(scope="session")
def delivered_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(Settings(home=Path(tmp_path_factory.mktemp("deliveries"))))
    add_tree(made.settings)
    fill(made)
    made.publish()
    return made


@pytest.fixture(scope="session")
def reader(delivered_lake: Lake) -> Iterator[Reader]:
    made = Reader(delivered_lake.settings)
    yield made
    made.close()


@pytest.fixture
def settings(delivered_lake: Lake, post: Post) -> Iterator[Settings]:
    """The instance with this test's mail server; what a test set up is deleted after it."""
    yield Settings(
        home=delivered_lake.settings.home,
        smtp_host="127.0.0.1",
        smtp_port=post.port,
        smtp_tls="none",
        smtp_sender="reports@parkcloud.example",
    )
    with ops_session(delivered_lake.settings) as session:
        from warehouse.ops.models import Delivery, DeliveryRun

        session.query(DeliveryRun).delete()
        session.query(Delivery).delete()
        session.execute(update(Operator).where(Operator.login != "gone").values(is_active=True))


def actor(settings: Settings, login: str) -> Actor:
    with ops_session(settings) as session:
        return actor_by_login(session, login)


def set_active(settings: Settings, login: str, is_active: bool) -> None:
    with ops_session(settings) as session:
        session.scalars(select(Operator).where(Operator.login == login)).one().is_active = is_active
