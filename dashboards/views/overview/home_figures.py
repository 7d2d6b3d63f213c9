"""The figures at the top of the home page, each beside the same time of yesterday and of last week.

Belongs here: which figure stands where and how it is worded. Does not belong here: the cards below (home_cards.py),
arithmetic beyond adding two columns of one report and putting two figures beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from dashboards.context import Context
from dashboards.theme import BLUE, CYAN, GREEN, ORANGE, VIOLET
from dashboards.ui import cards, numbers
from dashboards.views.overview import home_moment
from dashboards.views.overview.home_moment import Moment, Record
from warehouse.ops.session import ops_session
from warehouse.services.live import FreeSpaces, add_up, free_spaces_of

Amount = int | Decimal | None
BEFORE = {"day": "previous_", "week": "previous_week_"}
"""What a figure is compared with, and how the reports prefix the column."""


def draw(context: Context, moment: Moment) -> None:
    """The six figures."""
    text = context.text
    totals = context.query("home-totals", **moment.parameters).records()[0]
    hours = context.query("home-traffic-hours", **moment.parameters).records()
    with ops_session(context.settings) as session:
        free = add_up(free_spaces_of(session, moment.lot_ids, context.now).values())
    # A day without any upload is not a day with nothing.
    known = [before for before, prefix in BEFORE.items() if _is_uploaded(hours, prefix)]
    received = _received(totals, hours)
    received_before: dict[str, Amount] = {
        before: amount for before, prefix in BEFORE.items() if (amount := _received(totals, hours, prefix)) is not None
    }
    exact = text(
        "home.received_exact",
        total=numbers.money(received),
        temporary=numbers.money(totals["received"]),
        renewed=numbers.money(totals["renewed"]),
    )
    cards.figures(
        [
            _figure(
                context,
                "received",
                text(f"home.figure.received{moment.suffix}"),
                numbers.short(received, context.language),
                "" if received is None else text("home.unit.yuan"),
                exact=exact,
                notes=_notes(context, moment, received, received_before, numbers.money),
                address=home_moment.of_day(context, moment, "temporary_fee_statistics")
                or home_moment.of_day(context, moment, "renewal_statistics"),
                colour=BLUE,
            ),
            _passages(context, moment, "entries", totals, known, hours, BLUE),
            _passages(context, moment, "exits", totals, known, hours, GREEN),
            _cars(context, moment, totals),
            _free(context, moment, free, totals),
            _online(context, moment, totals),
        ]
    )


def _figure(
    context: Context,
    key: str,
    label: str,
    value: str,
    unit: str,
    *,
    exact: str,
    notes: Sequence[cards.Note],
    address: str,
    colour: str,
    series: Sequence[float | None] = (),
) -> cards.Figure:
    return cards.Figure(
        key,
        label,
        value,
        unit,
        exact=exact,
        notes=notes,
        address=address,
        link_label=context.text("home.open_report"),
        meaning=home_moment.meaning(context, key, label),
        series=series,
        shape="bar",
        colour=colour,
    )


def _is_uploaded(hours: Sequence[Record], prefix: str = "") -> bool:
    return any(row[f"{prefix}entries"] is not None for row in hours)


def _received(totals: Record, hours: Sequence[Record], prefix: str = "") -> Decimal | None:
    """Money of a day; None when nothing was uploaded. What was taken on a page here is money without an upload."""
    amount: Decimal = totals[f"{prefix}received"] + totals[f"{prefix}renewed"]
    return amount if amount or _is_uploaded(hours, prefix) else None


def _notes(
    context: Context,
    moment: Moment,
    now: Amount,
    before: dict[str, Amount],
    written: Callable[[int], str] | Callable[[Decimal | None], str],
    *,
    of_hour: bool = False,
) -> list[cards.Note]:
    """The figure beside the same of the day before and of the week before, in words.

    ``of_hour``: the figure is that of the end of an hour, and its difference a count; more is neither good nor bad.
    """
    text = context.text
    hour = "_hour" if of_hour and moment.is_latest else ""
    notes = []
    for then in BEFORE:
        old = before.get(then)
        if old is None:
            notes.append(cards.Note(text(f"home.none_{then}{moment.suffix}")))
            continue
        exact = text(f"home.before_{then}{moment.suffix}{hour}", figure=written(old))  # type: ignore[arg-type]
        if now is None:
            notes.append(cards.Note(exact))
            continue
        sign = "▲ " if now > old else "▼ " if now < old else ""
        if old == 0 and not of_hour:
            notes.append(cards.Note(text(f"home.zero_{then}{moment.suffix}"), exact))
            continue
        change = abs(Decimal(now) - Decimal(old))
        share = numbers.count(int(change)) if of_hour else numbers.percent(numbers.share(change, old))
        tone = "none" if of_hour or now == old else "up" if now > old else "down"
        notes.append(cards.Note(text(f"home.versus_{then}{moment.suffix}", change=f"{sign}{share}"), exact, tone))
    return notes


def _passages(
    context: Context,
    moment: Moment,
    key: str,
    totals: Record,
    known: Sequence[str],
    hours: Sequence[Record],
    colour: str,
) -> cards.Figure:
    before: dict[str, Amount] = {then: totals[f"{BEFORE[then]}{key}"] for then in known}
    now = totals[key] if _is_uploaded(hours) else None
    records = {"entries": "entry_records", "exits": "exit_records"}[key]
    return _figure(
        context,
        key,
        context.text(f"home.figure.{key}"),
        numbers.short(now, context.language),
        "" if now is None else context.text("home.unit.car"),
        exact=numbers.count(now),
        notes=_notes(context, moment, now, before, numbers.count),
        address=home_moment.of_day(context, moment, records),
        series=[row[key] for row in moment.in_order(hours)],
        colour=colour,
    )


def _cars(context: Context, moment: Moment, totals: Record) -> cards.Figure:
    text, cars = context.text, totals["cars"]
    before: dict[str, Amount] = {then: totals[f"{prefix}cars"] for then, prefix in BEFORE.items()}
    return _figure(
        context,
        "cars",
        text("home.figure.cars"),
        numbers.short(cars, context.language),
        "" if cars is None else text("home.unit.car"),
        exact=f"{numbers.count(cars)} / {numbers.count(totals['spaces'])}",
        notes=_notes(context, moment, cars, before, numbers.count, of_hour=True),
        # Whether a car of a past day has left is known of the present only.
        address=home_moment.until_now(context, moment, "entry_records", left="no") if moment.is_latest else "",
        colour=VIOLET,
    )


def _free(context: Context, moment: Moment, free: FreeSpaces, totals: Record) -> cards.Figure:
    text, language = context.text, context.language
    occupied = cards.Note(text("home.occupied", share=numbers.percent(totals["share"])))
    address = home_moment.present(context, moment, "cloud_map")
    title = text("home.figure.free")
    if free.free_spaces is None or free.oldest_counted_at is None:
        notes = [cards.Note(text("home.free_unknown")), occupied]
        return _figure(
            context, "free", title, text("home.unknown"), "", exact="", notes=notes, address=address, colour=CYAN
        )
    minutes = max(0, int((context.now - free.oldest_counted_at) / timedelta(minutes=1)))
    some = "_some" if free.unknown_lots else ""
    age = "now" if minutes == 0 else "age"
    exact = text("home.free_exact", free=numbers.count(free.free_spaces), lots=free.live_lots)
    note = text(f"home.free_{age}{some}", minutes=minutes, unknown=free.unknown_lots)
    if free.derived_lots:
        exact += text("home.free_exact_derived", lots=free.derived_lots)
        note += text("home.free_derived", lots=free.derived_lots)
    return _figure(
        context,
        "free",
        title,
        numbers.short(free.free_spaces, language),
        "" if free.total_spaces is None else text("home.unit.of", total=numbers.short(free.total_spaces, language)),
        exact=exact,
        notes=[cards.Note(note, exact), occupied],
        address=address,
        colour=CYAN,
    )


def _online(context: Context, moment: Moment, totals: Record) -> cards.Figure:
    text = context.text
    notes = [cards.Note(text("home.online_now"))]
    if moment.is_latest:
        notes = [
            cards.Note(text(f"home.online_{then}", share=numbers.percent(totals[f"{prefix}online_rate"])))
            for then, prefix in BEFORE.items()
        ]
    return _figure(
        context,
        "online",
        text("home.figure.online"),
        numbers.percent(totals["online_share"]).removesuffix("%"),
        "" if totals["online_share"] is None else "%",
        exact=f"{numbers.count(totals['devices_online'])} / {numbers.count(totals['devices'])}",
        notes=notes,
        address=home_moment.present(context, moment, "gate_controllers"),
        colour=ORANGE,
    )
