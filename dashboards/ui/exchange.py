"""Taking lists out and putting them in, as a drawer that any page opens with one call.

Belongs here: the button, the downloads, the upload with its trial, its problems and its result. Does not belong here:
what is in the tables and how they are read (``warehouse.services.exchange``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import pyarrow as pa
import streamlit as st

from dashboards.context import Context, flash
from dashboards.ui import cards
from warehouse.errors import ParkError
from warehouse.security.permissions import EDIT, EXPORT
from warehouse.services import exchange
from warehouse.services.exchange import ImportReport
from warehouse.services.exchange_files import FORMATS, LARGEST_FILE
from warehouse.services.exchange_sheet import Sheet

SHOWN_PROBLEMS = 200
_REPORT = "exchange_report"
_DONE = "exchange_done"


def buttons(context: Context, sheet_name: str, *, lot_id: int | None = None) -> None:
    """The button that opens the drawer; nothing without the permission ``edit`` or ``export``.

    Args:
        context: who looks.
        sheet_name: a table of ``warehouse.services.exchange``.
        lot_id: of a table that is per lot.
    """
    sheet = exchange.find_sheet(sheet_name)
    if not any(context.allows(f"{sheet.menu}.{action}") for action in (EDIT, EXPORT)):
        return
    if st.button(context.text("exchange.open"), icon=":material/swap_vert:", key=f"exchange_{sheet_name}_open"):
        st.session_state.pop(_REPORT, None)
        st.session_state.pop(_DONE, None)
        st.session_state["exchange_round"] = st.session_state.get("exchange_round", 0) + 1
        context.dialog(
            context.text("exchange.title", name=sheet.title(context.language)),
            lambda renewed: _draw(renewed, sheet, lot_id),
            width="large",
            drawer=True,
        )


def _draw(context: Context | None, sheet: Sheet, lot_id: int | None) -> None:
    if context is None:
        return
    if context.allows(f"{sheet.menu}.{EXPORT}"):
        _take_out(context, sheet, lot_id)
    if context.allows(f"{sheet.menu}.{EDIT}"):
        _put_in(context, sheet, lot_id)


def _files(context: Context, name: str, label: str, permission: str, build: Callable[[Context, str], bytes]) -> None:
    """One download button for each format of file."""
    with st.container(horizontal=True):
        for file_format in FORMATS:
            context.download(
                f"{label} {file_format.upper()}",
                f"{name}.{file_format}",
                permission,
                _in_format(build, file_format),
                key=f"exchange_{name}_{file_format}",
            )


def _in_format(build: Callable[[Context, str], bytes], file_format: str) -> Callable[[Context], bytes]:
    return lambda renewed: build(renewed, file_format)


def _take_out(context: Context, sheet: Sheet, lot_id: int | None) -> None:
    cards.heading(context.text("exchange.out"))
    _files(
        context,
        sheet.name,
        context.text("exchange.all"),
        f"{sheet.menu}.{EXPORT}",
        lambda renewed, file_format: exchange.export_file(
            renewed.settings, renewed.actor, sheet, file_format, renewed.language, lot_id=lot_id
        ),
    )


def _put_in(context: Context, sheet: Sheet, lot_id: int | None) -> None:
    text, edit = context.text, f"{sheet.menu}.{EDIT}"
    cards.heading(text("exchange.in"))
    done: ImportReport | None = st.session_state.get(_DONE)
    if done is not None:
        _tell(context, sheet, done)
        return
    _files(
        context,
        f"{sheet.name}-template",
        text("exchange.template"),
        edit,
        lambda renewed, file_format: exchange.template_file(sheet, file_format, renewed.language),
    )
    cards.note(text("exchange.how", size=LARGEST_FILE // 1024 // 1024))
    # Streamlit's uploader knows English only; the style sheet puts our words in its place, by the container's key.
    with st.container(key=f"exchange_upload_{context.language}"):
        uploaded = st.file_uploader(
            text("exchange.file"),
            list(FORMATS),
            key=f"exchange_{sheet.name}_file_{st.session_state.get('exchange_round', 0)}",
            label_visibility="collapsed",
        )
    if uploaded is None:
        return
    content = uploaded.getvalue()
    try:
        report = _trial(context, sheet, lot_id, uploaded.name, content)
    except ParkError as error:
        cards.notice("bad", text("exchange.unreadable"), error.text(context.language))
        return
    _show(context, sheet, report)
    _apply_button(context, sheet, lot_id, uploaded.name, content, report)


def _trial(context: Context, sheet: Sheet, lot_id: int | None, file_name: str, content: bytes) -> ImportReport:
    """The trial of this file, made once however often the drawer is drawn."""
    key = (sheet.name, lot_id, file_name, hashlib.sha256(content).hexdigest(), context.actor.operator_id)
    known = st.session_state.get(_REPORT)
    if known is None or known[0] != key:
        with st.spinner(context.text("exchange.checking")):
            report = exchange.try_file(context.settings, context.actor, sheet, file_name, content, lot_id=lot_id)
        known = st.session_state[_REPORT] = (key, report)
    found: ImportReport = known[1]
    return found


def _show(context: Context, sheet: Sheet, report: ImportReport) -> None:
    text = context.text
    cards.figures(
        cards.Figure(key=f"exchange_{name}", label=text(f"exchange.{name}"), value=f"{count:,}", colour=colour)
        for name, count, colour in (
            ("new", report.new, "#067647"),
            ("changed", report.changed, "#1f5fe0"),
            ("unchanged", report.unchanged, "#5f6b7e"),
            ("wrong", report.wrong, "#b42318"),
        )
    )
    if report.unknown_headings:
        cards.notice("plain", text("exchange.ignored"), "、".join(report.unknown_headings[:20]))
    if not report.problems:
        return
    headings = {column.field: column.heading(context.language) for column in sheet.columns}
    rows = [
        (str(found.line), headings.get(found.field, found.field), found.value, found.text(context.language))
        for found in report.problems[:SHOWN_PROBLEMS]
    ]
    _table(context, rows)
    if len(report.problems) > SHOWN_PROBLEMS:
        cards.note(text("exchange.more_problems", shown=SHOWN_PROBLEMS, count=f"{len(report.problems):,}"))
    _files(
        context,
        f"{sheet.name}-problems",
        text("exchange.problems"),
        f"{sheet.menu}.{EDIT}",
        lambda renewed, file_format: exchange.problems_file(sheet, report, file_format, renewed.language),
    )


def _table(context: Context, rows: Sequence[tuple[str, str, str, str]]) -> None:
    names = ("line", "column", "value", "problem")
    shown = pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )
    widths = {"line": 60, "column": 120, "value": 140, "problem": "large"}
    st.dataframe(
        shown,
        hide_index=True,
        height=min(10, len(rows) + 1) * 35 + 3,
        column_config={
            name: st.column_config.TextColumn(context.text(f"exchange.column_{name}"), width=widths[name])  # type: ignore[arg-type]
            for name in names
        },
        alt=context.text("exchange.problems"),
    )


def _apply_button(
    context: Context, sheet: Sheet, lot_id: int | None, file_name: str, content: bytes, report: ImportReport
) -> None:
    text = context.text
    if not report.can_be_applied:
        cards.notice("plain", text("exchange.nothing_to_do"))
        return
    skip = False
    if report.wrong:
        skip = st.checkbox(text("exchange.skip", count=f"{report.wrong:,}"), key=f"exchange_{sheet.name}_skip")
    pressed = st.button(
        text("exchange.apply", count=f"{report.new + report.changed:,}"),
        type="primary",
        disabled=bool(report.wrong) and not skip,
        key=f"exchange_{sheet.name}_apply",
        width="stretch",
    )
    if not pressed:
        return
    with st.spinner(text("exchange.writing")):
        done = exchange.import_file(
            context.settings, context.actor, sheet, file_name, content, lot_id=lot_id, skip_wrong=skip
        )
    st.session_state.pop(_REPORT, None)
    if done.is_applied:
        st.session_state[_DONE] = done
    else:
        # Somebody changed something since the trial: show what is wrong now.
        key = (sheet.name, lot_id, file_name, hashlib.sha256(content).hexdigest(), context.actor.operator_id)
        st.session_state[_REPORT] = (key, done)
    st.rerun(scope="fragment")


def _tell(context: Context, sheet: Sheet, done: ImportReport) -> None:
    text = context.text
    sentence = text(
        "exchange.done", new=f"{done.new:,}", changed=f"{done.changed:,}", unchanged=f"{done.unchanged:,}",
        wrong=f"{done.wrong:,}",
    )  # fmt: skip
    cards.notice("plain", text("exchange.applied"), sentence)
    _show(context, sheet, done)
    if done.results:
        cards.notice("bad", text("exchange.results_once"), text("exchange.results_why", count=f"{len(done.results):,}"))
        _files(
            context,
            f"{sheet.name}-results",
            text("exchange.results"),
            f"{sheet.menu}.{EDIT}",
            lambda renewed, file_format: exchange.result_file(sheet, done, file_format, renewed.language),
        )
    if st.button(text("exchange.close"), type="primary", key=f"exchange_{sheet.name}_close", width="stretch"):
        st.session_state.pop(_DONE, None)
        flash(sentence)
        st.rerun()
