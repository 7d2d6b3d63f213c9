"""What readers may see: the published snapshot of the lake, and the builds that led to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base
from warehouse.ops.types import Instant


class Build(Base):
    """One run of the models."""

    __tablename__ = "build"

    build_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(16))  # running | green | red
    is_full: Mapped[bool]
    message: Mapped[str | None] = mapped_column(String(2000))


class Publication(Base):
    """A snapshot of the lake that readers pin; the highest id is in force."""

    __tablename__ = "publication"

    publication_id: Mapped[int] = mapped_column(primary_key=True)
    build_id: Mapped[str] = mapped_column(ForeignKey("build.build_id"), unique=True)
    snapshot_id: Mapped[int]
    data_as_of: Mapped[datetime | None] = mapped_column(Instant)  # newest record it holds
    published_at: Mapped[datetime] = mapped_column(Instant)
