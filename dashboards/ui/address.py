"""Filters that live in the address, so that a view can be reloaded, shared and bookmarked.

Belongs here: widgets bound to query parameters. Names are short and the same on every page (``q``, ``lot``, ``page``),
because they are what people see in the address. Streamlit's own binding writes labels instead of codes into the
address and carries values over to the next page, so the binding is ours: a widget starts with the address's value, and
each change writes it back; the usual value is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboards.context import Context
from warehouse.services.visible import LotName, lot_names

ALL = ""
PAGE = "page"
EARLIEST = date(2000, 1, 1)


def widget(name: str) -> str:
    """The widget's key: that of the name on this page."""
    context = get_script_run_ctx()
    return f"address_{context.page_script_hash if context else ''}_{name}"


def written(name: str) -> list[str]:
    """What the address says of ``name``; empty when nothing."""
    return list(st.query_params.get_all(name))


def names() -> list[str]:
    """Every name that the address has."""
    return list(st.query_params)


def write(name: str, values: Sequence[str]) -> None:
    """Put ``values`` into the address; none takes the name out."""
    if values:
        st.query_params[name] = list(values)
    elif name in st.query_params:
        del st.query_params[name]


def _start(name: str, value: Any) -> None:
    if widget(name) not in st.session_state:
        st.session_state[widget(name)] = value


def _changed(name: str, as_written: Callable[[Any], Sequence[str]]) -> None:
    write(name, as_written(st.session_state[widget(name)]))
    if name != PAGE:
        forget_page()


def forget_page() -> None:
    """A new filter begins at its first page."""
    st.session_state.pop(widget(PAGE), None)
    write(PAGE, [])


def forget(names: Sequence[str]) -> None:
    """Set filters back to the usual: widgets and address."""
    for name in (*names, PAGE):
        st.session_state.pop(widget(name), None)
        write(name, [])


def search(context: Context, name: str = "q", label: str | None = None) -> str:
    """A search box; text without blanks around it."""
    return text(name, label or context.text("grid.search"), kind="search")


def text(
    name: str, label: str, *, kind: Any = "default", help_text: str | None = None, label_visibility: Any = "collapsed"
) -> str:
    """A line of text; "" when empty."""
    _start(name, (written(name) or [""])[0][:80])
    return str(
        st.text_input(
            label,
            key=widget(name),
            type=kind,
            max_chars=80,
            placeholder=label,
            help=help_text,
            label_visibility=label_visibility,
            on_change=_changed,
            args=(name, lambda value: [value.strip()] if value and value.strip() else []),
        )
        or ""
    ).strip()


def choice(
    context: Context,
    name: str,
    label: str,
    options: Mapping[str, str],
    *,
    everything: str | None = None,
    usual: str = ALL,
    label_visibility: Any = "collapsed",
) -> str:
    """One of ``options`` (code to label).

    Without ``usual`` there is one more, "": all, labelled ``everything``; an address with an unknown code means that.
    """
    shown = dict(options)
    if usual == ALL:
        shown = {ALL: everything or f"{label}: {context.text('form.all')}", **shown}
    start = (written(name) or [usual])[0]
    _start(name, start if start in shown else usual)
    if st.session_state[widget(name)] not in shown:  # the options changed meanwhile
        st.session_state[widget(name)] = usual
    return str(
        st.selectbox(
            label,
            list(shown),
            format_func=lambda code: shown.get(code, code),
            key=widget(name),
            label_visibility=label_visibility,
            on_change=_changed,
            args=(name, lambda value: [value] if value and value != usual else []),
        )
    )


