"""Judging the content of a file by a profile, as a fixture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.records import LotContext
from tests.unit.files.judging import SHANGHAI, Judged, judge_file


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., Judged]:
    """Judge a file given as text or bytes."""

    def judge_content(
        content: str | bytes, profile: dict[str, Any], lot: LotContext | None = SHANGHAI, name: str = "file.csv"
    ) -> Judged:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return judge_file(path, profile, tmp_path / "spool", lot)

    return judge_content
