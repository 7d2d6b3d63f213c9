"""The dialogs of 下发管理: opening a gate from afar in two steps, parameters of a device.

Belongs here: the fields and the two steps. Does not belong here: the rules (``warehouse.services.lot_commands``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import address, cards, forms
from warehouse.codes import label
from warehouse.services.lot_commands import (
    LONGEST_REASON,
    PARAMETERS,
    OpeningForm,
    check_opening,
    known_devices,
    openable_gates,
    send_parameters,
)
from warehouse.services.lot_commands import (
    open_gate as have_gate_opened,
)
from warehouse.services.visible import LotName, lot_names

_TO_CONFIRM = "downlink_to_confirm"


@dataclass(frozen=True)
class _Opening:
    """What was asked for in the first step."""

    lot_id: int
    lot_name: str
    gate_id: str
    gate_name: str
    reason: str


def open_gate(context: Context) -> None:
    """The first step: lot, gate and reason."""
    lot = _lot(context)
    if lot is None:
        _choose_lot(context)
        return
    text = context.text
    gates = {gate.gate_id: gate.name for gate in openable_gates(context.settings, context.actor, lot.lot_id)}

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = OpeningForm(values["gate_id"], values["reason"])
        gate = check_opening(renewed.settings, renewed.actor, lot.lot_id, form)
        st.session_state[_TO_CONFIRM] = _Opening(
            lot.lot_id, lot.name, gate.gate_id, gate.name, values["reason"].strip()
        )
        return forms.Done(renewed.text("downlink.please_confirm", gate=gate.name))

    forms.open_form(
        context,
        forms.Form(
            key=f"downlink_open_{lot.lot_id}",
            title=text("downlink.open_gate_of", lot=lot.name),
            fields=[
                forms.Field("gate_id", text("downlink.gate"), "choice", required=True, options=gates, wide=True),
                forms.Field("reason", text("downlink.reason"), "area", required=True, longest=LONGEST_REASON),
            ],
            initial={},
            submit=submit,
            submit_label=text("downlink.next_step"),
            note=text("downlink.open_note") if gates else text("downlink.no_gates"),
            width="small",
        ),
    )


def ask_to_confirm(context: Context) -> None:
    """The second step: the gate's name typed once more; only then something is sent."""
    asked: _Opening | None = st.session_state.pop(_TO_CONFIRM, None)
    if asked is None:
        return
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = OpeningForm(asked.gate_id, asked.reason, values["typed"])
        number = have_gate_opened(renewed.settings, renewed.actor, asked.lot_id, form)
        return forms.Done(renewed.text("downlink.opening_sent", gate=asked.gate_name, number=number))

    forms.open_form(
        context,
        forms.Form(
            key=f"downlink_confirm_{asked.lot_id}_{asked.gate_id}",
            title=text("downlink.confirm_opening"),
            fields=[forms.Field("typed", text("form.confirm_typed", word=asked.gate_name), wide=True)],
            initial={},
            submit=submit,
            submit_label=text("downlink.open_now"),
            note=text("downlink.opening_sure", lot=asked.lot_name, gate=asked.gate_name, reason=asked.reason),
            danger=True,
            width="small",
        ),
    )


def parameters(context: Context) -> None:
    """Parameters of a device; empty ones stay as they are."""
    lot = _lot(context)
    if lot is None:
        _choose_lot(context)
        return
    text = context.text
    devices = {
        device.device_id: f"{device.device_id} · {label('device_type', device.device_type, context.language)}"
        for device in known_devices(context.settings, context.actor, lot.lot_id)
    }

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        typed = {name: values[name] for name in PARAMETERS}
        number = send_parameters(renewed.settings, renewed.actor, lot.lot_id, values["device_id"], typed)
        return forms.Done(renewed.text("downlink.parameters_sent", device=values["device_id"], number=number))

    forms.open_form(
        context,
        forms.Form(
            key=f"downlink_parameters_{lot.lot_id}",
            title=text("downlink.parameters_of", lot=lot.name),
            fields=[
                forms.Field("device_id", text("downlink.device"), "choice", required=True, options=devices, wide=True),
                *(
                    forms.Field(name, text(f"downlink.parameter_{name}"), "number", least=least, most=most)
                    for name, (least, most, _types) in PARAMETERS.items()
                ),
            ],
            initial={},
            submit=submit,
            submit_label=text("downlink.send"),
            note=text("downlink.parameters_note") if devices else text("downlink.no_devices"),
        ),
    )


def _lot(context: Context) -> LotName | None:
    """The lot of the filter; the only one when there is one only."""
    lots = lot_names(context.settings, context.actor)
    code = (address.written("lot") or [""])[0]
    return next((lot for lot in lots if lot.code == code), lots[0] if len(lots) == 1 else None)


def _choose_lot(context: Context) -> None:
    draw: Callable[[Context | None], None] = lambda _renewed: cards.notice(  # noqa: E731
        "plain", context.text("downlink.choose_lot")
    )
    context.dialog(context.text("grid.lot"), draw, width="small")
