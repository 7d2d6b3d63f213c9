"""The form of an owner: owner, vehicles, spaces, groups, and for a new one the first money.

Belongs here: fields and what becomes of them. Does not belong here: checks and saving
(``warehouse.services.owner_changes``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import forms
from dashboards.views.parkers.labels import code_labels
from warehouse.services.fields import InvalidFields, Problem
from warehouse.services.owner_changes import create_owner, edit_owner
from warehouse.services.owner_forms import CLASSES, GroupForm, OwnerForm, SpaceForm, VehicleForm
from warehouse.services.owner_opening import open_owner
from warehouse.services.owners import OwnerView, area_names, get_owner
from warehouse.services.visible import LotName
from warehouse.services.wallets import TOP_UP_METHODS, MoneyForm

TABLES = ("vehicles", "spaces", "groups")


def open_new(context: Context, lot: LotName, *, with_money: bool) -> None:
    """Open an empty form for ``lot``; ``with_money`` asks for a first top-up as well."""

    def submit(renewed: Context, values: dict[str, Any], form_id: str) -> forms.Done:
        form = _typed(lot.lot_id, values, None)
        amount = (values.get("amount") or "").strip()
        with_rows(
            lambda: (
                open_owner(
                    renewed.settings,
                    renewed.actor,
                    form,
                    MoneyForm(amount, values["method"] or None, values["money_remark"]),
                    form_id,
                )
                if amount
                else create_owner(renewed.settings, renewed.actor, form)
            )
        )
        return forms.Done(renewed.text("parkers.saved", name=form.name))

    forms.open_form(
        context,
        forms.Form(
            key=f"parkers_new_{lot.lot_id}",
            title=context.text("parkers.add_to", lot=lot.name),
            fields=[*_fields(context, lot.lot_id), *(_money_fields(context) if with_money else [])],
            initial={},
            submit=submit,
            width="large",
        ),
    )


def open_edit(context: Context, owner_id: int) -> None:
    """Open the form of an owner."""
    owner = get_owner(context.settings, context.actor, owner_id)

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = _typed(owner.lot_id, values, owner)
        with_rows(lambda: edit_owner(renewed.settings, renewed.actor, owner_id, owner.version, form))
        return forms.Done(renewed.text("parkers.saved", name=form.name))

    text = context.text
    forms.open_form(
        context,
        forms.Form(
            # What was typed on top of something older is not offered again.
            key=f"parkers_edit_{owner_id}_{owner.version}",
            title=text("parkers.edit_of", name=owner.name),
            fields=_fields(context, owner.lot_id),
            initial=_initial(owner),
            submit=submit,
            note=text("parkers.edit_note", lot=owner.lot_name, balance=f"{owner.balance:,.2f}"),
            width="large",
        ),
    )


def with_rows(act: Callable[[], object]) -> None:
    """Do it; a problem of a row is told at its table, with the number of the row."""
    try:
        act()
    except InvalidFields as error:
        raise InvalidFields([_at_table(problem) for problem in error.problems]) from error


def _at_table(problem: Problem) -> Problem:
    table, _, rest = problem.field.partition(".")
    place = rest.split(".")[0]
    if table not in TABLES or not place.isdecimal():
        return problem
    row = int(place) + 1
    return Problem(table, f"第 {row} 行：{problem.zh}", f"row {row}: {problem.en}")


def _fields(context: Context, lot_id: int) -> list[forms.Field]:
    text = context.text
    number = st.column_config.NumberColumn("#", width=40, disabled=True)
    colours, classes = code_labels(context, "plate_color"), code_labels(context, "vehicle_class", CLASSES)
    areas = area_names(context.settings, context.actor, lot_id)
    return [
        forms.Field("name", text("parkers.name"), required=True, longest=100),
        forms.Field("code", text("parkers.code"), longest=64, help_text=text("parkers.code_help")),
        forms.Field("phone", text("parkers.phone"), longest=40),
        forms.Field("address", text("parkers.address"), longest=200),
        forms.Field(
            "vehicles",
            text("parkers.vehicles_note"),
            "table",
            columns={
                "number": number,
                "plate": st.column_config.TextColumn(text("parkers.plate"), width=110),
                "plate_colour": st.column_config.SelectboxColumn(
                    text("parkers.colour"),
                    options=list(colours),
                    format_func=lambda code: colours.get(str(code), str(code)),
                ),
                "vehicle_class": st.column_config.SelectboxColumn(
                    text("parkers.class"),
                    options=list(classes),
                    format_func=lambda code: classes.get(str(code), str(code)),
                ),
                "valid_from": st.column_config.DateColumn(text("parkers.valid_from"), format="YYYY-MM-DD"),
                "valid_to": st.column_config.DateColumn(text("parkers.valid_to"), format="YYYY-MM-DD"),
                "group": st.column_config.TextColumn(text("parkers.group")),
            },
        ),
        forms.Field(
            "spaces",
            text("parkers.spaces_note"),
            "table",
            columns={
                "number": st.column_config.TextColumn(text("parkers.space")),
                "area_id": st.column_config.SelectboxColumn(
                    text("parkers.area"), options=list(areas), format_func=lambda code: areas.get(str(code), str(code))
                ),
            },
        ),
        forms.Field(
            "groups",
            text("parkers.groups_note"),
            "table",
            columns={
                "number": number,
                "name": st.column_config.TextColumn(text("parkers.group")),
                "spaces": st.column_config.NumberColumn(text("parkers.shared_spaces"), min_value=1, step=1),
            },
        ),
        forms.Field("remark", text("parkers.remark"), "area", longest=500),
    ]


def _money_fields(context: Context) -> list[forms.Field]:
    text = context.text
    return [
        forms.Field("money", text("parkers.first_money"), "note"),
        forms.Field("amount", text("parkers.top_up_amount"), "money"),
        forms.Field("method", text("parkers.method"), "choice", options=code_labels(context, "method", TOP_UP_METHODS)),
        forms.Field("money_remark", text("parkers.money_remark"), longest=500, wide=True),
    ]


def _initial(owner: OwnerView) -> dict[str, Any]:
    return {
        **{name: getattr(owner, name) for name in ("name", "code", "phone", "address", "remark")},
        "vehicles": [
            {
                "number": number,
                **{name: getattr(row, name) for name in _VEHICLE_COLUMNS},
            }
            for number, row in enumerate(owner.vehicles, start=1)
        ],
        "spaces": [{"number": space.number, "area_id": space.area_id} for space in owner.spaces],
        "groups": [
            {"number": number, "name": group.name, "spaces": group.spaces}
            for number, group in enumerate(owner.groups, start=1)
        ],
    }


_VEHICLE_COLUMNS = ("plate", "plate_colour", "vehicle_class", "valid_from", "valid_to", "group")


def _typed(lot_id: int, values: dict[str, Any], owner: OwnerView | None) -> OwnerForm:
    """The service's form; the number of a row says which vehicle or group it was when the form was opened."""
    vehicle_ids = [row.vehicle_id for row in owner.vehicles] if owner else []
    group_ids = [group.group_id for group in owner.groups] if owner else []
    return OwnerForm(
        lot_id=lot_id,
        **{name: values[name] or "" for name in ("name", "code", "phone", "address", "remark")},
        vehicles=tuple(
            VehicleForm(
                plate=row["plate"] or "",
                plate_colour=row["plate_colour"] or None,
                vehicle_class=row["vehicle_class"] or CLASSES[0],
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
                group=row["group"],
                vehicle_id=_was(vehicle_ids, row["number"]),
            )
            for row in values["vehicles"]
        ),
        spaces=tuple(SpaceForm(row["number"] or "", row["area_id"]) for row in values["spaces"]),
        groups=tuple(
            GroupForm(row["name"] or "", row["spaces"], _was(group_ids, row["number"])) for row in values["groups"]
        ),
    )


def _was(ids: list[int], number: int | None) -> int | None:
    return ids[number - 1] if number is not None and 1 <= number <= len(ids) else None
