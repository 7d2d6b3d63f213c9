"""Traffic: entries and exits counted (manual 3.7.1 and 3.7.2). Outer gates unless asked otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.reports.columns import code, integer, ratio, text
from warehouse.reports.compare import COMPARE, compare_condition, compare_parameters, compared, comparing, places
from warehouse.reports.parameters import Parameter, ParameterType
from warehouse.reports.period import Grain, Period
from warehouse.reports.pieces import (
    LOT,
    LOT_CODE,
    choice,
    code_filter,
    equal_filter,
    gate_filter,
    hour_filter,
    weekday_filter,
    without_filter,
)
from warehouse.reports.question import Question
from warehouse.reports.table import TableReport

_INNER: Final = choice(
    "inner",
    "no 外场,yes 内场",
    "no: outer gates, yes: gates of nested areas",
    ("no", "yes"),
    "no",
    "s.is_inner = ($inner = 'yes')",
)
_FILTERS: Final = (
    gate_filter("s.gate_id"),
    code_filter("vehicle_class", "车辆类型", "vehicle class", "vehicle_class", "s.vehicle_class"),
    _INNER,
    equal_filter("gate_id", "出入口编号", "gate, id", "s.gate_id"),
    without_filter(gate="s.gate_id", vehicle_class="s.vehicle_class"),
    hour_filter("s.local_hour"),
    weekday_filter("s.business_date"),
)
_PERIODS: Final = {
    "total": "null::timestamp",
    "hour": "local_hour",
    "day": "business_date::timestamp",
    "month": "date_trunc('month', business_date)::timestamp",
}
_WRITTEN: Final = {"total": "null", "hour": "'%Y-%m-%d %H:00'", "day": "'%Y-%m-%d'", "month": "'%Y-%m'"}


def _split(values: Mapping[str, Any], key: str) -> bool:
    return key in values.get("split", ())


def _statistics(question: Question) -> dict[str, str]:
    by, split = question.values["by"], question.values.get("split", [])
    # A lot without traffic still has its row as long as a row is a lot.
    return {
        "bucket": _PERIODS[by],
        "written": _WRITTEN[by],
        "gate": "s.gate_id" if "gate" in split else "null",
        "class": "s.vehicle_class" if "vehicle_class" in split else "null",
        "side": "left" if by == "total" and not split else "inner",
    }


TRAFFIC_STATISTICS: Final = TableReport(
    name="traffic-statistics",
    zh="流量统计",
    en="Traffic statistics",
    about_zh="进出场次数,按停车场,可再按出入口、车辆类型和时间分开;by=total 时每个停车场都有一行。",
    about_en="Entries and exits by lot, optionally by gate, class and time; each lot has its row with by=total.",
    columns=(
        LOT,
        text("period", "时间", "Period", shown=lambda values: values["by"] != "total"),
        text("gate_name", "出入口", "Gate", shown=lambda values: _split(values, "gate")),
        code("vehicle_class", "车辆类型", "Vehicle class", shown=lambda values: _split(values, "vehicle_class")),
        integer("entries", "进场次数", "Entries"),
        integer("exits", "出场次数", "Exits"),
        LOT_CODE,
        text("gate_id", "出入口编号", "Gate id", shown=lambda values: _split(values, "gate")),
    ),
    grain=Grain.HOUR,
    parameters=(
        choice("by", "时间单位", "unit of time", ("total", "hour", "day", "month"), "total"),
        Parameter(
            "split",
            "再按 gate、vehicle_class 分开",
            "further by gate, vehicle_class",
            ParameterType.CHOICES,
            ("gate", "vehicle_class"),
        ),
        *_FILTERS,
    ),
    sql="""
        with counted as (
            select s.lot_id, {bucket} as bucket, {gate} as gate_id, {class} as vehicle_class,
                sum(entries) as entries, sum(exits) as exits
            from {rpt_traffic_hour} as s
            where {period}{filters}
            group by all
        ),
        gate as (
            select lot_id, gate_id, min(gate_name) as gate_name from {dim_device} where gate_id is not null group by all
        )
        select l.lot_id, l.name as lot_name, l.code as lot_code, strftime(counted.bucket, {written}) as period,
            counted.bucket, counted.gate_id, coalesce(gate.gate_name, counted.gate_id) as gate_name,
            counted.vehicle_class, coalesce(counted.entries, 0) as entries, coalesce(counted.exits, 0) as exits
        from {dim_lot} as l
        {side} join counted on counted.lot_id = l.lot_id
        left join gate on gate.lot_id = counted.lot_id and gate.gate_id = counted.gate_id
    """,
    order="lot_id, bucket, gate_name, gate_id, vehicle_class",
    fragments=_statistics,
)


def _positions(question: Question) -> dict[str, str]:
    by = question.values["by"]
    period, other = question.period, compared(question, Grain.HOUR, "traffic-analysis")
    assert period is not None
    if by in ("day", "month") and (period.has_time or (other is not None and other.has_time)):
        raise ParkError(
            zh=f"by={by} 按营业日统计,期间不能带时刻:请写成 2019-05-08",
            en=f"by={by} counts whole business days, so no end may have a time of day: write 2019-05-08",
            code="bad_period",
        )
    place = {
        "hour": "hour(local_hour)",
        "weekday": "isodow(business_date)",
        "day": "date_diff('day', ${0}from_day::date, business_date)",
        "month": "date_diff('month', ${0}from_day::date, business_date)",
        "each_hour": "date_diff('hour', ${0}first_hour::timestamp, local_hour)",
    }[by]
    label = {
        "hour": "format('{:02d}:00', place)",
        "weekday": "'weekday_' || place",
        "day": "strftime(${0}from_day::date + place::int, '%Y-%m-%d')",
        "month": "strftime(date_trunc('month', ${0}from_day::date) + to_months(place::int), '%Y-%m')",
        "each_hour": "strftime(${0}first_hour::timestamp + to_hours(place), '%Y-%m-%d %H:00')",
    }[by]
    dated = by not in ("hour", "weekday")
    return {
        "place": place.replace("{0}", ""),
        "compare_place": place.replace("{0}", "" if other is None else "compare_"),
        "first": "1" if by == "weekday" else "0",
        "last": {"hour": "23", "weekday": "7"}.get(by, "$last_place"),
        "compare_period": "false" if other is None else compare_condition(other),
        "label": label.replace("{0}", ""),
        "compare_label": label.replace("{0}", "compare_") if dated and other is not None else "null",
    }


def _first_hour(period: Period, question: Question) -> datetime:
    """The first hour on the wall clock of any lot that can hold a row of the period."""
    if isinstance(period.start, datetime):
        return period.start
    least = min((clock.cutover_minutes for clock in question.clocks), default=0)
    return datetime.combine(period.start, time()) + timedelta(hours=least // 60)


def _last_place(by: str, period: Period, question: Question) -> int:
    if by == "each_hour":
        if isinstance(period.end, datetime):
            end = period.end
        else:
            most = max((clock.cutover_minutes for clock in question.clocks), default=0)
            end = datetime.combine(period.end, time()) + timedelta(hours=-(-most // 60))
        return (end - _first_hour(period, question)) // timedelta(hours=1) - 1
    return places(period, by == "month") - 1


def _compare_values(question: Question) -> dict[str, Any]:
    by = question.values["by"]
    period, other = question.period, compared(question, Grain.HOUR, "traffic-analysis")
    assert period is not None
    values: dict[str, Any] = {
        "last_place": _last_place(by, period, question),
        "first_hour": _first_hour(period, question),
    }
    if other is not None:
        values |= compare_parameters(other) | {"compare_first_hour": _first_hour(other, question)}
        values["last_place"] = max(values["last_place"], _last_place(by, other, question))
    return values


TRAFFIC_ANALYSIS: Final = TableReport(
    name="traffic-analysis",
    zh="流量分析",
    en="Traffic analysis",
    about_zh="期间内的流量曲线:by=each_hour 逐小时,day 逐日,month 逐月,hour 一天中的各小时,weekday 周一至周日;"
    "compare-from/compare-to 为对比期间。"
    "没有任何上传的位置为空而不是零。",
    about_en="The course of traffic: by=each_hour each hour, day each day, month each month, hour the hours of the "
    "day, weekday Monday to Sunday; compare-from and compare-to name a period to compare with. Where nothing was "
    "uploaded a figure is missing, not zero.",
    columns=(
        code("position", "时间", "Position", "weekday"),
        integer("entries", "进场次数", "Entries"),
        integer("exits", "出场次数", "Exits"),
        text(
            "compare_day",
            "对比日期",
            "Compared day",
            shown=lambda values: comparing(values) and values["by"] not in ("hour", "weekday"),
        ),
        integer("compare_entries", "对比期进场", "Entries, compared", shown=comparing),
        integer("compare_exits", "对比期出场", "Exits, compared", shown=comparing),
        ratio(
            "entries_change",
            "进场变化",
            "Change of entries",
            shown=comparing,
            total="per_ten_thousand(sum(entries) - sum(compare_entries), sum(compare_entries))",
        ),
        ratio(
            "exits_change",
            "出场变化",
            "Change of exits",
            shown=comparing,
            total="per_ten_thousand(sum(exits) - sum(compare_exits), sum(compare_exits))",
        ),
    ),
    grain=Grain.HOUR,
    default_days=7,
    parameters=(
        choice("by", "位置", "position", ("each_hour", "day", "month", "hour", "weekday"), "day"),
        *COMPARE,
        *_FILTERS,
    ),
    sql="""
        with position as (select unnest(generate_series({first}::bigint, {last}::bigint)) as place),
        uploaded as (select distinct {place} as place from {rpt_upload_hour} where {period}),
        counted as (
            select {place} as place, sum(entries) as entries, sum(exits) as exits
            from {rpt_traffic_hour} as s where {period}{filters} group by all
        ),
        compare_uploaded as (select distinct {compare_place} as place from {rpt_upload_hour} where {compare_period}),
        compare_counted as (
            select {compare_place} as place, sum(entries) as entries, sum(exits) as exits
            from {rpt_traffic_hour} as s where {compare_period}{filters} group by all
        ),
        filled as (
            select place, {label} as position, {compare_label} as compare_day,
                case when counted.place is not null or uploaded.place is not null
                    then coalesce(counted.entries, 0) end as entries,
                case when counted.place is not null or uploaded.place is not null
                    then coalesce(counted.exits, 0) end as exits,
                case when compare_counted.place is not null or compare_uploaded.place is not null
                    then coalesce(compare_counted.entries, 0) end as compare_entries,
                case when compare_counted.place is not null or compare_uploaded.place is not null
                    then coalesce(compare_counted.exits, 0) end as compare_exits
            from position
            left join uploaded using (place) left join counted using (place)
            left join compare_uploaded using (place) left join compare_counted using (place)
        )
        select *, per_ten_thousand(entries - compare_entries, compare_entries) as entries_change,
            per_ten_thousand(exits - compare_exits, compare_exits) as exits_change
        from filled
    """,
    order="place",
    fragments=_positions,
    bound=_compare_values,
)
