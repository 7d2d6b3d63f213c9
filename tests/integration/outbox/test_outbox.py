"""Money taken on a page reaches the reports through the journal, the lander and the lake, exactly once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from ingest import outbox
from ingest.journal import SegmentWriter
from ingest.lander import Lander
from ingest.records.batch import LotContext, decode_batch
from pipelines.build import DbtBuilder, refresh
from tests.unit.services.parkers.conftest import LOT, WESTERN_LOT, World, fill
from warehouse.lake.connect import open_lake
from warehouse.lake.reader import Reader
from warehouse.lake.schema import create_lake
from warehouse.ops.models import Lot, LotLive, OutboxRecord
from warehouse.ops.session import migrate, ops_session
from warehouse.reports import access
from warehouse.reports.catalogue import find
from warehouse.services.owners import OwnerView
from warehouse.services.renewals import RenewalForm, renew
from warehouse.services.wallets import MoneyForm, top_up
from warehouse.settings import Settings


@dataclass
class Shop:
    """An instance with a lander; money is taken by its services."""

    world: World
    lander: Lander

    @property
    def settings(self) -> Settings:
        return self.world.settings

    def sell(self, owner: OwnerView, amount: str, method: str, start: str = "today", **form: Any) -> None:
        plan = self.world.plan(lot_id=owner.lot_id)
        wanted = RenewalForm(
            plan, 1, method, start, amount=amount, remark="优惠", vehicle_id=owner.vehicles[0].vehicle_id, **form
        )
        renew(self.settings, self.world.actor(), owner.owner_id, wanted, uuid4().hex)

    def raw(self, query: str) -> list[tuple[Any, ...]]:
        connection = open_lake(self.settings, read_only=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def put(self, record: dict[str, Any], lot_id: int = LOT) -> None:
        """Write a record into the outbox past the services."""
        with ops_session(self.settings) as session:
            session.add(OutboxRecord(lot_id=lot_id, record=record, created_at=_now()))

    def waiting(self) -> int:
        with ops_session(self.settings) as session:
            return len(session.scalars(select(OutboxRecord).where(OutboxRecord.journaled_at.is_(None))).all())

    def forget_marks(self) -> None:
        """What a process leaves that dies between the journal's fsync and the mark."""
        with ops_session(self.settings) as session:
            session.execute(update(OutboxRecord).values(journaled_at=None))


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    settings = Settings(home=tmp_path)
    migrate(settings)
    create_lake(settings)
    fill(settings)
    made = Shop(World(settings), Lander(settings))
    yield made
    made.lander.close()


def test_a_renewal_made_on_a_page_is_in_the_reports_exactly_once_even_after_a_crash(shop: Shop) -> None:
    today = shop.world.today()
    owner = shop.world.owner("鲁F00001", name="王健")
    other = shop.world.owner("鲁F00002", name="初建春", valid_from=today, valid_to=today + timedelta(days=3))
    western = shop.world.owner("粤BD12345", lot_id=WESTERN_LOT)
    top_up(shop.settings, shop.world.actor(), owner.owner_id, MoneyForm("500.00", "wechat"), uuid4().hex)
    shop.sell(owner, "299.99", "wallet")
    shop.sell(other, "88.88", "cash", "after_end")
    shop.sell(western, "0.01", "alipay")
    assert shop.lander.drain().records == 4
    shop.forget_marks()
    assert shop.lander.drain().records == 4
    assert (shop.waiting(), shop.lander.drain().records) == (0, 0)
    assert shop.raw("SELECT count(*), count(DISTINCT record_id) FROM lake.raw.renewal") == [(6, 3)]
    builder = DbtBuilder(shop.settings)
    refresh(shop.settings, builder=builder)
    reader = Reader(shop.settings)
    period = {"from": str(today - timedelta(days=2)), "to": str(today + timedelta(days=1))}

    def report(name: str, **parameters: str) -> list[dict[str, Any]]:
        result = access.run(find(name), reader, shop.settings, shop.world.actor(), {**period, **parameters}, "key")
        return result.frame().to_dicts()

    try:
        by_lot = {row["lot_code"]: row for row in report("renewal-statistics")}
        assert {name: by_lot["P1"][name] for name in ("amount", "wallet", "cash", "wechat", "renewals")} == {
            "amount": Decimal("388.87"),
            "wallet": Decimal("299.99"),
            "cash": Decimal("88.88"),
            "wechat": Decimal("0.00"),
            "renewals": 2,
        }
        assert (by_lot["P2"]["alipay"], by_lot["P2"]["amount"]) == (Decimal("0.01"), Decimal("0.01"))
        assert "P3" not in by_lot
        topped_up = {row["lot_code"]: row for row in report("renewal-statistics", kind="top_up")}
        assert (topped_up["P1"]["wechat"], topped_up["P1"]["amount"]) == (Decimal("500.00"), Decimal("500.00"))
        listed = {row["owner_name"]: row for row in report("renewals", kind="renewal", lot="P1")}
        assert len(listed) == 2
        sold = listed["初建春"]
        assert (sold["plate"], sold["amount"]) == ("鲁F00002", Decimal("88.88"))
        assert f"{sold['valid_to_before']:%Y-%m-%d %H:%M:%S}" == f"{today + timedelta(days=3)} 23:59:59"
        assert f"{sold['valid_from']:%Y-%m-%d %H:%M:%S}" == f"{today + timedelta(days=4)} 00:00:00"

        # Money at the counter is no word from the lot: a silent lot stays silent.
        with ops_session(shop.settings) as session:
            assert session.scalars(select(LotLive)).all() == []
        assert shop.raw("SELECT count(*) FROM lake.marts.rpt_upload_hour") == [(0,)]

        # A later crash is as harmless when the marts know the records already.
        shop.forget_marks()
        shop.lander.drain()
        refresh(shop.settings, builder=builder)
        again = {row["lot_code"]: row for row in report("renewal-statistics")}
        assert again == by_lot
    finally:
        reader.close()


