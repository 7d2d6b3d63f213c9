"""Files as they really are: preambles, blank rows, broken rows, odd encodings, spreadsheets."""

# ruff: noqa: DTZ001 - the cells of a spreadsheet and the wall clock of a lot have no zone

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from ingest.files.catalogue import load_profile
from tests.unit.files.judging import NEW_YORK, SHANGHAI, Judged, judge_file
from warehouse.errors import ParkError

Judge = Callable[..., Judged]
FIELDS = {"record_id": "id", "occurred_at": "at", "plate": "plate"}
PLAIN: dict[str, Any] = {"file": {"format": "csv"}, "record": [{"kind": "entry", "fields": FIELDS}]}
AT = "2026-05-01 08:30:00"


def _with_file(**keys: Any) -> dict[str, Any]:
    return PLAIN | {"file": {"format": "csv"} | keys}


def _lines(judged: Judged) -> list[tuple[int, str]]:
    return [(row["line"], row["code"]) for row in judged.rejected]


def _plates(judged: Judged) -> list[str | None]:
    return [row["plate"] for row in judged.tables["entry"]]


def test_good_rows_are_kept_beside_bad_ones_and_bad_ones_name_their_line(judge: Judge) -> None:
    judged = judge(
        f"id,at,plate\n1,{AT},粤B11111\n2,yesterday,粤B22222\n3,{AT}\n4,{AT},粤B44444,extra\n5,{AT},粤B55555\n,{AT},粤B66666\n",
        PLAIN,
    )
    assert _plates(judged) == ["粤B11111", "粤B55555"]
    assert _lines(judged) == [(3, "bad_time"), (4, "malformed_row"), (5, "malformed_row"), (7, "missing_field")]
    assert (judged.counts.rows, judged.counts.accepted, judged.counts.rejected) == (6, 2, 4)
    assert judged.rejected[0]["payload"] == '{"id":"2","at":"yesterday","plate":"粤B22222"}'
    assert "yesterday" in judged.rejected[0]["reason_zh"]
    assert judged.rejected[1]["payload"] == f"3,{AT}"


def test_lines_are_right_behind_blank_lines_and_quoted_line_breaks(judge: Judge) -> None:
    judged = judge(f'id,at,plate\n\n1,{AT},"粤B\n11111"\n\n2,never,x\n3,{AT}\n4,never,x\n', PLAIN)
    assert _plates(judged) == ["粤B11111"]
    assert _lines(judged) == [(6, "bad_time"), (7, "malformed_row"), (8, "bad_time")]


def test_a_preamble_a_units_row_and_another_delimiter_are_declared(judge: Judge) -> None:
    judged = judge(
        f"停车场;甲\n导出时间;今天\nid ; at;plate\n(号);(时间);(车牌)\n1;{AT};粤B11111\n2;x;y\n",
        _with_file(delimiter=";", header_row=3, skip_after_header=1),
    )
    assert _plates(judged) == ["粤B11111"]
    assert _lines(judged) == [(6, "bad_time")]


def test_a_file_without_header_takes_its_names_from_the_profile(judge: Judge) -> None:
    judged = judge(f"1,{AT},粤B11111\n", _with_file(header_row=0, columns=["id", "at", "plate"]))
    assert _plates(judged) == ["粤B11111"]


@pytest.mark.parametrize("encoding", ["gb18030", "auto"])
def test_gb18030_is_read_by_name_or_found_out(judge: Judge, encoding: str) -> None:
    content = f"id,at,plate\n1,{AT},粤B11111\n".encode("gb18030")
    assert _plates(judge(content, _with_file(encoding=encoding))) == ["粤B11111"]


def test_rows_with_bytes_that_are_no_text_are_refused_alone(judge: Judge) -> None:
    judged = judge(
        f"id,at,plate\n1,{AT},粤B11111\n2,{AT},".encode() + b"\xff\xfe\n" + f"3,{AT},粤B33333\n".encode(), PLAIN
    )
    assert _plates(judged) == ["粤B11111", "粤B33333"]
    assert _lines(judged) == [(3, "bad_encoding")]


def test_a_header_in_the_wrong_encoding_says_which_columns_are_missing(judge: Judge) -> None:
    with pytest.raises(ParkError, match="encoding"):
        judge(
            "编号,时间\n1,2\n".encode("gb18030"),
            PLAIN | {"record": [{"kind": "entry", "fields": {"record_id": "编号", "occurred_at": "时间"}}]},
        )


def test_a_huge_cell_is_refused_and_does_not_stop_the_file(judge: Judge) -> None:
    judged = judge(f"id,at,plate\n1,{AT},{'粤' * 400_000}\n2,{AT},{'x' * 5_000_000}\n3,{AT},粤B33333\n", PLAIN)
    assert _plates(judged) == ["粤B33333"]
    assert [code for _, code in _lines(judged)] == ["too_long", "malformed_row"]


def test_control_characters_are_cut_and_marked(judge: Judge) -> None:
    judged = judge(f"id,at,plate\n1\x07,{AT},粤B11111\n2,{AT},粤B22222\n", PLAIN)
    assert [(row["record_id"], row["marks"]) for row in judged.tables["entry"]] == [("1", "cleaned_text"), ("2", None)]


def test_blank_rows_are_counted_and_left_out(judge: Judge) -> None:
    judged = judge(f"id,at,plate\n1,{AT},粤B11111\n,,\n , ,\n2,{AT},粤B22222\n,,\n", PLAIN)
    assert (judged.counts.rows, judged.counts.blank_rows, judged.counts.accepted) == (2, 3, 2)


