"""Logins: who may sign in, with which role, and which part of the tree they see.

Belongs here: the first administrator; making, editing, disabling and deleting operators. Does not belong here: listing
them (``operator_list.py``), checking a password (``warehouse.security.logins``), what a role permits and who may give
it (``roles.py``).

Nobody edits an operator who has more rights than they have, nobody disables or deletes themselves, and the last
administrator of the platform stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, lazyload

from warehouse.errors import ParkError
from warehouse.ops.models import AuthSession, Lot, Node, Operator, Role
from warehouse.security.actor import Actor, permissions_of
from warehouse.security.logins import forget_failures
from warehouse.security.passwords import check_new_password, hash_password
from warehouse.services.fields import Fields
from warehouse.services.operator_list import unknown_operator
from warehouse.services.roles import (
    keeping_an_administrator,
    lock_rights,
    nodes_above,
    operators_in_scope,
    refuse_more_rights,
    role_to_give,
)
from warehouse.services.tree import ensure_platform
from warehouse.services.work import Work, locked, visible_lot, visible_node, working
from warehouse.settings import Settings

ADMIN_LOGIN = "admin"

# No 0/O, 1/l/I: a printed password is typed by hand once.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def generate_password(length: int = 14) -> str:
    """A random password of ``length`` letters and digits that are not mistaken for each other."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def create_operator(
    session: Session,
    *,
    login: str,
    name: str,
    role: str,
    node_id: int,
    lot_id: int | None = None,
    password: str | None = None,
    must_change_password: bool | None = None,
) -> str:
    """Add a login and return its password.

    Args:
        session: open session of the operational store.
        login: unique; stored in lower case, because sign-in ignores case.
        name: shown to people.
        role: code of a built-in role, see ``warehouse.security.permissions.BUILT_IN``.
        node_id: node of the tree whose lots the login sees.
        lot_id: set when the login sees one lot only.
        password: generated when None.
        must_change_password: whether the first sign-in leads to a form for a new one; when None, for a generated one.

    Raises:
        ParkError: ``login_taken`` when the login exists.
    """
    key = login.strip().casefold()
    if session.scalar(select(Operator.operator_id).where(Operator.login == key)) is not None:
        raise ParkError(
            zh=f"登录名 {key} 已存在，请换一个", en=f"login {key} exists already, choose another", code="login_taken"
        )
    chosen = password or generate_password()
    session.add(
        Operator(
            login=key,
            name=name,
            password_hash=hash_password(chosen),
            role_id=session.scalars(select(Role.role_id).where(Role.code == role)).one(),
            node_id=node_id,
            lot_id=lot_id,
            is_active=True,
            must_change_password=password is None if must_change_password is None else must_change_password,
            created_at=datetime.now(UTC),
        )
    )
    session.flush()
    return chosen


def ensure_admin(session: Session, settings: Settings, *, must_change_password: bool | None = None) -> str | None:
    """Create the platform node and the login ``admin`` when absent; ``must_change_password`` as for an operator.

    Returns:
        The password that was generated, to be printed once; None when the login exists already or its password came
        from ``PARK_ADMIN_PASSWORD``.
    """
    platform: Node = ensure_platform(session)
    if session.scalar(select(Operator.operator_id).where(Operator.login == ADMIN_LOGIN)) is not None:
        return None
    given = settings.admin_password.get_secret_value() if settings.admin_password else None
    password = create_operator(
        session,
        login=ADMIN_LOGIN,
        name="平台管理员",
        role="admin",
        node_id=platform.node_id,
        password=given,
        must_change_password=must_change_password,
    )
    return None if given else password


@dataclass(frozen=True)
class OperatorForm:
    """What the form of an operator holds.

    ``lot_id`` for an operator of one lot; the node is then the lot's customer, and ``node_id`` is not read.
    ``password`` counts for a new operator only; None or empty: generated.
    """

    login: str
    name: str
    role_id: int
    node_id: int | None = None
    lot_id: int | None = None
    phone: str | None = None
    email: str | None = None
    remark: str | None = None
    password: str | None = None


@dataclass(frozen=True)
class SavedOperator:
    """``password`` is the generated one, to be shown once; None when it was typed or nothing was made."""

    operator_id: int
    login: str
    password: str | None = None


