"""The pages of devices: the report as last published, and beside it what is so at this moment.

Belongs here: the present state in the table, its counts above it, the drawer with one device's history. Does not belong
here: the report page itself (page.py), figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from dashboards.context import Context
from dashboards.reports import table
from dashboards.reports.page import ReportPage
from dashboards.theme import CYAN, GREEN, ORANGE, VIOLET
from dashboards.ui import address, cards, numbers
from warehouse.ops.session import ops_session
from warehouse.reports.base import ReportResult
from warehouse.reports.question import KnownLot
from warehouse.reports.texts import writer
from warehouse.services.devices_live import (
    NEVER_HEARD,
    UNKNOWN,
    DeviceKey,
    DeviceNow,
    count_device_states,
    device_states_of,
)

DEVICE: Final = "device"
HISTORY_DAYS: Final = 30
PRESETS: Final = ("last7", "today", "yesterday", "week", "month", "last30", "custom")
_TONES: Final = {"online": "info", "offline": "critical", "fault": "warning", UNKNOWN: "other"}
_COLOURS: Final = {"online": GREEN, "offline": ORANGE, "fault": VIOLET, UNKNOWN: CYAN}


def device_page(report: str, device_type: str) -> ReportPage:
    """The page of one kind of device."""
    return ReportPage(
        report,
        first=("state", "number", "repeated"),
        presets=PRESETS,
        hidden=("lot_code", "device_id"),
        above=lambda context, asked: _above(context, report, device_type, asked),
        beside=lambda context, result: _beside(context, report, result),
    )


def _above(context: Context, report: str, device_type: str, asked: Mapping[str, Any]) -> None:
    """How many are in which state now, and the drawer of the device that the address names."""
    chosen = set(str(asked["lot"]).split(",")) if asked.get("lot") else None
    lots = None
    if chosen is not None or not context.actor.scope.is_everything:
        lots = [lot.lot_id for lot in context.lots() if chosen is None or lot.code in chosen]
    with ops_session(context.settings) as session:
        counts = count_device_states(session, lots, device_type, context.now)
    total, text = sum(counts.values()), context.text
    cards.figures(
        [
            cards.Figure(
                f"devices_{state}",
                text(f"devices.now_{state}"),
                numbers.count(counts.get(state, 0)),
                "",
                exact=f"{numbers.count(counts.get(state, 0))} / {numbers.count(total)}",
                notes=[cards.Note(text(f"devices.now_{state}_note"))],
                colour=_COLOURS[state],
            )
            for state in _COLOURS
        ]
    )
    _drawer(context, report)


def _beside(context: Context, report: str, result: ReportResult) -> Sequence[table.Beside]:
    """Present state and last sign of life of the rows of this page of the table."""
    shown = {record["lot_code"] for record in result.records()}
    lots = {lot.code: lot for lot in result.question.known_lots if lot.code in shown}
    keys = {
        (lots[record["lot_code"]].lot_id, record["device_id"])
        for record in result.records()
        if record["lot_code"] in lots
    }
    with ops_session(context.settings) as session:
        states = device_states_of(session, keys, context.now)
    text = context.text

    def of(record: Mapping[str, Any]) -> DeviceNow:
        lot = lots.get(record["lot_code"])
        return states.get((lot.lot_id, record["device_id"]), NEVER_HEARD) if lot else NEVER_HEARD

    def seen(record: Mapping[str, Any]) -> str:
        return _ago(context, of(record).last_seen)

    kept = urlencode([(name, value) for name, value in _query() if name != DEVICE])
    before = f"/{report}?{kept}{'&' if kept else ''}{DEVICE}="

    def leads(record: Mapping[str, Any]) -> str:
        return before + quote(f"{record['lot_code']}/{record['device_id']}", safe="/")

    return (
        table.Beside(
            text("devices.now"),
            lambda record: text(f"devices.state_{of(record).state}"),
            lambda record: _TONES.get(of(record).state, "other"),
            leads,
        ),
        table.Beside(text("devices.last_seen"), seen),
    )


def _query() -> list[tuple[str, str]]:
    return [(name, value) for name in address.names() for value in address.written(name)]


def _ago(context: Context, at: datetime | None) -> str:
    """How long ago, in the largest unit that says enough."""
    if at is None:
        return context.text("devices.never")
    minutes = max(0, int((context.now - at) / timedelta(minutes=1)))
    if minutes < 60:
        return context.text("devices.minutes_ago", count=minutes)
    if minutes < 48 * 60:
        return context.text("devices.hours_ago", count=minutes // 60)
    return context.text("devices.days_ago", count=minutes // 1440)


def _drawer(context: Context, report: str) -> None:
    """Open the history of the device in the address, once: a later rerun of the page does not open it again."""
    lot_code, _, device_id = (address.written(DEVICE) or [""])[0].partition("/")
    if not device_id:
        return
    address.write(DEVICE, [])
    lot = next((lot for lot in context.lots() if lot.code == lot_code), None)
    if lot is None:
        cards.notice("plain", context.text("devices.unknown_device", device=f"{lot_code}/{device_id}"))
        return
    context.dialog(
        context.text("devices.history_of", lot=lot.name, device=device_id),
        lambda renewed: _history(renewed, report, lot, device_id),
        width="large",
        drawer=True,
    )


def _history(context: Context | None, report: str, lot: KnownLot, device_id: str) -> None:
    if context is None:
        return
    text = context.text
    key: DeviceKey = (lot.lot_id, device_id)
    with ops_session(context.settings) as session:
        now = device_states_of(session, {key}, context.now).get(key, NEVER_HEARD)
    local = ZoneInfo(lot.clock.time_zone)
    last = (context.publication().data_as_of or context.now).astimezone(local).date() + timedelta(days=1)
    asked = {
        "lot": lot.code,
        "device_id": device_id,
        "from": (last - timedelta(days=HISTORY_DAYS)).isoformat(),
        "to": last.isoformat(),
    }
    days = context.query(f"{report}-days", **asked)
    states = context.query(f"{report}-states", **asked, size=50)
    online = sum(row["online_seconds"] for row in days.records())
    whole = sum(row["whole_seconds"] for row in days.records())
    cards.facts(
        [
            cards.Fact(text("devices.now"), text(f"devices.state_{now.state}"), _TONES.get(now.state, "other")),
            cards.Fact(
                text("devices.last_seen"),
                f"{now.last_seen.astimezone(local):%Y-%m-%d %H:%M:%S}" if now.last_seen else text("devices.never"),
            ),
            cards.Fact(
                text("devices.reported_at"),
                f"{now.reported_at.astimezone(local):%Y-%m-%d %H:%M:%S}" if now.reported_at else "",
            ),
            cards.Fact(text("devices.uptime", days=HISTORY_DAYS), numbers.percent(numbers.share(online, whole))),
        ]
    )
    _table(context, text("devices.by_day"), days, text("devices.no_days"))
    _table(context, text("devices.changes"), states, text("devices.no_changes"))


def _table(context: Context, title: str, result: ReportResult, none: str) -> None:
    cards.heading(title)
    if not result.rows:
        cards.nothing(none)
        return
    shown = [(place, column) for place, column in enumerate(result.columns) if column.key != "whole_seconds"]
    writers: list[tuple[int, Callable[[Any], str]]] = [
        (place, writer(column, context.language)) for place, column in shown
    ]
    cards.table(
        title,
        [column.header(context.language) for _place, column in shown],
        [[write(row[place]) for place, write in writers] for row in result.rows],
        right=[at for at, (_place, column) in enumerate(shown) if column.type in table.NUMBERS],
    )
