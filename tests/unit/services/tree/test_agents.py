"""Agents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.unit.services.tree.conftest import AGENT, CUSTOMER, OTHER_AGENT, World
from warehouse.errors import ParkError
from warehouse.ops.models import Node, Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL, may_sign_in
from warehouse.services.agents import (
    create_agent,
    delete_agent,
    edit_agent,
    get_agent,
    list_agents,
    set_agent_active,
)
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.nodes import NodeForm

FORM = NodeForm(name="华南代理", contact_name="陈工", phone="020-12345678", address="广州", remark="新签")


def test_an_agent_is_created_with_the_next_free_code_and_the_log_says_by_whom(world: World) -> None:
    admin = world.actor("admin")
    first, second = (create_agent(world.settings, admin, FORM) for _ in range(2))
    assert get_agent(world.settings, admin, first).code == "A1001"
    assert get_agent(world.settings, admin, second).code == "A1002"
    entry = world.entries()[0]
    assert (entry.login, entry.action, entry.entity, entry.entity_name) == ("admin", "agents.edit", "agent", "华南代理")
    assert entry.before is None
    assert entry.after is not None
    assert entry.after["contact_name"] == "陈工"


def test_the_list_counts_customers_lots_and_operators_and_finds_by_any_shown_word(world: World) -> None:
    admin = world.actor("admin")
    found = list_agents(world.settings, admin, ListQuery(sort="code"))
    assert [(row.name, row.customers, row.lots, row.operators) for row in found.rows] == [
        ("华东代理", 2, 2, 1),
        ("华西代理", 1, 1, 1),
    ]
    assert [row.name for row in list_agents(world.settings, admin, ListQuery(search="n3")).rows] == ["华西代理"]
    assert list_agents(world.settings, admin, ListQuery(search="%")).total == 0
    assert list_agents(world.settings, admin, ListQuery(size=1, page=2, sort="-code")).rows[0].name == "华东代理"


def test_an_agent_sees_itself_only(world: World) -> None:
    # The built-in role of agents cannot see this list at all; a role with the permission sees the own agent.
    with world.refused():
        list_agents(world.settings, world.actor("east"), ListQuery())
    allowed = replace(world.actor("east"), permissions=LOCAL.permissions)
    assert [row.node_id for row in list_agents(world.settings, allowed, ListQuery()).rows] == [AGENT]
    assert get_agent(world.settings, allowed, AGENT).name == "华东代理"


@pytest.mark.parametrize("login", ["east", "owner", "keeper"])
def test_others_reach_no_foreign_agent_whatever_their_role_permits(world: World, login: str) -> None:
    actor = replace(world.actor(login), permissions=LOCAL.permissions)
    with world.refused():
        get_agent(world.settings, actor, OTHER_AGENT)
    with world.refused():
        create_agent(world.settings, actor, FORM)
    with world.refused():
        edit_agent(world.settings, actor, OTHER_AGENT, 1, FORM)
    for node_id in (AGENT, OTHER_AGENT):
        with world.refused():
            set_agent_active(world.settings, actor, node_id, 1, active=False)
        with world.refused():
            delete_agent(world.settings, actor, node_id, 1)


def test_a_taken_code_is_refused_at_its_field_and_nothing_is_told_of_whose_it_is(world: World) -> None:
    admin = world.actor("admin")
    made = create_agent(world.settings, admin, replace(FORM, code="south", name="A secret"))
    delete_agent(world.settings, admin, made, 1)
    for code in ("south", "N4", "platform"):
        with pytest.raises(InvalidFields) as caught:
            create_agent(world.settings, admin, replace(FORM, code=code))
        [problem] = caught.value.problems
        assert problem.field == "code"
        assert problem.en == f"the code “{code}” is taken (deleted ones keep theirs); choose another or leave it empty"
        assert code in problem.zh


def test_bad_input_is_told_at_each_field_in_both_languages(world: World) -> None:
    bad = NodeForm(name=" ", code="a b", phone="call me", address="x" * 301, remark="\x07")
    with pytest.raises(InvalidFields) as caught:
        create_agent(world.settings, world.actor("admin"), bad)
    assert [problem.field for problem in caught.value.problems] == ["name", "phone", "address", "remark", "code"]
    for problem in caught.value.problems:
        assert problem.zh
        assert problem.en
        assert problem.zh != problem.en
    assert world.entries() == []


def test_the_second_of_two_who_edit_is_told_and_overwrites_nothing(world: World) -> None:
    admin = world.actor("admin")
    edit_agent(world.settings, admin, AGENT, 1, replace(FORM, name="第一人"))
    with pytest.raises(ParkError) as caught:
        edit_agent(world.settings, admin, AGENT, 1, replace(FORM, name="第二人"))
    assert caught.value.code == "conflict"
    assert "admin" in caught.value.en
    assert world.row(Node, AGENT).name == "第一人"


def test_of_many_parallel_edits_of_one_version_exactly_one_is_kept(world: World) -> None:
    admin = world.actor("admin")

    def edit(number: int) -> str:
        try:
            edit_agent(world.settings, admin, AGENT, 1, replace(FORM, name=f"第{number}人"))
        except ParkError as error:
            return error.code
        return "kept"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(edit, range(6)))
    assert sorted(outcomes) == ["conflict"] * 5 + ["kept"]
    assert world.row(Node, AGENT).name == f"第{outcomes.index('kept')}人"
    assert len(world.entries()) == 1


def test_saving_an_unchanged_form_writes_nothing(world: World) -> None:
    edit_agent(world.settings, world.actor("admin"), AGENT, 1, NodeForm(name="华东代理"))
    assert world.row(Node, AGENT).version == 1
    assert world.entries() == []


def test_operators_of_a_disabled_agent_and_of_its_customers_cannot_sign_in_until_it_is_on_again(world: World) -> None:
    admin = world.actor("admin")

    def who_may() -> set[str]:
        with ops_session(world.settings) as session:
            return {found.login for found in session.query(Operator) if may_sign_in(session, found)}

    everybody = who_may()
    set_agent_active(world.settings, admin, AGENT, 1, active=False)
    assert everybody - who_may() == {"east", "owner", "keeper", "analyst"}
    set_agent_active(world.settings, admin, AGENT, 2, active=True)
    assert who_may() == everybody
    assert [(entry.before, entry.after) for entry in world.entries()] == [
        ({"is_active": True}, {"is_active": False}),
        ({"is_active": False}, {"is_active": True}),
    ]


def test_an_agent_in_use_is_not_deleted_and_what_uses_it_is_named(world: World) -> None:
    admin = world.actor("admin")
    world.add(*(Node(parent_id=AGENT, level="customer", code=f"X{n}", name=f"客户{n}") for n in range(6)))
    with pytest.raises(ParkError) as caught:
        delete_agent(world.settings, admin, AGENT, 1)
    assert caught.value.code == "in_use"
    for named in ("8 customers", "安居物业", "and 3 more", "1 operators (east)"):
        assert named in caught.value.en
    assert "客户 8 个" in caught.value.zh
    assert "另有 3 个" in caught.value.zh
    assert world.row(Node, AGENT).deleted_at is None


def test_an_unused_agent_is_deleted_and_gone_from_the_list_but_kept(world: World) -> None:
    admin = world.actor("admin")
    made = create_agent(world.settings, admin, FORM)
    delete_agent(world.settings, admin, made, 1)
    assert made not in {row.node_id for row in list_agents(world.settings, admin, ListQuery()).rows}
    assert world.row(Node, made).deleted_at is not None
    with world.refused():
        get_agent(world.settings, admin, made)


def test_the_platform_is_no_agent_and_a_customer_is_none_either(world: World) -> None:
    admin = world.actor("admin")
    for change in (
        lambda: delete_agent(world.settings, admin, 1, 1),
        lambda: set_agent_active(world.settings, admin, 1, 1, active=False),
    ):
        with pytest.raises(ParkError) as caught:
            change()
        assert caught.value.code == "platform_node"
    with world.refused():
        edit_agent(world.settings, admin, CUSTOMER, 1, FORM)
