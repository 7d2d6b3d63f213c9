"""Pictures reach only who may see the lot, its records and whole plates; to others there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboards import snapshots
from dashboards.reports import timeline
from dashboards.requests import session_cookie
from ingest.simulator.pictures import picture_of
from tests.dashboards.conftest import Tenants
from warehouse.ops.models import AuthSession, Lot, Operator
from warehouse.ops.session import ops_session
from warehouse.security.sessions import token_hash
from warehouse.services.snapshots import SnapshotStore

PICTURE = picture_of("粤B12345", "2026-05-01T08:17:53+08:00")


def sign_in(tenants: Tenants, login: str) -> str:
    token, now = f"{login}-token", datetime.now(UTC)
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
    return token


@pytest.mark.parametrize(
    ("login", "status"),
    [
        ("customer", 200),
        ("lot", 200),
        ("admin", 200),
        ("foreign", 404),
        ("engineer", 404),
        ("finance", 404),
        (None, 404),
    ],
)
def test_a_picture_is_there_for_its_own_tenant_with_the_right_permissions_only(
    tenants: Tenants, login: str | None, status: int
) -> None:
    digest = SnapshotStore(tenants.settings).put(tenants.lot, PICTURE)
    with ops_session(tenants.settings) as session:
        codes = [session.get_one(Lot, lot_id).code for lot_id in (tenants.lot, tenants.foreign_lot)]
    client = TestClient(Starlette(routes=[snapshots.route(tenants.settings)]))
    if login is not None:
        client.cookies.set(session_cookie(tenants.settings), sign_in(tenants, login))
    answer = client.get(snapshots.address(codes[0], digest))
    assert answer.status_code == status
    if status == 200:
        assert (answer.content, answer.headers["content-type"]) == (PICTURE, "image/jpeg")
        assert "no-store" in answer.headers["cache-control"]
    # The hash of another lot's picture opens nothing, whoever asks; nor do addresses that are none.
    for lot_code, name in (
        (codes[1], digest),
        (codes[0], "0" * 64),
        (codes[0], "..%2F..%2Fsecret.key"),
        ("nope", digest),
    ):
        assert client.get(f"/snapshots/{lot_code}/{name}").status_code == 404


def test_the_timeline_shows_kept_pictures_and_links_those_of_the_lot(tenants: Tenants) -> None:
    from dashboards.context import Context
    from warehouse.security.actor import actor_by_login

    digest = SnapshotStore(tenants.settings).put(tenants.lot, PICTURE)
    with ops_session(tenants.settings) as session:
        code = session.get_one(Lot, tenants.lot).code
        actors = {login: actor_by_login(session, login) for login in ("customer", "foreign", "engineer")}

    def shown(login: str, picture: str) -> str:
        context = Context(tenants.settings, actors[login], None, "zh", datetime.now(UTC), "token")
        return timeline._picture(context, code, picture)

    assert f"src='/snapshots/{code}/{digest}'" in shown("customer", digest)
    assert shown("foreign", digest) == shown("engineer", digest) == shown("customer", "0" * 64) == ""
    assert "<a href='https://lot.example/p.jpg'" in shown("customer", "https://lot.example/p.jpg")
    assert shown("customer", "") == ""
