"""Whether the lander works, seen from outside of it.

Belongs here: the age of what waits in the journal and of the lander's signs of life. Does not belong here: the journal
itself (``ingest``). Where the journal is on another machine, its folder is not here and says nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warehouse.ops.models import ProcessState
from warehouse.settings import Settings

ALIVE: Final = "lander.alive"


def lander_silent_since(settings: Settings, session: Session, now: datetime) -> datetime | None:
    """Since when something waits for the lander, or the lander gave no sign of life; None when nothing speaks for it.

    A lander that waits for a build looks the same: whoever asks must look whether lots are heard all the same.
    """
    ages = [_touched(path) for path in (settings.journal_path / "sealed").glob("*.ndjson")]
    ages.append(_touched(settings.journal_path / ALIVE))
    ages.append(session.scalar(select(func.max(ProcessState.seen_at)).where(ProcessState.name == "lander")))
    oldest = min((age for age in ages if age is not None), default=None)
    return oldest if oldest is not None and oldest < now else None


def _touched(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
