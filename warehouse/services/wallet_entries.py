"""Reading wallets: the ledger of one, and the proof of all.

Belongs here: what the ledger shows and the check that it adds up. Does not belong here: moving money (``wallets.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from warehouse.ops.models import Owner, OwnerRenewal, Wallet, WalletEntry
from warehouse.security.actor import Actor
from warehouse.security.permissions import VIEW
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.parkers import find_owner, in_scope
from warehouse.services.work import reading
from warehouse.settings import Settings

SEE: Final = f"owner_wallets.{VIEW}"
_NAMED: Final = 20


@dataclass(frozen=True)
class EntryView:
    """One movement: ``amount`` above zero is money put in. ``receipt_number`` is that of the renewal it paid."""

    entry_id: int
    created_at: datetime
    kind: str
    amount: Decimal
    balance_after: Decimal
    method: str | None
    operator_name: str
    remark: str | None
    receipt_number: str | None = None


@dataclass(frozen=True)
class LedgerProof:
    """What proving the ledger found; ``wrong`` are owners whose wallet does not add up, at most twenty of them."""

    wallets: int
    entries: int
    balance: Decimal
    wrong: tuple[int, ...]


def list_entries(settings: Settings, actor: Actor, owner_id: int, query: ListQuery) -> Found[EntryView]:
    """Movements of a wallet, newest first.

    Raises:
        Forbidden: the owner is not there for this actor.
    """
    with reading(settings, actor, SEE) as session:
        find_owner(session, actor, owner_id)
        wanted: Select[*tuple[Any, ...]] = (
            select(WalletEntry, OwnerRenewal.receipt_number)
            .outerjoin(OwnerRenewal, OwnerRenewal.renewal_id == WalletEntry.renewal_id)
            .where(WalletEntry.owner_id == owner_id)
        )
        sorts = {"created_at": WalletEntry.created_at, "entry_id": WalletEntry.entry_id}
        rows, total = one_page(session, wanted, query, sorts, "-entry_id")
        return Found([view_of(entry, receipt_number) for entry, receipt_number in rows], total)


def prove_ledger(settings: Settings, actor: Actor) -> LedgerProof:
    """Add up the entries of every wallet in the scope and compare with what each entry and the wallet say."""
    with reading(settings, actor, SEE) as session:
        return prove(session, in_scope(Owner.lot_id, actor))


def prove(session: Session, owners: ColumnElement[bool]) -> LedgerProof:
    """As ``prove_ledger``, for the wallets of ``owners``, a condition on Owner."""
    running = func.sum(WalletEntry.amount).over(partition_by=WalletEntry.owner_id, order_by=WalletEntry.entry_id)
    steps = select(WalletEntry.owner_id, WalletEntry.balance_after, running.label("running")).subquery()
    bad_step = select(steps.c.owner_id).where(steps.c.running != steps.c.balance_after)
    totals = (
        select(WalletEntry.owner_id, func.sum(WalletEntry.amount).label("total"), func.count().label("entries"))
        .group_by(WalletEntry.owner_id)
        .subquery()
    )
    every = (
        select(Wallet.owner_id)
        .join(Owner, Owner.owner_id == Wallet.owner_id)
        .outerjoin(totals, totals.c.owner_id == Wallet.owner_id)
        .where(owners)
    )
    counts: Select[*tuple[Any, ...]] = every.with_only_columns(
        func.count(),
        func.coalesce(func.sum(totals.c.entries), 0),
        func.coalesce(func.sum(Wallet.balance), Decimal("0.00")),
    )
    row: tuple[Any, ...] = session.execute(counts).one()
    wallets, entries, balance = row
    empty = and_(totals.c.total.is_(None), Wallet.balance != Decimal("0.00"))
    wrong = every.where(or_(empty, totals.c.total != Wallet.balance, Wallet.owner_id.in_(bad_step)))
    found = session.scalars(wrong.order_by(Wallet.owner_id).limit(_NAMED))
    return LedgerProof(wallets, int(entries), balance, tuple(found))


def view_of(entry: WalletEntry, receipt_number: str | None = None) -> EntryView:
    """What an entry shows."""
    return EntryView(
        entry_id=entry.entry_id,
        created_at=entry.created_at,
        kind=entry.kind,
        amount=entry.amount,
        balance_after=entry.balance_after,
        method=entry.method,
        operator_name=entry.operator_name,
        remark=entry.remark,
        receipt_number=receipt_number,
    )
