"""The same questions to PostgreSQL, Polars and chdb, for the benchmark of reports.

Belongs here: loading what the questions need and asking. A peer answers with the number of rows of the whole filter,
after having fetched the page or the table, so that answers can be compared.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import psycopg

from warehouse.lake.connect import open_lake
from warehouse.settings import Settings

_STAY = (
    "lot_id, business_date, stay_id, entry_at, exit_at, plate, vehicle_class, charge_class, owner_name, exit_gate_id,"
    " exit_controller_id, release_mode, duration_seconds"
)
_METHODS = ("cash", "bank_card", "iou", "stored_value", "alipay", "wechat", "qr", "wallet", "receipt")


@dataclass(frozen=True)
class PeerQuestion:
    """What is asked: a page or a plate of exits, fees by lot, traffic by lot and class, over days first to last."""

    what: str
    first: date
    last: date
    offset: int = 0
    plate: str | None = None


class Peer(ABC):
    """An engine beside ours."""

    name: str

    @abstractmethod
    def ask(self, question: PeerQuestion) -> int:
        """Answer, and tell the number of rows of the whole filter."""

    def close(self) -> None:  # noqa: B027
        """Stop what was started; nothing by default."""


def _files(settings: Settings, table: str) -> list[str]:
    connection = open_lake(settings, read_only=True)
    try:
        rows = connection.execute(f"from ducklake_list_files('lake', '{table}', schema => 'marts')").fetchall()
    finally:
        connection.close()
    return [row[0] for row in rows]


def _sql(question: PeerQuestion, tables: dict[str, str]) -> list[str]:
    days = f"business_date >= '{question.first}' and business_date <= '{question.last}'"
    if question.what in ("page", "plate"):
        plate = f" and plate = '{question.plate}'" if question.plate else ""
        matching = f"from {tables['fct_stay']} where exit_at is not null and {days}{plate}"
        return [
            f"select count(*) {matching}",
            f"select {_STAY} {matching} order by business_date desc, exit_at desc, lot_id, stay_id"
            f" limit 50 offset {question.offset}",
        ]
    if question.what == "fees":
        sums = ", ".join(f"sum({method}) as {method}" for method in _METHODS)
        counted = (
            f"select lot_id, {sums} from {tables['rpt_fee_day']} where {days} and basis = 'payment' group by lot_id"
        )
        lots = f"{tables['dim_lot']} l left join ({counted}) c on c.lot_id = l.lot_id"
        return [f"select l.name, c.* from {lots} order by l.lot_id"]
    return [
        f"select lot_id, vehicle_class, sum(entries) as entries, sum(exits) as exits from {tables['rpt_traffic_hour']}"
        f" where {days} group by lot_id, vehicle_class order by lot_id, vehicle_class"
    ]


class PolarsPeer(Peer):
    """Polars, lazily over the lake's Parquet files."""

    name = f"polars {pl.__version__}"

    def __init__(self, settings: Settings) -> None:
        """Find the files."""
        self.tables = {
            table: pl.scan_parquet(_files(settings, table))
            for table in ("fct_stay", "rpt_fee_day", "rpt_traffic_hour", "dim_lot")
        }

    def ask(self, question: PeerQuestion) -> int:
        """Answer with lazy frames."""
        days = pl.col("business_date").is_between(question.first, question.last)
        if question.what in ("page", "plate"):
            matching = self.tables["fct_stay"].filter(days & pl.col("exit_at").is_not_null())
            if question.plate:
                matching = matching.filter(pl.col("plate") == question.plate)
            count = int(matching.select(pl.len()).collect().item())
            keys = ["business_date", "exit_at", "lot_id", "stay_id"]
            (
                matching.select(_STAY.split(", "))
                .sort(keys, descending=[True, True, False, False])
                .slice(question.offset, 50)
                .collect(engine="streaming")
            )
            return count
        if question.what == "fees":
            counted = (
                self.tables["rpt_fee_day"]
                .filter(days & (pl.col("basis") == "payment"))
                .group_by("lot_id")
                .agg([pl.col(method).sum() for method in _METHODS])
            )
            return self.tables["dim_lot"].join(counted, on="lot_id", how="left").sort("lot_id").collect().height
        traffic = self.tables["rpt_traffic_hour"].filter(days).group_by("lot_id", "vehicle_class")
        return (
            traffic.agg(pl.col("entries").sum(), pl.col("exits").sum()).sort("lot_id", "vehicle_class").collect().height
        )


