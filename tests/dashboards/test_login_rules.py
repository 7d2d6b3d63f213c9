"""Sign-in rules of the operational store: counting, delay, expiry, ending."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import argon2
import pytest

from tests.dashboards.sign_in_kit import PASSWORD, change_operator, events, operator_of, prepared
from warehouse.ops.models import AuthFailure, AuthSession
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.audit import verify
from warehouse.security.logins import (
    FREE_ADDRESS_FAILURES,
    FREE_FAILURES,
    LONGEST_ADDRESS_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    delay_after,
    forget_failures,
    log_in,
)
from warehouse.security.passwords import password_matches
from warehouse.security.sessions import close_session, form_token, revoke_all_sessions, signed_in
from warehouse.settings import Settings

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepared(tmp_path, session_idle_minutes=60, session_hours=10)


def attempt(settings: Settings, password: str, *, login: str = "li.na", address: str = "10.0.0.1", at: int = 0):
    return log_in(settings, login, password, address=address, user_agent="test", now=NOW + timedelta(seconds=at))


def test_the_right_password_opens_a_session_that_names_the_operator(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    found = signed_in(settings, token, now=NOW)
    assert found is not None
    assert (found.login, found.name, found.must_change_password) == ("li.na", "李娜", False)


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
    change_operator(settings, is_active=False)
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


def test_one_address_is_slowed_down_over_all_logins_and_others_are_not(settings: Settings) -> None:
    with ops_session(settings) as session:
        session.add_all(
            AuthFailure(login=f"guess-{number}", address="10.0.0.1", failed_at=NOW)
            for number in range(FREE_ADDRESS_FAILURES)
        )
    assert attempt(settings, "wrong", login="guess-x").wait_seconds == 0
    assert attempt(settings, PASSWORD).wait_seconds == 5
    assert attempt(settings, "wrong", login="guess-y", at=5).wait_seconds == 0
    assert attempt(settings, PASSWORD, at=6).wait_seconds == 9
    assert attempt(settings, PASSWORD, at=6, address="10.0.0.2").token
    assert attempt(settings, PASSWORD, at=15).token


def test_thousands_of_logins_cannot_be_tried_from_one_address_in_a_day() -> None:
    tries, seconds = 0, 0
    while seconds < 86_400:
        tries += 1
        seconds += delay_after(tries, free=FREE_ADDRESS_FAILURES, longest=LONGEST_ADDRESS_DELAY_SECONDS)
    assert tries < 400


def test_a_failure_is_forgotten_after_a_day_or_by_an_administrator(settings: Settings) -> None:
    for _ in range(FREE_FAILURES + 1):
        attempt(settings, "wrong")
    assert attempt(settings, PASSWORD).wait_seconds
    with ops_session(settings) as session:
        assert forget_failures(session, "LI.NA") == FREE_FAILURES + 1
    for _ in range(FREE_FAILURES + 1):
        assert attempt(settings, "wrong").wait_seconds == 0
    assert attempt(settings, "wrong", at=86_400).wait_seconds == 0


def test_signing_in_and_out_is_written_to_the_operator_log_without_the_password(settings: Settings) -> None:
    token = attempt(settings, PASSWORD).token
    assert token is not None
    attempt(settings, "a wrong one")
    attempt(settings, "a wrong one", login="Nobody" + "x" * 90)
    change_operator(settings, "wang", is_active=False)
    attempt(settings, PASSWORD, login="wang")
    close_session(settings, token, address="10.0.0.9")
    close_session(settings, token, address="10.0.0.9")
    log = events(settings)
    assert [(entry.action, entry.outcome, entry.login, entry.address) for entry in log] == [
        ("session.login", "done", "li.na", "10.0.0.1"),
        ("session.refused", "refused", "li.na", "10.0.0.1"),
        ("session.refused", "refused", "Nobody" + "x" * 58, "10.0.0.1"),
        ("session.refused", "refused", "wang", "10.0.0.1"),
        ("session.logout", "done", "li.na", "10.0.0.9"),
    ]
    told = str([(entry.before, entry.after, entry.entity_name) for entry in log])
    assert PASSWORD not in told
    assert "a wrong one" not in told
    assert token not in told
    assert [entry.after["reason"] for entry in log if entry.after and "reason" in entry.after] == [
        "wrong password",
        "no such login",
        "may not sign in",
    ]
    with ops_session(settings) as session:
        assert verify(session).broken_at is None


def test_the_log_tells_when_a_delay_begins_and_does_not_grow_during_it(settings: Settings) -> None:
    for _ in range(FREE_FAILURES + 1):
        attempt(settings, "wrong")
    before = len(events(settings))
    for _ in range(5):
        attempt(settings, "wrong", at=1)
    log = events(settings)
    assert len(log) == before == FREE_FAILURES + 1
    assert log[-1].after == {"reason": "wrong password", "wait_seconds": 5}
    assert log[-2].after == {"reason": "wrong password"}


def test_a_sign_in_keeps_its_instant_and_does_not_upset_whoever_edits_the_operator(settings: Settings) -> None:
    version = operator_of(settings).version
    attempt(settings, PASSWORD, at=7)
    assert operator_of(settings).last_login_at == NOW + timedelta(seconds=7)
    assert operator_of(settings).version == version


@pytest.mark.parametrize("login", ["", "  ", "\x00", "a\x00b", "li\u200bna", "x" * 5_000, "'; drop table operator; --"])
def test_strange_logins_are_refused_like_any_other(settings: Settings, login: str) -> None:
    assert attempt(settings, PASSWORD, login=login).token is None
    assert events(settings)[-1].action == "session.refused"


def test_an_unknown_login_costs_as_much_work_as_a_known_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    original = argon2.PasswordHasher.verify

    def counting(self: argon2.PasswordHasher, hash: str, password: str) -> bool:
        verified.append(hash)
        return original(self, hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    change_operator(settings, "wang", is_active=False)
    for login in ("li.na", "nobody", "wang"):
        attempt(settings, "wrong", login=login)
    costs = {str(argon2.extract_parameters(hashed)) for hashed in verified}
    assert len(verified) == 3
    assert len(costs) == 1


def test_a_burst_of_parallel_guesses_is_checked_no_more_often_than_guesses_in_a_row(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _number: attempt(settings, "wrong"), range(16)))
    assert sum(result.wait_seconds == 0 for result in results) == FREE_FAILURES + 1
