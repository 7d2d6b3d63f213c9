"""The list of sessions, and ending them: one's own over HTTP, other people's by an administrator."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from tests.dashboards.sign_in_kit import (
    BROWSER,
    ORIGIN,
    browser,
    events,
    form_value,
    operator_of,
    post,
    prepared,
    sign_in,
)
from warehouse.errors import Forbidden
from warehouse.ops.models import AuditEntry, AuthSession, Operator
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import Actor, actor_of
from warehouse.security.audit import verify
from warehouse.security.devices import device_of
from warehouse.security.sessions import list_sessions, open_session, revoke_all_sessions, revoke_session, signed_in
from warehouse.settings import Settings

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepared(tmp_path)


@pytest.fixture
def client(settings: Settings) -> TestClient:
    return browser(settings, headers={"user-agent": WINDOWS})


def by_name(settings: Settings, login: str) -> Actor:
    with ops_session(settings) as session:
        operator = session.scalars(select(Operator).where(Operator.login == login)).one()
        return actor_of(session, operator, "10.0.0.7")


def opened(settings: Settings, login: str, *, user_agent: str = "test", now: datetime | None = None) -> str:
    with write_session(settings) as session:
        operator = session.scalars(select(Operator).where(Operator.login == login)).one()
        return open_session(
            session,
            settings,
            operator,
            how="password",
            address="10.0.0.1",
            user_agent=user_agent,
            now=now or datetime.now(UTC),
        )


def ids(settings: Settings, login: str) -> list[str]:
    return [row.session_id for row in list_sessions(settings, operator_of(settings, login).operator_id)]


@pytest.mark.parametrize(
    ("user_agent", "zh", "en"),
    [
        (WINDOWS, "Chrome · Windows", "Chrome · Windows"),
        (PHONE, "Safari · iPhone", "Safari · iPhone"),
        (WINDOWS + " Edg/140.0.0.0", "Edge · Windows", "Edge · Windows"),
        (
            "Mozilla/5.0 (Linux; Android 14; V2324A) Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.49",
            "微信 · Android",
            "WeChat · Android",
        ),
        (PHONE + " wxwork/4.1 MicroMessenger/7.0.1", "企业微信 · iPhone", "WeCom · iPhone"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox · Linux",
            "Firefox · Linux",
        ),
        ("", "未知设备", "unknown device"),
        ("curl/8.5.0", "未知设备", "unknown device"),
    ],
)
def test_a_device_is_told_in_words(user_agent: str, zh: str, en: str) -> None:
    assert (device_of(user_agent, "zh"), device_of(user_agent, "en")) == (zh, en)


def test_the_account_page_lists_the_open_sessions_and_marks_this_one(client: TestClient, settings: Settings) -> None:
    phone = browser(settings, headers={"user-agent": PHONE})
    for one in (client, phone):
        sign_in(one)
    opened(settings, "wang", user_agent="Firefox/1 Linux")
    page = client.get("/auth/account").text
    assert re.findall(r'class="device">([^<]+)<', page) == ["Chrome · Windows", "Safari · iPhone"]
    assert page.count('class="mine"') == 1
    assert page.index('class="mine"') < page.index("Safari · iPhone")


def test_ending_one_session_and_all_others_leaves_this_one(client: TestClient, settings: Settings) -> None:
    others = [browser(settings) for _ in range(3)]
    for one in (client, *others):
        sign_in(one)
    page = client.get("/auth/account").text
    first = re.findall(r'name="session" value="([^"]+)"', page)[0]
    assert post(client, "/auth/account", action="one", session=first).headers["location"].endswith("done=session")
    assert sorted(one.get("/home").status_code for one in others) == [200, 200, 401]
    assert post(client, "/auth/account", action="others").headers["location"].endswith("done=sessions")
    assert [one.get("/home").status_code for one in others] == [401] * 3
    assert client.get("/home").status_code == 200
    revoked = [entry for entry in events(settings) if entry.action == "session.revoked"]
    assert len(revoked) == 3
    assert first in str(revoked[0].before)


def test_ending_all_sessions_ends_this_one_too(client: TestClient, settings: Settings) -> None:
    other = browser(settings)
    for one in (client, other):
        sign_in(one)
    answer = post(client, "/auth/account", action="all")
    assert answer.headers["location"] == "/auth/login"
    assert "park_session" not in client.cookies
    assert other.get("/home").status_code == 401
    assert ids(settings, "li.na") == []


def test_ending_a_session_twice_or_somebody_elses_tells_so_and_ends_nothing(
    client: TestClient, settings: Settings
) -> None:
    sign_in(client)
    foreign = browser(settings)
    sign_in(foreign, login="wang")
    answer = post(client, "/auth/account", action="one", session="no-such-session")
    assert answer.status_code == 409
    assert "这个会话已结束" in answer.text
    # Both operators of this store are administrators, so what protects the session here is the anti-forgery value.
    theirs = ids(settings, "wang")[0]
    page = form_value(foreign.get("/auth/account"))
    fields = {"form_token": page, "action": "one", "session": theirs}
    assert client.post("/auth/account", data=fields, headers=ORIGIN).status_code == 403
    assert post(client, "/auth/account", {"origin": "https://evil.example"}, action="all").status_code == 403
    assert foreign.get("/home").status_code == 200
    assert client.get("/home").status_code == 200


def test_sessions_past_their_limits_are_not_listed(settings: Settings) -> None:
    opened(settings, "li.na", now=datetime.now(UTC) - timedelta(minutes=settings.session_idle_minutes + 1))
    assert ids(settings, "li.na") == []


def test_the_account_page_escapes_what_a_browser_says_it_is(settings: Settings) -> None:
    client = browser(settings, headers={"user-agent": "<script>alert(1)</script> Firefox/1"})
    sign_in(client)
    assert "<script>" not in client.get("/auth/account", headers=BROWSER).text


@pytest.mark.parametrize(
    ("who", "whose", "may"),
    [
        ("admin", "agent", True),
        ("agent", "customer", True),
        ("agent", "lot", True),
        ("customer", "lot", True),
        ("customer", "agent", False),
        ("agent", "admin", False),
        ("agent", "foreign", False),
        ("foreign", "lot", False),
        ("lot", "customer", False),
        ("analyst", "finance", False),
        ("analyst", "analyst", True),
    ],
)
def test_sessions_are_ended_by_their_owner_and_by_who_may_edit_the_owner(
    tenants, who: str, whose: str, may: bool
) -> None:
    settings = tenants.settings
    tokens = [opened(settings, whose) for _ in range(2)]
    actor, operator = by_name(settings, who), operator_of(settings, whose)
    session_id = ids(settings, whose)[0]
    if may:
        revoke_session(settings, actor, session_id)
        assert revoke_all_sessions(settings, actor, operator.operator_id) == 1
        assert [signed_in(settings, token) for token in tokens] == [None, None]
        last = events(settings, "session.revoked")[-1]
        assert (last.login, last.outcome, last.entity, last.entity_id) == (
            who,
            "done",
            "operator",
            str(operator.operator_id),
        )
        assert (last.node_id, last.lot_id) == (None if operator.lot_id else operator.node_id, operator.lot_id)
    else:
        with pytest.raises(Forbidden):
            revoke_session(settings, actor, session_id)
        with pytest.raises(Forbidden):
            revoke_all_sessions(settings, actor, operator.operator_id)
        assert all(signed_in(settings, token) for token in tokens)
        assert [(entry.login, entry.outcome) for entry in events(settings, "session.revoked")] == [(who, "refused")] * 2
    with ops_session(settings) as session:
        assert verify(session).broken_at is None


def test_an_unknown_session_and_a_foreign_one_are_refused_in_the_same_words(tenants) -> None:
    settings = tenants.settings
    opened(settings, "foreign")
    actor = by_name(settings, "agent")
    said = []
    for session_id in (ids(settings, "foreign")[0], "no-such-session"):
        with pytest.raises(Forbidden) as refused:
            revoke_session(settings, actor, session_id)
        said.append((refused.value.zh, refused.value.en))
    assert said[0] == said[1]


def test_keeping_one_session_ends_the_others(settings: Settings) -> None:
    kept, gone = opened(settings, "li.na"), opened(settings, "li.na")
    me = signed_in(settings, kept)
    assert me is not None
    assert revoke_all_sessions(settings, by_name(settings, "li.na"), me.operator_id, keep=me.session_id) == 1
    assert signed_in(settings, kept)
    assert signed_in(settings, gone) is None
    with ops_session(settings) as session:
        assert len(session.scalars(select(AuthSession)).all()) == 1
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "session.revoked")).one()
