"""What the forms under /auth have in common.

Belongs here: reading a posted form, rendering a template, the headers and cookies of these answers. Does not belong
here: what any single form does.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboards.requests import (
    APPEARANCE_COOKIE,
    LANGUAGES,
    Networks,
    client_address,
    host_cookie,
    is_same_origin,
    language_of,
    session_cookie,
    trusted_networks,
)
from dashboards.texts import Texts
from warehouse.settings import Settings

# Three passwords of the greatest length in Chinese, percent-encoded, fit.
MAX_FORM_BYTES = 16_384
MAX_FIELDS = 16
# The forms run no script at all.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def read_form(request: Request) -> dict[str, str]:
    """The form's fields, the first value each; empty for a body that is too long or no form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return {}
    try:
        parsed = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in parsed.items()}


@dataclass(frozen=True)
class Forms:
    """The forms of one instance."""

    settings: Settings
    networks: Networks

    @classmethod
    def of(cls, settings: Settings) -> Forms:
        """With the trusted proxies of the settings; ValueError for a malformed address among them."""
        return cls(settings, trusted_networks(settings))

    def address(self, request: Request) -> str:
        """The client's address."""
        return client_address(request, self.networks)

    def text(self, request: Request) -> Texts:
        """The words in the language of the request."""
        return Texts(language_of(request, self.settings))

    def token(self, request: Request) -> str | None:
        """The session's token as the browser sent it."""
        return request.cookies.get(session_cookie(self.settings))

    def is_ours(self, request: Request, fields: dict[str, str], expected: str | None) -> bool:
        """Whether a posted form was written by us for this browser: its anti-forgery value and its origin."""
        given = fields.get("form_token", "")
        is_known = bool(expected) and hmac.compare_digest((expected or "").encode(), given.encode())
        return is_known and is_same_origin(request, self.networks, self.settings)

    def page(self, request: Request, template: str, *, here: str, status: int = 200, **values: Any) -> Response:
        """Render a template; ``here`` is the address that the language switch comes back to."""
        text = self.text(request)
        other = next(language for language in LANGUAGES if language != text.language)
        appearance = request.cookies.get(APPEARANCE_COOKIE)
        page = TEMPLATES.get_template(template).render(
            text=text,
            language="zh-CN" if text.language == "zh" else "en",
            appearance=appearance if appearance in ("light", "dark") else "light dark",
            other_language_url=f"/auth/language?set={other}&next={quote(here)}",
            **values,
        )
        return HTMLResponse(page, status, {"Cache-Control": "no-store", "Content-Security-Policy": POLICY})

    def set_session(self, answer: Response, token: str) -> None:
        """Hand the session's token to the browser."""
        self.set_cookie(answer, "park_session", token, same_site="lax", seconds=self.settings.session_hours * 3600)

    def drop_session(self, answer: Response) -> None:
        """Take the session's token from the browser."""
        self.drop_cookie(answer, "park_session")

    def set_cookie(
        self, answer: Response, name: str, value: str, *, same_site: str, seconds: int | None = None
    ) -> None:
        """Set a cookie that scripts cannot read; without ``seconds`` it ends with the browser."""
        answer.set_cookie(
            host_cookie(self.settings, name),
            value,
            max_age=seconds,
            path="/",
            secure=self.settings.cookie_secure,
            httponly=True,
            samesite="strict" if same_site == "strict" else "lax",
        )

    def drop_cookie(self, answer: Response, name: str) -> None:
        """Remove a cookie of ``set_cookie``."""
        answer.delete_cookie(
            host_cookie(self.settings, name),
            path="/",
            secure=self.settings.cookie_secure,
            httponly=True,
            samesite="lax",
        )


def new_form_token() -> str:
    """An anti-forgery value for a form of somebody who is not signed in."""
    return secrets.token_urlsafe(24)
