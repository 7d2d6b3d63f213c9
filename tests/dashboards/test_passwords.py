"""Which passwords may be chosen, and changing one's own over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.dashboards.sign_in_kit import (
    BROWSER,
    ORIGIN,
    PASSWORD,
    browser,
    change_operator,
    events,
    form_value,
    operator_of,
    post,
    prepared,
    sign_in,
)
from warehouse.security.logins import FREE_FAILURES
from warehouse.security.passwords import MAX_PASSWORD_LENGTH, check_new_password
from warehouse.services.fields import Fields
from warehouse.services.operators import generate_password
from warehouse.settings import Settings

NEW = "Quiet-River-29"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepared(tmp_path)


@pytest.fixture
def client(settings: Settings) -> TestClient:
    return browser(settings)


def problems(password: str, *, login: str = "li.na", person: str = "李娜") -> list[str]:
    fields = Fields()
    check_new_password(fields, "new", password, login=login, person=person)
    assert all(problem.zh and problem.en and problem.field == "new" for problem in fields.problems)
    return [problem.en for problem in fields.problems]


@pytest.mark.parametrize(
    "password", [PASSWORD, NEW, "correct horse battery", "八里桥东边的第3个路口", "x7-9!4@2#k", "q" * 100 + "AbcD12"]
)
def test_a_good_password_is_accepted(password: str) -> None:
    assert problems(password) == []


def test_generated_passwords_follow_the_rules() -> None:
    assert [problems(generate_password()) for _ in range(200)] == [[]] * 200


@pytest.mark.parametrize("password", ["", "Short-1", "Aa1-" * (MAX_PASSWORD_LENGTH // 4) + "x"])
def test_the_length_has_both_limits(password: str) -> None:
    assert "10 to 256 characters" in problems(password)[0]


@pytest.mark.parametrize("password", ["tractorbeamlight", "8203957164825", "正确的马电池订书钉们好"])
def test_one_kind_of_characters_is_too_few(password: str) -> None:
    assert "at least two of" in problems(password)[0]


@pytest.mark.parametrize("password", ["li.na-20260301", "LI_NA!!!123456", "李娜20260301!", "!!li.na!!2026"])
def test_the_login_and_the_name_are_no_passwords(password: str) -> None:
    assert "login or the name" in problems(password)[0]


@pytest.mark.parametrize(
    "password",
    [
        "Password123!",
        "P@ssw0rd2026",
        "Admin@123456",
        "Qwertyuiop1",
        "1qaz@WSX3edc",
        "woaini1314520",
        "a1234567890",
        "9876543210a",
        "5201314520a",
        "Parking2026!",
        "aaaaaaaaaaA1",
        "1212-1212-1212",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert "too common" in problems(password)[0]


def test_changing_the_password_ends_all_other_sessions_and_keeps_this_one(
    client: TestClient, settings: Settings
) -> None:
    other = browser(settings)
    for one in (client, other):
        sign_in(one)
    stolen = client.cookies["park_session"]
    answer = post(client, "/auth/password", old=PASSWORD, new=NEW, repeated=NEW)
    assert answer.headers["location"] == "/auth/account?done=password"
    assert client.get("/home").status_code == 200
    assert other.get("/home").status_code == 401
    # The token from before the change is void too.
    other.cookies.set("park_session", stolen)
    assert other.get("/home").status_code == 401
    other.cookies.clear()
    assert sign_in(other, PASSWORD).status_code == 401
    assert sign_in(other, NEW).status_code == 303
    changed = [entry for entry in events(settings) if entry.action == "session.password_changed"]
    assert [(entry.outcome, entry.after) for entry in changed] == [("done", {"ended_sessions": 1})]
    assert NEW not in str([(entry.before, entry.after) for entry in events(settings)])


def test_the_first_password_must_be_changed_and_then_the_way_is_free(client: TestClient, settings: Settings) -> None:
    change_operator(settings, must_change_password=True)
    wanted = sign_in(client, target="/home?lot=a").headers["location"]
    form = client.get(wanted, headers=BROWSER).headers["location"]
    assert form == "/auth/password?next=/home%3Flot%3Da"
    page = client.get(form)
    assert "请先设置新密码" in page.text
    token = form_value(page)
    fields = {"form_token": token, "next": "/home?lot=a", "old": PASSWORD, "new": NEW, "repeated": NEW}
    answer = client.post("/auth/password", data=fields, headers=ORIGIN)
    assert answer.headers["location"] == "/home?lot=a"
    assert client.get("/home?lot=a").text == "the page"
    operator = operator_of(settings)
    assert operator.must_change_password is False
    assert operator.password_changed_at is not None


def test_somebody_who_must_change_the_password_can_still_sign_out(client: TestClient, settings: Settings) -> None:
    change_operator(settings, must_change_password=True)
    sign_in(client)
    token = form_value(client.get("/auth/password"))
    assert client.post("/auth/logout", data={"form_token": token}, headers=ORIGIN).status_code == 303
    assert client.get("/auth/password", headers=BROWSER).headers["location"].startswith("/auth/login")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_problem_stands_at_its_field_in_the_language_of_the_page(client: TestClient, language: str) -> None:
    client.cookies.set("park_language", language)
    sign_in(client)
    answer = post(client, "/auth/password", old=PASSWORD, new="li.na-20260301", repeated="other")
    assert answer.status_code == 422
    told = {"zh": ("密码不能是账号或姓名", "两次输入的新密码不一致"), "en": ("must not be the login", "differ")}[
        language
    ]
    for field, sentence in zip(("new", "repeated"), told, strict=True):
        assert sentence in answer.text.split(f'id="{field}_problem"')[1].split("</p>")[0]
    assert 'id="old_problem"' not in answer.text


def test_the_same_password_again_is_no_change(client: TestClient) -> None:
    sign_in(client)
    assert post(client, "/auth/password", old=PASSWORD, new=PASSWORD, repeated=PASSWORD).status_code == 422


def test_guessing_the_old_password_in_an_open_session_is_delayed_like_signing_in(
    client: TestClient, settings: Settings
) -> None:
    sign_in(client)
    for _ in range(FREE_FAILURES + 1):
        answer = post(client, "/auth/password", old="guessed", new=NEW, repeated=NEW)
        assert answer.status_code == 422
        assert "当前密码不正确" in answer.text
    assert post(client, "/auth/password", old=PASSWORD, new=NEW, repeated=NEW).status_code == 429
    assert events(settings)[-1].outcome == "refused"
    assert sign_in(browser(settings), NEW).status_code == 429


def test_a_password_form_from_elsewhere_changes_nothing(client: TestClient, settings: Settings) -> None:
    sign_in(client)
    wanted = {"old": PASSWORD, "new": NEW, "repeated": NEW}
    assert post(client, "/auth/password", {"origin": "https://evil.example"}, **wanted).status_code == 403
    assert client.post("/auth/password", data=wanted, headers=ORIGIN).status_code == 403
    assert client.post("/auth/password", content=b"x" * 100_000, headers=ORIGIN).status_code == 403
    assert sign_in(browser(settings)).status_code == 303


def test_a_password_never_comes_back_in_a_page(client: TestClient) -> None:
    sign_in(client)
    answer = post(client, "/auth/password", old="Old-Secret-Word", new="New-Secret-Word", repeated="Third-Secret-Word")
    assert "Secret-Word" not in answer.text
