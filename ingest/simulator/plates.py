"""Licence plates: many at once, in the forms of the mainland, Hong Kong and Macau cross-border ones included.

Belongs here: drawing plates, their colours and misreadings. Does not belong here: checking plates (``ingest.records``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Strings = npt.NDArray[np.str_]

_ALNUM = np.array(list("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"))
_DIGITS = np.array(list("0123456789"))
_LOOKALIKE = {"0": "D", "D": "0", "8": "B", "B": "8", "5": "S", "S": "5", "2": "Z", "Z": "2", "1": "7", "7": "1"}
NEW_ENERGY_SHARE = 0.34
_FAR_AWAY = ("京A", "京N", "粤B", "粤A", "川A", "鄂A", "湘A", "鲁B", "豫A", "闽D", "赣A", "渝B")


def draw_plates(rng: np.random.Generator, count: int, home: tuple[str, ...]) -> tuple[Strings, Strings]:
    """``count`` plates and their colour codes: ordinary blue, new-energy green, trucks, police, cross-border ones."""
    weights = 0.55 ** np.arange(len(home))
    prefixes = np.array(home)[rng.choice(len(home), count, p=weights / weights.sum())]
    far = rng.random(count) < 0.05
    prefixes = np.where(far, np.array(_FAR_AWAY)[rng.integers(0, len(_FAR_AWAY), count)], prefixes)

    digits = _DIGITS[rng.integers(0, 10, (count, 5))]
    letters = _ALNUM[rng.integers(0, len(_ALNUM), (count, 5))]
    green = rng.random(count) < NEW_ENERGY_SHARE
    is_letter = rng.random((count, 5)) < 0.28
    is_letter[:, 1:] &= ~green[:, None]  # D or F, one letter or digit, then digits only
    tails = _join(np.where(is_letter, letters, digits))
    kind = np.array(list("DDDFA"))[rng.integers(0, 5, count)]  # D and A: battery; F: hybrid
    plates = np.char.add(prefixes, np.where(green, np.char.add(kind, tails), tails))
    colors = np.where(green, "green", "blue").astype("<U12")

    rare = rng.random(count)
    truck = (rare < 0.006) & ~green
    colors[truck] = "yellow"
    province = prefixes.astype("<U1")
    special = np.flatnonzero((rare >= 0.006) & (rare < 0.010))
    for index in special:  # a handful: police, learner, cross-border
        tail = str(tails[index])
        form = index % 3
        plates[index] = (f"{province[index]}A{tail[:4]}警", f"{province[index]}A{tail[:4]}学", f"粤Z{tail[:4]}港")[form]
        colors[index] = ("white", "yellow", "black")[form]
    return plates, colors


def misread(rng: np.random.Generator, plates: Strings) -> Strings:
    """The same plates with one character read as another; every fourth in a form that no plate has."""
    result = plates.astype("<U12")
    for index, plate in enumerate(plates):
        position = int(rng.integers(2, max(3, len(plate))))
        old = str(plate[position : position + 1])
        if rng.random() < 0.25:
            result[index] = plate[:1] + plate[2:5]  # cut off: the camera saw half of it
        else:
            new = _LOOKALIKE.get(old, "8" if old != "8" else "6")
            result[index] = plate[:position] + new + plate[position + 1 :]
    return result


def _join(characters: npt.NDArray[np.str_]) -> Strings:
    return np.ascontiguousarray(characters).view(f"<U{characters.shape[1]}").reshape(-1)
