"""Owners' wallets: a ledger of entries that only grows, and a balance that is always their sum.

Belongs here: top-ups, corrections, refunds, the list of entries, the proof of the ledger, and the one function that
moves money. Does not belong here: what is bought with it (``renewals.py``).

A top-up is money owed to the owner: it goes to the reports as a ``top_up``, which is no revenue. Refunds and
corrections change what is owed and never were revenue; the record contract has no words for them, and they do not go
there.

Each movement carries the key of the form that asked for it. The same form sent again gives the first entry once more
and moves nothing; the same key with other content is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from warehouse.codes import codes
from warehouse.errors import ParkError
from warehouse.ops.models import Owner, OwnerRenewal, Wallet, WalletEntry
from warehouse.security.actor import Actor
from warehouse.services.fields import LARGEST_AMOUNT, Fields
from warehouse.services.parkers import EDITS, one_of, owner_of
from warehouse.services.wallet_entries import EntryView, view_of
from warehouse.services.work import Work, locked, working
from warehouse.settings import Settings

EDIT: Final = "owner_wallets.edit"
FEN: Final = Decimal("0.01")
TOP_UP_METHODS: Final = tuple(code for code in codes("method") if code != "wallet")
_KEY_LENGTH: Final = 64


@dataclass(frozen=True)
class MoneyForm:
    """Money put into a wallet or paid out of it; ``amount`` in yuan above zero."""

    amount: Decimal | str | None
    method: str | None
    remark: str | None = None


@dataclass(frozen=True)
class CorrectionForm:
    """A correction by ``amount`` yuan, above or below zero, and why."""

    amount: Decimal | str | None
    reason: str | None


def top_up(settings: Settings, actor: Actor, owner_id: int, form: MoneyForm, key: str) -> EntryView:
    """Put money into a wallet.

    Args:
        settings: names the store.
        actor: who takes the money.
        owner_id: whose wallet.
        form: how much and how it was paid.
        key: made when the form was opened, at most 64 characters.

    Raises:
        Forbidden: the owner is not there for this actor.
        InvalidFields: by field.
        ParkError: ``key_used`` when the key belongs to something else.
    """
    fields = Fields()
    wanted = checked(form, fields)
    with working(settings, actor, one_of(actor, EDITS[::-1])) as work:
        owner, _lot = owner_of(work, owner_id)
        fields.done()
        return view_of(book_top_up(work, owner, wanted, key))


def refund(settings: Settings, actor: Actor, owner_id: int, form: MoneyForm, key: str) -> EntryView:
    """Pay money out of a wallet, at most its balance; the entry's amount is below zero. Otherwise as ``top_up``.

    Raises:
        Forbidden: the owner is not there for this actor.
        InvalidFields: by field.
        ParkError: ``balance_too_low``; ``key_used``.
    """
    fields = Fields()
    wanted = checked(form, fields)
    with working(settings, actor, EDIT) as work:
        owner, _lot = owner_of(work, owner_id)
        fields.done()
        entry, is_new = move(work, owner, "refund", -wanted.amount, key, method=wanted.method, remark=wanted.remark)
        if is_new:
            _record(work, owner, entry)
        return view_of(entry)


def correct(settings: Settings, actor: Actor, owner_id: int, form: CorrectionForm, key: str) -> EntryView:
    """Set right what was entered wrongly, with the reason. Otherwise as ``top_up``.

    Raises:
        Forbidden: the owner is not there for this actor.
        InvalidFields: by field.
        ParkError: ``balance_too_low``; ``key_used``.
    """
    fields = Fields()
    amount = fields.money("amount", form.amount, least=-LARGEST_AMOUNT)
    if amount == 0 and not fields.problems:
        fields.wrong("amount", "更正金额不能为零", "a correction cannot be zero")
    reason = fields.text("reason", form.reason, required=True, longest=500)
    with working(settings, actor, EDIT) as work:
        owner, _lot = owner_of(work, owner_id)
        fields.done()
        entry, is_new = move(work, owner, "correction", amount, key, remark=reason)
        if is_new:
            _record(work, owner, entry)
        return view_of(entry)


@dataclass(frozen=True)
class Money:
    """A ``MoneyForm`` that was checked."""

    amount: Decimal
    method: str
    remark: str | None


def checked(form: MoneyForm, fields: Fields, remark_name: str = "remark") -> Money:
    """What the form says; problems go to ``fields``."""
    return Money(
        amount=fields.money("amount", form.amount, least=FEN),
        method=fields.choice("method", form.method, TOP_UP_METHODS),
        remark=fields.text(remark_name, form.remark, longest=500),
    )


def book_top_up(work: Work, owner: Owner, money: Money, key: str) -> WalletEntry:
    """Put money into the wallet of a locked owner: ledger, operator log and record, each once for one ``key``."""
    entry, is_new = move(work, owner, "top_up", money.amount, key, method=money.method, remark=money.remark)
    if is_new:
        _record(work, owner, entry)
        work.upload(owner.lot_id, top_up_record(owner, entry))
    return entry


def move(
    work: Work,
    owner: Owner,
    kind: str,
    amount: Decimal,
    key: str,
    *,
    method: str | None = None,
    remark: str | None = None,
    renewal_id: int | None = None,
) -> tuple[WalletEntry, bool]:
    """Move ``amount`` yuan into (above zero) or out of the owner's wallet, inside a use case that records it.

    Returns:
        The entry, and whether it is new; not new when this key has moved just this before.

    Raises:
        ParkError: ``balance_too_low``, ``balance_too_high``; ``key_used`` when the key belongs to something else.
    """
    check_key(key)
    wallet = _wallet(work, owner)
    earlier = work.session.scalar(select(WalletEntry).where(WalletEntry.idempotency_key == key))
    if earlier is not None:
        content = (owner.owner_id, kind, amount, method, remark, renewal_id)
        if content != tuple(
            getattr(earlier, name) for name in ("owner_id", "kind", "amount", "method", "remark", "renewal_id")
        ):
            raise key_used()
        return earlier, False
    if kind != "renewal" and work.session.scalar(
        select(OwnerRenewal.renewal_id).where(OwnerRenewal.idempotency_key == key)
    ):
        raise key_used()
    balance = wallet.balance + amount
    if balance < 0:
        raise ParkError(
            zh=f"钱包余额 {wallet.balance} 元，不足 {-amount} 元：请先充值，或改用其它支付方式",
            en=f"the wallet holds {wallet.balance} yuan, less than {-amount}: top it up or pay another way",
            code="balance_too_low",
        )
    if balance > LARGEST_AMOUNT:
        raise ParkError(
            zh=f"余额将为 {balance} 元，超过上限 {LARGEST_AMOUNT} 元：请核对金额",
            en=f"the balance would be {balance} yuan, above {LARGEST_AMOUNT}: check the amount",
            code="balance_too_high",
        )
    wallet.balance = balance
    entry = WalletEntry(
        owner_id=owner.owner_id,
        kind=kind,
        amount=amount,
        balance_after=balance,
        method=method,
        renewal_id=renewal_id,
        idempotency_key=key,
        operator_id=work.actor.operator_id,
        operator_name=work.actor.name,
        remark=remark,
        created_at=work.now,
    )
    work.session.add(entry)
    work.session.flush()
    return entry, True


def check_key(key: str) -> None:
    """Refuse a key that the store cannot hold; forms make them, people do not."""
    if not 8 <= len(key) <= _KEY_LENGTH:
        raise ValueError(f"an idempotency key has 8 to {_KEY_LENGTH} characters, not {len(key)}")


def key_used() -> ParkError:
    """The refusal of a key that belongs to something else."""
    return ParkError(
        zh="此表单已用于另一笔业务，本次没有记账：请关闭后重新打开表单",
        en="this form was used for something else already, nothing was booked: close it and open it again",
        code="key_used",
    )


def top_up_record(owner: Owner, entry: WalletEntry) -> Mapping[str, Any]:
    """The top-up as a record of the contract; its id is that of the entry."""
    return {
        "kind": "top_up",
        "record_id": f"cloud-top-up-{entry.entry_id}",
        "revision": 0,
        "occurred_at": entry.created_at.isoformat(),
        "owner_id": owner.code,
        "owner_name": owner.name,
        "amount": str(entry.amount),
        "method": entry.method,
        "balance_after": str(entry.balance_after),
        "operator_name": entry.operator_name,
        "remark": entry.remark,
    }


def _wallet(work: Work, owner: Owner) -> Wallet:
    """The owner's wallet, made when there is none yet, and locked until the transaction ends."""
    insert = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    work.session.execute(
        insert(Wallet).values(owner_id=owner.owner_id, balance=Decimal("0.00")).on_conflict_do_nothing()
    )
    return work.session.scalars(locked(select(Wallet).where(Wallet.owner_id == owner.owner_id))).one()


def _record(work: Work, owner: Owner, entry: WalletEntry) -> None:
    after = {
        "entry_id": entry.entry_id,
        "owner": owner.code,
        "kind": entry.kind,
        "amount": str(entry.amount),
        "balance_after": str(entry.balance_after),
        "method": entry.method,
        "remark": entry.remark,
    }
    work.record("wallet", owner.owner_id, owner.name, None, after, lot_id=owner.lot_id)
