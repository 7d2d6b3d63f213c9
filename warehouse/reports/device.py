"""Devices of the lots: controllers, cameras, terminals, pay stations, displays (manual 3.9.1 to 3.9.5).

The period does not choose devices: it is the time over which the online rate is computed.
"""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import Column, boolean, code, codes, day, duration, instant, ratio, text
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, code_filter, equal_filter, yes_no_filter
from warehouse.reports.table import TableReport

_NUMBER: Final = text("number", "编号", "Number")
_AREA: Final = text("area_name", "区域", "Area")
_STATE: Final = code("state", "状态", "State", "device_state")
_IP: Final = text("ip", "IP地址", "IP address")
_HOST: Final = text("host_ip", "计算机IP", "Host IP")
_BEHIND: Final = (
    instant("reported_at", "最近上报", "Last report"),
    ratio("online_rate", "在线率", "Online rate"),
    boolean("same_number", "编号重复", "Number used twice"),
    boolean("same_ip", "IP重复", "IP used twice"),
    LOT_CODE,
    text("device_id", "设备编号", "Device id"),
)
_AT_GATE: Final = (
    _NUMBER,
    LOT,
    _AREA,
    text("gate_name", "出入口名称", "Gate"),
    code("direction", "出入口类型", "Direction"),
    text("name", "控制机名称", "Controller"),
    text("ip", "控制机IP", "Controller IP"),
    _HOST,
    codes("vehicle_classes", "通行车辆类型", "Vehicle classes", "vehicle_class"),
    boolean("is_virtual", "虚拟", "Virtual"),
    _STATE,
    *_BEHIND,
)
_DOWNLOAD: Final = code("download_state", "下载状态", "Download")
_GUIDANCE: Final = boolean("guidance_enabled", "启用引导", "Guidance on")


def _named(zh: str, en: str) -> tuple[Column, ...]:
    return (_NUMBER, LOT, _AREA, text("name", zh, en), _IP, _HOST)


# The same number or address twice among a lot's devices of one type is a mistake of whoever set them up.
_SQL: Final = """
    with online as (
        select lot_id, device_id, sum(online_seconds) as online,
            sum(online_seconds + offline_seconds + fault_seconds + unknown_seconds) as whole
        from {rpt_device_day} where {period} and device_type = '{device_type}' group by all
    ),
    device as (
        select *, count(*) over (partition by lot_id, number) > 1 and number is not null as same_number,
            count(*) over (partition by lot_id, ip) > 1 and ip is not null as same_ip
        from {dim_device} where device_type = '{device_type}'
    )
    select s.* replace (timezone(l.time_zone, s.reported_at) as reported_at), l.name as lot_name, l.code as lot_code,
        per_ten_thousand(online.online, online.whole) as online_rate
    from device as s
    join {dim_lot} as l on l.lot_id = s.lot_id
    left join online on online.lot_id = s.lot_id and online.device_id = s.device_id
    where true{filters}
"""


def _devices(name: str, device_type: str, zh: str, en: str, columns: tuple[Column, ...]) -> TableReport:
    return TableReport(
        name=name,
        zh=zh,
        en=en,
        about_zh="每台设备一行,为最近一次上报的状态;在线率按所选期间(默认最近 7 天)计算;"
        "同一停车场编号或 IP 重复的会标出。",
        about_en="One row per device as last reported; the online rate is over the period, the last 7 days by default; "
        "a number or IP used twice in one lot is flagged.",
        columns=columns,
        grain=Grain.DAY,
        default_days=7,
        parameters=(
            code_filter("state", "状态(上次发布)", "state, as last published", "device_state", "s.state"),
            equal_filter("number", "编号", "number", "s.number"),
            equal_filter("ip", "IP", "IP address", "s.ip"),
            equal_filter("area", "区域", "area", "s.area_name"),
            equal_filter("gate", "出入口名称", "gate, name", "s.gate_name"),
            yes_no_filter(
                "repeated", "编号或 IP 重复", "number or IP used twice in the lot", "s.same_number or s.same_ip"
            ),
        ),
        totals_row=False,
        by_lot=True,
        sql=_SQL,
        order="lot_id, number, device_id",
        fragments=lambda _question: {"device_type": device_type},
    )


