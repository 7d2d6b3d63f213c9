"""Operators: who may change whom, and what a change does at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.unit.security.tenants import NOW, Tenants, tenants_in
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuthFailure, AuthSession, Operator
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import LOCAL
from warehouse.security.passwords import password_matches
from warehouse.security.sessions import open_session, signed_in
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.operator_list import get_operator, list_operators
from warehouse.services.operators import (
    OperatorForm,
    delete_operator,
    reset_password,
    save_operator,
    set_operator_active,
)
from warehouse.services.roles import RoleForm, save_role


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path)


def form(
    tenants: Tenants, login: str = "new", role: str = "finance", node: str = "sun", **more: object
) -> OperatorForm:
    return OperatorForm(login=login, name="新人", role_id=tenants.roles[role], node_id=tenants.nodes[node], **more)  # type: ignore[arg-type]


def open_browser(tenants: Tenants, operator_id: int) -> str:
    with write_session(tenants.settings) as session:
        operator = session.get_one(Operator, operator_id)
        return open_session(
            session, tenants.settings, operator, how="password", address="10.0.0.2", user_agent="x", now=NOW
        )


def logins(tenants: Tenants, who: str, **filters: object) -> set[str]:
    found = list_operators(tenants.settings, tenants.actor(who), ListQuery(), **filters)  # type: ignore[arg-type]
    assert found.total == len(found.rows)
    return {row.login for row in found.rows}


def test_a_new_operator_gets_a_generated_password_that_must_be_changed(tenants: Tenants) -> None:
    saved = save_operator(tenants.settings, tenants.actor("sun"), form(tenants, " NEW ", phone="+86 13800000000"))
    made = tenants.operator("new")
    assert saved.login == "new"
    assert saved.password is not None
    assert password_matches(made.password_hash, saved.password)
    assert made.must_change_password
    entry = tenants.log("operators.edit")[-1]
    assert (entry.entity, entry.entity_name, entry.node_id, entry.before) == (
        "operator",
        "新人",
        tenants.nodes["sun"],
        None,
    )
    assert entry.after is not None
    assert entry.after["role"] == "finance"
    assert saved.password not in str(entry.after)


def test_a_typed_password_is_checked_used_and_not_given_back(tenants: Tenants) -> None:
    with pytest.raises(InvalidFields) as caught:
        save_operator(tenants.settings, tenants.actor("sun"), form(tenants, password="short"))
    assert [problem.field for problem in caught.value.problems] == ["password"]
    saved = save_operator(tenants.settings, tenants.actor("sun"), form(tenants, password="correct horse 7 staple"))
    assert saved.password is None
    assert password_matches(tenants.operator("new").password_hash, "correct horse 7 staple")


def test_every_wrong_field_is_told_at_once_in_both_languages(tenants: Tenants) -> None:
    wrong = OperatorForm(login="a b", name=" ", role_id=0, phone="call me", email="nowhere", remark="x" * 501)
    with pytest.raises(InvalidFields) as caught:
        save_operator(tenants.settings, tenants.actor("sun"), wrong)
    problems = caught.value.problems
    assert {problem.field for problem in problems} == {
        "login",
        "name",
        "phone",
        "email",
        "remark",
        "node_id",
        "role_id",
    }
    assert all(problem.zh and problem.en for problem in problems)


def test_a_login_stays_taken_after_its_operator_was_deleted(tenants: Tenants) -> None:
    actor = tenants.actor("sun")
    delete_operator(tenants.settings, actor, tenants.operators["sun-finance"])
    with pytest.raises(InvalidFields, match="exists already"):
        save_operator(tenants.settings, actor, form(tenants, "Sun-Finance"))
    with pytest.raises(Forbidden):
        get_operator(tenants.settings, actor, tenants.operators["sun-finance"])


def test_a_login_cannot_be_changed(tenants: Tenants) -> None:
    with pytest.raises(InvalidFields, match="cannot be changed"):
        save_operator(tenants.settings, tenants.actor("sun"), form(tenants, "other"), tenants.operators["sun-finance"])


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("admin", {"admin", "second-admin", "east", "sun", "sun-finance", "sun-lot", "west", "moon", "moon-lot"}),
        ("east", {"east", "sun", "sun-finance", "sun-lot"}),
        ("sun", {"sun", "sun-finance", "sun-lot"}),
        ("sun-lot", {"sun-lot"}),
    ],
)
def test_operators_are_listed_at_or_below_the_own_node(tenants: Tenants, who: str, seen: set[str]) -> None:
    assert logins(tenants, who) == seen


def test_filters_narrow_the_list(tenants: Tenants) -> None:
    set_operator_active(tenants.settings, tenants.actor("sun"), tenants.operators["sun-finance"], False)
    assert logins(tenants, "admin", node_id=tenants.nodes["east"]) == {"east", "sun", "sun-finance", "sun-lot"}
    assert logins(tenants, "admin", lot_id=tenants.lots["M-1"]) == {"moon-lot"}
    assert logins(tenants, "admin", role_id=tenants.roles["customer"]) == {"sun", "moon"}
    assert logins(tenants, "sun", is_active=False) == {"sun-finance"}
    found = list_operators(tenants.settings, tenants.actor("admin"), ListQuery(search="MOON-", sort="-login"))
    assert [row.login for row in found.rows] == ["moon-lot"]


def test_nobody_gives_a_role_with_rights_that_they_lack(tenants: Tenants) -> None:
    with pytest.raises(Forbidden, match="nobody can give more"):
        save_operator(tenants.settings, tenants.actor("sun"), form(tenants, role="agent"))
    with pytest.raises(Forbidden, match="nobody can give more"):
        save_operator(
            tenants.settings,
            tenants.actor("sun"),
            form(tenants, "sun-finance", role="admin"),
            tenants.operators["sun-finance"],
        )
    assert [entry.outcome for entry in tenants.log("operators.edit")] == ["refused", "refused"]


def test_nobody_raises_themselves(tenants: Tenants) -> None:
    with pytest.raises(Forbidden, match="nobody can give more"):
        save_operator(
            tenants.settings, tenants.actor("sun"), form(tenants, "sun", role="admin"), tenants.operators["sun"]
        )
    with pytest.raises(Forbidden, match="does not exist"):
        save_operator(
            tenants.settings,
            tenants.actor("sun"),
            form(tenants, "sun", role="customer", node="east"),
            tenants.operators["sun"],
        )


def test_nobody_touches_an_operator_with_more_rights(tenants: Tenants) -> None:
    lesser = save_role(
        tenants.settings,
        tenants.actor("sun"),
        RoleForm("人事", frozenset({"operators.view", "operators.edit", "operators.delete"})),
    )
    save_operator(
        tenants.settings,
        tenants.actor("sun"),
        OperatorForm("clerk", "文员", lesser, tenants.nodes["sun"]),
    )
    clerk, above = tenants.actor("clerk"), tenants.operators["sun"]
    for attempt in (
        lambda: save_operator(tenants.settings, clerk, form(tenants, "sun", role="customer"), above),
        lambda: set_operator_active(tenants.settings, clerk, above, False),
        lambda: delete_operator(tenants.settings, clerk, above),
        lambda: reset_password(tenants.settings, clerk, above),
    ):
        with pytest.raises(Forbidden, match="nobody can give more"):
            attempt()
    row = get_operator(tenants.settings, clerk, above)
    assert not row.may_edit


def test_a_role_of_another_node_cannot_be_given(tenants: Tenants) -> None:
    own = save_role(tenants.settings, tenants.actor("moon"), RoleForm("月亮", frozenset({"home.view"})))
    of_agent = save_role(tenants.settings, tenants.actor("east"), RoleForm("东部", frozenset({"home.view"})))
    with pytest.raises(Forbidden, match="does not exist"):
        save_operator(tenants.settings, tenants.actor("sun"), OperatorForm("x1", "x", own, tenants.nodes["sun"]))
    with pytest.raises(InvalidFields, match="belongs to another node"):
        save_operator(tenants.settings, tenants.actor("admin"), OperatorForm("x2", "x", own, tenants.nodes["sun"]))
    # A role of the agent above may be given below it.
    save_operator(tenants.settings, tenants.actor("sun"), OperatorForm("x3", "x", of_agent, tenants.nodes["sun"]))
    assert tenants.operator("x3").role_id == of_agent


def test_an_operator_of_a_lot_sits_on_the_lots_customer(tenants: Tenants) -> None:
    saved = save_operator(
        tenants.settings,
        tenants.actor("east"),
        OperatorForm("guard", "门卫", tenants.roles["lot"], lot_id=tenants.lots["S-2"]),
    )
    row = get_operator(tenants.settings, tenants.actor("sun"), saved.operator_id)
    assert (row.node_id, row.lot_name) == (tenants.nodes["sun"], "S-2 停车场")
    assert tenants.actor("guard").scope.lot_ids == {tenants.lots["S-2"]}


def test_disabling_ends_the_sessions_and_enabling_lets_in_again(tenants: Tenants) -> None:
    operator_id = tenants.operators["sun-finance"]
    token = open_browser(tenants, operator_id)
    assert signed_in(tenants.settings, token, now=NOW) is not None
    set_operator_active(tenants.settings, tenants.actor("sun"), operator_id, False)
    assert signed_in(tenants.settings, token, now=NOW) is None
    with ops_session(tenants.settings) as session:
        assert session.scalar(select(func.count()).select_from(AuthSession)) == 0
    set_operator_active(tenants.settings, tenants.actor("sun"), operator_id, True)
    assert tenants.operator("sun-finance").is_active
    assert signed_in(tenants.settings, token, now=NOW) is None


def test_a_reset_password_works_once_shown_and_ends_sessions_and_waits(tenants: Tenants) -> None:
    operator_id = tenants.operators["sun-lot"]
    token = open_browser(tenants, operator_id)
    with ops_session(tenants.settings) as session:
        session.add(AuthFailure(login=tenants.operator("sun-lot").login.casefold(), address="192.0.2.1", failed_at=NOW))
    password = reset_password(tenants.settings, tenants.actor("sun"), operator_id)
    with ops_session(tenants.settings) as session:
        assert session.scalar(select(func.count()).select_from(AuthFailure)) == 0
    operator = tenants.operator("sun-lot")
    assert password_matches(operator.password_hash, password)
    assert operator.must_change_password
    assert signed_in(tenants.settings, token, now=NOW) is None
    assert password not in str([(entry.before, entry.after) for entry in tenants.log()])


@pytest.mark.parametrize(
    "attempt",
    [
        lambda t, a, o: delete_operator(t.settings, a, o),
        lambda t, a, o: set_operator_active(t.settings, a, o, False),
        lambda t, a, o: reset_password(t.settings, a, o),
    ],
    ids=["delete", "disable", "reset"],
)
def test_nobody_deletes_disables_or_resets_themselves(tenants: Tenants, attempt: Callable[..., object]) -> None:
    with pytest.raises(ParkError) as caught:
        attempt(tenants, tenants.actor("sun"), tenants.operators["sun"])
    assert caught.value.code == "own_account"
    assert tenants.operator("sun").is_active


def _leave_one_administrator(tenants: Tenants) -> None:
    delete_operator(tenants.settings, LOCAL, tenants.operators["second-admin"])


@pytest.mark.parametrize(
    "attempt",
    [
        lambda t, o: delete_operator(t.settings, LOCAL, o),
        lambda t, o: set_operator_active(t.settings, LOCAL, o, False),
        lambda t, o: save_operator(t.settings, LOCAL, form(t, "admin", "analyst", "platform"), o),
        lambda t, o: save_operator(t.settings, LOCAL, form(t, "admin", "admin", "east"), o),
        lambda t, o: save_operator(
            t.settings, LOCAL, OperatorForm("admin", "x", t.roles["admin"], lot_id=t.lots["S-1"]), o
        ),
    ],
    ids=["delete", "disable", "demote", "move", "bind to a lot"],
)
def test_the_last_administrator_stays(tenants: Tenants, attempt: Callable[..., object]) -> None:
    _leave_one_administrator(tenants)
    with pytest.raises(ParkError) as caught:
        attempt(tenants, tenants.operators["admin"])
    assert caught.value.code == "last_administrator"
    operator = tenants.operator("admin")
    assert (operator.is_active, operator.deleted_at, operator.node_id) == (True, None, tenants.nodes["platform"])


def test_the_role_of_the_last_administrator_keeps_its_rights(tenants: Tenants) -> None:
    rights = frozenset({"operators.view", "operators.edit", "roles.view", "roles.edit"})
    role_id = save_role(tenants.settings, LOCAL, RoleForm("自定义管理员", rights))
    save_operator(
        tenants.settings,
        LOCAL,
        OperatorForm("admin", "x", role_id, tenants.nodes["platform"]),
        tenants.operators["admin"],
    )
    _leave_one_administrator(tenants)
    with pytest.raises(ParkError) as caught:
        save_role(tenants.settings, LOCAL, RoleForm("自定义管理员", rights - {"roles.edit"}), role_id)
    assert caught.value.code == "last_administrator"


def test_two_administrators_who_disable_each_other_at_the_same_time_leave_one(tenants: Tenants) -> None:
    start, errors = threading.Barrier(2), []

    def disable(by: str, whom: str) -> None:
        actor = tenants.actor(by)
        start.wait()
        try:
            set_operator_active(tenants.settings, actor, tenants.operators[whom], False)
        except ParkError as error:
            errors.append(error.code)

    pair = [
        threading.Thread(target=disable, args=names) for names in (("admin", "second-admin"), ("second-admin", "admin"))
    ]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()
    assert errors == ["last_administrator"]
    with ops_session(tenants.settings) as session:
        left = select(func.count()).where(Operator.is_active, Operator.role_id == tenants.roles["admin"])
        assert session.scalar(left) == 1


def test_the_second_of_two_who_edit_is_told(tenants: Tenants) -> None:
    operator_id = tenants.operators["sun-finance"]
    opened = get_operator(tenants.settings, tenants.actor("sun"), operator_id)
    changed = form(tenants, "sun-finance", phone="021-5555")
    save_operator(tenants.settings, tenants.actor("east"), changed, operator_id, opened.version)
    with pytest.raises(ParkError, match=r"east at .* changed this") as caught:
        save_operator(tenants.settings, tenants.actor("sun"), form(tenants, "sun-finance"), operator_id, opened.version)
    assert caught.value.code == "conflict"
    assert tenants.operator("sun-finance").phone == "021-5555"


def test_saving_what_is_there_already_writes_nothing(tenants: Tenants) -> None:
    before = tenants.operator("sun-finance")
    same = OperatorForm("sun-finance", before.name, before.role_id, before.node_id)
    save_operator(tenants.settings, tenants.actor("sun"), same, before.operator_id)
    assert tenants.operator("sun-finance").version == before.version
    assert tenants.log() == []
