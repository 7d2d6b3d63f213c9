"""Number plates: one spelling, and whether the text is a plate at all.

Belongs here: applying the tables and patterns of ``rules.py``. Does not belong here: those tables.
"""

from __future__ import annotations

import re
from typing import Final

from ingest.records import rules

_TABLE: Final = str.maketrans(
    rules.PLATE_FROM[: len(rules.PLATE_TO)], rules.PLATE_TO, rules.PLATE_FROM[len(rules.PLATE_TO) :]
)
_is_plate: Final = re.compile(rules.PLATE_PATTERN).fullmatch
_is_no_plate: Final = re.compile(rules.NO_PLATE_PATTERN).fullmatch


def recognise(text: str) -> tuple[str | None, str | None]:
    """Normalise ``text`` to upper case without separators and say what it is.

    Returns:
        The plate and no mark; the text as read and ``misread_plate`` when no form fits; or None and ``no_plate``.
    """
    plate = text.translate(_TABLE)
    if _is_plate(plate):
        return plate, None
    if _is_no_plate(plate):
        return None, "no_plate"
    return plate, "misread_plate"


def form(plate: str) -> str | None:
    """The name of the form in ``rules.PLATE_FORMS`` that a normalised plate has, or None."""
    return next((name for name, pattern in rules.PLATE_FORMS.items() if re.fullmatch(pattern, plate)), None)
