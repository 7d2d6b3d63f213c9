"""Free spaces from live state: only fresh counts are shown, none is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from warehouse.ops.models import Area, AreaFreeSpaces, Lot, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.services.live import LIVE_FOR, add_up, free_spaces_by_lot
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
    lot = free_spaces_by_lot(session, {1}, NOW)[0]
    assert (lot.free_spaces, lot.total_spaces, lot.counted_at) == (40, 100, NOW - timedelta(minutes=3))


def test_an_old_count_is_unknown_and_not_live(session: Session) -> None:
    counted(session, 1, 40, LIVE_FOR.total_seconds() / 60 + 0.1)
    lot = free_spaces_by_lot(session, {1}, NOW)[0]
    assert lot.free_spaces is None
    assert lot.counted_at is not None


def test_a_lot_that_never_counted_is_unknown(session: Session) -> None:
    assert free_spaces_by_lot(session, {2}, NOW)[0].free_spaces is None


def test_a_clock_far_ahead_cannot_make_a_count_live_for_hours(session: Session) -> None:
    counted(session, 1, 40, -120)
    assert free_spaces_by_lot(session, {1}, NOW)[0].free_spaces is None


def test_the_lots_own_count_is_not_added_to_those_of_its_areas(session: Session) -> None:
    counted(session, 1, 40, 1)
    counted(session, 1, 30, 1, area="A")
    assert free_spaces_by_lot(session, {1}, NOW)[0].free_spaces == 40


def test_an_inner_area_is_not_counted_besides_the_area_around_it(session: Session) -> None:
    session.add(Area(lot_id=1, area_id="A", name="A区"))
    session.add(Area(lot_id=1, area_id="A1", name="A区内场", parent_area_id="A", is_inner=True))
    session.flush()
    counted(session, 1, 30, 1, area="A", total=50)
    counted(session, 1, 10, 1, area="A1", total=20)
    counted(session, 1, 5, 1, area="B", total=9)
    lot = free_spaces_by_lot(session, {1}, NOW)[0]
    assert (lot.free_spaces, lot.total_spaces) == (35, 59)


def test_one_silent_area_makes_the_lot_unknown(session: Session) -> None:
    counted(session, 1, 30, 1, area="A")
    counted(session, 1, 30, 60, area="B")
    assert free_spaces_by_lot(session, {1}, NOW)[0].free_spaces is None


def test_the_sum_covers_live_lots_and_tells_how_many_are_unknown(session: Session) -> None:
    counted(session, 1, 40, 1)
    counted(session, 2, 7, 100)
    together = add_up(free_spaces_by_lot(session, None, NOW))
    assert (together.free_spaces, together.live_lots, together.unknown_lots) == (40, 1, 2)


def test_no_live_lot_means_unknown_and_not_zero(session: Session) -> None:
    together = add_up(free_spaces_by_lot(session, None, NOW))
    assert together.free_spaces is None
    assert together.total_spaces is None


def test_test_lots_void_lots_and_foreign_lots_are_left_out(session: Session) -> None:
    for lot_id in (1, 2, 3):
        counted(session, lot_id, lot_id, 1)
    session.get_one(Lot, 2).is_test = True
    session.get_one(Lot, 3).is_void = True
    session.flush()
    assert add_up(free_spaces_by_lot(session, None, NOW)).free_spaces == 1
    assert free_spaces_by_lot(session, set(), NOW) == []
