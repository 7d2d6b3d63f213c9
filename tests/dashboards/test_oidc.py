"""Signing in with a real OpenID provider, small and on this machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.dashboards.sign_in_kit import PASSWORD, browser, change_operator, events, operator_of, prepared, sign_in
from warehouse.errors import ParkError
from warehouse.security.oidc import Provider
from warehouse.settings import Settings

CLIENT, SECRET = "park", "a secret: with signs & spaces"
Answer = dict[str, Any]


@dataclass
class LittleProvider:
    """Code flow with PKCE, RS256; ``spoil`` changes the claims, ``sign`` the signature of the next id token."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    person: Answer = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "Li.Na"})
    spoil: Callable[[Answer], Answer] | None = None
    sign: Callable[[Answer], str] | None = None
    userinfo: Answer | None = None
    methods: tuple[str, ...] = ("client_secret_basic",)
    is_down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/jwks", self.jwks),
            Route("/userinfo", self.told),
        ]

    async def discovery(self, _request: Request) -> Response:
        if self.is_down:
            return Response("down", 503)
        document: Answer = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": self.methods,
        }
        if self.userinfo is not None:
            document["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return JSONResponse(document)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_hex(8)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 303)

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or challenge.rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if form["redirect_uri"] != asked["redirect_uri"] or not self._knows(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.person
        claims = self.spoil(claims) if self.spoil else claims
        signed = self.sign(claims) if self.sign else jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": signed})

    def _knows(self, request: Request, form: dict[str, str]) -> bool:
        if "client_secret_basic" not in self.methods:
            return form.get("client_id") == CLIENT and form.get("client_secret") == SECRET
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(given).decode().partition(":")
        return scheme == "Basic" and parse_qs(f"n={name}&s={secret}") == {"n": [CLIENT], "s": [SECRET]}

    async def jwks(self, _request: Request) -> Response:
        other = {"kty": "oct", "k": "AAAA", "kid": self.key.kid}
        strange = {"kty": "PQC", "kid": "future"}
        return JSONResponse({"keys": [strange, other, self.key.as_dict(private=False)]})

    async def told(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer at"
        return JSONResponse(self.userinfo)


@pytest.fixture(scope="module")
def running() -> Iterator[LittleProvider]:
    made = LittleProvider()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    made.issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=made.routes()), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield made
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def provider(running: LittleProvider) -> LittleProvider:
    """The provider as it is by default, whatever an earlier test did to it."""
    fresh = LittleProvider(issuer=running.issuer, key=running.key)
    for name in ("person", "spoil", "sign", "userinfo", "methods", "is_down", "key"):
        setattr(running, name, getattr(fresh, name))
    return running


@pytest.fixture
def settings(provider: LittleProvider, tmp_path: Path) -> Settings:
    return prepared(
        tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SecretStr(SECRET),
        oidc_label="公司账号 <登录>",
    )


@pytest.fixture
def client(settings: Settings) -> TestClient:
    return browser(settings)


def go(client: TestClient, target: str = "/home?lot=a") -> httpx.Response:
    """Follow the button to the provider and come back."""
    away = client.get("/auth/oidc", params={"next": target})
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"], follow_redirects=False).headers["location"]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}")


def test_without_settings_there_is_no_button_and_no_route(tmp_path: Path) -> None:
    client = browser(prepared(tmp_path))
    assert "/auth/oidc" not in client.get("/auth/login").text
    assert client.get("/auth/oidc").status_code == 404


def test_the_button_carries_the_label_escaped_and_leads_back_to_the_page_asked_for(client: TestClient) -> None:
    page = client.get("/auth/login?next=/home%3Flot%3Da").text
    assert "公司账号 &lt;登录&gt;" in page
    assert 'href="/auth/oidc?next=/home%3Flot%3Da"' in page


def test_an_existing_operator_comes_in_is_bound_and_found_again_under_any_claim(
    client: TestClient, settings: Settings, provider: LittleProvider
) -> None:
    answer = go(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/home?lot=a")
    assert answer.headers["cache-control"] == "no-store"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert client.get("/home").text == "the page"
    operator = operator_of(settings)
    assert operator.oidc_subject == f"{provider.issuer} u-1"
    assert operator.last_login_at is not None
    assert events(settings)[-1].after["how"] == "oidc"
    provider.person = {"sub": "u-1", "preferred_username": "renamed"}
    other = browser(settings)
    assert go(other).status_code == 303
    assert other.get("/home").status_code == 200


def test_what_waits_in_the_browser_can_be_neither_read_nor_made_there(client: TestClient) -> None:
    away = client.get("/auth/oidc")
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    cookie = away.headers["set-cookie"]
    assert asked["state"][0] not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=600" in cookie
    assert asked["redirect_uri"] == ["http://testserver/auth/oidc/callback"]


@pytest.mark.parametrize(
    ("spoil", "claim"),
    [
        (lambda claims: claims | {"nonce": "another"}, "nonce"),
        (lambda claims: {name: value for name, value in claims.items() if name != "nonce"}, "nonce"),
        (lambda claims: claims | {"aud": "another"}, "aud"),
        (lambda claims: claims | {"aud": ["park", "another"]}, "azp"),
        (lambda claims: claims | {"aud": ["park", "another"], "azp": "another"}, "azp"),
        (lambda claims: claims | {"iss": "https://evil.example"}, "iss"),
        (lambda claims: claims | {"exp": int(time.time()) - 3600}, "exp"),
        (lambda claims: claims | {"exp": "tomorrow"}, "exp"),
        (lambda claims: claims | {"iat": int(time.time()) + 3600}, "iat"),
        (lambda claims: {name: value for name, value in claims.items() if name != "exp"}, "exp"),
        (lambda claims: {name: value for name, value in claims.items() if name != "sub"}, "sub"),
        (lambda claims: claims | {"sub": 7}, "sub"),
    ],
)
def test_an_id_token_that_is_not_meant_for_this_sign_in_is_refused(
    client: TestClient, provider: LittleProvider, settings: Settings, spoil: Callable[[Answer], Answer], claim: str
) -> None:
    provider.spoil = spoil
    answer = go(client)
    assert answer.status_code == 403
    assert "未通过检查" in answer.text
    assert claim in answer.text or claim == "exp"
    assert client.get("/home").status_code == 401
    assert operator_of(settings).oidc_subject is None


@pytest.mark.parametrize("how", ["other key", "none", "shared secret", "nonsense"])
def test_a_signature_that_is_not_the_providers_is_refused(
    client: TestClient, provider: LittleProvider, how: str
) -> None:
    def forged(claims: Answer) -> str:
        if how == "other key":
            return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))
        if how == "nonsense":
            return how
        alg = "none" if how == "none" else "HS256"
        parts = [json.dumps(part).encode() for part in ({"alg": alg, "kid": "one"}, claims)]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        # A verifier that lets the token choose would take the public key for the secret.
        signature = hmac.digest(provider.key.as_pem(private=False), signed, "sha256") if alg == "HS256" else b""
        return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

    provider.sign = forged
    assert go(client).status_code == 403
    assert client.get("/home").status_code == 401


