"""The answer for addresses that are no page.

Belongs here: a 404 in the visitor's language for a browser that asks for an unknown address below the root. Streamlit
would serve its program for any address and say in English, in front of the start page, that there is no such page.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.requests import language_of
from dashboards.texts import Texts
from warehouse.settings import Settings

PAGE = (
    "<!doctype html><html lang='{language}'><meta charset='utf-8'>"
    "<meta name='viewport' content='width=device-width,initial-scale=1'><title>{title}</title>"
    "<style>:root{{color-scheme:light dark}}body{{font:16px/1.6 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',"
    "system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0;padding:16px;text-align:center}}</style>"
    "<main><h1>{title}</h1><p>{sentence}</p><p><a href='/'>{home}</a></p></main></html>"
)


class UnknownPages:
    """ASGI middleware; ``paths`` are those of all pages, deeper addresses are left to the application."""

    def __init__(self, app: ASGIApp, settings: Settings, paths: Callable[[], list[str]]) -> None:
        self.app = app
        self.settings = settings
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and self._is_unknown(Request(scope)):
            request = Request(scope)
            text = Texts(language_of(request, self.settings))
            words = {
                "language": "zh-CN" if text.language == "zh" else "en",
                "title": text("frame.unknown_page"),
                "sentence": text("frame.unknown_page_why", path=request.url.path[:80]),
                "home": text("frame.to_start"),
            }
            page = PAGE.format(**{name: escape(value, quote=True) for name, value in words.items()})
            await HTMLResponse(page, 404)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_unknown(self, request: Request) -> bool:
        path = request.url.path
        asks_for_a_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        # Programs, files and our own routes lie in folders or have a dot or dash in front.
        is_below_root = path.count("/") == 1 and "." not in path and path != "/healthz"
        return asks_for_a_page and is_below_root and path not in self.paths()
