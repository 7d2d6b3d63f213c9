"""Codes of agents, customers and lots: the next free one, and the refusal of one that is taken.

Belongs here: codes that people may leave to us. Does not belong here: how a code is spelled (``fields.py``).
Deleted things keep their codes: history and exports name them.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.ops.models import Lot, Node
from warehouse.services.fields import Fields
from warehouse.services.listing import like
from warehouse.services.work import locked

_FIRST = 1001


def lock_codes(session: Session) -> None:
    """Wait until nobody else is taking a code; holds until the transaction ends."""
    session.scalar(locked(select(Node).where(Node.level == "platform")))


def next_code(session: Session, model: type[Node] | type[Lot], prefix: str) -> str:
    """``prefix`` and the number after the highest one in use."""
    codes = session.scalars(select(model.code).where(like(model.code, prefix)))
    taken = [int(code.removeprefix(prefix)) for code in codes if code.removeprefix(prefix).isdecimal()]
    return f"{prefix}{max([_FIRST - 1, *taken]) + 1}"


def check_code_is_free(session: Session, fields: Fields, model: type[Node] | type[Lot], code: str) -> None:
    """Note a problem of the field ``code`` when it is somebody's, or was; whose is not told, it may be a stranger's."""
    if session.scalar(select(model.code).where(model.code == code)) is not None:
        fields.wrong(
            "code",
            f"编号“{code}”已被使用（删除后编号仍保留）；请换一个，或留空自动编号",
            f"the code “{code}” is taken (deleted ones keep theirs); choose another or leave it empty",
        )
