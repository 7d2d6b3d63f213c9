"""The declarative base, and what rows that people edit have in common.

The naming convention makes migrations name constraints alike on both back ends.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from warehouse.ops.types import Instant

CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every model."""

    metadata = MetaData(naming_convention=CONVENTION)


class Versioned:
    """A row that people edit: each change raises ``version``, and a change of a row that moved on meanwhile fails."""

    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - a class method by its decorator
        """Let the mapper count versions."""
        return {"version_id_col": cls.version}


class Deletable:
    """A row that is hidden when deleted, because history refers to it."""

    deleted_at: Mapped[datetime | None] = mapped_column(Instant)
