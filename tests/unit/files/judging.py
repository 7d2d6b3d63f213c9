"""What the unit tests of file ingest share: a profile over a CSV text, judged without any store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.files.catalogue import parse_profile
from ingest.files.intake import take_in
from ingest.files.loader import check_columns
from ingest.files.profile import Profile
from ingest.files.reading import open_source
from ingest.files.staging import Origin, Stage
from ingest.records import LotContext

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SHANGHAI = LotContext(7, "L7", "Asia/Shanghai", 0)
NEW_YORK = LotContext(8, "L8", "America/New_York", 240)

Rows = list[dict[str, Any]]


class Judged:
    """What became of a file: accepted rows by kind, refused rows, counts."""

    def __init__(self, stage: Stage, connection: duckdb.DuckDBPyConnection) -> None:
        self.counts = stage.counts()
        self.tables = {
            kind: _rows(connection, f"SELECT * FROM {relation} AS kept ORDER BY batch_row")
            for kind, relation in stage.tables().items()
        }
        self.rejected: Rows = []
        if self.counts.rejected:
            self.rejected = _rows(connection, f"SELECT * FROM {stage.rejected()} AS refused ORDER BY line")


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> Rows:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def judge_file(
    path: Path, profile: dict[str, Any] | Profile, spool: Path, lot: LotContext | None = SHANGHAI, now: datetime = NOW
) -> Judged:
    """Stage ``path`` by ``profile`` in a database of its own."""
    spool.mkdir(parents=True, exist_ok=True)
    chosen = profile if isinstance(profile, Profile) else parse_profile(profile, "test.toml", "test")
    intake = take_in(path, chosen.file, spool)
    connection = duckdb.connect(config={"threads": 1})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        source = open_source(connection, chosen.file, intake.text_path, chosen.used_columns(), spool)
        check_columns(chosen, source, path.name, lot is not None)
        source.newlines = intake.newlines or None
        stage = Stage(connection, chosen, source, spool, Origin(now, "file:x", path.name, "test", "file:batch"))
        stage.run(
            lot,
            {SHANGHAI.code: SHANGHAI, NEW_YORK.code: NEW_YORK},
            may_have_controls=intake.may_have_controls,
            has_bad_bytes=intake.has_bad_bytes,
        )
        return Judged(stage, connection)
    finally:
        connection.close()
