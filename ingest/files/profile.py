"""The model of a source profile: how the rows of one kind of file become records of the contract.

Belongs here: the keys of the TOML file, their meaning and the rules between them.
Does not belong here: finding and parsing TOML files (``catalogue``) and turning a profile into SQL (``mapping``).
Every key is documented for profile authors in docs/source-profiles.md.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from warehouse.lake.raw_tables import KINDS, raw_table_columns

SPECIAL_TIME_FORMATS: Final = ("iso", "epoch_s", "epoch_ms", "excel")
# Set by the loader, never by a profile.
COMPUTED_COLUMNS: Final = frozenset(
    {"lot_id", "local_at", "business_date", "received_at", "source", "batch_seq", "batch_row", "marks", "payload"}
)
TEMPLATE_COLUMN: Final = re.compile(r"\{([^{}]+)\}")


class ProfileProblem(ValueError):  # noqa: N818 - one of several in one error
    """A broken rule between keys, worded in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


def contract_fields(kind: str) -> tuple[str, ...]:
    """Fields that a profile may fill for ``kind``, in table order."""
    return tuple(column for column in raw_table_columns(kind) if column not in COMPUTED_COLUMNS)


def template_columns(template: str) -> tuple[str, ...]:
    """Column names between braces in ``template``."""
    return tuple(TEMPLATE_COLUMN.findall(template))


def _checked_zone(zone: str) -> str:
    if zone != "lot" and zone not in available_timezones():
        raise ProfileProblem(
            f"时区 {zone!r} 不存在：请写 lot(车场时区)或 IANA 名称，例如 Asia/Shanghai",
            f"time zone {zone!r} does not exist: write lot (the lot's own zone) or an IANA name such as Asia/Shanghai",
        )
    return zone


def _checked_formats(formats: list[str]) -> list[str]:
    for text in formats:
        if text not in SPECIAL_TIME_FORMATS and "%" not in text:
            raise ProfileProblem(
                f"时间格式 {text!r} 无效：可写 {', '.join(SPECIAL_TIME_FORMATS)} 或 strptime 格式，例如 %Y-%m-%d "
                "%H:%M:%S",
                f"time format {text!r} is not known: write {', '.join(SPECIAL_TIME_FORMATS)} or a "
                "strptime format such as "
                "%Y-%m-%d %H:%M:%S",
            )
    if not formats:
        raise ProfileProblem("时间格式列表不能为空", "the list of time formats must not be empty")
    return formats


class Model(BaseModel):
    """Base: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=False)


class FileSection(Model):
    """``[file]``: how the bytes become rows with named columns."""

    format: Literal["csv", "xlsx", "ndjson", "json", "parquet", "records"]
    encoding: Literal["utf-8", "gb18030", "auto"] = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    sheet: str | int = 1
    header_row: int = Field(default=1, ge=0)
    skip_after_header: int = Field(default=0, ge=0)
    columns: list[str] = []
    optional_columns: list[str] = []
    records_path: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.format == "csv" and (len(self.delimiter) != 1 or len(self.quote) != 1):
            raise ProfileProblem("delimiter 和 quote 必须是一个字符", "delimiter and quote must be one character each")
        if self.format in {"csv", "xlsx"} and (self.header_row == 0) != bool(self.columns):
            raise ProfileProblem(
                "header_row = 0(无表头)时必须给出 columns,有表头时不能给出",
                "columns must be given when header_row = 0 (no header) and only then",
            )
        return self


class LotSection(Model):
    """``[lot]``: where the lot's code stands in a row; without it ``--lot`` names the lot of the whole file."""

    column: str | None = None
    codes: dict[str, str] = {}


class TimeSection(Model):
    """``[time]``: formats tried in order and the zone of times without an offset."""

    formats: Annotated[list[str], Field(default=["iso"])] = ["iso"]
    zone: str = "lot"

    @field_validator("formats")
    @classmethod
    def _formats(cls, value: list[str]) -> list[str]:
        return _checked_formats(value)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return _checked_zone(value)


class MoneySection(Model):
    """``[money]``: the unit amounts are written in."""

    unit: Literal["yuan", "fen"] = "yuan"


class TextSection(Model):
    """``[text]``: texts that mean "nothing"; the empty text always does."""

    nulls: list[str] = []


class CodeTable(Model):
    """``[codes.NAME]``: the source's codes and ours."""

    table: dict[str, str] = {}
    default: str | None = None


