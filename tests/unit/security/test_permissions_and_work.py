"""Permissions, actors, and the form that every use case has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.security.tenants import OPERATORS, Tenants, tenants_in
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Lot, Node, Operator, RolePermission
from warehouse.ops.session import ops_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL, actor_by_login
from warehouse.security.permissions import ACTIONS, ALL_PERMISSIONS, BUILT_IN, BY_CODE, MENU, VIEW
from warehouse.services.operators import set_operator_active
from warehouse.services.roles import RoleForm, save_role
from warehouse.services.work import reading, visible_lot, visible_node, working


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path)


def test_every_menu_item_can_be_viewed_and_codes_are_unique() -> None:
    assert len(BY_CODE) == len(MENU)
    for item in MENU:
        assert item.actions[0] == VIEW
        assert set(item.actions) <= set(ACTIONS)


def test_built_in_roles_hold_existing_permissions_and_grow_from_lot_to_platform() -> None:
    assert all(permissions <= ALL_PERMISSIONS for permissions in BUILT_IN.values())
    assert BUILT_IN["customer"] < BUILT_IN["agent"] < BUILT_IN["admin"] == ALL_PERMISSIONS
    assert BUILT_IN["lot"] < BUILT_IN["customer"]


@pytest.mark.parametrize(
    ("login", "lots", "nodes"),
    [
        ("admin", {"S-1", "S-2", "M-1"}, {"platform", "east", "sun", "west", "moon"}),
        ("east", {"S-1", "S-2"}, {"east", "sun"}),
        ("sun", {"S-1", "S-2"}, {"sun"}),
        ("sun-lot", {"S-1"}, set()),
        ("west", {"M-1"}, {"west", "moon"}),
    ],
)
def test_an_actor_sees_the_lots_and_nodes_at_or_below_the_own_node(
    tenants: Tenants, login: str, lots: set[str], nodes: set[str]
) -> None:
    actor = tenants.actor(login)
    assert {code for code, lot_id in tenants.lots.items() if actor.scope.allows(lot_id)} == lots
    assert {code for code, node_id in tenants.nodes.items() if actor.sees_node(node_id)} == nodes
    assert actor.permissions == BUILT_IN[OPERATORS[login][0]]


def test_asking_for_a_permission_that_does_not_exist_is_an_error_of_the_program(tenants: Tenants) -> None:
    with pytest.raises(KeyError):
        LOCAL.allows("lots.fly")


def test_a_permission_of_a_menu_item_that_is_gone_counts_nothing(tenants: Tenants) -> None:
    role_id = save_role(tenants.settings, tenants.actor("sun"), RoleForm("旧", frozenset({"home.view"})))
    with ops_session(tenants.settings) as session:
        session.add(RolePermission(role_id=role_id, permission="gone.view"))
        session.get_one(Operator, tenants.operators["sun-finance"]).role_id = role_id
    assert tenants.actor("sun-finance").permissions == {"home.view"}


def test_a_disabled_operator_and_one_below_a_disabled_node_cannot_act(tenants: Tenants) -> None:
    set_operator_active(tenants.settings, LOCAL, tenants.operators["sun-lot"], False)
    with ops_session(tenants.settings) as session:
        with pytest.raises(ParkError, match="disabled"):
            actor_by_login(session, "sun-lot")
        session.get_one(Node, tenants.nodes["west"]).is_active = False
    with ops_session(tenants.settings) as session, pytest.raises(ParkError, match="disabled"):
        actor_by_login(session, "moon")


def test_a_use_case_without_the_permission_is_refused_and_logged(tenants: Tenants) -> None:
    finance = tenants.actor("sun-finance")
    with pytest.raises(Forbidden), working(tenants.settings, finance, "lots.edit"):
        pytest.fail("the block must not run")
    with pytest.raises(Forbidden), reading(tenants.settings, finance, "operators.view"):
        pytest.fail("the block must not run")
    entries = tenants.log()
    assert [(e.action, e.outcome, e.login, e.node_id) for e in entries] == [
        ("lots.edit", "refused", "sun-finance", tenants.nodes["sun"]),
        ("operators.view", "refused", "sun-finance", tenants.nodes["sun"]),
    ]


def test_reaching_for_a_foreign_lot_or_node_is_refused_logged_and_tells_nothing(tenants: Tenants) -> None:
    sun = tenants.actor("sun")
    told = set()
    for lot_id in (tenants.lots["M-1"], 987_654):
        with pytest.raises(Forbidden) as caught, working(tenants.settings, sun, "lots.edit") as work:
            work.lot(lot_id)
        told.add(caught.value.en.replace(str(lot_id), "?"))
    for node_id in (tenants.nodes["moon"], tenants.nodes["east"], 987_654):
        with pytest.raises(Forbidden) as caught, working(tenants.settings, sun, "operators.edit") as work:
            work.node(node_id)
        told.add(caught.value.en.replace(str(node_id), "?"))
    assert len(told) == 2  # the same sentence whether it exists or not
    assert [entry.outcome for entry in tenants.log()] == ["refused"] * 5


def test_a_refusal_takes_back_what_was_written_before_it(tenants: Tenants) -> None:
    def change_own_and_foreign() -> None:
        with working(tenants.settings, tenants.actor("sun"), "lots.edit") as work:
            lot = work.lot(tenants.lots["S-1"])
            lot.name = "改"
            work.record("lot", lot.lot_id, lot.name, {"name": "旧"}, {"name": "改"}, lot_id=lot.lot_id)
            work.lot(tenants.lots["M-1"])

    with pytest.raises(Forbidden):
        change_own_and_foreign()
    with ops_session(tenants.settings) as session:
        assert session.get_one(Lot, tenants.lots["S-1"]).name == "S-1 停车场"
        assert audit.verify(session).broken_at is None
    assert [entry.outcome for entry in tenants.log()] == ["refused"]


def test_a_change_that_is_not_recorded_is_an_error_of_the_program_and_taken_back(tenants: Tenants) -> None:
    with (
        pytest.raises(RuntimeError, match="without recording"),
        working(tenants.settings, tenants.actor("sun"), "lots.edit") as work,
    ):
        work.lot(tenants.lots["S-1"]).name = "改"
    with ops_session(tenants.settings) as session:
        assert session.get_one(Lot, tenants.lots["S-1"]).name == "S-1 停车场"


def test_only_what_differs_is_recorded(tenants: Tenants) -> None:
    with working(tenants.settings, tenants.actor("sun"), "lots.edit") as work:
        assert not work.record("lot", 1, "x", {"name": "a", "phone": None}, {"name": "a", "phone": None})
        assert work.record("lot", 1, "x", {"name": "a", "phone": None}, {"name": "b", "phone": None}, lot_id=1)
    (entry,) = tenants.log()
    assert (entry.before, entry.after) == ({"name": "a"}, {"name": "b"})


def test_a_deleted_lot_or_node_is_there_for_nobody(tenants: Tenants) -> None:
    with ops_session(tenants.settings) as session:
        session.get_one(Lot, tenants.lots["S-1"]).deleted_at = tenants.operator("sun").created_at
        session.get_one(Node, tenants.nodes["moon"]).deleted_at = tenants.operator("sun").created_at
    with ops_session(tenants.settings) as session:
        with pytest.raises(Forbidden):
            visible_lot(session, LOCAL, tenants.lots["S-1"])
        with pytest.raises(Forbidden):
            visible_node(session, LOCAL, tenants.nodes["moon"])
