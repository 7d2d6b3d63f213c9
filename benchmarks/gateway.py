"""Uploads a second and acknowledgement times of the gateway, beside inserting the same records into PostgreSQL.

Everything runs on this machine: a real gateway process (fsync before each answer), a client process with several
connections that sign and send batches, and for comparison a scratch PostgreSQL with ``synchronous_commit`` on. Prints a
table and, with ``--json``, one JSON object. Run it on a machine with nothing else to do.

    python benchmarks/gateway.py [--seconds 20] [--batch 500] [--connections 8] [--with-lander] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ingest.gateway.client import GatewayClient  # noqa: E402
from warehouse.lake.schema import create_lake  # noqa: E402
from warehouse.ops.models import Lot, Node  # noqa: E402
from warehouse.ops.session import migrate, ops_session  # noqa: E402
from warehouse.security.credentials import create_credential  # noqa: E402
from warehouse.settings import Settings  # noqa: E402

PARK = [sys.executable, "-c", "from warehouse.cli import main; main()"]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def records(prefix: str, count: int) -> list[dict[str, Any]]:
    """A mix as lots send it: two passages to one charge, now and then a device state."""
    start = datetime.now(UTC) - timedelta(hours=1)
    made: list[dict[str, Any]] = []
    for number in range(count):
        at = (start + timedelta(seconds=number)).isoformat(timespec="seconds")
        common = {"record_id": f"{prefix}-{number:06d}", "occurred_at": at}
        plate = f"粤B{10_000 + number % 90_000}"
        match number % 5:
            case 0 | 1:
                made.append(common | {"kind": "entry", "plate": plate, "vehicle_class": "temporary", "gate_id": "G1"})
            case 2 | 3:
                made.append(
                    common
                    | {"kind": "exit", "plate": plate, "vehicle_class": "temporary", "gate_id": "G2"}
                    | {"entered_at": (start - timedelta(hours=2)).isoformat(), "release_mode": "automatic"}
                )
            case _:
                made.append(
                    common
                    | {"kind": "charge", "plate": plate, "receivable": "12.50", "discount": "2.50", "waived": "0.00"}
                    | {"received": "10.00", "uncollected": "0.00", "method": "wechat", "booth": "A"}
                )
    return made


def measure_sending(url: str, keys: list[tuple[str, str, str]], batch: int, seconds: float) -> dict[str, Any]:
    """Send batches over one connection per key; seconds of every acknowledgement. Runs in the client process."""
    times: list[list[float]] = [[] for _ in keys]
    problems: list[str] = []
    barrier = threading.Barrier(len(keys) + 1)
    ends = [0.0]

    def send(number: int) -> None:
        code, key_id, secret = keys[number]
        # The records themselves are made beforehand; encoding ids anew, signing and sending are measured.
        body = msgspec.json.encode({"records": records("@@@@@@@@", batch)})
        with GatewayClient(url, code, key_id, secret, attempts=1) as client:
            client.send_body(body.replace(b"@@@@@@@@", b"warm%04d" % number))
            barrier.wait()
            turn = 0
            while time.perf_counter() < ends[0]:
                turn += 1
                started = time.perf_counter()
                answer = client.send_body(body.replace(b"@@@@@@@@", b"%02d%06d" % (number, turn)))
                times[number].append(time.perf_counter() - started)
                if answer["accepted"] != batch:
                    problems.append(json.dumps(answer)[:300])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(keys))]
    for thread in threads:
        thread.start()
    ends[0] = time.perf_counter() + seconds + 1
    barrier.wait()
    started, cpu_started = time.perf_counter(), time.process_time()
    ends[0] = started + seconds
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    cpu = time.process_time() - cpu_started
    if problems:
        raise SystemExit(f"not every record was accepted: {problems[0]}")
    all_times = sorted(one for thread_times in times for one in thread_times)
    return {
        "records": len(all_times) * batch,
        "seconds": elapsed,
        "records_per_second": len(all_times) * batch / elapsed,
        "p50_ms": quantile(all_times, 0.50) * 1000,
        "p99_ms": quantile(all_times, 0.99) * 1000,
        "max_ms": all_times[-1] * 1000,
        "client_cpu_us_per_record": cpu / (len(all_times) * batch) * 1e6,
    }


def quantile(ordered: list[float], share: float) -> float:
    """The ``share`` quantile of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def make_instance(home: Path, lots: int) -> list[tuple[str, str, str]]:
    """Stores with ``lots`` lots; returns (code, key id, secret) of each."""
    settings = Settings(home=home)
    migrate(settings)
    create_lake(settings)
    keys = []
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform", name="platform"))
        session.flush()
        for number in range(1, lots + 1):
            session.add(Lot(lot_id=number, customer_id=1, code=f"L{number}", name=f"L{number}"))
            session.flush()
            keys.append((f"L{number}", *create_credential(session, settings, number)))
    return keys


