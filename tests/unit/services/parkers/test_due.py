"""Renewals due as the home page counts them."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.services.parkers.conftest import FOREIGN_LOT, LOT, WESTERN_LOT, World
from warehouse.services.due import DueVehicles, count_due
from warehouse.services.listing import ListQuery
from warehouse.services.vehicles import list_vehicles

DAYS = (-40, -1, 0, 1, 7, 8, 60)


@pytest.fixture
def parked(world: World) -> World:
    """Vehicles that end around today, by the calendar of each lot."""
    for lot_id, zone in ((LOT, "Asia/Shanghai"), (WESTERN_LOT, "Pacific/Pago_Pago"), (FOREIGN_LOT, "Asia/Shanghai")):
        today = world.today(ZoneInfo(zone))
        for number, days in enumerate(DAYS):
            end = today + timedelta(days=days)
            world.owner(f"鲁F6{lot_id}Y0{number}", lot_id=lot_id, valid_from=end - timedelta(days=90), valid_to=end)
    return world


@pytest.mark.parametrize(("login", "lots"), [("manager", 2), ("cashier", 1), ("stranger", 1)])
def test_the_counts_are_those_of_the_list(parked: World, login: str, lots: int) -> None:
    actor = parked.actor(login)
    due, expired = (
        list_vehicles(parked.settings, actor, ListQuery(size=1), state=state).total for state in ("due", "expired")
    )
    assert count_due(parked.settings, actor) == DueVehicles(due, expired)
    assert (due, expired) == (3 * lots, 2 * lots), "a validity that ends today or in seven days is due"


def test_only_lots_of_the_scope_are_counted_whatever_is_asked(parked: World) -> None:
    actor = parked.actor("manager")
    assert count_due(parked.settings, actor, [LOT, FOREIGN_LOT]) == DueVehicles(3, 2)
    assert count_due(parked.settings, actor, [FOREIGN_LOT]) == DueVehicles(0, 0)


def test_somebody_without_the_page_is_refused(parked: World) -> None:
    with parked.refused("long_term_vehicles.view"):
        count_due(parked.settings, parked.actor("engineer"))