def test_a_provider_that_changed_its_key_is_asked_for_the_new_one(client: TestClient, provider: LittleProvider) -> None:
    assert go(client).status_code == 303
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    assert go(client).status_code == 303


def test_a_stranger_gets_no_login_and_a_sentence(
    client: TestClient, provider: LittleProvider, settings: Settings
) -> None:
    provider.person = {"sub": "u-9", "preferred_username": "stranger"}
    answer = go(client)
    assert answer.status_code == 403
    assert "没有与“stranger”对应的账号" in answer.text
    last = events(settings)[-1]
    assert (last.action, last.outcome, last.login) == ("session.refused", "refused", "stranger")


def test_a_disabled_operator_stays_out_bound_or_not(
    client: TestClient, provider: LittleProvider, settings: Settings
) -> None:
    change_operator(settings, is_active=False)
    assert "已停用" in go(client).text
    change_operator(settings, is_active=True)
    assert go(client).status_code == 303
    change_operator(settings, is_active=False)
    assert "已停用" in go(browser(settings)).text
    assert client.get("/home").status_code == 401


def test_another_person_with_the_same_name_does_not_get_a_bound_login(
    client: TestClient, provider: LittleProvider, settings: Settings
) -> None:
    assert go(client).status_code == 303
    provider.person = {"sub": "u-2", "preferred_username": "li.na"}
    other = browser(settings)
    assert "已绑定另一个外部身份" in go(other).text
    assert other.get("/home").status_code == 401


def test_a_first_password_is_void_once_its_operator_came_from_outside(client: TestClient, settings: Settings) -> None:
    change_operator(settings, must_change_password=True)
    assert go(client).status_code == 303
    assert client.get("/home").status_code == 200
    assert sign_in(browser(settings), PASSWORD).status_code == 401