def peak_memory_mb(pid: int) -> float:
    """Highest resident memory of a living process, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@contextmanager
def park(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A ``park`` process; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    environment |= {"PARK_HOME": str(home), "PYTHONPATH": str(ROOT), "PARK_GATEWAY_RECORDS_PER_MINUTE": "100000000"}
    process = subprocess.Popen([*PARK, *arguments], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def metrics(url: str) -> dict[str, float]:
    """A scrape: sample name with labels to value."""
    lines = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if not line.startswith("#")]
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def run_gateway(scratch: Path, options: argparse.Namespace, *, with_lander: bool) -> dict[str, Any]:
    """The gateway's figures; the client is a process of its own on the same machine."""
    home = scratch / f"home{'-lander' if with_lander else ''}"
    keys = make_instance(home, options.connections)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with park(home, "gateway", "--port", str(port)) as gateway:
        while True:
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        cpu_before = metrics(url)["process_cpu_seconds_total"]
        client = [sys.executable, __file__, "--client", url, "--keys", json.dumps(keys)]
        client += ["--batch", str(options.batch), "--seconds", str(options.seconds)]
        if with_lander:
            with park(home, "land", "--follow"):
                output = subprocess.run(client, capture_output=True, check=True).stdout
        else:
            output = subprocess.run(client, capture_output=True, check=True).stdout
        found: dict[str, Any] = json.loads(output)
        found["gateway_peak_memory_mb"] = peak_memory_mb(gateway.pid)
        samples = metrics(url)
    found["fsyncs"] = samples["park_journal_fsync_seconds_count"]
    found["mean_fsync_ms"] = samples["park_journal_fsync_seconds_sum"] / found["fsyncs"] * 1000
    cpu = samples["process_cpu_seconds_total"] - cpu_before
    found["gateway_cpu_us_per_record"] = cpu / found["records"] * 1e6
    return found


