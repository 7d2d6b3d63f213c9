"""Cards, rows and notices as HTML.

Belongs here: the pieces that make pages look alike. Everything that arrives is text or a figure and is escaped here;
Streamlit removes scripts and inline SVG from ``st.html``, so small drawings are images in data URIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st

from dashboards.ui import sparkline

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")

_LIGHT = {
    "card": "#fff",
    "side": "#0c1f4a",
    "ink": "#1d2939",
    "line": "#e9ecf1",
    "dash": "#cbd2dc",
    "mute": "#5f6b7e",
    "accent": "#1456d8",
    "button": "#1456d8",
    "good": "#067647",
    "bad": "#b42318",
    "critical": "#b42318",
    "critical-back": "#fef3f2",
    "warning": "#a5440a",
    "warning-back": "#fff6e5",
    "info": "#0b46b8",
    "info-back": "#eff4ff",
}
_DARK = {
    "card": "#131c2e",
    "side": "#080e1a",
    "ink": "#e4e7ec",
    "line": "#26324a",
    "dash": "#3a4966",
    "mute": "#9aa7bd",
    "accent": "#528bff",
    "button": "#2a66dd",
    "good": "#47cd89",
    "bad": "#f97066",
    "critical": "#fda29b",
    "critical-back": "#3b1a1e",
    "warning": "#fec84b",
    "warning-back": "#3a2a10",
    "info": "#9cc0ff",
    "info-back": "#16264a",
}


def is_dark() -> bool:
    """Whether the browser shows the dark theme."""
    return getattr(st.context.theme, "type", None) == "dark"


def style() -> None:
    """Put the style sheet on the page."""
    # Paper is light, whatever the screen is.
    print_values = f"@media print{{:root{{{_variables(_LIGHT)}}}}}"
    st.html(f"<style>:root{{{_variables(_DARK if is_dark() else _LIGHT)}}}\n{print_values}\n{STYLE}</style>")


def _variables(values: Mapping[str, str]) -> str:
    return ";".join(f"--pc-{name}:{value}" for name, value in values.items())


@dataclass(frozen=True)
class Meaning:
    """What a figure or card means, told on hover and focus of a small mark; ``key`` is unique on the page.

    ``label`` is the mark's name for screen readers.
    """

    key: str
    label: str
    sentence: str


def _mark(meaning: Meaning | None) -> str:
    if meaning is None:
        return ""
    name = f"meaning-{escape(meaning.key, quote=True)}"
    return (
        f"<button type='button' class='pc-i' aria-label='{escape(meaning.label, quote=True)}' "
        f"aria-describedby='{name}'>i</button>"
        f"<span class='pc-tip' role='tooltip' id='{name}'>{escape(meaning.sentence)}</span>"
    )


def _linked(label: str, address: str, extra: str = "") -> str:
    """``label`` as a link to a page of this server, or as text without an address."""
    if not address:
        return label
    return f"<a href='{escape(address, quote=True)}' target='_self'{extra}>{label}</a>"


def heading(
    title: str,
    note: str = "",
    *,
    address: str = "",
    meaning: Meaning | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> None:
    """A card's heading, a link when it has an address, with a note and links (label, address) at its right end."""
    notes = [escape(note)] if note else []
    notes += [_linked(escape(label), where) for label, where in links]
    st.html(
        f"<div class='pc-h'><span role='heading' aria-level='2'>{_linked(escape(title), address)}</span>"
        f"{_mark(meaning)}<small>{' · '.join(notes)}</small></div>"
    )


