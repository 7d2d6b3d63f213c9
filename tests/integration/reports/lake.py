# ruff: noqa: E501
"""A small lake whose marts have the columns of the dbt contracts, filled by hand and published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import yaml

from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.publish import end_build, publish, start_build
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import writer_lock
from warehouse.ops.models import Lot, Node, Operator
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import PROJECT_ROOT, Settings

AS_OF = datetime(2019, 5, 8, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
SHANGHAI = timedelta(hours=8)


def contract_columns() -> dict[str, dict[str, str]]:
    """Model to column to type, as the dbt contracts have them."""
    models: dict[str, dict[str, str]] = {}
    for file in sorted((PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*/*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            models[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return models


def utc(text: str) -> datetime:
    """The instant at which Shanghai's clocks show ``text``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - SHANGHAI


class Lake:
    """Marts to be filled and published."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.builds = 0
        self.rows: dict[str, list[dict[str, Any]]] = {}
        migrate(settings)
        create_lake(settings)
        connection = open_lake(settings)
        try:
            connection.execute("begin")
            connection.execute("create schema lake.marts")
            for model, columns in contract_columns().items():
                body = ", ".join(f"{name} {kind}" for name, kind in columns.items())
                connection.execute(f"create table lake.marts.{model} ({body})")
            connection.execute("commit")
        finally:
            connection.close()

    def write(self, work: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        with writer_lock(self.settings):
            connection = open_lake(self.settings)
            try:
                work(connection)
            finally:
                connection.close()

    def add(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows; columns that a row does not name are null."""
        schema = "raw" if table == "rejected_record" else "marts"

        self.rows.setdefault(f"{schema}.{table}", []).extend(rows)

    def flush(self) -> None:
        """Write what was added, one insert per table."""

        def insert(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute("begin")
            for table, rows in self.rows.items():
                columns = sorted({name for row in rows for name in row})
                marks = ", ".join(f"({', '.join('?' for _ in columns)})" for _ in rows)
                values = [row.get(name) for row in rows for name in columns]
                connection.execute(f"insert into lake.{table} ({', '.join(columns)}) values {marks}", values)
            connection.execute("commit")

        self.write(insert)
        self.rows.clear()

    def sql(self, text: str) -> None:
        self.write(lambda connection: connection.execute(text) and None)

    def count(self) -> None:
        """Fill the marts that count stays, charges and renewals by hour and day from the facts."""
        self.flush()
        passage = """
            select s.lot_id, {day} as business_date, date_trunc('hour', {at}) as hour_started_at,
                date_trunc('hour', {local}) as local_hour, s.is_inner, {gate} as gate_id, s.vehicle_class,
                {entries} as entries, {exits} as exits
            from lake.marts.fct_stay as s join lake.marts.dim_lot as l on l.lot_id = s.lot_id where {where}
        """
        local = "timezone(l.time_zone, s.entry_at)"
        entries = passage.format(
            day=f"({local} - to_minutes(l.cutover_minutes))::date",
            at="s.entry_at",
            local=local,
            gate="s.entry_gate_id",
            entries=1,
            exits=0,
            where="s.entry_source = 'record'",
        )
        exits = passage.format(
            day="s.business_date",
            at="s.exit_at",
            local="s.exit_local_at",
            gate="s.exit_gate_id",
            entries=0,
            exits=1,
            where="s.exit_at is not null",
        )
        self.sql(f"""
            insert into lake.marts.rpt_traffic_hour by name
            select * replace (sum(entries) as entries, sum(exits) as exits) from ({entries} union all {exits}) group by all
        """)
        self.sql("""
            insert into lake.marts.rpt_stay_day by name
            select lot_id, business_date, vehicle_class,
                count(*) filter (where state = 'closed' and not is_bad) as stays,
                count(*) filter (where is_bad) as bad_stays, count(*) filter (where state = 'orphan_exit') as orphan_exits,
                count(*) filter (where state = 'missing_exit') as missing_exits,
                count(*) filter (where state = 'open') as open_stays
            from lake.marts.fct_stay where not is_inner group by all
        """)
        methods = ", ".join(f"sum({method}) as {method}" for method in METHODS)
        for basis, day in (("payment", "business_date"), ("exit", "exit_business_date")):
            self.sql(f"""
                insert into lake.marts.rpt_fee_day by name
                select lot_id, {day} as business_date, '{basis}' as basis, booth,
                    count(*) filter (where kind = 'charge') as charges, count(*) filter (where kind = 'refund') as refunds,
                    sum(receivable) as receivable, sum(discount) as discount, sum(waived) as waived,
                    sum(received) as received, sum(uncollected) as uncollected, {methods},
                    count(*) filter (where not is_balanced) as unbalanced
                from lake.marts.fct_charge where {day} is not null group by lot_id, {day}, booth
            """)
        self.sql(f"""
            insert into lake.marts.rpt_renewal_day by name
            select lot_id, business_date, kind, count(*) as renewals, sum(amount) as amount, {methods}
            from lake.marts.fct_renewal group by lot_id, business_date, kind
        """)

    def publish(self, as_of: datetime = AS_OF) -> int:
        self.flush()
        self.builds += 1
        build = f"build-{self.builds}"
        start_build(self.settings, build, is_full=True)
        connection = open_lake(self.settings, read_only=True)
        snapshot = current_snapshot(connection)
        connection.close()
        end_build(self.settings, build, state="green")
        publish(self.settings, build, snapshot, as_of)
        return snapshot


def dim_lot(lot_id: int, code: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "lot_id": lot_id,
        "code": code,
        "name": name,
        "customer_id": 10 + lot_id // 10,
        "customer_name": "客户",
        "time_zone": "Asia/Shanghai",
        "cutover_minutes": 0,
        "is_test": False,
        "is_void": False,
        **more,
    }


def stay(lot_id: int, number: int, entry: str | None, exit_: str | None, **more: Any) -> dict[str, Any]:
    """A stay of fct_stay from wall-clock times of Shanghai."""
    entry_at, exit_at = (utc(text) if text else None for text in (entry, exit_))
    both = entry_at is not None and exit_at is not None
    seconds = int((exit_at - entry_at).total_seconds()) if both else None
    state = "closed" if both else ("open" if entry_at else "orphan_exit")
    row = {
        "lot_id": lot_id,
        "business_date": (exit_ or entry or "")[:10],
        "stay_id": f"stay-{number}",
        "is_inner": False,
        "state": state,
        "entry_record_id": f"e{number}" if entry else None,
        "exit_record_id": f"x{number}" if exit_ else None,
        "entry_at": entry_at,
        "exit_at": exit_at,
        "exit_local_at": datetime.fromisoformat(exit_) if exit_ else None,
        "entry_source": "record" if entry else None,
        "plate": f"鲁F{number:05d}",
        "vehicle_class": "temporary",
        "charge_class": "temporary",
        "entry_gate_id": "g1",
        "exit_gate_id": "g2",
        "entry_controller_id": "c1",
        "exit_controller_id": "c2",
        "release_mode": "automatic",
        "duration_seconds": seconds,
        "is_bad": seconds is not None and seconds < 0,
        **more,
    }
    row.setdefault("entry_plate", row["plate"] if entry else None)
    row.setdefault("exit_plate", row["plate"] if exit_ else None)
    return row


METHODS = ("cash", "bank_card", "iou", "stored_value", "alipay", "wechat", "qr", "wallet", "receipt")


def fee_day(lot_id: int, date: str, booth: str | None, discount: str = "0", **methods: str) -> dict[str, Any]:
    """A row of rpt_fee_day on the payment basis, received in full after the discount."""
    amounts = {method: Decimal(methods.get(method, "0")) for method in METHODS}
    received = sum(amounts.values(), Decimal(0))
    return {
        "lot_id": lot_id,
        "business_date": date,
        "basis": "payment",
        "booth": booth,
        "charges": 3,
        "refunds": 0,
        "receivable": received + Decimal(discount),
        "discount": Decimal(discount),
        "waived": Decimal(0),
        "received": received,
        "uncollected": Decimal(0),
        **amounts,
        "unbalanced": 0,
    }


def renewal_day(lot_id: int, date: str, kind: str = "renewal", **methods: str) -> dict[str, Any]:
    amounts = {method: Decimal(methods.get(method, "0")) for method in METHODS}
    return {
        "lot_id": lot_id,
        "business_date": date,
        "kind": kind,
        "renewals": 1,
        "amount": sum(amounts.values(), Decimal(0)),
        **amounts,
    }


def device(lot_id: int, device_id: str, device_type: str, number: str, **more: Any) -> dict[str, Any]:
    return {
        "lot_id": lot_id,
        "device_id": device_id,
        "device_type": device_type,
        "number": number,
        "name": f"{device_type} {number}",
        "is_virtual": False,
        "state": "online",
        "reported_at": AS_OF,
        **more,
    }


def add_tree(settings: Settings) -> None:
    """Platform, an agent, two customers; lots 1, 2 of the first and 21 of the second; logins at each level."""
    with ops_session(settings) as session:
        platform = Node(node_id=1, parent_id=None, level="platform", code="platform", name="平台")
        agent = Node(node_id=2, parent_id=1, level="agent", code="agent", name="代理商")
        first = Node(node_id=3, parent_id=2, level="customer", code="first", name="客户一")
        second = Node(node_id=4, parent_id=1, level="customer", code="second", name="客户二")
        for node in (platform, agent, first, second):
            session.add(node)
            session.flush()
        for lot_id, code, customer in ((1, "LOT1", 3), (2, "LOT2", 3), (21, "LOT21", 4)):
            session.add(Lot(lot_id=lot_id, customer_id=customer, code=code, name=code))
        session.flush()
        for login, node, lot, active in (
            ("root", 1, None, True),
            ("agent", 2, None, True),
            ("second", 4, None, True),
            ("guard", 3, 2, True),
            ("gone", 1, None, False),
        ):
            session.add(
                Operator(
                    login=login, name=login, password_hash="-", role_id=1, node_id=node, lot_id=lot,
                    is_active=active, created_at=AS_OF,
                )
            )  # fmt: skip


def fill(lake: Lake) -> None:
    """Two days of three lots of two customers; every mart that a report reads has rows of each lot."""
    lake.add(
        "dim_lot",
        [
            dim_lot(1, "LOT1", "一号停车场", address="山东省莱山区"),
            dim_lot(2, "LOT2", "二号停车场"),
            dim_lot(21, "LOT21", "别家停车场", address="上海市"),
        ],
    )
    lake.add("dim_area", [{"lot_id": 1, "area_id": "b1", "name": "地下一层", "is_inner": True}])
    lake.add(
        "dim_capacity",
        [
            {"lot_id": lot_id, "valid_from": "2019-01-01", "valid_to": None, "spaces": spaces}
            for lot_id, spaces in ((1, 2), (2, 100), (21, 50))
        ],
    )
    for lot_id in (1, 2, 21):
        lake.add(
            "dim_device",
            [
                device(lot_id, "c1", "controller", "01", name="入口控制机", gate_id="g1", gate_name="南门入口",
                       direction="entry", ip="10.0.0.1", vehicle_classes="temporary,long_term"),
                device(lot_id, "c2", "controller", "02", name="出口控制机", gate_id="g2", gate_name="南门出口",
                       direction="exit", ip="10.0.0.1", vehicle_classes="free", state="offline"),
                device(lot_id, "k1", "camera", "01", gate_id="g1", gate_name="南门入口", direction="entry"),
                device(lot_id, "t1", "terminal", "T1", login_operator="张三"),
                device(lot_id, "p1", "pay_station", "P1", download_state="downloaded", guidance_enabled=True),
                device(lot_id, "d1", "display", "D1", download_state="pending", state="fault"),
            ],
        )  # fmt: skip
        lake.add(
            "fct_stay",
            [
                stay(lot_id, 1, "2019-05-08 12:03:47", "2019-05-08 13:18:32", owner_name="初建春"),
                stay(lot_id, 2, "2019-05-08 13:17:53", "2019-05-08 13:19:29", exit_controller_id=None),
                stay(
                    lot_id, 3, "2019-05-07 23:50:00", "2019-05-08 00:10:00", exit_controller_id=None, exit_gate_id="g9"
                ),
                stay(lot_id, 4, "2019-05-08 14:00:00", None),
                stay(lot_id, 5, None, "2019-05-07 09:00:00", plate=None),
                stay(lot_id, 6, "2019-05-08 15:00:00", "2019-05-08 14:00:00"),
                stay(lot_id, 7, "2019-05-08 10:00:00", "2019-05-08 11:00:00", is_inner=True, area_id="b1"),
                stay(lot_id, 8, "2019-05-07 08:00:00", None, state="missing_exit"),
            ],
        )
        lake.add(
            "fct_passage",
            [
                {
                    "lot_id": lot_id, "business_date": local[:10], "kind": kind, "record_id": record,
                    "direction": kind, "is_inner": False, "occurred_at": utc(local), "local_at": local,
                    "vehicle_class": "temporary", "gate_id": "g1", "mode": "live", "received_at": utc(local),
                }
                for kind, record, local in (
                    ("entry", "e1", "2019-05-08 12:03:47"),
                    ("exit", "x1", "2019-05-08 13:18:32"),
                    ("entry", "e8", "2019-05-07 08:00:00"),
                )
            ],
        )  # fmt: skip
        for date in ("2019-05-07", "2019-05-08"):
            for hour in range(24):
                local = f"{date} {hour:02d}:00:00"
                lake.add(
                    "rpt_occupancy_hour",
                    [{"lot_id": lot_id, "business_date": date, "hour_started_at": utc(local), "local_hour": local,
                      "occupied_seconds": 1800 * hour, "window_seconds": 3600, "peak": hour, "opening": 0,
                      "closing": hour}],
                )  # fmt: skip
        for date, hour, records in (("2019-05-07", 8, 10), ("2019-05-08", 8, 6), ("2019-05-08", 12, 4)):
            local = f"{date} {hour:02d}:00:00"
            lake.add(
                "rpt_upload_hour",
                [{"lot_id": lot_id, "business_date": date, "hour_started_at": utc(local), "local_hour": local,
                  "kind": "entry", "records": records, "live": records - 1, "backfill": 1, "late": 1,
                  "max_delay_seconds": 4000, "last_received_at": utc(local)}],
            )  # fmt: skip
        if lot_id != 2:
            lake.add("fct_charge", charges(lot_id))
        lake.add("fct_renewal", renewals(lot_id))
        lake.add(
            "fct_invoice",
            [{"lot_id": lot_id, "business_date": "2019-05-08", "record_id": "i1", "occurred_at": utc("2019-05-08 09:00:00"),
              "local_at": "2019-05-08 09:00:00", "charge_record_id": "c1", "plate": "鲁F00001", "amount": "8.80",
              "invoice_number": "000123", "invoice_type": "blue", "status": "issued",
              "issued_at": utc("2019-05-08 09:05:00")}],
        )  # fmt: skip
        lake.add(
            "fct_alarm",
            [
                {"lot_id": lot_id, "business_date": "2019-05-08", "record_id": "r1", "alarm_id": "a1", "alarm_type": "device_offline",
                 "level": "critical", "device_id": "c1", "device_type": "controller", "gate_id": "g1", "message": "离线",
                 "raised_at": utc("2019-05-08 10:00:00")},
                {"lot_id": lot_id, "business_date": "2019-05-07", "record_id": "r2", "alarm_id": "a2", "alarm_type": "abnormal_opening",
                 "level": "warning", "gate_id": "g2", "raised_at": utc("2019-05-07 10:00:00"),
                 "recovered_at": utc("2019-05-08 22:00:00"), "duration_seconds": 129600},
            ],
        )  # fmt: skip
        lake.add(
            "rpt_device_day",
            [{"lot_id": lot_id, "business_date": "2019-05-07", "device_id": "c1", "device_type": "controller",
              "online_seconds": 43200, "offline_seconds": 43200, "fault_seconds": 0, "unknown_seconds": 0}],
        )  # fmt: skip
        lake.add(
            "fct_free_space",
            [{"lot_id": lot_id, "business_date": "2019-05-08", "record_id": "f1",
              "occurred_at": utc("2019-05-08 20:00:00"), "local_at": "2019-05-08 20:00:00", "free_spaces": 7}],
        )  # fmt: skip
        lake.add("rejected_record", rejected(lot_id))
    lake.add("rejected_record", [rejected_row("unknown-lot", None)])
    lake.count()


def charges(lot_id: int) -> list[dict[str, Any]]:
    def charge(record: str, local: str, amount: str, **more: Any) -> dict[str, Any]:
        amounts: dict[str, Any] = {method: Decimal(0) for method in METHODS}
        amounts |= {"discount": Decimal(0), "waived": Decimal(0), "uncollected": Decimal(0)}
        return {
            "lot_id": lot_id, "business_date": local[:10], "record_id": record, "kind": "charge",
            "occurred_at": utc(local), "local_at": local, "plate": "鲁F00001", "vehicle_class": "temporary",
            "exit_business_date": local[:10], "exited_at": utc(local), "entered_at": utc(local) - timedelta(hours=1),
            "receivable": Decimal(amount), "received": Decimal(amount), "booth": "岗亭", "collector_name": "李四",
            "is_balanced": True, **amounts, **more,
        }  # fmt: skip

    return [
        charge("c1", "2019-05-08 13:18:00", "425.00", method="cash", cash=Decimal("20.00"), discount=Decimal("405.00"),
               received=Decimal("20.00")),
        charge("c2", "2019-05-08 23:59:00", "70.00", alipay=Decimal("65.00"), wechat=Decimal("5.00"),
               booth="手动开闸", exit_business_date="2019-05-09"),
        charge("c3", "2019-05-07 11:00:00", "3.46", iou=Decimal("1.06"), wallet=Decimal("2.10"),
               receipt=Decimal("0.30"), booth=None),
        charge("c1", "2019-05-06 11:00:00", "0.00", kind="refund", received=Decimal("-3.00"), uncollected=Decimal("3.00"),
               cash=Decimal("-3.00"), method="cash"),
    ]  # fmt: skip


def renewals(lot_id: int) -> list[dict[str, Any]]:
    amounts: dict[str, Any] = {method: Decimal(0) for method in METHODS}
    common = {
        "lot_id": lot_id,
        "business_date": "2019-05-08",
        "plate": "鲁F00001",
        "owner_name": "王健",
        "method": "cash",
    }
    return [
        {**common, **amounts, "record_id": "r1", "kind": "renewal", "occurred_at": utc("2019-05-08 09:00:00"),
         "local_at": "2019-05-08 09:00:00", "amount": Decimal("300.00"), "cash": Decimal("300.00"),
         "valid_to": utc("2019-06-08 00:00:00")},
        {**common, **amounts, "record_id": "r1", "kind": "top_up", "occurred_at": utc("2019-05-08 09:00:00"),
         "local_at": "2019-05-08 09:00:00", "amount": Decimal("50.05"), "cash": Decimal("50.05"),
         "balance_after": Decimal("80.00")},
    ]  # fmt: skip


def rejected_row(reject_id: str, lot_id: int | None, **more: Any) -> dict[str, Any]:
    return {
        "reject_id": reject_id, "lot_id": lot_id, "kind": "charge", "record_id": "z", "code": "bad_money",
        "reason_zh": "金额不对", "reason_en": "bad money", "received_at": utc("2019-05-08 09:00:00"), "source": "http",
        "line": 1, "payload": "{}", **more,
    }  # fmt: skip


def rejected(lot_id: int) -> list[dict[str, Any]]:
    return [
        rejected_row(f"open-{lot_id}", lot_id),
        rejected_row(f"done-{lot_id}", lot_id),
        rejected_row(f"again-{lot_id}", lot_id, replay_of=f"open-{lot_id}", replay_state="refused"),
        rejected_row(f"ok-{lot_id}", lot_id, replay_of=f"done-{lot_id}", replay_state="accepted"),
    ]
