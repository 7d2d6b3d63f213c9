"""The filters of a report, kept in the address.

Belongs here: lots, period and the report's own parameters as widgets, and what they mean as parameters of the report.
Does not belong here: checking them, which the report does. The address holds what people chose (``period=yesterday``),
so a shared link keeps meaning yesterday; days in it are both included, the report's own end is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import streamlit as st

from dashboards.context import Context
from dashboards.reports import comparison
from dashboards.ui import address, cards
from warehouse.codes import code_sets
from warehouse.errors import Forbidden
from warehouse.reports.base import Report
from warehouse.reports.catalogue import find
from warehouse.reports.parameters import Parameter, ParameterType
from warehouse.reports.period import Grain, as_of_day
from warehouse.reports.texts import code_text
from warehouse.security.audit import note_refusal

UNKNOWN_LOTS: Final = "report_unknown_lots_told"
TECHNICAL: Final = ("gate_id", "without", "exit_record_id")
"""Filters that links set; shown only while they are."""
PERIOD, DAYS, FROM_TIME, TO_TIME = "period", "days", "from_time", "to_time"
CUSTOM: Final = "custom"


def draw(context: Context, report_name: str, first: Sequence[str], presets: Sequence[str]) -> dict[str, Any]:
    """Draw the filters; returns parameters for ``Context.query``: lot, from, to and the report's own that are set."""
    report = find(report_name)
    asked: dict[str, Any] = {}
    shown = [parameter for parameter in report.parameters if parameter.key in first]
    more = [
        parameter
        for parameter in report.parameters
        if parameter.key not in first
        and parameter.type is not ParameterType.PERIOD
        and (parameter.key not in TECHNICAL or address.written(parameter.key))
    ]
    with st.container(horizontal=True, key="report_filters", vertical_alignment="bottom"):
        with st.container(width=280):
            asked |= _lots(context)
        if report.grain is not Grain.NONE:
            asked |= _period(context, report, presets)
        for parameter in shown:
            with st.container(width=WIDTHS.get(parameter.key, 150)):
                asked |= _parameter(context, parameter)
        if any(parameter.key == "compare_from" for parameter in report.parameters):
            asked |= comparison.draw(context, asked)
        if more:
            active = sum(1 for parameter in more if address.written(parameter.key))
            label = context.text("report.more_active", count=active) if active else context.text("report.more")
            with st.popover(label, icon=":material/tune:"):
                for parameter in more:
                    asked |= _parameter(context, parameter, label_visibility="visible")
        st.button(
            context.text("report.reset"),
            icon=":material/restart_alt:",
            key="report_reset",
            type="tertiary",
            on_click=_reset,
            args=([parameter.key for parameter in report.parameters],),
        )
    return asked


def lots_and_period(context: Context, presets: Sequence[str], report_name: str = "entry-records") -> dict[str, Any]:
    """The two filters that nearly every report has, for pages that show several; inside the caller's row."""
    report = find(report_name)
    with st.container(width=280):
        asked = _lots(context)
    return asked if report.grain is Grain.NONE else asked | _period(context, report, presets)


def _reset(keys: Sequence[str]) -> None:
    views = ("sort", "size", "columns", "shape", "lines", "measure")
    address.forget(("lot", PERIOD, DAYS, FROM_TIME, TO_TIME, *views, comparison.COMPARE, comparison.DAYS, *keys))
    st.query_params.clear()


def _lots(context: Context) -> dict[str, Any]:
    names = {lot.code: lot.name for lot in context.lots()}
    everything = context.text("report.all_lots", count=len(names))
    _told_of_unknown(context, [code for code in address.written("lot") if code not in names])
    chosen = address.choices("lot", context.text("grid.lot"), names, placeholder=everything)
    return {"lot": ",".join(chosen)} if chosen else {}


def _told_of_unknown(context: Context, codes: Sequence[str]) -> None:
    """Say that lots of the address are left out; trying somebody else's is written to the operator log, once."""
    if not codes:
        return
    cards.notice(
        "bad", context.text("report.unknown_lot"), context.text("report.unknown_lot_why", lots="、".join(codes))
    )
    told: set[str] = st.session_state.setdefault(UNKNOWN_LOTS, set())
    new = [code for code in codes if code not in told]
    if new and not context.actor.scope.is_everything:
        named = ", ".join(new)[:200]
        error = Forbidden(zh=f"您无权查看停车场 {named}", en=f"you may not see lot {named!r}")
        note_refusal(context.settings, context.actor, context.permission or "", error)
    told |= set(new)


