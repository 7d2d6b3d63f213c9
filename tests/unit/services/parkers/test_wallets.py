"""Wallets: the ledger adds up, whatever is done to it and by how many at once."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import exc, select, text

from tests.unit.services.parkers.conftest import LOT, WESTERN_LOT, World, key, problems
from warehouse.errors import ParkError
from warehouse.ops.models import Wallet, WalletEntry
from warehouse.ops.session import ops_engine, ops_session
from warehouse.services.listing import ListQuery
from warehouse.services.owner_forms import OwnerForm, VehicleForm
from warehouse.services.owner_opening import open_owner
from warehouse.services.owners import get_owner
from warehouse.services.renewals import RenewalForm, renew
from warehouse.services.wallet_entries import list_entries, prove_ledger
from warehouse.services.wallets import CorrectionForm, MoneyForm, correct, refund, top_up
from warehouse.settings import Settings


def test_a_top_up_is_in_the_ledger_the_log_and_on_its_way_to_the_reports(world: World) -> None:
    owner = world.owner()
    entry = top_up(world.settings, world.actor("cashier"), owner.owner_id, MoneyForm("200", "cash", "首次"), key())
    assert (entry.amount, entry.balance_after, entry.method) == (Decimal("200.00"), Decimal("200.00"), "cash")
    assert get_owner(world.settings, world.actor(), owner.owner_id).balance == Decimal("200.00")
    (record,) = world.records()
    assert record == {
        "kind": "top_up",
        "record_id": f"cloud-top-up-{entry.entry_id}",
        "revision": 0,
        "occurred_at": record["occurred_at"],
        "owner_id": owner.code,
        "owner_name": "初建春",
        "amount": "200.00",
        "method": "cash",
        "balance_after": "200.00",
        "operator_name": "cashier 先生",
        "remark": "首次",
    }
    logged = world.log()[-1]
    assert (logged.action, logged.entity, (logged.after or {})["amount"]) == ("owner_wallets.edit", "wallet", "200.00")


def test_corrections_and_refunds_need_no_record_and_give_their_reason(world: World) -> None:
    owner = world.owner()
    actor = world.actor()
    top_up(world.settings, actor, owner.owner_id, MoneyForm("200.00", "cash"), key())
    correct(world.settings, actor, owner.owner_id, CorrectionForm("-150.00", "多输了一位"), key())
    refund(world.settings, actor, owner.owner_id, MoneyForm("50.00", "cash"), key())
    rows = list_entries(world.settings, actor, owner.owner_id, ListQuery()).rows
    assert [(row.kind, row.amount, row.balance_after, row.remark) for row in rows] == [
        ("refund", Decimal("-50.00"), Decimal("0.00"), None),
        ("correction", Decimal("-150.00"), Decimal("50.00"), "多输了一位"),
        ("top_up", Decimal("200.00"), Decimal("200.00"), None),
    ]
    assert [record["kind"] for record in world.records()] == ["top_up"]


def test_a_balance_never_goes_below_zero_and_nothing_is_booked(world: World) -> None:
    owner = world.owner()
    actor = world.actor()
    top_up(world.settings, actor, owner.owner_id, MoneyForm("10.00", "cash"), key())
    before = world.counts()
    for act in (
        lambda: refund(world.settings, actor, owner.owner_id, MoneyForm("10.01", "cash"), key()),
        lambda: correct(world.settings, actor, owner.owner_id, CorrectionForm("-10.01", "x"), key()),
    ):
        with pytest.raises(ParkError, match=r"10\.00") as caught:
            act()
        assert caught.value.code == "balance_too_low"
    assert world.counts() == before


def test_the_same_form_sent_twice_pays_once_and_another_form_with_its_key_is_refused(world: World) -> None:
    owner, other = world.owner("鲁F00001"), world.owner("鲁F00002")
    actor = world.actor()
    used = key()
    first = top_up(world.settings, actor, owner.owner_id, MoneyForm("10.00", "cash", "x"), used)
    before = world.counts()
    assert top_up(world.settings, actor, owner.owner_id, MoneyForm("10", "cash", " x "), used) == first
    for act in (
        lambda: top_up(world.settings, actor, owner.owner_id, MoneyForm("10.01", "cash", "x"), used),
        lambda: top_up(world.settings, actor, owner.owner_id, MoneyForm("10.00", "wechat", "x"), used),
        lambda: top_up(world.settings, actor, owner.owner_id, MoneyForm("10.00", "cash"), used),
        lambda: top_up(world.settings, actor, other.owner_id, MoneyForm("10.00", "cash", "x"), used),
        lambda: correct(world.settings, actor, owner.owner_id, CorrectionForm("10.00", "x"), used),
        lambda: renew(
            world.settings,
            actor,
            owner.owner_id,
            RenewalForm(world.plan(), 1, "cash", "today", vehicle_id=owner.vehicles[0].vehicle_id),
            used,
        ),
    ):
        with pytest.raises(ParkError) as caught:
            act()
        assert caught.value.code == "key_used"
    # The plan that the renewal names was added; nothing else was.
    assert world.counts()[1:] == before[1:]
    assert get_owner(world.settings, actor, owner.owner_id).balance == Decimal("10.00")


def test_what_cannot_be_booked_is_told_at_its_field(world: World) -> None:
    owner = world.owner()
    actor = world.actor()
    for amount in (None, "", "0", "-5", "0.001", "abc", "100000000", "NaN", "1e3000"):
        found = problems(lambda a=amount: top_up(world.settings, actor, owner.owner_id, MoneyForm(a, "cash"), key()))
        assert set(found) == {"amount"}
    assert set(problems(lambda: top_up(world.settings, actor, owner.owner_id, MoneyForm("1", "wallet"), key()))) == {
        "method"
    }
    assert set(problems(lambda: correct(world.settings, actor, owner.owner_id, CorrectionForm("0", " "), key()))) == {
        "amount",
        "reason",
    }


def test_an_owner_is_opened_with_the_first_money_in_one_transaction_and_once_for_one_form(world: World) -> None:
    actor = world.actor("cashier")
    used = key()
    form = OwnerForm(LOT, " 王健 ", vehicles=(VehicleForm("鲁F00001"),))
    owner_id = open_owner(world.settings, actor, form, MoneyForm("100", "cash"), used)
    before = world.counts()
    assert open_owner(world.settings, actor, form, MoneyForm("100.00", "cash"), used) == owner_id
    for other, money in (
        (replace(form, name="别人"), MoneyForm("100", "cash")),
        (form, MoneyForm("101", "cash")),
        (replace(form, lot_id=WESTERN_LOT), MoneyForm("100", "cash")),
    ):
        with pytest.raises(ParkError) as caught:
            open_owner(world.settings, world.actor(), other, money, used)
        assert caught.value.code == "key_used"
    assert world.counts() == before
    assert get_owner(world.settings, actor, owner_id).balance == Decimal("100.00")
    wrong = problems(lambda: open_owner(world.settings, actor, form, MoneyForm("0", "x", "y" * 501), key()))
    assert set(wrong) == {"amount", "method", "money_remark"}
    assert set(problems(lambda: open_owner(world.settings, actor, form, MoneyForm("1", "cash"), key()))) == {
        "vehicles.0.plate"
    }
    assert world.counts() == before


def test_the_store_itself_refuses_to_change_or_delete_an_entry(world: World) -> None:
    owner = world.owner()
    top_up(world.settings, world.actor(), owner.owner_id, MoneyForm("10.00", "cash"), key())
    for statement in ("update wallet_entry set amount = 1", "delete from wallet_entry", "delete from owner_renewal"):
        if "renewal" in statement:
            renew(
                world.settings,
                world.actor(),
                owner.owner_id,
                RenewalForm(world.plan(), 1, "cash", "today", vehicle_id=owner.vehicles[0].vehicle_id),
                key(),
            )
        with pytest.raises(exc.DBAPIError, match="append-only"), ops_session(world.settings) as session:
            session.execute(text(statement))


def test_the_proof_finds_a_wallet_that_was_changed_past_the_ledger(world: World) -> None:
    owners = [world.owner(f"鲁F0000{number}") for number in range(3)]
    actor = world.actor()
    for owner in owners:
        top_up(world.settings, actor, owner.owner_id, MoneyForm("10.10", "cash"), key())
    proof = prove_ledger(world.settings, actor)
    assert (proof.wallets, proof.entries, proof.balance, proof.wrong) == (3, 3, Decimal("30.30"), ())
    with ops_session(world.settings) as session:
        session.get_one(Wallet, owners[1].owner_id).balance = Decimal("10.11")
    assert prove_ledger(world.settings, actor).wrong == (owners[1].owner_id,)
    assert prove_ledger(world.settings, world.actor("stranger")).wallets == 0


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["top_up", "correct", "refund", "renew", "repeat"]),
        st.integers(1, 40_000).map(lambda fen: Decimal(fen).scaleb(-2)),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=_STEPS)
def test_whatever_happens_the_balance_is_the_sum_of_what_was_booked(template: Path, steps: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, Path(folder) / "ops.sqlite")
        world = World(Settings(home=Path(folder)))
        owner, plan, actor = world.owner(), world.plan(), world.actor()
        expected = Decimal("0.00")
        last = None
        for what, amount, below_zero in steps:
            change = -amount if below_zero else amount
            used = key()
            if what == "top_up":
                act = lambda a=amount, k=used: top_up(world.settings, actor, owner.owner_id, MoneyForm(a, "cash"), k)  # noqa: E731
                change = amount
            elif what == "refund":
                act = lambda a=amount, k=used: refund(world.settings, actor, owner.owner_id, MoneyForm(a, "cash"), k)  # noqa: E731
                change = -amount
            elif what == "correct":
                act = lambda a=change, k=used: correct(  # noqa: E731
                    world.settings, actor, owner.owner_id, CorrectionForm(a, "更正"), k
                )
            elif what == "renew":
                valid = get_owner(world.settings, actor, owner.owner_id).vehicles[0].valid_to
                form = RenewalForm(
                    plan,
                    1,
                    "wallet",
                    "after_end" if valid else "today",
                    amount=amount,
                    remark="优惠",
                    vehicle_id=owner.vehicles[0].vehicle_id,
                )
                act = lambda f=form, k=used: renew(world.settings, actor, owner.owner_id, f, k)  # noqa: E731
                change = -amount
            elif last is not None:
                act, change = last, Decimal("0.00")
            else:
                continue
            if expected + change < 0:
                with pytest.raises(ParkError) as caught:
                    act()
                assert caught.value.code == "balance_too_low"
                continue
            act()
            expected, last = expected + change, act
        proof = prove_ledger(world.settings, actor)
        assert (proof.balance, proof.wrong) == (expected, ())
        assert get_owner(world.settings, actor, owner.owner_id).balance == expected
        ops_engine(world.settings).dispose()


def test_50_top_ups_and_renewals_at_once_and_each_of_them_twice_balance_to_the_fen(world: World) -> None:
    owner = world.owner(" ".join(f"鲁F{number:05}" for number in range(25)))
    plan, actor = world.plan("7.77"), world.actor("manager")
    first = [(world.settings, actor, owner.owner_id, MoneyForm("10.01", "cash"), key()) for _ in range(25)]
    sold = [
        (
            world.settings,
            actor,
            owner.owner_id,
            RenewalForm(plan, 1, "wallet", "today", vehicle_id=vehicle.vehicle_id),
            key(),
        )
        for vehicle in owner.vehicles
    ]
    with ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(top_up, *arguments) for arguments in first + first]
        waiting += [pool.submit(renew, *arguments) for arguments in sold + sold]
        failures = [error for future in waiting if (error := future.exception(60)) is not None]
    assert all(isinstance(error, ParkError) and error.code == "balance_too_low" for error in failures)
    for arguments in sold:  # whoever found the wallet empty comes again, the others double-click
        renew(*arguments)
    proof = prove_ledger(world.settings, actor)
    assert (proof.balance, proof.entries, proof.wrong) == (25 * (Decimal("10.01") - Decimal("7.77")), 50, ())
    assert len(world.records()) == 50
    with ops_session(world.settings) as session:
        amounts = session.scalars(select(WalletEntry.amount)).all()
    assert sorted(amounts) == [Decimal("-7.77")] * 25 + [Decimal("10.01")] * 25