class FieldRule(Model):
    """One value of a record: exactly one of ``column``, ``first``, ``constant``, ``template``, ``sum``."""

    column: str | None = None
    first: list[str] | None = None
    constant: str | int | float | bool | None = None
    template: str | None = None
    sum: list[str] | None = None
    codes: str | None = None
    default: str | None = None
    nulls: list[str] = []
    null_prefixes: list[str] = []
    formats: list[str] | None = None
    zone: str | None = None
    unit: Literal["yuan", "fen"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @field_validator("formats")
    @classmethod
    def _formats(cls, value: list[str] | None) -> list[str] | None:
        return None if value is None else _checked_formats(value)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return None if value is None else _checked_zone(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ("column", "first", "constant", "template", "sum") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ProfileProblem(
                f"必须且只能写 column、first、constant、template、sum 之一(现有：{', '.join(given) or '无'})",
                f"write exactly one of column, first, constant, template, sum (found: {', '.join(given) or 'none'})",
            )
        if self.first == [] or self.sum == []:
            raise ProfileProblem("first 和 sum 至少要有一列", "first and sum need at least one column")
        return self

    def columns(self) -> tuple[str, ...]:
        """Source columns that must exist for this rule; of ``first`` one of them is enough, so none is listed."""
        if self.column is not None:
            return (self.column,)
        if self.template is not None:
            return template_columns(self.template)
        return tuple(self.sum or ())


class Condition(Model):
    """``when``: a row gives this record only if all its conditions hold."""

    column: str
    equals: str | list[str] | None = None
    not_equals: str | list[str] | None = None
    present: bool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if [self.equals, self.not_equals, self.present].count(None) != 2:
            raise ProfileProblem(
                "条件必须且只能写 equals、not_equals、present 之一",
                "a condition needs exactly one of equals, not_equals, present",
            )
        return self


class PaymentRule(Model):
    """``[[record.payments]]``: one amount column with its method, or with ``each`` the elements of a JSON list."""

    method: FieldRule
    amount: FieldRule
    each: str | None = None

    @field_validator("method", mode="before")
    @classmethod
    def _constant_method(cls, value: Any) -> Any:
        return {"constant": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _elements(self) -> Self:
        if self.each is not None and (self.amount.column is None or not (self.method.column or self.method.constant)):
            raise ProfileProblem(
                "使用 each 时 amount 必须写 column,method 必须写 column 或 constant",
                "with each, amount needs column and method needs column or constant",
            )
        return self


class RecordSection(Model):
    """``[[record]]``: one record that a source row gives."""

    kind: str
    when: list[Condition] = []
    fields: dict[str, FieldRule]
    payments: list[PaymentRule] = []

    @field_validator("when", mode="before")
    @classmethod
    def _one_condition(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        if self.kind not in KINDS:
            raise ProfileProblem(
                f"kind {self.kind!r} 无效，可用：{', '.join(KINDS)}",
                f"kind {self.kind!r} is not known; allowed: {', '.join(KINDS)}",
            )
        allowed = contract_fields(self.kind)
        for name in self.fields:
            if name not in allowed:
                raise ProfileProblem(
                    f"{self.kind} 没有字段 {name!r}，可用：{', '.join(allowed)}",
                    f"{self.kind} has no field {name!r}; allowed: {', '.join(allowed)}",
                )
        for name in ("record_id", "occurred_at"):
            if name not in self.fields:
                raise ProfileProblem(f"{self.kind} 缺少字段 {name}", f"{self.kind} needs the field {name}")
        if self.payments and self.kind != "charge":
            raise ProfileProblem("只有 charge 可以写 payments", "only a charge can have payments")
        return self


class Profile(Model):
    """A whole source profile."""

    name: str = ""
    title_zh: str = ""
    title_en: str = ""
    file: FileSection
    lot: LotSection = LotSection()
    time: TimeSection = TimeSection()
    money: MoneySection = MoneySection()
    text: TextSection = TextSection()
    codes: dict[str, CodeTable] = {}
    record: list[RecordSection] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.file.format == "records":
            if self.record:
                raise ProfileProblem(
                    "格式 records 的文件已经是标准记录，不能再写 [[record]]",
                    "a file of format records holds records of the contract already: remove [[record]]",
                )
            return self
        if not self.record:
            raise ProfileProblem("至少需要一个 [[record]]", "at least one [[record]] is needed")
        for section in self.record:
            rules = list(section.fields.values()) + [payment.method for payment in section.payments]
            for rule in rules:
                if rule.codes is not None and rule.codes not in self.codes:
                    raise ProfileProblem(
                        f"没有代码表 [codes.{rule.codes}],现有：{', '.join(self.codes) or '无'}",
                        f"there is no code table [codes.{rule.codes}]; tables: {', '.join(self.codes) or 'none'}",
                    )
        return self

    def required_columns(self) -> tuple[str, ...]:
        """Source columns that a file of this profile must have, in order of first use."""
        return tuple(name for name in self._named_columns() if name not in self.file.optional_columns)

    def _named_columns(self) -> dict[str, None]:
        names: dict[str, None] = {}
        if self.lot.column:
            names[self.lot.column] = None
        for section in self.record:
            for rule in section.fields.values():
                names.update(dict.fromkeys(rule.columns()))
            for condition in section.when:
                names[condition.column] = None
            for payment in section.payments:
                if payment.each is not None:
                    names[payment.each] = None
                else:
                    names.update(dict.fromkeys(payment.amount.columns() + payment.method.columns()))
        return names

    def used_columns(self) -> tuple[str, ...]:
        """Every source column the profile names, those of ``first`` included."""
        names = self._named_columns()
        for section in self.record:
            for rule in section.fields.values():
                names.update(dict.fromkeys(rule.first or ()))
        return tuple(names)
