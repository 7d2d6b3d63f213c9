"""Words that the pages of long-term parkers share, and lines of their lists.

Belongs here: labels of states, kinds and codes, and rows turned into text. Does not belong here: pages and forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.ui import address
from warehouse.codes import codes, label
from warehouse.services.owners import OwnerRow
from warehouse.services.validity import STATES
from warehouse.services.vehicles import VehicleRow
from warehouse.services.visible import LotName, lot_names

PLATES_SHOWN = 3


@dataclass(frozen=True)
class OwnerLine:
    """An owner in a list."""

    row: OwnerRow
    code: str
    name: str
    phone: str | None
    plates: str
    spaces: str
    states: str
    valid_to: date | None
    balance: Decimal
    lot_name: str


@dataclass(frozen=True)
class VehicleLine:
    """A vehicle in a list."""

    row: VehicleRow
    plate: str
    vehicle_class: str
    owner: str
    created_at: str
    valid_from: date | None
    valid_to: date | None
    group: str
    state: str
    lot_name: str


def owner_line(context: Context, row: OwnerRow) -> OwnerLine:
    """What a list shows of an owner."""
    more = len(row.plates) - PLATES_SHOWN
    plates = comma(context).join(row.plates[:PLATES_SHOWN])
    return OwnerLine(
        row=row,
        code=row.code,
        name=row.name,
        phone=row.phone,
        plates=context.text("parkers.and_more", names=plates, count=more) if more > 0 else plates,
        spaces=comma(context).join(row.spaces),
        states=comma(context).join(
            f"{state_label(context, state)} {row.states[state]}" for state in STATES if row.states.get(state)
        ),
        valid_to=row.valid_to,
        balance=row.balance,
        lot_name=row.lot_name,
    )


def vehicle_line(context: Context, row: VehicleRow) -> VehicleLine:
    """What a list shows of a vehicle; its times are those of its own lot."""
    text = context.text
    return VehicleLine(
        row=row,
        plate=row.plate,
        vehicle_class=label("vehicle_class", row.vehicle_class, context.language),
        owner=f"{row.owner_name}（{row.owner_code}）"
        if context.language == "zh"
        else f"{row.owner_name} ({row.owner_code})",
        created_at=local(row.created_at, row.time_zone),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        group=text("parkers.group_of", name=row.group, count=row.group_spaces) if row.group else text("parkers.alone"),
        state=state_label(context, row.state),
        lot_name=row.lot_name,
    )


def comma(context: Context) -> str:
    """What stands between items of a list."""
    return "、" if context.language == "zh" else ", "


def local(moment: datetime, zone: str) -> str:
    """An instant on a lot's clock."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def state_label(context: Context, state: str) -> str:
    """The word for a state of validity."""
    return context.text(f"parkers.state_{state}")


def state_choice(context: Context) -> str | None:
    """The state that the list is cut to; None: all."""
    options = {state: state_label(context, state) for state in STATES}
    return address.choice(context, "state", context.text("parkers.state"), options) or None


def code_labels(context: Context, code_set: str, chosen: tuple[str, ...] | None = None) -> dict[str, str]:
    """Codes of a set with their words."""
    return {code: label(code_set, code, context.language) for code in chosen or codes(code_set)}


def filters(context: Context) -> tuple[LotName | None, str]:
    """The choice of a lot and the search box; the only lot that somebody has is chosen by itself."""
    lot_place, search_place = st.columns([1, 1], vertical_alignment="center")
    with lot_place:
        chosen = address.lot_choice(context)
    with search_place:
        search = address.search(context, label=context.text("parkers.search"))
    return chosen or only_lot(context), search


def only_lot(context: Context) -> LotName | None:
    """The lot of somebody who has one only."""
    lots = lot_names(context.settings, context.actor)
    return lots[0] if len(lots) == 1 else None
