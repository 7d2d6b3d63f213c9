"""Number plates: one spelling, whether a text is a plate at all, and the colour that a form of plate has.

Belongs here: tables and patterns of plates and their application, for records and forms alike. Every pattern is within
RE2 and every table works with ``str.translate`` and DuckDB's ``translate(x, FROM, TO)``, because file ingest applies
them in DuckDB. Does not belong here: what becomes of a record with a misread plate (``ingest/records``).
"""

from __future__ import annotations

import re
from typing import Final

_WIDE_DIGITS = "".join(chr(0xFF10 + i) for i in range(10))
_WIDE_UPPER = "".join(chr(0xFF21 + i) for i in range(26))
_WIDE_LOWER = "".join(chr(0xFF41 + i) for i in range(26))
_DIGITS = "0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SEPARATORS = " \t\r\n\u00a0\u3000\ufeff-_.,:;/|~'\"()[]·•‧・∙●．。，－—–―‐（）【】"
PLATE_FROM: Final = _UPPER.lower() + _WIDE_UPPER + _WIDE_LOWER + _WIDE_DIGITS + "？＊＃" + _SEPARATORS
PLATE_TO: Final = _UPPER + _UPPER + _UPPER + _DIGITS + "?*#"  # what has no counterpart, the separators, is removed

PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_P = f"[{PROVINCES}]"
_C = "[A-HJ-NP-Z0-9]"  # I and O are not issued: they look like 1 and 0
PLATE_FORMS: Final[dict[str, str]] = {
    "standard": f"{_P}[A-Z]{_C}{{5}}",
    "new_energy": f"{_P}[A-Z]{_C}{{6}}",
    "police_trailer_learner": f"{_P}[A-Z]{_C}{{4}}[警挂学试超]",
    "emergency": f"{_P}[A-Z]{_C}{{4}}应急",
    "embassy_consulate": f"[使领][0-9]{{6}}|[0-9]{{6}}[使领]|{_P}[A-Z]{_C}{{4}}[使领]",
    "hong_kong_macau": f"粤Z{_C}{{4}}[港澳]",
    "temporary": f"临{_P}?[A-Z]?{_C}{{5,6}}|{_P}[A-Z]{_C}{{4,5}}临",
    "civil_aviation": f"民航?{_C}{{5}}",
    "military": "[VKHBSLJNGCEZ][A-Z][0-9]{5}|[军空海北沈兰济南广成][A-Z]?[0-9]{5}",
    "armed_police": f"WJ(?:{_P}[0-9]{{4}}[0-9A-Z]|{_P}?[0-9]{{2}}[0-9A-Z]{{4,5}})",
}
PLATE_PATTERN: Final = "|".join(f"(?:{form})" for form in PLATE_FORMS.values())
NO_PLATE_PATTERN: Final = (
    r"[?*#0]*|无.*|未识别.*|未知.*|没有?车?牌.*|车牌未识别.*|识别失败.*|不明.*|空|空牌|空车牌|"
    r"NULL|NONE|NIL|NAN|NA|UNDEFINED|UNKNOWN|NOPLATE|NOCAR|UNLICENSED|UNRECOGNI[SZ]ED"
)

_TABLE: Final = str.maketrans(PLATE_FROM[: len(PLATE_TO)], PLATE_TO, PLATE_FROM[len(PLATE_TO) :])
_is_plate: Final = re.compile(PLATE_PATTERN).fullmatch
_in_text: Final = re.compile(PLATE_PATTERN)
_is_no_plate: Final = re.compile(NO_PLATE_PATTERN).fullmatch

_COLOUR_OF_FORM: Final = {
    "standard": "blue",
    "emergency": "white",
    "embassy_consulate": "black",
    "hong_kong_macau": "black",
    "civil_aviation": "green",
    "military": "white",
    "armed_police": "white",
}
_COLOUR_OF_LAST: Final = {"警": "white", "挂": "yellow", "学": "yellow", "试": "yellow", "超": "yellow"}


def normalise(text: str) -> str:
    """``text`` in the spelling of plates: upper case without separators, whether or not it is a plate."""
    return text.translate(_TABLE)


def recognise(text: str) -> tuple[str | None, str | None]:
    """Normalise ``text`` to upper case without separators and say what it is.

    Returns:
        The plate and no mark; the text as read and ``misread_plate`` when no form fits; or None and ``no_plate``.
    """
    plate = normalise(text)
    if _is_plate(plate):
        return plate, None
    if _is_no_plate(plate):
        return None, "no_plate"
    return plate, "misread_plate"


def masked_plate(plate: str) -> str:
    """The first two and the last two characters with stars between; a short one is all stars."""
    return plate[:2] + "*" * (len(plate) - 4) + plate[-2:] if len(plate) > 5 else "*" * len(plate)


def masked_text(text: str) -> str:
    """A text with every plate in it masked."""
    return _in_text.sub(lambda found: masked_plate(found.group()), text)


def form(plate: str) -> str | None:
    """The name of the form in ``PLATE_FORMS`` that a normalised plate has, or None."""
    return next((name for name, pattern in PLATE_FORMS.items() if re.fullmatch(pattern, plate)), None)


def usual_colour(plate: str) -> str | None:
    """The colour, of code set ``plate_color``, that plates of this form usually have; None when there is none.

    A large new-energy vehicle carries its energy letter last, and its plate is yellow and green.
    """
    found = form(plate)
    if found == "new_energy":
        return "yellow_green" if plate[-1].isalpha() and not plate[2].isalpha() else "green"
    if found == "police_trailer_learner":
        return _COLOUR_OF_LAST[plate[-1]]
    return _COLOUR_OF_FORM.get(found or "")
