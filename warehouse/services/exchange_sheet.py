"""What a table of administered things is: its columns, and what a line of it comes to.

Belongs here: the description that each domain gives of its table, values in cells, problems of lines. Does not belong
here: files (``exchange_files.py``), the run of an import (``exchange.py``), single tables (``exchange_<domain>.py``).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Lot
from warehouse.security.actor import Actor
from warehouse.services.fields import InvalidFields
from warehouse.services.work import Work
from warehouse.settings import Settings

Value = str | int | float | Decimal | date | bool | None

_TRUE: Final = {"1", "true", "yes", "y", "是", "√", "x"}
_FALSE: Final = {"0", "false", "no", "n", "否"}
_DAY: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00)?(?:\.0+)?)?")


class Kind(StrEnum):
    """What the cells of a column hold."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        field: name in code; understood as a heading, and the name of the field in problems.
        zh: Chinese heading.
        en: English heading.
        kind: what its cells hold.
        required: whether a file must have the column and each line a value.
        example: its cell in the template, as typed.
        choices: code to Chinese and English label, for ``CHOICE``; each of the three is understood.
        only_out: written into lists and results, but not read; a file may have it.
    """

    field: str
    zh: str
    en: str
    kind: Kind = Kind.TEXT
    required: bool = False
    example: str = ""
    choices: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    only_out: bool = False

    def heading(self, language: str) -> str:
        """The heading in ``language``: "zh", else English."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class LineProblem:
    """What is wrong with one line: field, the value found, and a sentence in both languages."""

    line: int
    field: str
    value: str
    zh: str
    en: str

    def text(self, language: str) -> str:
        """The sentence in ``language``: "zh", else English."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Line:
    """One line of a file; ``values`` has a key for each column that the file has, None for an empty cell."""

    number: int
    values: Mapping[str, Any]


class Verdict(StrEnum):
    """What a line comes to."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Step:
    """What one thing's lines come to; ``apply`` makes it so and may return cells for the result file by field."""

    lines: tuple[int, ...]
    verdict: Verdict
    apply: Callable[[Work], Mapping[str, str] | None]


@dataclass
class Judging:
    """What a table's ``judge`` works with; it reads only, and notes what is wrong."""

    settings: Settings
    session: Session
    actor: Actor
    lot: Lot | None
    problems: list[LineProblem] = dataclasses.field(default_factory=list)

    def wrong(self, line: Line, name: str, zh: str, en: str) -> None:
        """Note a problem of one field of a line."""
        value = line.values.get(name)
        self.problems.append(LineProblem(line.number, name, "" if value is None else str(value)[:80], zh, en))

    def refused(self, line: Line, error: ParkError, name: str = "") -> None:
        """Note what a check of the services refused, by field where it tells; ``name`` is the field otherwise."""
        if isinstance(error, InvalidFields):
            for problem in error.problems:
                self.wrong(line, problem.field, problem.zh, problem.en)
        else:
            self.wrong(line, name, error.zh, error.en)


@dataclass(frozen=True)
class Sheet:
    """A table that can be taken out and put in.

    Attributes:
        name: as on the command line.
        menu: menu item whose permissions ``edit`` and ``export`` are asked for.
        zh: Chinese title.
        en: English title.
        columns: in order.
        key: fields that together name what a line is about; two lines of a file must not name the same one. A line
            whose last one is empty names nothing.
        rows: every row in the actor's scope (of the lot), field to value, for taking out.
        judge: what each line comes to; lines that are wrong in themselves are not given to it.
        per_lot: whether a lot must be chosen.
    """

    name: str
    menu: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: Callable[[Session, Actor, Lot | None], Iterable[Mapping[str, Any]]]
    judge: Callable[[Judging, list[Line]], list[Step]]
    per_lot: bool = False

    def title(self, language: str) -> str:
        """The title in ``language``: "zh", else English."""
        return self.zh if language == "zh" else self.en


class BadValueError(Exception):
    """A cell does not hold what its column holds."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def read_cell(column: Column, text: str) -> Value:
    """The value that a cell's text means; None for an empty one.

    Raises:
        BadValueError: the text does not fit the column.
    """
    text = text.strip()
    if not text:
        return None
    match column.kind:
        case Kind.INTEGER:
            return _integer(text)
        case Kind.NUMBER:
            return float(_decimal(text))
        case Kind.MONEY:
            return _money(text)
        case Kind.DATE:
            return _day(text)
        case Kind.YES_NO:
            if text.casefold() in _TRUE | _FALSE:
                return text.casefold() in _TRUE
            raise BadValueError("应为 是 或 否", "must be yes or no")
        case Kind.CHOICE:
            return _choice(column, text)
        case _:
            return text


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", "").removeprefix("¥").removeprefix("￥"))
    except InvalidOperation as error:
        raise BadValueError("不是数字", "is no number") from error
    if not number.is_finite():
        raise BadValueError("不是数字", "is no number")
    return number


def _integer(text: str) -> int:
    number = _decimal(text)
    if number != number.to_integral_value() or abs(number) > 10**15:
        raise BadValueError("应为整数", "must be a whole number")
    return int(number)


def _money(text: str) -> Decimal:
    number = _decimal(text)
    if abs(number) > 10**12 or number != number.quantize(Decimal("0.01")):
        raise BadValueError("应为最多两位小数的金额", "must be an amount with at most two decimals")
    return number.quantize(Decimal("0.01"))


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    try:
        if found:
            year, month, day = map(int, found.groups())
            return date(year, month, day)
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise BadValueError("应为日期，如 2026-01-31", "must be a day such as 2026-01-31") from error


def _choice(column: Column, text: str) -> str:
    for code, labels in column.choices.items():
        if text.casefold() in {name.casefold() for name in (code, *labels)}:
            return code
    shown_zh = "、".join(zh for zh, _ in list(column.choices.values())[:12])
    shown_en = ", ".join(en for _, en in list(column.choices.values())[:12])
    raise BadValueError(f"可填：{shown_zh}", f"must be one of: {shown_en}")


def cell_text(column: Column, value: Any, language: str) -> str:
    """A value as people read it in a text file; ``read_cell`` understands it."""
    if value is None:
        return ""
    if column.kind is Kind.YES_NO:
        return ("是" if value else "否") if language == "zh" else ("yes" if value else "no")
    if column.kind is Kind.CHOICE:
        labels = column.choices.get(str(value))
        return str(value) if labels is None else labels[0 if language == "zh" else 1]
    if column.kind is Kind.MONEY:
        return f"{value:.2f}"
    return str(value)
