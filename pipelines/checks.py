"""Checks on what is published: are all lots heard of, did all hours arrive.

Belongs here: asset checks that look at lots. Does not belong here: tests of the models (dbt) and the definition of
completeness (the report of that name).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
from sqlalchemy import select

from pipelines.assets.publication import KEY
from warehouse.lake.publish import published
from warehouse.lake.reader import Reader
from warehouse.ops.models import Lot, LotLive
from warehouse.ops.session import ops_session
from warehouse.reports.base import run
from warehouse.reports.catalogue import find
from warehouse.security.scope import EVERYTHING
from warehouse.settings import Settings


def stale_lots(settings: Settings, now: datetime) -> dict[str, str]:
    """Lots in use that were silent for longer than ``stale_minutes``: code to the last receipt, or ``never``."""
    limit = now - timedelta(minutes=settings.stale_minutes)
    with ops_session(settings) as session:
        rows = session.execute(
            select(Lot.code, LotLive.received_at)
            .outerjoin(LotLive, LotLive.lot_id == Lot.lot_id)
            .where(~Lot.is_void, ~Lot.is_test)
            .order_by(Lot.code)
        ).all()
    return {
        code: received_at.isoformat(timespec="seconds") if received_at else "never"
        for code, received_at in rows
        if received_at is None or received_at < limit
    }


def missing_hours(settings: Settings) -> dict[str, int]:
    """Lots with hours of yesterday and today in which records were expected and none came: code to hours."""
    as_of = published(settings).data_as_of
    if as_of is None:
        return {}
    period = {"by": "total", "from": (as_of - timedelta(days=1)).date().isoformat(), "size": 1000}
    reader = Reader(settings)
    try:
        result = run(find("completeness"), reader, EVERYTHING, period, language="en")
    finally:
        reader.close()
    return {row["lot_code"]: int(row["missing_hours"]) for row in result.records() if row["missing_hours"]}


def lot_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """Freshness and completeness; both warn and never stop a publication."""

    @dg.asset_check(asset=KEY, name="every_lot_is_heard_of")
    def freshness() -> dg.AssetCheckResult:
        """No lot in use has been silent for longer than PARK_STALE_MINUTES."""
        silent = stale_lots(settings, datetime.now(UTC))
        return dg.AssetCheckResult(
            passed=not silent,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"stale lots": len(silent), "last receipt by lot": silent},
        )

    @dg.asset_check(asset=KEY, name="no_expected_hour_is_missing")
    def completeness() -> dg.AssetCheckResult:
        """No lot lacks an hour in which it usually sends."""
        gaps = missing_hours(settings)
        return dg.AssetCheckResult(
            passed=not gaps,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"lots with gaps": len(gaps), "missing hours by lot": gaps},
        )

    return [freshness, completeness]
