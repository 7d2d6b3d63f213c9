"""Areas of lots and the history of their spaces."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.unit.services.tree.conftest import LOT, World
from warehouse.errors import ParkError
from warehouse.ops.models import Area, AreaCapacity, AreaFreeSpaces, Gate, Lot, Owner, OwnerSpace
from warehouse.services.fields import InvalidFields
from warehouse.services.lot_areas import AreaForm, add_area, edit_area, list_areas, remove_area
from warehouse.services.lot_capacity import (
    CapacityForm,
    capacity_history,
    capacity_warnings,
    remove_capacity,
    set_capacity,
)
from warehouse.services.lot_editing import LotForm, edit_lot

NOW = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)
TODAY = date(2026, 4, 1)  # in Shanghai


def version(world: World) -> int:
    found: int = world.row(Lot, LOT).version
    return found


def add(world: World, area_id: str, parent: str | None = None, *, inner: bool = False) -> None:
    form = AreaForm(area_id, f"区{area_id}", parent, inner)
    add_area(world.settings, world.actor("admin"), LOT, version(world), form)


def put(world: World, area_id: str | None, day: date, spaces: int) -> None:
    form = CapacityForm(area_id, day, spaces)
    set_capacity(world.settings, world.actor("admin"), LOT, version(world), form, now=NOW)


def test_areas_are_listed_each_behind_the_one_around_it(world: World) -> None:
    for area_id, parent in (("B2", None), ("A1", None), ("A1-x", "A1"), ("A1-x-1", "A1-x")):
        add(world, area_id, parent, inner=parent is not None)
    shown = [
        (area.area_id, area.depth, area.is_inner) for area in list_areas(world.settings, world.actor("admin"), LOT)
    ]
    assert shown == [("A1", 0, False), ("A1-x", 1, True), ("A1-x-1", 2, True), ("B2", 0, False)]
    assert [entry.entity for entry in world.entries()] == ["area"] * 4
    assert version(world) == 5


def test_wrong_areas_are_told_at_their_fields(world: World) -> None:
    add(world, "A")
    add(world, "B", "A")
    admin = world.actor("admin")
    with pytest.raises(InvalidFields) as caught:
        add_area(world.settings, admin, LOT, version(world), AreaForm("A", " ", "nowhere"))
    assert [problem.field for problem in caught.value.problems] == ["area_id", "name", "parent_area_id"]
    for parent in ("A", "B"):
        with pytest.raises(InvalidFields, match="lies inside it") as caught:
            edit_area(world.settings, admin, LOT, version(world), AreaForm("A", "甲", parent))
        assert [problem.field for problem in caught.value.problems] == ["parent_area_id"]
        assert "内部" in caught.value.zh
    with pytest.raises(ParkError) as unknown:
        edit_area(world.settings, admin, LOT, version(world), AreaForm("Z", "丙"))
    assert unknown.value.code == "unknown_area"


def test_an_area_that_something_refers_to_is_not_removed_and_what_refers_is_named(world: World) -> None:
    add(world, "A")
    add(world, "A-in", "A")
    put(world, "A", TODAY, 10)
    world.add(Owner(owner_id=1, lot_id=LOT, code="O1", name="车主", created_at=NOW))
    world.add(
        Gate(lot_id=LOT, gate_id="g", name="东门", direction="exit", area_id="A", pay_token="t"),
        OwnerSpace(lot_id=LOT, owner_id=1, area_id="A", number="A-001"),
        AreaFreeSpaces(lot_id=LOT, area_id="A", counted_at=NOW, free_spaces=3),
    )
    with pytest.raises(ParkError) as caught:
        remove_area(world.settings, world.actor("admin"), LOT, version(world), "A")
    for named in ("区A-in", "东门", "2026-04-01", "A-001", "1 uploaded counts"):
        assert named in caught.value.en
    assert world.count(Area) == 2
    remove_area(world.settings, world.actor("admin"), LOT, version(world), "A-in")
    assert world.count(Area) == 1
    assert world.entries()[-1].after is None


def test_rearranging_areas_under_an_old_version_of_the_lot_is_refused(world: World) -> None:
    admin = world.actor("admin")
    add(world, "A")
    for stale in (
        lambda: add_area(world.settings, admin, LOT, 1, AreaForm("B", "乙")),
        lambda: edit_area(world.settings, admin, LOT, 1, AreaForm("A", "乙")),
        lambda: remove_area(world.settings, admin, LOT, 1, "A"),
        lambda: set_capacity(world.settings, admin, LOT, 1, CapacityForm("A", TODAY, 1), now=NOW),
        lambda: edit_lot(world.settings, admin, LOT, 1, LotForm(name="x")),
    ):
        with pytest.raises(ParkError) as caught:
            stale()
        assert caught.value.code == "conflict"
    assert [(area.name, area.capacity) for area in list_areas(world.settings, admin, LOT)] == [("区A", None)]


def test_capacity_holds_from_its_day_until_the_day_before_the_next(world: World) -> None:
    add(world, "A")
    put(world, None, date(2020, 1, 1), 100)
    put(world, None, TODAY, 120)
    put(world, None, TODAY + timedelta(days=10), 150)
    put(world, "A", TODAY, 40)
    history = capacity_history(world.settings, world.actor("admin"), LOT, now=NOW)
    assert [(row.area_name, row.valid_from, row.valid_to, row.spaces, row.state) for row in history] == [
        (None, date(2026, 4, 11), None, 150, "future"),
        (None, TODAY, date(2026, 4, 10), 120, "current"),
        (None, date(2020, 1, 1), date(2026, 3, 31), 100, "past"),
        ("区A", TODAY, None, 40, "current"),
    ]
    commands = [command for command in world.commands() if command.kind == "lot_settings"]
    assert len(commands) == 4
    assert {"area_id": "A", "valid_from": "2026-04-01", "spaces": 40} in commands[-1].payload["capacities"]


def test_days_that_have_passed_keep_their_capacity(world: World) -> None:
    put(world, None, date(2026, 3, 1), 100)
    with pytest.raises(InvalidFields) as caught:
        put(world, None, TODAY - timedelta(days=1), 90)
    assert [problem.field for problem in caught.value.problems] == ["valid_from"]
    assert "2026-04-01" in caught.value.zh
    # Before the first known day there was nothing that a report could rest on.
    put(world, None, date(2026, 2, 1), 80)
    history = capacity_history(world.settings, world.actor("admin"), LOT, now=NOW)
    admin = world.actor("admin")
    for row in history:
        with pytest.raises(ParkError) as begun:
            remove_capacity(world.settings, admin, LOT, version(world), row.capacity_id, now=NOW)
        assert begun.value.code == "capacity_begun"
    assert world.count(AreaCapacity) == 2


def test_a_coming_capacity_is_corrected_and_removed(world: World) -> None:
    admin = world.actor("admin")
    put(world, None, TODAY + timedelta(days=5), 200)
    put(world, None, TODAY + timedelta(days=5), 210)
    [row] = capacity_history(world.settings, admin, LOT, now=NOW)
    assert (row.spaces, row.state) == (210, "future")
    remove_capacity(world.settings, admin, LOT, version(world), row.capacity_id, now=NOW)
    assert capacity_history(world.settings, admin, LOT, now=NOW) == []
    assert [(entry.entity, entry.before is None, entry.after is None) for entry in world.entries()] == [
        ("capacity", True, False),
        ("capacity", False, False),
        ("capacity", False, True),
    ]


def test_wrong_capacities_are_told_at_their_fields(world: World) -> None:
    with pytest.raises(InvalidFields) as caught:
        set_capacity(world.settings, world.actor("admin"), LOT, 1, CapacityForm("nowhere", None, "many"), now=NOW)
    assert {problem.field for problem in caught.value.problems} == {"area_id", "valid_from", "spaces"}
    with pytest.raises(InvalidFields):
        put(world, None, date(1999, 12, 31), 10)


def test_areas_with_more_spaces_than_what_is_around_them_are_a_warning_only(world: World) -> None:
    admin = world.actor("admin")
    for area_id, parent in (("A", None), ("B", None), ("A-in", "A")):
        add(world, area_id, parent)
    put(world, None, TODAY, 100)
    put(world, "A", TODAY, 60)
    put(world, "B", TODAY, 40)
    put(world, "A-in", TODAY, 60)
    assert capacity_warnings(world.settings, admin, LOT, now=NOW) == []
    put(world, "B", TODAY + timedelta(days=3), 41)
    put(world, "A-in", TODAY, 61)
    found = {problem.field: problem for problem in capacity_warnings(world.settings, admin, LOT, now=NOW)}
    assert set(found) == {"", "A"}
    assert "2026-04-04" in found[""].en
    assert "101" in found[""].zh
    assert "区A" in found["A"].zh
    assert "61" in found["A"].en
