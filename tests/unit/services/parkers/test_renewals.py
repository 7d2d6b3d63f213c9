"""Renewals: what is paid, what is valid afterwards, and who hears of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.services.parkers.conftest import FOREIGN_LOT, LOT, WESTERN_LOT, World, days, key, problems
from tests.unit.services.parkers.test_owners import form_of
from warehouse.errors import ParkError
from warehouse.ops.models import Lot
from warehouse.ops.session import ops_session
from warehouse.services.listing import ListQuery
from warehouse.services.owner_changes import delete_owner, edit_owner
from warehouse.services.owner_forms import GroupForm, VehicleForm
from warehouse.services.owners import OwnerView, get_owner
from warehouse.services.renewal_entries import RenewalView, get_receipt, list_renewals
from warehouse.services.renewal_plans import PlanForm, create_plan, edit_plan, list_plans, set_plan_active
from warehouse.services.renewals import RenewalForm, renew
from warehouse.services.validity import last_day
from warehouse.services.wallets import MoneyForm, top_up


def sell(world: World, owner: OwnerView, login: str = "cashier", **form: Any) -> RenewalView:
    """Sell a month for cash to the owner's first vehicle, but for what ``form`` says otherwise."""
    target = {} if "group_id" in form else {"vehicle_id": owner.vehicles[0].vehicle_id}
    values: dict[str, Any] = {"plan_id": None, "periods": 1, "method": "cash", "start": "today", **target, **form}
    if values["plan_id"] is None:
        values["plan_id"] = world.plan(lot_id=owner.lot_id)
    return renew(
        world.settings, world.actor(login), owner.owner_id, RenewalForm(**values), key(), version=owner.version
    )


def test_a_renewal_continues_the_old_validity_and_everybody_is_told(world: World) -> None:
    today = world.today()
    owner = world.owner(valid_from=today - days(20), valid_to=today + days(5))
    sold = sell(world, owner, start="after_end", periods=3)
    first, last = today + days(6), last_day(today + days(6), "month", 3)
    assert (sold.amount, sold.unit_price, sold.plan_name) == (Decimal("900.00"), Decimal("300.00"), "月卡")
    assert (sold.valid_from_before, sold.valid_to_before) == (today - days(20), today + days(5))
    assert (sold.valid_from, sold.valid_to) == (first, last)
    assert sold.receipt_number == f"P1-{today:%Y%m%d}-0001"
    after = get_owner(world.settings, world.actor(), owner.owner_id)
    assert (after.vehicles[0].valid_from, after.vehicles[0].valid_to) == (today - days(20), last)
    assert after.version > owner.version
    kind, plate, payload = world.commands()[-1]
    assert (kind, plate, payload["valid_from"], payload["valid_to"]) == (
        "long_term_vehicle",
        "鲁F69Y07",
        str(today - days(20)),
        str(last),
    )
    (record,) = world.records()
    assert record["record_id"] == f"cloud-renewal-{sold.renewal_id}"
    assert (record["amount"], record["method"], record["plate"]) == ("900.00", "cash", "鲁F69Y07")
    assert record["valid_to_before"].startswith(f"{today + days(5)}T15:59:59")
    assert record["valid_from"].startswith(f"{today + days(5)}T16:00:00")
    assert record["transaction_id"] == sold.receipt_number
    renewal, changed = world.log()[-2:]
    assert (renewal.entity, renewal.entity_name) == ("owner_renewal", sold.receipt_number)
    assert (changed.entity, list(changed.after or {})) == ("owner", ["vehicle 鲁F69Y07"])
    assert list_renewals(world.settings, world.actor(), owner.owner_id, ListQuery()).rows == [sold]


def test_a_validity_that_has_ended_may_be_continued_or_begin_again(world: World) -> None:
    today = world.today()
    for start, first_day, first, kept in (
        ("after_end", None, today - days(9), True),
        ("today", None, today, False),
        ("chosen", today + days(3), today + days(3), False),
        ("chosen", today - days(5), today - days(5), False),
    ):
        plate = f"鲁F0000{len(world.log()) % 10}"
        owner = world.owner(f"{plate}", valid_from=today - days(40), valid_to=today - days(10))
        sold = sell(world, owner, start=start, first_day=first_day)
        vehicle = get_owner(world.settings, world.actor(), owner.owner_id).vehicles[0]
        assert sold.valid_from == first
        assert vehicle.valid_from == (today - days(40) if kept else first)
        assert vehicle.valid_to == sold.valid_to
        delete_all_plates(world, owner)


def delete_all_plates(world: World, owner: OwnerView) -> None:
    now = get_owner(world.settings, world.actor(), owner.owner_id)
    edit_owner(world.settings, world.actor(), owner.owner_id, now.version, replace(form_of(now), vehicles=()))


