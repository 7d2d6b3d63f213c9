"""A lot's accounts with Alipay and WeChat Pay.

Belongs here: this section of the lot's page. Does not belong here: what a provider needs
(``warehouse.services.payment_accounts``). Secrets are typed here and never come back.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms
from warehouse.services import payment_accounts
from warehouse.services.lot_list import LotView
from warehouse.services.payment_accounts import KeyView, PaymentForm, PaymentView


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    text = context.text
    for account in payment_accounts.payment_accounts(context.settings, context.actor, lot.lot_id):
        provider = account.provider
        with cards.card(f"payment_{provider}", text(f"payment.{provider}")):
            if context.allows("lots.edit") and st.button(
                text("payment.set"), icon=":material/edit:", key=f"payment_set_{provider}"
            ):
                forms.open_form(context, _form(context, lot, account))
            cards.facts(_facts(context, lot, account))
    cards.note(text("payment.note"))


def _facts(context: Context, lot: LotView, account: PaymentView) -> list[cards.Fact]:
    text = context.text
    state = text("payment.enabled" if account.is_enabled else "payment.not_enabled")
    return [
        cards.Fact(text("node.state"), state, "info" if account.is_enabled else "other"),
        *(cards.Fact(text(f"payment.{name}"), value) for name, value in account.plain.items()),
        *(
            cards.Fact(_key_label(context, account.provider, name), _key_text(context, lot, key))
            for name, key in account.keys.items()
        ),
    ]


def _key_label(context: Context, provider: str, name: str) -> str:
    shared = name == "api_v3_key"
    return context.text(f"payment.{name}" if shared else f"payment.{provider}_{name}")


def _key_text(context: Context, lot: LotView, key: KeyView) -> str:
    text = context.text
    if not key.is_set or key.changed_at is None:
        return text("payment.not_set")
    at = f"{key.changed_at.astimezone(ZoneInfo(lot.time_zone)):%Y-%m-%d %H:%M}"
    if key.fingerprint is None:
        return text("payment.is_set", at=at)
    return text("payment.is_set_with", at=at, fingerprint=key.fingerprint)


def _form(context: Context, lot: LotView, account: PaymentView) -> forms.Form:
    text, provider = context.text, account.provider
    plain, keys = list(account.plain), list(account.keys)

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = PaymentForm(
            values["is_enabled"], {name: values[name] for name in plain}, {name: values[name] for name in keys}
        )
        payment_accounts.save_payment_account(
            renewed.settings, renewed.actor, lot.lot_id, provider, account.version, form
        )
        return forms.Done(renewed.text("payment.saved", provider=renewed.text(f"payment.{provider}")))

    return forms.Form(
        key=f"payment_{lot.lot_id}_{provider}",
        title=text(f"payment.{provider}"),
        fields=[
            forms.Field("is_enabled", text("payment.enable"), "flag", wide=True),
            *(forms.Field(name, text(f"payment.{name}"), required=True, longest=80) for name in plain),
            forms.Field("keys_note", text("payment.keys_note"), "note"),
            *(
                forms.Field(
                    name,
                    _key_label(context, provider, name),
                    "secret",
                    help_text=_key_text(context, lot, account.keys[name]),
                    wide=True,
                )
                for name in keys
            ),
        ],
        initial={"is_enabled": account.is_enabled, **account.plain},
        submit=submit,
        drawer=True,
    )
