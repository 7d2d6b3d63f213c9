"""The list of lots beside the map.

Belongs here: how a lot is said in a few lines. Does not belong here: the map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from html import escape

import streamlit as st

from dashboards.context import Context
from dashboards.map.lots import Shown
from dashboards.map.markers import colour
from dashboards.theme import GREY
from dashboards.ui import address, cards
from dashboards.views.overview.cloud_map_state import start_of
from warehouse.geography.distance import metres_between
from warehouse.routing.words import length
from warehouse.services.live import LotFreeSpaces
from warehouse.services.map_lots import MapLot, fee_rules

PAGE_SIZE = 15
RULES_SHOWN = 2


def draw(context: Context, shown: Shown, selected: MapLot | None, choose: Callable[[MapLot], None]) -> None:
    """The page of the list that the address asks for; the nearest first once a start is known."""
    text = context.text
    start = start_of()
    lots: Sequence[MapLot] = shown.lots
    if start is not None:
        lots = sorted(
            lots, key=lambda lot: metres_between(start.place, lot.place) if lot.place is not None else float("inf")
        )
    pages = max(1, -(-len(lots) // PAGE_SIZE))
    page = min(address.page_number(), pages)
    listed = lots[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    cards.note(text("map.found", count=f"{len(lots):,}"))
    if not listed:
        cards.nothing(text("map.none_found"))
        return
    rules = fee_rules(context.settings, context.actor, [lot.lot_id for lot in listed], context.language)
    with st.container(height=430, border=False, key="map_entries", gap=None):
        for lot in listed:
            with st.container(key=f"map_entry_{lot.lot_id}", gap=None):
                is_selected = selected is not None and selected.lot_id == lot.lot_id
                st.html(_entry(context, shown, lot, rules.get(lot.lot_id, ()), is_selected))
                st.button(
                    text("map.choose", name=lot.name),
                    key=f"cloud_map_choose_{lot.lot_id}",
                    on_click=choose,
                    args=(lot,),
                    width="stretch",
                )
    address.paging(pages)


def _entry(context: Context, shown: Shown, lot: MapLot, rules: Sequence[str], is_selected: bool) -> str:
    text = context.text
    count, total = shown.count(lot), shown.total(lot)
    start = start_of()
    far = ""
    if start is not None and lot.place is not None:
        far = distance(context, metres_between(start.place, lot.place))
    free = text("map.unknown") if count.free_spaces is None else f"{count.free_spaces:,}"
    said = [free_age(context, count), far, lot.address or lot.region or ""]
    fee = ("；" if context.language == "zh" else "; ").join(rules[:RULES_SHOWN]) or text("map.no_tariff")
    fee += " …" if len(rules) > RULES_SHOWN else ""
    of = f" / {total:,}" if total is not None else ""
    return (
        f"<div class='pc-lot{' on' if is_selected else ''}' data-lot='{escape(lot.code, quote=True)}'>"
        f"<i style='background:{colour(count.free_spaces, total) if count.free_spaces is not None else GREY}'></i>"
        f"<b title='{escape(lot.name, quote=True)}'>{escape(lot.name)}</b>"
        f"<em>{escape(free)}<small>{escape(of)}</small></em>"
        f"<span>{escape(' · '.join(part for part in said if part))}</span>"
        f"<span title='{escape(chr(10).join(rules), quote=True)}'>{escape(fee)}</span></div>"
    )


def free_age(context: Context, count: LotFreeSpaces) -> str:
    """When the free spaces were counted, and whether they were carried on since or are too old to be shown."""
    text = context.text
    if count.counted_at is None:
        return text("map.never_counted")
    minutes = max(0, int((context.now - count.counted_at) / timedelta(minutes=1)))
    if minutes < 1:
        age = text("map.age_now")
    elif minutes < 120:
        age = text("map.age_minutes", minutes=minutes)
    elif minutes < 2880:
        age = text("map.age_hours", hours=minutes // 60)
    else:
        age = text("map.age_days", days=minutes // 1440)
    if count.state == "derived":
        return text("map.age_derived", age=age)
    return age if count.free_spaces is not None else text("map.last_counted", age=age)


def distance(context: Context, metres: float) -> str:
    """A distance as the crow flies."""
    return context.text("map.as_crow", distance=length(metres, context.language))