@pytest.mark.parametrize(
    ("valid_for", "form", "field"),
    [
        (5, {"start": "today"}, "start"),
        (5, {"start": "chosen", "first": 0}, "first_day"),
        (5, {"start": "chosen", "first": 9}, "first_day"),
        (0, {"start": "today"}, "start"),
        (-10, {"start": "chosen", "first": -10}, "first_day"),
        (-10, {"start": "chosen"}, "first_day"),
        (-10, {"start": "whenever"}, "start"),
        (None, {"start": "after_end"}, "start"),
        (None, {"start": "chosen", "first": -1}, "first_day"),
        (None, {"periods": 0}, "periods"),
        (None, {"periods": 121}, "periods"),
        (None, {"periods": None}, "periods"),
        (None, {"method": "shells"}, "method"),
        (None, {"plan_id": 99}, "plan_id"),
        (None, {"amount": "299.99"}, "remark"),
        (None, {"amount": "-1", "remark": "x"}, "amount"),
        (None, {"vehicle_id": 99}, "vehicle_id"),
        (None, {"group_id": 99}, "group_id"),
        (None, {"remark": "x" * 501}, "remark"),
    ],
)
def test_what_cannot_be_sold_is_told_at_its_field(
    world: World, valid_for: int | None, form: dict[str, Any], field: str
) -> None:
    today = world.today()
    validity = {} if valid_for is None else {"valid_from": today - days(60), "valid_to": today + days(valid_for)}
    owner = world.owner(**validity)
    if "first" in form:
        form = {**form, "first_day": today + days(form["first"])}
        del form["first"]
    assert set(problems(lambda: sell(world, owner, **form))) == {field}
    assert world.records() == []


def test_another_price_needs_a_remark_and_nothing_may_be_free_of_both(world: World) -> None:
    owner = world.owner()
    sold = sell(world, owner, amount="0", remark="业主委员会决定")
    assert (sold.amount, sold.remark) == (Decimal("0.00"), "业主委员会决定")
    assert world.records()[-1]["amount"] == "0.00"


def test_a_plan_of_another_lot_or_one_off_sale_is_not_sold(world: World) -> None:
    owner = world.owner()
    western = world.plan(lot_id=WESTERN_LOT)
    assert set(problems(lambda: sell(world, owner, plan_id=western))) == {"plan_id"}
    plan = world.plan()
    set_plan_active(world.settings, world.actor(), plan, 1, active=False)
    assert set(problems(lambda: sell(world, owner, plan_id=plan))) == {"plan_id"}


def test_a_group_is_renewed_as_one_and_its_vehicles_become_valid_alike(world: World) -> None:
    today = world.today()
    owner = world.owner(
        vehicles=(
            VehicleForm("鲁F00001", valid_from=today - days(30), valid_to=today + days(3), group="家庭"),
            VehicleForm("鲁F00002", valid_from=today - days(90), valid_to=today - days(60), group="家庭"),
            VehicleForm("鲁F00003", group="家庭"),
            VehicleForm("鲁F00004"),
        ),
        groups=(GroupForm("家庭", 1),),
    )
    assert set(problems(lambda: sell(world, owner, start="after_end"))) == {"vehicle_id"}
    told = len(world.commands())
    sold = sell(world, owner, group_id=owner.groups[0].group_id, start="after_end", remark="家庭套餐")
    after = get_owner(world.settings, world.actor(), owner.owner_id)
    assert sold.plates == ("鲁F00001", "鲁F00002", "鲁F00003")
    assert sold.amount == Decimal("300.00")
    assert {(row.valid_from, row.valid_to) for row in after.vehicles[:3]} == {(today - days(30), sold.valid_to)}
    assert after.vehicles[3].valid_to is None
    assert [subject for _, subject, _ in world.commands()[told:]] == ["鲁F00001", "鲁F00002", "鲁F00003"]
    (record,) = world.records()
    assert record["plate"] == "鲁F00001"
    assert record["remark"] == "家庭套餐 车辆组“家庭”：鲁F00001、鲁F00002、鲁F00003"


def test_the_wallet_pays_in_the_same_transaction_or_nothing_happens(world: World) -> None:
    owner = world.owner()
    plan = world.plan("300.00")
    top_up(world.settings, world.actor(), owner.owner_id, MoneyForm("299.99", "wechat"), key())
    before = world.counts()
    with pytest.raises(ParkError, match=r"299\.99") as caught:
        sell(world, owner, plan_id=plan, method="wallet")
    assert caught.value.code == "balance_too_low"
    assert world.counts() == before
    assert get_owner(world.settings, world.actor(), owner.owner_id) == replace(owner, balance=Decimal("299.99"))
    top_up(world.settings, world.actor(), owner.owner_id, MoneyForm("0.01", "cash"), key())
    sold = sell(world, owner, plan_id=plan, method="wallet")
    assert get_owner(world.settings, world.actor(), owner.owner_id).balance == Decimal("0.00")
    assert world.records()[-1]["method"] == "wallet"
    assert sold.method == "wallet"


