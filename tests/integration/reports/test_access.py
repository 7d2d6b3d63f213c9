"""Reports for an actor: permission, scope, masked plates, and what the operator log keeps of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.integration.reports.lake import Lake
from warehouse.errors import Forbidden
from warehouse.lake.reader import Reader
from warehouse.ops.models import AuditEntry
from warehouse.ops.session import ops_session
from warehouse.reports import access
from warehouse.reports.catalogue import LISTED, REPORTS, find
from warehouse.security.actor import Actor, actor_by_login
from warehouse.security.permissions import BY_CODE, EXPORT

WIDE = {"from": "2019-01-01", "to": "2020-01-01"}


def actor(lake: Lake, login: str, *, without: str | None = None) -> Actor:
    with ops_session(lake.settings) as session:
        found = actor_by_login(session, login)
    return replace(found, permissions=found.permissions - {without}) if without else found


def logged(lake: Lake) -> list[AuditEntry]:
    with ops_session(lake.settings) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.entry_id)))


@pytest.fixture
def since(lake: Lake) -> int:
    return len(logged(lake))


@pytest.mark.parametrize(
    "report", sorted(REPORTS.values(), key=lambda report: report.name), ids=lambda report: report.name
)
def test_every_report_belongs_to_a_menu_item_that_can_be_permitted(report) -> None:
    menu = access.permission_of(report).split(".")[0]
    assert menu in BY_CODE
    if report.listed:
        assert EXPORT in BY_CODE[menu].actions


@pytest.mark.parametrize("report", LISTED, ids=lambda report: report.name)
def test_without_its_permission_a_report_is_refused_and_the_refusal_is_logged(
    lake: Lake, reader: Reader, since: int, report
) -> None:
    lacking = actor(lake, "agent", without=access.permission_of(report))
    with pytest.raises(Forbidden):
        access.run(report, reader, lake.settings, lacking, {})
    entry = logged(lake)[since]
    assert (entry.outcome, entry.login, entry.action) == ("refused", "agent", access.permission_of(report))


@pytest.mark.parametrize("report", LISTED, ids=lambda report: report.name)
def test_a_foreign_lot_is_refused_in_page_and_file_and_logged(lake: Lake, reader: Reader, since: int, report) -> None:
    own = actor(lake, "agent")
    with pytest.raises(Forbidden):
        access.run(report, reader, lake.settings, own, {"lot": "LOT21"})
    with pytest.raises(Forbidden), access.export(report, reader, lake.settings, own, {"lot": "LOT21"}):
        pass
    assert [(entry.outcome, entry.login) for entry in logged(lake)[since:]] == [("refused", "agent")] * 2


def test_an_export_is_logged_with_its_filter_and_number_of_rows(lake: Lake, reader: Reader, since: int) -> None:
    with access.export(find("exit-records"), reader, lake.settings, actor(lake, "agent"), WIDE) as whole:
        rows = sum(len(batch) for batch in whole.batches)
    entry = logged(lake)[since]
    assert entry.action == "exit_records.export"
    assert entry.after is not None
    assert entry.after["rows"] == rows > 0
    assert entry.after["from"] == WIDE["from"]


@pytest.mark.parametrize("name", ["entry-records", "exit-records", "stays", "charges", "renewals", "invoices"])
def test_plates_are_masked_in_page_and_file_for_those_who_may_not_see_them_whole(
    lake: Lake, reader: Reader, name: str
) -> None:
    report = find(name)
    whole = access.run(report, reader, lake.settings, actor(lake, "agent"), WIDE)
    place = [column.key for column in whole.columns].index("plate")
    plates = [row[place] for row in whole.rows if row[place]]
    assert plates
    assert all("*" not in plate for plate in plates)
    lacking = actor(lake, "agent", without="plates.view")
    shown = access.run(report, reader, lake.settings, lacking, WIDE)
    assert all("*" in row[place] for row in shown.rows if row[place])
    assert shown.totals == whole.totals
    with access.export(report, reader, lake.settings, lacking, WIDE) as stream:
        exported = [row for batch in stream.batches for row in batch]
    assert len(exported) == whole.row_count
    assert all("*" in row[place] for row in exported if row[place])
