"""Pages run by Streamlit's own test runner, through the frame, for a login of a small tenancy tree."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboards import instance
from dashboards.exports.jobs import exports
from dashboards.requests import session_cookie
from dashboards.restatement.work import moments
from warehouse.lake.schema import create_lake
from warehouse.ops.models import AuthSession, Lot, Operator
from warehouse.ops.session import migrate, ops_session
from warehouse.security.permissions import BUILT_IN
from warehouse.security.sessions import token_hash
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_agent, ensure_customer, ensure_platform
from warehouse.settings import Settings

CACHES = (instance.settings, instance.reader, instance.results, exports, moments)
"""What a process of pages holds once: cleared around each test that runs pages."""
PASSWORD = "Right-Horse-7"


@dataclass(frozen=True)
class Tenants:
    """Two agents with a customer and a lot each.

    There is a login for every built-in role, named by its code, below the first agent (``admin`` at the platform), and
    ``foreign`` below the second.
    """

    settings: Settings
    platform: int
    agent: int
    customer: int
    lot: int
    foreign_agent: int
    foreign_customer: int
    foreign_lot: int


def plant(settings: Settings) -> Tenants:
    """Fill a migrated store."""
    with ops_session(settings) as session:
        platform = ensure_platform(session)
        nodes = []
        lots = []
        for prefix in ("own", "other"):
            agent, _ = ensure_agent(session, f"{prefix}-agent", f"{prefix} 代理")
            customer, _ = ensure_customer(session, f"{prefix}-customer", f"{prefix} 客户", agent)
            lot = Lot(customer_id=customer.node_id, code=f"{prefix}-lot", name=f"{prefix} 停车场")
            session.add(lot)
            session.flush()
            nodes.append((agent.node_id, customer.node_id))
            lots.append(lot.lot_id)
        (agent_id, customer_id), (other_agent, other_customer) = nodes
        places: dict[str, tuple[int, int | None]] = {
            "admin": (platform.node_id, None),
            "agent": (agent_id, None),
            "lot": (customer_id, lots[0]),
        }
        for role in BUILT_IN:
            node_id, lot_id = places.get(role, (customer_id, None))
            create_operator(
                session, login=role, name=f"{role} 先生", role=role, node_id=node_id, lot_id=lot_id, password=PASSWORD
            )
        create_operator(session, login="foreign", name="外人", role="agent", node_id=other_agent, password=PASSWORD)
        return Tenants(settings, platform.node_id, agent_id, customer_id, lots[0], other_agent, other_customer, lots[1])


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    """The tree, made once; tests work on copies."""
    settings = Settings(home=tmp_path_factory.mktemp("planted"))
    migrate(settings)
    create_lake(settings)
    return plant(settings)


@pytest.fixture
def tenants(planted: Tenants, tmp_path: Path) -> Tenants:
    """A copy of the tree of this test's own."""
    home = tmp_path / "home"
    shutil.copytree(planted.settings.home, home)
    return Tenants(Settings(home=home), *(getattr(planted, name) for name in list(planted.__dict__)[1:]))


OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """``open_page("agent", "agents")``: the page of a menu item, run for a login; ``query`` fills the address."""
    cookies: dict[str, str] = {}
    monkeypatch.setattr(type(st.context), "cookies", property(lambda _self: cookies))
    monkeypatch.setenv("PARK_HOME", str(tenants.settings.home))
    for cached in CACHES:
        cached.cache_clear()

    def run(login: str, menu: str, language: str = "zh", **query: str) -> AppTest:
        token = f"{login}-token"
        now = datetime.now(UTC)
        with ops_session(tenants.settings) as session:
            operator_id = session.scalars(select(Operator.operator_id).where(Operator.login == login)).one()
            session.merge(
                AuthSession(
                    token_hash=token_hash(token),
                    session_id=token[:32],
                    operator_id=operator_id,
                    created_at=now,
                    seen_at=now,
                    address="127.0.0.1",
                    user_agent="test",
                )
            )
        cookies.clear()
        cookies.update({session_cookie(tenants.settings): token, "park_language": language})

        def script(menu: str) -> None:
            from dashboards import frame, instance
            from dashboards.context import current, show_flash

            visitor = current(instance.settings(), None, is_activity=True)
            assert visitor is not None
            module = next(module for module in frame.view_modules() if module.VIEW.menu == menu)
            show_flash()
            frame.draw_page(module, visitor)

        app = AppTest.from_function(script, default_timeout=60, kwargs={"menu": menu})
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield run
    for cached in CACHES:
        cached.cache_clear()


def words(app: AppTest) -> str:
    """Everything that the page says in HTML, for looking for sentences."""
    assert not app.exception, app.exception
    return " ".join(element.proto.body for element in _all(app.main) if element.type == "html")


def _all(block) -> Iterator:
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from _all(child)
        else:
            yield child
