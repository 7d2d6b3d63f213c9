"""What a page gets from the frame: who looks, what they may do, their language, reports, guarded parts of the page.

Belongs here: the context and the guard around each rerun of a part of a page. Does not belong here: navigation and the
page as a whole (frame.py), figures, SQL, storage.

Fragments, dialogs and downloads run without the page's script, so each of them finds out anew who asks.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from dashboards import instance
from dashboards.requests import LANGUAGE_COOKIE, LANGUAGES, session_cookie
from dashboards.texts import Texts
from dashboards.ui import cards
from warehouse.errors import Forbidden, ParkError
from warehouse.lake.publish import Published, published
from warehouse.reports import access, base
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.question import KnownLot
from warehouse.security.actor import Actor
from warehouse.security.audit import note_refusal
from warehouse.security.sessions import actor_signed_in
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
EMPTY_RETRY_SECONDS = 15
FLASH = "frame_flash"


@dataclass(frozen=True)
class Context:
    """What a page may use.

    Attributes:
        settings: of this instance.
        actor: who looks: lots, nodes, permissions.
        permission: what this page takes; every part of it is guarded by the same.
        language: zh or en.
        now: when this run began, UTC.
    """

    settings: Settings
    actor: Actor
    permission: str | None
    language: str
    now: datetime
    token: str = field(repr=False)
    _publication: list[Published] = field(default_factory=list, compare=False, repr=False)

    @property
    def text(self) -> Texts:
        """The words in this person's language."""
        return Texts(self.language)

    def guarded_by(self, permission: str) -> Context:
        """The same person on a page that takes ``permission``."""
        return replace(self, permission=permission)

    def role_name(self) -> str:
        """The name of this person's role; built-in ones in their language."""
        return self.text(f"role.{self.actor.role_code}") if self.actor.role_code else self.actor.role_name

    def allows(self, permission: str) -> bool:
        """Whether this person holds ``menu.action``; the services check it again."""
        return self.actor.allows(permission)

    def query(self, report: str, **parameters: Any) -> ReportResult:
        """Run a named report on the published snapshot, cut to the lots this person may see.

        Raises:
            Forbidden: the report is not permitted, or a lot is somebody else's.
            ParkError: nothing is published, or a parameter does not fit.
        """
        found = find(report)
        self.actor.require(access.permission_of(found))
        return instance.results().get(
            self._key(report, parameters),
            lambda: access.run(found, instance.reader(), self.settings, self.actor, parameters, self.language),
        )

    def lots(self) -> tuple[KnownLot, ...]:
        """The lots of the published snapshot that this person may see, ordered by id."""
        return self._unguarded("home-devices").question.known_lots

    def completeness(self, **parameters: Any) -> Mapping[str, Any]:
        """``missing_hours`` and ``expected_hours`` of the lots, and their mean ``score`` (None when nothing is known).

        Whoever may see a figure may know how complete it is, so this takes no permission of its own; the scope holds.
        """
        given = {name: value for name, value in parameters.items() if value}
        return self._unguarded("missing-hours", **given).totals

    def _unguarded(self, report: str, **parameters: Any) -> ReportResult:
        return instance.results().get(
            self._key(report, parameters),
            lambda: base.run(find(report), instance.reader(), self.actor.scope, parameters, self.language),
        )

    def _key(self, report: str, parameters: Mapping[str, Any]) -> Hashable:
        return (
            report,
            tuple(sorted((name, str(value)) for name, value in parameters.items())),
            self.actor.scope.lot_ids,
            self.actor.allows(access.WHOLE_PLATES),
            self.language,
            self.publication().snapshot_id,
        )

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

        What runs by a timer is no activity: an open page must not keep a session alive for ever.
        """
        # In the run of the whole page who asks was looked up a moment ago; alone, it is asked anew each time.
        known = [self]

        @st.fragment(run_every=run_every)
        def guarded() -> None:
            renewed = known.pop() if known else current(self.settings, self.permission, is_activity=run_every is None)
            if renewed is None:
                leave_for_login()
            else:
                draw_safely(renewed, draw)

        guarded()

    def dialog(
        self,
        title: str,
        draw: Callable[[Context | None], None],
        *,
        width: Literal["small", "medium", "large"] = "medium",
        drawer: bool = False,
    ) -> None:
        """Open a dialog; one at a time.

        ``draw`` runs at once and again whenever something in the dialog is used, each time with the context of that
        moment: None when the session has ended meanwhile. Then it must not read or change anything, but may show the
        form again, so that what was typed is not lost.
        """

        @st.dialog(title, width=width, position="right" if drawer else "center")
        def guarded() -> None:
            renewed = current(self.settings, self.permission, is_activity=True)
            draw_safely(renewed, draw, Texts(self.language))

        guarded()

    def download(
        self,
        label: str,
        file_name: str,
        permission: str,
        build: Callable[[Context], bytes],
        *,
        key: str,
        icon: str = ":material/download:",
        help_text: str | None = None,
    ) -> None:
        """A button that makes a file when it is clicked; nothing is shown without ``permission``.

        ``build`` runs outside of any page run; session and permission are looked at again before it.
        """
        if not self.allows(permission):
            return

        def guarded() -> bytes:
            renewed = _context_of(self.settings, self.token, permission, self.language, is_activity=True)
            if renewed is None:
                raise RuntimeError("the session has ended")
            renewed.actor.require(permission)
            return build(renewed)

        st.download_button(label, guarded, file_name, key=key, icon=icon, on_click="ignore", help=help_text)


def current(settings: Settings, permission: str | None, *, is_activity: bool) -> Context | None:
    """The context of whoever is signed in at this moment; None when nobody is."""
    token = session_token(settings)
    language = st.context.cookies.get(LANGUAGE_COOKIE, settings.language)
    return _context_of(
        settings, token, permission, language if language in LANGUAGES else "zh", is_activity=is_activity
    )


def session_token(settings: Settings) -> str | None:
    """The browser's session token."""
    value = st.context.cookies.get(session_cookie(settings))
    return value if isinstance(value, str) else None


