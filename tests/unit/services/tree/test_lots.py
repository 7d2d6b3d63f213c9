"""Lots: the list, creating, editing, moving, deleting, licences, and imports in the operator log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.services.tree.conftest import CUSTOMER, FOREIGN_CUSTOMER, LOT, OTHER_CUSTOMER, OTHER_LOT, World
from warehouse.errors import ParkError
from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.ops.models import AreaCapacity, Lot, Operator, Owner, Role
from warehouse.ops.session import ops_session, write_session
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.lot_credentials import add_credential, end_credential
from warehouse.services.lot_editing import LotForm, create_lot, delete_lot, edit_lot, move_lot
from warehouse.services.lot_licence import DUE_DAYS, LicenceState, licence_state, licence_warnings
from warehouse.services.lot_list import LotFilter, get_lot, list_lots
from warehouse.services.lots import AreaDefinition, Change, LotDefinition, save_lot

# 17:00 UTC is the next day in Shanghai and the same day in London.
NOW = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)
FORM = LotForm(
    name="西溪湿地",
    region="西湖区",
    address="天目山路 518 号",
    longitude="120.075",
    latitude="30.27",
    coordinate_datum="gcj02",
    cutover_minutes="240",
    contact_name="李工",
    phone="0571-1234567",
    licence_from=date(2026, 1, 1),
    licence_to=date(2026, 12, 31),
    free_space_minutes=20,
    capacity="300",
)


def test_a_lot_is_created_with_all_its_fields_and_its_place_in_wgs84(world: World) -> None:
    admin = world.actor("admin")
    made = create_lot(world.settings, admin, CUSTOMER, FORM)
    view = get_lot(world.settings, world.actor("admin"), made.lot_id, now=NOW)
    assert made.code == view.code == "L1001"
    expected = convert(Point(120.075, 30.27), Datum.GCJ02, Datum.WGS84)
    assert view.longitude == pytest.approx(expected.longitude, abs=1e-7)
    assert view.latitude == pytest.approx(expected.latitude, abs=1e-7)
    assert (view.given_longitude, view.given_latitude, view.coordinate_datum) == (120.075, 30.27, "gcj02")
    assert (view.cutover_minutes, view.free_space_minutes, view.capacity) == (240, 20, 300)
    assert (view.agent_name, view.customer_name, view.licence) == ("华东代理", "安居物业", "valid")
    entry = world.entries()[0]
    assert (entry.action, entry.entity, entry.lot_id) == ("lots.edit", "lot", made.lot_id)


def test_sending_back_what_the_form_shows_changes_nothing(world: World) -> None:
    admin = world.actor("admin")
    made = create_lot(world.settings, admin, CUSTOMER, FORM)
    before = world.row(Lot, made.lot_id)
    view = get_lot(world.settings, admin, made.lot_id)
    shown = replace(FORM, longitude=view.given_longitude, latitude=str(view.given_latitude))
    edit_lot(world.settings, admin, made.lot_id, view.version, shown)
    after = world.row(Lot, made.lot_id)
    assert (after.version, after.longitude, after.latitude) == (before.version, before.longitude, before.latitude)


def test_bad_input_is_told_at_each_field_in_both_languages(world: World) -> None:
    bad = LotForm(
        name="",
        code="不行",
        phone="?",
        longitude="181",
        latitude="north",
        coordinate_datum="mars",
        time_zone="Mars/Olympus",
        cutover_minutes="1440",
        free_space_minutes=0,
        licence_from=date(2026, 2, 1),
        licence_to=date(2026, 1, 1),
        capacity="-1",
    )
    with pytest.raises(InvalidFields) as caught:
        create_lot(world.settings, world.actor("admin"), CUSTOMER, bad)
    told = {problem.field for problem in caught.value.problems}
    assert told == {
        "name", "code", "phone", "longitude", "latitude", "coordinate_datum", "time_zone", "cutover_minutes",
        "free_space_minutes", "licence_to", "capacity",
    }  # fmt: skip
    assert all(problem.zh and problem.en and problem.zh != problem.en for problem in caught.value.problems)
    with pytest.raises(InvalidFields) as half:
        create_lot(world.settings, world.actor("admin"), CUSTOMER, LotForm(name="半", longitude="120"))
    assert [problem.field for problem in half.value.problems] == ["latitude"]


def test_a_code_that_a_deleted_lot_keeps_is_not_given_again(world: World) -> None:
    admin = world.actor("admin")
    delete_lot(world.settings, admin, OTHER_LOT, 1)
    with pytest.raises(InvalidFields) as caught:
        create_lot(world.settings, admin, CUSTOMER, replace(FORM, code="P2"))
    [problem] = caught.value.problems
    assert problem.field == "code"
    assert "“P2” is taken" in problem.en
    assert "江畔广场" not in problem.zh + problem.en


def test_the_list_is_scoped_searched_filtered_and_paged_in_the_store(world: World) -> None:
    admin = world.actor("admin")
    create_lot(world.settings, admin, CUSTOMER, replace(FORM, is_test=True))

    def names(login: str, query: ListQuery | None = None, **wanted: object) -> list[str]:
        found = list_lots(
            world.settings, world.actor(login), query or ListQuery(sort="code"), LotFilter(**wanted), now=NOW
        )
        return [row.name for row in found.rows]

    assert names("admin") == ["西溪湿地", "云和花园", "江畔广场", "锦里"]
    assert names("east") == ["西溪湿地", "云和花园", "江畔广场"]
    assert names("owner") == ["西溪湿地", "云和花园"]
    assert names("keeper") == ["云和花园"]
    assert names("west") == ["锦里"]
    for search in ("湿地", "l1001", "天目山", "西湖"):
        assert names("admin", ListQuery(search=search)) == ["西溪湿地"]
    assert names("admin", is_test=True) == ["西溪湿地"]
    assert names("admin", is_test=False, customer_id=CUSTOMER) == ["云和花园"]
    assert names("admin", licence=LicenceState.VALID) == ["西溪湿地"]
    assert len(names("admin", licence=LicenceState.NONE)) == 3
    assert names("admin", ListQuery(sort="-code", size=2, page=2)) == ["云和花园", "西溪湿地"]
    with world.refused():
        names("east", customer_id=FOREIGN_CUSTOMER)


def test_what_the_lot_must_know_is_sent_down_and_other_changes_are_not(world: World) -> None:
    admin = world.actor("admin")
    edit_lot(world.settings, admin, LOT, 1, LotForm(name="云和花园", remark="东门施工"))
    assert world.commands() == []
    edit_lot(world.settings, admin, LOT, 2, LotForm(name="云和花园", remark="东门施工", time_zone="Asia/Urumqi"))
    [command] = world.commands()
    assert (command.kind, command.subject, command.lot_id, command.operator_name) == (
        "lot_settings",
        "lot_settings",
        LOT,
        admin.name,
    )
    assert command.payload == {
        "code": "P1",
        "name": "云和花园",
        "time_zone": "Asia/Urumqi",
        "cutover_minutes": 0,
        "free_space_minutes": 15,
        "capacities": [],
    }


def test_a_customer_edits_its_lot_but_not_its_licence(world: World) -> None:
    owner = world.actor("owner")
    edit_lot(world.settings, owner, LOT, 1, LotForm(name="云和花园二期"))
    with pytest.raises(InvalidFields) as caught:
        edit_lot(world.settings, owner, LOT, 2, LotForm(name="云和花园二期", licence_to=date(2099, 1, 1)))
    assert [problem.field for problem in caught.value.problems] == ["licence_to"]
    assert not get_lot(world.settings, owner, LOT).may_set_licence
    edit_lot(world.settings, world.actor("east"), LOT, 2, LotForm(name="云和花园二期", licence_to=date(2099, 1, 1)))
    assert world.row(Lot, LOT).licence_to == date(2099, 1, 1)


def test_of_many_parallel_edits_of_one_version_exactly_one_is_kept(world: World) -> None:
    admin = world.actor("admin")

    def edit(number: int) -> str:
        try:
            edit_lot(world.settings, admin, LOT, 1, LotForm(name=f"第{number}人"))
        except ParkError as error:
            return error.code
        return "kept"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(edit, range(6)))
    assert sorted(outcomes) == ["conflict"] * 5 + ["kept"]
    assert world.row(Lot, LOT).name == f"第{outcomes.index('kept')}人"
    assert len(world.commands()) == 1


def test_parallel_creations_get_different_codes(world: World) -> None:
    admin = world.actor("admin")
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: create_lot(world.settings, admin, CUSTOMER, LotForm(name="新")), range(6)))
    assert sorted(lot.code for lot in made) == [f"L{1001 + number}" for number in range(6)]


def test_moving_a_lot_takes_its_operators_along(world: World) -> None:
    admin = world.actor("admin")
    move_lot(world.settings, admin, LOT, 1, FOREIGN_CUSTOMER)
    assert world.actor("stranger").scope.allows(LOT)
    assert not world.actor("owner").scope.allows(LOT)
    assert world.actor("keeper").node_id == FOREIGN_CUSTOMER
    assert world.entries()[-1].after == {"customer_id": FOREIGN_CUSTOMER}


def test_a_lot_is_moved_only_by_those_who_see_both_customers_and_with_roles_that_fit(world: World) -> None:
    with world.refused():
        move_lot(world.settings, world.actor("east"), LOT, 1, FOREIGN_CUSTOMER)
    with world.refused():
        move_lot(world.settings, world.actor("owner"), LOT, 1, OTHER_CUSTOMER)
    with ops_session(world.settings) as session:
        role = Role(node_id=CUSTOMER, name="岗亭")
        session.add(role)
        session.flush()
        session.query(Operator).filter_by(login="keeper").one().role_id = role.role_id
    with pytest.raises(ParkError) as caught:
        move_lot(world.settings, world.actor("east"), LOT, 1, OTHER_CUSTOMER)
    assert caught.value.code == "foreign_role"
    assert world.row(Lot, LOT).customer_id == CUSTOMER


def test_a_lot_in_use_is_not_deleted_and_what_uses_it_is_named(world: World) -> None:
    admin = world.actor("admin")
    world.add(*(Owner(lot_id=LOT, code=f"O{n}", name=f"车主{n}", created_at=NOW) for n in range(7)))
    key = add_credential(world.settings, admin, LOT)
    with pytest.raises(ParkError) as caught:
        delete_lot(world.settings, admin, LOT, 1)
    for named in ("7 long-term owners (车主0", "and 2 more", "operators (keeper)", key.key_id):
        assert named in caught.value.en
    assert "长期车主 7 个" in caught.value.zh
    add_credential(world.settings, admin, OTHER_LOT)
    other = add_credential(world.settings, admin, OTHER_LOT)
    for view in (other.key_id,):
        end_credential(world.settings, admin, OTHER_LOT, view)
    with pytest.raises(ParkError, match="1 upload credentials"):
        delete_lot(world.settings, admin, OTHER_LOT, 1)


def test_a_deleted_lot_is_gone_from_lists_and_keeps_its_row(world: World) -> None:
    admin = world.actor("admin")
    delete_lot(world.settings, admin, OTHER_LOT, 1)
    assert OTHER_LOT not in {row.lot_id for row in list_lots(world.settings, admin, ListQuery()).rows}
    assert world.row(Lot, OTHER_LOT).deleted_at is not None
    with world.refused():
        edit_lot(world.settings, admin, OTHER_LOT, 2, LotForm(name="x"))


@pytest.mark.parametrize(
    ("first", "last", "state"),
    [
        (None, None, "none"),
        (date(2026, 1, 1), None, "valid"),
        (date(2026, 1, 1), date(2026, 5, 2), "valid"),
        (date(2026, 1, 1), date(2026, 5, 1), "due"),
        (None, date(2026, 4, 1), "due"),
        (None, date(2026, 3, 31), "expired"),
        (date(2026, 4, 2), None, "not_started"),
        (date(2026, 4, 1), date(2026, 4, 1), "due"),
    ],
)
def test_a_licence_is_judged_by_the_lots_own_today(
    world: World, first: date | None, last: date | None, state: str
) -> None:
    with ops_session(world.settings) as session:
        lot = session.get_one(Lot, LOT)
        lot.licence_from, lot.licence_to = first, last
    admin = world.actor("admin")
    assert get_lot(world.settings, admin, LOT, now=NOW).licence == state
    for asked in LicenceState:
        found = list_lots(world.settings, admin, ListQuery(search="云和"), LotFilter(licence=asked), now=NOW)
        assert found.total == (1 if asked == state else 0), asked


def test_a_lot_in_london_has_yesterdays_licence_still(world: World) -> None:
    with ops_session(world.settings) as session:
        for lot_id, zone in ((LOT, "Asia/Shanghai"), (OTHER_LOT, "Europe/London")):
            lot = session.get_one(Lot, lot_id)
            lot.time_zone, lot.licence_to = zone, date(2026, 3, 31)
    warnings = licence_warnings(world.settings, world.actor("east"), now=NOW)
    assert [(found.lot_id, found.state, found.days_left) for found in warnings] == [
        (LOT, "expired", -1),
        (OTHER_LOT, "due", 0),
    ]
    assert licence_warnings(world.settings, world.actor("west"), now=NOW) == []


days = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(first=days, last=days, today=st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_licence_that_is_due_or_valid_holds_today(first: date | None, last: date | None, today: date) -> None:
    holds = (first is None or first <= today) and (last is None or today <= last) and (first, last) != (None, None)
    state = licence_state(first, last, today)
    assert (state in (LicenceState.DUE, LicenceState.VALID)) == holds
    if state is LicenceState.DUE:
        assert last is not None
        assert 0 <= (last - today).days <= DUE_DAYS


def test_an_import_is_recorded_as_the_command_line_and_told_to_lots_that_were_there(world: World) -> None:
    definition = LotDefinition(
        code="IMP", name="导入", agent="imp", customer="impc", capacity=10, areas=(AreaDefinition("B1", "地下"),)
    )

    def save(changed: LotDefinition) -> Change:
        with write_session(world.settings) as session:
            return save_lot(session, changed)

    assert save(definition) is Change.CREATED
    entries = world.entries()
    assert [(entry.login, entry.action, entry.entity) for entry in entries] == [
        ("local", "agents.edit", "agent"),
        ("local", "customers.edit", "customer"),
        ("local", "lots.edit", "lot"),
    ]
    assert world.commands() == []
    assert save(definition) is Change.UNCHANGED
    assert len(world.entries()) == 3
    assert save(replace(definition, capacity=12)) is Change.UPDATED
    [entry] = world.entries()[3:]
    assert entry.after is not None
    assert list(entry.after) == ["capacities"]
    [command] = world.commands()
    assert [row["spaces"] for row in command.payload["capacities"]] == [10, 12]
    assert world.count(AreaCapacity) == 2


def test_an_import_does_not_bring_back_what_was_deleted(world: World) -> None:
    delete_lot(world.settings, world.actor("admin"), OTHER_LOT, 1)
    with write_session(world.settings) as session, pytest.raises(ParkError) as caught:
        save_lot(session, LotDefinition(code="P2", name="再来", agent="N2", customer="N5"))
    assert caught.value.code == "code_taken"
