"""Signing in with an OpenID provider: code flow with PKCE.

Belongs here: what is asked of the provider, checking what it answers, and which operator that is. Does not belong here:
cookies and redirects (dashboards). No operator is ever made from outside: the first time, an existing operator is found
by a claim, and from then on by issuer and subject.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.ops.models import Operator
from warehouse.ops.session import write_session
from warehouse.security.actor import may_sign_in
from warehouse.security.audit import REFUSED as NOT_DONE
from warehouse.security.passwords import hash_password
from warehouse.security.secrets import decrypt, encrypt
from warehouse.security.sessions import REFUSED, log_event, open_session, set_columns
from warehouse.settings import Settings

PENDING_FOR: Final = timedelta(minutes=10)
"""Time that somebody has at the provider."""
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a public key; never a shared secret, never none."""
LEEWAY_SECONDS: Final = 60
DISCOVERY_SECONDS: Final = 3600
TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True)
class Pending:
    """What is remembered while somebody is at the provider; only this server can write or read it."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    target: str
    started_at: float

    def sealed(self, settings: Settings) -> str:
        """Encrypted and authenticated with the instance's key, for a cookie."""
        return encrypt(settings, json.dumps(asdict(self))).decode()


@dataclass(frozen=True)
class Identity:
    """Whom the provider vouches for; ``login`` is None when it did not send the claim."""

    subject: str
    login: str | None


