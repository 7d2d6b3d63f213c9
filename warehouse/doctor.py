"""``park doctor``: is this instance well, and what to do when it is not.

Belongs here: one check per part of the instance, each with the cure of its faults. Does not belong here: curing.
"""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from warehouse.errors import ParkError
from warehouse.settings import Settings

State = Literal["ok", "note", "fault"]

BACKLOG_PATIENCE: Final = 300.0  # seconds that a sealed segment may wait
BUILD_PATIENCE: Final = timedelta(minutes=30)  # that a landed batch may wait
LEAST_FREE_BYTES: Final = 2 * 1024**3
CLOCK_TOLERANCE: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Finding:
    """What one check found; a fault carries its cure."""

    check: str
    state: State
    zh: str
    en: str
    cure_zh: str = ""
    cure_en: str = ""

    def line(self, language: str) -> str:
        """For people."""
        text, cure = (self.zh, self.cure_zh) if language == "zh" else (self.en, self.cure_en)
        mark = {"ok": "✓", "note": "·", "fault": "✗"}[self.state]
        return f"{mark} {self.check}: {text}" + (f"\n    → {cure}" if cure else "")


def examine(settings: Settings) -> list[Finding]:
    """Run every check; one that breaks down is a fault itself and stops no other."""
    from warehouse import doctor_running as running

    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("settings", check_settings),
        ("extensions", check_extensions),
        ("operational store", check_ops),
        ("lake", check_lake),
        ("writer lock", running.check_writer_lock),
        ("journal", check_journal),
        ("failed segments", check_failed_segments),
        ("build", check_build),
        ("publication", check_publication),
        ("freshness", running.check_freshness),
        ("processes", running.check_processes),
        ("disk", check_disk),
        ("clock", running.check_clock),
        ("backup", running.check_backup),
        ("fonts", running.check_fonts),
        ("pages port", lambda s: check_port(s.host, s.pages_port, "/healthz", "PARK_PAGES_PORT")),
        ("gateway port", lambda s: check_port(s.host, s.gateway_port, "/health", "PARK_GATEWAY_PORT")),
        ("metrics port", lambda s: check_port(s.host, s.metrics_port, "/metrics", "PARK_METRICS_PORT")),
        ("dagster port", lambda s: check_port(s.dagster_host, s.dagster_port, "/server_info", "PARK_DAGSTER_PORT")),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        if findings and not settings.home.is_dir():
            break  # the others would create it
        try:
            found = check(settings)
        except ParkError as error:
            found = Finding(name, "fault", error.zh, error.en)
        except Exception as error:
            text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            found = Finding(
                name,
                "fault",
                text,
                text,
                "先解决上面的故障,再运行 park doctor",
                "cure the faults above, then run park doctor again",
            )
        findings.append(Finding(**(asdict(found) | {"check": name})))
    return findings


def as_json(findings: list[Finding]) -> str:
    """For programs."""
    return json.dumps(
        {"well": all(found.state != "fault" for found in findings), "checks": [asdict(found) for found in findings]},
        ensure_ascii=False,
    )


def ok(zh: str, en: str) -> Finding:
    """All is well."""
    return Finding("", "ok", zh, en)


def note(zh: str, en: str) -> Finding:
    """Worth knowing, no fault."""
    return Finding("", "note", zh, en)


def check_settings(settings: Settings) -> Finding:
    """The home folder exists and can be written."""
    probe = settings.home / f".doctor.{time.time_ns()}"
    if not settings.home.is_dir():
        return Finding(
            "", "fault", f"{settings.home} 不存在", f"{settings.home} does not exist", "运行 park init", "run park init"
        )
    try:
        probe.touch()
    except OSError as error:
        return Finding(
            "",
            "fault",
            f"无法写入 {settings.home}:{error.strerror}",
            f"{settings.home} cannot be written: {error.strerror}",
            "修正目录权限,或用 PARK_HOME 另设目录",
            "mend its permissions, or set PARK_HOME to another folder",
        )
    finally:
        probe.unlink(missing_ok=True)
    python = ".".join(map(str, sys.version_info[:3]))
    return ok(f"{settings.home},Python {python}", f"{settings.home}, Python {python}")


