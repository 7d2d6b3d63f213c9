"""One's own exports, on every page that can make some.

Belongs here: the list with progress, links, cancelling. Does not belong here: ordering one (dashboards.reports.files).
"""

from __future__ import annotations

import streamlit as st

from dashboards.context import Context
from dashboards.exports.jobs import Export, exports
from dashboards.ui import cards

EVERY_SECONDS = 2.0


def draw(context: Context) -> None:
    """A popover with one's own exports; nothing when there are none."""
    mine = exports().of(context.actor.operator_id)
    if mine:
        # Asked again and again only while something is under way.
        context.fragment(_list, run_every=EVERY_SECONDS if any(one.is_open for one in mine) else None)


def _list(context: Context) -> None:
    with st.popover(context.text("exports.mine"), icon=":material/download_for_offline:"):
        found = exports().of(context.actor.operator_id)
        if not found:
            cards.nothing(context.text("exports.none"))
        for one in found:
            _one(context, one)
        cards.note(context.text("exports.kept"))


def _one(context: Context, one: Export) -> None:
    text = context.text
    with st.container(key=f"export_{one.job_id}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            cards.note(f"{one.title} · {one.file_format.upper()}")
            if one.state == "done":
                cards.link(text("exports.fetch", size=_size(one.size)), one.address)
            label = text("exports.cancel" if one.is_open else "exports.forget")
            if st.button(label, key=f"export_end_{one.job_id}", type="tertiary"):
                exports().cancel(context.actor.operator_id, one.job_id)
                st.rerun(scope="fragment")
        if one.is_open:
            share = min(one.rows / one.row_count, 1.0) if one.row_count else 0.0
            said = text(f"exports.{one.state}", rows=f"{one.rows:,}", of=f"{one.row_count:,}")
            st.progress(share, said)
        elif one.state == "failed" and one.error is not None:
            cards.problem(one.error.text(context.language))
        elif one.state == "cancelled":
            cards.note(text("exports.cancelled"))


def _size(size: int) -> str:
    return f"{size / 1_048_576:.1f} MB" if size >= 104_858 else f"{max(size / 1024, 0.1):.1f} KB"
