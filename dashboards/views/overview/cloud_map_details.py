"""The selected lot in detail, below the map.

Belongs here: which facts and reports are shown of one lot. Figures come from the reports, each under the permission
of its own page; who lacks one sees the rest. Does not belong here: SQL, routes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.map.lots import Shown
from dashboards.theme import BLUE, GREY
from dashboards.ui import cards, charts, numbers
from dashboards.views.overview import cloud_map_route
from dashboards.views.overview.cloud_map_list import distance, free_age
from warehouse.codes import label
from warehouse.errors import ParkError
from warehouse.reports.access import permission_of
from warehouse.reports.catalogue import find
from warehouse.reports.period import Clock
from warehouse.services.map_lots import MapLot, areas_of, fee_rules, guidance_of

LATEST = 20
BACK_DAYS = 7
CARD_HEIGHT = 372
Record = Mapping[str, Any]


def draw(context: Context, shown: Shown, lot: MapLot, way: cloud_map_route.Way | None) -> None:
    """The cards of a lot."""
    day = _business_day(context, lot)
    left, right = st.columns([4, 6], gap="small")
    with left:
        _facts(context, shown, lot, day)
    with right:
        cloud_map_route.draw(context, lot, way, CARD_HEIGHT)
    left, right = st.columns([6, 4], gap="small")
    with left:
        _occupancy(context, lot, day)
    with right:
        _alarms(context, lot, day)
    _passages(context, lot, day)


def _business_day(context: Context, lot: MapLot) -> date | None:
    """The lot's business day that the published data reach; None when nothing is published, or not of this lot."""
    try:
        known = {one.code: one for one in context.lots()}
        publication = context.publication()
    except ParkError as error:
        if error.code != "nothing_published":
            raise
        return None
    clock = known[lot.code].clock if lot.code in known else Clock(lot.time_zone, 0)
    return clock.business_day(publication.data_as_of or publication.published_at) if lot.code in known else None


def _asked(context: Context, report: str, lot: MapLot, first: date, last: date, **more: Any) -> list[Record] | None:
    """Rows of a report about the lot; None for those who may not see it."""
    if not context.allows(permission_of(find(report))):
        return None
    days = {"from": first.isoformat(), "to": (last + timedelta(days=1)).isoformat()}
    return list(context.query(report, lot=lot.code, **days, **more).records())


def _facts(context: Context, shown: Shown, lot: MapLot, day: date | None) -> None:
    text = context.text
    count, total = shown.count(lot), shown.total(lot)
    age = free_age(context, count)
    free = text("map.unknown") if count.free_spaces is None else numbers.count(count.free_spaces)
    with cards.card("map_facts", lot.name, lot.code, height=CARD_HEIGHT):
        facts = [
            cards.Fact(text("map.address"), lot.address or ""),
            cards.Fact(text("map.region"), lot.region or ""),
            cards.Fact(text("map.free"), f"{free} / {numbers.count(total)}"),
            cards.Fact(text("map.counted"), age),
            *_today(context, lot, day),
        ]
        cards.facts(facts)
        areas = areas_of(context.settings, context.actor, lot.lot_id, now=context.now)
        if areas:
            cards.table(
                text("map.areas"),
                [text("map.area"), text("map.spaces"), text("map.free")],
                [
                    (
                        "　" * area.depth + area.name,
                        numbers.count(area.spaces),
                        text("map.unknown") if area.free is None else numbers.count(area.free),
                    )
                    for area in areas
                ],
                right=(1, 2),
            )
        _guidance(context, lot)
        rules = fee_rules(context.settings, context.actor, [lot.lot_id], context.language).get(lot.lot_id)
        cards.heading(text("map.tariff"))
        for line in rules or [text("map.no_tariff")]:
            cards.note(line)


def _guidance(context: Context, lot: MapLot) -> None:
    """Where the displays of a full lot send drivers now, and which full lots send theirs here."""
    text, found = context.text, guidance_of(context.settings, context.actor, lot.lot_id)
    if found.to:
        cards.table(
            text("map.guidance"),
            [text("map.guidance"), text("map.free"), text("map.away")],
            [(one.name, numbers.count(one.free_spaces), distance(context, one.distance_metres)) for one in found.to],
            right=(1, 2),
        )
    if found.of:
        gap = "、" if context.language == "zh" else ", "
        cards.note(text("map.guided_from", lots=gap.join(found.of)))