def check_extensions(_settings: Settings) -> Finding:
    """DuckDB's extension wheels are installed for this DuckDB version."""
    from warehouse.lake.extensions import extension_path

    for name in ("ducklake", "sqlite_scanner", "postgres_scanner"):
        path = Path(extension_path(name))
        if not path.exists():
            return Finding(
                "",
                "fault",
                f"扩展文件 {path} 缺失",
                f"extension file {path} is missing: wheel and DuckDB differ in version",
                "运行 make install",
                "run make install",
            )
    return ok("齐全", "complete")


def check_ops(settings: Settings) -> Finding:
    """The operational store answers and is migrated."""
    from sqlalchemy.exc import SQLAlchemyError

    from warehouse.ops.session import revisions

    try:
        standing, newest = revisions(settings)
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        return Finding(
            "",
            "fault",
            f"运营库无法访问:{reason}",
            f"the operational store cannot be reached: {reason}",
            "启动 PostgreSQL 或检查 PARK_OPS_URL;服务会自行恢复",
            "start PostgreSQL or check PARK_OPS_URL; the services recover by themselves",
        )
    if standing != newest:
        return Finding(
            "",
            "fault",
            f"版本为 {standing or '空'},应为 {newest}",
            f"at version {standing or 'none'}, should be {newest}",
            "运行 park init",
            "run park init",
        )
    return ok(f"版本 {standing}", f"at version {standing}")