def test_a_double_click_sells_once_and_the_key_sells_nothing_else(world: World) -> None:
    today = world.today()
    owner = world.owner("鲁F00001 鲁F00002", valid_from=today - days(20), valid_to=today + days(5))
    plan, other_plan = (
        world.plan(),
        create_plan(world.settings, world.actor(), LOT, PlanForm("季卡", "month", 3, "800.00")),
    )
    form = RenewalForm(plan, 2, "cash", "after_end", remark="x", vehicle_id=owner.vehicles[0].vehicle_id)
    used = key()

    def again(form: RenewalForm) -> RenewalView:
        return renew(world.settings, world.actor(), owner.owner_id, form, used, version=owner.version)

    first = again(form)
    before = world.counts()
    assert again(form) == first
    assert again(replace(form, periods="2", amount="600", remark=" x ")) == first
    for other in (
        replace(form, periods=1),
        replace(form, plan_id=other_plan),
        replace(form, method="wechat"),
        replace(form, amount="599.99"),
        replace(form, remark="y"),
        replace(form, vehicle_id=owner.vehicles[1].vehicle_id),
        replace(form, start="chosen", first_day=today),
    ):
        with pytest.raises(ParkError) as caught:
            again(other)
        assert caught.value.code == "key_used"
    assert world.counts() == before


def test_the_second_of_two_cashiers_is_told_instead_of_selling_the_period_again(world: World) -> None:
    owner = world.owner(valid_from=world.today(), valid_to=world.today())
    sell(world, owner, start="after_end")
    with pytest.raises(ParkError, match="cashier") as caught:
        sell(world, owner, start="after_end", login="manager")
    assert caught.value.code == "conflict"
    assert len(world.records()) == 1


def test_receipt_numbers_count_within_lot_and_local_day_and_never_meet(world: World) -> None:
    numbers = [sell(world, world.owner(f"鲁F0000{number}")).receipt_number for number in range(3)]
    today = f"{world.today():%Y%m%d}"
    assert numbers == [f"P1-{today}-000{number}" for number in (1, 2, 3)]
    western = sell(world, world.owner(lot_id=WESTERN_LOT), "manager").receipt_number
    assert western == f"P2-{world.today(ZoneInfo('Pacific/Pago_Pago')):%Y%m%d}-0001"
    long = "a-very-long-code-of-a-lot-that-goes-on"
    with ops_session(world.settings) as session:
        session.get_one(Lot, LOT).code = long
        session.get_one(Lot, FOREIGN_LOT).code = "P1"
    assert sell(world, world.owner("鲁F00007")).receipt_number == f"{long[:12]}~{LOT}-{today}-0001"
    foreign = world.owner("鲁F00001", lot_id=FOREIGN_LOT)
    assert sell(world, foreign, "stranger").receipt_number == f"P1-{today}-0004"


def test_a_receipt_is_printed_as_long_as_the_ledger_lasts(world: World) -> None:
    today = world.today()
    owner = world.owner(valid_from=today - days(99), valid_to=today - days(70))
    sold = sell(world, owner, start="after_end")
    now = get_owner(world.settings, world.actor(), owner.owner_id)
    delete_owner(world.settings, world.actor(), owner.owner_id, now.version)
    receipt = get_receipt(world.settings, world.actor("reader"), sold.renewal_id)
    assert (receipt.renewal, receipt.owner_name, receipt.lot_name) == (sold, "初建春", "云和花园")


def test_plans_are_listed_shortest_first_and_changes_are_logged(world: World) -> None:
    actor = world.actor()
    for name, unit, count, price in (
        ("年卡", "month", 12, "3000"),
        ("月卡", "month", 1, "300"),
        ("周卡", "day", 7, "99.9"),
    ):
        create_plan(world.settings, actor, LOT, PlanForm(name, unit, count, price))
    plans = list_plans(world.settings, world.actor("cashier"), LOT)
    assert [(plan.name, plan.price) for plan in plans] == [
        ("周卡", Decimal("99.90")),
        ("月卡", Decimal("300.00")),
        ("年卡", Decimal("3000.00")),
    ]
    month = plans[1]
    edit_plan(world.settings, actor, month.plan_id, month.version, PlanForm("月卡", "month", 1, "320"))
    assert (world.log()[-1].before, world.log()[-1].after) == ({"price": "300.00"}, {"price": "320.00"})
    with pytest.raises(ParkError) as caught:
        edit_plan(world.settings, actor, month.plan_id, month.version, PlanForm("月卡", "month", 1, "330"))
    assert caught.value.code == "conflict"
    set_plan_active(world.settings, actor, month.plan_id, month.version + 1, active=False)
    assert [plan.name for plan in list_plans(world.settings, actor, LOT)] == ["周卡", "年卡"]
    assert len(list_plans(world.settings, actor, LOT, active=None)) == 3
    assert set(problems(lambda: create_plan(world.settings, actor, LOT, PlanForm("", "week", 0, "x")))) == {
        "name",
        "unit",
        "unit_count",
        "price",
    }
