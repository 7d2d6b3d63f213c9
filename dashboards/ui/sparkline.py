"""Small drawings beside figures.

Belongs here: a series as a picture of a few pixels. Does not belong here: charts with axes (charts.py).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence


def image(series: Sequence[float | None], shape: str, colour: str, width: int = 96, height: int = 30) -> str:
    """An ``img`` of ``series`` as ``bar`` or ``line``; "" with less than two values. None is a gap."""
    known = [value for value in series if value is not None]
    if len(known) < 2:
        return ""
    low, high = (0.0, max(known)) if shape == "bar" else (min(known), max(known))
    spread = (high - low) or 1.0
    step = width / len(series)

    def y(value: float) -> float:
        return height - 2 - (value - low) / spread * (height - 5)

    if shape == "bar":
        drawing = "".join(
            f"<rect x='{index * step:.1f}' y='{y(value):.1f}' width='{step * 0.62:.1f}' "
            f"height='{height - y(value):.1f}' rx='1' fill='{colour}' opacity='.8'/>"
            for index, value in enumerate(series)
            if value is not None
        )
    else:
        drawing = "".join(
            f"<polyline points='{' '.join(part)}' fill='none' stroke='{colour}' stroke-width='1.8' "
            "stroke-linejoin='round' stroke-linecap='round'/>"
            for part in _unbroken(series, step, y)
        )
    picture = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' preserveAspectRatio='none'>"
        f"{drawing}</svg>"
    )
    encoded = base64.b64encode(picture.encode()).decode()
    return f"<img class='pc-spark' alt='' src='data:image/svg+xml;base64,{encoded}'>"


def _unbroken(series: Sequence[float | None], step: float, y: Callable[[float], float]) -> Iterator[list[str]]:
    part: list[str] = []
    for index, value in enumerate(series):
        if value is None:
            if len(part) > 1:
                yield part
            part = []
        else:
            part.append(f"{index * step + step / 2:.1f},{y(value):.1f}")
    if len(part) > 1:
        yield part
