"""``park doctor``: what can be wrong with an instance that runs.

Belongs here: checks of processes, locks, clocks, backups and fonts. Does not belong here: what a finding is, the order
of the checks, and those of the stores (``warehouse.doctor``).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from sqlalchemy import select

from warehouse.condition import journal_backlog
from warehouse.doctor import CLOCK_TOLERANCE, Finding, note, ok
from warehouse.errors import ParkError
from warehouse.heartbeat import processes
from warehouse.lake.holder import held_since, writer_lock_holder
from warehouse.lake.publish import newest_build_started_at, published
from warehouse.ops.models import LotLive
from warehouse.ops.session import ops_session
from warehouse.services.status import newest_backup
from warehouse.settings import Settings

LOCK_PATIENCE: Final = timedelta(minutes=30)
OLD_BACKUP: Final = timedelta(hours=48)
OLD_PUBLICATION: Final = timedelta(hours=24)
LOTS_THAT_AGREE: Final = 3
"""So many lots cannot all be wrong in the same way: then it is our clock."""


def check_processes(settings: Settings) -> Finding:
    """Every process that reported once and did not end in order still reports; uploads have a lander."""
    now = datetime.now(UTC)
    known = processes(settings)
    silent = [f"{one.name} ({one.host} {one.pid}, {one.seen_at:%F %T} UTC)" for one in known if one.is_silent(now)]
    if silent:
        names = ", ".join(silent)
        return Finding(
            "",
            "fault",
            f"失联的进程:{names}",
            f"processes that give no sign of life: {names}",
            f"查看 {settings.log_path} 下它们的日志,重新启动(park up,或各自的服务);已停用的一天后自动从列表移除",
            f"look into their logs in {settings.log_path} and start them again (park up, or their services); one that "
            "was given up leaves the list after a day",
        )
    if journal_backlog(settings).segments and not any(one.name == "lander" for one in known):
        return Finding(
            "",
            "fault",
            "有待入库的上传,但没有入库进程在运行",
            "uploads wait and no lander runs",
            "运行 park up,或 park land --follow",
            "run park up, or park land --follow",
        )
    if not known:
        return note("没有进程在运行", "no process runs")
    names = ", ".join(sorted({one.name for one in known}))
    return ok(f"正常:{names}", f"alive: {names}")


def check_writer_lock(settings: Settings) -> Finding:
    """Who writes now; being held is no fault, being held for long is."""
    holder = writer_lock_holder(settings)
    if holder is None:
        return ok("空闲", "free")
    since = held_since(settings)
    said_zh, said_en = f"由进程持有:{holder}", f"held by {holder}"
    if since is None:
        return note(said_zh, said_en)
    if datetime.now(UTC) - since > LOCK_PATIENCE:
        return Finding(
            "",
            "fault",
            f"{said_zh},自 {since:%F %T} UTC",
            f"{said_en} since {since:%F %T} UTC",
            "全量构建可能如此之久;否则查看该进程的日志,确认卡住后将其结束,锁随之释放,未完成的写入不会留下",
            "a full build may take that long; else look into the log of that process and, when it is stuck, end it: "
            "the lock goes with it and nothing half written stays",
        )
    return note(f"{said_zh},自 {since:%T} UTC", f"{said_en} since {since:%T} UTC")


def check_clock(settings: Settings) -> Finding:
    """The machine's clock has not gone back behind what we wrote, and agrees with the lots' clocks."""
    now = datetime.now(UTC)
    newest = newest_build_started_at(settings)
    if newest is not None and newest > now + CLOCK_TOLERANCE:
        return Finding(
            "",
            "fault",
            f"系统时间 {now:%F %T} UTC 早于上次构建 {newest:%F %T} UTC",
            f"the clock says {now:%F %T} UTC, the last build began at {newest:%F %T} UTC",
            "校准系统时间(NTP),见 docs/runbooks/clock-wrong.md",
            "set the machine's clock (NTP): docs/runbooks/clock-wrong.md",
        )
    with ops_session(settings) as session:
        drifts = session.scalars(
            select(LotLive.clock_drift_seconds).where(
                LotLive.clock_drift_seconds.is_not(None), LotLive.received_at > now - timedelta(days=1)
            )
        ).all()
    known = [float(drift) for drift in drifts if drift is not None]
    limit = CLOCK_TOLERANCE.total_seconds()
    if len(known) >= LOTS_THAT_AGREE and abs(median(known)) > limit:
        off = -median(known)
        return Finding(
            "",
            "fault",
            f"系统时间 {now:%F %T} UTC 与 {len(known)} 个停车场的时钟相差 {off:+.0f} 秒(中位数)",
            f"the clock says {now:%F %T} UTC and differs from those of {len(known)} lots by {off:+.0f} s (median)",
            "校准系统时间(NTP),见 docs/runbooks/clock-wrong.md",
            "set the machine's clock (NTP): docs/runbooks/clock-wrong.md",
        )
    wrong = sum(abs(drift) > limit for drift in known)
    if wrong:
        return note(
            f"{now:%F %T} UTC;{wrong} 个停车场的时钟不准,见 park report quality",
            f"{now:%F %T} UTC; the clocks of {wrong} lots are wrong, see park report quality",
        )
    return ok(f"{now:%F %T} UTC", f"{now:%F %T} UTC")


def check_freshness(settings: Settings) -> Finding:
    """What came in since reaches the pages within a day."""
    try:
        standing = published(settings)
    except ParkError as error:
        return note(error.zh, error.en)
    with ops_session(settings) as session:
        newest = session.scalar(select(LotLive.received_at).order_by(LotLive.received_at.desc()).limit(1))
    if newest is not None and newest - standing.published_at > OLD_PUBLICATION:
        return Finding(
            "",
            "fault",
            f"上次发布于 {standing.published_at:%F %T} UTC,此后仍有上传,至 {newest:%F %T} UTC",
            f"the last publication is of {standing.published_at:%F %T} UTC, uploads came until {newest:%F %T} UTC",
            "运行 park refresh;若失败,按其说明处理",
            "run park refresh; when it fails, do what it says",
        )
    return ok(f"发布于 {standing.published_at:%F %T} UTC", f"published at {standing.published_at:%F %T} UTC")


def check_backup(settings: Settings) -> Finding:
    """There is a backup of the last two days, and restoring it was tried with success."""
    newest, problem = newest_backup(settings)
    if problem is not None:
        return Finding(
            "",
            "fault",
            problem.zh,
            problem.en,
            "检查 PARK_BACKUP_URL 与存储的访问权限,再运行 park backup create",
            "check PARK_BACKUP_URL and the access to that storage, then run park backup create",
        )
    if newest is None:
        return note("尚无备份:park backup create", "no backup yet: park backup create")
    point = newest.summary.point_at
    if datetime.now(UTC) - point > OLD_BACKUP:
        return Finding(
            "",
            "fault",
            f"最近的备份为 {point:%F %T} UTC",
            f"the newest backup is of {point:%F %T} UTC",
            "运行 park backup create,并检查自动备份为何停止",
            "run park backup create, and find out why the automatic ones stopped",
        )
    if newest.verified is not None and not newest.verified.is_good:
        return Finding(
            "",
            "fault",
            f"备份 {newest.backup_id} 恢复验证失败:{newest.verified.zh}",
            f"restoring backup {newest.backup_id} failed: {newest.verified.en}",
            "保留旧备份,运行 park backup create 再验证",
            "keep the older ones, run park backup create and verify it",
        )
    proof = "" if newest.verified is None else f", {newest.verified.at:%F %T}"
    return ok(f"{point:%F %T} UTC{proof}", f"{point:%F %T} UTC{', verified' if proof else ', not verified yet'}{proof}")


def check_fonts(_settings: Settings) -> Finding:
    """The Chinese font of printed reports is installed."""
    import pylopdf_fonts_zh_cn

    path = Path(str(pylopdf_fonts_zh_cn.sans_path()))
    if not path.exists():
        return Finding(
            "",
            "fault",
            f"打印报表的中文字体 {path} 缺失",
            f"the Chinese font of printed reports, {path}, is missing",
            "运行 make install",
            "run make install",
        )
    return ok("齐全", "complete")