@pytest.mark.parametrize("verified", [True, False, None])
def test_an_e_mail_address_names_a_login_only_when_the_provider_verified_it(
    tmp_path: Path, provider: LittleProvider, verified: bool | None
) -> None:
    settings = prepared(
        tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SecretStr(SECRET),
        oidc_login_claim="email",
    )
    change_operator(settings, login="li.na@park.example")
    provider.person = {"sub": "u-1", "email": "Li.Na@park.example"}
    if verified is not None:
        provider.person["email_verified"] = verified
    assert go(browser(settings)).status_code == (303 if verified else 403)


def test_a_claim_that_only_the_userinfo_endpoint_tells_is_asked_there(
    client: TestClient, provider: LittleProvider
) -> None:
    provider.person = {"sub": "u-1"}
    provider.userinfo = {"sub": "u-1", "preferred_username": "li.na"}
    assert go(client).status_code == 303
    provider.person = {"sub": "u-2"}
    assert go(client).status_code == 403


def test_a_secret_goes_in_the_form_to_a_provider_that_wants_it_there(
    client: TestClient, provider: LittleProvider
) -> None:
    provider.methods = ("client_secret_post",)
    assert go(client).status_code == 303


def test_a_way_back_that_was_not_begun_in_this_browser_leads_nowhere(client: TestClient, settings: Settings) -> None:
    away = client.get("/auth/oidc").headers["location"]
    back = urlsplit(httpx.get(away, follow_redirects=False).headers["location"])
    for other in (browser(settings), browser(settings)):
        answer = other.get(f"{back.path}?{back.query}")
        assert answer.status_code == 403
        assert "请再登录一次" in answer.text
    wrong = parse_qs(back.query) | {"state": ["guessed"]}
    assert client.get(f"{back.path}?{urlencode(wrong, doseq=True)}").status_code == 403
    assert client.get("/home").status_code == 401
    # The cookie counts once.
    assert client.get(f"{back.path}?{back.query}").status_code == 403


def test_an_answer_in_another_providers_name_is_refused(client: TestClient) -> None:
    away = client.get("/auth/oidc").headers["location"]
    back = urlsplit(httpx.get(away, follow_redirects=False).headers["location"])
    wrong = parse_qs(back.query) | {"iss": ["https://evil.example"]}
    assert client.get(f"{back.path}?{urlencode(wrong, doseq=True)}").status_code == 403


def test_a_refusal_at_the_provider_and_a_code_it_does_not_know_are_sentences(client: TestClient) -> None:
    for answer, status, sentence in (
        ({"error": "access_denied"}, 403, "没有同意登录"),
        ({"code": "unknown"}, 502, "没有正确应答"),
    ):
        state = parse_qs(urlsplit(client.get("/auth/oidc").headers["location"]).query)["state"][0]
        back = client.get("/auth/oidc/callback", params=answer | {"state": state})
        assert (back.status_code, sentence in back.text) == (status, True)


def test_a_provider_that_is_down_leaves_the_password_form(
    client: TestClient, provider: LittleProvider, settings: Settings
) -> None:
    provider.is_down = True
    answer = client.get("/auth/oidc")
    assert answer.status_code == 502
    assert 'id="password"' in answer.text
    provider.is_down = False
    assert client.get("/auth/oidc").status_code == 303


def test_the_target_is_never_a_foreign_site(client: TestClient) -> None:
    assert go(client, "https://evil.example").headers["location"] == "/"
    assert go(client, "//evil.example").headers["location"] == "/"


def test_behind_a_proxy_the_provider_is_told_the_public_address(provider: LittleProvider, tmp_path: Path) -> None:
    settings = prepared(
        tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        cookie_secure=True,
        trusted_proxies="10.9.0.1",
    )
    client = browser(settings, client=("10.9.0.1", 5000))
    told = {"x-forwarded-host": "park.example", "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.5"}
    away = client.get("/auth/oidc", headers=told)
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://park.example/auth/oidc/callback"]
    assert away.headers["set-cookie"].startswith("__Host-park_oidc=")
    assert "Secure" in away.headers["set-cookie"]


@pytest.mark.parametrize(
    "values",
    [
        {"oidc_issuer": "http://provider.example", "oidc_client_id": "park"},
        {"oidc_issuer": "https://provider.example"},
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(tmp_path: Path, values: dict[str, str]) -> None:
    with pytest.raises(ParkError) as refused:
        Provider(Settings(home=tmp_path, **values))
    assert refused.value.code == "bad_oidc_settings"


def test_a_provider_with_another_name_than_the_setting_is_told(provider: LittleProvider, tmp_path: Path) -> None:
    settings = prepared(tmp_path, oidc_issuer=provider.issuer + "/", oidc_client_id=CLIENT)
    answer = browser(settings).get("/auth/oidc")
    assert answer.status_code == 502
    assert "PARK_OIDC_ISSUER" in answer.text
