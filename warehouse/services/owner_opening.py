"""Adding an owner together with the first money, as one thing.

Belongs here: the one use case that is both a form of an owner and a movement of a wallet. Does not belong here: what
either does (``owner_changes.py``, ``wallets.py``).
"""

from __future__ import annotations

from sqlalchemy import select

from warehouse.ops.models import Owner, WalletEntry
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.owner_changes import put_owner
from warehouse.services.owner_forms import OwnerForm
from warehouse.services.parkers import EDITS, one_of
from warehouse.services.wallets import MoneyForm, book_top_up, checked, key_used
from warehouse.services.work import working
from warehouse.settings import Settings


def open_owner(settings: Settings, actor: Actor, form: OwnerForm, money: MoneyForm, key: str) -> int:
    """Add an owner and put money into the new wallet; returns the owner's id.

    The same form sent again gives the first owner once more.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field; rows as ``vehicles.0.plate``; the money's are ``amount``, ``method`` and
            ``money_remark``.
        ParkError: ``key_used`` when the key belongs to something else.
    """
    fields = Fields()
    wanted = checked(money, fields, remark_name="money_remark")
    with working(settings, actor, one_of(actor, EDITS[::-1])) as work:
        lot = work.lot(form.lot_id)
        fields.done()
        earlier = work.session.scalar(select(WalletEntry).where(WalletEntry.idempotency_key == key))
        if earlier is not None:
            first = work.session.get_one(Owner, earlier.owner_id)
            booked = (first.lot_id, first.name, earlier.kind, earlier.amount, earlier.method, earlier.remark)
            if booked != (lot.lot_id, form.name.strip(), "top_up", wanted.amount, wanted.method, wanted.remark):
                raise key_used()
            return first.owner_id
        owner = put_owner(work, lot, None, form)
        book_top_up(work, owner, wanted, key)
        return owner.owner_id
