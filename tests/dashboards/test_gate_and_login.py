"""The gate and the login over HTTP, in front of a page that only says that it was reached."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dashboards.requests import client_address, is_same_origin, local_target, trusted_networks
from tests.dashboards.sign_in_kit import (
    BROWSER,
    ORIGIN,
    PASSWORD,
    browser,
    change_operator,
    form_value,
    prepared,
    sign_in,
)
from warehouse.security.logins import FREE_FAILURES
from warehouse.security.sessions import form_token
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepared(tmp_path)


@pytest.fixture
def client(settings: Settings) -> TestClient:
    return browser(settings)


def test_a_page_without_a_session_leads_to_the_login_and_back(client: TestClient) -> None:
    answer = client.get("/home?lot=a&date=2026-01-01", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/login?next=/home%3Flot%3Da%26date%3D2026-01-01"
    assert sign_in(client, target="/home?lot=a").headers["location"] == "/home?lot=a"
    assert client.get("/home").text == "the page"


def test_a_program_without_a_session_gets_401_and_no_page(client: TestClient) -> None:
    answer = client.get("/home")
    assert answer.status_code == 401
    assert "the page" not in answer.text


def test_a_websocket_without_a_session_is_refused_before_it_opens(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
        pass
    sign_in(client)
    with client.websocket_connect("/_stcore/stream") as websocket:
        assert websocket.receive_text() == "figures"


@pytest.mark.parametrize("path", ["/static/../home", "/auth/loginx", "/auth/", "/_stcore/health/../stream"])
def test_only_exact_paths_are_open(client: TestClient, path: str) -> None:
    request = client.build_request("GET", "http://testserver")
    request.url = request.url.copy_with(raw_path=path.encode())
    assert client.send(request).status_code == 401


def test_the_health_check_and_program_files_need_no_session(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/static/app.js").status_code == 200


def test_the_session_cookie_is_closed_to_scripts_and_foreign_sites(client: TestClient) -> None:
    cookie = sign_in(client).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    client = browser(prepared(tmp_path, cookie_secure=True), base_url="https://testserver")
    cookie = sign_in(client, headers={"origin": "https://testserver"}).headers["set-cookie"]
    assert cookie.startswith("__Host-park_session=")
    assert "Secure" in cookie


def test_a_wrong_password_shows_the_form_again_with_the_typed_login_escaped(client: TestClient) -> None:
    fields = {"form_token": form_value(client.get("/auth/login")), "login": '"><script>x</script>', "password": "wrong"}
    answer = client.post("/auth/login", data=fields, headers=ORIGIN)
    assert answer.status_code == 401
    assert "账号或密码错误" in answer.text
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_login_from_a_foreign_site_is_refused_even_with_the_right_password(client: TestClient) -> None:
    for origin in ("https://evil.example", "null"):
        assert sign_in(client, headers={"origin": origin}).status_code == 403
    assert sign_in(client, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get("/home").status_code == 401


def test_a_login_without_the_form_token_is_refused(client: TestClient) -> None:
    client.get("/auth/login")
    for token in ("", "guessed"):
        fields = {"form_token": token, "login": "li.na", "password": PASSWORD}
        assert client.post("/auth/login", data=fields, headers=ORIGIN).status_code == 403
    fresh = TestClient(client.app, follow_redirects=False)
    fields = {"form_token": "", "login": "li.na", "password": PASSWORD}
    assert fresh.post("/auth/login", data=fields, headers=ORIGIN).status_code == 403


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"a=1&" * 40, b"login=" + b"x" * 20_000, b"{}"])
def test_a_malformed_login_body_is_refused_and_breaks_nothing(client: TestClient, body: bytes) -> None:
    client.get("/auth/login")
    assert client.post("/auth/login", content=body, headers=ORIGIN).status_code == 403


def test_sign_out_needs_post_the_form_token_and_our_origin(client: TestClient) -> None:
    sign_in(client)
    token = client.cookies["park_session"]
    assert client.get("/auth/logout").status_code == 405
    assert client.post("/auth/logout", headers=ORIGIN).status_code == 403
    right = {"form_token": form_token(token)}
    assert client.post("/auth/logout", data=right, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/home").status_code == 200
    answer = client.post("/auth/logout", data=right, headers=ORIGIN)
    assert answer.headers["location"] == "/auth/login"
    client.cookies.set("park_session", token)
    assert client.get("/home").status_code == 401


def test_signing_in_again_replaces_the_session(client: TestClient) -> None:
    sign_in(client)
    first = client.cookies["park_session"]
    fields = {"form_token": client.cookies["park_form"], "login": "li.na", "password": PASSWORD}
    client.post("/auth/login", data=fields, headers=ORIGIN)
    second = client.cookies["park_session"]
    assert first != second
    assert client.get("/home").status_code == 200
    client.cookies.clear()
    assert client.get("/home", headers={"cookie": f"park_session={second}"}).status_code == 200
    assert client.get("/home", headers={"cookie": f"park_session={first}"}).status_code == 401


def test_repeated_failures_delay_only_that_address_behind_a_trusted_proxy(tmp_path: Path) -> None:
    client = browser(prepared(tmp_path, trusted_proxies="10.9.0.0/16"), client=("10.9.0.1", 5000))
    attacker = ORIGIN | {"x-forwarded-for": "198.51.100.7"}
    for _ in range(FREE_FAILURES + 1):
        assert sign_in(client, "wrong", headers=attacker).status_code == 401
    refused = sign_in(client, headers=attacker)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) <= 5
    assert sign_in(client, headers=ORIGIN | {"x-forwarded-for": "203.0.113.5"}).status_code == 303


def test_an_untrusted_client_cannot_choose_its_address(client: TestClient) -> None:
    for attempt in range(FREE_FAILURES + 1):
        forged = ORIGIN | {"x-forwarded-for": f"198.51.100.{attempt}"}
        assert sign_in(client, "wrong", headers=forged).status_code == 401
    assert sign_in(client, headers=ORIGIN | {"x-forwarded-for": "203.0.113.5"}).status_code == 429


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.5", None, "203.0.113.5"),
        ("203.0.113.5", "1.2.3.4", "203.0.113.5"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "nonsense", "unknown"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", None, "203.0.113.5/32"),
    ],
)
def test_the_address_is_the_first_hop_that_no_trusted_proxy_wrote(
    peer: str, forwarded: str | None, expected: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert client_address(request, trusted_networks(Settings(trusted_proxies="10.0.0.0/8"))) == expected


def test_behind_a_trusted_proxy_the_origin_is_compared_with_the_host_the_browser_asked_for() -> None:
    headers = [
        (b"origin", b"https://park.example"),
        (b"host", b"127.0.0.1:8700"),
        (b"x-forwarded-host", b"park.example"),
    ]
    request = Request({"type": "http", "client": ("10.0.0.1", 1), "headers": headers})
    assert is_same_origin(request, trusted_networks(Settings(trusted_proxies="10.0.0.1")), Settings())
    assert not is_same_origin(request, (), Settings())


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nb", "home", "", None, "/auth/logout"]
)
def test_the_login_never_leads_to_a_foreign_site(target: str | None) -> None:
    assert local_target(target) == "/"


def test_the_language_switch_keeps_the_choice_and_returns(client: TestClient) -> None:
    answer = client.get("/auth/language?set=en&next=/auth/login%3Fnext%3D%252F")
    assert answer.headers["location"] == "/auth/login?next=%2F"
    assert "Sign in" in client.get("/auth/login").text
    assert client.get("/auth/language?set=xx&next=https://evil.example").headers["location"] == "/"


def test_every_answer_forbids_framing_and_foreign_connections(client: TestClient) -> None:
    sign_in(client)
    headers = client.get("/home").headers
    assert "connect-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in client.get("/auth/login", headers={"cookie": ""}).headers["content-security-policy"]


def test_a_websocket_of_a_foreign_page_is_refused_even_with_our_cookie(client: TestClient) -> None:
    sign_in(client)
    for origin in ("https://evil.example", "null", "http://testserver.evil.example"):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/_stcore/stream", headers={"origin": origin}),
        ):
            pass
    with client.websocket_connect("/_stcore/stream", headers=ORIGIN) as websocket:
        assert websocket.receive_text() == "figures"


@pytest.mark.parametrize(
    "path", ["/auth/login", "/auth/account", "/auth/password", "/auth/language?set=en", "/auth/none"]
)
def test_nothing_about_signing_in_is_kept_by_a_cache(client: TestClient, path: str) -> None:
    assert client.get(path, headers=BROWSER).headers["cache-control"] == "no-store"
    sign_in(client)
    assert client.get(path, headers=BROWSER).headers["cache-control"] == "no-store"
    assert client.post(path, headers=BROWSER).headers["cache-control"] == "no-store"


def test_a_session_chosen_by_somebody_else_is_never_taken_over(client: TestClient, settings: Settings) -> None:
    client.cookies.set("park_session", "chosen-by-an-attacker")
    sign_in(client)
    values = [cookie.value for cookie in client.cookies.jar if cookie.name == "park_session"]
    assert client.get("/home").status_code == 200
    stranger = browser(settings)
    stranger.cookies.set("park_session", "chosen-by-an-attacker")
    assert stranger.get("/home").status_code == 401
    assert any(value != "chosen-by-an-attacker" for value in values)


def test_whoever_must_change_the_password_reaches_the_form_for_it_and_nothing_else(
    client: TestClient, settings: Settings
) -> None:
    change_operator(settings, must_change_password=True)
    sign_in(client)
    for path in ("/", "/home?lot=a", "/auth/account"):
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/auth/password?next=")
    assert client.get("/home").status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=ORIGIN):
        pass
    assert client.get("/auth/password").status_code == 200
    assert client.get("/static/app.js").status_code == 200


def test_a_post_that_was_refused_leads_back_to_a_page_and_not_to_the_post(client: TestClient) -> None:
    answer = client.post("/auth/account", headers=BROWSER | ORIGIN, data={"action": "all"})
    assert answer.headers["location"] == "/auth/login?next=/"


@pytest.mark.parametrize("origin", ["http://testserver", "https://testserver:8443"])
def test_behind_tls_a_page_of_the_same_host_without_tls_is_a_stranger(tmp_path: Path, origin: str) -> None:
    client = browser(prepared(tmp_path, cookie_secure=True), base_url="https://testserver")
    assert sign_in(client, headers={"origin": origin}).status_code == 403
    assert sign_in(client, headers={"origin": "https://testserver"}).status_code == 303
