"""Customers and their first logins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tests.unit.services.tree.conftest import (
    AGENT,
    CUSTOMER,
    FOREIGN_CUSTOMER,
    OTHER_AGENT,
    OTHER_CUSTOMER,
    World,
)
from warehouse.errors import ParkError
from warehouse.ops.models import Lot, Node, Operator, Role
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.passwords import password_matches
from warehouse.services.customers import (
    FirstOperator,
    create_customer,
    delete_customer,
    edit_customer,
    get_customer,
    list_customers,
    move_customer,
    set_customer_active,
)
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.nodes import NodeForm

FORM = NodeForm(name="万象物业", contact_name="王经理", phone="0571-88888888")
FIRST = FirstOperator(login="Wanxiang", name="万象管理员")


def test_a_customer_comes_with_its_first_login_whose_password_is_told_once(world: World) -> None:
    made = create_customer(world.settings, world.actor("east"), AGENT, FORM, FIRST)
    with ops_session(world.settings) as session:
        operator = session.scalars(select(Operator).where(Operator.login == "wanxiang")).one()
    assert made.password is not None
    assert password_matches(operator.password_hash, made.password)
    assert operator.must_change_password
    assert (operator.node_id, operator.role.code) == (made.node_id, "customer")
    assert [(entry.action, entry.entity, entry.node_id) for entry in world.entries()] == [
        ("customers.edit", "customer", made.node_id),
        ("operators.edit", "operator", made.node_id),
    ]
    assert made.password not in str([entry.after for entry in world.entries()])
    assert get_customer(world.settings, world.actor("east"), made.node_id).agent_name == "华东代理"


def test_a_wrong_first_login_leaves_no_customer_behind(world: World) -> None:
    nodes = world.count(Node)
    with pytest.raises(InvalidFields) as caught:
        create_customer(world.settings, world.actor("east"), AGENT, replace(FORM, name=""), FirstOperator("EAST", " "))
    assert [problem.field for problem in caught.value.problems] == ["name", "login", "operator_name"]
    assert all(problem.zh != problem.en for problem in caught.value.problems)
    assert world.count(Node) == nodes


def test_nobody_gives_a_first_login_more_rights_than_they_have(world: World) -> None:
    east = world.actor("east")
    with world.refused():
        create_customer(
            world.settings, replace(east, permissions=east.permissions - {"operators.edit"}), AGENT, FORM, FIRST
        )
    with world.refused():
        create_customer(
            world.settings, replace(east, permissions=east.permissions - {"plates.view"}), AGENT, FORM, FIRST
        )
    assert world.count(Operator) == 7


def test_lists_hold_exactly_the_customers_of_the_scope_with_their_counts(world: World) -> None:
    def names(login: str, **asked: int) -> list[tuple[str, str, int, int]]:
        actor = replace(world.actor(login), permissions=LOCAL.permissions)
        found = list_customers(world.settings, actor, ListQuery(sort="code"), **asked)
        return [(row.name, row.agent_name, row.lots, row.operators) for row in found.rows]

    everything = [
        ("安居物业", "华东代理", 1, 3),
        ("滨江物业", "华东代理", 1, 0),
        ("川渝商业", "华西代理", 1, 1),
    ]
    assert names("admin") == everything
    assert names("east") == everything[:2]
    assert names("west") == everything[2:]
    assert names("owner") == everything[:1]
    assert names("keeper") == []
    assert names("admin", agent_id=OTHER_AGENT) == everything[2:]
    with world.refused():
        names("east", agent_id=OTHER_AGENT)


@pytest.mark.parametrize("login", ["east", "owner", "keeper"])
def test_a_foreign_customer_is_out_of_reach_whatever_the_role_permits(world: World, login: str) -> None:
    actor = replace(world.actor(login), permissions=LOCAL.permissions)
    settings = world.settings
    with world.refused():
        get_customer(settings, actor, FOREIGN_CUSTOMER)
    with world.refused():
        create_customer(settings, actor, OTHER_AGENT, FORM)
    with world.refused():
        edit_customer(settings, actor, FOREIGN_CUSTOMER, 1, FORM)
    with world.refused():
        move_customer(settings, actor, FOREIGN_CUSTOMER, 1, AGENT)
    with world.refused():
        move_customer(settings, actor, CUSTOMER, 1, OTHER_AGENT)
    with world.refused():
        set_customer_active(settings, actor, FOREIGN_CUSTOMER, 1, active=False)
    with world.refused():
        delete_customer(settings, actor, FOREIGN_CUSTOMER, 1)


def test_a_customer_edits_itself_but_neither_switches_off_nor_deletes_itself(world: World) -> None:
    actor = replace(world.actor("owner"), permissions=LOCAL.permissions)
    edit_customer(world.settings, actor, CUSTOMER, 1, replace(FORM, name="安居"))
    assert world.row(Node, CUSTOMER).name == "安居"
    with world.refused():
        set_customer_active(world.settings, actor, CUSTOMER, 2, active=False)
    with world.refused():
        delete_customer(world.settings, actor, CUSTOMER, 2)


def test_moving_a_customer_takes_its_lots_along_and_is_recorded(world: World) -> None:
    admin = world.actor("admin")
    move_customer(world.settings, admin, CUSTOMER, 1, OTHER_AGENT)
    assert not world.actor("east").scope.allows(1)
    assert world.actor("west").scope.allows(1)
    [entry] = world.entries()
    assert (entry.before, entry.after) == ({"parent_id": AGENT}, {"parent_id": OTHER_AGENT})


def test_a_move_waits_while_an_operator_holds_a_role_of_the_agent_that_is_left(world: World) -> None:
    with ops_session(world.settings) as session:
        role = Role(node_id=AGENT, name="华东收费员")
        session.add(role)
        session.flush()
        session.scalars(select(Operator).where(Operator.login == "owner")).one().role_id = role.role_id
    with pytest.raises(ParkError) as caught:
        move_customer(world.settings, world.actor("admin"), CUSTOMER, 1, OTHER_AGENT)
    assert caught.value.code == "foreign_role"
    assert "owner" in caught.value.zh
    assert world.row(Node, CUSTOMER).parent_id == AGENT


def test_a_stale_form_is_refused_in_every_use_case(world: World) -> None:
    admin = world.actor("admin")
    edit_customer(world.settings, admin, CUSTOMER, 1, FORM)
    for stale in (
        lambda: edit_customer(world.settings, admin, CUSTOMER, 1, replace(FORM, name="后来者")),
        lambda: move_customer(world.settings, admin, CUSTOMER, 1, OTHER_AGENT),
        lambda: set_customer_active(world.settings, admin, CUSTOMER, 1, active=False),
        lambda: delete_customer(world.settings, admin, CUSTOMER, 1),
    ):
        with pytest.raises(ParkError) as caught:
            stale()
        assert caught.value.code == "conflict"
    kept = world.row(Node, CUSTOMER)
    assert (kept.name, kept.parent_id, kept.is_active, kept.deleted_at) == (FORM.name, AGENT, True, None)


def test_a_customer_in_use_is_not_deleted_and_an_unused_one_is(world: World) -> None:
    admin = world.actor("admin")
    world.add(Role(node_id=CUSTOMER, name="收费员"))
    with pytest.raises(ParkError) as caught:
        delete_customer(world.settings, admin, CUSTOMER, 1)
    for named in ("1 lots (云和花园)", "3 operators (analyst, keeper, owner)", "1 roles (收费员)"):
        assert named in caught.value.en
    with ops_session(world.settings) as session:
        session.get_one(Lot, 2).deleted_at = datetime.now(UTC)
    delete_customer(world.settings, admin, OTHER_CUSTOMER, 1)
    assert world.row(Node, OTHER_CUSTOMER).deleted_at is not None
    assert world.entries()[-1].after is None
