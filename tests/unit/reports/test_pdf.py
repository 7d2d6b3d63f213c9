"""PDF: what is printed is what the report says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from tests.unit.reports.made import LOTS, report, result
from warehouse.errors import ParkError
from warehouse.reports.columns import ColumnType, text
from warehouse.reports.pdf import LARGEST_PDF, write_pdf


def pages(path: Path) -> list[str]:
    """The text of each page as a browser's viewer finds it, without blanks and breaks."""
    with pypdfium2.PdfDocument(path) as document:
        return ["".join(page.get_textpage().get_text_range().split()) for page in document]


def rows(count: int) -> list[tuple[str, Decimal, int]]:
    return [(f"停车场{number}", Decimal("1234567.05") + number, number) for number in range(count)]


def test_a_daily_report_has_everything_that_is_signed(tmp_path: Path) -> None:
    made = rows(3)
    path = tmp_path / "日报.pdf"
    assert write_pdf(path, result(made, name="daily-report"), iter([made])) == 3
    (page,) = pages(path)
    for said in (
        "停车日报表", "停车场：全部停车场（2）", "期间：2019-05-01至2019-05-31", "2019-05-3123:59:59(Asia/Shanghai)",
        "1,234,567.05", "1,234,569.05", "合计3,703,704.153", "制表人：", "审核人：", "负责人：", "第1/1页",
    ):  # fmt: skip
        assert said in page
    assert [file.name for file in tmp_path.iterdir()] == ["日报.pdf"]


def test_a_report_that_is_not_signed_has_no_lines_for_it_and_speaks_english(tmp_path: Path) -> None:
    made = rows(2)
    write_pdf(tmp_path / "a.pdf", result(made, language="en", chosen=LOTS[:1]), iter([made]))
    (page,) = pages(tmp_path / "a.pdf")
    assert "Lots:静安嘉里中心" in page
    assert "Page1of1" in page
    assert "Total2,469,135.101" in page
    assert "Prepared" not in page


def test_every_row_is_on_exactly_one_page_and_every_page_has_header_and_number(tmp_path: Path) -> None:
    made = rows(300)
    write_pdf(tmp_path / "a.pdf", result(made, name="daily-report"), iter([made[:100], made[100:]]))
    found = pages(tmp_path / "a.pdf")
    assert len(found) > 3
    whole = "".join(found)
    assert all(
        whole.count(f"停车场{name}{amount:,}{number}") == 1
        for number, (name, amount, _) in enumerate(made)
        for name in [number]
    )
    for number, page in enumerate(found, start=1):
        assert f"第{number}/{len(found)}页" in page
        assert "实收金额" in page
    assert whole.count("制表人") == 1
    assert "制表人" in found[-1]


def test_the_font_is_embedded(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", result(rows(1)), iter([rows(1)]))
    with pypdfium2.PdfDocument(tmp_path / "a.pdf") as document:
        texts = list(document[0].get_objects([pdfium.FPDF_PAGEOBJ_TEXT]))
        assert len(texts) > 5
        assert all(pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(text.raw)) == 1 for text in texts)


@pytest.mark.parametrize("columns", [3, 40])
def test_long_texts_and_many_columns_stay_on_the_paper(tmp_path: Path, columns: int) -> None:
    words = tuple(text(f"c{number}", f"第{number}列说明", f"Column {number}") for number in range(columns))
    sentence = "很长的备注，" * 20
    made = replace(result([]), columns=words, totals={}, report=replace(report(), columns=words), row_count=1)
    write_pdf(tmp_path / "a.pdf", made, iter([[(sentence,) * columns]]))
    with pypdfium2.PdfDocument(tmp_path / "a.pdf") as document:
        for page in document:
            width, height = page.get_size()
            for one in page.get_objects([pdfium.FPDF_PAGEOBJ_TEXT]):
                left, bottom, right, top = one.get_bounds()
                assert left > 0
                assert bottom > 0
                assert right < width
                assert top < height
    assert "".join(pages(tmp_path / "a.pdf")).count("很长的备注，") > columns


def test_more_rows_than_anybody_prints_are_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ParkError, match="use Excel or CSV") as refused:
        write_pdf(tmp_path / "a.pdf", result([], row_count=LARGEST_PDF + 1), iter([]))
    assert "共 2001 行" in refused.value.zh
    assert list(tmp_path.iterdir()) == []


def test_nothing_known_is_an_empty_cell_and_no_zero(tmp_path: Path) -> None:
    made = result([("甲", Decimal("1.00"), 1)])
    assert made.columns[1].type is ColumnType.MONEY
    write_pdf(tmp_path / "a.pdf", replace(made, totals={}), iter([[("甲", None, 7)]]))
    assert "甲7" in pages(tmp_path / "a.pdf")[0]
