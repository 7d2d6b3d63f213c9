"""Random histories of uploads: what many lots send, late, twice, corrected, moved, voided, orphaned."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from ingest.landing import LandingRequest, land
from warehouse.lake.raw_tables import KINDS, REJECTED_COLUMNS, raw_table_columns
from warehouse.settings import Settings

Record = dict[str, Any]
METHODS = ("cash", "wechat", "alipay", "wallet", "iou")
START = datetime(2026, 3, 20, tzinfo=UTC)

ARROW_TYPES = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "VARCHAR": pa.string(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
    "BOOLEAN": pa.bool_(),
}


@dataclass
class LotHistory:
    """One lot's random sequence; ``sent`` keeps every version ever sent, in order."""

    lot_id: int
    zone: ZoneInfo
    cutover_minutes: int
    rnd: random.Random
    sent: list[tuple[str, Record]] = field(default_factory=list)
    counter: int = 0

    def placed(self, record: Record) -> Record:
        """Fill the common columns that follow from the event time."""
        local = record["occurred_at"].astimezone(self.zone).replace(tzinfo=None)
        day = (local - timedelta(minutes=self.cutover_minutes)).date()
        received_at = record["occurred_at"] + timedelta(seconds=self.rnd.randint(0, 9000))
        return (
            {
                "lot_id": self.lot_id,
                "revision": 0,
                "op": "upsert",
                "mode": "live",
                "source": "file:test" if self.counter % 5 == 0 else "test",
                "received_at": received_at,
                "lot_clock": received_at + timedelta(seconds=self.counter * 37 % 900) if self.counter % 3 else None,
                "marks": "no_plate" if self.counter % 4 == 0 else None,
            }
            | record
            | {"local_at": local, "business_date": day}
        )

    def new_id(self) -> str:
        self.counter += 1
        return f"r{self.counter}"

    def moment(self) -> datetime:
        # Some far enough back to lie about as long before the others as pairing reaches, or long before that.
        back = self.rnd.choice([0] * 8 + [61, 200])
        return START + timedelta(days=self.rnd.randint(0, 12) - back, seconds=self.rnd.randint(0, 86399))

    def plate(self) -> str | None:
        return self.rnd.choice([None, "粤B11111", "粤B22222", "粤B33333", "粤BD44444"])

    def fresh(self) -> list[tuple[str, Record]]:
        """New records of a random sort."""
        rnd, at, plate = self.rnd, self.moment(), self.plate()
        sort = rnd.choice(["stay"] * 5 + ["orphan", "entry", "charge", "renewal", "device", "alarm", "other"])
        if sort == "stay":
            entry_id, inner = self.new_id(), rnd.random() < 0.2
            entry = {"record_id": entry_id, "occurred_at": at, "plate": plate, "vehicle_class": "temporary"}
            leave = at + timedelta(seconds=rnd.choice([0, 1, 600, 7200, 40000, 90000, 300000, -50]))
            exit_ = {
                "record_id": self.new_id(),
                "occurred_at": leave,
                "plate": plate if rnd.random() < 0.8 else self.plate(),
                "vehicle_class": "temporary",
                "gate_id": rnd.choice(["g1", "g2", None]),
                "entry_record_id": entry_id if rnd.random() < 0.4 else None,
                "entered_at": at if rnd.random() < 0.3 else None,
            }
            area = {"area_id": rnd.choice(["a", "b"])} if inner else {}
            prefix = "inner_" if inner else ""
            return [(prefix + "entry", entry | area), (prefix + "exit", exit_ | area)]
        if sort == "orphan":
            claim = at - timedelta(seconds=rnd.choice([60, 90000])) if rnd.random() < 0.5 else None
            return [("exit", {"record_id": self.new_id(), "occurred_at": at, "plate": plate, "entered_at": claim})]
        if sort == "entry":
            return [("entry", {"record_id": self.new_id(), "occurred_at": at, "plate": plate})]
        if sort == "charge":
            charge_id = self.new_id()
            received, discount = Decimal(rnd.randint(0, 5000)) / 100, Decimal(rnd.randint(0, 300)) / 100
            charge: Record = {
                "record_id": charge_id,
                "occurred_at": at,
                "exited_at": at + timedelta(hours=rnd.choice([0, 1, 30])) if rnd.random() < 0.7 else None,
                "receivable": received + discount,
                "discount": discount,
                "waived": Decimal(0),
                "received": received,
                "uncollected": Decimal(0),
                "booth": rnd.choice(["东岗亭", "西岗亭", None]),
            }
            if rnd.random() < 0.2:
                half = (received / 2).quantize(Decimal("0.01"))
                charge["payments"] = (
                    f'[{{"method":"cash","amount":"{half}"}},{{"method":"wechat","amount":"{received - half}"}}]'
                )
            else:
                charge["method"] = rnd.choice(METHODS)
            refund = {
                "record_id": self.new_id(),
                "occurred_at": at + timedelta(days=rnd.randint(0, 3)),
                "charge_record_id": charge_id,
                "amount": Decimal(rnd.randint(1, 200)) / 100,
                "method": rnd.choice(METHODS),
            }
            return [("charge", charge)] + ([("refund", refund)] if rnd.random() < 0.3 else [])
        if sort == "renewal":
            money = {"amount": Decimal(rnd.randint(1, 90000)) / 100, "method": rnd.choice(METHODS)}
            kind = rnd.choice(["renewal", "top_up"])
            return [(kind, {"record_id": self.new_id(), "occurred_at": at, "plate": plate} | money)]
        if sort == "device":
            return [
                (
                    "device_state",
                    {
                        "record_id": self.new_id(),
                        "occurred_at": at,
                        "device_id": rnd.choice(["d1", "d2"]),
                        "device_type": "camera",
                        "state": rnd.choice(["online", "offline", "fault"]),
                    },
                )
            ]
        if sort == "alarm":
            alarm_id = rnd.choice(["x1", "x2", self.new_id()])
            body = {"alarm_id": alarm_id, "alarm_type": "device_offline", "level": "warning"}
            return [
                (
                    "alarm",
                    {
                        "record_id": self.new_id(),
                        "occurred_at": at + timedelta(minutes=rnd.randint(0, 90)),
                        "event": rnd.choice(["raised", "recovered"]),
                    }
                    | body,
                )
                for _ in range(rnd.randint(1, 4))
            ]
        kind = rnd.choice(["heartbeat", "gate_opening", "shift", "free_space_count", "invoice", "snapshot"])
        extra = {"free_space_count": {"free_spaces": rnd.randint(0, 50)}, "invoice": {"amount": Decimal("7.00")}}.get(
            kind, {}
        )
        return [(kind, {"record_id": self.new_id(), "occurred_at": at} | extra)]

    def changed(self) -> list[tuple[str, Record]]:
        """Something sent before, again: as it was, corrected, moved to another day, voided, or an older version."""
        rnd = self.rnd
        kind, old = rnd.choice(self.sent)
        versions = [record for k, record in self.sent if k == kind and record["record_id"] == old["record_id"]]
        newest = max(versions, key=lambda record: record["revision"])
        sort = rnd.choice(["again", "again_moved", "stale", "corrected", "moved", "voided"])
        if sort == "again":
            return [(kind, dict(old))]
        if sort == "again_moved":  # a careless sender: same revision, another day; the first one stays
            return [(kind, dict(old) | {"occurred_at": old["occurred_at"] + timedelta(days=rnd.choice([-2, 1]))})]
        if sort == "stale":
            return [(kind, dict(min(versions, key=lambda record: record["revision"])))]
        change: Record = {"revision": newest["revision"] + 1, "op": "upsert"}
        if sort == "moved":
            change["occurred_at"] = newest["occurred_at"] + timedelta(days=rnd.choice([-3, -1, 1, 2]))
        elif sort == "voided":
            change["op"] = "void"
        elif kind in {"entry", "exit", "inner_entry", "inner_exit"}:
            change["plate"] = self.plate()
        elif kind in {"renewal", "top_up", "refund"}:
            change["amount"] = Decimal(rnd.randint(1, 90000)) / 100
        elif kind == "device_state":
            change["device_id"] = rnd.choice(["d1", "d2", "d3"])
        elif kind == "alarm":
            change["alarm_id"] = rnd.choice(["x1", "x2"])
        return [(kind, dict(newest) | change)]

    def batch(self) -> list[tuple[str, Record]]:
        """What the lot sends in one round; often nothing."""
        records: list[tuple[str, Record]] = []
        for _ in range(self.rnd.choice([0, 0, 1, 2, 4])):
            if self.sent and self.rnd.random() < 0.45:
                records += self.changed()
            else:
                records += self.fresh()
        if self.rnd.random() < 0.2:
            self.rnd.shuffle(records)
        placed = [(kind, self.placed(record)) for kind, record in records]
        self.sent += placed
        return placed