@contextmanager
def postgres(scratch: Path) -> Iterator[str]:
    """A scratch PostgreSQL on a free loopback port; durable commits are PostgreSQL's default."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    folder = scratch / "postgres"
    folder.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        scratch.chmod(0o755)
        as_user = ["runuser", "-u", "postgres", "--"]
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", folder / "data", "-A", "trust", "-U", "bench", "-E", "UTF8"],
        check=True,
        capture_output=True,
    )
    port = free_port()
    server = subprocess.Popen(
        [*as_user, binaries / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-h", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"postgresql://bench@127.0.0.1:{port}/postgres"
    try:
        for _ in range(200):
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield address
    finally:
        subprocess.run(
            [*as_user, binaries / "pg_ctl", "-D", folder / "data", "-m", "fast", "stop"], capture_output=True
        )
        server.wait(30)


def run_postgres(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The same records by prepared INSERT, one row at a time: a commit per row, and a commit per batch."""
    columns = ["kind", "lot_id", "record_id", "occurred_at", "plate", "vehicle_class", "gate_id", "received_at"]
    columns += ["release_mode", "receivable", "discount", "waived", "received", "uncollected", "method", "payload"]
    types = dict.fromkeys(columns, "text") | {"lot_id": "bigint"}
    types |= {"occurred_at": "timestamptz", "received_at": "timestamptz"}
    types |= dict.fromkeys(["receivable", "discount", "waived", "received", "uncollected"], "numeric(18,2)")
    insert = f"INSERT INTO record ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
    insert += " ON CONFLICT DO NOTHING"
    results: dict[str, Any] = {}
    with postgres(scratch) as address:
        with psycopg.connect(address, autocommit=True) as connection:
            body = ", ".join(f"{name} {kind}" for name, kind in types.items())
            connection.execute(f"CREATE TABLE record ({body}, PRIMARY KEY (lot_id, kind, record_id))")
        for name, rows_per_commit in (("postgres_commit_per_row", 1), ("postgres_commit_per_batch", options.batch)):
            counts = [0] * options.connections
            times: list[float] = []
            ends = time.perf_counter() + options.seconds

            def work(
                number: int,
                name: str = name,
                rows_per_commit: int = rows_per_commit,
                counts: list[int] = counts,
                times: list[float] = times,
                ends: float = ends,
            ) -> None:
                made = records(f"{name}{number}", options.batch)
                with psycopg.connect(address, prepare_threshold=0) as connection:
                    turn = 0
                    while time.perf_counter() < ends:
                        turn += 1
                        for start in range(0, len(made), rows_per_commit):
                            started = time.perf_counter()
                            with connection.cursor() as cursor:
                                for record in made[start : start + rows_per_commit]:
                                    row = {**record, "lot_id": number, "received_at": datetime.now(UTC)}
                                    row |= {"record_id": f"{record['record_id']}-{turn}"}
                                    row |= {"payload": json.dumps(record, ensure_ascii=False)}
                                    cursor.execute(insert, [row.get(column) for column in columns], prepare=True)
                            connection.commit()
                            times.append(time.perf_counter() - started)
                            counts[number] += rows_per_commit
                            if time.perf_counter() > ends:
                                break

            started = time.perf_counter()
            threads = [threading.Thread(target=work, args=(number,)) for number in range(options.connections)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            elapsed = time.perf_counter() - started
            times.sort()
            results[name] = {
                "records": sum(counts),
                "seconds": elapsed,
                "records_per_second": sum(counts) / elapsed,
                "p50_ms": statistics.median(times) * 1000,
                "p99_ms": quantile(times, 0.99) * 1000,
                "max_ms": times[-1] * 1000,
            }
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--with-lander", action="store_true", help="measure once more with the lander at work")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--keys", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        keys = [(str(code), str(key), str(secret)) for code, key, secret in json.loads(options.keys)]
        print(json.dumps(measure_sending(options.client, keys, options.batch, options.seconds)))
        return
    scratch = Path(tempfile.mkdtemp(prefix="park-bench-"))
    load = os.getloadavg()[0]
    try:
        results = {"gateway": run_gateway(scratch, options, with_lander=False)}
        if options.with_lander:
            results["gateway_with_lander"] = run_gateway(scratch, options, with_lander=True)
        results |= run_postgres(scratch, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    rate = {name: found["records_per_second"] for name, found in results.items()}
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "load_before": load,
        "batch": options.batch,
        "connections": options.connections,
        "results": results,
        "times_postgres_commit_per_row": rate["gateway"] / rate["postgres_commit_per_row"],
        "times_postgres_commit_per_batch": rate["gateway"] / rate["postgres_commit_per_batch"],
    }
    if options.json:
        print(json.dumps(report))
        return
    print(
        f"{os.cpu_count()} CPUs, load {load:.1f} before; batches of {options.batch}, {options.connections} connections"
    )
    print(f"{'':28}{'records/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}")
    for name, found in results.items():
        cells = "".join(f"{found[key]:>10.1f}" for key in ("p50_ms", "p99_ms", "max_ms"))
        print(f"{name:28}{found['records_per_second']:>12,.0f}{cells}")
    gateway = results["gateway"]
    print(
        f"gateway: peak memory {gateway['gateway_peak_memory_mb']:.0f} MB, mean fsync {gateway['mean_fsync_ms']:.1f} ms"
    )
    print(
        f"CPU per record: gateway {gateway['gateway_cpu_us_per_record']:.1f} µs, "
        f"client {gateway['client_cpu_us_per_record']:.1f} µs"
    )
    print(f"times PostgreSQL with a commit per row: {report['times_postgres_commit_per_row']:.1f}")
    print(f"times PostgreSQL with a commit per batch: {report['times_postgres_commit_per_batch']:.1f}")


if __name__ == "__main__":
    main()
