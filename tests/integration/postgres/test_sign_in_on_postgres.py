"""Signing in with the operational store on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from tests.dashboards.sign_in_kit import PASSWORD, events, operator_of, plant
from tests.postgres_server import new_database
from warehouse.ops.models import AuthFailure
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.audit import verify
from warehouse.security.logins import FREE_FAILURES, LoginResult, change_password, log_in
from warehouse.security.sessions import close_session, list_sessions, revoke_all_sessions, revoke_session, signed_in
from warehouse.settings import Settings

NEW = "Quiet-River-29"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Settings]:
    made = Settings(home=Path(tmp_path_factory.mktemp("sign_in")), ops_url=new_database(postgres_server))
    migrate(made)
    plant(made)
    yield made
    ops_engine(made).dispose()


def attempt(settings: Settings, password: str, login: str = "li.na") -> LoginResult:
    return log_in(settings, login, password, address="10.0.0.1", user_agent="test", now=datetime.now(UTC))


def test_sessions_are_opened_listed_and_ended(settings: Settings) -> None:
    tokens = [attempt(settings, PASSWORD).token for _ in range(4)]
    operator_id = operator_of(settings).operator_id
    rows = list_sessions(settings, operator_id)
    assert len(rows) == 4
    revoke_session(settings, LOCAL, rows[0].session_id)
    left = [token for token in tokens if token and signed_in(settings, token)]
    assert len(left) == 3
    close_session(settings, left[0], address="10.0.0.1")
    fresh = change_password(
        settings, left[1], old=PASSWORD, new=NEW, repeated=NEW, address="10.0.0.1", now=datetime.now(UTC)
    )
    assert [token for token in (*left, fresh) if signed_in(settings, token)] == [fresh]
    assert attempt(settings, PASSWORD).token is None
    assert revoke_all_sessions(settings, LOCAL, operator_id) == 1
    assert [entry.action.removeprefix("session.") for entry in events(settings)] == [
        *["login"] * 4,
        "revoked",
        "logout",
        "password_changed",
        "refused",
        "revoked",
    ]


@pytest.mark.parametrize("login", ["li.na", "a\x00b", "nobody"])
def test_a_burst_of_parallel_guesses_is_checked_no_more_often_than_guesses_in_a_row(
    settings: Settings, login: str
) -> None:
    with ops_session(settings) as session:
        session.execute(delete(AuthFailure))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _number: attempt(settings, "wrong", login), range(16)))
    assert sum(result.wait_seconds == 0 for result in results) == FREE_FAILURES + 1
    with ops_session(settings) as session:
        assert verify(session).broken_at is None
