"""Light or dark.

Belongs here: the choice, and the route that hands it to Streamlit. Streamlit keeps its theme
in the browser's local storage under a key for each path, so the route answers with a page whose script writes the
choice under the path of every page and goes back.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dashboards.requests import APPEARANCE_COOKIE, local_target
from warehouse.settings import Settings

# In the order in which the switch goes through them.
CHOICES: Final = ("system", "light", "dark")
YEAR_SECONDS: Final = 365 * 86_400
POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Appearance:
    """The choice in force and the one that the switch offers next."""

    chosen: str
    following: str


def current_appearance() -> Appearance:
    """What this browser chose; the system's without a choice."""
    value = st.context.cookies.get(APPEARANCE_COOKIE)
    chosen = value if value in CHOICES else CHOICES[0]
    return Appearance(chosen, CHOICES[(CHOICES.index(chosen) + 1) % len(CHOICES)])


def route(settings: Settings, paths: Callable[[], list[str]]) -> Route:
    """``GET /auth/appearance?set=dark&next=/home``; ``paths`` are those of all pages."""

    async def choose(request: Request) -> Response:
        wanted = request.query_params.get("set", "")
        chosen = wanted if wanted in CHOICES else CHOICES[0]
        target = local_target(request.query_params.get("next"))
        script = (
            f"for(const p of {json.dumps(paths())}){{localStorage.setItem(`stActiveTheme-${{p}}-v2`,"
            f"JSON.stringify({json.dumps(chosen.capitalize())}))}}location.replace({_in_script(target)})"
        )
        answer = HTMLResponse(
            f"<!doctype html><meta charset=utf-8><script>{script}</script>",
            headers={"Cache-Control": "no-store", "Content-Security-Policy": POLICY},
        )
        answer.set_cookie(
            APPEARANCE_COOKIE, chosen, max_age=YEAR_SECONDS, secure=settings.cookie_secure, samesite="lax"
        )
        return answer

    return Route("/auth/appearance", choose, methods=["GET"])


def _in_script(text: str) -> str:
    """``text`` as a JavaScript string that cannot end the script element."""
    return json.dumps(text).replace("<", "\\u003c")