GATE_CONTROLLERS: Final = _devices("gate-controllers", "controller", "出入口控制机", "Gate controllers", _AT_GATE)
CAMERAS: Final = _devices("cameras", "camera", "摄像机", "Cameras", _AT_GATE)
TERMINALS: Final = _devices(
    "terminals",
    "terminal",
    "终端",
    "Terminals",
    (*_named("终端名称", "Terminal"), text("login_operator", "登录操作员", "Logged in"), _STATE, *_BEHIND),
)
PAY_STATIONS: Final = _devices(
    "pay-stations",
    "pay_station",
    "自助缴费机",
    "Pay stations",
    (*_named("缴费机名称", "Pay station"), _DOWNLOAD, _GUIDANCE, _STATE, *_BEHIND),
)
DISPLAYS: Final = _devices(
    "displays",
    "display",
    "显示屏",
    "Displays",
    (*_named("显示屏名称", "Display"), _DOWNLOAD, _GUIDANCE, _STATE, *_BEHIND),
)


_THIS_DEVICE: Final = (equal_filter("device_id", "设备编号", "device id", "s.device_id"),)
_DAYS_SQL: Final = """
    select s.lot_id, s.device_id, s.business_date,
        per_ten_thousand(s.online_seconds, s.online_seconds + s.offline_seconds + s.fault_seconds + s.unknown_seconds)
            as online_rate,
        s.online_seconds, s.offline_seconds, s.fault_seconds, s.unknown_seconds,
        s.online_seconds + s.offline_seconds + s.fault_seconds + s.unknown_seconds as whole_seconds
    from (select * from {rpt_device_day} where {period}) as s
    where s.device_type = '{device_type}'{filters}
"""
# An interval ends at each business day and at each report; one state without a gap is one row.
_STATES_SQL: Final = """
    with cut as (
        select s.*, coalesce(s.state = lag(s.state) over device and s.started_at = lag(s.ended_at) over device, false)
            as goes_on
        from (select * from {fct_device_interval} where {period}) as s
        where s.device_type = '{device_type}'{filters}
        window device as (partition by s.lot_id, s.device_id order by s.started_at)
    ),
    numbered as (
        select *, count(*) filter (where not goes_on)
            over (partition by lot_id, device_id order by started_at) as stretch
        from cut
    )
    select n.lot_id, n.device_id, min(n.state) as state, timezone(min(l.time_zone), min(n.started_at)) as started_at,
        timezone(min(l.time_zone), max(n.ended_at)) as ended_at,
        floor(epoch(max(n.ended_at)) - epoch(min(n.started_at)))::bigint as seconds
    from numbered as n join {dim_lot} as l on l.lot_id = n.lot_id
    group by n.lot_id, n.device_id, n.stretch
"""


def _of_one_device(report: TableReport, device_type: str) -> tuple[TableReport, TableReport]:
    """What the drawer of a device shows: its days and its states, newest first."""

    def made(
        suffix: str, zh: str, en: str, about: tuple[str, str], columns: tuple[Column, ...], sql: str, order: str
    ) -> TableReport:
        return TableReport(
            name=f"{report.name}-{suffix}",
            zh=f"{report.zh}{zh}",
            en=f"{report.en}: {en}",
            about_zh=about[0],
            about_en=about[1],
            columns=columns,
            grain=Grain.DAY,
            default_days=30,
            parameters=_THIS_DEVICE,
            totals_row=False,
            listed=False,
            sql=sql,
            order=order,
            fragments=lambda _question: {"device_type": device_type},
        )

    days = made(
        "days",
        "每日在线",
        "days",
        ("每台设备每个营业日一行。", "One row per device and business day."),
        (
            day("business_date", "营业日", "Business day"),
            ratio("online_rate", "在线率", "Online rate"),
            duration("online_seconds", "在线", "Online"),
            duration("offline_seconds", "离线", "Offline"),
            duration("fault_seconds", "故障", "Fault"),
            duration("unknown_seconds", "未知", "Unknown"),
            duration("whole_seconds", "全天", "Whole day"),
        ),
        _DAYS_SQL,
        "business_date desc, lot_id, device_id",
    )
    states = made(
        "states",
        "状态变化",
        "states",
        ("每台设备每段状态一行。", "One row per device and stretch of one state."),
        (
            code("state", "状态", "State", "device_state"),
            instant("started_at", "开始", "From"),
            instant("ended_at", "结束", "To"),
            duration("seconds", "时长", "Length"),
        ),
        _STATES_SQL,
        "started_at desc, lot_id, device_id",
    )
    return days, states


OF_ONE_DEVICE: Final = tuple(
    made
    for report, device_type in (
        (GATE_CONTROLLERS, "controller"),
        (CAMERAS, "camera"),
        (TERMINALS, "terminal"),
        (PAY_STATIONS, "pay_station"),
        (DISPLAYS, "display"),
    )
    for made in _of_one_device(report, device_type)
)
