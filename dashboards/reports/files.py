"""A report's whole filter as a file.

Belongs here: the download buttons: small files at once, large ones in the background, those that a format cannot
hold with the reason. Does not belong here: making files (``warehouse.reports.files``). Figures and rows are the
report's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards import instance
from dashboards.context import Context
from dashboards.exports import popover
from dashboards.exports.jobs import exports
from dashboards.exports.worker import Order
from warehouse.errors import ParkError
from warehouse.reports import access
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.files import FORMATS, check_file, file_name, write_file
from warehouse.security.permissions import EXPORT

AT_ONCE: Final = 20_000
"""Rows up to which a file is made while the browser waits."""

_LABELS: Final = {"csv": "CSV", "xlsx": "Excel", "pdf": "PDF"}
_ICONS: Final = {"csv": ":material/download:", "xlsx": ":material/table_view:", "pdf": ":material/picture_as_pdf:"}


def buttons(context: Context, report: str, result: ReportResult, asked: Mapping[str, Any]) -> None:
    """The downloads, for those who may export, and what they have under way."""
    permission = access.permission_of(find(report), EXPORT)
    if not context.allows(permission):
        return
    for file_format in FORMATS:
        _button(context, report, result, dict(asked), file_format, permission)
    popover.draw(context)


def _button(
    context: Context, report: str, result: ReportResult, asked: dict[str, Any], file_format: str, permission: str
) -> None:
    key, label, icon = f"report_{file_format}", _LABELS[file_format], _ICONS[file_format]
    name = file_name(result, file_format)
    try:
        check_file(file_format, result)
    except ParkError as error:
        st.button(label, key=key, icon=icon, disabled=True, help=error.text(context.language))
        return
    if result.row_count <= AT_ONCE:
        context.download(label, name, permission, _builder(report, asked, file_format), key=key, icon=icon)
    elif st.button(label, key=key, icon=icon, help=context.text("exports.large", rows=f"{result.row_count:,}")):
        _order(context, report, result, asked, file_format, permission)


def _builder(report: str, asked: Mapping[str, Any], file_format: str) -> Callable[[Context], bytes]:
    return lambda renewed: file_bytes(renewed, report, asked, file_format)


def file_bytes(context: Context, report: str, asked: Mapping[str, Any], file_format: str) -> bytes:
    """The whole filter as one file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"report.{file_format}"
        with access.export(
            find(report), instance.reader(), context.settings, context.actor, asked, context.language
        ) as whole:
            write_file(path, file_format, whole.result, whole.batches)
        return path.read_bytes()


def _order(
    context: Context, report: str, result: ReportResult, asked: dict[str, Any], file_format: str, permission: str
) -> None:
    assert context.actor.operator_id is not None
    order = Order(
        operator_id=context.actor.operator_id,
        address=context.actor.address,
        report=report,
        parameters=asked,
        language=context.language,
        file_format=file_format,
        path="",
    )
    try:
        exports().order(
            order,
            title=result.report.title(context.language),
            file_name=file_name(result, file_format),
            permission=permission,
            row_count=result.row_count,
        )
    except ParkError as error:
        st.toast(error.text(context.language), icon=":material/error:")
        return
    st.toast(context.text("exports.ordered"), icon=":material/hourglass_top:")
