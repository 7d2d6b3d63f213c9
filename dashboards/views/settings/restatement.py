"""数据追溯: what moved in a report between two moments, and through which records.

Belongs here: the order of things on the page. Does not belong here: choosing (dashboards.restatement.choosing), waiting
for recomputations (dashboards.restatement.work) and the difference itself (``warehouse.reports.difference``).
"""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards import instance
from dashboards.context import Context
from dashboards.frame import View
from dashboards.restatement import choosing, table
from dashboards.restatement.work import moments
from dashboards.ui import address, cards
from warehouse.errors import Forbidden, ParkError
from warehouse.reports import access, restatement
from warehouse.reports.base import Report
from warehouse.reports.difference import Difference, Pair, compare, want_both
from warehouse.reports.known import Wanted

VIEW = View("restatement", ":material/published_with_changes:")
ROWS_OF_PAGE = 25
EVERY_SECONDS = 1.5
RECOMPUTE = "recompute"


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    context.publication()  # before anything is drawn: without one the frame has its own page
    cards.title(text("menu.restatement"), text("restatement.below"))
    offered = choosing.reports(context)
    if not offered or not context.lots():
        cards.empty(text("report.no_lots"), [text("report.no_lots_why")])
        return
    kept = moments().kept(context.publication().snapshot_id)
    try:
        with st.container(horizontal=True, key="report_filters", vertical_alignment="bottom"):
            with st.container(width=230):
                report = choosing.report_of(context, offered)
            asked = choosing.asked_of(context, report)
        with st.container(horizontal=True, key="restatement_moments", vertical_alignment="bottom"):
            _, before = choosing.moment_of(context, "a", kept, choosing.usual_first(kept, context.now))
            _, after = choosing.moment_of(context, "b", kept, choosing.NOW)
        pair = want_both(report, instance.reader(), moments().known, context.actor, asked, before, after)
    except Forbidden:
        raise
    except ParkError as error:
        cards.notice("bad", text("report.wrong"), error.text(context.language))
        return
    recompute = address.written(RECOMPUTE) == ["yes"]
    missing = moments().missing(pair, recompute=recompute)
    if missing:
        _wait(context, missing, recompute=recompute)
    else:
        _answer(context, report, pair, recompute=recompute)


def _find(context: Context, pair: Pair, *, recompute: bool) -> Difference:
    key = (
        recompute,
        pair.after.report.name,
        tuple(sorted((name, str(value)) for name, value in pair.parameters.items())),
        tuple((wanted.moment.raw_to, wanted.moment.publication) for wanted in (pair.before, pair.after)),
        context.actor.scope.lot_ids,
        context.actor.allows(access.WHOLE_PLATES),
        context.language,
    )
    return moments().difference(key, lambda: compare(pair, moments().known, context.actor, context.language))


def _answer(context: Context, report: Report, pair: Pair, *, recompute: bool) -> None:
    text = context.text
    try:
        found = _find(context, pair, recompute=recompute)
    except Forbidden:
        raise
    except ParkError as error:
        cards.notice("bad", text("report.wrong"), error.text(context.language))
        if error.code == "moment_unreadable" and not recompute:
            st.button(text("restatement.rebuild"), key="restatement_rebuild", on_click=_recompute)
        return
    about = restatement.about(found, ZoneInfo(context.settings.schedule_time_zone))
    cards.printed(about)
    _figures(context, found)
    groups = table.grouped(found)
    with cards.card("restatement", report.title(context.language)):
        with st.container(horizontal=True, key="report_bar_restatement", vertical_alignment="center"):
            cards.note(text("restatement.count", rows=f"{len(groups):,}", cells=f"{len(found.moved):,}"))
            for file_format, label in (("csv", "CSV"), ("xlsx", "Excel")):
                name = f"{report.title(context.language)}_diff.{file_format}"
                build = partial(_file, pair=pair, file_format=file_format, recompute=recompute)
                _download(context, file_format, label, name, build)
        if not groups:
            cards.nothing(text("restatement.nothing"))
        pages = max(1, math.ceil(len(groups) / ROWS_OF_PAGE))
        first = (min(address.page_number(), pages) - 1) * ROWS_OF_PAGE
        table.draw(context, found, groups[first : first + ROWS_OF_PAGE])
        address.paging(pages)
    for sentence in about:
        cards.note(sentence)


def _figures(context: Context, found: Difference) -> None:
    language, words = context.language, restatement.words_of(context.language)
    rows = [
        (
            column.header(language),
            table.plain(column, before, language),
            table.plain(column, after, language),
            table.signed(column, gap, language),
        )
        for column, before, after, gap in found.totals()
        if before != after
    ]
    if rows:
        with cards.card("restatement_totals", context.text("restatement.totals"), context.text("restatement.proven")):
            heads = [words[key] for key in ("column", "before", "after", "difference")]
            cards.table(context.text("restatement.totals"), heads, rows, right=(1, 2, 3))


def _recompute() -> None:
    address.write(RECOMPUTE, ["yes"])


def _download(context: Context, file_format: str, label: str, name: str, build: Callable[[Context], bytes]) -> None:
    icon = ":material/download:" if file_format == "csv" else ":material/table_view:"
    context.download(label, name, restatement.EXPORT, build, key=f"restatement_{file_format}", icon=icon)


def _file(context: Context, *, pair: Pair, file_format: str, recompute: bool) -> bytes:
    # Asked anew: the right to one of the lots may be gone since the page was drawn.
    moments_of = (pair.before.moment.asked, pair.after.moment.asked)
    again = want_both(
        pair.after.report, instance.reader(), moments().known, context.actor, pair.parameters, *moments_of
    )
    found = _find(context, again, recompute=recompute)
    restatement.note_export(context.settings, context.actor, found)
    if file_format == "csv":
        target = io.StringIO(newline="")
        restatement.write_csv(target, found, for_excel=True)
        return target.getvalue().encode("utf-8-sig")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "difference.xlsx"
        restatement.write_xlsx(path, found)
        return path.read_bytes()


def _wait(context: Context, missing: list[Wanted], *, recompute: bool) -> None:
    text = context.text
    failed = [state.error for wanted in missing if (state := moments().building(wanted)) and state.error is not None]
    if failed:
        for error in failed:
            cards.notice("bad", text("restatement.failed"), error.text(context.language))
    elif any(moments().building(wanted) is not None for wanted in missing):
        context.fragment(partial(_progress, missing=missing), run_every=EVERY_SECONDS)
        return
    else:
        cards.empty(text("restatement.needed"), [text("restatement.needed_why"), text("restatement.needed_how")])
    if st.button(text("restatement.build"), icon=":material/build_circle:", key="restatement_build", type="primary"):
        try:
            for wanted in missing:
                moments().forget(wanted)
                moments().start(wanted, recompute=recompute)
        except ParkError as error:
            cards.notice("bad", text("restatement.failed"), error.text(context.language))
            return
        st.rerun()


def _progress(context: Context, *, missing: list[Wanted]) -> None:
    states: list[Any] = [moments().building(wanted) for wanted in missing]
    if all(state is None or state.is_over for state in states):
        st.rerun()
    for wanted, state in zip(missing, states, strict=True):
        if state is not None and not state.is_over:
            zone = ZoneInfo(context.settings.schedule_time_zone)
            asked = f"{wanted.moment.asked.astimezone(zone):%Y-%m-%d %H:%M:%S}"
            st.progress(state.share, context.text("restatement.building", time=asked, share=f"{state.share:.0%}"))
    cards.note(context.text("restatement.may_leave"))
