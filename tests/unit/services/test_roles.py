"""Roles: rights are given within one's own, and take effect at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Role
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.permissions import ACTIONS, ALL_PERMISSIONS, BUILT_IN
from warehouse.services.fields import Fields, InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.operators import OperatorForm, delete_operator, save_operator
from warehouse.services.roles import (
    RoleForm,
    check_permissions,
    delete_role,
    get_role,
    in_menu_order,
    list_roles,
    roles_to_give,
    save_role,
)

SEES_HOME = RoleForm("只看首页", frozenset({"home.view"}))


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path)


def names(tenants: Tenants, who: str) -> set[str]:
    found = list_roles(tenants.settings, tenants.actor(who), ListQuery())
    return {row.name for row in found.rows if row.code is None}


def hire(tenants: Tenants, login: str, role_id: int) -> None:
    save_operator(tenants.settings, tenants.actor("sun"), OperatorForm(login, "新人", role_id, tenants.nodes["sun"]))


def test_built_in_roles_are_listed_and_cannot_be_changed_or_deleted(tenants: Tenants) -> None:
    found = list_roles(tenants.settings, tenants.actor("admin"), ListQuery())
    assert {row.code for row in found.rows} == set(BUILT_IN)
    assert not any(row.may_edit for row in found.rows)
    for row in found.rows:
        assert frozenset(row.permissions) == BUILT_IN[row.code or ""]
    with pytest.raises(Forbidden, match="built in"):
        save_role(tenants.settings, LOCAL, SEES_HOME, tenants.roles["finance"])
    with pytest.raises(Forbidden, match="built in"):
        delete_role(tenants.settings, LOCAL, tenants.roles["finance"])


def test_a_role_belongs_to_its_makers_node_and_is_seen_below_it_and_above_it_only(tenants: Tenants) -> None:
    save_role(tenants.settings, tenants.actor("east"), RoleForm("东部", frozenset({"home.view"})))
    save_role(tenants.settings, tenants.actor("sun"), RoleForm("太阳", frozenset({"home.view"})))
    save_role(tenants.settings, tenants.actor("admin"), RoleForm("平台", frozenset({"home.view", "backup.view"})))
    assert names(tenants, "admin") == {"东部", "太阳", "平台"}
    assert names(tenants, "east") == {"东部", "太阳"}
    assert names(tenants, "sun") == {"东部", "太阳"}
    assert names(tenants, "moon") == set()


def test_roles_to_give_hold_nothing_that_the_giver_lacks_and_fit_the_node(tenants: Tenants) -> None:
    of_moon = save_role(tenants.settings, tenants.actor("moon"), SEES_HOME)
    for who in ("admin", "east", "sun", "sun-lot"):
        actor = tenants.actor(who)
        offered = roles_to_give(tenants.settings, actor)
        assert offered
        assert all(frozenset(row.permissions) <= actor.permissions for row in offered)
    everywhere = roles_to_give(tenants.settings, tenants.actor("admin"))
    at_sun = roles_to_give(tenants.settings, tenants.actor("admin"), tenants.nodes["sun"])
    assert of_moon in {row.role_id for row in everywhere}
    assert of_moon not in {row.role_id for row in at_sun}


def test_only_permissions_that_the_maker_holds_can_be_ticked(tenants: Tenants) -> None:
    with pytest.raises(Forbidden, match=r"backup\.view"):
        save_role(tenants.settings, tenants.actor("sun"), RoleForm("x", frozenset({"backup.view"})))
    assert tenants.log("roles.edit")[-1].outcome == "refused"


def test_a_role_with_more_rights_than_its_editor_is_not_touched(tenants: Tenants) -> None:
    clerk = save_role(
        tenants.settings, tenants.actor("sun"), RoleForm("小", frozenset({"roles.view", "roles.edit", "roles.delete"}))
    )
    other = save_role(tenants.settings, tenants.actor("sun"), RoleForm("大", frozenset({"lots.view"})))
    hire(tenants, "clerk", clerk)
    with pytest.raises(Forbidden, match=r"lots\.view"):
        save_role(tenants.settings, tenants.actor("clerk"), RoleForm("大", frozenset({"roles.view"})), other)
    with pytest.raises(Forbidden, match=r"lots\.view"):
        delete_role(tenants.settings, tenants.actor("clerk"), other)


@pytest.mark.parametrize("permission", ["lots.edit", "lots.export", "lots.delete"])
def test_an_action_needs_the_view(tenants: Tenants, permission: str) -> None:
    with pytest.raises(InvalidFields, match="needs view") as caught:
        save_role(tenants.settings, tenants.actor("admin"), RoleForm("x", frozenset({permission})))
    assert [(p.field, "查看" in p.zh) for p in caught.value.problems] == [("permissions", True)]


@given(st.frozensets(st.sampled_from(sorted(ALL_PERMISSIONS)), min_size=1))
def test_a_set_is_accepted_exactly_when_every_action_has_its_view(permissions: frozenset[str]) -> None:
    fields = Fields()
    check_permissions(fields, permissions)
    closed = all(f"{permission.partition('.')[0]}.view" in permissions for permission in permissions)
    assert bool(fields.problems) != closed
    assert frozenset(in_menu_order(permissions)) == permissions


def test_the_built_in_roles_would_be_accepted() -> None:
    for permissions in BUILT_IN.values():
        fields = Fields()
        check_permissions(fields, permissions)
        assert fields.problems == []
        assert all(permission.rpartition(".")[2] in ACTIONS for permission in permissions)


def test_nothing_ticked_an_unknown_permission_and_a_taken_name_are_told(tenants: Tenants) -> None:
    save_role(tenants.settings, tenants.actor("sun"), SEES_HOME)
    for wrong, field in (
        (RoleForm("x", frozenset()), "permissions"),
        (RoleForm("x", frozenset({"home.view", "no_such.view"})), "permissions"),
        (SEES_HOME, "name"),
        (RoleForm("财务", frozenset({"home.view"})), "name"),
        (RoleForm(" ", frozenset({"home.view"})), "name"),
    ):
        with pytest.raises(InvalidFields) as caught:
            save_role(tenants.settings, tenants.actor("sun"), wrong)
        assert {problem.field for problem in caught.value.problems} == {field}
    # Another tenant may use the same name.
    save_role(tenants.settings, tenants.actor("moon"), SEES_HOME)


def test_a_change_takes_effect_at_the_holders_next_request(tenants: Tenants) -> None:
    role_id = save_role(tenants.settings, tenants.actor("sun"), SEES_HOME)
    hire(tenants, "clerk", role_id)
    assert tenants.actor("clerk").permissions == {"home.view"}
    save_role(
        tenants.settings, tenants.actor("sun"), RoleForm("多一些", frozenset({"home.view", "lots.view"})), role_id
    )
    assert tenants.actor("clerk").permissions == {"home.view", "lots.view"}
    save_role(tenants.settings, tenants.actor("sun"), RoleForm("少一些", frozenset({"lots.view"})), role_id)
    assert tenants.actor("clerk").permissions == {"lots.view"}
    entry = tenants.log("roles.edit")[-1]
    assert (entry.before, entry.after) == (
        {"name": "多一些", "permissions": ["home.view", "lots.view"]},
        {"name": "少一些", "permissions": ["lots.view"]},
    )


def test_two_who_tick_at_the_same_time_do_not_overwrite_each_other(tenants: Tenants) -> None:
    role_id = save_role(tenants.settings, tenants.actor("sun"), SEES_HOME)
    opened = get_role(tenants.settings, tenants.actor("sun"), role_id)
    form = RoleForm(SEES_HOME.name, frozenset({"home.view", "lots.view"}))
    save_role(tenants.settings, tenants.actor("east"), form, role_id, opened.version)
    with pytest.raises(ParkError) as caught:
        save_role(tenants.settings, tenants.actor("sun"), SEES_HOME, role_id, opened.version)
    assert caught.value.code == "conflict"


def test_a_role_in_use_is_not_deleted_and_its_holders_are_named(tenants: Tenants) -> None:
    role_id = save_role(tenants.settings, tenants.actor("sun"), SEES_HOME)
    hire(tenants, "clerk", role_id)
    with pytest.raises(ParkError, match="clerk") as caught:
        delete_role(tenants.settings, tenants.actor("sun"), role_id)
    assert caught.value.code == "role_in_use"
    assert "clerk" in caught.value.zh


def test_a_role_that_only_deleted_operators_held_is_deleted(tenants: Tenants) -> None:
    role_id = save_role(tenants.settings, tenants.actor("sun"), SEES_HOME)
    hire(tenants, "clerk", role_id)
    delete_operator(tenants.settings, tenants.actor("sun"), tenants.operator("clerk").operator_id)
    delete_role(tenants.settings, tenants.actor("sun"), role_id)
    with ops_session(tenants.settings) as session:
        assert session.get(Role, role_id) is None
    assert tenants.operator("clerk").role.code == "lot"
    assert tenants.log("roles.delete")[-1].after is None


def test_an_operator_of_one_lot_makes_no_roles(tenants: Tenants) -> None:
    role_id = save_role(
        tenants.settings, tenants.actor("sun"), RoleForm("场管", frozenset({"roles.view", "roles.edit"}))
    )
    save_operator(
        tenants.settings, tenants.actor("sun"), OperatorForm("guard", "门卫", role_id, lot_id=tenants.lots["S-1"])
    )
    with pytest.raises(Forbidden, match="single lot"):
        save_role(tenants.settings, tenants.actor("guard"), RoleForm("x", frozenset({"roles.view"})))


def test_saving_what_is_there_already_writes_nothing(tenants: Tenants) -> None:
    role_id = save_role(tenants.settings, tenants.actor("sun"), SEES_HOME)
    written = len(tenants.log())
    save_role(tenants.settings, tenants.actor("sun"), SEES_HOME, role_id)
    assert len(tenants.log()) == written
    assert get_role(tenants.settings, tenants.actor("sun"), role_id).version == 1
