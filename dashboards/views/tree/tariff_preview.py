"""Trying a tariff: a stay is typed, the fee is shown with its steps.

Belongs here: the fields of the stay and the answer. Does not belong here: computing fees (``warehouse.tariffs``).
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from warehouse.services.fields import InvalidFields
from warehouse.services.lot_list import LotView
from warehouse.services.lot_tariffs import Preview, StayForm, preview
from warehouse.tariffs.words import VEHICLE_GROUPS

_COLOURS = ("#98a2b3", "#12b76a", "#1f5fe0")


def draw(context: Context, lot: LotView, document: dict[str, Any]) -> None:
    """Draw the card."""
    text = context.text
    with cards.card("tariff_preview", text("tariff.preview"), lot.time_zone):
        form = _stay(context, lot, document)
        try:
            found = preview(context.settings, context.actor, lot.lot_id, document, form)
        except InvalidFields as error:
            for problem in error.problems:
                if problem.field != "document":
                    cards.problem(problem.text(context.language))
            if any(problem.field == "document" for problem in error.problems):
                cards.note(text("tariff.preview_waits"))
            return
        _show(context, found)


def _stay(context: Context, lot: LotView, document: dict[str, Any]) -> StayForm:
    text = context.text
    morning = datetime.combine(lot.today, time(9))
    side = 0 if context.language == "zh" else 1
    used = [code for plan in document.get("plans", []) for code in plan.get("vehicle_groups", [])]
    groups = {"": text("tariff.all_other_vehicles")}
    groups |= {code: VEHICLE_GROUPS[code][side] if code in VEHICLE_GROUPS else code for code in used}
    columns = st.columns(5)
    with columns[0]:
        entered = st.datetime_input(text("tariff.entered_at"), value=morning, step=60, key=f"preview_in_{lot.lot_id}")
    with columns[1]:
        left = st.datetime_input(
            text("tariff.left_at"), value=morning + timedelta(hours=8.5), step=60, key=f"preview_out_{lot.lot_id}"
        )
    with columns[2]:
        group = st.selectbox(
            text("tariff.vehicle_group"),
            list(groups),
            format_func=lambda code: groups.get(code, code),
            key=f"preview_group_{lot.lot_id}",
        )
    with columns[3]:
        coupon_minutes = st.number_input(
            text("tariff.coupon_minutes"), value=0, min_value=0, step=1, key=f"preview_minutes_{lot.lot_id}"
        )
    with columns[4]:
        coupon_amount = st.text_input(text("tariff.coupon_amount"), value="0.00", key=f"preview_amount_{lot.lot_id}")
    return StayForm(entered, left, group or None, coupon_minutes, coupon_amount)


def _show(context: Context, found: Preview) -> None:
    text = context.text
    amounts = (("receivable", found.receivable), ("discount", found.discount), ("due", found.due))
    cards.figures(
        cards.Figure(name, text(f"tariff.{name}"), f"{amount:,}", text("tariff.yuan"), colour=colour)
        for (name, amount), colour in zip(amounts, _COLOURS, strict=True)
    )
    if not found.lines:
        return
    cards.table(
        text("tariff.preview"),
        [text("tariff.starts"), text("tariff.ends"), text("tariff.rule"), text("tariff.amount")],
        [
            (
                f"{line.starts:%Y-%m-%d %H:%M:%S}",
                f"{line.ends:%Y-%m-%d %H:%M:%S}",
                line.zh if context.language == "zh" else line.en,
                f"{line.amount:,}",
            )
            for line in found.lines
        ],
        right=(3,),
    )