def check_lake(settings: Settings) -> Finding:
    """The lake can be attached and has its tables."""
    from warehouse.lake.connect import is_postgres, open_lake
    from warehouse.lake.publish import landed_up_to

    if not is_postgres(settings) and not settings.catalog_file.exists():
        return Finding(
            "",
            "fault",
            f"目录库 {settings.catalog_file} 不存在",
            f"there is no catalog at {settings.catalog_file}",
            "运行 park init",
            "run park init",
        )
    try:
        connection = open_lake(settings, read_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Finding(
            "",
            "fault",
            f"无法打开目录库:{reason}",
            f"the catalog cannot be opened: {reason}",
            "启动 PostgreSQL 或检查 PARK_CATALOG_URL;目录库丢失见 docs/runbooks/catalog-lost.md",
            "start PostgreSQL or check PARK_CATALOG_URL; when the catalog is lost: docs/runbooks/catalog-lost.md",
        )
    try:
        batches = landed_up_to(connection)
    finally:
        connection.close()
    return ok(f"可连接,已入库批次 {max(0, batches)}", f"attached, {max(0, batches)} batches landed")


def check_journal(settings: Settings) -> Finding:
    """Nothing waits in the journal for long."""
    sealed = [path.stat() for path in (settings.journal_path / "sealed").glob("*.ndjson")]
    oldest = max((time.time() - found.st_mtime for found in sealed), default=0.0)
    size = sum(found.st_size for found in sealed) / 1024**2
    zh, en = (
        f"{len(sealed)} 段待入库,{size:.1f} MB,最久 {oldest:.0f} 秒",
        (f"{len(sealed)} segments wait, {size:.1f} MB, the oldest for {oldest:.0f} s"),
    )
    if oldest > BACKLOG_PATIENCE:
        return Finding(
            "",
            "fault",
            zh,
            en,
            f"运行 park land --follow(或 park up);若已在运行,查看 {settings.log_path / 'lander.log'}",
            f"run park land --follow (or park up); if it runs, look into {settings.log_path / 'lander.log'}",
        )
    return ok(zh, en)


def check_failed_segments(settings: Settings) -> Finding:
    """No segment was set aside."""
    failed = sorted((settings.journal_path / "failed").glob("*.ndjson"))
    if not failed:
        return ok("无", "none")
    return Finding(
        "",
        "fault",
        f"{len(failed)} 段无法入库,位于 {failed[0].parent}",
        f"{len(failed)} segments could not be landed and lie in {failed[0].parent}",
        "阅读旁边的 .txt 文件,排除原因后运行 park land --once --retry-failed",
        "read the .txt file beside each, remove the cause, run park land --once --retry-failed",
    )


def check_build(settings: Settings) -> Finding:
    """The newest build is green and what landed gets built."""
    from warehouse.lake.connect import open_lake
    from warehouse.lake.publish import builds_since_green, waiting_since

    failed = builds_since_green(settings)
    if failed:
        return Finding(
            "",
            "fault",
            f"最近 {len(failed)} 次构建失败:{failed[0].message}",
            f"the last {len(failed)} builds failed: {failed[0].message}",
            "排除原因后运行 park refresh",
            "remove the cause, then run park refresh",
        )
    connection = open_lake(settings, read_only=True)
    try:
        since = waiting_since(connection)
    finally:
        connection.close()
    if since is not None and datetime.now(UTC) - since > BUILD_PATIENCE:
        return Finding(
            "",
            "fault",
            f"自 {since:%F %T} UTC 入库的数据尚未构建",
            f"data that landed since {since:%F %T} UTC are not built yet",
            "运行 park refresh,或用 park up 启动自动刷新",
            "run park refresh, or let park up refresh by itself",
        )
    return ok("正常", "green")


def check_publication(settings: Settings) -> Finding:
    """What readers see; an instance without data has nothing to publish."""
    from warehouse.lake.connect import open_lake
    from warehouse.lake.publish import landed_up_to, published

    try:
        standing = published(settings)
    except ParkError as error:
        connection = open_lake(settings, read_only=True)
        try:
            is_empty = landed_up_to(connection) < 0
        finally:
            connection.close()
        if is_empty:
            return note("尚无数据", "no data yet")
        return Finding("", "fault", error.zh, error.en, "运行 park refresh", "run park refresh")
    # Attached as pages and reports do it: the snapshot must still be there.
    open_lake(settings, snapshot=standing.snapshot_id).close()
    age = (datetime.now(UTC) - standing.published_at).total_seconds() / 60
    as_of = f"{standing.data_as_of:%F %T} UTC" if standing.data_as_of else "-"
    return ok(
        f"快照 {standing.snapshot_id},{age:.0f} 分钟前发布,数据截至 {as_of}",
        f"snapshot {standing.snapshot_id}, published {age:.0f} minutes ago, data as of {as_of}",
    )


def check_disk(settings: Settings) -> Finding:
    """Room to write, at home and where the lake's data lie."""
    from warehouse.condition import disks

    free = min(disk.free_bytes for disk in disks(settings))
    zh, en = f"剩余 {free / 1024**3:.1f} GB", f"{free / 1024**3:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Finding(
            "",
            "fault",
            zh,
            en,
            f"清理磁盘,或缩短 PARK_ARCHIVE_DAYS(现为 {settings.archive_days}),见 docs/runbooks/disk-full.md",
            f"free disk space, or lower PARK_ARCHIVE_DAYS (now {settings.archive_days}): docs/runbooks/disk-full.md",
        )
    return ok(zh, en)


def check_port(host: str, port: int, path: str, setting: str) -> Finding:
    """Either nobody listens, or the server that answers at ``path`` does."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        socket.create_connection((reachable, port), timeout=2).close()
    except OSError:
        return note(f"{port} 未监听", f"nothing listens on {port}")
    literal = f"[{reachable}]" if ":" in reachable else reachable
    try:
        with urllib.request.urlopen(f"http://{literal}:{port}{path}", timeout=5) as answer:
            if answer.status == 200:
                return ok(f"{port} 正在服务", f"{port} serves")
    except urllib.error.HTTPError as error:
        if error.code == 503:
            text = error.read(300).decode(errors="replace")
            return Finding(
                "",
                "fault",
                f"{port} 报告故障:{text}",
                f"{port} says that it is unwell: {text}",
                "查看日志与上面的检查",
                "look into its log and at the checks above",
            )
    except (urllib.error.URLError, OSError, ValueError):
        pass
    return Finding(
        "",
        "fault",
        f"{port} 被其他程序占用",
        f"another program listens on {port}",
        f"停止该程序,或用 {setting} 另设端口",
        f"stop it, or set {setting} to another port",
    )