def _context_of(
    settings: Settings, token: str | None, permission: str | None, language: str, *, is_activity: bool
) -> Context | None:
    found = actor_signed_in(settings, token, is_activity=is_activity)
    if found is None or token is None or found[0].must_change_password:
        return None
    return Context(
        settings=settings, actor=found[1], permission=permission, language=language, now=datetime.now(UTC), token=token
    )


def leave_for_login() -> None:
    """Send the browser to the login, to come back here afterwards."""
    st.html(
        f"<script>window.location.assign('/auth/login?next={quote(here())}')</script>", unsafe_allow_javascript=True
    )


def here() -> str:
    """The page's path and query, to come back to."""
    path = urlsplit(st.context.url or "/").path or "/"
    query = urlencode(st.query_params.to_dict(), doseq=True)
    return f"{path}?{query}" if query else path


def flash(sentence: str) -> None:
    """Show ``sentence`` for a moment at the next run of the page."""
    st.session_state[FLASH] = sentence


def show_flash() -> None:
    """Show what ``flash`` left."""
    sentence = st.session_state.pop(FLASH, None)
    if sentence:
        st.toast(sentence, icon=":material/check_circle:")


def draw_safely(
    context: Context | None, draw: Callable[[Any], None], words: Texts | None = None, title: str | None = None
) -> None:
    """Check the permission, draw, and turn every failure into a sentence.

    Without a context only a dialog draws, see ``Context.dialog``. The cause of a fault goes to the log under a number
    that is shown.
    """
    text = context.text if context is not None else words or Texts("zh")
    try:
        if context is not None and context.permission is not None:
            context.actor.require(context.permission)
        draw(context)
    except Forbidden as error:
        if context is not None and context.permission is not None and not context.allows(context.permission):
            note_refusal(context.settings, context.actor, context.permission, error)
        cards.notice("bad", text("frame.refused"), error.text(text.language))
    except ParkError as error:
        if error.code == "nothing_published" and context is not None:
            if title is not None:
                cards.title(title)
            _nothing_published(context, error)
        else:
            cards.notice("bad", text("frame.failed"), error.text(text.language))
    except Exception as error:
        show_fault(error, text)


def show_fault(error: Exception, text: Texts | None = None) -> bool:
    """Log ``error`` under a number and show the number; also Streamlit's handler for faults outside of a page."""
    number = secrets.token_hex(4)
    instance.results().failed()
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
