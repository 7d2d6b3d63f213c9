"""Builds and publications: what covers what, and which snapshot readers may see.

Belongs here: the green mark in the lake, the publication in the operational store. Does not belong here: running
the models (pipelines/build.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import duckdb
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE
from warehouse.ops.models import Build, Publication
from warehouse.ops.session import ops_session
from warehouse.settings import Settings


@dataclass(frozen=True)
class Basis:
    """What figures about a past moment rest on.

    Attributes:
        asked: the moment, UTC.
        way: ``published``: read from the snapshot published then; ``recomputed``: built from raw rows known then.
        raw_to: the newest batch known then.
        entities_then: whether lots, areas and capacity are those of then, and not those of today.
        snapshot_id: the snapshot published then, when it was read.
        published_at: when that publication was made; None before the first one.
    """

    asked: datetime
    way: Literal["published", "recomputed"]
    raw_to: int
    entities_then: bool
    snapshot_id: int | None
    published_at: datetime | None


@dataclass(frozen=True)
class Published:
    """The snapshot in force, and how the newest build ended; ``basis`` is set when it is a past moment's."""

    snapshot_id: int
    build_id: str
    data_as_of: datetime | None
    published_at: datetime
    last_build_state: str
    last_build_message: str | None
    basis: Basis | None = None


@dataclass(frozen=True)
class GreenBuild:
    """The newest build that covered everything landed up to ``raw_to``."""

    build_id: str
    raw_to: int
    models_hash: str


def last_green(connection: duckdb.DuckDBPyConnection) -> GreenBuild | None:
    """The newest green build of the lake, or None before the first."""
    row = connection.execute(
        f"SELECT build_id, raw_to, models_hash FROM {LAKE}.meta.build ORDER BY finished_at DESC LIMIT 1"
    ).fetchone()
    return GreenBuild(str(row[0]), int(row[1]), str(row[2])) if row else None


def landed_up_to(connection: duckdb.DuckDBPyConnection) -> int:
    """Highest batch_seq in the lake; -1 when nothing has landed."""
    row = connection.execute(f"SELECT coalesce(max(batch_seq), -1) FROM {LAKE}.raw.batch").fetchone()
    assert row is not None
    return int(row[0])