def choices(
    name: str,
    label: str,
    options: Mapping[str, str],
    *,
    placeholder: str | None = None,
    usual: Sequence[str] = (),
    label_visibility: Any = "collapsed",
) -> list[str]:
    """Several of ``options`` (code to label), in their order; codes of the address that are no option are left out."""
    _start(name, [code for code in written(name) if code in options] or list(usual))
    st.session_state[widget(name)] = [code for code in st.session_state[widget(name)] if code in options]
    return list(
        st.multiselect(
            label,
            list(options),
            format_func=lambda code: options.get(code, code),
            placeholder=placeholder or label,
            key=widget(name),
            label_visibility=label_visibility,
            on_change=_changed,
            args=(name, lambda value: [] if list(value) == list(usual) else list(value)),
        )
    )


def switch(name: str, label: str, options: Mapping[str, str], usual: str) -> str:
    """One of a few ``options``, side by side."""
    start = (written(name) or [usual])[0]
    _start(name, start if start in options else usual)
    return str(
        st.segmented_control(
            label,
            list(options),
            required=True,
            format_func=lambda code: options[code],
            key=widget(name),
            label_visibility="collapsed",
            on_change=_changed,
            args=(name, lambda value: [value] if value and value != usual else []),
        )
        or usual
    )


def days(name: str, label: str, usual: tuple[date, date]) -> tuple[date, date]:
    """First and last day of a range, both included."""
    _start(name, _days_of(written(name)) or usual)
    chosen = st.date_input(
        label,
        format="YYYY-MM-DD",
        key=widget(name),
        label_visibility="collapsed",
        min_value=EARLIEST,
        max_value=_latest(),
        on_change=_changed,
        args=(name, lambda value: [day.isoformat() for day in (value[0], value[-1])] if value else []),
    )
    # Between the two clicks of choosing a range there is only its first day.
    found = chosen if isinstance(chosen, tuple) else (chosen,)
    return (found[0], found[-1]) if found and found[0] is not None else usual


def _days_of(values: Sequence[str]) -> tuple[date, date] | None:
    try:
        found = [date.fromisoformat(value) for value in values[:2]]
    except ValueError:
        return None
    return (found[0], found[-1]) if found and EARLIEST <= found[0] <= found[-1] <= _latest() else None


def _latest() -> date:
    return date.today() + timedelta(days=366)  # noqa: DTZ011 - a bound, a day more or less does not matter


def clock_time(name: str, label: str, step: timedelta) -> time | None:
    """A time of day; None when not set."""
    try:
        start = time.fromisoformat((written(name) or [""])[0]).replace(tzinfo=None)
    except ValueError:
        start = None
    _start(name, start)
    return st.time_input(
        label,
        step=step,
        key=widget(name),
        label_visibility="collapsed",
        on_change=_changed,
        args=(name, lambda value: [f"{value:%H:%M}"] if value is not None else []),
    )


def page_number() -> int:
    """The page asked for, from 1."""
    value = st.session_state.get(widget(PAGE)) or (written(PAGE) or ["1"])[0]
    try:
        return max(1, int(value))
    except (TypeError, ValueError):
        return 1


def paging(pages: int) -> None:
    """Numbers to go to a page; nothing when there is one only."""
    if pages <= 1:
        return
    here = page_number()
    if here > pages:
        here = pages
        st.session_state.pop(widget(PAGE), None)
    st.pagination(
        pages,
        default=here if widget(PAGE) not in st.session_state else 1,
        key=widget(PAGE),
        on_change=_changed,
        args=(PAGE, lambda value: [str(value)] if value and value != 1 else []),
    )


def lot_choice(context: Context, *, with_all: bool = True) -> LotName | None:
    """One of the visitor's lots, by its code in ``?lot=``; None means all, or without ``with_all`` that none exists."""
    lots = {lot.code: lot for lot in lot_names(context.settings, context.actor)}
    names = {
        code: f"{lot.name}（{code}）" if context.language == "zh" else f"{lot.name} ({code})"
        for code, lot in lots.items()
    }
    if not with_all and not lots:
        return None
    usual = ALL if with_all else next(iter(names))
    chosen = choice(
        context, "lot", context.text("grid.lot"), names, everything=context.text("grid.all_lots"), usual=usual
    )
    return lots.get(chosen)
