"""The page of commands, run through the frame: scope, buttons, opening a gate in two steps; and the rules behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.dashboards.conftest import OpenPage, Tenants, words
from tests.dashboards.test_settings_pages import buttons, cells, everything, press
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuditEntry, DeviceLive, DownlinkCommand, Gate, Lot
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import Actor, actor_by_login
from warehouse.services.downlink import (
    CommandQuery,
    cancel_command,
    commands_file,
    count_by_state,
    list_commands,
    retry_command,
)
from warehouse.services.downlink_queue import queue_command
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.lot_commands import OpeningForm, open_gate, send_parameters

NOW = datetime.now(UTC)


def actor(tenants: Tenants, login: str) -> Actor:
    with ops_session(tenants.settings) as session:
        return actor_by_login(session, login)


def lots(tenants: Tenants) -> tuple[int, int]:
    """An own lot of the customer and one that is not."""
    scope = actor(tenants, "customer").scope
    with ops_session(tenants.settings) as session:
        ids = list(session.scalars(select(Lot.lot_id).order_by(Lot.lot_id)))
    return next(i for i in ids if scope.allows(i)), next(i for i in ids if not scope.allows(i))


def queue(tenants: Tenants, lot_id: int, kind: str, subject: str, state: str = "queued") -> int:
    with write_session(tenants.settings) as session:
        command = queue_command(session, lot_id, kind, subject, {"subject": subject}, NOW)
        command.state = state
        return command.command_id


def state_of(tenants: Tenants, command_id: int) -> str:
    with ops_session(tenants.settings) as session:
        return session.get_one(DownlinkCommand, command_id).state


def entries(tenants: Tenants, action: str) -> list[AuditEntry]:
    with ops_session(tenants.settings) as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def add_gate(tenants: Tenants, lot_id: int) -> None:
    with write_session(tenants.settings) as session:
        session.add(Gate(lot_id=lot_id, gate_id="G1", name="东门", direction="both", pay_token=f"t{lot_id}"))


def test_commands_of_the_own_lots_are_listed_and_foreign_ones_are_not(open_page: OpenPage, tenants: Tenants) -> None:
    own, foreign = lots(tenants)
    queue(tenants, own, "tariff", "tariff")
    queue(tenants, foreign, "long_term_vehicle", "京A00001")
    for login, seen, unseen in (("customer", "tariff", "京A00001"), ("foreign", "京A00001", "tariff")):
        shown = cells(open_page(login, "downlink"))
        assert seen in str(shown)
        assert unseen not in str(shown)


def test_plates_have_stars_for_who_may_not_see_them_and_cannot_be_sought_by_parts(tenants: Tenants) -> None:
    own, _foreign = lots(tenants)
    queue(tenants, own, "long_term_vehicle", "粤B12345")
    engineer, customer = actor(tenants, "engineer"), actor(tenants, "customer")
    settings = tenants.settings

    def found(who: Actor, search: str) -> list[str]:
        return [row.subject for row in list_commands(settings, who, ListQuery(search), CommandQuery()).rows]

    assert found(customer, "B123") == ["粤B12345"]
    assert found(engineer, "B123") == []
    assert "粤B12345" not in found(engineer, "粤B12345")
    assert len(found(engineer, "粤B12345")) == 1
    assert "粤B12345" not in commands_file(settings, engineer, CommandQuery(), "", "csv", "zh").decode()


def test_a_failed_command_is_sent_again_unless_something_newer_was(tenants: Tenants) -> None:
    own, foreign = lots(tenants)
    who, settings = actor(tenants, "customer"), tenants.settings
    failed = queue(tenants, own, "tariff", "tariff", "failed")
    again = retry_command(settings, who, failed)
    assert state_of(tenants, again) == "queued"
    with pytest.raises(ParkError, match="newer") as newer:
        retry_command(settings, who, failed)
    assert newer.value.code == "newer_command"
    with pytest.raises(ParkError) as waits:
        retry_command(settings, who, again)
    assert waits.value.code == "not_failed"
    with pytest.raises(Forbidden):
        retry_command(settings, who, queue(tenants, foreign, "tariff", "tariff", "failed"))
    opening = queue(tenants, own, "gate_opening", "gate/G1", "failed")
    with pytest.raises(ParkError) as anew:
        retry_command(settings, who, opening)
    assert anew.value.code == "ask_anew"
    assert [entry.after["command_id"] for entry in entries(tenants, "downlink.retry") if entry.after] == [again]


def test_only_what_waits_is_taken_back(tenants: Tenants) -> None:
    own, foreign = lots(tenants)
    who, settings = actor(tenants, "customer"), tenants.settings
    waiting = queue(tenants, own, "tariff", "tariff")
    cancel_command(settings, who, waiting)
    assert state_of(tenants, waiting) == "cancelled"
    with pytest.raises(ParkError) as gone:
        cancel_command(settings, who, waiting)
    assert gone.value.code == "not_queued"
    for lot_id, who_else in ((foreign, who), (own, actor(tenants, "finance"))):
        with pytest.raises(Forbidden):
            cancel_command(settings, who_else, queue(tenants, lot_id, "lot_settings", "lot_settings"))
    assert count_by_state(settings, who, CommandQuery(state="failed"))["cancelled"] == 1


def test_a_gate_is_opened_with_a_reason_and_its_name_as_confirmation(tenants: Tenants) -> None:
    own, foreign = lots(tenants)
    who, settings = actor(tenants, "customer"), tenants.settings
    add_gate(tenants, own)
    add_gate(tenants, foreign)
    for form in (OpeningForm("G1", "", "东门"), OpeningForm("G1", "栏杆故障", ""), OpeningForm("G1", "x", "西门")):
        with pytest.raises(InvalidFields):
            open_gate(settings, who, own, form)
    with pytest.raises(Forbidden):
        open_gate(settings, who, foreign, OpeningForm("G1", "栏杆故障", "东门"))
    number = open_gate(settings, who, own, OpeningForm("G1", "栏杆故障", "东门"), now=NOW)
    with pytest.raises(ParkError, match="under way"):
        open_gate(settings, who, own, OpeningForm("G1", "再开", "东门"), now=NOW + timedelta(seconds=30))
    open_gate(settings, who, own, OpeningForm("G1", "再开", "东门"), now=NOW + timedelta(seconds=61))
    with ops_session(settings) as session:
        command = session.get_one(DownlinkCommand, number)
    assert command.payload == {"gate_id": "G1", "gate_name": "东门", "reason": "栏杆故障", "operator": who.name}
    assert command.expires_at == NOW + timedelta(seconds=60)
    first, _second = entries(tenants, "downlink.open_gate")
    assert (first.login, first.lot_id, first.after) == ("customer", own, {"command_id": number, "reason": "栏杆故障"})


def test_parameters_are_checked_by_the_type_of_the_device(tenants: Tenants) -> None:
    own, _foreign = lots(tenants)
    who, settings = actor(tenants, "engineer"), tenants.settings
    with write_session(settings) as session:
        session.add(DeviceLive(lot_id=own, device_id="D1", device_type="display", state="online", reported_at=NOW))
    for typed in ({}, {"hold_open_seconds": 5}, {"volume": 101}):
        with pytest.raises(InvalidFields):
            send_parameters(settings, who, own, "D1", typed)
    number = send_parameters(settings, who, own, "D1", {"volume": 40, "brightness": None})
    with ops_session(settings) as session:
        assert session.get_one(DownlinkCommand, number).payload == {"device_id": "D1", "parameters": {"volume": 40}}


def test_buttons_are_there_for_those_who_may_use_them(open_page: OpenPage, tenants: Tenants) -> None:
    own, _foreign = lots(tenants)
    queue(tenants, own, "tariff", "tariff")
    changing = {"downlink_open", "downlink_parameters", "downlink_retry", "downlink_cancel"}
    assert changing <= buttons(open_page("engineer", "downlink"))
    app = open_page("analyst", "downlink")
    assert "无权查看此页" not in words(app)
    assert not changing & buttons(app)


def test_the_dialog_asks_for_the_lot_first(open_page: OpenPage, tenants: Tenants) -> None:
    app = press(open_page("admin", "downlink"), "downlink_open")
    assert "请先在筛选中选择一个停车场" in everything(app)
