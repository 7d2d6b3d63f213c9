"""Routes in plain words, in both languages.

Belongs here: sentences about steps, distances and times. Does not belong here: finding routes.
"""

from __future__ import annotations

from typing import Final

from warehouse.routing.model import Step, Turn

_TURNS: Final = {
    Turn.DEPART: ("出发", "start"),
    Turn.ON: ("直行", "go on"),
    Turn.SLIGHT_RIGHT: ("靠右行驶", "keep right"),
    Turn.RIGHT: ("右转", "turn right"),
    Turn.SHARP_RIGHT: ("向右急转", "turn sharp right"),
    Turn.BACK: ("掉头", "turn back"),
    Turn.SHARP_LEFT: ("向左急转", "turn sharp left"),
    Turn.LEFT: ("左转", "turn left"),
    Turn.SLIGHT_LEFT: ("靠左行驶", "keep left"),
    Turn.MERGE: ("汇入", "merge"),
    Turn.ROUNDABOUT: ("进入环岛", "enter the roundabout"),
    Turn.ARRIVE: ("到达目的地", "arrive"),
}


def instruction(step: Step, language: str) -> str:
    """What to do, onto which road, for how long; in ``language`` ("zh", else English)."""
    is_zh = language == "zh"
    said = _TURNS[step.turn][0 if is_zh else 1]
    if step.turn is Turn.ARRIVE:
        return said if is_zh else "Arrive"
    if step.turn is Turn.ROUNDABOUT and step.exit is not None:
        said += f"，第 {step.exit} 出口驶出" if is_zh else f", take exit {step.exit}"
    if step.road:
        if is_zh:
            said = f"从{step.road}出发" if step.turn is Turn.DEPART else f"{said}，进入{step.road}"
        else:
            said += f" {'on' if step.turn is Turn.DEPART else 'onto'} {step.road}"
    far = length(step.metres, language)
    said += f"，行驶 {far}" if is_zh else f", {far}"
    return said[:1].upper() + said[1:]


def length(metres: float, language: str) -> str:
    """Metres to the next ten, kilometres with one decimal from one on."""
    if round(metres, -1) < 1000:
        near = f"{round(metres, -1):.0f}" if metres >= 10 else f"{metres:.0f}"
        return f"{near} 米" if language == "zh" else f"{near} m"
    kilometres = f"{metres / 1000:,.{1 if metres < 100_000 else 0}f}"
    return f"{kilometres} 公里" if language == "zh" else f"{kilometres} km"


def duration(seconds: float, language: str) -> str:
    """Minutes, at least one; hours from 60 of them on."""
    minutes = max(1, round(seconds / 60))
    hours, rest = divmod(minutes, 60)
    if language == "zh":
        return f"{hours} 小时 {rest} 分钟" if hours else f"{minutes} 分钟"
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
