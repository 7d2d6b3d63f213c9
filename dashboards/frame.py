"""The frame around every page.

Belongs here: who is looking, navigation, language, the guard around each run of a page and of its fragments, errors
and the state before the first publication. Does not belong here: figures, SQL, storage. A page is a module under
views/ with ``VIEW`` and ``render(context)``; it gets everything from its ``Context``.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from dashboards import instance
from dashboards.requests import LANGUAGE_COOKIE, LANGUAGES, session_cookie
from dashboards.texts import Texts
from dashboards.ui import brand, cards
from warehouse.errors import ParkError
from warehouse.lake.publish import Published, published
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.reports import access
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.question import KnownLot
from warehouse.security.actor import Actor, actor_of
from warehouse.security.sessions import form_token, signed_in
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
EMPTY_RETRY_SECONDS = 15


@dataclass(frozen=True)
class View:
    """A page's place in the menu: its URL, the text keys of its title and section, its Material icon."""

    path: str
    title: str
    section: str
    icon: str
    is_start: bool = False


class ViewModule(Protocol):
    """What a module under views/ offers."""

    VIEW: View

    def render(self, context: Context) -> None:
        """Draw the page."""


@dataclass(frozen=True)
class Context:
    """What a page may use: who looks, which lots they see, their language, and reports."""

    settings: Settings
    actor: Actor
    language: str
    now: datetime
    _publication: list[Published] = field(default_factory=list, compare=False, repr=False)

    @property
    def text(self) -> Texts:
        """The words in this person's language."""
        return Texts(self.language)

    def query(self, report: str, **parameters: Any) -> ReportResult:
        """Run a named report on the published snapshot, cut to the lots this person may see.

        Raises:
            ParkError: nothing is published, or a parameter does not fit.
        """
        key = (
            report,
            tuple(sorted((name, str(value)) for name, value in parameters.items())),
            self.actor.scope.lot_ids,
            self.language,
            self.publication().snapshot_id,
        )
        return instance.results().get(
            key,
            lambda: access.run(find(report), instance.reader(), self.settings, self.actor, parameters, self.language),
        )

    def lots(self) -> tuple[KnownLot, ...]:
        """The lots of the published snapshot that this person may see, ordered by id."""
        return self.query("home-devices").question.known_lots

    def publication(self) -> Published:
        """What is published and how the last build went, asked once in each run of a page.

        Raises:
            ParkError: code ``nothing_published`` before the first publication.
        """
        if not self._publication:
            self._publication.append(published(self.settings))
        return self._publication[0]

    def fragment(self, draw: Callable[[Context], None], *, run_every: float | None = None) -> None:
        """Draw a part of the page that runs again by itself or by its own widgets.

        A fragment runs without the page's script, so the session is checked here again. What runs by a timer is no
        activity: an open page must not keep a session alive for ever.
        """

        @st.fragment(run_every=run_every)
        def guarded() -> None:
            renewed = _context(self.settings, is_activity=run_every is None)
            if renewed is not None:
                _draw(renewed, draw)

        guarded()


def run(modules: tuple[ViewModule, ...]) -> None:
    """Run the page that the address names; every run of the script comes through here."""
    settings = instance.settings()
    context = _context(settings, is_activity=True)
    if context is None:
        st.stop()
    text = context.text
    st.set_page_config(page_title=text("brand"), page_icon=brand.MARK, layout="wide")
    cards.style()
    st.logo(brand.wordmark(text("brand")), size="large", icon_image=brand.MARK)
    menu: dict[str, list[Any]] = {}
    for module in modules:
        menu.setdefault(text(module.VIEW.section), []).append(_page(module, context))
    # Streamlit hides its own menu when there is one page, so the links are ours.
    chosen = st.navigation(menu, position="hidden")
    with st.sidebar:
        for section, pages in menu.items():
            cards.menu_section(section)
            for page in pages:
                with st.container(key=f"menu{'_here' if page == chosen else ''}_{page.url_path or 'start'}"):
                    st.page_link(page, label=page.title, icon=page.icon)
        _person(context)
    chosen.run()


def _page(module: ViewModule, context: Context) -> Any:
    def show() -> None:
        _draw(context, module.render, context.text(view.title))

    view = module.VIEW
    return st.Page(show, title=context.text(view.title), icon=view.icon, url_path=view.path, default=view.is_start)


def _token(settings: Settings) -> str | None:
    value = st.context.cookies.get(session_cookie(settings))
    return value if isinstance(value, str) else None


def _context(settings: Settings, *, is_activity: bool) -> Context | None:
    """The context of the signed-in person; None after sending the browser to the login."""
    operator = signed_in(settings, _token(settings), is_activity=is_activity)
    if operator is None:
        target = quote(_here())
        st.html(f"<script>window.location.assign('/auth/login?next={target}')</script>", unsafe_allow_javascript=True)
        return None
    with ops_session(settings) as session:
        actor = actor_of(session, session.get_one(Operator, operator.operator_id), operator.address)
    language = st.context.cookies.get(LANGUAGE_COOKIE, settings.language)
    return Context(
        settings=settings,
        actor=actor,
        language=language if language in LANGUAGES else "zh",
        now=datetime.now(UTC),
    )


def _here() -> str:
    """The page's path and query, to come back to."""
    path = urlsplit(st.context.url or "/").path or "/"
    query = urlencode(st.query_params.to_dict())
    return f"{path}?{query}" if query else path


def _draw(context: Context, draw: Callable[[Context], None], title: str | None = None) -> None:
    """Draw, and turn every failure into a sentence; the cause goes to the log under a number that is shown."""
    try:
        draw(context)
    except ParkError as error:
        if error.code == "nothing_published":
            if title is not None:
                cards.title(title)
            _nothing_published(context, error)
        else:
            cards.notice("bad", context.text("frame.failed"), error.text(context.language))
    except Exception as error:
        show_fault(error, context.text)


def show_fault(error: Exception, text: Texts | None = None) -> bool:
    """Log ``error`` under a number and show the number; also Streamlit's handler for faults outside of a page."""
    number = secrets.token_hex(4)
    LOG.error("page failed, reference %s", number, exc_info=error)
    words = text or Texts("zh")
    cards.notice("bad", words("frame.failed"), words("frame.fault", number=number))
    return True


def _nothing_published(context: Context, error: ParkError) -> None:
    text = context.text
    cards.empty(
        text("empty.title"),
        [text("empty.why"), text("empty.demo"), text("empty.own"), text("empty.then")],
        error.text(context.language),
    )

    context.fragment(_rerun_when_published, run_every=EMPTY_RETRY_SECONDS)


def _rerun_when_published(context: Context) -> None:
    try:
        context.publication()
    except ParkError:
        return
    st.rerun()


def _person(context: Context) -> None:
    text = context.text
    other = next(language for language in LANGUAGES if language != context.language)
    token = _token(context.settings)
    assert token is not None
    cards.person(
        name=context.actor.name,
        login=context.actor.login,
        language_label=text("language.other"),
        language_url=f"/auth/language?{urlencode({'set': other, 'next': _here()})}",
        sign_out_label=text("frame.sign_out"),
        form_token=form_token(token),
    )
