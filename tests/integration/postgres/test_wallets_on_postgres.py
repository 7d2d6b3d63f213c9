"""Wallets on PostgreSQL: many writers at once, no balance below zero, no click counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import exc, func, select, text

from tests.postgres_server import new_database
from tests.unit.services.parkers.conftest import LOT, WESTERN_LOT, World, fill
from tests.unit.services.parkers.test_owners import form_of
from warehouse.errors import ParkError
from warehouse.ops.models import OutboxRecord, WalletEntry
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.audit import verify
from warehouse.services.listing import ListQuery
from warehouse.services.owner_changes import edit_owner
from warehouse.services.owners import get_owner, list_owners
from warehouse.services.renewals import RenewalForm, renew
from warehouse.services.vehicles import list_vehicles
from warehouse.services.wallet_entries import prove_ledger
from warehouse.services.wallets import CorrectionForm, MoneyForm, correct, refund, top_up
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[World]:
    home: Path = tmp_path_factory.mktemp("wallets")
    settings = Settings(home=home, ops_url=new_database(postgres_server))
    migrate(settings)
    fill(settings)
    yield World(settings)
    with ops_session(settings) as session:
        assert verify(session).broken_at is None
    ops_engine(settings).dispose()


def at_once(calls: list[Callable[[], object]], threads: int = 50) -> list[BaseException]:
    """Run all calls, as many at once as there are threads; the errors that came of it."""
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(call) for call in calls]
        return [error for future in futures if (error := future.exception(120)) is not None]


def test_two_first_top_ups_at_once_make_one_wallet(world: World) -> None:
    actor = world.actor()
    for number in range(10):
        owner = world.owner(f"京A0000{number}")
        calls = [
            lambda o=owner: top_up(world.settings, actor, o.owner_id, MoneyForm("1.01", "cash"), uuid4().hex)
            for _ in range(2)
        ]
        assert at_once(calls, 2) == []
        assert get_owner(world.settings, actor, owner.owner_id).balance == Decimal("2.02")


def test_50_top_ups_and_renewals_at_once_and_each_of_them_twice_balance_to_the_fen(world: World) -> None:
    actor = world.actor()
    owner = world.owner(" ".join(f"鲁F{number:05}" for number in range(25)), lot_id=WESTERN_LOT)
    plan = world.plan("7.77", lot_id=WESTERN_LOT)
    before = len(world.records())
    paid = [(MoneyForm("10.01", "cash"), uuid4().hex) for _ in range(25)]
    sold = [
        (RenewalForm(plan, 1, "wallet", "today", vehicle_id=vehicle.vehicle_id), uuid4().hex)
        for vehicle in owner.vehicles
    ]
    calls: list[Callable[[], object]] = []
    for (money, first_key), (form, second_key) in zip(paid + paid, sold + sold, strict=True):
        calls.append(lambda m=money, k=first_key: top_up(world.settings, actor, owner.owner_id, m, k))
        calls.append(lambda f=form, k=second_key: renew(world.settings, actor, owner.owner_id, f, k))
    errors = at_once(calls)
    assert [error for error in errors if not (isinstance(error, ParkError) and error.code == "balance_too_low")] == []
    for form, used in sold:  # whoever found the wallet empty comes again, the others double-click
        renew(world.settings, actor, owner.owner_id, form, used)
    with ops_session(world.settings) as session:
        entries, total = session.execute(
            select(func.count(), func.sum(WalletEntry.amount)).where(WalletEntry.owner_id == owner.owner_id)
        ).one()
    expected = 25 * (Decimal("10.01") - Decimal("7.77"))
    assert (entries, total) == (50, expected)
    assert get_owner(world.settings, actor, owner.owner_id).balance == expected
    assert len(world.records()) - before == 50
    assert prove_ledger(world.settings, actor).wrong == ()


def test_50_refunds_at_once_pay_out_what_is_there_and_no_fen_more(world: World) -> None:
    actor = world.actor()
    owner = world.owner("京B00001")
    top_up(world.settings, actor, owner.owner_id, MoneyForm("10.00", "cash"), uuid4().hex)
    calls: list[Callable[[], object]] = [
        lambda: refund(world.settings, actor, owner.owner_id, MoneyForm("0.99", "cash"), uuid4().hex) for _ in range(50)
    ]
    errors = at_once(calls)
    assert len(errors) == 40
    assert {getattr(error, "code", error) for error in errors} == {"balance_too_low"}
    assert get_owner(world.settings, actor, owner.owner_id).balance == Decimal("0.10")


def test_forms_of_one_owner_saved_at_once_overwrite_nothing(world: World) -> None:
    actor = world.actor()
    owner = world.owner("京C00001")
    calls: list[Callable[[], object]] = [
        lambda n=number: edit_owner(
            world.settings, actor, owner.owner_id, owner.version, replace(form_of(owner), remark=f"{n}")
        )
        for number in range(8)
    ]
    errors = at_once(calls, 8)
    assert len(errors) == 7
    assert {getattr(error, "code", error) for error in errors} == {"conflict"}


def test_lists_search_and_states_are_the_same_on_postgresql(world: World) -> None:
    actor = world.actor()
    today = world.today()
    owner = world.owner("京D·00001", name="Li_50%", valid_from=today, valid_to=today, lot_id=LOT)
    for search in ("li_50%", "京d00001", owner.code):
        found = list_owners(world.settings, actor, ListQuery(search=search), lot_id=LOT)
        assert owner.owner_id in [row.owner_id for row in found.rows]
    found = list_owners(world.settings, actor, ListQuery(search="li_50%"), state="due")
    assert [(row.name, dict(row.states)) for row in found.rows] == [("Li_50%", {"due": 1})]
    vehicles = list_vehicles(world.settings, actor, ListQuery(search="Li_50%", sort="-valid_to"), state="due")
    assert [row.plate for row in vehicles.rows] == ["京D00001"]


def test_the_ledger_is_append_only_on_postgresql(world: World) -> None:
    owner = world.owner("京E00001")
    actor = world.actor()
    top_up(world.settings, actor, owner.owner_id, MoneyForm("10.00", "cash"), uuid4().hex)
    correct(world.settings, actor, owner.owner_id, CorrectionForm("-1.00", "更正"), uuid4().hex)
    for statement in ("update wallet_entry set amount = 1", "delete from wallet_entry"):
        with pytest.raises(exc.DBAPIError), ops_session(world.settings) as session:
            session.execute(text(statement))
    with ops_session(world.settings) as session:
        assert session.scalar(select(func.count()).select_from(OutboxRecord)) == len(world.records())