@contextmanager
def card(
    key: str,
    title: str | None = None,
    note: str = "",
    *,
    height: int | None = None,
    address: str = "",
    meaning: Meaning | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> Iterator[None]:
    """A white card; ``key`` is unique over all pages, ``height`` in pixels makes neighbours equal."""
    with st.container(key=f"card_{key}", gap="small", height=height or "content", border=False):
        if title is not None:
            heading(title, note, address=address, meaning=meaning, links=links)
        yield


def nothing(sentence: str) -> None:
    """What a card shows when it has no rows."""
    st.html(f"<div class='pc-none'>{escape(sentence)}</div>")


def notice(tone: str, title: str, sentence: str = "", address: str = "") -> None:
    """A line across the page; ``tone`` is that of a rule ``.pc-notice``; with an address its title is a link."""
    st.html(
        f"<div class='pc-notice {tone}' role='status'><b>{_linked(escape(title), address)}</b>{escape(sentence)}</div>"
    )


def legend(rows: Iterable[tuple[str, str]]) -> None:
    """Names and colours of a chart's series, as many in a line as fit."""
    marks = "".join(f"<span><i style='background:{escape(colour)}'></i>{escape(name)}</span>" for name, colour in rows)
    st.html(f"<div class='pc-legend'>{marks}</div>")


def printed(sentences: Iterable[str]) -> None:
    """Sentences that only paper has: what stands in widgets on the screen."""
    st.html(f"<div class='pc-printed'>{'<br>'.join(escape(one) for one in sentences)}</div>")


def note(sentence: str) -> None:
    """A quiet line."""
    st.html(f"<div class='pc-note'>{escape(sentence)}</div>")


def link(label: str, address: str) -> None:
    """A link that looks like a button; ``address`` is on this server."""
    st.html(f"<a class='pc-button' href='{escape(address, quote=True)}' target='_self'>{escape(label)}</a>")


def problem(sentence: str) -> None:
    """What is wrong with the field above."""
    st.html(f"<div class='pc-problem' role='alert'>{escape(sentence)}</div>")


@dataclass(frozen=True)
class Note:
    """A line below a figure; ``exact`` appears on hover; ``tone``: up (good), down (bad), none."""

    text: str
    exact: str = ""
    tone: str = "none"


@dataclass(frozen=True)
class Figure:
    """One figure of the row at the top of a page.

    ``exact`` appears on hover. ``address`` leads to the report behind it, ``link_label`` says so.
    ``series`` draws a small line or bars; None in it is a gap.
    """

    key: str
    label: str
    value: str
    unit: str = ""
    exact: str = ""
    notes: Sequence[Note] = ()
    address: str = ""
    link_label: str = ""
    meaning: Meaning | None = None
    series: Sequence[float | None] = ()
    shape: str = "line"
    colour: str = "#1f5fe0"


def figures(row: Iterable[Figure]) -> None:
    """The row of figures, in one element so that it lays itself out on any width."""
    st.html("<div class='pc-ks'>" + "".join(_figure(figure) for figure in row) + "</div>")


def _figure(figure: Figure) -> str:
    exact = escape(figure.exact or f"{figure.value} {figure.unit}".strip(), quote=True)
    value = f"{escape(figure.value)}<small>{escape(figure.unit)}</small>"
    name = escape(f"{figure.label} {figure.value} {figure.unit} {figure.link_label}", quote=True)
    notes = "".join(
        f"<div class='f'><span class='{note.tone}' title='{escape(note.exact or note.text, quote=True)}'>"
        f"{escape(note.text)}</span></div>"
        for note in figure.notes
    )
    return (
        f"<div class='pc-k' data-figure='{escape(figure.key, quote=True)}' style='--k:{figure.colour}'>"
        f"<div class='l'><span>{escape(figure.label)}</span>{_mark(figure.meaning)}</div>"
        f"<div class='v' title='{exact}'>" + _linked(value, figure.address, f" aria-label='{name}'") + "</div>"
        f"{notes}{sparkline.image(figure.series, figure.shape, figure.colour)}</div>"
    )


@dataclass(frozen=True)
class Bar:
    """One row of a bar list: ``fill`` is 0…1 and more (drawn full, told exactly), None when not known."""

    label: str
    fill: float | None
    strong: str
    weak: str = ""
    colour: str = "#1f5fe0"
    address: str = ""


def bars(rows: Iterable[Bar]) -> None:
    """A list of labelled bars."""
    st.html("".join(_bar(row) for row in rows))


def _bar(row: Bar) -> str:
    width = 0.0 if row.fill is None else min(max(row.fill, 0.0), 1.0) * 100
    return (
        f"<div class='pc-bar'><span title='{escape(row.label, quote=True)}'>"
        f"{_linked(escape(row.label), row.address)}</span>"
        f"<i><b style='width:{width:.1f}%;background:{row.colour}'></b></i>"
        f"<span><b>{escape(row.strong)}</b> {escape(row.weak)}</span></div>"
    )


@dataclass(frozen=True)
class Part:
    """One part of a whole: its colour, name, amount and share."""

    colour: str
    label: str
    amount: str
    share: str


def parts(rows: Iterable[Part]) -> None:
    """The list beside a ring."""
    st.html(
        "".join(
            f"<div class='pc-part'><u style='background:{row.colour}'></u>"
            f"<span title='{escape(row.label, quote=True)}'>{escape(row.label)}</span>"
            f"<b>{escape(row.amount)}</b><em>{escape(row.share)}</em></div>"
            for row in rows
        )
    )


@dataclass(frozen=True)
class Event:
    """One line of a feed; ``tone`` is critical, warning, info or other."""

    tone: str
    badge: str
    subject: str
    sentence: str
    when: str


def feed(rows: Iterable[Event]) -> None:
    """Events, newest first as given."""
    st.html("<div class='pc-feed'>" + "".join(_event(row) for row in rows) + "</div>")


def _event(row: Event) -> str:
    whole = escape(f"{row.subject} {row.sentence}", quote=True)
    return (
        f"<div><span class='pc-badge {row.tone}'>{escape(row.badge)}</span>"
        f"<span class='m' title='{whole}'><b>{escape(row.subject)}</b>{escape(row.sentence)}</span>"
        f"<span class='t'>{escape(row.when)}</span></div>"
    )


def table(label: str, headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Rows of text to read; ``label`` is for screen readers, ``right`` are the columns with figures."""
    sides = ["r" if index in right else "l" for index in range(len(headings))]
    head = "".join(
        f"<th scope='col' class='{side}'>{escape(heading)}</th>" for side, heading in zip(sides, headings, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class='{side}' title='{escape(cell, quote=True)}'>{escape(cell)}</td>"
            for side, cell in zip(sides, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    st.html(
        f"<div class='pc-table' tabindex='0' role='region' aria-label='{escape(label, quote=True)}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


@dataclass(frozen=True)
class Fact:
    """A name and its value; an empty value is shown as a dash. ``tone`` colours it as a badge."""

    label: str
    value: str
    tone: str = ""


def facts(rows: Iterable[Fact]) -> None:
    """Names and values in as many columns as there is room for."""
    st.html("<dl class='pc-facts'>" + "".join(_fact(row) for row in rows) + "</dl>")


def _fact(row: Fact) -> str:
    value = escape(row.value) or "—"
    shown = f"<span class='pc-badge {escape(row.tone, quote=True)}'>{value}</span>" if row.tone else value
    return f"<div><dt>{escape(row.label)}</dt><dd>{shown}</dd></div>"


def title(text: str, below: str = "") -> None:
    """A page's title with a line below it."""
    st.html(
        f"<div class='pc-title' role='heading' aria-level='1'>{escape(text)}</div>"
        f"<div class='pc-sub'>{escape(below)}</div>"
    )


def menu_section(text: str) -> None:
    """The heading of a group of menu entries."""
    st.html(f"<div class='pc-section'>{escape(text)}</div>")


def empty(title: str, sentences: Sequence[str], cause: str = "", *, icon: str = "") -> None:
    """What a page shows when there is nothing (yet); text between back-ticks is set as code, ``cause`` stands last."""
    lines = "".join(f"<p>{_with_code(sentence)}</p>" for sentence in sentences)
    mark = f"<div class='pc-empty-mark {escape(icon, quote=True)}' aria-hidden='true'></div>" if icon else ""
    st.html(
        f"<div class='pc-empty' role='status'>{mark}<h3>{escape(title)}</h3>{lines}<small>{escape(cause)}</small></div>"
    )


def _with_code(sentence: str) -> str:
    pieces = sentence.split("`")
    return "".join(
        f"<code>{escape(piece)}</code>" if index % 2 else escape(piece) for index, piece in enumerate(pieces)
    )


def person(*, name: str, login: str, links: Sequence[tuple[str, str]], sign_out_label: str, form_token: str) -> None:
    """Who is signed in, links (label and local address), and the form that signs out."""
    anchors = "".join(
        f"<a href='{escape(address, quote=True)}' target='_self'>{escape(label)}</a>" for label, address in links
    )
    st.html(
        f"<div class='pc-who'>{escape(name)}<small>{escape(login)}</small></div>"
        f"<div class='pc-out'>{anchors}"
        "<form method='post' action='/auth/logout'>"
        f"<input type='hidden' name='form_token' value='{escape(form_token, quote=True)}'>"
        f"<button type='submit'>{escape(sign_out_label)}</button></form></div>"
    )


def foot(colour: str, state: str, sentences: Sequence[str]) -> None:
    """The line below a page: a coloured dot with a state, then what else is to be known."""
    rest = "".join(f"<span>{escape(sentence)}</span>" for sentence in sentences)
    st.html(f"<div class='pc-foot' style='--dot:{colour}'><span class='state'>{escape(state)}</span>{rest}</div>")
