"""The cards of the home page; each takes its figures from one report of the published snapshot.

Belongs here: which figure stands where and how it is worded. Does not belong here: arithmetic beyond adding two columns
of one report and putting two figures beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.frame import Context
from dashboards.theme import BLUE, CYAN, GREEN, GREY, LIME, ORANGE, RED, ROSE, VIOLET
from dashboards.ui import cards, charts, numbers
from warehouse.codes import label
from warehouse.lake.publish import Published
from warehouse.ops.session import ops_session
from warehouse.reports.period import Clock
from warehouse.services.live import FreeSpaces, add_up, free_spaces_by_lot

TOP_ROW_HEIGHT, BOTTOM_ROW_HEIGHT = 330, 304
LISTED = 7
NEARLY_FULL, BUSY = Decimal("0.95"), Decimal("0.85")
GOOD_ONLINE, FAIR_ONLINE = Decimal("0.97"), Decimal("0.90")
METHOD_COLOURS = {
    "wechat": GREEN,
    "alipay": BLUE,
    "qr": VIOLET,
    "cash": ORANGE,
    "wallet": CYAN,
    "bank_card": RED,
    "stored_value": ROSE,
    "iou": LIME,
    "receipt": GREY,
}
ALARM_TONES = {"critical": "critical", "warning": "warning", "info": "info"}

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Moment:
    """What the cards show: the business day, whether it is the latest, and the parameters of the reports."""

    day: date
    is_latest: bool
    clock: Clock
    as_of: datetime
    parameters: Mapping[str, Any]
    lot: Mapping[str, Any]
    lot_ids: tuple[int, ...] | None

    @property
    def suffix(self) -> str:
        """Text keys have a second form for a day that is over."""
        return "" if self.is_latest else "_past"

    @property
    def now_suffix(self) -> str:
        """And one that says "now" where a past day's page shows the present state."""
        return "" if self.is_latest else "_now"


def build_notice(context: Context, publication: Published) -> None:
    """Say so when the newest build failed; figures are then older than they could be."""
    if publication.last_build_state == "red":
        why = context.text("home.red_build_why", message=publication.last_build_message or "—")
        cards.notice("bad", context.text("home.red_build"), why)


def _change(
    context: Context, moment: Moment, now: int | Decimal | None, before: int | Decimal | None, *, as_count: bool = False
) -> str:
    """A figure beside the same of the day before, in words."""
    text, suffix = context.text, moment.suffix
    if now is None or before is None:
        return text("home.previous_none")
    if before == 0:
        return text(f"home.previous_zero{suffix}")
    sign = "▲ " if now > before else "▼ " if now < before else ""
    if as_count:
        return text(f"home.versus_count{suffix}", sign=sign, count=numbers.count(abs(int(now) - int(before))))
    share = numbers.percent(numbers.share(abs(Decimal(now) - Decimal(before)), before))
    return text(f"home.versus{suffix}", sign=sign, share=share)


def _tone(now: int | Decimal | None, before: int | Decimal | None) -> str:
    if now is None or before is None or before == 0 or now == before:
        return "none"
    return "up" if now > before else "down"


