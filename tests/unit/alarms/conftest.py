"""An instance with two tenants, an evaluator of its rules, and short ways to say what lots report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.alarms.evaluate import Evaluation, Evaluator
from warehouse.ops.models import (
    AlarmEpisode,
    AlarmRule,
    AreaFreeSpaces,
    DeviceLive,
    Lot,
    LotLive,
    OutboxRecord,
    RecentOpening,
)
from warehouse.ops.session import ops_session

NOW = datetime(2026, 3, 5, 3, tzinfo=UTC)  # Thursday 11:00 in Shanghai


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@dataclass
class World:
    """The instance; its clock is set by the test."""

    tenants: Tenants
    evaluator: Evaluator
    now: datetime = NOW

    def lot(self, code: str) -> int:
        return self.tenants.lots[code]

    def heard(self, *codes: str, ago: float = 0, **live: Any) -> None:
        """The lots were heard of so many minutes ago."""
        with ops_session(self.tenants.settings) as session:
            for code in codes:
                row = session.get(LotLive, self.lot(code)) or LotLive(lot_id=self.lot(code))
                row.received_at = self.now - minutes(ago)
                for name, value in live.items():
                    setattr(row, name, value)
                session.add(row)

    def device(self, code: str, device_id: str, state: str = "offline", ago: float = 0) -> None:
        with ops_session(self.tenants.settings) as session:
            session.merge(
                DeviceLive(
                    lot_id=self.lot(code),
                    device_id=device_id,
                    device_type="camera",
                    state=state,
                    reported_at=self.now - minutes(ago),
                )
            )

    def free(self, code: str, free: int, total: int | None = 100, area: str = "") -> None:
        with ops_session(self.tenants.settings) as session:
            session.merge(
                AreaFreeSpaces(
                    lot_id=self.lot(code), area_id=area, counted_at=self.now, free_spaces=free, total_spaces=total
                )
            )

    def opened(self, code: str, number: int, ago: float = 0, *, gate: str = "1") -> None:
        with ops_session(self.tenants.settings) as session:
            session.add_all(
                RecentOpening(
                    lot_id=self.lot(code),
                    record_id=f"{gate}-{ago}-{one}",
                    revision=0,
                    is_counted=True,
                    gate_id=gate,
                    opened_at=self.now - minutes(ago),
                )
                for one in range(number)
            )

    def licence(self, code: str, **fields: Any) -> None:
        with ops_session(self.tenants.settings) as session:
            lot = session.get_one(Lot, self.lot(code))
            for name, value in fields.items():
                setattr(lot, name, value)

    def rule(self, kind: str, threshold: int, *, node: str = "", lot: str = "", **more: Any) -> None:
        with ops_session(self.tenants.settings) as session:
            session.add(
                AlarmRule(
                    **{"kind": kind, "threshold": threshold, "level": "warning", "is_enabled": True, **more},
                    node_id=self.tenants.nodes[node] if node else None,
                    lot_id=self.lot(lot) if lot else None,
                )
            )

    def check(self, later: float = 0) -> Evaluation:
        """Evaluate after some minutes."""
        self.now += minutes(later)
        return self.evaluator.check(self.now)

    def episodes(self) -> list[AlarmEpisode]:
        with ops_session(self.tenants.settings) as session:
            return list(session.scalars(select(AlarmEpisode).order_by(AlarmEpisode.episode_id)))

    def open(self) -> set[tuple[str, str]]:
        """Open alarms: code of the lot ("" for the platform) and key."""
        names = {lot_id: code for code, lot_id in self.tenants.lots.items()}
        return {
            (names[episode.lot_id] if episode.lot_id is not None else "", episode.alarm_key)
            for episode in self.episodes()
            if episode.recovered_at is None
        }

    def uploads(self) -> list[dict[str, Any]]:
        with ops_session(self.tenants.settings) as session:
            return list(session.scalars(select(OutboxRecord.record).order_by(OutboxRecord.outbox_id)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    tenants = tenants_in(tmp_path / "home")
    evaluator = Evaluator(tenants.settings)
    yield World(tenants, evaluator)
    evaluator.close()
