"""Mapping: the rules of a profile as SQL over a source's columns; the result is text in the spelling of the contract.

Belongs here: cleaning of source texts, ``column``, ``first``, ``constant``, ``template``, ``sum``, code tables, fen to
yuan, conditions, payments from amount columns. Times stay text; their formats travel with them.
Does not belong here: what is allowed in a record (``validation``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.files.layers import NULL_TEXT, Column, Layers, listed, literal, quoted
from ingest.files.profile import TEMPLATE_COLUMN, Condition, FieldRule, PaymentRule, Profile, RecordSection
from ingest.files.reading import Source
from ingest.records import rules

_BLANK_CLASS = "[ \\t\\r\\n\\x{A0}\\x{3000}\\x{FEFF}]"
_OUTER_BLANK = f"^{_BLANK_CLASS}|{_BLANK_CLASS}$"
_LONGEST_MISSING = max(len(text.encode()) for text in rules.MISSING_TEXTS)
_INTEGER = "[+-]?[0-9]{{1,17}}"
_DECIMAL = "[+-]?[0-9]{{1,15}}(?:\\.[0-9]{{0,6}})?"


@dataclass(frozen=True)
class MappedField:
    """The text of one field, whether control characters were cut from it, and how its times are written."""

    text: Column
    cleaned: Column | None = None
    formats: tuple[str, ...] = ("iso",)
    zone: str = "lot"


@dataclass(frozen=True)
class MappedRecord:
    """One ``[[record]]`` of a profile over the columns of a source."""

    kind: str
    present: Column | None
    fields: dict[str, MappedField] = field(default_factory=dict)

    def text(self, name: str) -> Column:
        """The text of the field ``name``; null when the profile does not fill it."""
        mapped = self.fields.get(name)
        return NULL_TEXT if mapped is None else mapped.text


class Mapper:
    """Turns the sections of one profile into columns of ``layers`` over ``source``."""

    def __init__(self, profile: Profile, source: Source, layers: Layers, *, may_have_controls: bool) -> None:
        """Bind profile and source; without control characters in the file their removal costs nothing."""
        self._profile = profile
        self._source = source
        self._layers = layers
        self._may_have_controls = may_have_controls

    def column(self, name: str) -> Column:
        """The cleaned text of a source column: trimmed, null when it means nothing or the file has no such column."""
        raw = self._source.column(name)
        if raw is None:
            return NULL_TEXT
        let, text = self._layers.let, Column(raw)
        if self._may_have_controls:
            pattern = quoted(rules.CONTROL_PATTERN)
            text = let(
                f"CASE WHEN regexp_matches({{0}}, {pattern}) THEN regexp_replace({{0}}, {pattern}, '', "
                f"'g') ELSE {{0}} END",
                text,
            )
        text = let(
            f"CASE WHEN regexp_matches({{0}}, {_braced(quoted(_OUTER_BLANK))}) THEN trim({{0}}, "
            f"{quoted(rules.BLANKS)}) "
            "ELSE {0} END",
            text,
        )
        nulls = list(self._profile.text.nulls)
        missing = (
            f"(strlen({{0}}) <= {_LONGEST_MISSING} AND lower({{0}}) IN "
            f"({_braced(listed(sorted(rules.MISSING_TEXTS)))}))"
        )
        if nulls:
            missing += f" OR {{0}} IN ({_braced(listed(nulls))})"
        return let(f"CASE WHEN {missing} THEN NULL ELSE {{0}} END", text)

    def had_controls(self, name: str) -> Column | None:
        """Whether control characters were cut from the column's text; None when the file has none at all."""
        raw = self._source.column(name)
        if raw is None or not self._may_have_controls:
            return None
        return self._layers.let(f"coalesce(regexp_matches({{0}}, {quoted(rules.CONTROL_PATTERN)}), false)", Column(raw))

    def record(self, section: RecordSection) -> MappedRecord:
        """The fields of ``section``, and the column that says whether a row gives this record (None: always)."""
        kind_fields = rules.fields(section.kind)
        mapped = {
            name: self._field(rule, is_money=kind_fields[name].type == "money") for name, rule in section.fields.items()
        }
        if section.payments:
            mapped["payments"] = MappedField(self._payments(section.payments))
        return MappedRecord(section.kind, self._present(section.when), mapped)

    def lot_code(self) -> Column:
        """The text of the lot column, through the profile's table of lot codes."""
        lot = self._profile.lot
        assert lot.column is not None
        return self._coded(self.column(lot.column), lot.codes, None)

    def _field(self, rule: FieldRule, *, is_money: bool) -> MappedField:
        names = rule.columns() or tuple(rule.first or ())
        controls = [found for found in map(self.had_controls, names) if found is not None]
        cleaned = (
            self._layers.let(" OR ".join(f"{{{i}}}" for i in range(len(controls))), *controls) if controls else None
        )
        return MappedField(
            text=self._text(rule, is_money=is_money),
            cleaned=cleaned,
            formats=tuple(rule.formats or self._profile.time.formats),
            zone=rule.zone or self._profile.time.zone,
        )

    def _text(self, rule: FieldRule, *, is_money: bool) -> Column:
        let = self._layers.let
        unit = rule.unit or self._profile.money.unit
        if rule.constant is not None:
            value = rule.constant
            text = literal(str(value).lower() if isinstance(value, bool) else str(value))
        elif rule.column is not None:
            text = self._without(self.column(rule.column), rule)
        elif rule.first is not None:
            known = [self._without(self.column(name), rule) for name in rule.first if self._source.column(name)]
            text = let(f"coalesce({', '.join(f'{{{i}}}' for i in range(len(known)))})", *known) if known else NULL_TEXT
        elif rule.template is not None:
            text = self._template(rule.template)
        else:
            text = self._sum([self._without(self.column(name), rule) for name in rule.sum or ()])
        if rule.codes is not None:
            table = self._profile.codes[rule.codes]
            text = self._coded(text, table.table, table.default)
        if is_money and unit == "fen":
            text = self._yuan(text)
        if rule.default is not None:
            text = let(f"coalesce({{0}}, {_braced(quoted(rule.default))})", text)
        return text

    def _without(self, text: Column, rule: FieldRule) -> Column:
        tests = []
        if rule.nulls:
            tests.append(f"{{0}} IN ({_braced(listed(rule.nulls))})")
        tests += [f"starts_with({{0}}, {_braced(quoted(prefix))})" for prefix in rule.null_prefixes]
        return self._layers.let(f"CASE WHEN {' OR '.join(tests)} THEN NULL ELSE {{0}} END", text) if tests else text

    def _template(self, template: str) -> Column:
        parts: list[str] = []
        inputs: list[Column] = []
        position = 0
        for match in TEMPLATE_COLUMN.finditer(template):
            if match.start() > position:
                parts.append(_braced(quoted(template[position : match.start()])))
            parts.append(f"{{{len(inputs)}}}")
            inputs.append(self.column(match.group(1)))
            position = match.end()
        if position < len(template):
            parts.append(_braced(quoted(template[position:])))
        # A missing part makes the whole text missing: an id with a hole would join unrelated records.
        return self._layers.let(" || ".join(parts), *inputs) if parts else NULL_TEXT

    def _sum(self, terms: list[Column]) -> Column:
        let = self._layers.let
        amounts = [
            let(f"CASE WHEN regexp_full_match({{0}}, '{_DECIMAL}') THEN CAST({{0}} AS DECIMAL(24,6)) END", term)
            for term in terms
        ]
        wrong = [
            let("CASE WHEN {0} IS NOT NULL AND {1} IS NULL THEN {0} END", term, amount)
            for term, amount in zip(terms, amounts, strict=True)
        ]
        count = len(terms)
        total = " + ".join(f"coalesce({{{count + i}}}, 0)" for i in range(count))
        first_wrong = ", ".join(f"{{{i}}}" for i in range(count))
        given = ", ".join(f"{{{count + i}}}" for i in range(count))
        # A term that is no amount is passed on as it stands, so that the refusal shows it.
        return let(
            f"CASE WHEN coalesce({first_wrong}) IS NOT NULL THEN coalesce({first_wrong}) "
            f"WHEN coalesce({given}) IS NOT NULL THEN CAST({total} AS VARCHAR) END",
            *wrong,
            *amounts,
        )

    def _yuan(self, text: Column) -> Column:
        return self._layers.let(
            f"CASE WHEN regexp_full_match({{0}}, '{_INTEGER}') THEN CAST(CAST({{0}} AS DECIMAL(18,0)) * "
            "0.01 AS VARCHAR) "
            f"WHEN regexp_full_match({{0}}, '{_DECIMAL}') THEN CAST(CAST({{0}} AS DECIMAL(24,6)) * 0.01 AS VARCHAR) "
            "ELSE {0} END",
            text,
        )

    def _coded(self, text: Column, table: dict[str, str], default: str | None) -> Column:
        if not table and default is None:
            return text
        cases = " ".join(
            f"WHEN {_braced(quoted(theirs))} THEN {_braced(quoted(ours))}" for theirs, ours in table.items()
        )
        rest = "{0}" if default is None else _braced(quoted(default))
        mapped = f"CASE {{0}} {cases} ELSE {rest} END" if cases else rest
        return self._layers.let(f"CASE WHEN {{0}} IS NULL THEN NULL ELSE {mapped} END", text)

    def _present(self, conditions: list[Condition]) -> Column | None:
        if not conditions:
            return None
        tests: list[str] = []
        inputs: list[Column] = []
        for condition in conditions:
            place = f"{{{len(inputs)}}}"
            inputs.append(self.column(condition.column))
            if condition.present is not None:
                tests.append(f"{place} IS {'NOT ' if condition.present else ''}NULL")
            else:
                wanted = condition.equals if condition.equals is not None else condition.not_equals
                texts = _braced(listed([wanted] if isinstance(wanted, str) else wanted or []))
                negated = "NOT " if condition.equals is None else ""
                tests.append(f"{negated}coalesce({place} IN ({texts}), false)")
        return self._layers.let(" AND ".join(tests), *inputs)

    def _payments(self, payments: list[PaymentRule]) -> Column:
        """The contract's JSON list of payments; amounts of zero are left out."""
        let = self._layers.let
        lists: list[Column] = []
        for payment in payments:
            if payment.each is not None:
                lists.append(self._payments_of_list(payment, payment.each))
                continue
            amount = self._text(payment.amount, is_money=True)
            method = self._text(payment.method, is_money=False)
            lists.append(
                let(
                    "CASE WHEN {0} IS NOT NULL AND NOT regexp_full_match({0}, '[+-]?[0.]+') "
                    "THEN [json_object('method', {1}, 'amount', {0})] ELSE [] END",
                    amount,
                    method,
                )
            )
        joined = let(" || ".join(f"{{{i}}}" for i in range(len(lists))), *lists)
        return let("CASE WHEN len({0}) > 0 THEN CAST(to_json({0}) AS VARCHAR) END", joined)

    def _payments_of_list(self, payment: PaymentRule, each: str) -> Column:
        let = self._layers.let
        unit = payment.amount.unit or self._profile.money.unit
        amount = _part(str(payment.amount.column))
        if unit == "fen":
            amount = f"coalesce(CAST(TRY_CAST({amount} AS DECIMAL(18,0)) * 0.01 AS VARCHAR), {amount})"
        if payment.method.column is not None:
            method = _part(payment.method.column)
        else:
            method = _braced(quoted(str(payment.method.constant)))
        if payment.method.codes is not None:
            table = self._profile.codes[payment.method.codes]
            cases = " ".join(
                f"WHEN {_braced(quoted(theirs))} THEN {_braced(quoted(ours))}" for theirs, ours in table.table.items()
            )
            rest = method if table.default is None else _braced(quoted(table.default))
            method = f"CASE {method} {cases} ELSE {rest} END" if cases else rest
        return let(
            "CASE WHEN json_valid({0}) THEN list_filter(list_transform(CAST(json_extract(CASE WHEN "
            "json_valid({0}) THEN "
            f"{{0}} END, '$[*]') AS JSON[]), lambda part: json_object('method', {method}, 'amount', {amount})), "
            "lambda made: NOT coalesce(regexp_full_match(json_extract_string(made, '$.amount'), '[+-]?[0.]+'), true)) "
            "ELSE [] END",
            self.column(each),
        )


def _part(key: str) -> str:
    path = '$."' + key + '"'
    return f"json_extract_string(part, {_braced(quoted(path))})"


def _braced(text: str) -> str:
    """``text`` made safe for a template in which braces are places."""
    return text.replace("{", "{{").replace("}", "}}")
