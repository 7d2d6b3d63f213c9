"""Setting fields of rows so that a use case knows whether anything changed.

Belongs here: what several services do to rows. Does not belong here: what the fields mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm.attributes import flag_modified

from warehouse.ops.models import Base, Lot


def put(row: Base, values: Mapping[str, Any]) -> None:
    """Set the fields that differ: setting an equal value would count as a change that nobody recorded."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def raise_version(lot: Lot) -> None:
    """Let a change of a lot's areas or capacities count as one of the lot, for those who have its form open."""
    flag_modified(lot, "name")
