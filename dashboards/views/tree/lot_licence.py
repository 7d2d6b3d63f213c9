"""A lot's licence term: its state, the warning, setting it.

Belongs here: this section of the lot's page. Does not belong here: what the states mean
(``warehouse.services.lot_licence``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms
from dashboards.views.tree.lot_fields import form_of, licence_labels
from warehouse.services import lot_editing
from warehouse.services.lot_licence import DUE_DAYS, LicenceState
from warehouse.services.lot_list import LotView

_TONES = {
    LicenceState.VALID: "info",
    LicenceState.DUE: "warning",
    LicenceState.EXPIRED: "critical",
    LicenceState.NOT_STARTED: "other",
    LicenceState.NONE: "other",
}


def warn(context: Context, lot: LotView) -> None:
    """A line above the sections when the licence is over or ends soon."""
    text = context.text
    if lot.licence_to is None:
        return
    if lot.licence is LicenceState.EXPIRED:
        cards.notice("bad", text("lots.licence_expired"), text("lots.expired_since", day=lot.licence_to))
    elif lot.licence is LicenceState.DUE:
        left = (lot.licence_to - lot.today).days
        cards.notice("plain", text("lots.licence_due"), text("lots.due_in", day=lot.licence_to, count=left))


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    text = context.text
    with cards.card("lot_licence"):
        if (
            context.allows("lots.edit")
            and lot.may_set_licence
            and st.button(text("lots.set_licence"), icon=":material/edit_calendar:", type="primary", key="lots_licence")
        ):
            forms.open_form(context, _form(context, lot))
        cards.facts(
            [
                cards.Fact(text("lots.licence"), licence_labels(context)[lot.licence], _TONES[lot.licence]),
                cards.Fact(text("lots.licence_from"), str(lot.licence_from or "")),
                cards.Fact(text("lots.licence_to"), str(lot.licence_to or "")),
                cards.Fact(text("lots.days_left"), _days_left(lot)),
            ]
        )
        cards.note(text("lots.licence_note", days=DUE_DAYS))
        if context.allows("lots.edit") and not lot.may_set_licence:
            cards.note(text("lots.licence_by_agent"))


def _days_left(lot: LotView) -> str:
    return "" if lot.licence_to is None else f"{max((lot.licence_to - lot.today).days + 1, 0):,}"


def _form(context: Context, lot: LotView) -> forms.Form:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = replace(form_of(lot), licence_from=values["licence_from"], licence_to=values["licence_to"])
        lot_editing.edit_lot(renewed.settings, renewed.actor, lot.lot_id, lot.version, form)
        return forms.Done(renewed.text("node.saved", name=lot.name))

    return forms.Form(
        key=f"lot_licence_{lot.lot_id}",
        title=text("lots.set_licence"),
        fields=[
            forms.Field("licence_from", text("lots.licence_from"), "date"),
            forms.Field("licence_to", text("lots.licence_to"), "date"),
        ],
        initial={"licence_from": lot.licence_from, "licence_to": lot.licence_to},
        submit=submit,
        note=text("lots.licence_form_note"),
        width="small",
    )
