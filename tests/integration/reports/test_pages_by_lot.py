"""Pages that are computed from their own lots are, one after the other, the whole report."""

from __future__ import annotations

from typing import Any

import pytest

from warehouse.lake.reader import Reader, Row
from warehouse.reports.base import run, stream
from warehouse.reports.catalogue import REPORTS
from warehouse.reports.table import TableReport
from warehouse.security.scope import EVERYTHING, Scope

BY_LOT = [report for report in REPORTS.values() if isinstance(report, TableReport) and report.by_lot]


@pytest.mark.parametrize("report", BY_LOT, ids=[report.name for report in BY_LOT])
@pytest.mark.parametrize(
    ("scope", "given"),
    [
        (EVERYTHING, {}),
        (Scope(frozenset({1, 21})), {}),
        (EVERYTHING, {"number": "01"}),
        (EVERYTHING, {"number": "none"}),
    ],
    ids=["all", "two lots", "one number", "nothing"],
)
def test_page_by_page_is_the_whole_report(
    reader: Reader, report: TableReport, scope: Scope, given: dict[str, Any]
) -> None:
    with stream(report, reader, scope, given) as opened:
        whole: list[Row] = [row for batch in opened.batches for row in batch]
    for size in (1, 2, 3, 7):
        count = -(-len(whole) // size)
        asked = [run(report, reader, scope, {**given, "size": size, "page": number + 1}) for number in range(count + 2)]
        assert [row for page in asked for row in page.rows] == whole
        assert {page.row_count for page in asked} == {len(whole)}
        assert all(len(page.rows) == size for page in asked[: max(0, count - 1)])


def test_there_are_such_reports_and_their_pages_hold_several_lots(reader: Reader) -> None:
    assert len(BY_LOT) == 5
    rows = run(next(report for report in BY_LOT if report.name == "gate-controllers"), reader, EVERYTHING).records()
    assert len({row["lot_code"] for row in rows}) > 1
