"""The page of deliveries, run through the frame, and what its form makes of what was typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import typer
from sqlalchemy import select
from typer.testing import CliRunner

from dashboards.views.settings import deliveries_form
from tests.dashboards.conftest import OpenPage, Tenants, words
from tests.dashboards.test_settings_pages import buttons, cells, everything, press
from warehouse.delivery_commands import register
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.reports.catalogue import LISTED, find
from warehouse.security.actor import actor_by_login
from warehouse.services.deliveries import DeliveryForm, list_deliveries, save_delivery
from warehouse.services.listing import ListQuery
from warehouse.services.operators import OperatorForm, save_operator
from warehouse.services.roles import RoleForm, save_role

NOW = datetime(2026, 3, 5, 3, tzinfo=UTC)


def keep(tenants: Tenants, login: str, name: str) -> int:
    with ops_session(tenants.settings) as session:
        actor = actor_by_login(session, login)
    return save_delivery(tenants.settings, actor, DeliveryForm(name, "daily-report"), now=NOW)


def kept(tenants: Tenants, login: str) -> list[str]:
    with ops_session(tenants.settings) as session:
        actor = actor_by_login(session, login)
    return [row.name for row in list_deliveries(tenants.settings, actor, ListQuery()).rows]


def test_deliveries_of_the_own_tree_are_listed_and_foreign_ones_are_not(open_page: OpenPage, tenants: Tenants) -> None:
    keep(tenants, "finance", "财务日报")
    keep(tenants, "foreign", "别家日报")
    for login, seen in (("finance", ["财务日报"]), ("customer", ["财务日报"]), ("foreign", ["别家日报"])):
        assert [row[0] for row in cells(open_page(login, "deliveries"))] == seen, login
    row = cells(open_page("finance", "deliveries"))[0]
    assert "停车日报表 · XLSX" in row
    assert "每天 08:00" in row
    assert "deliveries/finance" in row


def test_whoever_may_not_see_deliveries_is_refused(open_page: OpenPage, tenants: Tenants) -> None:
    keep(tenants, "finance", "财务日报")
    app = open_page("engineer", "deliveries")
    assert "无权查看此页" in words(app)
    assert "财务日报" not in words(app)
    assert not app.dataframe


def test_nobody_sees_a_button_that_the_role_does_not_have(open_page: OpenPage, tenants: Tenants) -> None:
    changing = {"deliveries_suggested", "deliveries_edit", "deliveries_delete"}
    with ops_session(tenants.settings) as session:
        admin = actor_by_login(session, "admin")
    role_id = save_role(tenants.settings, admin, RoleForm("只看投递", frozenset({"deliveries.view"})))
    save_operator(tenants.settings, admin, OperatorForm("watcher", "看客", role_id, tenants.customer))
    with ops_session(tenants.settings) as session:
        session.scalars(select(Operator).where(Operator.login == "watcher")).one().must_change_password = False
    assert changing <= buttons(open_page("finance", "deliveries"))
    app = open_page("watcher", "deliveries")
    assert "无权查看此页" not in words(app)
    assert not changing & buttons(app)


def test_the_suggestion_opens_the_form_of_the_daily_report(open_page: OpenPage) -> None:
    app = press(open_page("finance", "deliveries"), "deliveries_suggested")
    assert "停车日报表" in {field.value for field in app.text_input}
    assert "08:00" in {field.value for field in app.text_input}
    everything(app)


@pytest.mark.parametrize("report", [report.name for report in LISTED])
def test_what_the_form_shows_of_any_report_can_be_saved(tenants: Tenants, open_page: OpenPage, report: str) -> None:
    open_page("admin", "home")  # signs in
    with ops_session(tenants.settings) as session:
        actor = actor_by_login(session, "admin")
    found = find(report)
    values: dict[str, object] = {
        "name": found.zh, "period": "yesterday", "file_format": "xlsx", "language": "zh", "time_of_day": "08:00",
        "weekdays": list("1234567"), "channel": "folder", "lot": [],
    }  # fmt: skip
    for parameter in deliveries_form._own(found):
        values[f"filter_{parameter.key}"] = None
    save_delivery(tenants.settings, actor, deliveries_form.read(found, values), now=NOW)
    assert kept(tenants, "admin") == [found.zh]


@pytest.fixture
def park(tenants: Tenants, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARK_HOME", str(tenants.settings.home))
    app = typer.Typer()
    register(app)
    return lambda *arguments: CliRunner().invoke(app, ["deliveries", *arguments])


def test_the_command_lists_deliveries_for_people_and_for_programs(park, tenants: Tenants) -> None:
    number = keep(tenants, "finance", "财务日报")
    line = park("list").output
    for word in (str(number), "daily-report", "finance", "财务日报", "deliveries/finance"):
        assert word in line
    (row,) = json.loads(park("list", "--json").output)
    assert (row["delivery_id"], row["report"], row["is_active"]) == (number, "daily-report", True)
    assert datetime.fromisoformat(row["next_due_at"]).tzinfo is not None
    assert park("list", "--as", "foreign").output == ""
    assert isinstance(park("list", "--as", "engineer").exception, Forbidden)


def test_the_command_that_runs_one_fails_loudly_when_it_cannot(park, tenants: Tenants) -> None:
    number = keep(tenants, "finance", "财务日报")
    result = park("run", str(number))  # nothing is published here
    assert result.exit_code == 1
    assert "failed" in result.output
    assert "财务日报" in result.output


@pytest.mark.parametrize("arguments", [(), ("1", "--due"), ("999",)])
def test_a_call_that_names_no_delivery_is_refused(park, arguments: tuple[str, ...]) -> None:
    assert isinstance(park("run", *arguments).exception, ParkError)


def test_the_command_with_nothing_due_does_nothing(park) -> None:
    result = park("run", "--due")
    assert (result.exit_code, result.output) == (0, "")
