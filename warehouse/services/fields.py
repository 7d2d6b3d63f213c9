"""Checks of what people type into forms: problems are collected by field, so that a form shows all of them at once.

Belongs here: checks that several services share. Does not belong here: rules of one service, which add their own
problems with ``Fields.wrong``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from warehouse.errors import ParkError

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,38}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LARGEST_AMOUNT = Decimal("99999999.99")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field, in both languages."""

    field: str
    zh: str
    en: str

    def text(self, language: str) -> str:
        """The sentence in ``language``: "zh", else English."""
        return self.zh if language == "zh" else self.en


class InvalidFields(ParkError):  # noqa: N818 - reads as the answer it is
    """A form was not accepted; ``problems`` tells why, field by field."""

    def __init__(self, problems: list[Problem]) -> None:
        """Join the sentences, for faces that cannot show fields."""
        super().__init__(
            zh="；".join(f"{problem.field}：{problem.zh}" for problem in problems),
            en="; ".join(f"{problem.field}: {problem.en}" for problem in problems),
            code="invalid_fields",
        )
        self.problems = problems


@dataclass
class Fields:
    """Collects problems; every check returns the cleaned value, or None when there is none or it is wrong."""

    problems: list[Problem] = field(default_factory=list)

    def wrong(self, name: str, zh: str, en: str) -> None:
        """Note a problem of the field ``name``."""
        self.problems.append(Problem(name, zh, en))

    def done(self) -> None:
        """Raise InvalidFields when anything was wrong."""
        if self.problems:
            raise InvalidFields(self.problems)

    def text(self, name: str, value: str | None, *, required: bool = False, longest: int = 200) -> str | None:
        """Text without blanks around it and without control characters; an empty one is None."""
        cleaned = (value or "").strip()
        if not cleaned:
            if required:
                self.wrong(name, "必填", "is required")
            return None
        if len(cleaned) > longest:
            self.wrong(name, f"最多 {longest} 个字，现有 {len(cleaned)} 个", f"at most {longest} characters")
            return None
        if any(ord(character) < 32 and character not in "\n\t" for character in cleaned):
            self.wrong(name, "含有不可见字符，请重新输入", "holds control characters, type it again")
            return None
        return cleaned

    def code(self, name: str, value: str | None) -> str:
        """A code that programs use: letters, digits, dot, hyphen, underscore."""
        cleaned = self.text(name, value, required=True, longest=64)
        if cleaned is None:
            return ""
        if not _CODE.fullmatch(cleaned):
            self.wrong(
                name,
                f"“{cleaned}”只能由字母、数字、点、横线、下划线组成，且以字母或数字开头",
                f"“{cleaned}” may hold letters, digits, dots, hyphens, underscores, and begins with a letter or digit",
            )
        return cleaned

    def phone(self, name: str, value: str | None) -> str | None:
        """A telephone number."""
        return self._matching(name, value, _PHONE, 40, "不是电话号码", "is no telephone number")

    def email(self, name: str, value: str | None) -> str | None:
        """An e-mail address."""
        return self._matching(name, value, _EMAIL, 200, "不是电子邮箱地址", "is no e-mail address")

    def _matching(
        self, name: str, value: str | None, pattern: re.Pattern[str], longest: int, zh: str, en: str
    ) -> str | None:
        cleaned = self.text(name, value, longest=longest)
        if cleaned is not None and not pattern.fullmatch(cleaned):
            self.wrong(name, f"“{cleaned}”{zh}", f"“{cleaned}” {en}")
            return None
        return cleaned

    def choice(self, name: str, value: str | None, allowed: Collection[str]) -> str:
        """One of ``allowed``."""
        if value not in allowed:
            shown = "、".join(allowed)
            self.wrong(
                name, f"“{value or ''}”不可选，可选：{shown}", f"“{value or ''}” must be one of {', '.join(allowed)}"
            )
        return value or ""

    def whole(self, name: str, value: int | str | None, *, least: int, most: int, required: bool = True) -> int | None:
        """A whole number between two bounds."""
        if value is None or value == "":
            if required:
                self.wrong(name, "必填", "is required")
            return None
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            self.wrong(
                name,
                f"“{value}”应为 {least} 至 {most} 的整数",
                f"“{value}” must be a whole number of {least} to {most}",
            )
            return None
        return number

    def money(
        self,
        name: str,
        value: Decimal | str | None,
        *,
        least: Decimal = Decimal("0.00"),
        most: Decimal = LARGEST_AMOUNT,
    ) -> Decimal:
        """An amount in whole fen; 0.00 when it is wrong."""
        try:
            amount = Decimal(str(value).strip()) if value is not None else Decimal("NaN")
            exact = amount.quantize(Decimal("0.01"))
        except InvalidOperation:
            self.wrong(
                name,
                f"“{'' if value is None else value}”不是金额，例如 300.00",
                f"“{value}” is no amount, for example 300.00",
            )
            return Decimal("0.00")
        if amount.is_nan() or amount != exact:
            self.wrong(
                name, f"“{value}”应为最多两位小数的金额", f"“{value}” must be an amount with at most two decimals"
            )
            return Decimal("0.00")
        if not least <= exact <= most:
            self.wrong(name, f"“{exact}”应在 {least} 至 {most} 之间", f"“{exact}” must be between {least} and {most}")
            return Decimal("0.00")
        return exact

    def period(self, first: date | None, last_name: str, last: date | None) -> None:
        """Two days of which the second, when both are known, is not before the first."""
        if first is not None and last is not None and last < first:
            self.wrong(last_name, f"{last} 早于开始日 {first}", f"{last} is before the first day {first}")
