"""The page of commands in a real browser: a gate is opened with a reason and a second confirmation, then taken back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.e2e.conftest import Server
from warehouse.ops.models import AuditEntry, DownlinkCommand, Gate, Lot, Node
from warehouse.ops.session import ops_session
from warehouse.services.tree import ensure_platform


@pytest.fixture
def page(new_context: Any, sign_in: Any, empty_server: Server) -> Any:
    with ops_session(empty_server.settings) as session:
        if session.get(Lot, 1) is None:
            node = Node(parent_id=ensure_platform(session).node_id, level="customer", code="customer", name="客户")
            session.add(node)
            session.flush()
            session.add(Lot(lot_id=1, customer_id=node.node_id, code="lot-1", name="静安嘉里"))
            session.flush()
            session.add(Gate(lot_id=1, gate_id="G1", name="东门出口", direction="exit", pay_token="t1"))
    page = new_context().new_page()
    sign_in(page, empty_server, path="/downlink")
    page.get_by_role("button", name="远程开闸").wait_for()
    return page


def commands(server: Server) -> list[DownlinkCommand]:
    with ops_session(server.settings) as session:
        return list(session.scalars(select(DownlinkCommand).order_by(DownlinkCommand.command_id)))


def test_a_gate_is_opened_from_afar_after_a_reason_and_a_second_confirmation(page: Any, empty_server: Server) -> None:
    page.get_by_role("button", name="远程开闸").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="下一步").click()
    dialog.locator(".pc-problem").nth(1).wait_for()
    assert dialog.locator(".pc-problem").count() == 2
    dialog.get_by_label("出入口", exact=False).first.click()
    page.get_by_role("option", name="东门出口").click()
    dialog.get_by_label("原因").fill("栏杆故障，车主已缴费")
    dialog.get_by_role("button", name="下一步").click()
    second = page.get_by_role("dialog", name="确认远程开闸")
    second.get_by_text("即将打开“静安嘉里”的“东门出口”").wait_for()
    second.get_by_role("textbox").fill("西门")
    second.get_by_role("button", name="立即开闸").click()
    second.locator(".pc-problem").wait_for()
    assert commands(empty_server) == []
    second.get_by_role("textbox").fill("东门出口")
    second.get_by_role("button", name="立即开闸").click()
    second.wait_for(state="detached")
    page.locator("[data-testid=stDataFrame]").wait_for()
    (command,) = commands(empty_server)
    assert (command.kind, command.subject, command.state) == ("gate_opening", "gate/G1", "queued")
    assert command.payload["reason"] == "栏杆故障，车主已缴费"
    with ops_session(empty_server.settings) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "downlink.open_gate")).one()
    assert (entry.lot_id, entry.after) == (1, {"command_id": command.command_id, "reason": "栏杆故障，车主已缴费"})
