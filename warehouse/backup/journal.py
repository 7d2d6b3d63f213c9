"""The journal in a backup: segments that were acknowledged and are not in the lake yet.

Belongs here: copying them out, and putting them back so that what is in the lake counts once and nothing is left out.
Does not belong here: what a segment holds and how it lands (``ingest``).

A segment that is still open is copied as far as it goes and under a name of its own: its batch id differs from that of
the whole segment, so that a kept journal's whole segment lands too; records that come twice count once by their key.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from warehouse.settings import Settings

SUFFIX: Final = ".ndjson"
ARCHIVED: Final = ".ndjson.zst"
PART: Final = "-part"


@dataclass(frozen=True)
class Returned:
    """What a restored instance will land."""

    from_backup: int
    kept: int


def copy_waiting(settings: Settings, folder: Path) -> None:
    """Copy open, sealed and failed segments; the caller holds the writer lock, so none of them lands meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    root = settings.journal_path
    # In the direction that segments move: what is sealed between the two lists is met twice and never missed.
    for path in sorted((root / "open").glob(f"*{SUFFIX}")):
        _copy_whole_lines(path, folder / f"{path.stem}{PART}{SUFFIX}")
    for state in ("sealed", "failed"):
        for path in sorted((root / state).glob(f"*{SUFFIX}")):
            try:
                os.link(path, folder / path.name)
            except FileNotFoundError:
                continue
            except OSError:
                shutil.copyfile(path, folder / path.name)
            (folder / f"{path.stem}{PART}{SUFFIX}").unlink(missing_ok=True)


def _copy_whole_lines(path: Path, target: Path) -> None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return  # Sealed meanwhile.
    whole = content[: content.rfind(b"\n") + 1]
    if whole:
        target.write_bytes(whole)


def journal_figures(folder: Path) -> dict[str, int]:
    """Lines of each segment."""
    return {path.name: _lines(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def give_back(settings: Settings, folder: Path, landed: set[str]) -> Returned:
    """Put the backup's segments, and those of the kept journal that the restored lake lacks, where the lander looks.

    Args:
        settings: names the journal that was kept, if any.
        folder: the segments of the backup.
        landed: batch ids in the ledger of the restored lake.
    """
    root = settings.journal_path
    sealed = root / "sealed"
    sealed.mkdir(parents=True, exist_ok=True)
    kept = 0
    for path in _archived(root, landed):
        target = sealed / (path.name.removesuffix(ARCHIVED) + SUFFIX)
        partial = target.with_suffix(".returning")
        with path.open("rb") as source, partial.open("wb") as sink:
            zstandard.ZstdDecompressor().copy_stream(source, sink)
            sink.flush()
            os.fsync(sink.fileno())
        partial.rename(target)
        kept += 1
    there = {path.name for state in ("open", "sealed", "failed") for path in (root / state).glob(f"*{SUFFIX}")}
    there |= {path.name.removesuffix(ARCHIVED) + SUFFIX for path in (root / "landed").glob(f"*{ARCHIVED}")}
    given = 0
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        whole = path.name.replace(f"{PART}{SUFFIX}", SUFFIX)
        if whole in there or path.name in there or f"journal:{whole.removesuffix(SUFFIX)}" in landed:
            continue
        shutil.copyfile(path, sealed / path.name)
        with (sealed / path.name).open("rb") as file:
            os.fsync(file.fileno())
        given += 1
    return Returned(from_backup=given, kept=kept)


def _archived(root: Path, landed: set[str]) -> Iterator[Path]:
    for path in sorted((root / "landed").glob(f"*{ARCHIVED}")):
        if f"journal:{path.name.removesuffix(ARCHIVED)}" not in landed:
            yield path