def _today(context: Context, lot: MapLot, day: date | None) -> list[cards.Fact]:
    if day is None:
        return []
    rows = _asked(context, "home-totals", lot, day, day)
    if not rows:
        return []
    text, totals = context.text, rows[0]
    return [
        cards.Fact(text("map.entries_on", day=day.isoformat()), numbers.count(totals["entries"])),
        cards.Fact(text("map.exits_on", day=day.isoformat()), numbers.count(totals["exits"])),
    ]


def _occupancy(context: Context, lot: MapLot, day: date | None) -> None:
    text = context.text
    note = day.isoformat() if day is not None else ""
    with cards.card("map_occupancy", text("map.occupancy"), note, height=CARD_HEIGHT):
        if day is None:
            cards.nothing(text("map.not_published"))
            return
        rows = _asked(context, "occupancy", lot, day, day, by="hour", size=48)
        if rows is None:
            cards.nothing(text("map.not_yours"))
            return
        if not rows:
            cards.nothing(text("map.no_occupancy"))
            return
        spaces = next((row["spaces"] for row in rows if row["spaces"] is not None), None)
        series = [
            charts.Series(
                text("map.mean_cars"),
                [None if row["mean_cars"] is None else float(row["mean_cars"]) for row in rows],
                BLUE,
            )
        ]
        if spaces is not None:
            series.append(charts.Series(text("map.spaces"), [float(spaces)] * len(rows), GREY))
        figure = charts.over_positions(
            [f"{row['period']:%H:%M}" for row in rows],
            series,
            [not row["has_uploads"] for row in rows],
            as_line=True,
            missing_name=text("map.no_uploads"),
            language=context.language,
        )
        charts.show(figure, f"map_occupancy_{lot.lot_id}", 300, text("map.occupancy_alt", name=lot.name, day=note))


def _passages(context: Context, lot: MapLot, day: date | None) -> None:
    text = context.text
    with cards.card("map_passages", text("map.passages"), text("map.latest", count=LATEST), height=CARD_HEIGHT):
        if day is None:
            cards.nothing(text("map.not_published"))
            return
        first = day - timedelta(days=BACK_DAYS)
        entries = _asked(context, "entry-records", lot, first, day, size=LATEST)
        exits = _asked(context, "exit-records", lot, first, day, size=LATEST)
        if entries is None and exits is None:
            cards.nothing(text("map.not_yours"))
            return
        passages = [(row["entered_at"], "entry", row["entry_gate"], row) for row in entries or ()]
        passages += [(row["exited_at"], "exit", row["exit_gate"], row) for row in exits or ()]
        latest = sorted(passages, key=lambda one: one[0], reverse=True)[:LATEST]
        if not latest:
            cards.nothing(text("map.no_passages"))
            return
        cards.table(
            text("map.passages"),
            [text(f"map.{name}") for name in ("time", "direction", "plate", "vehicle_class", "gate")],
            [
                (
                    _clock_time(moment),
                    text(f"map.direction_{direction}"),
                    row["plate"] or "",
                    label("vehicle_class", row["vehicle_class"] or "", context.language),
                    gate or "",
                )
                for moment, direction, gate, row in latest
            ],
        )


def _alarms(context: Context, lot: MapLot, day: date | None) -> None:
    text = context.text
    with cards.card("map_alarms", text("map.alarms"), text("map.latest", count=LATEST), height=CARD_HEIGHT):
        if day is None:
            cards.nothing(text("map.not_published"))
            return
        rows = _asked(context, "alarms", lot, day - timedelta(days=BACK_DAYS), day, size=LATEST)
        if rows is None:
            cards.nothing(text("map.not_yours"))
        elif not rows:
            cards.nothing(text("map.no_alarms"))
        else:
            cards.feed(_events(context, rows))


def _events(context: Context, rows: Sequence[Record]) -> list[cards.Event]:
    text, language = context.text, context.language
    return [
        cards.Event(
            row["level"] if row["level"] in ("critical", "warning", "info") else "other",
            label("alarm_level", row["level"] or "", language),
            label("alarm_type", row["alarm_type"] or "", language),
            row["message"] or row["device_name"] or "",
            _clock_time(row["raised_at"] or row["recovered_at"])
            + ("" if row["is_open"] else f" · {text('map.recovered')}"),
        )
        for row in rows
    ]


def _clock_time(moment: datetime) -> str:
    return f"{moment:%m-%d %H:%M}"
