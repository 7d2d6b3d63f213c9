"""What a report is about, in words: title, lots, period, filters, how far its data reach.

Belongs here: the lines above a printed report and in a mail that carries one. Does not belong here: figures and files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from warehouse.codes import code_sets
from warehouse.reports.base import ReportResult
from warehouse.reports.parameters import Parameter, ParameterType
from warehouse.reports.period import DEFAULT_CLOCK, Period
from warehouse.reports.question import clocks_of
from warehouse.reports.texts import code_text, yes_no

_NAMED_LOTS: Final = 6
_WORDS: Final = {
    "zh": {
        "lots": "停车场", "period": "期间", "filter": "筛选", "as_of": "数据截止", "all": "全部停车场（{}）",
        "some": "{} 等 {} 个", "until": "{} 至 {}",
    },
    "en": {
        "lots": "Lots", "period": "Period", "filter": "Filter", "as_of": "Data as of", "all": "all lots ({})",
        "some": "{} and others, {} in all", "until": "{} to {}",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Headline:
    """Title and the lines below it, each a label and a text; ``as_of`` is the last of them."""

    title: str
    lots: str
    period: str
    lines: tuple[tuple[str, str], ...]
    as_of: str


def zone_of(result: ReportResult) -> ZoneInfo:
    """The zone in which times about the whole report are written: that of most of its lots."""
    clocks = clocks_of(result.question.chosen or result.question.known_lots)
    return ZoneInfo((max(clocks, key=lambda clock: clocks[clock]) if clocks else DEFAULT_CLOCK).time_zone)


def headline(result: ReportResult) -> Headline:
    """The words above ``result``, in its language."""
    words = _WORDS["zh" if result.language == "zh" else "en"]
    lots, period = _lots(result, words), _period(result.question.period, words)
    zone = zone_of(result)
    as_of = f"{result.data_as_of.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone.key})"
    named = (("lots", lots), ("period", period), ("filter", _filters(result)), ("as_of", as_of))
    lines = tuple((words[name], text) for name, text in named if text)
    return Headline(result.report.title(result.language), lots, period, lines, as_of)


def _lots(result: ReportResult, words: dict[str, str]) -> str:
    chosen = result.question.chosen
    if not chosen:
        known = result.question.known_lots
        return known[0].name if len(known) == 1 else words["all"].format(len(known))
    gap = "、" if result.language == "zh" else ", "
    names = gap.join(lot.name for lot in chosen[:_NAMED_LOTS])
    return names if len(chosen) <= _NAMED_LOTS else words["some"].format(names, len(chosen))


def _period(period: Period | None, words: dict[str, str]) -> str:
    if period is None:
        return ""
    if isinstance(period.start, datetime):
        return words["until"].format(f"{period.start:%Y-%m-%d %H:%M}", f"{period.end:%Y-%m-%d %H:%M}")
    last = period.end - timedelta(days=1)
    return str(period.start) if last == period.start else words["until"].format(period.start, last)


def _filters(result: ReportResult) -> str:
    """The parameters that were set to something else than usual."""
    headers = {column.key: column.header(result.language) for column in result.columns}
    said = []
    for parameter in result.report.parameters:
        value = result.question.values.get(parameter.key)
        usual = None if parameter.default is None else parameter.read(parameter.default)
        if value is None or value == usual:
            continue
        words = parameter.zh if result.language == "zh" else parameter.en
        # A meaning that lists the choices is no label; their own words say enough.
        label = headers.get(parameter.key) or ("" if any(mark in words for mark in ",:;(") else words)
        said.append((f"{label}: " if label else "") + _value(parameter, value, result.language))
    return ("；" if result.language == "zh" else "; ").join(said)


def _value(parameter: Parameter, value: Any, language: str) -> str:
    if isinstance(value, bool):
        return yes_no(value, language)
    if parameter.type is ParameterType.PATTERN:
        return str(value).replace("%", "*").replace("_", "?")
    code_set = next((name for name, labels in code_sets().items() if set(parameter.choices) <= set(labels)), "")
    words = value if isinstance(value, list) else [value]
    return ", ".join(code_text(code_set, str(word), language) if parameter.choices else str(word) for word in words)
