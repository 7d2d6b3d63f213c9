"""Owners with vehicles, spaces and groups: one form, one transaction, nobody overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.unit.services.parkers.conftest import FOREIGN_LOT, LOT, WESTERN_LOT, World, days, key, problems
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import LongTermVehicle, Owner, VehicleGroup
from warehouse.ops.session import ops_session
from warehouse.services.listing import ListQuery
from warehouse.services.owner_changes import create_owner, delete_owner, edit_owner
from warehouse.services.owner_forms import GroupForm, OwnerForm, SpaceForm, VehicleForm
from warehouse.services.owners import OwnerView, get_owner, list_owners
from warehouse.services.vehicles import list_vehicles
from warehouse.services.wallets import MoneyForm, top_up


def form_of(owner: OwnerView) -> OwnerForm:
    """The form as a page fills it."""
    return OwnerForm(
        lot_id=owner.lot_id,
        name=owner.name,
        code=owner.code,
        phone=owner.phone,
        address=owner.address,
        remark=owner.remark,
        vehicles=tuple(
            VehicleForm(
                plate=row.plate,
                plate_colour=row.plate_colour,
                vehicle_class=row.vehicle_class,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                group=row.group,
                vehicle_id=row.vehicle_id,
            )
            for row in owner.vehicles
        ),
        spaces=tuple(SpaceForm(space.number, space.area_id) for space in owner.spaces),
        groups=tuple(GroupForm(group.name, group.spaces, group.group_id) for group in owner.groups),
    )


def test_one_form_stores_owner_vehicles_spaces_and_groups_and_tells_the_lot(world: World) -> None:
    today = world.today()
    form = OwnerForm(
        lot_id=LOT,
        name=" 初建春 ",
        phone="0535-6011234",
        vehicles=(
            VehicleForm("鲁f·69y07", valid_from=today, valid_to=today + days(30), group="家庭"),
            VehicleForm("粤B D12345", valid_from=today, valid_to=today + days(30), group="家庭"),
        ),
        spaces=(SpaceForm("B1-08", "B1"), SpaceForm("A-1")),
        groups=(GroupForm("家庭", 1),),
    )
    owner = get_owner(world.settings, world.actor(), create_owner(world.settings, world.actor(), form))
    assert (owner.name, owner.code, owner.balance) == ("初建春", "00001", Decimal("0.00"))
    assert [(row.plate, row.plate_colour, row.group) for row in owner.vehicles] == [
        ("鲁F69Y07", "blue", "家庭"),
        ("粤BD12345", "green", "家庭"),
    ]
    assert [(space.number, space.area_id) for space in owner.spaces] == [("A-1", None), ("B1-08", "B1")]
    assert [(group.name, group.spaces) for group in owner.groups] == [("家庭", 1)]
    assert [(kind, subject) for kind, subject, _ in world.commands()] == [
        ("long_term_vehicle", "鲁F69Y07"),
        ("long_term_vehicle", "粤BD12345"),
    ]
    assert world.commands()[0][2] == {
        "action": "put",
        "plate": "鲁F69Y07",
        "plate_color": "blue",
        "vehicle_class": "long_term",
        "valid_from": str(today),
        "valid_to": str(today + days(30)),
        "owner": {"code": "00001", "name": "初建春", "phone": "0535-6011234"},
        "group": {"group_id": owner.groups[0].group_id, "name": "家庭", "spaces": 1},
        "spaces": ["A-1", "B1-08"],
    }
    entry = world.log()[-1]
    assert (entry.action, entry.entity, entry.lot_id, entry.before) == ("long_term_owners.edit", "owner", LOT, None)


def test_saving_an_unchanged_form_changes_and_tells_nothing(world: World) -> None:
    owner = world.owner("鲁F69Y07 鲁F69Y08", spaces=(SpaceForm("1"),))
    before = world.counts()
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, form_of(owner))
    assert world.counts() == before
    assert get_owner(world.settings, world.actor(), owner.owner_id) == owner


def test_rows_are_added_changed_and_removed_together_and_only_changes_are_told(world: World) -> None:
    owner = world.owner("鲁F00001 鲁F00002 鲁F00003", spaces=(SpaceForm("1"), SpaceForm("2")))
    told = len(world.commands())
    form = form_of(owner)
    first, second, _third = form.vehicles
    changed = replace(
        form,
        vehicles=(first, replace(second, plate_colour="yellow"), VehicleForm("鲁F00004")),
        spaces=(SpaceForm("2"), SpaceForm("1")),
    )
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, changed)
    after = get_owner(world.settings, world.actor(), owner.owner_id)
    assert [row.plate for row in after.vehicles] == ["鲁F00001", "鲁F00002", "鲁F00004"]
    assert after.vehicles[0].vehicle_id == owner.vehicles[0].vehicle_id
    assert after.version > owner.version
    assert sorted((subject, payload["action"]) for _, subject, payload in world.commands()[told:]) == [
        ("鲁F00002", "put"),
        ("鲁F00003", "remove"),
        ("鲁F00004", "put"),
    ]
    entry = world.log()[-1]
    assert sorted(entry.after or {}) == ["vehicle 鲁F00002", "vehicle 鲁F00003", "vehicle 鲁F00004"]
    assert (entry.after or {})["vehicle 鲁F00003"] is None


def test_two_vehicles_may_trade_plates_and_keep_what_is_theirs(world: World) -> None:
    owner = world.owner("鲁F00001 鲁F00002")
    form = form_of(owner)
    traded = tuple(
        replace(row, plate=other.plate) for row, other in zip(form.vehicles, form.vehicles[::-1], strict=True)
    )
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, replace(form, vehicles=traded))
    after = get_owner(world.settings, world.actor(), owner.owner_id)
    assert [(row.vehicle_id, row.plate) for row in after.vehicles] == [
        (owner.vehicles[0].vehicle_id, "鲁F00002"),
        (owner.vehicles[1].vehicle_id, "鲁F00001"),
    ]


def test_a_plate_that_is_taken_out_and_typed_again_is_the_same_vehicle(world: World) -> None:
    owner = world.owner("鲁F00001")
    form = replace(form_of(owner), vehicles=(VehicleForm("鲁F00001", plate_colour="blue"),))
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, form)
    after = get_owner(world.settings, world.actor(), owner.owner_id)
    assert after.vehicles == owner.vehicles


def test_a_plate_that_was_removed_can_be_added_to_another_owner(world: World) -> None:
    owner = world.owner("鲁F00001", name="甲")
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, replace(form_of(owner), vehicles=()))
    assert world.owner("鲁F00001", name="乙").vehicles[0].plate == "鲁F00001"
    assert [payload["action"] for _, _, payload in world.commands()] == ["put", "remove", "put"]


def test_every_problem_of_the_form_stands_at_its_field(world: World) -> None:
    world.owner("鲁F00001", name="甲", code="A1", spaces=(SpaceForm("9"),))
    today = world.today()
    wrong = OwnerForm(
        lot_id=LOT,
        name="  ",
        code="A1",
        phone="call me",
        vehicles=(
            VehicleForm("鲁F00001"),
            VehicleForm("X"),
            VehicleForm("无牌车", plate_colour="pink", vehicle_class="temporary"),
            VehicleForm("鲁F00002", valid_from=today),
            VehicleForm("鲁F00003", valid_from=today, valid_to=today - days(1), group="没有"),
            VehicleForm("鲁F00003"),
        ),
        spaces=(SpaceForm("9"), SpaceForm("7"), SpaceForm("7"), SpaceForm("5", "nowhere"), SpaceForm("")),
        groups=(GroupForm("空组", 1), GroupForm("", 0)),
    )
    found = problems(lambda: create_owner(world.settings, world.actor(), wrong))
    assert set(found) == {
        "name",
        "code",
        "phone",
        "vehicles.0.plate",
        "vehicles.1.plate",
        "vehicles.2.plate",
        "vehicles.2.plate_colour",
        "vehicles.2.vehicle_class",
        "vehicles.3.valid_to",
        "vehicles.4.valid_to",
        "vehicles.4.group",
        "vehicles.4.plate",
        "vehicles.5.plate",
        "spaces.0.number",
        "spaces.1.number",
        "spaces.2.number",
        "spaces.3.area_id",
        "spaces.4.number",
        "groups.0.name",
        "groups.1.name",
        "groups.1.spaces",
    }
    assert "甲" in found["vehicles.0.plate"]
    assert "甲" in found["spaces.0.number"]
    with ops_session(world.settings) as session:
        assert len(session.scalars(select(Owner)).all()) == 1


def test_the_same_plate_code_and_space_may_be_used_in_another_lot(world: World) -> None:
    here = world.owner("鲁F00001", code="A1", spaces=(SpaceForm("9"),))
    there = world.owner("鲁F00001", code="A1", spaces=(SpaceForm("9"),), lot_id=WESTERN_LOT)
    assert (here.code, here.spaces) == (there.code, there.spaces)


def test_an_empty_code_takes_the_next_number_that_is_free(world: World) -> None:
    assert world.owner("鲁F00001").code == "00001"
    world.owner("鲁F00002", code="00003")
    assert world.owner("鲁F00003").code == "00004"
    assert world.owner("鲁F00004", lot_id=WESTERN_LOT).code == "00001"


def test_the_second_of_two_people_is_told_who_was_first(world: World) -> None:
    owner = world.owner("鲁F00001")
    edit_owner(
        world.settings, world.actor("cashier"), owner.owner_id, owner.version, replace(form_of(owner), phone="123456")
    )
    with pytest.raises(ParkError, match="cashier") as caught:
        edit_owner(
            world.settings, world.actor(), owner.owner_id, owner.version, replace(form_of(owner), phone="654321")
        )
    assert caught.value.code == "conflict"
    assert get_owner(world.settings, world.actor(), owner.owner_id).phone == "123456"


def test_a_change_of_a_vehicle_alone_is_a_conflict_for_whoever_had_the_form_open(world: World) -> None:
    owner = world.owner("鲁F00001")
    form = form_of(owner)
    longer = replace(form.vehicles[0], valid_from=world.today(), valid_to=world.today() + days(90))
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, replace(form, vehicles=(longer,)))
    with pytest.raises(ParkError) as caught:
        edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, form)
    assert caught.value.code == "conflict"


def test_rows_of_another_owner_cannot_be_taken_over_by_their_ids(world: World) -> None:
    victim = world.owner("鲁F00001", vehicles=(VehicleForm("鲁F00001", group="组"),), groups=(GroupForm("组", 1),))
    owner = world.owner("鲁F00002")
    stolen = replace(
        form_of(owner),
        vehicles=(VehicleForm("鲁F00009", group="x", vehicle_id=victim.vehicles[0].vehicle_id),),
        groups=(GroupForm("x", 1, victim.groups[0].group_id),),
    )
    found = problems(lambda: edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, stolen))
    assert set(found) == {"vehicles", "groups"}
    assert get_owner(world.settings, world.actor(), victim.owner_id) == victim


def test_an_owner_with_money_or_a_valid_vehicle_is_not_deleted_and_the_reason_names_both(world: World) -> None:
    today = world.today()
    owner = world.owner("鲁F00001 鲁F00002", valid_from=today - days(30), valid_to=today)
    top_up(world.settings, world.actor(), owner.owner_id, MoneyForm("12.30", "cash"), key())
    with pytest.raises(ParkError) as caught:
        delete_owner(world.settings, world.actor(), owner.owner_id, owner.version)
    assert caught.value.code == "in_use"
    assert "12.30" in caught.value.zh
    assert "鲁F00001" in caught.value.zh
    assert "鲁F00002" in caught.value.en


def test_a_deleted_owner_is_gone_from_lists_and_lot_and_frees_code_plate_and_space(world: World) -> None:
    owner = world.owner("鲁F00001", code="A1", spaces=(SpaceForm("9"),))
    delete_owner(world.settings, world.actor(), owner.owner_id, owner.version)
    assert list_owners(world.settings, world.actor(), ListQuery()).total == 0
    assert list_vehicles(world.settings, world.actor(), ListQuery()).total == 0
    assert world.commands()[-1] == ("long_term_vehicle", "鲁F00001", {"action": "remove", "plate": "鲁F00001"})
    with pytest.raises(Forbidden):
        get_owner(world.settings, world.actor(), owner.owner_id)
    assert world.owner("鲁F00001", code="A1", spaces=(SpaceForm("9"),)).owner_id != owner.owner_id
    with ops_session(world.settings) as session:
        assert session.get_one(LongTermVehicle, owner.vehicles[0].vehicle_id).deleted_at is not None


def test_a_group_without_vehicles_is_not_shown_and_its_row_stays_for_receipts(world: World) -> None:
    owner = world.owner(vehicles=(VehicleForm("鲁F00001", group="组"),), groups=(GroupForm("组", 1),))
    form = replace(form_of(owner), groups=(), vehicles=(replace(form_of(owner).vehicles[0], group=None),))
    edit_owner(world.settings, world.actor(), owner.owner_id, owner.version, form)
    assert get_owner(world.settings, world.actor(), owner.owner_id).groups == ()
    with ops_session(world.settings) as session:
        assert len(session.scalars(select(VehicleGroup)).all()) == 1


def test_owners_are_found_by_name_code_phone_and_plate_in_one_lot_or_all(world: World) -> None:
    world.owner("鲁F00001 鲁F00002", name="王健", code="W1", phone="13800000001")
    world.owner("粤BD12345", name="李_四", code="L1", lot_id=WESTERN_LOT)
    world.owner("京A12345", name="外人", lot_id=FOREIGN_LOT)

    def names(search: str = "", **filters: object) -> list[str]:
        found = list_owners(world.settings, world.actor(), ListQuery(search=search, sort="name"), **filters)  # type: ignore[arg-type]
        return [row.name for row in found.rows]

    assert names() == ["李_四", "王健"]
    assert names(lot_id=LOT) == ["王健"]
    assert names("王") == names("w1") == names("13800") == names("鲁f·0000") == ["王健"]
    assert names("_") == ["李_四"]
    assert names("京A") == names("···") == []


def test_pages_are_cut_by_the_store_and_counts_are_of_the_whole_filter(world: World) -> None:
    for number in range(7):
        world.owner(f"鲁F0000{number}", name=f"甲{number}")
    page = list_owners(world.settings, world.actor(), ListQuery(page=2, size=3, sort="-code"))
    assert ([row.code for row in page.rows], page.total) == (["00004", "00003", "00002"], 7)


def test_states_are_those_of_the_lots_own_today_and_both_days_count(world: World) -> None:
    today = world.today()
    for number, (first, last) in enumerate(
        [
            (today - days(9), today - days(1)),
            (today - days(9), today),
            (today, today + days(7)),
            (today, today + days(8)),
            (today + days(1), today + days(40)),
            (None, None),
        ]
    ):
        world.owner(f"鲁F0000{number}", valid_from=first, valid_to=last)
    expected = ["expired", "due", "due", "valid", "not_yet", "none"]
    found = list_vehicles(world.settings, world.actor(), ListQuery(), lot_id=LOT)
    assert [row.state for row in found.rows] == expected
    for state in set(expected):
        filtered = list_vehicles(world.settings, world.actor(), ListQuery(), state=state)
        assert [row.state for row in filtered.rows] == [state] * expected.count(state)
        assert list_owners(world.settings, world.actor(), ListQuery(), state=state).total == expected.count(state)


def test_a_vehicle_that_is_expired_in_one_lot_is_still_due_where_the_day_has_not_ended(world: World) -> None:
    day = world.today()
    world.owner("鲁F00001", valid_from=day - days(9), valid_to=day)
    western = world.owner("鲁F00001", valid_from=day - days(9), valid_to=day, lot_id=WESTERN_LOT)
    # 11 hours behind UTC and 8 ahead of it: at 16:30 UTC it is the next day in Shanghai and this day in Pago Pago.
    now = datetime.combine(day, time(16, 30), UTC)
    found = list_vehicles(world.settings, world.actor(), ListQuery(), state="due", now=now)
    assert [row.lot_id for row in found.rows] == [WESTERN_LOT]
    found = list_vehicles(world.settings, world.actor(), ListQuery(), state="expired", now=now)
    assert [row.lot_id for row in found.rows] == [LOT]
    assert get_owner(world.settings, world.actor(), western.owner_id, now=now).vehicles[0].state == "due"


def test_vehicles_are_listed_with_their_group_and_filtered_by_it(world: World) -> None:
    world.owner(
        vehicles=(VehicleForm("鲁F00001", group="家庭"), VehicleForm("鲁F00002")), groups=(GroupForm("家庭", 2),)
    )
    rows = list_vehicles(world.settings, world.actor(), ListQuery(sort="-plate")).rows
    assert [(row.plate, row.group, row.group_spaces) for row in rows] == [
        ("鲁F00002", None, None),
        ("鲁F00001", "家庭", 2),
    ]
    for grouped, plate in ((True, "鲁F00001"), (False, "鲁F00002")):
        found = list_vehicles(world.settings, world.actor(), ListQuery(), grouped=grouped)
        assert [row.plate for row in found.rows] == [plate]