def figure_row(context: Context, moment: Moment) -> None:
    """The six figures at the top."""
    text, language = context.text, context.language
    totals = context.query("home-totals", **moment.parameters).records()[0]
    hours = context.query("home-traffic-hours", **moment.parameters).records()
    had_uploads = any(row["previous_entries"] is not None for row in hours)
    received = totals["received"] + totals["renewed"]
    received_before = totals["previous_received"] + totals["previous_renewed"] if had_uploads else None
    entries_before = totals["previous_entries"] if had_uploads else None
    exits_before = totals["previous_exits"] if had_uploads else None
    with ops_session(context.settings) as session:
        free = add_up(free_spaces_by_lot(session, moment.lot_ids, context.now))
    exact = text(
        "home.received_exact",
        total=numbers.money(received),
        temporary=numbers.money(totals["received"]),
        renewed=numbers.money(totals["renewed"]),
    )
    cards.figures(
        [
            cards.Figure(
                "received",
                text(f"home.figure.received{moment.suffix}"),
                numbers.short(received, language),
                text("home.unit.yuan"),
                exact=exact,
                note=_change(context, moment, received, received_before),
                note_exact=_before(context, moment, numbers.money(received_before)),
                tone=_tone(received, received_before),
                colour=BLUE,
            ),
            _passages(context, moment, "entries", totals["entries"], entries_before, hours, BLUE),
            _passages(context, moment, "exits", totals["exits"], exits_before, hours, GREEN),
            _cars(context, moment, totals),
            _free(context, free),
            cards.Figure(
                "online",
                text("home.figure.online"),
                numbers.percent(totals["online_share"]).removesuffix("%"),
                "" if totals["online_share"] is None else "%",
                exact=f"{numbers.count(totals['devices_online'])} / {numbers.count(totals['devices'])}",
                note=(
                    text("home.online_yesterday", share=numbers.percent(totals["previous_online_rate"]))
                    if moment.is_latest
                    else text("home.online_now")
                ),
                colour=ORANGE,
            ),
        ]
    )


def _before(context: Context, moment: Moment, figure: str) -> str:
    return context.text(f"home.before{moment.suffix}", figure=figure)


def _passages(
    context: Context, moment: Moment, key: str, now: int, before: int | None, hours: Sequence[Record], colour: str
) -> cards.Figure:
    return cards.Figure(
        key,
        context.text(f"home.figure.{key}"),
        numbers.short(now, context.language),
        context.text("home.unit.car"),
        exact=numbers.count(now),
        note=_change(context, moment, now, before),
        note_exact=_before(context, moment, numbers.count(before)),
        tone=_tone(now, before),
        series=[row[key] for row in in_order(hours, moment)],
        shape="bar",
        colour=colour,
    )


def _cars(context: Context, moment: Moment, totals: Record) -> cards.Figure:
    cars, before = totals["cars"], totals["previous_cars"]
    return cards.Figure(
        "cars",
        context.text("home.figure.cars"),
        numbers.short(cars, context.language),
        "" if cars is None else context.text("home.unit.car"),
        exact=numbers.count(cars),
        note=_change(context, moment, cars, before, as_count=True),
        note_exact=context.text("home.occupied", share=numbers.percent(totals["share"])),
        colour=VIOLET,
    )


def _free(context: Context, free: FreeSpaces) -> cards.Figure:
    text, language = context.text, context.language
    title = text("home.figure.free")
    if free.free_spaces is None or free.oldest_counted_at is None:
        return cards.Figure("free", title, text("home.unknown"), note=text("home.free_unknown"), colour=CYAN)
    minutes = max(0, int((context.now - free.oldest_counted_at) / timedelta(minutes=1)))
    some = "_some" if free.unknown_lots else ""
    age = "now" if minutes == 0 else "age"
    exact = text("home.free_exact", free=numbers.count(free.free_spaces), lots=free.live_lots)
    return cards.Figure(
        "free",
        title,
        numbers.short(free.free_spaces, language),
        "" if free.total_spaces is None else text("home.unit.of", total=numbers.short(free.total_spaces, language)),
        exact=exact,
        note=text(f"home.free_{age}{some}", minutes=minutes, unknown=free.unknown_lots),
        note_exact=exact,
        colour=CYAN,
    )


def hour_start(hour: str, moment: Moment) -> datetime:
    """The wall-clock time, aware, at which ``hour`` ("08:00") of the business day starts."""
    clock_hour = int(hour[:2])
    is_next_day = clock_hour * 60 < moment.clock.cutover_minutes // 60 * 60
    day = moment.day + timedelta(days=1) if is_next_day else moment.day
    return datetime(day.year, day.month, day.day, clock_hour, tzinfo=ZoneInfo(moment.clock.time_zone))


