"""The manual's printed tables come out of `park demo --manual`, cell by cell, through the whole way in."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from tests.conftest import park

GOLDEN = Path(__file__).parent / "golden"
DAY = ("--from", "2019-05-08", "--to", "2019-05-09")
MONTH = ("--from", "2019-05-01", "--to", "2019-06-01")
REPORTS = {
    "exit_records": ("exit-records", *DAY),
    "daily_report": ("daily-report", *DAY),
    "temporary_fee_statistics": ("temporary-fee-statistics", *MONTH),
    "renewal_statistics": ("renewal-statistics", *MONTH),
    "gate_controllers": ("gate-controllers",),
    "cameras": ("cameras",),
}


@pytest.fixture
def home(manual_home: Path) -> Path:
    return manual_home


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("table", REPORTS)
def test_a_printed_table_is_reproduced_cell_by_cell(table: str, home: Path, tmp_path: Path) -> None:
    output = tmp_path / f"{table}.csv"
    result = park(home, "report", *REPORTS[table], "--lang", "zh", "--format", "csv", "-o", str(output))
    assert result.returncode == 0, result.stderr
    printed, found = rows(GOLDEN / f"{table}.csv"), rows(output)
    width = len(printed[0])
    assert found[0][:width] == printed[0]
    assert sorted(row[:width] for row in found[1:]) == sorted(printed[1:])


def test_no_record_of_the_manual_is_rejected_and_the_login_is_told(home: Path) -> None:
    said = (home.parent / "manual.txt").read_text(encoding="utf-8")
    assert "rejected 0" in said
    assert "admin" in said


def test_the_golden_tables_are_those_of_the_material() -> None:
    shared = Path(os.environ.get("PARK_SHARED", Path(__file__).parents[4] / "shared")) / "golden"
    if not shared.is_dir():
        pytest.skip("the material is not here")
    for path in shared.glob("*.csv"):
        assert path.read_bytes() == (GOLDEN / path.name).read_bytes()


def test_a_second_run_changes_nothing_and_says_so(home: Path) -> None:
    again = park(home, "demo", "--manual")
    assert again.returncode == 0, again.stderr
    assert "there already" in again.stdout


def test_an_instance_is_one_demonstration_only(home: Path, tmp_path: Path) -> None:
    other = park(home, "demo")
    assert other.returncode == 1
    assert "another demonstration" in other.stderr
    taken = tmp_path / "taken"
    lots = tmp_path / "lots.csv"
    lots.write_text("code,name,agent,customer\nA-1,One,a,c\n", encoding="utf-8")
    assert park(taken, "init").returncode == 0
    assert park(taken, "lots", "import", str(lots)).returncode == 0
    refused = park(taken, "demo", "--manual")
    assert refused.returncode == 1
    assert "needs a fresh PARK_HOME" in refused.stderr
