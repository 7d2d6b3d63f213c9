"""Taking simulated history in: the ordinary way of a file, with a profile for columns named as in the contract.

Belongs here: profiles for the files of ``history.py`` and of the manual. Does not belong here: reading files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.files.loader import ingest_file
from ingest.files.profile import Profile, contract_fields
from ingest.simulator.history import HistoryFile
from ingest.simulator.manual.records import manual_records
from warehouse.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class LoadSummary:
    """Records of all files together; ``already_landed`` counts files that were there before."""

    files: int
    already_landed: int
    accepted: int
    marked: int
    rejected: int


def contract_profile(kind: str) -> Profile:
    """The profile of a Parquet file whose columns are ``lot`` and the contract's fields of ``kind``."""
    return Profile.model_validate(
        {
            "name": f"contract-{kind}",
            "title_zh": "标准记录（按列）",
            "title_en": "Records of the contract by column",
            "file": {"format": "parquet"},
            "lot": {"column": "lot"},
            "record": [{"kind": kind, "fields": {name: name for name in contract_fields(kind)}}],
        }
    )


def load_history(settings: Settings, files: list[HistoryFile], *, now: datetime, progress: Progress) -> LoadSummary:
    """Ingest each file; ``now`` is the time of receipt. A file that has landed before is skipped by its content."""
    summaries = []
    for file in files:
        progress(f"{file.kind}: {file.records}")
        summaries.append(ingest_file(settings, file.path, contract_profile(file.kind), now=now))
    return LoadSummary(
        files=len(summaries),
        already_landed=sum(summary.already_landed_at is not None for summary in summaries),
        accepted=sum(summary.accepted for summary in summaries),
        marked=sum(summary.marked for summary in summaries),
        rejected=sum(summary.rejected for summary in summaries),
    )


def load_manual(settings: Settings, folder: Path) -> LoadSummary:
    """Write the manual's records as one file of contract records and ingest it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "manual.ndjson"
    with path.open("w", encoding="utf-8") as file:
        for lot, rows in manual_records().items():
            for row in rows:
                file.write(json.dumps({"lot": lot} | row, ensure_ascii=False) + "\n")
    profile = Profile.model_validate({"name": "records", "file": {"format": "records"}})
    summary = ingest_file(settings, path, profile)
    return LoadSummary(
        files=1,
        already_landed=int(summary.already_landed_at is not None),
        accepted=summary.accepted,
        marked=summary.marked,
        rejected=summary.rejected,
    )
