"""Records of cars: entries, exits, inner entries and exits, stays (manual 3.7.3 to 3.7.6)."""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import Column, boolean, code, duration, instant, text
from warehouse.reports.listing import MICROSECONDS_OF_DAY, Counted, ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import (
    JOIN_LOT,
    LOT,
    LOT_CODE,
    choice,
    code_filter,
    controller_name,
    equal_filter,
    gate_filter,
    gate_name,
    hour_filter,
    join_controller,
    plate_filter,
    weekday_filter,
    without_filter,
    yes_no_filter,
)

_PLATE: Final = text("plate", "车牌", "Plate")
_VEHICLE_CLASS: Final = code("vehicle_class", "车辆类型", "Vehicle class")
_OWNER: Final = text("owner_name", "车主姓名", "Owner")
_CHARGE_CLASS: Final = code("charge_class", "收费类型", "Charge class")
_ENTERED: Final = instant("entered_at", "进场时间", "Entered")
_EXITED: Final = instant("exited_at", "出场时间", "Exited")
_RELEASE: Final = code("release_mode", "出场方式", "Release")
_DURATION: Final = duration("duration_seconds", "停车时长", "Stay")
_REMARK: Final = text("remark", "备注", "Remark")
_STATE: Final = code("state", "停车状态", "State", "stay_state")
_ENTRY_SOURCE: Final = code("entry_source", "进场来源", "Entry known from", "entry_source")
_BAD: Final = boolean("is_bad", "时长异常", "Bad duration")
_LEFT: Final = boolean("has_left", "已出场", "Left")
_AREA: Final = text("area_name", "内场区域", "Inner area")

_FILTERS: Final = (
    code_filter("vehicle_class", "车辆类型", "vehicle class", "vehicle_class", "s.vehicle_class"),
    code_filter("charge_class", "收费类型", "charge class", "charge_class", "s.charge_class"),
    equal_filter("owner", "车主姓名", "owner", "s.owner_name"),
)
_EXIT_FILTERS: Final = (
    plate_filter(),
    gate_filter("s.exit_gate_id"),
    *_FILTERS,
    code_filter("release_mode", "出场方式", "way of release", "release_mode", "s.release_mode"),
    yes_no_filter("bad", "时长异常(出场早于进场或过长)", "bad duration: exit before entry, or too long", "s.is_bad"),
)
_ENTRY_FILTERS: Final = (
    plate_filter("s.entry_plate"),
    gate_filter("s.entry_gate_id"),
    *_FILTERS,
    yes_no_filter("left", "是否已出场", "whether it has left", "s.state <> 'open'"),
)
# What a figure of the traffic reports can be narrowed by, so that it leads to exactly its records.
_EXIT_MOMENT: Final = (
    equal_filter("gate_id", "出口编号", "exit gate, id", "s.exit_gate_id"),
    without_filter(gate="s.exit_gate_id", vehicle_class="s.vehicle_class"),
    hour_filter("s.exit_local_at"),
    weekday_filter("s.business_date"),
)
_ENTRY_CLOCK: Final = "(select {0} from {{dim_lot}} as home where home.lot_id = s.lot_id)"
_ENTRY_LOCAL: Final = f"timezone({_ENTRY_CLOCK.format('time_zone')}, s.entry_at)"
_ENTRY_MOMENT: Final = (
    equal_filter("gate_id", "入口编号", "entry gate, id", "s.entry_gate_id"),
    without_filter(gate="s.entry_gate_id", vehicle_class="s.vehicle_class"),
    hour_filter(_ENTRY_LOCAL),
    weekday_filter(f"({_ENTRY_LOCAL} - to_minutes({_ENTRY_CLOCK.format('cutover_minutes')}))::date"),
)
_AREA_FILTER: Final = equal_filter("area", "内场区域编号", "inner area, id", "s.area_id")

