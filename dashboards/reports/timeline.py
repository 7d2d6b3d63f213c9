"""One stay from its entry to its exit, on the page of its exit record.

Belongs here: the card with the events, opened by ``?record=LOT/id``, and the addresses that open it. Which events
belong to a stay is the report's (stay-timeline).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode

import streamlit as st

from dashboards import snapshots
from dashboards.context import Context
from dashboards.ui import address, cards, numbers
from warehouse.errors import Forbidden, ParkError
from warehouse.reports.columns import Column
from warehouse.reports.texts import writer
from warehouse.services.snapshots import SnapshotStore, visible_lot_of_pictures

RECORD: Final = "record"
# A stay is found by its record, whenever it was.
EVER: Final = {"from": "2000-01-01", "to": "2100-01-01"}
MONEY_KINDS: Final = ("charge", "refund")
AMOUNTS: Final = ("receivable", "discount", "waived", "received", "uncollected")
FACTS: Final = ("duration_seconds", "gate", "method", "booth", "person", "release_mode", "opening_mode", "remark")
PAGES: Final = {"exit-records": "no", "inner-exit-records": "yes"}


def address_of(context: Context, report: str) -> Callable[[Mapping[str, Any]], str | None]:
    """What leads a row to its stay: on the page of exits itself with the filters as they are, elsewhere without."""
    page = report if report in PAGES else "exit-records"
    query = [(name, value) for name in st.query_params for value in address.written(name) if name != RECORD]
    kept = urlencode(query) + "&" if report in PAGES and query else ""

    def find(record: Mapping[str, Any]) -> str | None:
        if not record.get("exit_record_id") or not record.get("lot_code"):
            return None
        written = quote(f"{record['lot_code']}/{record['exit_record_id']}", safe="/")
        return f"/{page}?{kept}{RECORD}={written}"

    return find if context.allows(f"{page.replace('-', '_')}.view") else lambda _record: None


def show(context: Context, report: str) -> None:
    """Draw the stay that the address names; nothing when it names none."""
    lot, _, exit_record = (address.written(RECORD) or [""])[0].partition("/")
    if not exit_record:
        return
    text = context.text
    asked = {"lot": lot, "exit_record_id": exit_record, "inner": PAGES[report], **EVER}
    try:
        result = context.query("stay-timeline", **asked)
    except Forbidden:
        raise
    except ParkError as error:
        cards.notice("bad", text("report.stay"), error.text(context.language))
        return
    if not result.rows:
        cards.notice("plain", text("report.stay"), text("report.stay_unknown", record=f"{lot}/{exit_record}"))
        return
    columns = {column.key: column for column in result.columns}
    sees_money = context.allows("charges.view")
    events = [one for one in result.records() if sees_money or one["kind"] not in MONEY_KINDS]
    name = f"{events[0]['lot_name']} · {events[0]['exit_record_id']}"
    with cards.card("report_stay"):
        with st.container(horizontal=True, key="chart_bar_stay", vertical_alignment="center"):
            cards.heading(text("report.stay_of", plate=events[-1]["plate"] or text("report.no_plate")), name)
            st.button(text("report.stay_close"), icon=":material/close:", key="report_stay_close", on_click=_close)
        st.html(f"<ol class='pc-line'>{''.join(_event(context, columns, one) for one in events)}</ol>")


def _close() -> None:
    address.write(RECORD, [])


def _event(context: Context, columns: Mapping[str, Column], one: Mapping[str, Any]) -> str:
    def said(key: str) -> str:
        return writer(columns[key], context.language)(one[key])

    facts = [f"{columns[key].header(context.language)} {said(key)}" for key in FACTS if one[key] not in (None, "")]
    amounts = "".join(
        f"<span><i>{escape(columns[key].header(context.language))}</i>{escape(numbers.money(one[key]))}</span>"
        for key in AMOUNTS
        if one[key] is not None and (one[key] or key in ("receivable", "received"))
    )
    inferred = f"<em>{escape(context.text('report.inferred'))}</em>" if one["is_inferred"] else ""
    link = _picture(context, str(one["lot_code"]), one["picture"] or "")
    return (
        f"<li class='{escape(one['kind'], quote=True)}'><time>{one['happened_at']:%Y-%m-%d %H:%M:%S}</time>"
        f"<b>{escape(said('kind'))}</b><span class='f'>{escape(' · '.join(facts))} {link}{inferred}</span>"
        f"<span class='a'>{amounts}</span></li>"
    )


def _picture(context: Context, lot_code: str, picture: str) -> str:
    """A picture that the cloud keeps as itself, one that the lot keeps as a link; nothing for who may see neither."""
    label = escape(context.text("report.picture"))
    if picture.startswith(("https://", "http://")):
        return f"<a href='{escape(picture, quote=True)}' target='_blank' rel='noopener noreferrer'>{label}</a>"
    lot_id = visible_lot_of_pictures(context.settings, context.actor, lot_code)
    if lot_id is None or not SnapshotStore(context.settings).has(lot_id, picture):
        return ""
    where = escape(snapshots.address(lot_code, picture), quote=True)
    return (
        f"<a href='{where}' target='_blank' rel='noopener'>"
        f"<img class='pc-picture' src='{where}' alt='{label}' loading='lazy'></a>"
    )
