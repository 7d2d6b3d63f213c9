"""The frame around every page.

Belongs here: the list of pages and their places in the menu, the guard around the page, language, appearance and who
is signed in. Does not belong here: what a page may use (context.py), figures, SQL, storage. A page is a module under
views/ with ``VIEW`` and ``render(context)``; it is found by itself, and its permission is that of its menu item.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlencode

import streamlit as st

from dashboards import alarm_news, instance, views
from dashboards.appearance import current_appearance
from dashboards.context import (
    Context,
    current,
    draw_safely,
    here,
    leave_for_login,
    session_token,
    show_fault,
    show_flash,
)
from dashboards.requests import LANGUAGES
from dashboards.ui import brand, cards
from warehouse.errors import Forbidden
from warehouse.security.audit import note_refusal
from warehouse.security.permissions import BY_CODE, MENU, VIEW
from warehouse.security.sessions import form_token
from warehouse.settings import Settings

__all__ = ["Context", "View", "run", "show_fault", "view_modules"]


@dataclass(frozen=True)
class View:
    """A page: the menu item that it is (and whose ``view`` permission it takes) and its Material icon.

    The address is the menu item's code with hyphens, the title its name in the catalogs, ``menu.<code>``.
    """

    menu: str
    icon: str
    is_start: bool = False

    def __post_init__(self) -> None:
        """Refuse a page that no permission guards."""
        if self.menu not in BY_CODE:
            raise ValueError(f"{self.menu!r} is no menu item: list it in warehouse.security.permissions.MENU first")

    @property
    def path(self) -> str:
        """Its address below the root."""
        return self.menu.replace("_", "-")

    @property
    def permission(self) -> str:
        """What seeing it takes."""
        return f"{self.menu}.{VIEW}"


class ViewModule(Protocol):
    """What a module under views/ offers."""

    VIEW: View

    def render(self, context: Context) -> None:
        """Draw the page."""


@cache
def view_modules() -> tuple[ViewModule, ...]:
    """Every module under views/ that has a ``VIEW``, in the order of the menu.

    Raises:
        TypeError: a ``VIEW`` is no View, and would not be guarded.
        ValueError: two modules are the same page.
    """
    found: dict[str, ViewModule] = {}
    for info in pkgutil.walk_packages(views.__path__, f"{views.__name__}."):
        module: Any = importlib.import_module(info.name)
        if not hasattr(module, "VIEW"):
            continue
        if not isinstance(module.VIEW, View):
            raise TypeError(f"{info.name}.VIEW must be a View")
        if module.VIEW.menu in found:
            raise ValueError(f"{info.name} and {found[module.VIEW.menu]} are the same page")
        found[module.VIEW.menu] = module
    order = [item.code for item in MENU]
    return tuple(found[code] for code in order if code in found)


def run() -> None:
    """Run the page that the address names; every run of the script comes through here."""
    settings = instance.settings()
    context = current(settings, None, is_activity=True)
    if context is None:
        leave_for_login()
        st.stop()
    text = context.text
    st.set_page_config(page_title=text("brand"), page_icon=brand.MARK, layout="wide")
    cards.style()
    st.logo(brand.wordmark(text("brand")), size="large", icon_image=brand.MARK)
    pages = {module.VIEW.menu: _page(module, context) for module in view_modules()}
    # Every page is registered, so that a forbidden one answers as forbidden; the menu shows the permitted ones.
    # Streamlit hides its own menu when there is one page, so the links are ours.
    chosen = st.navigation(list(pages.values()), position="hidden")
    show_flash()
    with st.sidebar:
        _menu(context, pages, chosen)
        with st.container(key="person"):
            _person(context, settings)
        alarm_news.watch(context)
    chosen.run()


def _menu(context: Context, pages: dict[str, Any], chosen: Any) -> None:
    section = None
    for item in MENU:
        page = pages.get(item.code)
        if page is None or not context.allows(f"{item.code}.{VIEW}"):
            continue
        if item.section != section:
            section = item.section
            cards.menu_section(context.text(f"section.{section}"))
        # A block of its own costs as much as the link: only the page that is open has one, to be marked.
        with st.container(key=f"menu_here_{item.code}") if page == chosen else nullcontext():
            st.page_link(page, label=page.title, icon=page.icon)


def _page(module: ViewModule, context: Context) -> Any:
    view = module.VIEW
    show: Callable[[], None] = lambda: draw_page(module, context)  # noqa: E731 - Streamlit wants a new function each run
    return st.Page(
        show, title=context.text(f"menu.{view.menu}"), icon=view.icon, url_path=view.path, default=view.is_start
    )


def draw_page(module: ViewModule, visitor: Context) -> None:
    """Draw a page for somebody, or say that it is not theirs to see."""
    view, text = module.VIEW, visitor.text
    title = text(f"menu.{view.menu}")
    try:
        visitor.actor.require(view.permission)
    except Forbidden as error:
        note_refusal(visitor.settings, visitor.actor, view.permission, error)
        cards.empty(
            text("frame.forbidden"),
            [text("frame.forbidden_why", role=visitor.role_name(), menu=title)],
            icon="lock",
        )
        return
    draw_safely(visitor.guarded_by(view.permission), module.render, title=title)


def _person(context: Context, settings: Settings) -> None:
    text = context.text
    other = next(language for language in LANGUAGES if language != context.language)
    token = session_token(settings)
    assert token is not None
    appearance = current_appearance()
    cards.person(
        name=context.actor.name,
        login=context.actor.login,
        links=[
            (text("language.other"), f"/auth/language?{urlencode({'set': other, 'next': here()})}"),
            (
                text(f"frame.theme_{appearance.following}"),
                f"/auth/appearance?{urlencode({'set': appearance.following, 'next': here()})}",
            ),
            (text("frame.account"), f"/auth/account?{urlencode({'next': here()})}"),
        ],
        sign_out_label=text("frame.sign_out"),
        form_token=form_token(token),
    )
