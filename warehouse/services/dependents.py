"""Deletes that are refused while something depends on the thing, naming what.

Belongs here: counting, naming and the sentence. Does not belong here: what depends on what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError

SHOWN: Final = 5


@dataclass(frozen=True)
class Dependents:
    """One kind of dependents: its plural in both languages, and the query of their names (one column, unique rows)."""

    zh: str
    en: str
    names: Select[Any]


def refuse_while_used(session: Session, zh: str, en: str, kinds: Sequence[Dependents]) -> None:
    """Refuse to delete what others depend on.

    Args:
        session: open session; the thing is locked, so that nothing new comes to depend on it meanwhile.
        zh: the thing, in Chinese, for example ``代理商“华东”``.
        en: the thing, in English.
        kinds: what may depend on it.

    Raises:
        ParkError: ``in_use``, with up to five names of each kind and the number of all.
    """
    found = [(kind, *_first(session, kind.names)) for kind in kinds]
    used = [(kind, names, total) for kind, names, total in found if total]
    if not used:
        return
    listed_zh = "；".join(
        f"{kind.zh} {total} 个（{'、'.join(names)}{f' 等，另有 {total - SHOWN} 个' if total > SHOWN else ''}）"
        for kind, names, total in used
    )
    listed_en = "; ".join(
        f"{total} {kind.en} ({', '.join(names)}{f' and {total - SHOWN} more' if total > SHOWN else ''})"
        for kind, names, total in used
    )
    raise ParkError(
        zh=f"{zh}还不能删除，仍有{listed_zh}。请先处理这些，再删除",
        en=f"{en} cannot be deleted yet, it still has {listed_en}. Deal with these first",
        code="in_use",
    )


def _first(session: Session, names: Select[Any]) -> tuple[list[str], int]:
    total = session.scalar(select(func.count()).select_from(names.order_by(None).subquery())) or 0
    return [str(name) for name in session.scalars(names.limit(SHOWN))] if total else [], total
