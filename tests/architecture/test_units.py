"""The systemd units of docs/deploy: systemd takes them, and what they start is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.services import PARTS
from warehouse.settings import PROJECT_ROOT

PROGRAM = "/opt/parkcloud/.venv/bin/park"
UNITS = sorted((PROJECT_ROOT / "docs" / "deploy").glob("*.service"))


def commands(unit: Path) -> list[list[str]]:
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2].split() for line in lines if line.startswith("ExecStart")]


def test_systemd_finds_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    park = str(Path(sys.executable).parent / "park")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text(encoding="utf-8").replace(PROGRAM, park), encoding="utf-8")
    files = [str(tmp_path / unit.name) for unit in UNITS]
    said = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stderr) == (0, "")


def test_what_the_units_start_is_a_command_of_this_program() -> None:
    started = {unit.name: commands(unit) for unit in UNITS}
    assert started == {
        "parkcloud.service": [[PROGRAM, "up"]],
        "parkcloud@.service": [[PROGRAM, "up", "--only", "%i"]],
    }
    table = (PROJECT_ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert {part for part in PARTS if f"| `{part}` |" in table} == set(PARTS)
