"""The cards of the home page; each takes its figures from one report of the published snapshot.

Belongs here: which figure stands where and how it is worded. Does not belong here: arithmetic beyond adding two columns
of one report and putting two figures beside each other.
"""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.theme import BLUE, CYAN, GREEN, GREY, LIME, ORANGE, RED, ROSE, VIOLET
from dashboards.ui import cards, charts, numbers
from dashboards.views.overview import home_due, home_moment
from dashboards.views.overview.home_moment import Moment, Record
from warehouse.codes import label

TOP_ROW_HEIGHT, BOTTOM_ROW_HEIGHT, GAP = 322, 296, 14
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
DEVICE_PAGES = {
    "controller": "gate_controllers",
    "camera": "cameras",
    "terminal": "terminals",
    "pay_station": "pay_stations",
    "display": "displays",
}


def build_notice(context: Context, moment: Moment) -> None:
    """Say so when the newest build failed; figures are then older than they could be."""
    publication = moment.publication
    if publication.last_build_state == "red":
        why = context.text("home.red_build_why", message=publication.last_build_message or "—")
        cards.notice("bad", context.text("home.red_build"), why)


def traffic(context: Context, moment: Moment) -> None:
    """Entries and exits by hour; hours without uploads are hatched."""
    text = context.text
    hours = moment.in_order(context.query("home-traffic-hours", **moment.parameters).records())
    totals = context.query("home-totals", **moment.parameters).records()[0]
    with cards.card("home_traffic", height=TOP_ROW_HEIGHT):
        silent = totals["silent_lots"]
        title, note = text("home.traffic"), text("home.silent", count=silent) if silent else ""
        address = home_moment.of_day(context, moment, "traffic_statistics")
        is_line = False
        if moment.is_screen:
            cards.heading(title, note)
        else:
            heading, switch = st.columns([3, 1.2], vertical_alignment="center")
            with heading:
                cards.heading(title, note, address=address, meaning=home_moment.meaning(context, "traffic", title))
            is_line = _shape(context, switch) == "lines"
        if all(row["entries"] is None and row["exits"] is None for row in hours):
            cards.nothing(text("home.no_traffic"))
            return
        figure = charts.over_positions(
            [row["hour"] for row in hours],
            [
                charts.Series(text("home.entries"), [row["entries"] for row in hours], BLUE),
                charts.Series(text("home.exits"), [row["exits"] for row in hours], GREEN),
            ],
            [moment.is_missing(row) for row in hours],
            as_line=is_line,
            missing_name=text("home.missing"),
        )
        description = text(
            "home.traffic_alt", entries=numbers.count(totals["entries"]), exits=numbers.count(totals["exits"])
        )
        charts.show(figure, "home_traffic_chart", 254, description, is_far=moment.is_screen)


def _shape(context: Context, place: st.delta_generator.DeltaGenerator) -> str:
    chosen = place.container(key="right_home_shape", horizontal=True).segmented_control(
        context.text("home.shape"),
        ["bars", "lines"],
        default="bars",
        required=True,
        format_func=lambda code: context.text(f"home.{code}"),
        key="home_shape",
        label_visibility="collapsed",
    )
    return str(chosen)


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
    links = [
        (
            text(f"home.receipts_{what}", amount=numbers.short_money(amount, language)),
            home_moment.of_day(context, moment, f"{page}_statistics"),
        )
        for what, amount, page in (("temporary", temporary, "temporary_fee"), ("renewed", renewed, "renewal"))
    ]
    title = text("home.receipts")
    address = home_moment.of_day(context, moment, "charges")
    explained = home_moment.meaning(context, "receipts", title)
    with cards.card("home_receipts", title, height=TOP_ROW_HEIGHT, address=address, meaning=explained, links=links):
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
            charts.show(figure, "home_receipts_chart", 232, description, is_far=moment.is_screen)
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
    title = text("home.occupancy")
    address = home_moment.present(context, moment, "cloud_map")
    with cards.card(
        "home_occupancy",
        title,
        note,
        height=BOTTOM_ROW_HEIGHT,
        address=address,
        meaning=home_moment.meaning(context, "occupancy", title),
    ):
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
                "" if moment.is_screen else home_moment.home_of(moment, row["lot_code"]),
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
    below = home_due.HEIGHT + GAP if home_due.may_see(context) else 0
    title = text("home.devices")
    with cards.card(
        "home_devices",
        title,
        note,
        height=BOTTOM_ROW_HEIGHT - below,
        address=home_moment.present(context, moment, "gate_controllers"),
        meaning=home_moment.meaning(context, "devices", title),
    ):
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
                home_moment.present(context, moment, DEVICE_PAGES.get(row["device_type"], "")),
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
    title = text("home.alarms")
    with cards.card(
        "home_alarms",
        title,
        note,
        height=BOTTOM_ROW_HEIGHT,
        address=home_moment.until_now(context, moment, "alarms", state="open"),
        meaning=home_moment.meaning(context, "alarms", title),
    ):
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


def foot(context: Context, moment: Moment) -> None:
    """How far the data reach, when they were published and how the last build went."""
    text = context.text
    zone = ZoneInfo(moment.clock.time_zone)
    publication = moment.publication
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
