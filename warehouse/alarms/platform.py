"""Whether the lander works, seen from outside of it.

Belongs here: the age of what waits in the journal and of the lander's sign of life. Does not belong here: the journal
itself (``ingest``). Where the journal is on another machine, its folder is not here and says nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from warehouse.settings import Settings

ALIVE: Final = "lander.alive"


def lander_silent_since(settings: Settings, now: datetime) -> datetime | None:
    """Since when the lander has done nothing although something waits, or gave no sign of life; None when it works."""
    ages = [_touched(path) for path in (settings.journal_path / "sealed").glob("*.ndjson")]
    ages.append(_touched(settings.journal_path / ALIVE))
    known = [age for age in ages if age is not None]
    oldest = min(known, default=None)
    return oldest if oldest is not None and oldest < now else None


def _touched(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
