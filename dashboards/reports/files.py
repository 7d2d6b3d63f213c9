"""A report's whole filter as a file.

Belongs here: the download buttons and making CSV and Excel files. Figures and rows are the report's own.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboards import instance
from dashboards.context import Context
from warehouse.reports import access
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.export import write_csv
from warehouse.reports.workbook import write_xlsx
from warehouse.security.permissions import EXPORT


def buttons(context: Context, report: str, result: ReportResult, asked: Mapping[str, Any]) -> None:
    """The two downloads, for those who may export."""
    permission = access.permission_of(find(report), EXPORT)
    order = {"sort": result.question.values.get("sort")} if result.question.values.get("sort") else {}
    name = f"{result.report.title(context.language)}_{result.data_as_of:%Y%m%d%H%M}"
    given = dict(asked) | order
    context.download("CSV", f"{name}.csv", permission, lambda one: csv_file(one, report, given), key="report_csv")
    context.download(
        "Excel",
        f"{name}.xlsx",
        permission,
        lambda one: xlsx_file(one, report, given),
        key="report_xlsx",
        icon=":material/table_view:",
    )


def csv_file(context: Context, report: str, asked: Mapping[str, Any]) -> bytes:
    """The whole filter as CSV for Excel: UTF-8 with a byte-order mark, formulas made harmless."""
    text = io.StringIO(newline="")
    with access.export(
        find(report), instance.reader(), context.settings, context.actor, asked, context.language
    ) as whole:
        write_csv(text, whole.result, whole.batches, for_excel=True)
    return text.getvalue().encode("utf-8-sig")


def xlsx_file(context: Context, report: str, asked: Mapping[str, Any]) -> bytes:
    """The whole filter as a workbook."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.xlsx"
        with access.export(
            find(report), instance.reader(), context.settings, context.actor, asked, context.language
        ) as whole:
            write_xlsx(path, whole.result, whole.batches)
        return path.read_bytes()
