"""Excel keeps money as numbers that read back to the fen."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.reports.made import result
from warehouse.reports.workbook import write_xlsx

CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c"
FEN = Decimal("0.01")


def cells(path: Path) -> dict[str, tuple[str, str]]:
    """Kind and text of each cell of the first sheet, as written in the file."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    return {cell.get("r", ""): (cell.get("t", "n"), "".join(cell.itertext())) for cell in root.iter(CELL)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(amounts=st.lists(st.decimals(-(10**16), 10**16, places=2), min_size=1, max_size=40))
def test_every_amount_reads_back_to_the_fen(tmp_path: Path, amounts: list[Decimal]) -> None:
    rows = [("甲", amount, 1) for amount in amounts]
    write_xlsx(tmp_path / "a.xlsx", result(rows), iter([rows]))
    found = cells(tmp_path / "a.xlsx")
    for number, amount in enumerate([*amounts, sum(amounts, Decimal("0.00"))], start=2):
        kind, written = found[f"B{number}"]
        if abs(amount) < 10**13:
            assert kind == "n"
            # What a spreadsheet holds is the nearest double; shown with two places it is the amount.
            assert Decimal(f"{float(written):.2f}") == amount
            assert Decimal(float(written)).quantize(FEN) == amount
        else:
            assert kind in ("inlineStr", "s", "str")
            assert Decimal(written) == amount


@given(count=st.integers(-(10**18), 10**18))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whole_numbers_stay_whole(tmp_path: Path, count: int) -> None:
    rows = [("甲", Decimal("1.00"), count)]
    write_xlsx(tmp_path / "a.xlsx", result(rows), iter([rows]))
    _kind, written = cells(tmp_path / "a.xlsx")["C2"]
    assert int(Decimal(written)) == count