def in_order(hours: Sequence[Record], moment: Moment) -> list[Record]:
    """Hours in the order of the business day, which may start at the cut-over."""
    return sorted(hours, key=lambda row: hour_start(row["hour"], moment))


def is_missing(row: Record, moment: Moment) -> bool:
    """Whether an hour that has begun has no uploads; an hour still to come is not missing."""
    return row["entries"] is None and row["exits"] is None and hour_start(row["hour"], moment) < moment.as_of


def traffic(context: Context, moment: Moment) -> None:
    """Entries and exits by hour; hours without uploads are hatched."""
    text = context.text
    hours = in_order(context.query("home-traffic-hours", **moment.parameters).records(), moment)
    totals = context.query("home-totals", **moment.parameters).records()[0]
    with cards.card("home_traffic", height=TOP_ROW_HEIGHT):
        heading, switch = st.columns([3, 1.2], vertical_alignment="center")
        silent = totals["silent_lots"]
        with heading:
            cards.heading(text("home.traffic"), text("home.silent", count=silent) if silent else "")
        shape = switch.container(key="right_home_shape", horizontal=True).segmented_control(
            text("home.shape"),
            ["bars", "lines"],
            default="bars",
            required=True,
            format_func=lambda code: text(f"home.{code}"),
            key="home_shape",
            label_visibility="collapsed",
        )
        if all(row["entries"] is None and row["exits"] is None for row in hours):
            cards.nothing(text("home.no_traffic"))
            return
        figure = charts.over_positions(
            [row["hour"] for row in hours],
            [
                charts.Series(text("home.entries"), [row["entries"] for row in hours], BLUE),
                charts.Series(text("home.exits"), [row["exits"] for row in hours], GREEN),
            ],
            [is_missing(row, moment) for row in hours],
            as_line=shape == "lines",
            missing_name=text("home.missing"),
        )
        description = text(
            "home.traffic_alt", entries=numbers.count(totals["entries"]), exits=numbers.count(totals["exits"])
        )
        charts.show(figure, "home_traffic_chart", 262, description)


def receipts(context: Context, moment: Moment) -> None:
    """Receipts by method as a ring and a list; temporary fees and renewals together."""
    text, language = context.text, context.language
    result = context.query("home-receipts", **moment.parameters)
    rows = [
        (label("method", row["method"], language), row["received"] + row["renewed"], METHOD_COLOURS[row["method"]])
        for row in result.records()
    ]
    temporary, renewed = result.totals["received"], result.totals["renewed"]
    total = temporary + renewed
    note = text(
        "home.receipts_note",
        temporary=numbers.short_money(temporary, language),
        renewed=numbers.short_money(renewed, language),
    )
    with cards.card("home_receipts", text("home.receipts"), note, height=TOP_ROW_HEIGHT):
        shown = sorted((row for row in rows if row[1] != 0), key=lambda row: row[1], reverse=True)
        if not shown:
            cards.nothing(text("home.no_receipts"))
            return
        ring, parts = st.columns([1, 1.32], vertical_alignment="center")
        with ring:
            # A method with more refunds than receipts has no arc; its amount stands in the list.
            drawn = [row for row in shown if row[1] > 0]
            figure = charts.ring(
                [name for name, _amount, _colour in drawn],
                [float(amount) for _name, amount, _colour in drawn],
                [numbers.money(amount) for _name, amount, _colour in drawn],
                [colour for _name, _amount, colour in drawn],
                middle=numbers.short_money(total, language),
                below=text("home.receipts_middle"),
            )
            description = text("home.receipts_alt", total=numbers.money(total))
            charts.show(figure, "home_receipts_chart", 240, description)
        with parts:
            cards.parts(
                cards.Part(colour, name, f"{amount:,.2f}", numbers.percent(numbers.share(amount, total)))
                for name, amount, colour in shown
            )