class ChdbPeer(Peer):
    """ClickHouse in the process, over the lake's Parquet files."""

    def __init__(self, settings: Settings) -> None:
        """Find the files."""
        self.chdb: Any = importlib.import_module("chdb")
        self.name = f"chdb {self.chdb.__version__}"
        self.tables = {}
        for table in ("fct_stay", "rpt_fee_day", "rpt_traffic_hour", "dim_lot"):
            files = _files(settings, table)
            folder = os.path.commonpath([*files, os.path.dirname(files[0])])  # noqa: PTH120
            names = ",".join(os.path.relpath(file, folder) for file in files)
            # ClickHouse finds no alternatives that are absolute paths.
            self.tables[table] = f"file('{folder}/{{{names}}}', Parquet)"

    def ask(self, question: PeerQuestion) -> int:
        """Answer with ClickHouse's SQL."""
        answers = [self.chdb.query(sql, "CSV") for sql in _sql(question, self.tables)]
        if len(answers) == 2:
            return int(str(answers[0]).strip())
        return len(str(answers[0]).strip().splitlines())


class PostgresPeer(Peer):
    """A scratch PostgreSQL server with the rows and indexes that the questions want."""

    def __init__(self, settings: Settings, scratch: Path) -> None:
        """Start the server and load it; some minutes for ten million stays."""
        self.folder = scratch / "postgres"
        self.binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.name = f"postgres {self.binaries.parent.name}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder.mkdir()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, "postgres", "postgres")
            scratch.chmod(0o711)
        self._run("initdb", "-D", str(self.folder), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
        options = f"-p {self.port} -h 127.0.0.1 -k '' -c shared_buffers=1GB -c work_mem=128MB -c fsync=off"
        log = self.folder / "log"
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(log), "-o", options, "start")
        self.connection = psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        )
        self._load(settings)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _load(self, settings: Settings) -> None:
        self.connection.execute(
            "create table fct_stay (lot_id bigint, business_date date, stay_id text, entry_at timestamptz,"
            " exit_at timestamptz, plate text, vehicle_class text, charge_class text, owner_name text,"
            " exit_gate_id text, exit_controller_id text, release_mode text, duration_seconds bigint)"
        )
        methods = ", ".join(f"{method} numeric(18,2)" for method in _METHODS)
        self.connection.execute(f"create table rpt_fee_day (lot_id bigint, business_date date, basis text, {methods})")
        self.connection.execute(
            "create table rpt_traffic_hour (lot_id bigint, business_date date, vehicle_class text, entries bigint,"
            " exits bigint)"
        )
        self.connection.execute("create table dim_lot (lot_id bigint, name text)")
        lake = open_lake(settings, read_only=True)
        columns = {
            "fct_stay": _STAY,
            "rpt_fee_day": f"lot_id, business_date, basis, {', '.join(_METHODS)}",
            "rpt_traffic_hour": "lot_id, business_date, vehicle_class, entries, exits",
            "dim_lot": "lot_id, name",
        }
        for table, names in columns.items():
            file = self.folder.parent / f"{table}.csv"
            lake.execute(f"copy (select {names} from lake.marts.{table}) to '{file}' (format csv, header false)")
            copy = f"copy {table} ({names}) from stdin (format csv)"
            with self.connection.cursor() as cursor, file.open("rb") as source, cursor.copy(copy) as copying:
                while block := source.read(1 << 20):
                    copying.write(block)
            file.unlink()
        lake.close()
        for index in (
            "fct_stay (business_date desc, exit_at desc, lot_id, stay_id)",
            "fct_stay (plate)",
            "rpt_fee_day (business_date, lot_id)",
            "rpt_traffic_hour (business_date, lot_id)",
        ):
            self.connection.execute(f"create index on {index}")
        self.connection.execute("vacuum analyze")

    def ask(self, question: PeerQuestion) -> int:
        """Answer with SQL."""
        tables = {name: name for name in ("fct_stay", "rpt_fee_day", "rpt_traffic_hour", "dim_lot")}
        answers = [self.connection.execute(sql).fetchall() for sql in _sql(question, tables)]
        return int(answers[0][0][0]) if len(answers) == 2 else len(answers[0])

    def close(self) -> None:
        """Stop the server."""
        self.connection.close()
        self._run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "stop")


def polars_peer(settings: Settings) -> Peer:
    """Polars over this lake."""
    return PolarsPeer(settings)


def chdb_peer(settings: Settings) -> Peer:
    """An in-process ClickHouse over this lake."""
    return ChdbPeer(settings)


def postgres_peer(settings: Settings, scratch: Path) -> Peer:
    """A PostgreSQL server started and loaded for this benchmark."""
    return PostgresPeer(settings, scratch)