def refused_of(batch_id: str, records: list[tuple[str, Record]]) -> list[Record]:
    """Every seventh record once more as one that was refused, and some as a replay of it or of nobody's lot."""
    return [
        {
            "reject_id": f"{batch_id}:{row}",
            "lot_id": record["lot_id"] if row % 3 else None,
            "kind": kind,
            "code": "bad_value",
            "received_at": record["received_at"],
            "source": record["source"],
            "replay_of": "elsewhere" if row % 5 == 0 else None,
        }
        for row, (kind, record) in enumerate(records)
        if row % 7 == 0
    ]


def land_records(
    connection: duckdb.DuckDBPyConnection, settings: Settings, batch_id: str, records: list[tuple[str, Record]]
) -> None:
    """Land records through the real landing, and some of them as refused ones too."""
    tables: dict[str, str] = {}
    for kind in KINDS:
        rows = [record | {"batch_row": row} for row, (k, record) in enumerate(records) if k == kind]
        if not rows:
            continue
        columns = {name: sort for name, sort in raw_table_columns(kind).items() if name != "batch_seq"}
        table = pa.table(
            {name: pa.array([row.get(name) for row in rows], type=ARROW_TYPES[sort]) for name, sort in columns.items()}
        )
        connection.register(f"batch_{kind}", table)
        tables[kind] = f"batch_{kind}"
    refused = refused_of(batch_id, records)
    columns = {name: sort for name, sort in REJECTED_COLUMNS.items() if name != "batch_seq"}
    connection.register(
        "batch_refused",
        pa.table(
            {
                name: pa.array([row.get(name) for row in refused], type=ARROW_TYPES[sort])
                for name, sort in columns.items()
            }
        ),
    )
    request = LandingRequest(batch_id, "test", batch_id, len(records), len(records), 0, len(refused))
    land(connection, settings, request, tables, "batch_refused")
