"""Sign-in rules of the operational store: counting, delay, expiry, ending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse.ops.models import AuthSession, Node, Operator
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.logins import FREE_FAILURES, LONGEST_DELAY_SECONDS, delay_after, log_in
from warehouse.security.passwords import hash_password, password_matches
from warehouse.security.sessions import close_session, form_token, revoke_all_sessions, signed_in
from warehouse.settings import Settings

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PASSWORD = "Right-Horse-7"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path, session_idle_minutes=60, session_hours=10)
    migrate(made)
    with ops_session(made) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform-1", name="平台"))
        session.flush()
        for login in ("li.na", "wang"):
            session.add(
                Operator(
                    login=login,
                    name=login,
                    password_hash=hash_password(PASSWORD),
                    role_id=1,
                    node_id=1,
                    created_at=NOW,
                )
            )
    return made


def attempt(settings: Settings, password: str, *, login: str = "li.na", address: str = "10.0.0.1", at: int = 0):
    return log_in(settings, login, password, address=address, user_agent="test", now=NOW + timedelta(seconds=at))


def test_the_right_password_opens_a_session_that_names_the_operator(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    found = signed_in(settings, token, now=NOW)
    assert found is not None
    assert (found.login, found.name, found.must_change_password) == ("li.na", "li.na", False)


def test_upper_and_lower_case_of_a_login_are_one(settings: Settings) -> None:
    assert attempt(settings, PASSWORD, login=" Li.Na ").token


def test_the_store_never_holds_the_token_itself(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    with ops_session(settings) as session:
        kept = session.query(AuthSession).one()
    assert token is not None
    assert token.encode() not in kept.token_hash
    assert len(kept.token_hash) == 32


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + "x" * 300])
def test_a_wrong_password_opens_nothing(settings: Settings, password: str) -> None:
    assert attempt(settings, password).token is None


def test_an_unknown_login_is_refused_like_a_wrong_password(settings: Settings) -> None:
    assert attempt(settings, PASSWORD, login="nobody") == attempt(settings, "wrong")
    assert password_matches(None, PASSWORD) is False


def test_a_disabled_operator_cannot_sign_in_and_loses_the_open_session(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    with ops_session(settings) as session:
        session.query(Operator).filter_by(login="li.na").one().is_active = False
    assert signed_in(settings, token, now=NOW) is None
    assert attempt(settings, PASSWORD).token is None


def test_the_delay_starts_after_the_free_failures_and_doubles_up_to_its_limit() -> None:
    delays = [delay_after(failures) for failures in range(FREE_FAILURES + 4)]
    assert delays == [0] * (FREE_FAILURES + 1) + [5, 10, 20]
    assert delay_after(10_000) == LONGEST_DELAY_SECONDS


def test_during_the_delay_even_the_right_password_must_wait_and_afterwards_it_works(settings: Settings) -> None:
    for _ in range(FREE_FAILURES + 1):
        assert attempt(settings, "wrong").wait_seconds == 0
    refused = attempt(settings, PASSWORD, at=1)
    assert refused.token is None
    assert 3 <= refused.wait_seconds <= 5
    assert attempt(settings, PASSWORD, at=6).token is not None


def test_attempts_during_the_delay_do_not_lengthen_it(settings: Settings) -> None:
    for _ in range(FREE_FAILURES + 1):
        attempt(settings, "wrong")
    for second in (1, 2, 3, 4):
        assert attempt(settings, "wrong", at=second).wait_seconds > 0
    assert attempt(settings, PASSWORD, at=6).token is not None


def test_the_delay_holds_only_for_the_address_and_the_login_that_failed(settings: Settings) -> None:
    for _ in range(FREE_FAILURES + 3):
        attempt(settings, "wrong")
    assert attempt(settings, PASSWORD).wait_seconds > 0
    assert attempt(settings, PASSWORD, address="10.0.0.2").token is not None
    assert attempt(settings, PASSWORD, login="wang").token is not None


def test_success_forgets_the_failures_before_it(settings: Settings) -> None:
    for _ in range(FREE_FAILURES):
        attempt(settings, "wrong")
    assert attempt(settings, PASSWORD).token
    for _ in range(FREE_FAILURES):
        assert attempt(settings, "wrong").wait_seconds == 0


def test_a_session_ends_when_idle_and_activity_keeps_it(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    assert signed_in(settings, token, now=NOW + timedelta(minutes=59))
    assert signed_in(settings, token, now=NOW + timedelta(minutes=118))
    assert signed_in(settings, token, now=NOW + timedelta(minutes=179)) is None


def test_a_page_that_refreshes_itself_does_not_keep_a_session_alive(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    assert signed_in(settings, token, now=NOW + timedelta(minutes=59), is_activity=False)
    assert signed_in(settings, token, now=NOW + timedelta(minutes=61), is_activity=False) is None


def test_a_session_ends_at_its_greatest_age_however_active(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    for half_hours in range(1, 20):
        assert signed_in(settings, token, now=NOW + timedelta(minutes=30 * half_hours))
    assert signed_in(settings, token, now=NOW + timedelta(hours=10)) is None


def test_ending_one_session_leaves_the_others_and_ending_all_ends_all(settings: Settings) -> None:
    first, second, third = (attempt(settings, PASSWORD).token for _ in range(3))
    assert first is not None
    close_session(settings, first, address="10.0.0.1")
    assert signed_in(settings, first, now=NOW) is None
    found = signed_in(settings, second, now=NOW)
    assert found is not None
    assert revoke_all_sessions(settings, LOCAL, found.operator_id) == 2
    assert signed_in(settings, third, now=NOW) is None


def test_the_form_token_belongs_to_one_session(settings: Settings) -> None:
    first, second = (attempt(settings, PASSWORD).token for _ in range(2))
    assert first is not None
    assert second is not None
    assert form_token(first) != form_token(second)
    assert first not in form_token(first)
