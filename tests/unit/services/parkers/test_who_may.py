"""Every function against somebody else's lot and against a role that may not: refused, logged, nothing done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.unit.services.parkers.conftest import LOT, World, key
from warehouse.security.actor import Actor
from warehouse.services import owner_changes, owners, renewal_entries, renewal_plans, renewals, vehicles, wallets
from warehouse.services.listing import ListQuery
from warehouse.services.owner_forms import OwnerForm
from warehouse.services.owner_opening import open_owner
from warehouse.services.renewal_plans import PlanForm
from warehouse.services.renewals import RenewalForm
from warehouse.services.wallet_entries import list_entries, prove_ledger
from warehouse.services.wallets import CorrectionForm, MoneyForm


@dataclass(frozen=True)
class Target:
    """What exists in the lot of the one customer."""

    world: World
    owner_id: int
    vehicle_id: int
    plan_id: int
    renewal_id: int


Call = Callable[[Target, Actor], object]
NAMED = ListQuery()
CALLS: dict[str, tuple[Call, str]] = {
    # what: (the call, the permission whose lack is told)
    "list_owners": (
        lambda t, a: owners.list_owners(t.world.settings, a, NAMED, lot_id=LOT),
        "long_term_owners.view",
    ),
    "get_owner": (lambda t, a: owners.get_owner(t.world.settings, a, t.owner_id), "long_term_owners.view"),
    "create_owner": (
        lambda t, a: owner_changes.create_owner(t.world.settings, a, OwnerForm(LOT, "")),
        "long_term_owners.edit",
    ),
    "edit_owner": (
        lambda t, a: owner_changes.edit_owner(t.world.settings, a, t.owner_id, 1, OwnerForm(LOT, "x")),
        "long_term_owners.edit",
    ),
    "delete_owner": (
        lambda t, a: owner_changes.delete_owner(t.world.settings, a, t.owner_id, 1),
        "long_term_owners.delete",
    ),
    "list_vehicles": (
        lambda t, a: vehicles.list_vehicles(t.world.settings, a, NAMED, lot_id=LOT),
        "long_term_vehicles.view",
    ),
    "top_up": (
        lambda t, a: wallets.top_up(t.world.settings, a, t.owner_id, MoneyForm("x", None), key()),
        "owner_wallets.edit",
    ),
    "open_owner": (
        lambda t, a: open_owner(t.world.settings, a, OwnerForm(LOT, ""), MoneyForm("x", None), key()),
        "owner_wallets.edit",
    ),
    "refund": (
        lambda t, a: wallets.refund(t.world.settings, a, t.owner_id, MoneyForm("1", "cash"), key()),
        "owner_wallets.edit",
    ),
    "correct": (
        lambda t, a: wallets.correct(t.world.settings, a, t.owner_id, CorrectionForm("1", "x"), key()),
        "owner_wallets.edit",
    ),
    "list_entries": (lambda t, a: list_entries(t.world.settings, a, t.owner_id, NAMED), "owner_wallets.view"),
    "renew": (
        lambda t, a: renewals.renew(
            t.world.settings, a, t.owner_id, RenewalForm(t.plan_id, 1, "cash", vehicle_id=t.vehicle_id), key()
        ),
        "long_term_owners.edit",
    ),
    "list_renewals": (
        lambda t, a: renewal_entries.list_renewals(t.world.settings, a, t.owner_id, NAMED),
        "long_term_owners.view",
    ),
    "get_receipt": (
        lambda t, a: renewal_entries.get_receipt(t.world.settings, a, t.renewal_id),
        "long_term_owners.view",
    ),
    "list_plans": (lambda t, a: renewal_plans.list_plans(t.world.settings, a, LOT), "long_term_owners.view"),
    "create_plan": (
        lambda t, a: renewal_plans.create_plan(t.world.settings, a, LOT, PlanForm("", "", None, None)),
        "lots.edit",
    ),
    "edit_plan": (
        lambda t, a: renewal_plans.edit_plan(t.world.settings, a, t.plan_id, 1, PlanForm("x", "day", 1, "1")),
        "lots.edit",
    ),
    "set_plan_active": (
        lambda t, a: renewal_plans.set_plan_active(t.world.settings, a, t.plan_id, 1, active=False),
        "lots.edit",
    ),
}


@pytest.fixture
def target(world: World) -> Target:
    owner = world.owner()
    plan = world.plan()
    form = RenewalForm(plan, 1, "cash", "today", vehicle_id=owner.vehicles[0].vehicle_id)
    sold = renewals.renew(world.settings, world.actor(), owner.owner_id, form, key())
    return Target(world, owner.owner_id, owner.vehicles[0].vehicle_id, plan, sold.renewal_id)


@pytest.mark.parametrize("name", CALLS)
def test_somebody_elses_lot_is_refused_and_the_attempt_is_logged(target: Target, name: str) -> None:
    with target.world.refused():
        CALLS[name][0](target, target.world.actor("stranger"))


@pytest.mark.parametrize("name", CALLS)
def test_a_role_without_the_permission_is_refused_by_its_name(target: Target, name: str) -> None:
    call, permission = CALLS[name]
    # An engineer sees no parkers; who only reads may look and nothing else.
    login = "engineer" if permission.endswith(".view") else "reader"
    with target.world.refused(permission):
        call(target, target.world.actor(login))


def test_a_cashier_takes_money_and_sets_no_prices_and_takes_nothing_back(target: Target) -> None:
    actor = target.world.actor("cashier")
    CALLS["list_plans"][0](target, actor)
    for name in ("create_plan", "edit_plan", "set_plan_active", "delete_owner"):
        with target.world.refused():
            CALLS[name][0](target, actor)


def test_what_does_not_exist_is_refused_with_the_words_of_what_is_somebody_elses(target: Target) -> None:
    sentences = set()
    for owner_id in (target.owner_id, 999):
        with target.world.refused():
            try:
                owners.get_owner(target.world.settings, target.world.actor("stranger"), owner_id)
            except Exception as error:
                sentences.add(str(error).replace(str(owner_id), "?"))
                raise
    assert len(sentences) == 1


def test_lists_and_proofs_of_a_stranger_hold_no_foreign_row(target: Target) -> None:
    stranger = target.world.actor("stranger")
    assert owners.list_owners(target.world.settings, stranger, NAMED).total == 0
    assert vehicles.list_vehicles(target.world.settings, stranger, NAMED).total == 0
    assert prove_ledger(target.world.settings, stranger).wallets == 0


def test_whoever_may_neither_see_nor_type_plates_whole_sees_them_with_stars(target: Target) -> None:
    settings, whole = target.world.settings, target.world.actor("reader")
    starred = replace(whole, permissions=whole.permissions - {"plates.view"})
    for actor, plate in ((whole, "鲁F69Y07"), (starred, "鲁F***07")):
        assert owners.list_owners(settings, actor, NAMED).rows[0].plates == (plate,)
        assert owners.get_owner(settings, actor, target.owner_id).vehicles[0].plate == plate
        assert vehicles.list_vehicles(settings, actor, NAMED).rows[0].plate == plate
        assert renewal_entries.list_renewals(settings, actor, target.owner_id, NAMED).rows[0].plates == (plate,)
        assert renewal_entries.get_receipt(settings, actor, target.renewal_id).renewal.plates == (plate,)
