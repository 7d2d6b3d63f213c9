"""Parameters of reports: what may be set, to what, and what an error says.

Belongs here: reading texts (``--set k=v``, a query string, a page's widget) into typed values. Does not belong here:
the period and the lots, which every report has (``period``, ``base``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from warehouse.errors import ParkError

COMMON: Final = ("lot", "from", "to", "page", "size", "sort", "after")
# In the condition of a PATTERN: "like", or "=" for a value without wildcards, which reads half as much.
COMPARISON: Final = "{comparison}"
LARGEST_PAGE: Final = 10_000

_TRUE: Final = frozenset({"yes", "true", "1", "是"})
_FALSE: Final = frozenset({"no", "false", "0", "否"})


class ParameterType(Enum):
    """What a parameter's value is: free text, one of some words, several of some words, plates, a number, yes or no."""

    TEXT = "text"
    CHOICE = "choice"
    CHOICES = "choices"
    PATTERN = "pattern"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    PERIOD = "period"


@dataclass(frozen=True)
class Parameter:
    """One setting of a report.

    Attributes:
        key: its name after ``--set``.
        zh: what it means, Chinese.
        en: what it means, English.
        type: what its value is.
        choices: the words allowed, for CHOICE and CHOICES.
        default: the value when it is not set; None leaves the filter out.
        condition: SQL that holds for the rows wanted, with ``$key``; None when the report's SQL uses it itself.
    """

    key: str
    zh: str
    en: str
    type: ParameterType = ParameterType.TEXT
    choices: tuple[str, ...] = ()
    default: str | None = None
    condition: str | None = None

    def read(self, value: Any) -> Any:
        """The typed value: str, int, bool, a list of words, or a LIKE pattern.

        Raises:
            ParkError: the value does not fit; the sentence names what does.
        """
        if self.type in (ParameterType.TEXT, ParameterType.PERIOD):
            return str(value)
        if self.type is ParameterType.PATTERN:
            return self._pattern(str(value))
        if self.type is ParameterType.INTEGER:
            return whole_number(self.key, value, least=0)
        if self.type is ParameterType.BOOLEAN:
            return self._boolean(value)
        words = [str(word) for word in value] if isinstance(value, list | tuple) else str(value).split(",")
        words = [word.strip() for word in words if word.strip()]
        for word in words:
            if word not in self.choices:
                raise self._refused(word, "、".join(self.choices), ", ".join(self.choices))
        if self.type is ParameterType.CHOICES:
            return words
        if len(words) != 1:
            raise self._refused(value, "一个值", "one value")
        return words[0]

    def _boolean(self, value: Any) -> bool:
        word = str(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise self._refused(value, "yes 或 no", "yes or no")

    def _pattern(self, value: str) -> str:
        if any(sign in value for sign in "%_\\"):
            raise self._refused(value, "字母、数字、汉字以及通配符 * 和 ?", "letters, digits and the wildcards * and ?")
        return value.strip().upper().replace("*", "%").replace("?", "_")

    def _refused(self, value: Any, allowed_zh: str, allowed_en: str) -> ParkError:
        return ParkError(
            zh=f"参数 {self.key} 不能是 {value}:可用 {allowed_zh}",
            en=f"{self.key} cannot be {value!r}: use {allowed_en}",
            code="bad_parameter",
        )


def whole_number(key: str, value: Any, *, least: int, most: int | None = None) -> int:
    """``value`` as a whole number in [least, most].

    Raises:
        ParkError: it is not one.
    """
    try:
        number = int(str(value))
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        zh = f"{least} 到 {most} 的整数" if most is not None else f"不小于 {least} 的整数"
        en = f"a whole number from {least} to {most}" if most is not None else f"a whole number of at least {least}"
        raise ParkError(
            zh=f"参数 {key} 不能是 {value}:应为{zh}", en=f"{key} cannot be {value!r}: use {en}", code="bad_parameter"
        )
    return number


def read_parameters(report: str, known: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Typed values of the report's own parameters; those neither given nor defaulted are left out.

    Raises:
        ParkError: an unknown key (the sentence lists the allowed ones) or a value that does not fit.
    """
    by_key = {parameter.key: parameter for parameter in known}
    for key in given:
        if key not in by_key and key not in COMMON:
            allowed = [*by_key, *COMMON]
            raise ParkError(
                zh=f"报表 {report} 没有参数 {key}:可用 {'、'.join(allowed)}",
                en=f"{report} has no parameter {key!r}: use {', '.join(allowed)}",
                code="unknown_parameter",
            )
    values: dict[str, Any] = {}
    for parameter in known:
        value = given.get(parameter.key)
        if value is None or value == "" or value == []:
            value = parameter.default
        if value is not None:
            values[parameter.key] = parameter.read(value)
    return values


def conditions(known: Sequence[Parameter], values: Mapping[str, Any]) -> str:
    """The conditions of the filters that are set, each behind ``and``; empty when none is."""
    return "".join(
        f" and ({parameter.condition.replace(COMPARISON, _comparison(values[parameter.key]))})"
        for parameter in known
        if parameter.condition is not None and parameter.key in values
    )


def _comparison(value: Any) -> str:
    return "like" if isinstance(value, str) and any(sign in value for sign in "%_") else "="
