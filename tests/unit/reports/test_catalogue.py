from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from warehouse.errors import ParkError
from warehouse.reports.catalogue import LISTED, REPORTS, find
from warehouse.reports.document import TARGET, description, document
from warehouse.settings import PROJECT_ROOT

NAMES = [
    "traffic-statistics",
    "traffic-analysis",
    "entry-records",
    "exit-records",
    "inner-entry-records",
    "inner-exit-records",
    "stays",
    "stay-timeline",
    "occupancy",
    "alarms",
    "alarm-statistics",
    "temporary-fee-analysis",
    "renewal-analysis",
    "temporary-fee-statistics",
    "renewal-statistics",
    "charges",
    "renewals",
    "invoices",
    "daily-report",
    "gate-controllers",
    "cameras",
    "terminals",
    "pay-stations",
    "displays",
    "quality",
    "watermark",
    "completeness",
    "rejects",
]
DEVICE = "编号,停车场名称,区域,出入口名称,出入口类型,控制机名称,控制机IP,计算机IP,通行车辆类型,虚拟,状态"
GOLDEN = {
    "exit-records": "停车场名称,出口控制机,车牌,车辆类型,车主姓名,收费类型,进场时间,出场时间,出场方式,停车时长,备注",
    "daily-report": "地区,停车场,岗亭,总计,抵扣,其它,实收金额,支付宝,微信,现金,其它支付",
    "temporary-fee-statistics": "停车场名称,现金,银行卡,白条,储值卡,APP支付宝,APP微信支付,APP扫码,小票金额,总金额",
    "renewal-statistics": "停车场名称,现金,银行卡,白条,储值卡,APP支付宝,APP微信支付,APP钱包,总金额",
    "gate-controllers": DEVICE,
    "cameras": DEVICE,
}
WITH_TOTALS = {"daily-report", "temporary-fee-statistics", "renewal-statistics"}


def test_the_reports_of_the_product_are_all_there_under_their_names() -> None:
    assert [report.name for report in LISTED] == NAMES


def test_pages_have_reports_of_their_own_that_are_not_listed() -> None:
    unlisted = {name for name in REPORTS if name not in NAMES}
    assert unlisted == {
        "home-totals", "home-receipts", "home-traffic-hours", "home-occupancy", "home-devices", "home-alarms",
        "missing-hours", "quality-course", "completeness-course", "forecast", "forecast-course",
        *(f"{name}-{part}" for name in ("gate-controllers", "cameras", "terminals", "pay-stations", "displays")
          for part in ("days", "states")),
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_first_columns_are_the_manuals_in_its_order(name: str) -> None:
    report = find(name)
    expected = GOLDEN[name].split(",")
    shown = report.shown_columns({"by": "total"})
    assert [column.zh for column in shown][: len(expected)] == expected
    assert report.totals_row == (name in WITH_TOTALS)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_embedded_headers_are_those_of_the_golden_files(name: str) -> None:
    folder = Path(os.environ.get("PARK_SHARED", PROJECT_ROOT.parent / "shared")) / "golden"
    file = folder / f"{name.replace('-', '_')}.csv"
    if not file.exists():
        pytest.skip("the golden files are not here")
    with file.open(encoding="utf-8", newline="") as lines:
        assert next(csv.reader(lines)) == GOLDEN[name].split(",")


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_column_and_parameter_has_both_languages_and_a_key_of_its_own(name: str) -> None:
    report = find(name)
    assert report.zh
    assert report.en
    assert report.about_zh
    assert report.about_en
    keys = [column.key for column in report.columns]
    assert len(set(keys)) == len(keys)
    for column in report.columns:
        assert column.zh
        assert column.en
    for parameter in report.parameters:
        assert parameter.zh
        assert parameter.en
    headers = [column.zh for column in report.columns]
    assert len(set(headers)) == len(headers)


def test_an_unknown_report_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(ParkError) as refused:
        find("daily")
    assert refused.value.code == "unknown_report"
    assert "daily-report" in refused.value.en


def test_the_document_of_the_reports_is_current() -> None:
    assert TARGET.read_text(encoding="utf-8") == document(), "run python -m warehouse.reports.document"


def test_the_description_for_programs_names_columns_and_parameters() -> None:
    described = description(find("charges"))
    assert {"key": "received", "zh": "实收金额", "en": "Received", "type": "money", "total": True} in described[
        "columns"
    ]
    assert "plate" in {parameter["key"] for parameter in described["parameters"]}
