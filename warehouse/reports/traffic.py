"""Traffic: entries and exits counted (manual 3.7.1 and 3.7.2). Outer gates unless asked otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.reports.columns import code, integer, ratio, text
from warehouse.reports.parameters import Parameter, ParameterType
from warehouse.reports.period import Grain, Period, read_period
from warehouse.reports.pieces import LOT, LOT_CODE, choice, code_filter, gate_filter
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


def _compared(question: Question) -> Period | None:
    start, end = question.values.get("compare_from"), question.values.get("compare_to")
    period = question.period
    assert period is not None
    if start is None and end is None:
        return None
    if start is None:
        raise ParkError(
            zh="有 compare-to 时还需要 compare-from", en="compare-to needs compare-from too", code="bad_period"
        )
    given = {"from": start, "to": end}
    if end is None:  # as long as the period it is compared with
        first = read_period(given, Grain.HOUR, 1, period.end_day, "traffic-analysis").start
        given["to"] = first + (period.end - period.start)  # type: ignore[operator]
    return read_period(given, Grain.HOUR, 1, period.end_day, "traffic-analysis")


def _positions(question: Question) -> dict[str, str]:
    by = question.values["by"]
    period, other = question.period, _compared(question)
    assert period is not None
    if by == "day" and (period.has_time or (other is not None and other.has_time)):
        raise ParkError(
            zh="by=day 按营业日统计,期间不能带时刻:请写成 2019-05-08",
            en="by=day counts whole business days, so no end may have a time of day: write 2019-05-08",
            code="bad_period",
        )
    place = {
        "hour": "hour(local_hour)",
        "weekday": "isodow(business_date)",
        "day": "date_diff('day', {start}, business_date)",
    }[by]
    last = {"hour": "23", "weekday": "7", "day": "$last_day"}[by]
    return {
        "place": place.replace("{start}", "$from_day"),
        "compare_place": place.replace("{start}", "$compare_from_day" if other is not None else "$from_day"),
        "first": "1" if by == "weekday" else "0",
        "last": last,
        "compare_period": "false" if other is None else _condition(other),
        "label": {
            "hour": "format('{:02d}:00', place)",
            "weekday": "'weekday_' || place",
            "day": "strftime(($from_day::date + place::int), '%Y-%m-%d')",
        }[by],
        "compare_label": "strftime(($compare_from_day::date + place::int), '%Y-%m-%d')"
        if by == "day" and other
        else "null",
    }


def _condition(other: Period) -> str:
    days = "business_date >= $compare_from_day and business_date < $compare_to_day"
    if not other.has_time:
        return days
    return f"{days} and local_hour >= $compare_from_time and local_hour < $compare_to_time"


def _compare_values(question: Question) -> dict[str, Any]:
    period, other = question.period, _compared(question)
    assert period is not None
    length = (period.end_day - period.first_day).days
    values: dict[str, Any] = {"last_day": length - 1}
    if other is not None:
        values |= {f"compare_{name}": value for name, value in other.parameters().items()}
        values["last_day"] = max(length, (other.end_day - other.first_day) // timedelta(days=1)) - 1
    return values


def _comparing(values: Mapping[str, Any]) -> bool:
    return "compare_from" in values


TRAFFIC_ANALYSIS: Final = TableReport(
    name="traffic-analysis",
    zh="流量分析",
    en="Traffic analysis",
    about_zh="期间内的流量曲线:by=hour 一天中的各小时,day 逐日,weekday 周一至周日;compare-from/compare-to 为对比期间。"
    "没有任何上传的位置为空而不是零。",
    about_en="The course of traffic: by=hour the hours of the day, day each day, weekday Monday to Sunday; "
    "compare-from and compare-to name a period to compare with. Where nothing was uploaded a figure "
    "is missing, not zero.",
    columns=(
        code("position", "时间", "Position", "weekday"),
        integer("entries", "进场次数", "Entries"),
        integer("exits", "出场次数", "Exits"),
        text(
            "compare_day", "对比日期", "Compared day", shown=lambda values: _comparing(values) and values["by"] == "day"
        ),
        integer("compare_entries", "对比期进场", "Entries, compared", shown=_comparing),
        integer("compare_exits", "对比期出场", "Exits, compared", shown=_comparing),
        ratio(
            "entries_change",
            "进场变化",
            "Change of entries",
            shown=_comparing,
            total="per_ten_thousand(sum(entries) - sum(compare_entries), sum(compare_entries))",
        ),
        ratio(
            "exits_change",
            "出场变化",
            "Change of exits",
            shown=_comparing,
            total="per_ten_thousand(sum(exits) - sum(compare_exits), sum(compare_exits))",
        ),
    ),
    grain=Grain.HOUR,
    default_days=7,
    parameters=(
        choice("by", "位置", "position", ("hour", "day", "weekday"), "day"),
        Parameter("compare_from", "对比期间开始", "start of the period to compare with", ParameterType.PERIOD),
        Parameter(
            "compare_to",
            "对比期间结束(不含);默认与期间等长",
            "its end, exclusive; as long as the period by default",
            ParameterType.PERIOD,
        ),
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
