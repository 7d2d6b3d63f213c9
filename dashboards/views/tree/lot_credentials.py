"""A lot's upload credentials: creating, rotating, revoking.

Belongs here: this section of the lot's page. Does not belong here: rules (``warehouse.services.lot_credentials``).
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms, grid
from warehouse.services import lot_credentials
from warehouse.services.listing import Found, ListQuery
from warehouse.services.lot_credentials import CredentialState, CredentialView, NewCredential
from warehouse.services.lot_list import LotView

DEFAULT_OVERLAP_HOURS = 24


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    text = context.text
    found = lot_credentials.lot_credentials(context.settings, context.actor, lot.lot_id, now=context.now)
    states = {state.value: text(f"credentials.state_{state.value}") for state in CredentialState}
    columns = [
        grid.Column("key_id", text("credentials.key_id"), "large"),
        grid.Column("created_at", text("credentials.created_at")),
        grid.Column("revoked_at", text("credentials.revoked_at")),
        grid.Column("state", text("node.state"), labels=states),
    ]
    with cards.card("lot_credentials", text("credentials.title")):
        cards.note(text("credentials.note"))
        bar = grid.bar("lot_credentials")
        chosen = grid.table(
            context,
            "lot_credentials",
            columns,
            Found(found, len(found)),
            ListQuery(size=1000),
            lambda row: row.key_id,
            zone=lot.time_zone,
            none_yet=text("credentials.none_yet"),
            name=text("credentials.title"),
        )
        if not context.allows("lots.edit"):
            return
        with grid.actions(context, bar, chosen.key_id if chosen else None):
            _buttons(context, lot, chosen)


def _buttons(context: Context, lot: LotView, chosen: CredentialView | None) -> None:
    text = context.text
    if st.button(text("credentials.add"), icon=":material/add:", type="primary", key="credentials_add"):
        forms.open_form(context, _new(context, lot))
    may_rotate = chosen is not None and chosen.state is CredentialState.IN_FORCE
    label = text("credentials.rotate")
    if st.button(label, icon=":material/sync:", disabled=not may_rotate, key="credentials_rotate") and chosen:
        forms.open_form(context, _rotate(context, lot, chosen))
    may_end = chosen is not None and chosen.state is not CredentialState.REVOKED
    label = text("credentials.revoke")
    if st.button(label, icon=":material/block:", disabled=not may_end, key="credentials_revoke") and chosen:
        _confirm_end(context, lot, chosen)


def _once(context: Context, made: NewCredential) -> forms.Done:
    text = context.text
    shown = {text("credentials.key_id"): made.key_id, text("credentials.secret"): made.secret}
    return forms.Done(text("credentials.made"), shown)


def _new(context: Context, lot: LotView) -> forms.Form:
    text = context.text

    def submit(renewed: Context, _values: dict[str, Any], _form_id: str) -> forms.Done:
        return _once(renewed, lot_credentials.add_credential(renewed.settings, renewed.actor, lot.lot_id))

    return forms.Form(
        key=f"credential_new_{lot.lot_id}",
        title=text("credentials.add"),
        fields=[],
        initial={},
        submit=submit,
        submit_label=text("credentials.add"),
        note=text("credentials.add_note", name=lot.name),
    )


def _rotate(context: Context, lot: LotView, chosen: CredentialView) -> forms.Form:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        hours = values["overlap_hours"]
        made = lot_credentials.rotate_credential(
            renewed.settings, renewed.actor, lot.lot_id, chosen.key_id, "" if hours is None else hours
        )
        return _once(renewed, made)

    return forms.Form(
        key=f"credential_rotate_{chosen.key_id}",
        title=text("credentials.rotate"),
        fields=[
            forms.Field(
                "overlap_hours",
                text("credentials.overlap"),
                "number",
                required=True,
                help_text=text("credentials.overlap_help"),
                wide=True,
            )
        ],
        initial={"overlap_hours": DEFAULT_OVERLAP_HOURS},
        submit=submit,
        submit_label=text("credentials.rotate"),
        note=text("credentials.rotate_note", key=chosen.key_id),
    )


def _confirm_end(context: Context, lot: LotView, chosen: CredentialView) -> None:
    def act(renewed: Context) -> str:
        lot_credentials.end_credential(renewed.settings, renewed.actor, lot.lot_id, chosen.key_id)
        return renewed.text("credentials.ended", key=chosen.key_id)

    text = context.text
    forms.confirm(
        context,
        f"credential_end_{chosen.key_id}",
        text("credentials.revoke"),
        text("credentials.confirm_revoke", key=chosen.key_id, name=lot.name),
        act,
        label=text("credentials.revoke"),
    )