def removed_since_green(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether records were removed that the newest green build still showed."""
    row = connection.execute(
        "SELECT count(*) FROM duckdb_tables() "
        f"WHERE database_name = '{LAKE}' AND schema_name = 'closed' AND table_name = 'removal'"
    ).fetchone()
    if row is None or not row[0]:
        return False
    row = connection.execute(
        f"SELECT max(removed_at) > (SELECT max(finished_at) FROM {LAKE}.meta.build) FROM {LAKE}.closed.removal"
    ).fetchone()
    return bool(row and row[0])


def waiting_since(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """When the oldest batch landed that no green build covers; None when all are covered."""
    green = last_green(connection)
    row = connection.execute(
        f"SELECT min(landed_at) FROM {LAKE}.raw.batch WHERE batch_seq > ?", [green.raw_to if green else -1]
    ).fetchone()
    return row[0] if row else None


def drop_built(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop everything that the models made: a full build starts from nothing.

    A swap of single tables would lose their partitions. Pinned readers keep theirs.
    """
    for schema in ("marts", "intermediate"):
        connection.execute(f"DROP SCHEMA IF EXISTS {LAKE}.{schema} CASCADE")


def seal_build(connection: duckdb.DuckDBPyConnection, build_id: str, models_hash: str, *, is_full: bool) -> None:
    """Mark the lake green up to what has landed and forget what was touched; the caller holds the writer lock."""
    raw_to = landed_up_to(connection)
    connection.execute("BEGIN")
    try:
        for table in ("touched", "touched_passage", "touched_key"):
            connection.execute(f"DELETE FROM {LAKE}.meta.{table}")
        connection.execute(
            f"INSERT INTO {LAKE}.meta.build VALUES (?, ?, ?, ?, greatest(?, "
            f"(SELECT max(finished_at) + INTERVAL 1 MICROSECOND FROM {LAKE}.meta.build)))",
            [build_id, raw_to, models_hash, is_full, datetime.now(UTC)],
        )
        connection.execute(f"CALL {LAKE}.set_commit_message('parkcloud', 'green build', extra_info => '{build_id}')")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def green_snapshot(connection: duckdb.DuckDBPyConnection, build_id: str) -> int | None:
    """The snapshot that sealed ``build_id``; None when it has expired."""
    row = connection.execute(
        f"SELECT max(snapshot_id) FROM {LAKE}.snapshots() WHERE commit_extra_info = ?", [build_id]
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def newest_event(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Time of the newest event in the marts, for "data as of"; never in the future."""
    row = connection.execute(
        f"""
        SELECT max(hour_last) FROM (
            SELECT least(max(hour_started_at) + INTERVAL 1 HOUR, max(last_received_at)) AS hour_last
            FROM {LAKE}.marts.rpt_upload_hour
            WHERE business_date >= (SELECT max(business_date) - 1 FROM {LAKE}.marts.rpt_upload_hour)
        )
        """
    ).fetchone()
    return row[0] if row else None


def start_build(settings: Settings, build_id: str, *, is_full: bool) -> None:
    """Note that a build began.

    Builds are told apart by when they began, so none begins before an earlier one, even if the clock was set back.
    """
    with ops_session(settings) as session:
        newest = session.scalar(select(func.max(Build.started_at)))
        began = datetime.now(UTC)
        if newest is not None and newest >= began:
            began = newest + timedelta(microseconds=1)
        session.add(Build(build_id=build_id, started_at=began, state="running", is_full=is_full))


def end_build(settings: Settings, build_id: str, *, state: str, message: str | None = None) -> None:
    """Note how a build ended: green or red."""
    with ops_session(settings) as session:
        _end(session.get_one(Build, build_id), state, message)


def _end(build: Build, state: str, message: str | None) -> None:
    build.state = state
    build.finished_at = datetime.now(UTC)
    build.message = message[:2000] if message else None


def end_interrupted_builds(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Note the end of builds whose process died; the caller holds the writer lock, so none of them still runs."""
    with ops_session(settings) as session:
        for build in session.scalars(select(Build).where(Build.state == "running")):
            sealed = connection.execute(
                f"SELECT 1 FROM {LAKE}.meta.build WHERE build_id = ?", [build.build_id]
            ).fetchone()
            _end(build, "green" if sealed else "red", None if sealed else "interrupted: its process died")


def newest_build_started_at(settings: Settings) -> datetime | None:
    """When the newest build began, however it ended; None before the first."""
    with ops_session(settings) as session:
        return session.scalar(select(Build.started_at).order_by(Build.started_at.desc()).limit(1))


def builds_since_green(settings: Settings) -> Sequence[Build]:
    """Builds that failed or were cut short after the newest green one, newest first."""
    with ops_session(settings) as session:
        green = session.scalar(
            select(Build.started_at).where(Build.state == "green").order_by(Build.started_at.desc()).limit(1)
        )
        query = select(Build).where(Build.state == "red").order_by(Build.started_at.desc())
        return session.scalars(query.where(Build.started_at > green) if green else query).all()


def publish(settings: Settings, build_id: str, snapshot_id: int, data_as_of: datetime | None) -> None:
    """Let readers follow to ``snapshot_id``; nothing changes when this build or a later one is published already."""
    with ops_session(settings) as session:
        if _published_since(session, build_id) is None:
            session.add(
                Publication(
                    build_id=build_id,
                    snapshot_id=snapshot_id,
                    data_as_of=data_as_of,
                    published_at=datetime.now(UTC),
                )
            )


def is_published(settings: Settings, build_id: str) -> bool:
    """Whether readers were given this build, or were already on a later one."""
    with ops_session(settings) as session:
        return _published_since(session, build_id) is not None


def _published_since(session: Session, build_id: str) -> int | None:
    began = select(Build.started_at).where(Build.build_id == build_id).scalar_subquery()
    return session.scalar(
        select(Publication.publication_id)
        .join(Build, Build.build_id == Publication.build_id)
        .where(Build.started_at >= began)
        .limit(1)
    )


def published(settings: Settings) -> Published:
    """The publication in force.

    Raises:
        ParkError: code ``nothing_published`` before the first one.
    """
    with ops_session(settings) as session:
        # Asked several times in each run of a page: columns cost a third of what entities do.
        row = session.execute(
            select(Publication.snapshot_id, Publication.build_id, Publication.data_as_of, Publication.published_at)
            .order_by(Publication.publication_id.desc())
            .limit(1)
        ).one_or_none()
        build = session.execute(
            select(Build.state, Build.message)
            .where(Build.state != "running")
            .order_by(Build.started_at.desc())
            .limit(1)
        ).one_or_none()
        if row is None:
            red = build is not None and build.state == "red"
            raise ParkError(
                zh="尚未发布任何数据"
                + (f":上次构建失败({build.message})" if red and build else "")
                + ";请先上传数据并运行 park refresh",
                en="nothing has been published yet"
                + (f": the last build failed ({build.message})" if red and build else "")
                + "; upload data and run park refresh",
                code="nothing_published",
            )
        return Published(
            snapshot_id=row.snapshot_id,
            build_id=row.build_id,
            data_as_of=row.data_as_of,
            published_at=row.published_at,
            last_build_state=build.state if build else "green",
            last_build_message=build.message if build else None,
        )
