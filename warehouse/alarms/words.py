"""The sentence of an alarm, in both languages.

Belongs here: what the platform's rules say, from their figures. Does not belong here: names of alarm types and levels
(the seed of code labels), what a lot itself wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from warehouse.alarms import kinds
from warehouse.codes import code_sets, label

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    kinds.LOT_SILENT: ("已 {value} 分钟没有任何上传", "nothing uploaded for {value} minutes"),
    kinds.DEVICE_OFFLINE: ("设备已离线 {value} 分钟", "offline for {value} minutes"),
    kinds.THIN_HOUR: (
        "最近 {minutes} 分钟收到 {value} 条记录，往常约 {expected} 条",
        "{value} records in the last {minutes} minutes, usually about {expected}",
    ),
    kinds.COMPLETENESS_LOW: (
        "昨日到达率 {value}%：应到 {expected} 条，实到 {received} 条",
        "{value} % of yesterday's records arrived: {received} of {expected}",
    ),
    kinds.BACKLOG_GROWING: (
        "场端积压 {value} 条，已持续增长 {minutes} 分钟",
        "{value} records wait at the lot, growing for {minutes} minutes",
    ),
    kinds.FREE_COUNT_IMPOSSIBLE: (
        "余位数不可能：余位 {value}，车位 {spaces}",
        "impossible count: {value} free of {spaces} spaces",
    ),
    kinds.ABNORMAL_OPENING: (
        "一小时内人工、远程或强制开闸 {value} 次",
        "opened by hand, from afar or by force {value} times within an hour",
    ),
    kinds.ABOUT_TO_FILL: (
        "预计一小时后停 {value} 辆，车位 {spaces}，现有 {cars} 辆",
        "about {value} cars expected in an hour on {spaces} spaces, {cars} now",
    ),
    kinds.CLOCK_DRIFT: ("场端时钟偏差 {value} 秒", "the lot's clock is {value} seconds off"),
    kinds.LICENCE_ENDING: ("授权于 {day} 到期，剩 {value} 天", "licence ends on {day}, {value} days left"),
    kinds.LANDER_STOPPED: (
        "平台入库已停 {value} 分钟，各停车场数据暂不更新",
        "the platform has landed nothing for {value} minutes, the lots' data stand still",
    ),
    kinds.ALL_SILENT: (
        "{value} 个停车场全部失联 {minutes} 分钟，请先检查平台的网关与网络",
        "all {value} lots are silent for {minutes} minutes: check the platform's gateway and network first",
    ),
}
_UNKNOWN: Final = {"zh": "未知", "en": "unknown"}


def sentence(alarm_type: str | None, details: Mapping[str, Any] | None, message: str | None, language: str) -> str:
    """What an alarm says in ``language``: a rule's sentence with its figures, or the lot's own message."""
    if details is None or alarm_type is None or alarm_type not in _SENTENCES:
        return message or ""
    chosen = _SENTENCES[alarm_type][0 if language == "zh" else 1]
    unknown = _UNKNOWN["zh" if language == "zh" else "en"]
    return chosen.format_map({name: unknown if value is None else value for name, value in details.items()})


def type_label(alarm_type: str | None, language: str) -> str:
    """The name of an alarm type; one that has none is its own."""
    return label("alarm_type", alarm_type or "other", language)


def alarm_types() -> tuple[str, ...]:
    """Every alarm type that has a name."""
    return tuple(code_sets()["alarm_type"])
