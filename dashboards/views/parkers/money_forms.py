"""Forms that move money of a wallet: top-up, refund, correction.

Belongs here: their fields. Does not belong here: booking (``warehouse.services.wallets``).
"""

from __future__ import annotations

from typing import Any

from dashboards.context import Context
from dashboards.ui import forms
from dashboards.views.parkers.labels import code_labels
from warehouse.services.owners import get_owner
from warehouse.services.wallets import TOP_UP_METHODS, CorrectionForm, MoneyForm, correct, refund, top_up


def open_top_up(context: Context, owner_id: int) -> None:
    """Ask for money put in."""
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], form_id: str) -> forms.Done:
        entry = top_up(renewed.settings, renewed.actor, owner_id, _money(values), form_id)
        return forms.Done(
            renewed.text("parkers.topped_up", amount=f"{entry.amount:,.2f}", balance=f"{entry.balance_after:,.2f}")
        )

    _open(context, owner_id, "top_up", _money_fields(context, text("parkers.top_up_amount")), {}, submit)


def open_refund(context: Context, owner_id: int) -> None:
    """Ask for money paid out; all of the balance is suggested."""
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], form_id: str) -> forms.Done:
        entry = refund(renewed.settings, renewed.actor, owner_id, _money(values), form_id)
        return forms.Done(
            renewed.text("parkers.refunded", amount=f"{-entry.amount:,.2f}", balance=f"{entry.balance_after:,.2f}")
        )

    balance = get_owner(context.settings, context.actor, owner_id).balance
    fields = _money_fields(context, text("parkers.refund_amount"))
    _open(context, owner_id, "refund", fields, {"amount": f"{balance:.2f}"}, submit)


def open_correction(context: Context, owner_id: int) -> None:
    """Ask for a correction and its reason."""
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], form_id: str) -> forms.Done:
        wanted = CorrectionForm(values["amount"], values["reason"])
        entry = correct(renewed.settings, renewed.actor, owner_id, wanted, form_id)
        return forms.Done(
            renewed.text("parkers.corrected", amount=f"{entry.amount:+,.2f}", balance=f"{entry.balance_after:,.2f}")
        )

    fields = [
        forms.Field("amount", text("parkers.correction_amount"), "money", required=True),
        forms.Field("reason", text("parkers.reason"), "area", required=True, longest=500),
    ]
    _open(context, owner_id, "correct", fields, {}, submit)


def _open(
    context: Context, owner_id: int, what: str, fields: list[forms.Field], initial: dict[str, Any], submit: Any
) -> None:
    owner = get_owner(context.settings, context.actor, owner_id)
    text = context.text
    forms.open_form(
        context,
        forms.Form(
            key=f"parkers_{what}_{owner_id}",
            title=text(f"parkers.{what}_title", name=owner.name),
            fields=fields,
            initial=initial,
            submit=submit,
            submit_label=text(f"parkers.{what}"),
            note=text("parkers.wallet_note", code=owner.code, lot=owner.lot_name, balance=f"{owner.balance:,.2f}"),
        ),
    )


def _money_fields(context: Context, label: str) -> list[forms.Field]:
    text = context.text
    return [
        forms.Field("amount", label, "money", required=True),
        forms.Field(
            "method",
            text("parkers.method"),
            "choice",
            required=True,
            options=code_labels(context, "method", TOP_UP_METHODS),
        ),
        forms.Field("remark", text("parkers.remark"), "area", longest=500),
    ]


def _money(values: dict[str, Any]) -> MoneyForm:
    return MoneyForm(values["amount"], values["method"] or None, values["remark"])
