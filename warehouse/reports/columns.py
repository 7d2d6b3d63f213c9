"""Columns of reports: their type, their headers, and whether they are added up.

Belongs here: what a column is. Does not belong here: how a value is written for people (``texts``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import polars as pl

SUM: Final = "sum"


class ColumnType(Enum):
    """Types of report columns, and what a query yields for each.

    TEXT str; CODE a code of a code set; CODES several, joined by commas; INTEGER int; MONEY Decimal with 2 places;
    RATIO ten-thousandths (int), becoming a Decimal with 4 places; AVERAGE hundredths (int), becoming a Decimal with
    2 places; DURATION whole seconds; DATE a business day; INSTANT the lot's wall clock; BOOLEAN.
    """

    TEXT = "text"
    CODE = "code"
    CODES = "codes"
    INTEGER = "integer"
    MONEY = "money"
    RATIO = "ratio"
    AVERAGE = "average"
    DURATION = "duration"
    DATE = "date"
    INSTANT = "instant"
    BOOLEAN = "boolean"


POLARS_TYPES: Final[dict[ColumnType, pl.DataType]] = {
    ColumnType.TEXT: pl.String(),
    ColumnType.CODE: pl.String(),
    ColumnType.CODES: pl.String(),
    ColumnType.INTEGER: pl.Int64(),
    ColumnType.MONEY: pl.Decimal(38, 2),
    ColumnType.RATIO: pl.Decimal(38, 4),
    ColumnType.AVERAGE: pl.Decimal(38, 2),
    ColumnType.DURATION: pl.Int64(),
    ColumnType.DATE: pl.Date(),
    ColumnType.INSTANT: pl.Datetime("us"),
    ColumnType.BOOLEAN: pl.Boolean(),
}

Choices = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a report.

    Attributes:
        key: its name in the query, in JSON and with ``--lang key``.
        zh: its Chinese header; the manual's where the manual has the column.
        en: its English header.
        type: what its values are.
        code_set: where its labels come from, for CODE and CODES.
        total: None when it cannot be added up, "sum", or an SQL aggregate over the report's rows.
        shown: whether it exists for the given parameters; always when None.
    """

    key: str
    zh: str
    en: str
    type: ColumnType = ColumnType.TEXT
    code_set: str | None = None
    total: str | None = None
    shown: Callable[[Choices], bool] | None = None

    def header(self, language: str) -> str:
        """Header in ``zh``, ``en`` or the bare ``key``."""
        return {"zh": self.zh, "key": self.key}.get(language, self.en)


def text(key: str, zh: str, en: str, *, shown: Callable[[Choices], bool] | None = None) -> Column:
    """A text column."""
    return Column(key, zh, en, shown=shown)


def code(
    key: str, zh: str, en: str, code_set: str | None = None, *, shown: Callable[[Choices], bool] | None = None
) -> Column:
    """A column of codes; the code set has the column's name unless given."""
    return Column(key, zh, en, ColumnType.CODE, code_set=code_set or key, shown=shown)


def codes(key: str, zh: str, en: str, code_set: str) -> Column:
    """A column of several codes joined by commas."""
    return Column(key, zh, en, ColumnType.CODES, code_set=code_set)


def integer(
    key: str, zh: str, en: str, *, total: str | None = SUM, shown: Callable[[Choices], bool] | None = None
) -> Column:
    """A count; added up unless ``total`` is None."""
    return Column(key, zh, en, ColumnType.INTEGER, total=total, shown=shown)


def money(
    key: str, zh: str, en: str, *, total: str | None = SUM, shown: Callable[[Choices], bool] | None = None
) -> Column:
    """An amount in yuan; added up unless ``total`` is None."""
    return Column(key, zh, en, ColumnType.MONEY, total=total, shown=shown)


def ratio(
    key: str, zh: str, en: str, *, total: str | None = None, shown: Callable[[Choices], bool] | None = None
) -> Column:
    """A share; the query gives ten-thousandths. ``total`` is an aggregate that gives the same."""
    return Column(key, zh, en, ColumnType.RATIO, total=total, shown=shown)


def average(key: str, zh: str, en: str, *, total: str | None = None) -> Column:
    """A mean; the query gives hundredths."""
    return Column(key, zh, en, ColumnType.AVERAGE, total=total)


def duration(key: str, zh: str, en: str, *, total: str | None = None) -> Column:
    """A length of time in whole seconds."""
    return Column(key, zh, en, ColumnType.DURATION, total=total)


def day(key: str, zh: str, en: str, *, shown: Callable[[Choices], bool] | None = None) -> Column:
    """A business day."""
    return Column(key, zh, en, ColumnType.DATE, shown=shown)


def instant(key: str, zh: str, en: str) -> Column:
    """A moment on the lot's wall clock."""
    return Column(key, zh, en, ColumnType.INSTANT)


def boolean(key: str, zh: str, en: str) -> Column:
    """Yes or no."""
    return Column(key, zh, en, ColumnType.BOOLEAN)
