"""The clock jumps by an hour and comes back: the newest build is still the newest, and is what readers see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from warehouse.lake.connect import open_lake
from warehouse.lake.publish import (
    builds_since_green,
    end_build,
    green_snapshot,
    last_green,
    publish,
    published,
    seal_build,
    start_build,
)
from warehouse.lake.schema import create_lake
from warehouse.ops.models import Build
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import Settings

HOUR = timedelta(hours=1)


def build(settings: Settings, build_id: str) -> int:
    """One green build from its start to its publication; returns its snapshot."""
    start_build(settings, build_id, is_full=False)
    connection = open_lake(settings)
    try:
        seal_build(connection, build_id, "models", is_full=False)
        end_build(settings, build_id, state="green")
        green = last_green(connection)
        assert green is not None
        snapshot = green_snapshot(connection, green.build_id)
    finally:
        connection.close()
    assert snapshot is not None
    publish(settings, green.build_id, snapshot, None)
    return snapshot


def test_a_build_after_the_clock_was_set_back_by_an_hour_is_published(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    create_lake(settings)
    first = build(settings, "ahead")
    # As it stands when that build ran while the clock was an hour ahead.
    ahead = datetime.now(UTC) + HOUR
    connection = open_lake(settings)
    connection.execute("UPDATE lake.meta.build SET finished_at = ?", [ahead])
    connection.close()
    with ops_session(settings) as session:
        session.get_one(Build, "ahead").started_at = ahead

    second = build(settings, "back")
    assert second > first
    assert published(settings).snapshot_id == second
    assert published(settings).build_id == "back"

    start_build(settings, "red", is_full=False)
    end_build(settings, "red", state="red", message="broke")
    assert [failed.build_id for failed in builds_since_green(settings)] == ["red"]
    assert published(settings).last_build_state == "red"