def test_a_record_that_the_contract_refuses_is_kept_with_the_rejected_and_blocks_nothing(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.put({"kind": "renewal", "record_id": "cloud-renewal-1", "occurred_at": "2026-05-01T10:00:00Z"})
    shop.put({"kind": "renewal", "record_id": "x" * 200, "occurred_at": "soon", "amount": "1", "method": "cash"})
    shop.put({})
    shop.put({"kind": "heartbeat", "record_id": "cloud-1", "occurred_at": "2026-05-01T10:00:00Z"}, WESTERN_LOT)
    with caplog.at_level(logging.ERROR):
        summary = shop.lander.drain()
    assert (summary.records, summary.rejected, summary.error, shop.waiting()) == (1, 3, None, 0)
    assert caplog.text.count("a record of our own was refused") == 3
    rows = shop.raw("SELECT lot_id, source, code, record_id FROM lake.raw.rejected_record ORDER BY batch_seq, line")
    assert [(row[0], row[1]) for row in rows] == [(LOT, "cloud")] * 3
    assert (LOT, "cloud", "missing_field", "cloud-renewal-1") in rows
    first = shop.raw("SELECT DISTINCT reject_id FROM lake.raw.rejected_record ORDER BY 1")
    shop.forget_marks()
    shop.lander.drain()
    assert shop.raw("SELECT DISTINCT reject_id FROM lake.raw.rejected_record ORDER BY 1") == first


def test_a_record_that_cannot_be_judged_waits_and_holds_up_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.outbox._AT_ONCE", 2)
    for number in range(3):
        shop.put(_heartbeat(f"bad-{number}"), WESTERN_LOT)
    for number in range(3):
        shop.put(_heartbeat(f"good-{number}"))
    with ops_session(shop.settings) as session:
        session.get_one(Lot, WESTERN_LOT).time_zone = "Nowhere/At_All"
    summary = shop.lander.drain()
    assert (summary.records, shop.waiting()) == (3, 3)
    with ops_session(shop.settings) as session:
        session.get_one(Lot, WESTERN_LOT).time_zone = "Pacific/Pago_Pago"
    assert (shop.lander.drain().records, shop.waiting()) == (3, 0)


def test_what_the_lots_sent_lands_while_the_operational_store_is_away_and_the_outbox_follows(
    shop: Shop,
) -> None:
    shop.put(_heartbeat("own"))
    body = b'{"kind":"heartbeat","record_id":"sent","occurred_at":"2026-05-01T10:00:00Z"}'
    lines = decode_batch(body, "application/x-ndjson", LotContext(LOT, "P1", "Asia/Shanghai", 0), _now()).lines
    writer = SegmentWriter(shop.lander.journal)
    writer.append([lines])
    writer.seal()
    with ops_session(shop.settings) as session:
        session.connection().exec_driver_sql("alter table outbox_record rename to outbox_away")
    summary = shop.lander.drain()
    assert summary.records == 1
    assert "outbox_record" in (summary.error or "")
    with ops_session(shop.settings) as session:
        session.connection().exec_driver_sql("alter table outbox_away rename to outbox_record")
    assert shop.lander.drain().records == 1
    assert shop.raw("SELECT record_id, source FROM lake.raw.heartbeat ORDER BY 1") == [
        ("own", "cloud"),
        ("sent", "http"),
    ]


def test_two_landers_take_each_record_once(shop: Shop) -> None:
    for number in range(200):
        shop.put(_heartbeat(f"r{number}"))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: outbox.take(shop.settings, shop.lander.journal), range(4)))
    assert sorted(taken) == [0, 0, 0, 200]
    assert shop.lander.drain().records == 200


def _heartbeat(record_id: str) -> dict[str, Any]:
    return {"kind": "heartbeat", "record_id": record_id, "occurred_at": "2026-05-01T10:00:00Z"}
