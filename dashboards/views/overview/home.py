"""数据监管: the home page.

Belongs here: its filters, kept in the address, and its layout. Does not belong here: the single cards (home_cards.py).
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import cards
from dashboards.views.overview import home_cards, home_due, home_figures, home_screen
from dashboards.views.overview.home_moment import Filters, Moment
from warehouse.lake.publish import Published
from warehouse.reports.period import Clock
from warehouse.reports.question import KnownLot

VIEW = View("home", ":material/monitoring:", is_start=True)

ALL_LOTS = ""
LOT, DAY, FOLLOWS, AUTO, EVERY = "home_lot", "home_day", "home_follows", "home_auto", "home_every"


def render(context: Context) -> None:
    """Draw the page."""
    publication = context.publication()
    lots = context.lots()
    latest = latest_day(lots, publication)
    problems = _read_address(context, lots, latest)
    if home_screen.is_asked():
        home_screen.begin(st.session_state[LOT])
    else:
        _header(context, lots, latest)
    for problem in problems:
        cards.notice("plain", context.text("home.notice"), problem)
    if home_screen.is_asked():
        home_screen.render(context, st.session_state[LOT], moment_of, draw)
        return
    filters = Filters(lot=st.session_state[LOT], day=None if st.session_state[FOLLOWS] else st.session_state[DAY])

    def live(renewed: Context) -> None:
        _live(renewed, filters)

    context.fragment(live, run_every=st.session_state[EVERY] if st.session_state[AUTO] else None)


def common_clock(lots: tuple[KnownLot, ...]) -> Clock:
    """The clock that most of the lots live on; Shanghai's without lots."""
    clocks = Counter(lot.clock for lot in lots)
    return clocks.most_common(1)[0][0] if clocks else Clock("Asia/Shanghai", 0)


def latest_day(lots: tuple[KnownLot, ...], publication: Published) -> date:
    """The business day that the published data reach."""
    return common_clock(lots).business_day(publication.data_as_of or publication.published_at)


def _read_address(context: Context, lots: tuple[KnownLot, ...], latest: date) -> list[str]:
    """Take lot and date from the address once per visit; returns what was wrong with them."""
    problems: list[str] = []
    state = st.session_state
    if LOT not in state:
        wanted = st.query_params.get("lot", ALL_LOTS)
        if wanted != ALL_LOTS and wanted not in {lot.code for lot in lots}:
            problems.append(context.text("home.unknown_lot", lot=wanted))
            wanted = ALL_LOTS
        state[LOT] = wanted
        # Browsers that were opened together must not all ask at the same instant.
        state[EVERY] = random.uniform(25, 35)  # noqa: S311
    if FOLLOWS not in state:
        asked = st.query_params.get("date")
        chosen = _as_date(asked, latest)
        if asked and chosen is None:
            problems.append(context.text("home.unknown_date", date=asked))
        state[FOLLOWS] = chosen is None
        if chosen is not None:
            state[DAY] = chosen
    return problems


def _as_date(written: str | None, latest: date) -> date | None:
    """The day that is written, None for no date or a day that has not come."""
    try:
        day = date.fromisoformat(written) if written else None
    except ValueError:
        return None
    return day if day is not None and day <= latest else None


def _header(context: Context, lots: tuple[KnownLot, ...], latest: date) -> None:
    text, state = context.text, st.session_state
    if state[FOLLOWS]:
        state[DAY] = latest
    names = {lot.code: lot.name for lot in lots}
    title, lot, day, auto, wall = st.columns([4.4, 3, 1.9, 1.5, 1], vertical_alignment="center")
    with title:
        cards.title(text("menu.home"), text("home.below"))
    lot.selectbox(
        text("home.lot"),
        [ALL_LOTS, *names],
        format_func=lambda code: names.get(code) or text("home.all_lots", count=len(names)),
        key=LOT,
        label_visibility="collapsed",
        on_change=_write_address,
        args=(latest,),
    )
    day.date_input(
        text("home.date"),
        key=DAY,
        format="YYYY-MM-DD",
        max_value=max(latest, state[DAY]),
        label_visibility="collapsed",
        on_change=_write_address,
        args=(latest,),
    )
    auto.container(key="right_home_auto", horizontal=True).toggle(text("home.auto"), value=True, key=AUTO)
    with wall.container(key="right_home_screen", horizontal=True):
        cards.link(text("home.screen"), home_screen.address(state[LOT]))


def _write_address(latest: date) -> None:
    """Keep the filters in the address, so that it can be shared; the usual view has a bare one."""
    state = st.session_state
    state[FOLLOWS] = state[DAY] == latest
    for name, value in (("lot", state[LOT]), ("date", "" if state[FOLLOWS] else state[DAY].isoformat())):
        if value:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def _live(context: Context, filters: Filters) -> None:
    """Everything below the header; runs again by itself."""
    moment = moment_of(context, filters)
    if filters.day is None and st.session_state.get(DAY) != moment.day:
        st.rerun()  # a new business day began: the date shown above must follow
    draw(context, moment)


def moment_of(context: Context, filters: Filters, *, is_screen: bool = False) -> Moment:
    """What the cards show for ``filters`` at this moment."""
    publication = context.publication()
    lots = context.lots()
    chosen = tuple(lot for lot in lots if lot.code == filters.lot) or lots
    clock = common_clock(chosen)
    as_of = publication.data_as_of or publication.published_at
    day = filters.day or latest_day(lots, publication)
    return Moment(
        day=day,
        is_latest=day >= clock.business_day(as_of),
        clock=clock,
        as_of=as_of,
        lot_code=filters.lot,
        lot_ids=None if context.actor.scope.is_everything and not filters.lot else tuple(lot.lot_id for lot in chosen),
        publication=publication,
        is_screen=is_screen,
    )


def draw(context: Context, moment: Moment) -> None:
    """The figures and cards."""
    home_cards.build_notice(context, moment)
    if not moment.is_screen:
        home_due.licences(context, moment)
    home_figures.draw(context, moment)
    wide, narrow = st.columns([7, 5], gap="small")
    with wide:
        home_cards.traffic(context, moment)
    with narrow:
        home_cards.receipts(context, moment)
    first, second, third = st.columns([4, 3.4, 4.6], gap="small")
    with first:
        home_cards.occupancy(context, moment)
    with second, st.container(gap="small"):
        home_cards.devices(context, moment)
        if home_due.may_see(context):
            home_due.vehicles(context, moment)
    with third:
        home_cards.alarms(context, moment)
    home_cards.foot(context, moment)