_LABELS: Final = """
    l.name as lot_name, l.code as lot_code, s.plate, s.vehicle_class, s.owner_name, s.charge_class,
    timezone(l.time_zone, s.entry_at) as entered_at, s.exit_local_at as exited_at, s.release_mode, s.duration_seconds,
    s.remark, s.state, s.entry_source, s.is_bad, s.state <> 'open' as has_left, s.stay_id, s.entry_record_id,
    s.exit_record_id
"""
# An entry shows the plate read at the entrance, whatever the exit's camera made of it.
_ENTRY_LABELS: Final = _LABELS.replace("s.plate,", "s.entry_plate as plate,")
_ENTRANCE: Final = f""",
    {controller_name("entrance", "s.entry_controller_id", "s.entry_gate_id")} as entry_controller,
    {gate_name("entrance", "s.entry_gate_id")} as entry_gate
"""
_WAY_OUT: Final = f""",
    {controller_name("way_out", "s.exit_controller_id", "s.exit_gate_id")} as exit_controller,
    {gate_name("way_out", "s.exit_gate_id")} as exit_gate
"""
_IN_AREA: Final = ", coalesce(area.name, s.area_id) as area_name"
# Planning a join costs a millisecond or two, so each list names only what it shows.
_JOIN_ENTRANCE: Final = join_controller("entrance", "s.entry_controller_id", "s.entry_gate_id")
_JOIN_WAY_OUT: Final = join_controller("way_out", "s.exit_controller_id", "s.exit_gate_id")
_JOIN_AREA: Final = " left join {dim_area} as area on area.lot_id = s.lot_id and area.area_id = s.area_id"
_SORTABLE: Final = {
    "plate": "s.plate",
    "entered_at": "s.entry_at",
    "exited_at": "s.exit_at",
    "duration_seconds": "s.duration_seconds",
    "owner_name": "s.owner_name",
    "vehicle_class": "s.vehicle_class",
}


def _exits(inner: bool) -> Source:
    return Source(
        relation="{fct_stay} as s",
        where=f"s.is_inner = {str(inner).lower()} and s.state in ('closed', 'orphan_exit')",
        instant="s.exit_at",
        record="s.stay_id",
        day="s.business_date",
        local="s.exit_local_at",
        counted=Counted("{rpt_traffic_hour} as s", f"s.is_inner = {str(inner).lower()}", "s.exits"),
    )


def _entries(inner: bool) -> Source:
    # A stay lies in the day of its exit, so entries are found by their instant.
    return Source(
        relation="{fct_stay} as s",
        where=f"s.is_inner = {str(inner).lower()} and s.entry_source = 'record'",
        instant="s.entry_at",
        record="s.stay_id",
        day=None,
        counted=Counted(
            "{rpt_traffic_hour} as s",
            f"s.is_inner = {str(inner).lower()}",
            "s.entries",
            bucket=f"(epoch_us(s.hour_started_at) // {MICROSECONDS_OF_DAY})",
            by_utc_day=True,
        ),
    )


def _exit_columns(*area: Column) -> tuple[Column, ...]:
    return (
        LOT,
        text("exit_controller", "出口控制机", "Exit controller"),
        _PLATE,
        _VEHICLE_CLASS,
        _OWNER,
        _CHARGE_CLASS,
        _ENTERED,
        _EXITED,
        _RELEASE,
        _DURATION,
        _REMARK,
        *area,
        text("exit_gate", "出口", "Exit gate"),
        _ENTRY_SOURCE,
        _BAD,
        LOT_CODE,
        text("exit_record_id", "出场记录编号", "Exit record"),
    )


def _entry_columns(*area: Column) -> tuple[Column, ...]:
    return (
        LOT,
        text("entry_controller", "入口控制机", "Entry controller"),
        _PLATE,
        _VEHICLE_CLASS,
        _OWNER,
        _CHARGE_CLASS,
        _ENTERED,
        _LEFT,
        _EXITED,
        _STATE,
        *area,
        text("entry_gate", "入口", "Entry gate"),
        LOT_CODE,
        text("entry_record_id", "进场记录编号", "Entry record"),
    )


