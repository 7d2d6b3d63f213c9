"""Region linkage: the rules of regions, and what guidance displays were told when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, true
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base, Versioned
from warehouse.ops.types import Document, Instant


class RegionRule(Versioned, Base):
    """How the lots of a region below a node help each other.

    A lot counts as nearly full when ``threshold_percent`` of its spaces are taken; then up to ``neighbours`` free lots
    within ``radius_metres`` are shown on its guidance displays.
    """

    __tablename__ = "region_rule"

    rule_id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("node.node_id"))
    region: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    threshold_percent: Mapped[int]
    radius_metres: Mapped[int]
    neighbours: Mapped[int]

    __table_args__ = (
        CheckConstraint("threshold_percent between 50 and 100", name="threshold_percent"),
        CheckConstraint("radius_metres > 0", name="radius_metres"),
        CheckConstraint("neighbours between 1 and 10", name="neighbours"),
        Index("uq_region_rule_node_id_region", "node_id", "region", unique=True),
    )


class GuidanceShown(Base):
    """What the displays of a lot were told from ``shown_at`` on, until ``ended_at``; one row of a lot is open at most.

    ``neighbours`` are the lots pointed to, in order: lot_id, code, name, free_spaces, distance_metres.
    """

    __tablename__ = "guidance_shown"

    shown_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    region: Mapped[str] = mapped_column(String(200))
    shown_at: Mapped[datetime] = mapped_column(Instant)
    renewed_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    free_spaces: Mapped[int]
    total_spaces: Mapped[int]
    neighbours: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    command_id: Mapped[int | None]

    __table_args__ = (
        Index("ix_guidance_shown_lot_id", "lot_id", "shown_at"),
        Index("ix_guidance_shown_ended_at", "ended_at"),
    )