def save_operator(
    settings: Settings,
    actor: Actor,
    form: OperatorForm,
    operator_id: int | None = None,
    expected_version: int | None = None,
) -> SavedOperator:
    """Make an operator, or change one; the password of a new one is generated unless it was typed.

    Raises:
        InvalidFields: by field.
        Forbidden: a foreign operator, node, lot or role, or rights that the actor lacks.
        ParkError: ``conflict``; ``last_administrator``.
    """
    with working(settings, actor, "operators.edit") as work:
        lock_rights(work.session)
        current = None if operator_id is None else _target(work, operator_id, expected_version)
        values = check_operator(work.session, actor, form, current)
        if current is None:
            return add_operator(work, values, form.password or None)
        change_operator(work, current, values)
        return SavedOperator(current.operator_id, current.login)


def check_operator(session: Session, actor: Actor, form: OperatorForm, current: Operator | None) -> dict[str, Any]:
    """The columns that a form comes to, for ``save_operator`` and imports; None: a new operator. Reads only.

    Raises:
        InvalidFields: by field.
        Forbidden: a foreign node, lot or role, or a role with rights that the actor lacks.
    """
    fields = Fields()
    login = form.login.strip().casefold() if current is not None else fields.code("login", form.login).casefold()
    name = fields.text("name", form.name, required=True)
    phone, email = fields.phone("phone", form.phone), fields.email("email", form.email)
    remark = fields.text("remark", form.remark, longest=500)
    if current is None and login and _login_exists(session, login):
        fields.wrong("login", f"登录名 {login} 已存在，请换一个", f"login {login} exists already, choose another")
    if current is not None and login != current.login:
        fields.wrong("login", f"登录名 {current.login} 不能更改", f"the login {current.login} cannot be changed")
    node_id, lot_id = _place(session, actor, form, current, fields)
    if not form.role_id:
        fields.wrong("role_id", "请选择角色", "choose a role")
    elif current is None or current.role_id != form.role_id or current.node_id != node_id:
        role = role_to_give(session, actor, form.role_id)
        if role.node_id is not None and node_id is not None and role.node_id not in nodes_above(session, node_id):
            fields.wrong(
                "role_id",
                f"角色“{role.name}”属于另一机构，不能授予这里的操作员",
                f"the role “{role.name}” belongs to another node and cannot be given here",
            )
    if current is None and form.password:
        check_new_password(fields, "password", form.password, login=login, person=name or "")
    fields.done()
    return {
        "login": login,
        "name": name,
        "phone": phone,
        "email": email,
        "remark": remark,
        "role_id": form.role_id,
        "node_id": node_id,
        "lot_id": lot_id,
    }


def add_operator(work: Work, values: Mapping[str, Any], password: str | None = None) -> SavedOperator:
    """Write a new operator whose ``values`` were checked; the password is generated when None."""
    generated = None if password else generate_password()
    operator = Operator(
        password_hash=hash_password(password or generated or ""),
        must_change_password=True,
        created_at=work.now,
        **{"is_active": True, **values},
    )
    work.session.add(operator)
    work.session.flush()
    _record(work, operator, None, _picture(work.session, operator))
    return SavedOperator(operator.operator_id, operator.login, generated)


def change_operator(work: Work, operator: Operator, values: Mapping[str, Any]) -> None:
    """Write checked ``values`` that differ, inside ``work``.

    Raises:
        ParkError: ``own_account`` for disabling oneself; ``last_administrator``.
    """
    changed = {name: value for name, value in values.items() if getattr(operator, name) != value}
    if not changed:
        return
    if changed.get("is_active") is False:
        _refuse_own(work.actor, operator, "停用", "disable")
        end_sessions(work.session, operator.operator_id)
    before = _picture(work.session, operator)
    with keeping_an_administrator(work.session):
        for name, value in changed.items():
            setattr(operator, name, value)
        work.session.flush()
        work.session.expire(operator, ["role"])
    _record(work, operator, before, _picture(work.session, operator))


def set_operator_active(
    settings: Settings, actor: Actor, operator_id: int, is_active: bool, expected_version: int | None = None
) -> None:
    """Disable an operator, which ends the sessions, or enable one again; errors as for ``save_operator``."""
    with working(settings, actor, "operators.edit") as work:
        lock_rights(work.session)
        change_operator(work, _target(work, operator_id, expected_version), {"is_active": is_active})


def delete_operator(settings: Settings, actor: Actor, operator_id: int, expected_version: int | None = None) -> None:
    """Delete an operator; the row stays for what refers to it, and the login stays taken.

    Raises:
        Forbidden: a foreign operator, or one with more rights than the actor.
        ParkError: ``own_account``; ``last_administrator``; ``conflict``.
    """
    with working(settings, actor, "operators.delete") as work:
        lock_rights(work.session)
        operator = _target(work, operator_id, expected_version)
        _refuse_own(actor, operator, "删除", "delete")
        before = _picture(work.session, operator)
        with keeping_an_administrator(work.session):
            operator.deleted_at = work.now
            operator.oidc_subject = None
        end_sessions(work.session, operator_id)
        _record(work, operator, before, None)


