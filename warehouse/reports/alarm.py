"""Alarms: device faults and abnormal gate openings (manual 3.7.7), and how often and how long they last."""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import boolean, code, duration, instant, integer, text
from warehouse.reports.listing import ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import (
    JOIN_LOT,
    LOT,
    LOT_CODE,
    RECORD_ID,
    choice,
    code_filter,
    equal_filter,
    gate_filter,
)
from warehouse.reports.pieces import gate_name as named_gate
from warehouse.reports.question import Question
from warehouse.reports.table import TableReport

ALARM_SELECT: Final = f"""
    l.name as lot_name, l.code as lot_code, s.alarm_type, s.level, s.device_type,
    coalesce(device.name, s.device_id) as device_name, {named_gate("way", "s.gate_id")} as gate_name, s.message,
    timezone(l.time_zone, s.raised_at) as raised_at, timezone(l.time_zone, s.recovered_at) as recovered_at,
    s.duration_seconds, s.recovered_at is null as is_open, s.alarm_id,
    s.record_id
"""
ALARM_JOINS: Final = (
    JOIN_LOT
    + " left join {dim_device} as device on device.lot_id = s.lot_id and device.device_id = s.device_id"
    + " left join (select lot_id, gate_id, min(gate_name) as gate_name from {dim_device}"
    + " where gate_id is not null group by all) as way_gate"
    + " on way_gate.lot_id = s.lot_id and way_gate.gate_id = s.gate_id"
)
ALARM_COLUMNS: Final = (
    LOT,
    code("alarm_type", "警报类型", "Alarm type"),
    code("level", "级别", "Level", "alarm_level"),
    code("device_type", "设备类型", "Device type"),
    text("device_name", "设备", "Device"),
    text("gate_name", "出入口", "Gate"),
    text("message", "内容", "Message"),
    instant("raised_at", "发生时间", "Raised"),
    instant("recovered_at", "恢复时间", "Recovered"),
    duration("duration_seconds", "持续时间", "Duration"),
    boolean("is_open", "未恢复", "Open"),
    LOT_CODE,
    text("alarm_id", "警报编号", "Alarm id"),
    RECORD_ID,
)
ALARM_SOURCE: Final = Source(
    relation="{fct_alarm} as s",
    where="coalesce(s.raised_at, s.recovered_at) is not null",
    instant="coalesce(s.raised_at, s.recovered_at)",
    record="s.record_id",
    day="s.business_date",
)

ALARMS: Final = ListReport(
    name="alarms",
    zh="警报记录",
    en="Alarms",
    about_zh="每行一次警报,最新在前:设备异常、异常开闸等;期间按发生时间。",
    about_en="One row per time an alarm stood, newest first: device faults, abnormal gate openings; the period is the "
    "time of raise.",
    columns=ALARM_COLUMNS,
    grain=Grain.RECORD,
    default_days=7,
    parameters=(
        code_filter("level", "级别", "level", "alarm_level", "s.level"),
        equal_filter("alarm_type", "警报类型代码", "alarm type, code", "s.alarm_type"),
        code_filter("device_type", "设备类型", "device type", "device_type", "s.device_type"),
        equal_filter("device", "设备编号", "device, id", "s.device_id"),
        gate_filter("s.gate_id"),
        choice(
            "state",
            "open 未恢复,recovered 已恢复",
            "open or recovered",
            ("open", "recovered"),
            condition="(s.recovered_at is null) = ($state = 'open')",
        ),
    ),
    totals_row=False,
    source=ALARM_SOURCE,
    select=ALARM_SELECT,
    joins=ALARM_JOINS,
    sums={},
    sortable={
        "raised_at": "s.raised_at",
        "recovered_at": "s.recovered_at",
        "duration_seconds": "s.duration_seconds",
        "level": "s.level",
        "alarm_type": "s.alarm_type",
    },
)


_GROUPS: Final = {
    "lot": ("null", "null", "null"),
    "type": ("s.alarm_type", "null", "null"),
    "device": ("null", "s.device_type", "coalesce(device.name, s.device_id)"),
}


def _groups(question: Question) -> dict[str, str]:
    alarm_type, device_type, device = _GROUPS[question.values["by"]]
    return {"alarm_type": alarm_type, "device_type": device_type, "device": device}


ALARM_STATISTICS: Final = TableReport(
    name="alarm-statistics",
    zh="警报统计",
    en="Alarm statistics",
    about_zh="每个停车场(或其每种警报、每台设备)在期间内发生的警报数、未恢复数、平均恢复时间和最长持续时间;"
    "平均只算已恢复的,期间按发生时间。",
    about_en="Alarms raised per lot (or per type or device of a lot), how many are still open, the mean time to "
    "recover and the longest duration; the mean is of those that recovered, the period is the time of raise.",
    columns=(
        LOT,
        code("alarm_type", "警报类型", "Alarm type", shown=lambda asked: asked["by"] == "type"),
        code("device_type", "设备类型", "Device type", shown=lambda asked: asked["by"] == "device"),
        text("device_name", "设备", "Device", shown=lambda asked: asked["by"] == "device"),
        integer("alarms", "警报数", "Alarms"),
        integer("critical", "其中严重", "Critical"),
        integer("still_open", "未恢复", "Open"),
        duration("mean_seconds", "平均恢复时间", "Mean time to recover", total="rounded(sum(seconds), sum(recovered))"),
        duration("longest_seconds", "最长持续", "Longest", total="max(longest_seconds)"),
        instant("last_raised_at", "最近发生", "Last raised"),
        LOT_CODE,
    ),
    grain=Grain.DAY,
    default_days=30,
    parameters=(
        choice("by", "统计对象", "what is counted by", ("lot", "type", "device"), "lot"),
        code_filter("level", "级别", "level", "alarm_level", "s.level"),
        equal_filter("alarm_type", "警报类型代码", "alarm type, code", "s.alarm_type"),
    ),
    sql="""
        with counted as (
            select s.lot_id, {alarm_type} as alarm_type, {device_type} as device_type, {device} as device_name,
                count(*) as alarms, count(*) filter (where s.level = 'critical') as critical,
                count(*) filter (where s.recovered_at is null) as still_open,
                count(s.duration_seconds) as recovered, coalesce(sum(s.duration_seconds), 0) as seconds,
                max(s.duration_seconds) as longest_seconds, max(s.raised_at) as last_raised_at
            from {fct_alarm} as s
            left join {dim_device} as device on device.lot_id = s.lot_id and device.device_id = s.device_id
            where s.raised_at is not null and {period}{filters}
            group by all
        )
        select counted.* exclude (last_raised_at), rounded(counted.seconds, counted.recovered) as mean_seconds,
            l.name as lot_name, l.code as lot_code,
            timezone(l.time_zone, counted.last_raised_at) as last_raised_at
        from counted join {dim_lot} as l on l.lot_id = counted.lot_id
    """,
    order="alarms desc, lot_id, alarm_type nulls first, device_name nulls first, device_type nulls first",
    fragments=_groups,
)