class Provider:
    """The OpenID provider of the settings; methods speak HTTP and block."""

    def __init__(self, settings: Settings) -> None:
        """Refuse settings that would send secrets in the clear or name no client.

        Raises:
            ParkError: ``bad_oidc_settings``.
        """
        if not settings.oidc_issuer or not settings.oidc_client_id:
            raise ParkError(
                zh="单点登录缺少设置：请同时设置 PARK_OIDC_ISSUER 和 PARK_OIDC_CLIENT_ID",
                en="single sign-on lacks a setting: set both PARK_OIDC_ISSUER and PARK_OIDC_CLIENT_ID",
                code="bad_oidc_settings",
            )
        if not _is_private(settings.oidc_issuer):
            raise ParkError(
                zh=f"PARK_OIDC_ISSUER={settings.oidc_issuer} 必须是 https 地址",
                en=f"PARK_OIDC_ISSUER={settings.oidc_issuer} must be an https address",
                code="bad_oidc_settings",
            )
        self.settings = settings
        self.issuer: str = settings.oidc_issuer
        self.client_id: str = settings.oidc_client_id
        self._discovered: tuple[float, dict[str, Any]] | None = None
        self._keys: list[Key] = []

    def begin(self, redirect_uri: str, target: str, now: datetime) -> tuple[str, Pending]:
        """The address at the provider to send the browser to, and what to remember meanwhile.

        Raises:
            ParkError: ``oidc_unreachable``.
        """
        pending = Pending(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            target=target,
            started_at=now.timestamp(),
        )
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile email",
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": create_s256_code_challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}", pending

    def finish(self, sealed: str, answer: Mapping[str, str], now: datetime) -> tuple[Identity, str]:
        """Whom the provider vouches for, and where that person wanted to go.

        Args:
            sealed: what ``Pending.sealed`` gave, from the browser's cookie.
            answer: the query that the provider sent the browser back with.
            now: the present instant.

        Raises:
            ParkError: ``oidc_stale``, ``oidc_refused``, ``oidc_invalid``, ``oidc_unreachable``.
        """
        pending = self._opened(sealed, now)
        if not hmac.compare_digest(pending.state.encode(), answer.get("state", "").encode()):
            raise _stale()
        if answer.get("iss", self.issuer) != self.issuer:
            raise _invalid("iss")
        if "code" not in answer:
            raise ParkError(
                zh="身份提供方没有同意登录：请重试，或用账号密码登录",
                en="the identity provider did not let you in: try again, or sign in with login and password",
                code="oidc_refused",
            )
        tokens = self._redeem(answer["code"], pending)
        claims = self._checked(tokens, pending.nonce, now)
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise _invalid("sub")
        return Identity(subject, self._login_of(claims, tokens, subject)), pending.target

    def _opened(self, sealed: str, now: datetime) -> Pending:
        try:
            pending = Pending(**json.loads(decrypt(self.settings, sealed.encode())))
        except (ParkError, ValueError, TypeError) as error:
            raise _stale() from error
        if not 0 <= now.timestamp() - pending.started_at <= PENDING_FOR.total_seconds():
            raise _stale()
        return pending

    def _redeem(self, code: str, pending: Pending) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.verifier,
        }
        secret = self.settings.oidc_client_secret
        auth = None
        if secret is None:
            form["client_id"] = self.client_id
        elif "client_secret_basic" in self._discovery().get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            auth = httpx.BasicAuth(quote_plus(self.client_id), quote_plus(secret.get_secret_value()))
        else:
            form |= {"client_id": self.client_id, "client_secret": secret.get_secret_value()}
        answer = self._request("POST", self._endpoint("token_endpoint"), data=form, auth=auth)
        if not isinstance(answer.get("id_token"), str):
            raise _invalid("id_token")
        return answer

    def _checked(self, tokens: dict[str, Any], nonce: str, now: datetime) -> CodeIDToken:
        """The claims of the id token after every check of OpenID Connect Core 3.1.3.7."""
        token = self._verified(tokens["id_token"])
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self.client_id}},
            {"nonce": nonce, "client_id": self.client_id, "access_token": tokens.get("access_token")},
        )
        try:
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
        except JoseError as error:
            raise _invalid(str(getattr(error, "claim", None) or error.error)) from error
        return claims

    def _verified(self, id_token: str) -> jwt.Token:
        try:
            kid = jws.extract_compact(id_token.encode()).headers().get("kid")
        except (JoseError, ValueError) as error:
            raise _invalid("id_token") from error
        # The second time with the keys fetched anew: the provider may have changed them.
        for is_anew in (False, True):
            for key in self._signing_keys(kid, is_anew=is_anew):
                with suppress(JoseError, ValueError):
                    return jwt.decode(id_token, key, algorithms=ALGORITHMS)
        raise _invalid("signature")

    def _signing_keys(self, kid: str | None, *, is_anew: bool) -> list[Key]:
        """The provider's keys with this id, all of them when there is none."""
        if is_anew or not self._keys:
            found = []
            for one in self._request("GET", self._endpoint("jwks_uri")).get("keys", []):
                # Keys of kinds that are not known here are for others.
                with suppress(JoseError, ValueError, KeyError, TypeError):
                    if one.get("use", "sig") == "sig" and one["kty"] in ("RSA", "EC", "OKP"):
                        found.append(JWKRegistry.import_key(one))
            self._keys = found
        return [key for key in self._keys if kid is None or key.kid == kid]

    def _login_of(self, claims: Mapping[str, Any], tokens: dict[str, Any], subject: str) -> str | None:
        wanted = self.settings.oidc_login_claim
        found: Mapping[str, Any] = claims
        if wanted not in found and "userinfo_endpoint" in self._discovery() and tokens.get("access_token"):
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            found = self._request("GET", self._endpoint("userinfo_endpoint"), headers=bearer)
            if found.get("sub") != subject:
                raise _invalid("userinfo")
        # Many providers let people write any address there; only a verified one says who somebody is.
        if wanted == "email" and found.get("email_verified") is not True:
            return None
        value = found.get(wanted)
        return value if isinstance(value, str) and value.strip() else None

    def _discovery(self) -> dict[str, Any]:
        if self._discovered is None or time.monotonic() - self._discovered[0] > DISCOVERY_SECONDS:
            document = self._request("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document.get("issuer") != self.issuer:
                raise ParkError(
                    zh=f"身份提供方自称 {document.get('issuer')}，与 PARK_OIDC_ISSUER={self.issuer} 不一致：请逐字更正",
                    en=f"the identity provider calls itself {document.get('issuer')}, not PARK_OIDC_ISSUER="
                    f"{self.issuer}: set it to the letter",
                    code="bad_oidc_settings",
                )
            self._discovered = time.monotonic(), document
        return self._discovered[1]

    def _endpoint(self, name: str) -> str:
        address = self._discovery().get(name)
        if not isinstance(address, str) or not _is_private(address):
            raise _invalid(name)
        return address

    def _request(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        try:
            answer = httpx.request(method, address, timeout=TIMEOUT_SECONDS, **options)
            found = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise ParkError(
                zh=f"身份提供方 {urlsplit(address).netloc} 没有正确应答：请稍后再试，或用账号密码登录",
                en=f"the identity provider {urlsplit(address).netloc} did not answer properly: try again later, or "
                "sign in with login and password",
                code="oidc_unreachable",
            ) from error
        if not isinstance(found, dict):
            raise _invalid(urlsplit(address).path)
        return found


def sign_in(
    settings: Settings, issuer: str, identity: Identity, *, address: str, user_agent: str, now: datetime
) -> str:
    """Open a session for the operator that an identity belongs to, and return its token.

    The first time, the operator is the one whose login the claim names, and the identity is bound to it. A first
    password that nobody has changed yet is void from then on.

    Raises:
        ParkError: ``oidc_unknown``, ``oidc_taken``, ``oidc_disabled``; each is written to the operator log.
    """
    subject = f"{issuer} {identity.subject}"
    typed = "".join(filter(str.isprintable, identity.login or identity.subject)).strip()[:64]
    with write_session(settings) as session:
        operator = session.scalar(select(Operator).where(Operator.oidc_subject == subject))
        is_first = operator is None
        if operator is None and identity.login is not None:
            operator = session.scalar(select(Operator).where(Operator.login == identity.login.strip().casefold()))
        problem = _problem(operator, typed, subject, is_usable=operator is not None and may_sign_in(session, operator))
        if operator is not None and problem is None:
            if is_first:
                set_columns(session, operator, oidc_subject=subject)
            if operator.must_change_password:
                set_columns(
                    session,
                    operator,
                    password_hash=hash_password(secrets.token_urlsafe(32)),
                    must_change_password=False,
                    password_changed_at=now,
                )
            return open_session(
                session, settings, operator, how="oidc", address=address, user_agent=user_agent, now=now
            )
        assert problem is not None
        told = {"reason": problem.en, "how": "oidc"}
        log_event(session, REFUSED, operator, login=typed, address=address, outcome=NOT_DONE, after=told, now=now)
    raise problem


def _problem(operator: Operator | None, typed: str, subject: str, *, is_usable: bool) -> ParkError | None:
    if operator is None or len(subject) > 500:
        return ParkError(
            zh=f"这里没有与“{typed}”对应的账号：请联系管理员开通",
            en=f"there is no login here for “{typed}”: ask an administrator for one",
            code="oidc_unknown",
        )
    if operator.oidc_subject not in (None, subject):
        return ParkError(
            zh=f"账号 {operator.login} 已绑定另一个外部身份：请联系管理员",
            en=f"the login {operator.login} belongs to another account of the identity provider: ask an administrator",
            code="oidc_taken",
        )
    if not is_usable:
        return ParkError(
            zh=f"账号 {operator.login} 已停用：请联系管理员",
            en=f"the login {operator.login} is disabled: ask an administrator",
            code="oidc_disabled",
        )
    return None


def _is_private(address: str) -> bool:
    """Whether nobody on the way can read along: TLS, or this machine itself."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))


def _stale() -> ParkError:
    return ParkError(
        zh="登录过程已过期，或在另一个标签页重新开始了：请再登录一次",
        en="this sign-in is out of date, or was begun again in another tab: please sign in once more",
        code="oidc_stale",
    )


def _invalid(what: str) -> ParkError:
    return ParkError(
        zh=f"身份提供方的应答未通过检查（{what}）：请再试一次；仍不行时请联系管理员",
        en=f"the identity provider's answer did not pass the checks ({what}): try again, and if it stays, ask an "
        "administrator",
        code="oidc_invalid",
    )
