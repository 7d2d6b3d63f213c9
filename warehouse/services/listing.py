"""Lists of administered things: what is asked for and what is found, page by page.

Belongs here: the two shapes that every list shares. Does not belong here: single lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

Item = TypeVar("Item")
LARGEST_PAGE = 100_000


@dataclass(frozen=True)
class ListQuery:
    """Which part of a list: rows that hold ``search``, ordered by ``sort`` ("-" in front: descending), one page."""

    search: str = ""
    page: int = 1
    size: int = 50
    sort: str = ""


@dataclass(frozen=True)
class Found(Generic[Item]):
    """One page of a list and the number of all rows that fit."""

    rows: list[Item]
    total: int


def like(column: InstrumentedAttribute[Any], search: str) -> ColumnElement[bool]:
    """Whether a column holds ``search``; upper and lower case are one, % and _ mean themselves."""
    escaped = search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(f"%{escaped}%", escape="\\")


def one_page(
    session: Session,
    query: Select[Any],
    asked: ListQuery,
    sorts: Mapping[str, InstrumentedAttribute[Any]],
    default_sort: str,
) -> tuple[list[Any], int]:
    """Rows of the page asked for, and the number of all rows.

    Args:
        session: open session.
        query: every row that fits, not ordered.
        asked: page, size and sort; a sort that is not known falls back to the default.
        sorts: sort key to column; the last one listed must be unique, it breaks ties.
        default_sort: a key of ``sorts``, "-" in front for descending.
    """
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    wanted = asked.sort if asked.sort.removeprefix("-") in sorts else default_sort
    column = sorts[wanted.removeprefix("-")]
    order = column.desc() if wanted.startswith("-") else column.asc()
    size = min(max(asked.size, 1), LARGEST_PAGE)
    page = min(max(asked.page, 1), max(1, -(-total // size)))
    ordered = query.order_by(order, list(sorts.values())[-1]).limit(size).offset((page - 1) * size)
    return list(session.execute(ordered).all()), total
