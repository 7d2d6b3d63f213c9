"""The rules of the record contract in SQL: a mapped record becomes stored values, marks, and the first refusal.

Belongs here: applying ``ingest/records/rules.py`` to columns, with the same verdicts as ``decode_batch`` gives to the
same record sent over HTTP; a property test compares the two.
Does not belong here: the rules as data, sentences, and how texts came out of a file (``mapping``).
Refusals are tried in the order of the record path: first the form of each field, then operation, event time, lengths
and codes, then what only upserts need: required fields, amounts, payments, method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingest.files import amounts
from ingest.files.clock import Instant, LotColumns, business_date, local_time, read_time, zone_columns
from ingest.files.layers import NULL_TEXT, Column, Layers, listed, literal, quoted
from ingest.files.mapping import MappedField, MappedRecord
from ingest.records import rules
from warehouse.codes import codes
from warehouse.lake.raw_tables import raw_table_columns

SEPARATOR: Final = "\x1f"  # between code, field and value of a refusal
_TRUE: Final = ("true", "1", "yes", "y", "是")
_FALSE: Final = ("false", "0", "no", "n", "否")
_INTEGER: Final = "[+-]?[0-9]{{1,20}}"
_WHOLE_DECIMAL: Final = "[+-]?[0-9]{{1,18}}\\.0+"


@dataclass
class CheckedRecord:
    """The outcome for one record of a row: what to store, its marks, its first refusal (null: none)."""

    kind: str
    present: Column | None
    values: dict[str, Column]
    marks: Column
    refusal: Column


@dataclass
class Draft:
    """A record being checked: values so far, refusals in the order they are tried, marks.

    ``form``, ``event``, ``texts`` and ``coded`` hold for every record, ``own`` only for upserts; a refusal is
    condition, code, field, value.
    """

    record: MappedRecord
    values: dict[str, Column] = field(default_factory=dict)
    form: list[tuple[Column, str, str, Column]] = field(default_factory=list)
    event: list[tuple[Column, str, str, Column]] = field(default_factory=list)
    texts: list[tuple[Column, str, str, Column]] = field(default_factory=list)
    coded: list[tuple[Column, str, str, Column]] = field(default_factory=list)
    own: list[tuple[Column, str, str, Column]] = field(default_factory=list)
    marks: list[tuple[str, Column, bool]] = field(default_factory=list)  # code, condition, only for upserts


class Validator:
    """Checks mapped records of one lot or of many, received at one time."""

    def __init__(self, layers: Layers, lot: LotColumns, now: datetime) -> None:
        """Bind the query, the lot's columns and the time of receipt (aware)."""
        self._layers = layers
        self._lot = lot
        self._now = now

    def check(self, record: MappedRecord) -> CheckedRecord:
        """Columns of ``raw.<kind>`` for this record but those of the batch, with marks and refusal."""
        draft = Draft(record)
        fields = rules.fields(record.kind)
        operation = self._operation(draft)
        for name, rule in fields.items():
            if name in ("op", "payments", "method"):
                continue
            own = name not in rules.COMMON_FIELDS
            if name not in record.fields and not rule.required and rule.type not in ("plate", "money", "time"):
                default = rules.DEFAULTS.get(name)
                kind = raw_table_columns(record.kind)[name]
                draft.values[name] = Column(f"NULL::{kind}" if default is None else f"CAST('{default}' AS {kind})")
                continue
            getattr(self, f"_{rule.type}")(draft, name, rule, record.fields.get(name, MappedField(NULL_TEXT)), own)
        self._required(draft)
        self._together(draft)
        return self._finished(draft, operation)

    # Fields by type. Each sets the value and adds refusals and marks.

    def _operation(self, draft: Draft) -> Column:
        mapped = draft.record.fields.get("op")
        if mapped is None:
            draft.values["op"] = literal("upsert")
            return draft.values["op"]
        op = self._layers.let("coalesce(lower({0}), 'upsert')", mapped.text)
        draft.event.append((self._layers.inline(f"{{0}} NOT IN ({listed(codes('op'))})", op), "unknown_op", "op", op))
        draft.values["op"] = op
        return op

    def _text(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        text = mapped.text
        self._cleaned(draft, mapped, own)
        self._too_long(draft, name, text, rule.limit, own)
        draft.values[name] = text

    def _plate(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        let, inline, text = self._layers.let, self._layers.inline, mapped.text
        self._cleaned(draft, mapped, own)
        known = let(f"regexp_full_match({{0}}, {_braced(quoted(rules.PLATE_PATTERN))})", text)
        # translate() builds its table for each row; nearly all plates are already in their one spelling.
        plate = let(
            f"CASE WHEN {{1}} THEN {{0}} ELSE translate({{0}}, {_braced(quoted(rules.PLATE_FROM))}, "
            f"{_braced(quoted(rules.PLATE_TO))}) END",
            text,
            known,
        )
        form = let(
            f"CASE WHEN {{0}} IS NULL THEN 'no_plate' WHEN {{2}} THEN NULL "
            f"WHEN regexp_full_match({{1}}, {_braced(quoted(rules.PLATE_PATTERN))}) THEN NULL "
            f"WHEN regexp_full_match({{1}}, {_braced(quoted(rules.NO_PLATE_PATTERN))}) THEN 'no_plate' "
            "ELSE 'misread_plate' END",
            text,
            plate,
            known,
        )
        draft.values[name] = let("CASE WHEN {1} = 'no_plate' THEN NULL ELSE {0} END", plate, form)
        draft.own.append((self._is_longer(text, rule.limit), "too_long", name, self._length(text, rule.limit)))
        if draft.record.kind in rules.PLATE_EXPECTED:
            draft.marks.append(("no_plate", inline("{0} = 'no_plate'", form), True))
        draft.marks.append(("misread_plate", inline("{0} = 'misread_plate'", form), True))

    def _code(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        let, inline, text = self._layers.let, self._layers.inline, mapped.text
        known = listed(codes(rule.code_set))
        if text.is_constant and text.sql in known.split(", "):
            draft.values[name] = text
            return
        self._cleaned(draft, mapped, own)
        self._too_long(draft, name, text, rules.TEXT_LIMIT, own, is_code=True)
        is_known = let(f"{{0}} IN ({known})", text)
        unknown = inline(f"NOT {{1}} AND lower({{0}}) NOT IN ({known})", text, is_known)
        if rule.on_unknown == "reject":
            draft.coded.append((self._if_own(draft, unknown, own), "unknown_code", name, text))
            draft.values[name] = let("CASE WHEN {1} THEN {0} ELSE lower({0}) END", text, is_known)
            return
        other = "'other'" if rule.on_unknown == "other" else "NULL"
        value = let(
            f"CASE WHEN {{1}} THEN {{0}} WHEN {{0}} IS NULL THEN NULL WHEN lower({{0}}) IN ({known}) THEN lower({{0}}) "
            f"ELSE {other} END",
            text,
            is_known,
        )
        draft.marks.append(("unknown_code", unknown, own))
        default = rules.DEFAULTS.get(name)
        draft.values[name] = value if default is None else let(f"coalesce({{0}}, '{default}')", value)

    def _codes(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        let, inline, text = self._layers.let, self._layers.inline, mapped.text
        known = listed(codes(rule.code_set))
        missing = listed(sorted(rules.MISSING_TEXTS))
        self._cleaned(draft, mapped, own)
        parts = let(
            f"list_filter(list_transform(string_split({{0}}, ','), lambda x: trim(x, {quoted(rules.BLANKS)})), "
            f"lambda x: lower(x) NOT IN ({_braced(missing)}))",
            text,
        )
        too_long = inline(f"len(list_filter({{0}}, lambda x: length(x) > {rules.TEXT_LIMIT})) > 0", parts)
        draft.own.append((too_long, "too_long", name, text))
        coded = let(
            f"list_transform({{0}}, lambda x: CASE WHEN lower(x) IN ({known}) THEN lower(x) ELSE 'other' END)", parts
        )
        unknown = let(f"len(list_filter({{0}}, lambda x: lower(x) NOT IN ({known}))) > 0", parts)
        draft.marks.append(("unknown_code", unknown, own))
        # Each code once, where it first stands.
        draft.values[name] = let(
            "nullif(array_to_string(list_filter({0}, lambda x, i: list_position({0}, x) = i), ','), '')", coded
        )

    def _time(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        let, inline, text = self._layers.let, self._layers.inline, mapped.text
        zone, steady = zone_columns(mapped.zone, self._lot)
        if text.is_null:
            draft.values[name] = Column("NULL::TIMESTAMP")
            if rule.required:
                draft.form.append((Column("true"), "missing_field", name, literal("")))
            return
        read = read_time(self._layers, text, mapped.formats, zone, steady, rule.window)
        if rule.required:
            draft.form.append((inline("{0} IS NULL", text), "missing_field", name, literal("")))
        bad = inline("{0} IS NOT NULL AND {1} IS NULL", text, read.utc)
        draft.form.append((self._if_own(draft, bad, own), "bad_time", name, text))
        earliest, latest = (_timestamp(moment) for moment in rules.window(rule.window, self._now))
        outside = let(f"{{0}} NOT BETWEEN {earliest} AND {latest}", read.utc)
        if rule.window == "event":
            draft.event.append((outside, "absurd_time", name, text))
            draft.values[name] = read.utc
            self._clock_marks(draft, read, None, own)
            return
        draft.values[name] = let("CASE WHEN {1} THEN NULL ELSE {0} END", read.utc, outside)
        draft.marks.append(("ignored_time", outside, own))
        self._clock_marks(draft, read, outside, own)

    def _money(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        found = amounts.read(self._layers, mapped.text)
        draft.form.append((self._if_own(draft, found.is_too_long, own), "too_long", name, mapped.text))
        draft.form.append((self._if_own(draft, found.is_bad, own), "bad_money", name, mapped.text))
        draft.own.append((found.is_absurd, "absurd_money", name, mapped.text))
        draft.own.append((found.is_too_precise, "money_precision", name, mapped.text))
        if not rule.may_be_negative:
            draft.own.append((self._layers.inline("{0} < 0", found.amount), "negative_money", name, mapped.text))
        draft.values[name] = found.amount

    def _integer(self, draft: Draft, name: str, rule: rules.Field, mapped: MappedField, own: bool) -> None:
        let, inline, text = self._layers.let, self._layers.inline, mapped.text
        lowest, highest = rule.range
        number = let(
            f"CASE WHEN regexp_full_match({{0}}, '{_INTEGER}') THEN TRY_CAST({{0}} AS HUGEINT) "
            f"WHEN regexp_full_match({{0}}, '{_WHOLE_DECIMAL}') THEN TRY_CAST(split_part({{0}}, '.', 1) "
            "AS HUGEINT) END",
            text,
        )
        bad = inline("{0} IS NOT NULL AND {1} IS NULL", text, number)
        outside = inline(f"{{0}} NOT BETWEEN {lowest} AND {highest}", number)
        draft.form.append((self._if_own(draft, bad, own), "wrong_type", name, text))
        draft.form.append((self._if_own(draft, outside, own), "out_of_range", name, text))
        default = rules.DEFAULTS.get(name)
        kind = raw_table_columns(draft.record.kind)[name]
        value = let(f"TRY_CAST({{0}} AS {kind})", number)
        draft.values[name] = value if default is None else let(f"coalesce({{0}}, {default})", value)
        if name in rules.COUNTS.get(draft.record.kind, ()):
            draft.marks.append(("impossible_count", inline("{0} < 0", number), True))

    def _boolean(self, draft: Draft, name: str, _rule: rules.Field, mapped: MappedField, own: bool) -> None:
        let, inline, text = self._layers.let, self._layers.inline, mapped.text
        value = let(
            f"CASE WHEN lower({{0}}) IN ({listed(_TRUE)}) THEN true WHEN lower({{0}}) IN "
            f"({listed(_FALSE)}) THEN false END",
            text,
        )
        bad = inline("{0} IS NOT NULL AND {1} IS NULL", text, value)
        draft.form.append((self._if_own(draft, bad, own), "wrong_type", name, text))
        draft.values[name] = value

    # Rules on several fields.

    def _required(self, draft: Draft) -> None:
        inline = self._layers.inline
        missing = inline("{0} IS NULL", draft.values["record_id"])
        draft.form.insert(0, (missing, "missing_field", "record_id", literal("")))
        required = [name for name, rule in rules.FIELDS[draft.record.kind].items() if rule.required]
        draft.own[:0] = [
            (inline("{0} IS NULL", draft.record.text(name)), "missing_field", name, literal("")) for name in required
        ]

    def _together(self, draft: Draft) -> None:
        inline, values, kind = self._layers.inline, draft.values, draft.record.kind
        explains = rules.METHOD_EXPLAINS.get(kind)
        if kind == "charge":
            values |= amounts.balanced(self._layers, values)
            draft.marks.append(("unbalanced", amounts.is_unbalanced(self._layers, values), True))
        if explains is not None:
            amounts.settle(self._layers, draft, explains)
        for of_kind, first, last in rules.STAY_ORDER:
            if of_kind == kind:
                draft.marks.append(("negative_stay", inline("{0} > {1}", values[first], values[last]), True))
        if kind == "free_space_count":
            over = inline("{0} > {1}", values["free_spaces"], values["total_spaces"])
            draft.marks.append(("impossible_count", over, True))
        if kind == "renewal":
            reversed_period = inline("{0} > {1}", values["valid_from"], values["valid_to"])
            draft.marks.append(("reversed_period", reversed_period, True))

    def _finished(self, draft: Draft, operation: Column) -> CheckedRecord:
        let, kind = self._layers.let, draft.record.kind
        may_be_void = operation.depth > 0
        values = dict(draft.values)
        local = local_time(self._layers, values["occurred_at"], self._lot)
        values["local_at"] = local
        values["business_date"] = business_date(self._layers, local, self._lot)
        values["lot_id"] = self._lot.lot_id
        stored: dict[str, Column] = {}
        for name, column_type in raw_table_columns(kind).items():
            value = values.get(name)
            if value is None:
                continue
            if may_be_void and name in rules.FIELDS[kind]:
                value = let("CASE WHEN {1} = 'void' THEN NULL ELSE {0} END", value, operation)
            stored[name] = value
            if column_type == "TIMESTAMPTZ":
                stored[name] = let("make_timestamptz(epoch_us({0}))", value)
        refusals = draft.form + draft.event + draft.texts + draft.coded
        refusal = self._first_refusal(refusals + self._only_upserts(draft.own, operation, may_be_void))
        marks = self._marks(self._marks_for(draft, operation, may_be_void))
        return CheckedRecord(kind, draft.record.present, stored, marks, refusal)

    def _only_upserts(
        self, found: list[tuple[Column, str, str, Column]], operation: Column, may_be_void: bool
    ) -> list[tuple[Column, str, str, Column]]:
        if not may_be_void:
            return found
        inline = self._layers.inline
        return [
            (inline("{0} AND {1} <> 'void'", when, operation), code, name, value) for when, code, name, value in found
        ]

    def _marks_for(self, draft: Draft, operation: Column, may_be_void: bool) -> list[tuple[str, Column]]:
        if not may_be_void:
            return [(code, when) for code, when, _ in draft.marks]
        inline = self._layers.inline
        return [
            (code, inline("{0} AND {1} <> 'void'", when, operation) if own else when) for code, when, own in draft.marks
        ]

    def _first_refusal(self, found: list[tuple[Column, str, str, Column]]) -> Column:
        cases: list[str] = []
        inputs: list[Column] = []
        for when, code, name, value in found:
            first = len(inputs)
            inputs += [when, value]
            start = quoted(f"{code}{SEPARATOR}{name}{SEPARATOR}")
            cases.append(f"WHEN {{{first}}} THEN {start} || coalesce(left({{{first + 1}}}, 61), '')")
        return self._layers.let(f"CASE {' '.join(cases)} END", *inputs)

    def _marks(self, found: list[tuple[str, Column]]) -> Column:
        """Marks sorted by code and joined by commas; null when there is none."""
        by_code: dict[str, list[Column]] = {}
        for code, when in found:
            by_code.setdefault(code, []).append(when)
        tests: list[tuple[str, str]] = []
        inputs: list[Column] = []
        for code in sorted(by_code):
            places = []
            for when in by_code[code]:
                places.append(f"{{{len(inputs)}}}")
                inputs.append(when)
            tests.append((code, f"({' OR '.join(places)})"))
        if not tests:
            return NULL_TEXT
        joined = ", ".join(f"CASE WHEN {test} THEN '{code}' END" for code, test in tests)
        # Most records have no mark, and testing is cheaper than joining texts.
        return self._layers.let(
            f"CASE WHEN {' OR '.join(test for _, test in tests)} THEN concat_ws(',', {joined}) END", *inputs
        )

    # Small shared parts.

    def _if_own(self, draft: Draft, condition: Column, own: bool) -> Column:
        """``condition``, but never for a void when the field is of the kind and not common."""
        operation = draft.values["op"]
        if not own or operation.depth == 0:
            return condition
        return self._layers.inline("{0} AND {1} <> 'void'", condition, operation)

    def _cleaned(self, draft: Draft, mapped: MappedField, own: bool) -> None:
        if mapped.cleaned is not None:
            draft.marks.append(("cleaned_text", mapped.cleaned, own))

    def _too_long(self, draft: Draft, name: str, text: Column, limit: int, own: bool, *, is_code: bool = False) -> None:
        if text.depth == 0 and len(text.sql) <= limit:
            return
        condition = self._is_longer(text, limit)
        (draft.coded if is_code else draft.texts).append(
            (self._if_own(draft, condition, own), "too_long", name, self._length(text, limit))
        )

    def _is_longer(self, text: Column, limit: int) -> Column:
        # A text has at most as many characters as bytes, and the number of bytes is at hand.
        return self._layers.inline(f"strlen({{0}}) > {limit} AND length({{0}}) > {limit}", text)

    def _length(self, text: Column, limit: int) -> Column:
        return self._layers.inline(f"length({{0}}) || ' > {limit}'", text)

    def _clock_marks(self, draft: Draft, read: Instant, outside: Column | None, own: bool) -> None:
        for code, odd in (("ambiguous_time", read.wall_was_ambiguous), ("nonexistent_time", read.wall_was_skipped)):
            if odd is None:
                continue
            if outside is not None:
                odd = self._layers.inline("{0} AND NOT {1}", odd, outside)
            draft.marks.append((code, odd, own))


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(rules.EARLIEST.tzinfo).replace(tzinfo=None).isoformat(sep=' ')}'"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
