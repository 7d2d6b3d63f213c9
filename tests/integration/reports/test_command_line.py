"""park report and park reports, as a person or a program calls them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import fastexcel
import pypdfium2
import pytest
import typer
from typer.testing import CliRunner

from tests.integration.reports.lake import Lake, dim_lot, stay
from tests.stores import environment
from warehouse.errors import ParkError
from warehouse.report_commands import register
from warehouse.reports.catalogue import LISTED
from warehouse.reports.workbook import LARGEST_SHEET, check_size


@pytest.fixture
def park(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in environment(lake.settings).items():
        monkeypatch.setenv(name, value)
    return caller()


def caller() -> Any:
    app = typer.Typer()
    register(app)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None:
            raise result.exception
        return result.output

    return call


DAY = ("--from", "2019-05-08", "--to", "2019-05-09")


def test_reports_are_listed_for_people_and_programs(park: Any) -> None:
    assert [line.split()[0] for line in park("reports").splitlines()] == [report.name for report in LISTED]
    described = json.loads(park("reports", "--json"))
    assert [report["name"] for report in described] == [report.name for report in LISTED]


def test_a_table_shows_a_page_the_totals_and_how_far_the_data_reach(park: Any) -> None:
    text = park("report", "daily-report", *DAY, "--lang", "zh")
    for word in ("停车日报表", "合计", "180.00", "一号停车场", "共 5 行", "2019-05-08 15:59:59 UTC"):
        assert word in text
    assert "page 1 of 3" in park("report", "daily-report", *DAY, "--lang", "en", "--set", "size=2")


def test_csv_has_the_row_of_totals_where_the_manual_has_it(park: Any) -> None:
    daily = list(csv.reader(io.StringIO(park("report", "daily-report", *DAY, "--format", "csv", "--lang", "zh"))))
    assert daily[-1][:4] == ["合计", "", "", "180.00"]
    exits = list(csv.reader(io.StringIO(park("report", "exit-records", *DAY, "--format", "csv", "--lang", "zh"))))
    assert len(exits) == 1 + 12
    assert exits[1][9] == "-1小时0分钟0秒"


def test_the_language_key_gives_keys_and_codes(park: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(park("report", "exit-records", *DAY, "--format", "csv", "--lang", "key"))))
    assert rows[0]["vehicle_class"] == "temporary"
    assert rows[0]["duration_seconds"] == "-3600"
    assert rows[0]["is_bad"] == "true"


def test_json_holds_rows_totals_and_what_was_asked(park: Any) -> None:
    found = json.loads(park("report", "charges", *DAY, "--lot", "LOT1", "--set", "method=cash", "--format", "json"))
    assert found["filter"] == {
        "lots": ["LOT1"], "from": "2019-05-08", "to": "2019-05-09", "basis": "payment", "method": "cash"
    }  # fmt: skip
    assert found["row_count"] == len(found["rows"]) == 1
    assert found["rows"][0]["received"] == "20.00"
    assert found["totals"]["received"] == "20.00"
    empty = json.loads(park("report", "charges", "--from", "2001-01-01", "--to", "2001-01-02", "--format", "json"))
    assert empty["rows"] == []
    page = json.loads(park("report", "stays", *DAY, "--set", "size=2", "--format", "json"))
    assert len(page["rows"]) == 2
    following = json.loads(
        park("report", "stays", *DAY, "--set", "size=2", "--set", f"after={page['page']['next']}", "--format", "json")
    )
    assert following["rows"][0] != page["rows"][0]


def test_a_workbook_has_real_numbers_and_a_sheet_with_the_filter(park: Any, tmp_path: Path) -> None:
    file = tmp_path / "daily.xlsx"
    park("report", "daily-report", *DAY, "--lang", "zh", "--format", "xlsx", "-o", str(file))
    book = fastexcel.read_excel(file)
    assert book.sheet_names == ["停车日报表", "查询条件"]
    sheet = book.load_sheet(0, header_row=0).to_polars()
    assert sheet["实收金额"].dtype.is_numeric()
    assert sheet["实收金额"].to_list() == [20.0, 70.0, 0.0, 20.0, 70.0, 180.0]
    about = dict(book.load_sheet(1, header_row=None).to_polars().iter_rows())
    assert about["合计 实收金额"] == "180.00"
    assert about["数据截止(UTC)"] == "2019-05-08 15:59:59"
    assert about["from"] == "2019-05-08"
    assert not list(tmp_path.glob("*.partial"))


def test_more_rows_than_a_sheet_holds_are_refused_with_a_hint(park: Any, lake: Lake) -> None:
    from dataclasses import replace

    from warehouse.lake.reader import Reader
    from warehouse.reports.base import run
    from warehouse.reports.catalogue import find
    from warehouse.security.scope import EVERYTHING

    result = run(find("exit-records"), Reader(lake.settings), EVERYTHING)
    check_size(replace(result, row_count=LARGEST_SHEET - 1))
    with pytest.raises(ParkError) as refused:
        check_size(replace(result, row_count=LARGEST_SHEET))
    assert refused.value.code == "too_many_rows"
    assert "CSV" in refused.value.en


def test_texts_that_a_spreadsheet_would_run_are_harmless_only_in_files_for_excel(
    empty_lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty_lake.add("dim_lot", [dim_lot(1, "A", "甲")])
    empty_lake.add(
        "fct_stay", [stay(1, 1, "2019-05-08 12:00:00", "2019-05-08 13:00:00", remark='=HYPERLINK("x")', plate="-1")]
    )
    empty_lake.publish()
    for name, value in environment(empty_lake.settings).items():
        monkeypatch.setenv(name, value)
    park, plain, excel = caller(), tmp_path / "plain.csv", tmp_path / "excel.csv"
    arguments = ("report", "exit-records", *DAY, "--lang", "zh", "--format", "csv")
    park(*arguments, "-o", str(plain))
    park(*arguments, "-o", str(excel), "--bom")
    assert not plain.read_bytes().startswith(b"\xef\xbb\xbf")
    assert excel.read_bytes().startswith(b"\xef\xbb\xbf")
    with plain.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1][10] == '=HYPERLINK("x")'
    with excel.open(encoding="utf-8-sig", newline="") as file:
        row = list(csv.reader(file))[1]
    assert row[10] == '\'=HYPERLINK("x")'
    assert row[2] == "'-1"
    assert row[9] == "1小时0分钟0秒"
    workbook = tmp_path / "exits.xlsx"
    park("report", "exit-records", *DAY, "--lang", "zh", "--format", "xlsx", "-o", str(workbook))
    sheet = fastexcel.read_excel(workbook).load_sheet(0, header_row=0).to_polars()
    assert sheet["备注"].to_list() == ['=HYPERLINK("x")']
    assert sheet["出场时间"].dtype.is_temporal()


def test_a_login_sees_its_own_lots_only(park: Any) -> None:
    rows = list(
        csv.DictReader(io.StringIO(park("report", "stays", "--as", "guard", "--format", "csv", "--lang", "key")))
    )
    assert {row["lot_code"] for row in rows} == {"LOT2"}
    with pytest.raises(ParkError) as refused:
        park("report", "stays", "--as", "guard", "--lot", "LOT1")
    assert refused.value.code == "forbidden"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("report", "nothing"), "unknown_report"),
        (("report", "stays", "--set", "plate"), "bad_parameter"),
        (("report", "stays", "--set", "colour=red"), "unknown_parameter"),
        (("report", "stays", "--lang", "fr"), "bad_parameter"),
        (("report", "stays", "--format", "pdf"), "bad_parameter"),
        (("report", "stays", "--format", "xlsx"), "bad_parameter"),
        (("report", "stays", "--bom"), "bad_parameter"),
        (("report", "temporary-fee-analysis", "--set", "sort=compare_day"), "bad_parameter"),
        (("report", "daily-report", "--set", "sort=day", "--format", "csv"), "bad_parameter"),
        (("report", "stays", "--as", "gone"), "disabled_login"),
        (("report", "daily-report", "--from", "2019-05-08T13:00"), "bad_period"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(park: Any, arguments: tuple[str, ...], code: str) -> None:
    with pytest.raises(ParkError) as refused:
        park(*arguments)
    assert refused.value.code == code


def test_a_pdf_carries_the_same_figures_and_needs_a_file(park: Any, tmp_path: Path) -> None:
    path = tmp_path / "日报.pdf"
    park("report", "daily-report", *DAY, "--format", "pdf", "-o", str(path), "--lang", "zh")
    with pypdfium2.PdfDocument(path) as document:
        text = "".join("".join(page.get_textpage().get_text_range().split()) for page in document)
    for word in (
        "停车日报表",
        "一号停车场",
        "期间：2019-05-08",
        "合计180.00",
        "制表人",
        "2019-05-0823:59:59(Asia/Shanghai)",
    ):
        assert word in text
    with pytest.raises(ParkError, match="pdf needs a file"):
        park("report", "daily-report", *DAY, "--format", "pdf")
