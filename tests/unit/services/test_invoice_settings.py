"""Invoice settings: the secret goes in, is used, and never comes out on a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.errors import ParkError
from warehouse.ops.models import DownlinkCommand, InvoiceSetting
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.fields import InvalidFields
from warehouse.services.invoice_settings import (
    InvoiceForm,
    get_invoice_setting,
    list_invoice_settings,
    read_encryption_string,
    save_invoice_setting,
)
from warehouse.services.listing import ListQuery

SECRET = "开票-加密串-9f3"


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path)


def commands(tenants: Tenants) -> list[DownlinkCommand]:
    with ops_session(tenants.settings) as session:
        return list(session.scalars(select(DownlinkCommand).order_by(DownlinkCommand.command_id)))


def test_the_secret_is_stored_encrypted_and_in_no_view_log_or_command(tenants: Tenants) -> None:
    actor, lot_id = tenants.actor("sun"), tenants.lots["S-1"]
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, "30", SECRET), 0)
    view = get_invoice_setting(tenants.settings, actor, lot_id)
    assert (view.is_enabled, view.late_issue_days, view.has_secret, view.version) == (True, 30, True, 1)
    assert view.secret_set_at == tenants.log("invoice_settings.edit")[-1].at
    with ops_session(tenants.settings) as session:
        stored = session.get_one(InvoiceSetting, lot_id).encryption_string_encrypted
    assert stored is not None
    assert SECRET.encode() not in stored
    (command,) = commands(tenants)
    assert (command.kind, command.payload["encryption_string"]) == ("invoice_settings", {"set": True})
    everything = f"{view}{[(e.before, e.after) for e in tenants.log()]}{command.payload}"
    assert SECRET not in everything
    for file in tenants.settings.home.glob("ops.sqlite*"):
        assert SECRET.encode() not in file.read_bytes()


def test_an_empty_secret_keeps_the_one_there_is_and_clearing_needs_to_be_said(tenants: Tenants) -> None:
    actor, lot_id = tenants.actor("sun"), tenants.lots["S-1"]
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 30, SECRET))
    set_at = get_invoice_setting(tenants.settings, actor, lot_id).secret_set_at
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 60, ""))
    view = get_invoice_setting(tenants.settings, actor, lot_id)
    assert (view.has_secret, view.late_issue_days, view.secret_set_at) == (True, 60, set_at)
    with pytest.raises(InvalidFields, match="encryption_string"):
        save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 60, None, clear_secret=True))
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(False, 60, None, clear_secret=True))
    assert not get_invoice_setting(tenants.settings, actor, lot_id).has_secret
    assert read_encryption_string(tenants.settings, LOCAL, lot_id, "test") is None


def test_a_replaced_secret_is_told_to_the_lot_and_logged_without_it(tenants: Tenants) -> None:
    actor, lot_id = tenants.actor("sun"), tenants.lots["S-1"]
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 30, SECRET))
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 30, "another"))
    assert len(commands(tenants)) == 2
    last = tenants.log("invoice_settings.edit")[-1]
    assert (last.before, last.after) == ({"encryption_string": "set"}, {"encryption_string": "replaced"})
    assert read_encryption_string(tenants.settings, LOCAL, lot_id, "deliver") == "another"


def test_reading_the_secret_for_use_is_logged(tenants: Tenants) -> None:
    lot_id = tenants.lots["S-1"]
    save_invoice_setting(tenants.settings, tenants.actor("sun"), lot_id, InvoiceForm(True, 30, SECRET))
    assert read_encryption_string(tenants.settings, LOCAL, lot_id, "deliver to the lot") == SECRET
    entry = tenants.log("invoice_settings.read_secrets")[-1]
    assert (entry.login, entry.lot_id, entry.after) == ("local", lot_id, {"purpose": "deliver to the lot"})


@pytest.mark.parametrize("days", [-1, 367, "a week", "", None])
def test_a_window_that_is_no_number_of_days_is_refused(tenants: Tenants, days: int | str | None) -> None:
    with pytest.raises(InvalidFields) as caught:
        save_invoice_setting(tenants.settings, tenants.actor("sun"), tenants.lots["S-1"], InvoiceForm(False, days))
    assert [problem.field for problem in caught.value.problems] == ["late_issue_days"]


def test_the_second_of_two_who_edit_is_told(tenants: Tenants) -> None:
    lot_id = tenants.lots["S-1"]
    save_invoice_setting(tenants.settings, tenants.actor("sun"), lot_id, InvoiceForm(False, 10), 0)
    with pytest.raises(ParkError) as caught:
        save_invoice_setting(tenants.settings, tenants.actor("east"), lot_id, InvoiceForm(False, 20), 0)
    assert caught.value.code == "conflict"


def test_lots_of_the_scope_are_listed_with_and_without_settings(tenants: Tenants) -> None:
    save_invoice_setting(tenants.settings, tenants.actor("sun"), tenants.lots["S-1"], InvoiceForm(True, 5, SECRET))
    found = list_invoice_settings(tenants.settings, tenants.actor("sun"), ListQuery())
    assert [(row.lot_code, row.has_secret, row.version) for row in found.rows] == [("S-1", True, 1), ("S-2", False, 0)]
    everything = list_invoice_settings(tenants.settings, tenants.actor("admin"), ListQuery(search="m-"))
    assert [row.lot_code for row in everything.rows] == ["M-1"]


def test_saving_what_is_there_already_sends_nothing_to_the_lot(tenants: Tenants) -> None:
    actor, lot_id = tenants.actor("sun"), tenants.lots["S-1"]
    save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 30, SECRET))
    assert save_invoice_setting(tenants.settings, actor, lot_id, InvoiceForm(True, 30)) == 1
    assert len(commands(tenants)) == 1