def test_repeated_and_empty_header_names_get_names_of_their_own(judge: Judge) -> None:
    profile = PLAIN | {
        "record": [{"kind": "entry", "fields": {"record_id": "id", "occurred_at": "at_2", "plate": "column_4"}}]
    }
    assert _plates(judge(f"id,at,at,\n1,x,{AT},粤B11111\n", profile)) == ["粤B11111"]


def test_an_empty_file_has_no_header(judge: Judge) -> None:
    with pytest.raises(ParkError, match="no header"):
        judge("", PLAIN)


def test_a_spreadsheet_with_preamble_dates_serials_formulas_and_blank_rows(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("流水")
        date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write(1, 0, "标题")
        sheet.write_row(3, 0, ["id", "at", "plate", "n"])
        sheet.write_number(4, 0, 1)
        sheet.write_datetime(4, 1, datetime(2026, 5, 1, 8, 30, 0), date)
        sheet.write_formula(4, 2, '="粤B"&"11111"', None, "粤B11111")
        sheet.write_number(6, 0, 2)
        sheet.write_number(6, 1, 46143.354166666664)
        sheet.write_string(6, 2, "粤B22222")
        sheet.write_number(7, 0, 3)
        sheet.write_formula(7, 1, "=1/0", None, "#DIV/0!")
        sheet.write_blank(20, 0, None, date)
    profile = {
        "file": {"format": "xlsx", "sheet": "流水", "header_row": 4},
        "time": {"formats": ["%Y-%m-%d %H:%M:%S", "excel"]},
        "record": [{"kind": "entry", "fields": FIELDS}],
    }
    judged = judge_file(path, profile, tmp_path / "spool")
    at = datetime(2026, 5, 1, 0, 30, tzinfo=UTC)
    assert [(row["record_id"], row["occurred_at"], row["plate"]) for row in judged.tables["entry"]] == [
        ("1", at, "粤B11111"),
        ("2", at, "粤B22222"),
    ]
    assert _lines(judged) == [(8, "missing_field")]
    assert judged.counts.rows == 3
    with pytest.raises(ParkError, match="流水"):
        judge_file(path, profile | {"file": {"format": "xlsx", "sheet": "Other"}}, tmp_path / "spool")


def test_a_file_that_is_no_spreadsheet_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_text("id,at,plate\n")
    with pytest.raises(ParkError, match="XLSX"):
        judge_file(path, PLAIN | {"file": {"format": "xlsx"}}, tmp_path / "spool")


def test_parquet_columns_are_read_as_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {"id": [1, 2], "at": [datetime(2026, 5, 1, 8, 30), None], "plate": ["粤B11111", "粤B22222"]}
    ).write_parquet(path)
    judged = judge_file(path, PLAIN | {"file": {"format": "parquet"}}, tmp_path / "spool")
    assert [row["local_at"] for row in judged.tables["entry"]] == [datetime(2026, 5, 1, 8, 30)]
    assert _lines(judged) == [(2, "missing_field")]


def test_ndjson_lines_are_refused_one_by_one_and_kept_as_they_came(judge: Judge) -> None:
    good = f'{{"id": 1, "at": "{AT}", "plate": "粤B11111", "more": [1]}}'
    judged = judge(
        f'{good}\n\nnot json\n[1]\n{{"id": 2}}\n{good}', PLAIN | {"file": {"format": "ndjson"}}, name="x.ndjson"
    )
    assert _plates(judged) == ["粤B11111", "粤B11111"]
    assert _lines(judged) == [(3, "bad_json"), (4, "not_an_object"), (5, "missing_field")]
    assert judged.rejected[2]["payload"] == '{"id": 2}'


def test_json_records_lie_where_the_path_says(judge: Judge) -> None:
    profile = PLAIN | {
        "file": {"format": "json", "records_path": "result.rows"},
        "record": [{"kind": "entry", "fields": {"record_id": "key.id", "occurred_at": "at", "plate": "plates[1]"}}],
    }
    text = f'{{"result": {{"rows": [{{"key": {{"id": 7}},\n "at": "{AT}", "plates": ["x", "粤B11111"]}}]}}}}'
    assert _plates(judge(text, profile, name="x.json")) == ["粤B11111"]
    with pytest.raises(ParkError, match="records_path"):
        judge("{}", profile, name="y.json")


def test_each_row_goes_to_the_lot_it_names_with_that_lots_clock(judge: Judge) -> None:
    profile = PLAIN | {"lot": {"column": "lot", "codes": {"ny": "L8"}}}
    judged = judge(
        f"lot,id,at,plate\nL7,1,{AT},粤B11111\nny,2,{AT},粤B22222\nL9,3,{AT},粤B33333\n"
        "ny,4,2026-05-01 03:00:00,粤B44444\n",
        profile,
        None,
    )
    assert [(row["lot_id"], row["occurred_at"].hour, str(row["business_date"])) for row in judged.tables["entry"]] == [
        (SHANGHAI.lot_id, 0, "2026-05-01"),
        (NEW_YORK.lot_id, 12, "2026-05-01"),
        (NEW_YORK.lot_id, 7, "2026-04-30"),
    ]
    assert _lines(judged) == [(4, "unknown_lot")]


def test_records_keep_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text(
        "stay_id,plate,entered_at,exited_at,lot\n" + "".join(f"{i},粤B12345,{AT},,L7\n" for i in range(300_000))
    )
    judged = judge_file(path, load_profile("stays"), tmp_path / "spool", None)
    assert [int(row["record_id"]) for row in judged.tables["entry"]] == list(range(300_000))