def reset_password(settings: Settings, actor: Actor, operator_id: int, expected_version: int | None = None) -> str:
    """Give an operator a generated password that must be changed at the next sign-in; ends all sessions and waits.

    Returns:
        The password, to be shown once.

    Raises:
        Forbidden: a foreign operator, or one with more rights than the actor.
        ParkError: ``own_account``, because that would go round the question for the present password; ``conflict``.
    """
    with working(settings, actor, "operators.edit") as work:
        lock_rights(work.session)
        operator = _target(work, operator_id, expected_version)
        if operator.operator_id == actor.operator_id:
            raise ParkError(
                zh="自己的密码不能在这里重置：请用“修改密码”",
                en="you cannot reset your own password here: use “change password”",
                code="own_account",
            )
        password = generate_password()
        operator.password_hash = hash_password(password)
        operator.must_change_password = True
        end_sessions(work.session, operator_id)
        forget_failures(work.session, operator.login)
        _record(work, operator, {"password": "kept"}, {"password": "reset"})
        return password


def end_sessions(session: Session, operator_id: int) -> None:
    """End every session of an operator inside the caller's transaction."""
    session.execute(delete(AuthSession).where(AuthSession.operator_id == operator_id))


def _target(work: Work, operator_id: int, expected_version: int | None) -> Operator:
    """An operator whom the actor may change, locked."""
    operator = locked_operator(work, operator_id)
    if operator is None:
        raise unknown_operator(operator_id)
    if expected_version is not None:
        work.expect(operator, expected_version, "operator", operator_id)
    refuse_touching(work.actor, operator)
    return operator


def locked_operator(work: Work, operator_id: int) -> Operator | None:
    """An operator in the actor's scope, locked until the transaction ends.

    The role is read by itself: PostgreSQL locks no row that an outer join brings along.
    """
    query = select(Operator).where(
        Operator.operator_id == operator_id, Operator.deleted_at.is_(None), operators_in_scope(work.actor)
    )
    return work.session.scalar(locked(query.options(lazyload(Operator.role))))


def refuse_touching(actor: Actor, operator: Operator) -> None:
    """Refuse to change somebody who has rights that the actor lacks; Forbidden."""
    refuse_more_rights(
        actor, permissions_of(operator.role), f"操作员“{operator.login}”拥有", f"“{operator.login}” holds"
    )


def _refuse_own(actor: Actor, operator: Operator, zh: str, en: str) -> None:
    if operator.operator_id == actor.operator_id:
        raise ParkError(
            zh=f"不能{zh}自己的账号：请由其他管理员操作",
            en=f"you cannot {en} your own account: ask another administrator",
            code="own_account",
        )


def _login_exists(session: Session, login: str) -> bool:
    return session.scalar(select(Operator.operator_id).where(Operator.login == login)) is not None


def _place(
    session: Session, actor: Actor, form: OperatorForm, current: Operator | None, fields: Fields
) -> tuple[int | None, int | None]:
    """Node and lot of the form; what the operator has already may stay, even of a lot that was deleted."""
    if form.lot_id is not None:
        if current is not None and current.lot_id == form.lot_id:
            return current.node_id, current.lot_id
        return visible_lot(session, actor, form.lot_id).customer_id, form.lot_id
    if form.node_id is None:
        fields.wrong("node_id", "请选择所属机构或停车场", "choose a node or a lot")
        return None, None
    return visible_node(session, actor, form.node_id).node_id, None


def _picture(session: Session, operator: Operator) -> dict[str, Any]:
    """The operator as the log keeps it, with role, node and lot as people know them."""
    role = session.get_one(Role, operator.role_id)
    lot = None if operator.lot_id is None else session.get_one(Lot, operator.lot_id)
    return {
        "login": operator.login,
        "name": operator.name,
        "phone": operator.phone,
        "email": operator.email,
        "remark": operator.remark,
        "role": role.code or role.name,
        "node": session.get_one(Node, operator.node_id).code,
        "lot": None if lot is None else lot.code,
        "is_active": operator.is_active,
    }


def _record(work: Work, operator: Operator, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
    work.record(
        "operator",
        operator.operator_id,
        operator.name,
        before,
        after,
        node_id=operator.node_id,
        lot_id=operator.lot_id,
    )