def latest_day(context: Context) -> date:
    """The business day that the published data reach."""
    publication = context.publication()
    return as_of_day({lot.clock for lot in context.lots()}, publication.data_as_of or publication.published_at)


def preset_days(preset: str, latest: date) -> tuple[date, date]:
    """First and last day of a preset, both included; the week begins on Monday.

    Raises:
        KeyError: there is no such preset.
    """
    yesterday = latest - timedelta(days=1)
    return {
        "today": (latest, latest),
        "yesterday": (yesterday, yesterday),
        "week": (latest - timedelta(days=latest.weekday()), latest),
        "month": (latest.replace(day=1), latest),
        "last7": (latest - timedelta(days=6), latest),
        "last30": (latest - timedelta(days=29), latest),
    }[preset]


def _period(context: Context, report: Report, presets: Sequence[str]) -> dict[str, str]:
    text, latest = context.text, latest_day(context)
    with st.container(width=130):
        options = {code: text(f"report.period_{code}") for code in presets}
        preset = address.choice(context, PERIOD, text("report.period"), options, usual=presets[0])
    if preset != CUSTOM:
        start, end = preset_days(preset, latest)
        return {"from": start.isoformat(), "to": (end + timedelta(days=1)).isoformat()}
    with st.container(width=250):
        start, end = address.days(DAYS, text("report.days"), preset_days("last7", latest))
    if report.grain not in (Grain.RECORD, Grain.HOUR):
        return {"from": start.isoformat(), "to": (end + timedelta(days=1)).isoformat()}
    return _with_times(context, report, start, end)


def _with_times(context: Context, report: Report, start: date, end: date) -> dict[str, str]:
    step = timedelta(hours=1) if report.grain is Grain.HOUR else timedelta(minutes=1)
    times: list[time | None] = []
    for key, label in ((FROM_TIME, "report.from_time"), (TO_TIME, "report.to_time")):
        with st.container(width=104):
            times.append(address.clock_time(key, context.text(label), step))
    if times == [None, None]:
        return {"from": start.isoformat(), "to": (end + timedelta(days=1)).isoformat()}
    first = datetime.combine(start, times[0] or time())
    last = (
        datetime.combine(end, times[1]) if times[1] is not None else datetime.combine(end, time()) + timedelta(days=1)
    )
    return {"from": first.isoformat(timespec="seconds"), "to": last.isoformat(timespec="seconds")}


def _parameter(context: Context, parameter: Parameter, label_visibility: str = "collapsed") -> dict[str, Any]:
    key, label = parameter.key, context.text(f"report.filter_{parameter.key}")
    value: str
    match parameter.type:
        case ParameterType.CHOICE:
            options = {code: choice_text(context, parameter, code) for code in parameter.choices}
            usual = parameter.default or address.ALL
            value = address.choice(context, key, label, options, usual=usual, label_visibility=label_visibility)
        case ParameterType.CHOICES:
            options = {code: choice_text(context, parameter, code) for code in parameter.choices}
            value = ",".join(address.choices(key, label, options, label_visibility=label_visibility))
        case ParameterType.BOOLEAN:
            options = {code: context.text(f"form.{code}") for code in ("yes", "no")}
            value = address.choice(context, key, label, options, label_visibility=label_visibility)
        case _:
            help_text = parameter.zh if context.language == "zh" else parameter.en
            value = address.text(key, label, help_text=help_text, label_visibility=label_visibility)
    return {key: value} if value else {}


def choice_text(context: Context, parameter: Parameter, code: str) -> str:
    """The label of a choice: of a code set that has it, else of the catalogs."""
    key, sets = parameter.key, code_sets()
    if key == "hour_of_day":
        return code
    if key == "weekday":
        return code_text("weekday", code, context.language)
    if key == "by" and code == "hour" and "weekday" in parameter.choices:
        return context.text("report.choice_by_hour_of_day")  # not each hour, but the same hour of all days
    if key not in WORDED:
        if code in sets.get(key, {}):
            return code_text(key, code, context.language)
        for name, labels in sets.items():
            if set(parameter.choices) <= set(labels):
                return code_text(name, code, context.language)
    return context.text(f"report.choice_{key}_{code}")


WIDTHS: Final = {"split": 230, "plate": 150, "vehicle_class": 200}
WORDED: Final = ("by", "split", "inner")
"""Choices that the catalogs word better than a code set would."""