def occupancy(context: Context, moment: Moment) -> None:
    """The fullest lots."""
    text = context.text
    result = context.query("home-occupancy", **moment.parameters)
    rows = result.records()[:LISTED]
    note = text("home.top", shown=len(rows), all=result.row_count) if result.row_count > LISTED else ""
    with cards.card("home_occupancy", text("home.occupancy"), note, height=BOTTOM_ROW_HEIGHT):
        if not rows:
            cards.nothing(text("home.no_lots"))
            return
        cards.bars(
            cards.Bar(
                row["lot_name"] or "—",
                None if row["share"] is None else float(row["share"]),
                numbers.count(row["cars"]),
                f"/ {numbers.count(row['spaces'])}",
                _occupancy_colour(row["share"]),
            )
            for row in rows
        )


def _occupancy_colour(share: Decimal | None) -> str:
    if share is None:
        return GREY
    return RED if share >= NEARLY_FULL else ORANGE if share >= BUSY else BLUE


def devices(context: Context, moment: Moment) -> None:
    """Devices online by type, as last reported."""
    text = context.text
    rows = context.query("home-devices", **moment.lot).records()
    note = text(f"home.devices_note{moment.now_suffix}")
    with cards.card("home_devices", text("home.devices"), note, height=BOTTOM_ROW_HEIGHT):
        if not rows:
            cards.nothing(text("home.no_devices"))
            return
        cards.bars(
            cards.Bar(
                label("device_type", row["device_type"], context.language),
                None if row["online_share"] is None else float(row["online_share"]),
                numbers.count(row["online"]),
                f"/ {numbers.count(row['devices'])}",
                _online_colour(row["online_share"]),
            )
            for row in rows
        )


def _online_colour(share: Decimal | None) -> str:
    if share is None:
        return GREY
    return GREEN if share >= GOOD_ONLINE else ORANGE if share >= FAIR_ONLINE else RED


def alarms(context: Context, moment: Moment) -> None:
    """Alarms that have not recovered, newest first."""
    text, language = context.text, context.language
    result = context.query("home-alarms", size=LISTED, **moment.lot)
    note = text(f"home.alarms_note{moment.now_suffix}", count=numbers.count(result.row_count))
    with cards.card("home_alarms", text("home.alarms"), note, height=BOTTOM_ROW_HEIGHT):
        rows = result.records()
        if not rows:
            cards.nothing(text("home.no_alarms"))
            return
        today = moment.as_of.astimezone(ZoneInfo(moment.clock.time_zone)).date()
        cards.feed(
            cards.Event(
                ALARM_TONES.get(row["level"] or "", "other"),
                label("alarm_level", row["level"], language) if row["level"] else "—",
                row["lot_name"] or "—",
                _alarm_sentence(row, language),
                row["raised_at"].strftime("%H:%M" if row["raised_at"].date() == today else "%m-%d %H:%M"),
            )
            for row in rows
        )


def _alarm_sentence(row: Record, language: str) -> str:
    kind = label("alarm_type", row["alarm_type"], language) if row["alarm_type"] else ""
    words = [row["message"] or kind, row["device_name"] or row["gate_name"] or ""]
    return " · ".join(word for word in words if word)


def foot(context: Context, moment: Moment, publication: Published) -> None:
    """How far the data reach, when they were published and how the last build went."""
    text = context.text
    zone = ZoneInfo(moment.clock.time_zone)
    state = publication.last_build_state
    cards.foot(
        GREEN if state == "green" else RED if state == "red" else ORANGE,
        text(f"home.build_{state}") if state in ("green", "red") else text("home.build_other", state=state),
        [
            text("home.as_of", time=f"{moment.as_of.astimezone(zone):%Y-%m-%d %H:%M}"),
            text("home.published_at", time=f"{publication.published_at.astimezone(zone):%Y-%m-%d %H:%M}"),
            moment.clock.time_zone,
        ],
    )
