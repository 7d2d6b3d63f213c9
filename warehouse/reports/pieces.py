"""Columns, filters and small SQL pieces that several reports share.

Belongs here: what must read the same in every report: lots, plates, methods, names of gates and controllers.
"""

from __future__ import annotations

from typing import Final

from warehouse.codes import codes as codes_of
from warehouse.reports.columns import Column, integer, money, text
from warehouse.reports.parameters import COMPARISON, Parameter, ParameterType

METHODS: Final = ("cash", "bank_card", "iou", "stored_value", "alipay", "wechat", "qr", "wallet", "receipt")
METHOD_COLUMNS: Final[dict[str, Column]] = {
    "cash": money("cash", "现金", "Cash"),
    "bank_card": money("bank_card", "银行卡", "Bank card"),
    "iou": money("iou", "白条", "IOU"),
    "stored_value": money("stored_value", "储值卡", "Stored value"),
    "alipay": money("alipay", "APP支付宝", "Alipay"),
    "wechat": money("wechat", "APP微信支付", "WeChat Pay"),
    "qr": money("qr", "APP扫码", "QR code"),
    "wallet": money("wallet", "APP钱包", "Wallet"),
    "receipt": money("receipt", "小票金额", "Receipt"),
}
ALL_METHODS: Final = tuple(METHOD_COLUMNS[method] for method in METHODS)
SUM_OF_METHODS: Final = ", ".join(f"sum({method}) as {method}" for method in METHODS)

LOT: Final = text("lot_name", "停车场名称", "Lot")
LOT_CODE: Final = text("lot_code", "停车场编码", "Lot code")
RECORD_ID: Final = text("record_id", "记录编号", "Record id")
UNCOLLECTED: Final = money("uncollected", "未收", "Uncollected")
CHARGES: Final = integer("charges", "收费笔数", "Charges")
REFUNDS: Final = integer("refunds", "退款笔数", "Refunds")

JOIN_LOT: Final = "join {dim_lot} as l on l.lot_id = s.lot_id"


def join_controller(alias: str, controller: str, gate: str) -> str:
    """Joins that name a controller and a gate of ``s``; ``alias`` and ``alias``_gate carry the names."""
    return (
        f" left join {{dim_device}} as {alias} on {alias}.lot_id = s.lot_id and {alias}.device_id = {controller}"
        f" left join (select lot_id, gate_id, min(gate_name) as gate_name from {{dim_device}}"
        f" where gate_id is not null group by all) as {alias}_gate"
        f" on {alias}_gate.lot_id = s.lot_id and {alias}_gate.gate_id = {gate}"
    )


def controller_name(alias: str, controller: str, gate: str) -> str:
    """The name people know: the controller's, else the gate's, else the id."""
    return f"coalesce({alias}.name, {alias}_gate.gate_name, {controller}, {gate})"


def gate_name(alias: str, gate: str) -> str:
    """The gate's name, else its id."""
    return f"coalesce({alias}_gate.gate_name, {gate})"


def choice(
    key: str, zh: str, en: str, choices: tuple[str, ...], default: str | None = None, condition: str | None = None
) -> Parameter:
    """One word out of several."""
    return Parameter(key, zh, en, ParameterType.CHOICE, choices, default, condition)


def code_filter(key: str, zh: str, en: str, code_set: str, column: str) -> Parameter:
    """Rows whose ``column`` is one of some codes."""
    return Parameter(
        key, zh, en, ParameterType.CHOICES, codes_of(code_set), condition=f"list_contains(${key}, {column})"
    )


def plate_filter(column: str = "s.plate") -> Parameter:
    """Rows with a plate like the pattern; a whole plate is compared, which reads half as much as matching."""
    condition = f"{column} {COMPARISON} $plate"
    return Parameter(
        "plate",
        "车牌,* 代表任意多个字符,? 代表一个字符",
        "plate; * stands for any characters, ? for one",
        ParameterType.PATTERN,
        condition=condition,
    )


def equal_filter(key: str, zh: str, en: str, column: str) -> Parameter:
    """Rows whose ``column`` is exactly the text."""
    return Parameter(key, zh, en, condition=f"{column} = ${key}")


def yes_no_filter(key: str, zh: str, en: str, condition: str) -> Parameter:
    """Rows for which ``condition`` is what was asked."""
    return Parameter(key, zh, en, ParameterType.BOOLEAN, condition=f"({condition}) = ${key}")


def gate_filter(*columns: str) -> Parameter:
    """Rows of a gate, by its id or by its name."""
    named = "select lot_id, gate_id from {dim_device} where gate_name = $gate"
    condition = " or ".join(f"{column} = $gate or (s.lot_id, {column}) in ({named})" for column in columns)
    return Parameter("gate", "出入口编号或名称", "gate, id or name", condition=condition)


def without_filter(**columns: str) -> Parameter:
    """Rows that lack what is named, such as a booth; no text can be compared with nothing."""
    condition = " and ".join(
        f"(not list_contains($without, '{name}') or {column} is null)" for name, column in columns.items()
    )
    return Parameter(
        "without",
        "没有所列各项的行",
        "rows without what is named",
        ParameterType.CHOICES,
        tuple(columns),
        None,
        condition,
    )


def hour_filter(local: str) -> Parameter:
    """Rows of one hour of the day, whatever the day; ``local`` is on the lot's wall clock."""
    hours = tuple(f"{hour:02d}:00" for hour in range(24))
    condition = f"strftime({local}, '%H:00') = $hour_of_day"
    return choice("hour_of_day", "一天中的哪个小时", "hour of the day", hours, condition=condition)


def weekday_filter(day: str) -> Parameter:
    """Rows of one weekday; ``day`` is the business day."""
    weekdays = tuple(f"weekday_{number}" for number in range(1, 8))
    condition = f"'weekday_' || isodow({day}) = $weekday"
    return choice("weekday", "星期几", "weekday", weekdays, condition=condition)


BASIS: Final = choice(
    "basis",
    "口径:payment 按支付时间,exit 按出场时间",
    "payment: by time of payment (cash); exit: by time of exit (earned)",
    ("payment", "exit"),
    "payment",
)
