"""The forms of an operator: new, changed, password reset.

Belongs here: fields and what they come to. Does not belong here: the list (operators.py).
"""

from __future__ import annotations

from typing import Any

from dashboards.context import Context
from dashboards.ui import forms
from dashboards.views.settings.labels import places, role_title
from warehouse.services.operator_list import OperatorRow
from warehouse.services.operators import OperatorForm, reset_password, save_operator
from warehouse.services.roles import roles_to_give


def _fields(context: Context, row: OperatorRow | None) -> list[forms.Field]:
    text = context.text
    roles = {
        str(role.role_id): role_title(context, role.code, role.name, role.node_name)
        for role in roles_to_give(context.settings, context.actor)
    }
    where = dict(places(context))
    if row is not None:
        # What the operator has stays choosable, even a lot that was deleted meanwhile.
        where.setdefault(_place(row), row.lot_name or row.node_name)
    fields = [
        forms.Field("login", text("operators.login"), required=True, longest=64, disabled=row is not None),
        forms.Field("name", text("operators.name"), required=True),
        forms.Field("node_id", text("operators.place"), "choice", required=True, options=where),
        forms.Field("role_id", text("operators.role"), "choice", required=True, options=roles),
        forms.Field("phone", text("operators.phone"), longest=40),
        forms.Field("email", text("operators.email")),
    ]
    if row is None:
        fields.append(
            forms.Field(
                "password", text("operators.password"), "secret", wide=True, help_text=text("operators.password_help")
            )
        )
    return [*fields, forms.Field("remark", text("operators.remark"), "area", longest=500)]


def _place(row: OperatorRow) -> str:
    return f"n{row.node_id}" if row.lot_id is None else f"l{row.lot_id}"


def _form(values: dict[str, Any]) -> OperatorForm:
    place = values["node_id"]
    return OperatorForm(
        login=values["login"],
        name=values["name"],
        role_id=int(values["role_id"] or 0),
        node_id=int(place[1:]) if place.startswith("n") else None,
        lot_id=int(place[1:]) if place.startswith("l") else None,
        phone=values["phone"],
        email=values["email"],
        remark=values["remark"],
        password=values.get("password") or None,
    )


def add(context: Context) -> None:
    """Open the form of a new operator."""

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        saved = save_operator(renewed.settings, renewed.actor, _form(values))
        words = renewed.text
        once = {words("operators.login"): saved.login, words("operators.first_password"): saved.password or ""}
        return forms.Done(words("operators.added", login=saved.login), once if saved.password else {})

    title = context.text("operators.add")
    forms.open_form(context, forms.Form("operators_new", title, _fields(context, None), {}, submit, drawer=True))


def edit(context: Context, row: OperatorRow) -> None:
    """Open the form of an operator."""

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        save_operator(renewed.settings, renewed.actor, _form(values), row.operator_id, row.version)
        return forms.Done(renewed.text("operators.saved", login=row.login))

    initial = {
        "login": row.login,
        "name": row.name,
        "node_id": _place(row),
        "role_id": str(row.role_id),
        "phone": row.phone,
        "email": row.email,
        "remark": row.remark,
    }
    title = context.text("operators.edit_one")
    key = f"operators_{row.operator_id}"
    forms.open_form(context, forms.Form(key, title, _fields(context, row), initial, submit, drawer=True))


def reset(context: Context, row: OperatorRow) -> None:
    """Ask, then give a new password and show it once."""

    def submit(renewed: Context, _values: dict[str, Any], _form_id: str) -> forms.Done:
        password = reset_password(renewed.settings, renewed.actor, row.operator_id, row.version)
        words = renewed.text
        return forms.Done(
            words("operators.was_reset", login=row.login),
            {words("operators.login"): row.login, words("operators.new_password"): password},
        )

    text = context.text
    forms.open_form(
        context,
        forms.Form(
            f"operators_reset_{row.operator_id}",
            text("operators.reset"),
            [],
            {},
            submit,
            submit_label=text("operators.reset"),
            note=text("operators.reset_sure", name=row.name, login=row.login),
            danger=True,
            width="small",
        ),
    )
