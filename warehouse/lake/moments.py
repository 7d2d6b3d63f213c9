"""Past moments: what was published then, and which raw rows were known.

Belongs here: finding the publication in force at a moment, whether its snapshot is still kept, and the newest batch it
covers. Does not belong here: building figures from raw rows (``scratch``) and reports (``warehouse.reports.known``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import duckdb
from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.publish import Basis, Published
from warehouse.ops.models import Build, Publication
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

PUBLISHED: Final = "published"
RECOMPUTED: Final = "recomputed"


@dataclass(frozen=True)
class PastPublication:
    """A publication of the past; ``is_kept`` says whether its snapshot can still be read."""

    publication_id: int
    build_id: str
    snapshot_id: int
    published_at: datetime
    data_as_of: datetime | None
    build_started_at: datetime
    is_kept: bool


@dataclass(frozen=True)
class Moment:
    """What was known at ``asked``.

    Attributes:
        asked: the moment, UTC.
        raw_to: the newest batch known then.
        publication: the one in force then; None before the first.
    """

    asked: datetime
    raw_to: int
    publication: PastPublication | None

    @property
    def is_kept(self) -> bool:
        """Whether what was published then can still be read as it was."""
        return self.publication is not None and self.publication.is_kept

    def published(self) -> Published:
        """The kept publication, for a reader to be pinned to."""
        kept = self.publication
        assert kept is not None
        return Published(
            snapshot_id=kept.snapshot_id,
            build_id=kept.build_id,
            data_as_of=kept.data_as_of,
            published_at=kept.published_at,
            last_build_state="green",
            last_build_message=None,
            basis=self.basis(PUBLISHED, entities_then=True),
        )

    def basis(self, way: Literal["published", "recomputed"], *, entities_then: bool) -> Basis:
        """What an answer about this moment rests on."""
        known = self.publication
        return Basis(
            asked=self.asked,
            way=way,
            raw_to=self.raw_to,
            entities_then=entities_then,
            snapshot_id=known.snapshot_id if known is not None and way == PUBLISHED else None,
            published_at=known.published_at if known is not None else None,
        )


def publications(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[PastPublication]:
    """All publications, newest first."""
    kept = {row[0] for row in connection.execute(f"SELECT snapshot_id FROM {LAKE}.snapshots()").fetchall()}
    query = select(Publication, Build.started_at).join(Build, Build.build_id == Publication.build_id)
    with ops_session(settings) as session:
        return [
            PastPublication(
                publication_id=row.publication_id,
                build_id=row.build_id,
                snapshot_id=row.snapshot_id,
                published_at=row.published_at,
                data_as_of=row.data_as_of,
                build_started_at=started_at,
                is_kept=row.snapshot_id in kept,
            )
            for row, started_at in session.execute(query.order_by(Publication.publication_id.desc()))
        ]


def kept_publications(settings: Settings) -> list[PastPublication]:
    """The publications that can still be read as they were, newest first."""
    connection = open_lake(settings, read_only=True)
    try:
        return [publication for publication in publications(settings, connection) if publication.is_kept]
    finally:
        connection.close()


def moment_at(settings: Settings, asked: datetime, *, now: datetime | None = None) -> Moment:
    """What was known at the instant ``asked``.

    Raises:
        ParkError: code ``moment_in_future``, or ``nothing_known`` before the first record.
    """
    if asked > (now or datetime.now(UTC)):
        raise ParkError(
            zh=f"时间 {asked:%Y-%m-%d %H:%M:%S} UTC 在将来:请给出过去的时间",
            en=f"{asked:%Y-%m-%d %H:%M:%S} UTC lies in the future: give a moment of the past",
            code="moment_in_future",
        )
    connection = open_lake(settings, read_only=True)
    try:
        past = publications(settings, connection)
        publication = next((one for one in past if one.published_at <= asked), None)
        raw_to = _landed_by(connection, asked) if publication is None else _covered(connection, publication)
        if raw_to is None:
            raise _nothing_known(connection, asked)
        return Moment(asked, raw_to, publication)
    finally:
        connection.close()


def _covered(connection: duckdb.DuckDBPyConnection, publication: PastPublication) -> int | None:
    """The newest batch in a publication: as its build noted; for one long ago, by the time of landing.

    A build holds the writer lock from before its start is noted, so what landed by then is what it covers.
    """
    row = connection.execute(
        f"SELECT raw_to FROM {LAKE}.meta.build WHERE build_id = ?", [publication.build_id]
    ).fetchone()
    return int(row[0]) if row else _landed_by(connection, publication.build_started_at) or 0


def _landed_by(connection: duckdb.DuckDBPyConnection, moment: datetime) -> int | None:
    row = connection.execute(f"SELECT max(batch_seq) FROM {LAKE}.raw.batch WHERE landed_at <= ?", [moment]).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def _nothing_known(connection: duckdb.DuckDBPyConnection, asked: datetime) -> ParkError:
    row = connection.execute(f"SELECT min(landed_at) FROM {LAKE}.raw.batch").fetchone()
    first = row[0].astimezone(UTC) if row and row[0] is not None else None
    since = f"{first:%Y-%m-%d %H:%M:%S} UTC" if first else "-"
    return ParkError(
        zh=f"{asked:%Y-%m-%d %H:%M:%S} UTC 时还没有任何数据:第一批数据于 {since} 到达,请给出此后的时间",
        en=f"nothing was known at {asked:%Y-%m-%d %H:%M:%S} UTC: the first records arrived at {since}, "
        "give a moment after that",
        code="nothing_known",
    )
