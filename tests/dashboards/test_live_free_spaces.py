"""Free spaces from live state: only fresh counts are shown, none is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from warehouse.ops.models import Area, AreaCapacity, AreaFreeSpaces, Gate, LivePassage, Lot, LotLive, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.services.live import DERIVED_FOR, LIVE_FOR, add_up, free_spaces_of
from warehouse.settings import Settings

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    settings = Settings(home=tmp_path)
    migrate(settings)
    with ops_session(settings) as opened:
        opened.add(Node(node_id=1, parent_id=None, level="platform", code="platform-1", name="平台"))
        opened.flush()
        for lot_id in (1, 2, 3):
            opened.add(Lot(lot_id=lot_id, customer_id=1, code=f"lot-{lot_id}", name=f"{lot_id}号场"))
        opened.flush()
        yield opened


def counted(session: Session, lot_id: int, free: int, minutes_ago: float, *, area: str = "", total: int | None = 100):
    session.add(
        AreaFreeSpaces(
            lot_id=lot_id,
            area_id=area,
            counted_at=NOW - timedelta(minutes=minutes_ago),
            free_spaces=free,
            total_spaces=total,
        )
    )
    session.flush()


def test_a_fresh_count_is_shown_with_its_age(session: Session) -> None:
    counted(session, 1, 40, 3)
    lot = free_spaces_of(session, {1}, NOW)[1]
    assert (lot.free_spaces, lot.total_spaces, lot.counted_at) == (40, 100, NOW - timedelta(minutes=3))


def test_an_old_count_is_unknown_and_not_live(session: Session) -> None:
    counted(session, 1, 40, LIVE_FOR.total_seconds() / 60 + 0.1)
    lot = free_spaces_of(session, {1}, NOW)[1]
    assert lot.free_spaces is None
    assert lot.counted_at is not None


def test_a_lot_that_never_counted_is_unknown(session: Session) -> None:
    assert free_spaces_of(session, {2}, NOW)[2].free_spaces is None


def test_a_clock_far_ahead_cannot_make_a_count_live_for_hours(session: Session) -> None:
    counted(session, 1, 40, -120)
    assert free_spaces_of(session, {1}, NOW)[1].free_spaces is None


def test_the_lots_own_count_is_not_added_to_those_of_its_areas(session: Session) -> None:
    counted(session, 1, 40, 1)
    counted(session, 1, 30, 1, area="A")
    assert free_spaces_of(session, {1}, NOW)[1].free_spaces == 40


def test_an_inner_area_is_not_counted_besides_the_area_around_it(session: Session) -> None:
    session.add(Area(lot_id=1, area_id="A", name="A区"))
    session.add(Area(lot_id=1, area_id="A1", name="A区内场", parent_area_id="A", is_inner=True))
    session.flush()
    counted(session, 1, 30, 1, area="A", total=50)
    counted(session, 1, 10, 1, area="A1", total=20)
    counted(session, 1, 5, 1, area="B", total=9)
    lot = free_spaces_of(session, {1}, NOW)[1]
    assert (lot.free_spaces, lot.total_spaces) == (35, 59)


def test_one_silent_area_makes_the_lot_unknown(session: Session) -> None:
    counted(session, 1, 30, 1, area="A")
    counted(session, 1, 30, 60, area="B")
    assert free_spaces_of(session, {1}, NOW)[1].free_spaces is None


def test_the_sum_covers_live_lots_and_tells_how_many_are_unknown(session: Session) -> None:
    counted(session, 1, 40, 1)
    counted(session, 2, 7, 100)
    together = add_up(free_spaces_of(session, None, NOW).values())
    assert (together.free_spaces, together.live_lots, together.unknown_lots) == (40, 1, 2)


def test_no_live_lot_means_unknown_and_not_zero(session: Session) -> None:
    together = add_up(free_spaces_of(session, None, NOW).values())
    assert together.free_spaces is None
    assert together.total_spaces is None


def test_test_lots_void_lots_and_foreign_lots_are_left_out(session: Session) -> None:
    for lot_id in (1, 2, 3):
        counted(session, lot_id, lot_id, 1)
    session.get_one(Lot, 2).is_test = True
    session.get_one(Lot, 3).is_void = True
    session.flush()
    assert add_up(free_spaces_of(session, None, NOW).values()).free_spaces == 1
    assert free_spaces_of(session, set(), NOW) == {}


def heard(session: Session, lot_id: int, minutes_ago: float = 1) -> None:
    session.add(LotLive(lot_id=lot_id, received_at=NOW - timedelta(minutes=minutes_ago)))
    session.flush()


def passed(session: Session, lot_id: int, kind: str, minutes_ago: float, *, area: str | None = None, **more: Any):
    when = NOW - timedelta(minutes=minutes_ago)
    number = session.query(LivePassage).count()
    session.add(
        LivePassage(
            lot_id=lot_id,
            kind=kind,
            record_id=str(number),
            revision=0,
            occurred_at=when,
            received_at=when,
            area_id=area,
            **more,
        )
    )
    session.flush()


def test_an_old_count_is_carried_on_with_the_passages_since_and_says_so(session: Session) -> None:
    counted(session, 1, 40, 60)
    heard(session, 1)
    for kind, minutes_ago in (("entry", 61), ("entry", 50), ("entry", 40), ("exit", 30), ("inner_entry", 20)):
        passed(session, 1, kind, minutes_ago)
    passed(session, 1, "entry", 10, is_void=True)
    lot = free_spaces_of(session, {1}, NOW)[1]
    assert (lot.free_spaces, lot.state, lot.counted_at) == (39, "derived", NOW - timedelta(minutes=60))
    together = add_up([lot])
    assert (together.free_spaces, together.live_lots, together.derived_lots) == (39, 0, 1)


def test_an_old_count_of_a_silent_lot_or_of_yesterday_is_not_carried_on(session: Session) -> None:
    counted(session, 1, 40, 60)
    heard(session, 1, 16)
    counted(session, 2, 40, DERIVED_FOR.total_seconds() / 60 + 1)
    heard(session, 2)
    found = free_spaces_of(session, {1, 2}, NOW)
    assert [found[lot_id].state for lot_id in (1, 2)] == ["unknown", "unknown"]


def test_a_derived_figure_stays_between_none_and_all_spaces(session: Session) -> None:
    counted(session, 1, 1, 60, total=2)
    counted(session, 2, 1, 60, total=2)
    for lot_id, kind in ((1, "entry"), (2, "exit")):
        heard(session, lot_id)
        for minutes_ago in range(1, 6):
            passed(session, lot_id, kind, minutes_ago)
    found = free_spaces_of(session, {1, 2}, NOW)
    assert [found[lot_id].free_spaces for lot_id in (1, 2)] == [0, 2]


def test_areas_are_carried_on_by_the_gates_that_lead_into_them(session: Session) -> None:
    session.add(Area(lot_id=1, area_id="A", name="A区"))
    session.add(Area(lot_id=1, area_id="A1", name="A区内场", parent_area_id="A", is_inner=True))
    session.add(Gate(lot_id=1, gate_id="G", name="G", direction="entry", area_id="A", pay_token="t"))
    session.flush()
    counted(session, 1, 30, 60, area="A", total=50)
    counted(session, 1, 10, 60, area="A1", total=20)
    heard(session, 1)
    passed(session, 1, "entry", 50, gate_id="G")
    passed(session, 1, "entry", 49, area="A")
    passed(session, 1, "inner_entry", 40, area="A1")
    lot = free_spaces_of(session, {1}, NOW)[1]
    assert [(area.area_id, area.free_spaces, area.state) for area in lot.areas] == [
        ("A", 28, "derived"),
        ("A1", 9, "derived"),
    ]
    assert (lot.free_spaces, lot.state) == (28, "derived")
    passed(session, 1, "entry", 30)  # leads nobody knows where
    assert free_spaces_of(session, {1}, NOW)[1].state == "unknown"


def test_the_lots_own_limit_decides_how_long_a_count_is_live(session: Session) -> None:
    session.get_one(Lot, 1).free_space_minutes = 60
    counted(session, 1, 40, 50)
    assert free_spaces_of(session, {1}, NOW)[1].state == "live"


def test_the_capacity_in_force_stands_for_a_total_that_nobody_sent(session: Session) -> None:
    session.add_all(
        AreaCapacity(lot_id=1, area_id=None, valid_from=day, spaces=spaces)
        for day, spaces in ((date(2026, 1, 1), 70), (date(2026, 3, 1), 80), (date(2026, 3, 2), 90))
    )
    counted(session, 1, 40, 1, total=None)
    lot = free_spaces_of(session, {1}, NOW)[1]
    assert (lot.free_spaces, lot.total_spaces) == (40, 80)
