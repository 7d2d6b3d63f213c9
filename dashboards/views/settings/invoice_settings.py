"""电子发票参数: how each lot issues e-invoices.

Belongs here: the list of lots and the form. Does not belong here: the secret, which goes in and never comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.ui import address, cards, forms, grid
from dashboards.views.settings.labels import moment
from warehouse.services.invoice_settings import (
    LONGEST_SECRET,
    LONGEST_WINDOW_DAYS,
    InvoiceForm,
    InvoiceSettingView,
    get_invoice_setting,
    list_invoice_settings,
    save_invoice_setting,
)
from warehouse.services.listing import Found

VIEW = View("invoice_settings", ":material/receipt_long:")


@dataclass(frozen=True)
class Shown:
    """A lot's settings as the list shows them."""

    row: InvoiceSettingView
    code: str
    name: str
    is_enabled: bool
    late_issue_days: int
    secret: str
    updated_at: datetime | None


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.invoice_settings"), text("invoice.below"))
    columns = [
        grid.Column("code", text("invoice.lot_code"), sortable=True),
        grid.Column("name", text("invoice.lot"), width="large", sortable=True),
        grid.Column("is_enabled", text("invoice.enabled"), width="small"),
        grid.Column("late_issue_days", text("invoice.window"), right=True),
        grid.Column("secret", text("invoice.secret"), width="small"),
        grid.Column("updated_at", text("invoice.updated")),
    ]
    with cards.card("invoice_settings"):
        left, right = st.columns([3, 5], vertical_alignment="center")
        with left:
            search = address.search(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = list_invoice_settings(context.settings, context.actor, asked)
        bar = grid.bar("invoice_settings")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(context, "invoice_settings", columns, shown, asked, lambda one: one.row.lot_id)
        with grid.actions(context, bar, chosen.name if chosen else None):
            if context.allows("invoice_settings.edit") and st.button(
                text("invoice.edit_one"), type="primary", disabled=chosen is None, key="invoice_settings_edit"
            ):
                assert chosen is not None
                _edit(context, chosen.row.lot_id)


def _shown(context: Context, row: InvoiceSettingView) -> Shown:
    return Shown(
        row=row,
        code=row.lot_code,
        name=row.lot_name,
        is_enabled=row.is_enabled,
        late_issue_days=row.late_issue_days,
        secret=context.text("invoice.set") if row.has_secret else context.text("invoice.not_set"),
        updated_at=row.updated_at,
    )


def _edit(context: Context, lot_id: int) -> None:
    text = context.text
    setting = get_invoice_setting(context.settings, context.actor, lot_id)

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = InvoiceForm(
            is_enabled=values["is_enabled"],
            late_issue_days=values["late_issue_days"],
            encryption_string=values["encryption_string"],
            clear_secret=values.get("clear_secret", False),
        )
        save_invoice_setting(renewed.settings, renewed.actor, lot_id, form, setting.version)
        return forms.Done(renewed.text("invoice.saved", name=setting.lot_name))

    fields = [
        forms.Field("is_enabled", text("invoice.enabled"), "flag", wide=True),
        forms.Field(
            "late_issue_days", text("invoice.window"), "number", required=True, least=0, most=LONGEST_WINDOW_DAYS,
            help_text=text("invoice.window_help"), wide=True,
        ),
        forms.Field(
            "encryption_string", text("invoice.secret"), "secret", longest=LONGEST_SECRET, wide=True,
            help_text=text("invoice.secret_help"),
        ),
    ]  # fmt: skip
    if setting.has_secret:
        fields.append(forms.Field("clear_secret", text("invoice.clear"), "flag", wide=True))
    initial = {"is_enabled": setting.is_enabled, "late_issue_days": setting.late_issue_days}
    forms.open_form(
        context,
        forms.Form(
            f"invoice_settings_{lot_id}",
            setting.lot_name,
            fields,
            initial,
            submit,
            note=_secret_state(context, setting),
        ),
    )


def _secret_state(context: Context, setting: InvoiceSettingView) -> str:
    if not setting.has_secret:
        return context.text("invoice.secret_missing")
    if setting.secret_set_at is None:
        return context.text("invoice.secret_kept")
    return context.text("invoice.secret_since", time=moment(setting.secret_set_at))
