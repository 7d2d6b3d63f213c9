"""Reading a decoded JSON document strictly, noting each problem with its path, value and cure.

Belongs here: types, ranges and keys of any document. Does not belong here: what a tariff is (``document.py``).
A value that is wrong is noted and replaced by a harmless one, so that one look finds all problems.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

HIGHEST_FEN: Final = 100_000_000
_MONEY: Final = re.compile(r"\d{1,7}(\.\d{1,2})?", re.ASCII)
_MINUTE: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CODE: Final = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_LONGEST_SHOWN: Final = 40
_ABSENT: Final = object()


@dataclass(frozen=True)
class Problem:
    """What is wrong at ``path`` of a document, the value found and what to do; an empty path is the whole document."""

    path: str
    zh: str
    en: str


@dataclass
class Reading:
    """The problems found so far."""

    problems: list[Problem] = field(default_factory=list)


class Reader:
    """A value of the document and its path."""

    def __init__(self, reading: Reading, path: str, value: object) -> None:
        """A value that is absent reads as its default."""
        self._reading, self.path, self._value = reading, path, value

    def __getitem__(self, key: str) -> Reader:
        """The value under ``key``, or an absent one."""
        value = self._value.get(key, _ABSENT) if isinstance(self._value, dict) else _ABSENT
        return Reader(self._reading, f"{self.path}.{key}" if self.path else key, value)

    def problem(self, zh: str, en: str) -> None:
        """Note a problem of this value."""
        self._reading.problems.append(Problem(self.path, zh, en))

    def problems_below(self) -> bool:
        """Whether this value or one within it has a problem."""
        return any(found.path.startswith(self.path) for found in self._reading.problems)

    def is_mapping(self) -> bool:
        """Whether this is a JSON object; if not, that is noted."""
        if not isinstance(self._value, dict):
            self._wrong("一个对象 {…}", "an object {…}")
            return False
        return True

    def kind(self) -> object:
        """The value of the key ``kind``, None without one."""
        return self._value.get("kind") if isinstance(self._value, dict) else None

    def is_object(self, required: Sequence[str], optional: Sequence[str] = ()) -> bool:
        """Whether this is an object; keys that are missing or not known are noted."""
        if not self.is_mapping() or not isinstance(self._value, dict):
            return False
        allowed = (*required, *optional)
        for key in required:
            if key not in self._value:
                self[key].problem(f"缺少 {key}；请填写", f"{key} is missing; give it")
        for key in self._value:
            if key not in allowed:
                shown = ", ".join(allowed)
                self[key].problem(f"这里不能有 {key}；可用的有 {shown}", f"{key} is not known here; use {shown}")
        return True

    def items(self, at_least: int = 0) -> list[Reader]:
        """The values of an array; of an absent one, none."""
        if self._value is _ABSENT:
            return []
        if not isinstance(self._value, list) or len(self._value) < at_least:
            if at_least:
                self._wrong("一个非空的数组 […]", "an array […] that is not empty")
            else:
                self._wrong("一个数组 […]", "an array […]")
            return []
        return [Reader(self._reading, f"{self.path}[{number}]", value) for number, value in enumerate(self._value)]

    def whole(self, least: int, most: int, default: int) -> int:
        """A whole number in a range."""
        value = self._value
        if value is _ABSENT:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._wrong(f"{least} 到 {most} 的整数", f"a whole number from {least} to {most}")
            return default
        return value

    def flag(self, default: bool) -> bool:
        """True or false."""
        if self._value is _ABSENT:
            return default
        if not isinstance(self._value, bool):
            self._wrong("true 或 false", "true or false")
            return default
        return self._value

    def text(self, longest: int) -> str:
        """A text, empty when absent."""
        if self._value is _ABSENT:
            return ""
        if not isinstance(self._value, str) or len(self._value) > longest:
            self._wrong(f"不超过 {longest} 个字的文字", f"a text of at most {longest} characters")
            return ""
        return self._value

    def code(self) -> str:
        """A code: small letters, digits, underscores."""
        if not isinstance(self._value, str) or not _CODE.fullmatch(self._value):
            self._wrong("由小写字母、数字和下划线组成的代码", "a code of small letters, digits and underscores")
            return ""
        return self._value

    def one_of(self, choices: Sequence[Any], default: Any = None) -> Any:
        """One of ``choices``; must be there when there is no default."""
        value = self._value
        if value is _ABSENT and default is not None:
            return default
        if isinstance(value, bool | float | list | dict) or value not in choices:
            shown = ", ".join(str(choice) for choice in choices)
            self._wrong(f"以下之一：{shown}", f"one of: {shown}")
            return default
        return value

    def fen(self) -> int:
        """An amount of yuan as fen, 0 when absent."""
        if self._value is _ABSENT:
            return 0
        value = self._value
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _MONEY.fullmatch(text) or (fen := int(Decimal(text) * 100)) > HIGHEST_FEN:
            self._wrong(
                '金额文字，如 "5.00"（0 到 1000000 元）', 'an amount as text such as "5.00" (0 to 1000000 yuan)'
            )
            return 0
        return fen

    def cap(self) -> int | None:
        """An amount of yuan as fen; None when absent or null."""
        return None if self._value is _ABSENT or self._value is None else self.fen()

    def minute_of_day(self) -> int:
        """Minutes after midnight of a "HH:MM"."""
        found = _MINUTE.fullmatch(self._value) if isinstance(self._value, str) else None
        if found is None:
            if self._value is not _ABSENT:
                self._wrong('"00:00" 到 "23:59" 的时刻', 'a time of day from "00:00" to "23:59"')
            return 0
        return int(found[1]) * 60 + int(found[2])

    def day(self) -> date | None:
        """A date; None when it is absent or wrong."""
        if isinstance(self._value, str) and _DATE.fullmatch(self._value):
            try:
                return date.fromisoformat(self._value)
            except ValueError:
                pass
        if self._value is not _ABSENT:
            self._wrong('日期，如 "2026-10-01"', 'a date such as "2026-10-01"')
        return None

    def _wrong(self, zh: str, en: str) -> None:
        if self._value is _ABSENT:
            self.problem(f"缺少；请填{zh}", f"missing; give {en}")
            return
        shown = json.dumps(self._value, ensure_ascii=False, default=str)
        shown = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
        self.problem(f"{shown} 无效；请填{zh}", f"{shown} is not valid; give {en}")
