"""SQL 查询: analysts ask the published marts themselves, within their lots and within limits.

Belongs here: editor, run and cancel, the answer. Lists beside it are in ``sql_lists``. Does not belong here: what may
be run and on which file (``warehouse.analysts``).
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Final

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.sql import editor
from dashboards.sql.desk import Running, queries
from dashboards.ui import address, cards, grid
from dashboards.views.settings import sql_lists
from warehouse.analysts import desk
from warehouse.analysts.running import Result
from warehouse.errors import ParkError
from warehouse.services.listing import Found, ListQuery

VIEW = View("sql", ":material/database:")
_PATIENCE: Final = 1.5
_EVERY: Final = 0.7
_LONGEST_CELL: Final = 2000
_PROBLEM: Final = "sql_problem"


def render(context: Context) -> None:
    """Draw the page."""
    text, settings = context.text, context.settings
    context.publication()
    cards.title(
        text("menu.sql"),
        text("sql.below", days=settings.analysts_detail_days, seconds=settings.sql_seconds,
             rows=f"{settings.sql_rows:,}", memory=settings.sql_memory),
    )  # fmt: skip
    left, right = st.columns([1, 2.6], gap="medium")
    with right:
        with cards.card("sql_editor"):
            _editor(context)
        with cards.card("sql_answer", text("sql.answer")):
            _answer(context)
        with cards.card("sql_past", text("sql.past")):
            sql_lists.past(context)
    with left:
        with cards.card("sql_kept", text("sql.kept")):
            sql_lists.kept(context)
        with cards.card("sql_tables", text("sql.tables")):
            sql_lists.tables(context)


def _editor(context: Context) -> None:
    text = context.text
    editor.draw(context, lambda: _run(context))
    running = queries().of(context.actor)
    is_running = running is not None and not running.over.is_set()
    with st.container(horizontal=True, key="sql_buttons", vertical_alignment="center"):
        if st.button(text("sql.run"), type="primary", icon=":material/play_arrow:", key="sql_run", disabled=is_running):
            _run(context)
            st.rerun()
        if st.button(text("sql.cancel"), icon=":material/stop:", key="sql_cancel", disabled=not is_running):
            queries().cancel(context.actor)
            if running is not None:
                running.over.wait(_PATIENCE)
            st.rerun()
        sql_lists.keep_button(context)
        cards.note(text("sql.keys"))
    problem = st.session_state.pop(_PROBLEM, None)
    if isinstance(problem, ParkError):
        cards.notice("bad", text("sql.refused"), problem.text(context.language))


def _run(context: Context) -> None:
    written = editor.text()
    if not written.strip():
        return
    address.forget_page()
    try:
        started = queries().start(context.actor, written)
    except ParkError as error:
        st.session_state[_PROBLEM] = error
        return
    # Most answers come at once: no need to draw the waiting first.
    started.over.wait(_PATIENCE)


def _answer(context: Context) -> None:
    text = context.text
    running = queries().of(context.actor)
    if running is None:
        cards.nothing(text("sql.none_yet"))
    elif not running.over.is_set():
        context.fragment(_waiting, run_every=_EVERY)
    elif running.error is not None:
        cards.notice("bad", text("sql.ended"), running.error.text(context.language))
    elif running.answer is not None:
        _rows(context, running, running.answer)


def _waiting(context: Context) -> None:
    running = queries().of(context.actor)
    if running is None or running.over.is_set():
        st.rerun()
    assert running is not None
    seconds = (datetime.now(UTC) - running.began).total_seconds()
    most = context.settings.sql_seconds
    st.progress(min(seconds / most, 1.0), context.text("sql.running", seconds=f"{seconds:.0f}", most=most))


def _rows(context: Context, running: Running, answer: desk.Answer) -> None:
    text, result = context.text, answer.result
    count = f"{len(result.rows):,}"
    said = text("sql.cut" if result.is_cut else "sql.found", rows=count, seconds=f"{result.seconds:.2f}")
    with st.container(horizontal=True, key="sql_said", vertical_alignment="center"):
        cards.note(said)
        as_of = f"{answer.data_as_of:%Y-%m-%d %H:%M}" if answer.data_as_of is not None else "—"
        cards.note(text("sql.as_of", as_of=as_of, snapshot=answer.snapshot_id))
        context.download(text("sql.csv"), "query.csv", desk.TAKE_OUT, _csv, key="sql_csv")
    if [column.name for column in result.columns][:1] == ["explain_key"]:
        st.code("\n".join(row[1] or "" for row in result.rows), language=None)
        return
    columns = [
        grid.Column(f"c{place}", column.name, right=column.is_number) for place, column in enumerate(result.columns)
    ]
    if not columns:
        cards.nothing(text("sql.no_columns"))
        return
    query = ListQuery(search="-", page=address.page_number(), size=100)
    grid.table(
        context,
        "sql_rows",
        columns,
        Found(_page(result, query), len(result.rows)),
        query,
        lambda row: (running.began.isoformat(), row.place),
        name=text("sql.answer"),
    )


def _page(result: Result, query: ListQuery) -> list[SimpleNamespace]:
    first = (query.page - 1) * query.size
    return [
        SimpleNamespace(
            place=first + place,
            **{f"c{at}": None if value is None else value[:_LONGEST_CELL] for at, value in enumerate(row)},
        )
        for place, row in enumerate(result.rows[first : first + query.size])
    ]


def _csv(renewed: Context) -> bytes:
    running = queries().of(renewed.actor)
    if running is None or running.answer is None:
        raise ParkError(zh="结果已不在：请重新运行查询", en="the answer is gone: run the query again")
    target = io.StringIO(newline="")
    desk.write_csv(target, running.answer.result, for_excel=True)
    desk.note_taken_out(renewed.settings, renewed.actor, running.answer.result, running.sql)
    return target.getvalue().encode("utf-8-sig")