ENTRY_RECORDS: Final = ListReport(
    name="entry-records",
    zh="进场记录",
    en="Entry records",
    about_zh="每行一次外场进场,最新在前;已出场 = 有出场,或同一车牌之后又进场。期间按进场时间。",
    about_en="One row per entry through an outer gate, newest first; left = it has an exit, or the plate entered "
    "again. The period is the time of entry.",
    columns=_entry_columns(),
    grain=Grain.RECORD,
    parameters=(*_ENTRY_FILTERS, *_ENTRY_MOMENT),
    totals_row=False,
    source=_entries(inner=False),
    select=_ENTRY_LABELS + _ENTRANCE,
    joins=JOIN_LOT + _JOIN_ENTRANCE,
    sums={},
    sortable=_SORTABLE | {"plate": "s.entry_plate"},
)
EXIT_RECORDS: Final = ListReport(
    name="exit-records",
    zh="出场记录",
    en="Exit records",
    about_zh="每行一次外场出场,最新在前;没有进场记录的出场也在内,进场时间为空或为出场记录所载。",
    about_en="One row per exit through an outer gate, newest first; exits without an entry included, their entry time "
    "empty or as the exit claims.",
    columns=_exit_columns(),
    grain=Grain.RECORD,
    parameters=(*_EXIT_FILTERS, *_EXIT_MOMENT),
    totals_row=False,
    source=_exits(inner=False),
    select=_LABELS + _WAY_OUT,
    joins=JOIN_LOT + _JOIN_WAY_OUT,
    sums={},
    sortable=_SORTABLE,
)
INNER_ENTRY_RECORDS: Final = ListReport(
    name="inner-entry-records",
    zh="内场进场记录",
    en="Inner entry records",
    about_zh="每行一次进入内场(嵌套区域),最新在前;不计入流量和占用。",
    about_en="One row per entry into a nested area, newest first; never part of traffic or occupancy.",
    columns=_entry_columns(_AREA),
    grain=Grain.RECORD,
    parameters=(*_ENTRY_FILTERS, *_ENTRY_MOMENT, _AREA_FILTER),
    totals_row=False,
    source=_entries(inner=True),
    select=_ENTRY_LABELS + _ENTRANCE + _IN_AREA,
    joins=JOIN_LOT + _JOIN_ENTRANCE + _JOIN_AREA,
    sums={},
    sortable=_SORTABLE | {"plate": "s.entry_plate"},
)
INNER_EXIT_RECORDS: Final = ListReport(
    name="inner-exit-records",
    zh="内场出场记录",
    en="Inner exit records",
    about_zh="每行一次离开内场(嵌套区域),最新在前;不计入流量和占用。",
    about_en="One row per exit from a nested area, newest first; never part of traffic or occupancy.",
    columns=_exit_columns(_AREA),
    grain=Grain.RECORD,
    parameters=(*_EXIT_FILTERS, *_EXIT_MOMENT, _AREA_FILTER),
    totals_row=False,
    source=_exits(inner=True),
    select=_LABELS + _WAY_OUT + _IN_AREA,
    joins=JOIN_LOT + _JOIN_WAY_OUT + _JOIN_AREA,
    sums={},
    sortable=_SORTABLE,
)
STAYS: Final = ListReport(
    name="stays",
    zh="停车明细",
    en="Stays",
    about_zh="每行一次停车(默认外场):已离场、在场、缺出场、缺进场;日期为出场的营业日,未出场的为进场的营业日。",
    about_en="One row per stay (outer unless inner=yes): closed, in the lot, exit missing, entry missing; dated by the "
    "business day of the exit, of the entry while there is none.",
    columns=(
        LOT,
        _PLATE,
        _VEHICLE_CLASS,
        _OWNER,
        _CHARGE_CLASS,
        _ENTERED,
        text("entry_gate", "入口", "Entry gate"),
        _EXITED,
        text("exit_gate", "出口", "Exit gate"),
        _RELEASE,
        _DURATION,
        _STATE,
        _ENTRY_SOURCE,
        _BAD,
        _AREA,
        _REMARK,
        LOT_CODE,
        text("stay_id", "停车编号", "Stay id"),
        text("entry_record_id", "进场记录编号", "Entry record"),
        text("exit_record_id", "出场记录编号", "Exit record"),
    ),
    grain=Grain.RECORD,
    parameters=(
        plate_filter(),
        gate_filter("s.entry_gate_id", "s.exit_gate_id"),
        *_FILTERS,
        _EXIT_FILTERS[-2],
        _EXIT_FILTERS[-1],
        code_filter("state", "停车状态", "state", "stay_state", "s.state"),
        choice(
            "inner",
            "no 外场,yes 内场",
            "no: outer stays, yes: inner stays",
            ("no", "yes"),
            "no",
            "s.is_inner = ($inner = 'yes')",
        ),
    ),
    totals_row=False,
    source=Source(
        relation="{fct_stay} as s",
        where="true",
        instant="coalesce(s.exit_at, s.entry_at)",
        record="s.stay_id",
        day="s.business_date",
        counted=Counted(
            "{rpt_stay_day} as s",
            "true",
            "s.stays + s.bad_stays + s.orphan_exits + s.missing_exits + s.open_stays",
            cut_to={"inner": "no"},
        ),
    ),
    select=_LABELS + _ENTRANCE + _WAY_OUT + _IN_AREA,
    joins=JOIN_LOT + _JOIN_ENTRANCE + _JOIN_WAY_OUT + _JOIN_AREA,
    sums={},
    sortable=_SORTABLE,
)
