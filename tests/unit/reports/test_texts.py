from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.reports.columns import boolean, code, codes, instant, money, ratio
from warehouse.reports.export import guarded
from warehouse.reports.texts import duration_text, writer


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (4485, "1小时14分钟45秒", "1h 14m 45s"),
        (96, "1分钟36秒", "1m 36s"),
        (16568, "4小时36分钟8秒", "4h 36m 8s"),
        (3605, "1小时0分钟5秒", "1h 0m 5s"),
        (45, "45秒", "45s"),
        (0, "0秒", "0s"),
        (-96, "-1分钟36秒", "-1m 36s"),
        (360000, "100小时0分钟0秒", "100h 0m 0s"),
    ],
)
def test_a_stay_is_written_in_the_words_of_the_manual(seconds: int, zh: str, en: str) -> None:
    assert duration_text(seconds, "zh") == zh
    assert duration_text(seconds, "en") == en
    assert duration_text(seconds, "key") == str(seconds)


@given(st.integers(min_value=-10_000_000, max_value=10_000_000))
def test_a_written_stay_says_exactly_its_seconds(seconds: int) -> None:
    text = duration_text(seconds, "en")
    sign = -1 if text.startswith("-") else 1
    units = {"h": 3600, "m": 60, "s": 1}
    assert seconds == sign * sum(int(part[:-1]) * units[part[-1]] for part in text.lstrip("-").split(" "))


def test_values_are_written_by_type_and_language() -> None:
    assert writer(code("vehicle_class", "", ""), "zh")("off_peak") == "错峰车"
    assert writer(code("vehicle_class", "", ""), "key")("off_peak") == "off_peak"
    assert writer(code("vehicle_class", "", ""), "en")("hovercraft") == "hovercraft"
    assert writer(codes("v", "", "", "vehicle_class"), "zh")("temporary,long_term") == "临时车,长期车"
    assert writer(money("m", "", ""), "zh")(Decimal("7062.2")) == "7062.20"
    assert writer(ratio("r", "", ""), "zh")(Decimal("1.0312")) == "103.12%"
    assert writer(ratio("r", "", ""), "key")(Decimal("1.0312")) == "1.0312"
    assert writer(boolean("b", "", ""), "zh")(False) == "否"
    assert writer(boolean("b", "", ""), "en")(True) == "Yes"
    assert writer(instant("i", "", ""), "zh")(datetime(2019, 5, 8, 3, 4, 5)) == "2019-05-08 03:04:05"  # noqa: DTZ001
    assert writer(money("m", "", ""), "zh")(None) == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    assert guarded(text) == "'" + text
    assert guarded("鲁F12345") == "鲁F12345"
