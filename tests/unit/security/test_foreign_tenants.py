"""Whoever reaches for another tenant's things is refused, sees none of them, and stands in the operator log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.errors import Forbidden
from warehouse.ops.models import AuditEntry, DownlinkCommand, InvoiceSetting, Operator, Role
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL, Actor
from warehouse.services.downlink import CommandQuery, cancel_command, list_commands, retry_command
from warehouse.services.exchange import export_file, find_sheet
from warehouse.services.invoice_settings import (
    InvoiceForm,
    get_invoice_setting,
    list_invoice_settings,
    read_encryption_string,
    save_invoice_setting,
)
from warehouse.services.listing import ListQuery
from warehouse.services.lot_commands import (
    OpeningForm,
    known_devices,
    open_gate,
    openable_gates,
    send_parameters,
)
from warehouse.services.operator_list import get_operator, list_operators
from warehouse.services.operator_log import LogQuery, get_entry, known_values, log_file, search_log
from warehouse.services.operators import (
    OperatorForm,
    delete_operator,
    reset_password,
    save_operator,
    set_operator_active,
)
from warehouse.services.roles import RoleForm, delete_role, get_role, list_roles, roles_to_give, save_role

SEES_HOME = frozenset({"home.view"})


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    """Both tenants, each with a role, an invoice setting and entries in the log."""
    tenants = tenants_in(tmp_path)
    for customer, lot in (("sun", "S-1"), ("moon", "M-1")):
        actor = tenants.actor(customer)
        tenants.roles[customer] = save_role(tenants.settings, actor, RoleForm(f"{customer} 角色", SEES_HOME))
        save_invoice_setting(tenants.settings, actor, tenants.lots[lot], InvoiceForm(True, 30, f"{customer} secret"))
    return tenants


def moon_form(tenants: Tenants, **places: Any) -> OperatorForm:
    return OperatorForm("intruder", "x", tenants.roles["finance"], **places)


Attempt = Callable[[Tenants, Actor], object]
ATTEMPTS: dict[str, Attempt] = {
    "operators: get": lambda t, a: get_operator(t.settings, a, t.operators["moon"]),
    "operators: list of a node": lambda t, a: list_operators(t.settings, a, ListQuery(), node_id=t.nodes["moon"]),
    "operators: list of a lot": lambda t, a: list_operators(t.settings, a, ListQuery(), lot_id=t.lots["M-1"]),
    "operators: make at a node": lambda t, a: save_operator(t.settings, a, moon_form(t, node_id=t.nodes["moon"])),
    "operators: make at a lot": lambda t, a: save_operator(t.settings, a, moon_form(t, lot_id=t.lots["M-1"])),
    "operators: give a role": lambda t, a: save_operator(
        t.settings, a, OperatorForm("intruder", "x", t.roles["moon"], t.nodes["sun"])
    ),
    "operators: change": lambda t, a: save_operator(
        t.settings, a, OperatorForm("moon", "x", t.roles["finance"], t.nodes["sun"]), t.operators["moon"]
    ),
    "operators: disable": lambda t, a: set_operator_active(t.settings, a, t.operators["moon"], False),
    "operators: delete": lambda t, a: delete_operator(t.settings, a, t.operators["moon-lot"]),
    "operators: reset": lambda t, a: reset_password(t.settings, a, t.operators["moon"]),
    "roles: get": lambda t, a: get_role(t.settings, a, t.roles["moon"]),
    "roles: change": lambda t, a: save_role(t.settings, a, RoleForm("x", SEES_HOME), t.roles["moon"]),
    "roles: delete": lambda t, a: delete_role(t.settings, a, t.roles["moon"]),
    "invoices: get": lambda t, a: get_invoice_setting(t.settings, a, t.lots["M-1"]),
    "invoices: save": lambda t, a: save_invoice_setting(t.settings, a, t.lots["M-1"], InvoiceForm(False, 1)),
    "invoices: read the secret": lambda t, a: read_encryption_string(t.settings, a, t.lots["M-1"], "x"),
    "commands: send again": lambda t, a: retry_command(t.settings, a, moons_command(t)),
    "commands: take back": lambda t, a: cancel_command(t.settings, a, moons_command(t)),
    "commands: gates": lambda t, a: openable_gates(t.settings, a, t.lots["M-1"]),
    "commands: devices": lambda t, a: known_devices(t.settings, a, t.lots["M-1"]),
    "commands: open a gate": lambda t, a: open_gate(t.settings, a, t.lots["M-1"], OpeningForm("G1", "x", "G1")),
    "commands: parameters": lambda t, a: send_parameters(t.settings, a, t.lots["M-1"], "D1", {"volume": 1}),
    "log: get": lambda t, a: get_entry(t.settings, a, moons_entry(t)),
}


def moons_entry(tenants: Tenants) -> int:
    return next(entry.entry_id for entry in tenants.log() if entry.lot_id == tenants.lots["M-1"])


def moons_command(tenants: Tenants) -> int:
    with ops_session(tenants.settings) as session:
        query = select(DownlinkCommand.command_id).where(DownlinkCommand.lot_id == tenants.lots["M-1"])
        return session.scalars(query).one()


def picture(tenants: Tenants) -> list[object]:
    with ops_session(tenants.settings) as session:
        return [
            [(o.operator_id, o.version, o.deleted_at, o.password_hash) for o in session.scalars(select(Operator))],
            [(r.role_id, r.version, len(r.permissions)) for r in session.scalars(select(Role))],
            [(i.lot_id, i.version) for i in session.scalars(select(InvoiceSetting))],
            session.scalar(select(func.count()).select_from(DownlinkCommand)),
        ]


@pytest.mark.parametrize("who", ["sun", "east", "sun-lot"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_foreign_thing_is_refused_left_as_it_is_and_the_attempt_logged(
    tenants: Tenants, who: str, attempt: str
) -> None:
    before, written = picture(tenants), len(tenants.log())
    with pytest.raises(Forbidden):
        ATTEMPTS[attempt](tenants, tenants.actor(who))
    assert picture(tenants) == before
    (entry,) = tenants.log()[written:]
    assert (entry.outcome, entry.login) == ("refused", who)


@pytest.mark.parametrize("who", ["sun", "east", "sun-lot"])
def test_lists_and_files_hold_no_foreign_row(tenants: Tenants, who: str) -> None:
    actor, everything = tenants.actor(who), ListQuery(size=1000)
    settings = tenants.settings
    seen: list[str] = [
        str(list_operators(settings, actor, everything)),
        str(list_roles(settings, actor, everything)),
        str(roles_to_give(settings, actor)),
        str(list_invoice_settings(settings, actor, everything)),
        str(search_log(settings, actor, LogQuery(size=1000))),
        str(list_commands(settings, actor, everything, CommandQuery())),
        str(known_values(settings, actor, "login")),
    ]
    if actor.allows("operator_log.export"):
        seen.append(log_file(settings, actor, LogQuery(), "csv", "zh").decode("utf-8-sig"))
    for name in ("operators", "roles", "customers", "agents"):
        if actor.allows(f"{name}.export"):
            seen.append(export_file(settings, actor, find_sheet(name), "csv", "en").decode("utf-8-sig"))
    assert len(seen) > 6
    for text in seen:
        assert "moon" not in text
        assert "west" not in text
        assert "M-1" not in text
    assert "sun" in "".join(seen)


def test_an_entry_of_a_node_a_lot_and_oneself_is_seen_by_whom_it_concerns(tenants: Tenants) -> None:
    with pytest.raises(Forbidden):
        get_operator(tenants.settings, tenants.actor("sun-lot"), tenants.operators["moon"])

    def subjects(who: str) -> set[tuple[str, str]]:
        page = search_log(tenants.settings, tenants.actor(who), LogQuery())
        return {(entry.login, entry.action) for entry in page.rows}

    everything = {("sun", "roles.edit"), ("sun", "invoice_settings.edit"), ("sun-lot", "operators.view")}
    assert subjects("sun") == subjects("east") == everything
    # Of one lot: what concerns the lot, not what concerns its customer; and what one did oneself.
    assert subjects("sun-lot") == {("sun", "invoice_settings.edit"), ("sun-lot", "operators.view")}
    assert subjects("moon") == {("moon", "roles.edit"), ("moon", "invoice_settings.edit")}
    assert subjects("admin") == everything | subjects("moon")


def test_the_command_line_sees_everything(tenants: Tenants) -> None:
    with ops_session(tenants.settings) as session:
        total = session.scalar(select(func.count()).select_from(AuditEntry))
    assert search_log(tenants.settings, LOCAL, LogQuery(size=1000)).total == total
