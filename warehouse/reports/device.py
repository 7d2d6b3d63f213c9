"""Devices of the lots: controllers, cameras, terminals, pay stations, displays (manual 3.9.1 to 3.9.5).

The period does not choose devices: it is the time over which the online rate is computed.
"""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import Column, boolean, code, codes, instant, ratio, text
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, code_filter, equal_filter
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
        from {rpt_device_day} where {period} group by all
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
            code_filter("state", "状态", "state", "device_state", "s.state"),
            equal_filter("number", "编号", "number", "s.number"),
            equal_filter("ip", "IP", "IP address", "s.ip"),
            equal_filter("area", "区域", "area", "s.area_name"),
            equal_filter("gate", "出入口名称", "gate, name", "s.gate_name"),
        ),
        totals_row=False,
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
