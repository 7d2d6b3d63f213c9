"""Amounts and payment methods in SQL: exact decimals from text, the balance of a charge, who paid how much by what.

Belongs here: ``ingest/records/money.py`` and ``payments.py`` as expressions on columns.
Does not belong here: amounts in fen, which ``mapping`` has turned into yuan already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.files.layers import NULL_TEXT, Column, Layers, listed, quoted
from ingest.records import rules
from ingest.records.payments import MAX_PAYMENTS
from warehouse.codes import codes

if TYPE_CHECKING:
    from ingest.files.validation import Draft

_SIMPLE: Final = "[+-]?[0-9]{{1,8}}(?:\\.[0-9]{{1,2}})?"
_PATTERN: Final = quoted(rules.MONEY_PATTERN).replace("{", "{{").replace("}", "}}")
_ZERO: Final = "CAST(0 AS DECIMAL(18,2))"


@dataclass(frozen=True)
class Amount:
    """An amount read from text, and the reasons why it may be none; conditions are null or false when it is good."""

    amount: Column
    is_too_long: Column
    is_bad: Column
    is_absurd: Column
    is_too_precise: Column


def read(layers: Layers, text: Column) -> Amount:
    """The yuan amount that ``text`` states, exact."""
    let = layers.let
    if text.is_null:
        no = Column("false")
        return Amount(Column("NULL::DECIMAL(18,2)"), no, no, no, no)
    simple = let(f"regexp_full_match({{0}}, '{_SIMPLE}')", text)
    matches = let(f"{{1}} OR regexp_full_match({{0}}, {_PATTERN})", text, simple)
    exponent = let("NOT {1} AND regexp_matches({0}, '[eE]')", text, simple)
    double = let("CASE WHEN {1} AND {2} THEN TRY_CAST({0} AS DOUBLE) END", text, exponent, matches)
    limit = int(rules.MONEY_LIMIT)
    absurd = let(
        "CASE WHEN {1} OR NOT {2} THEN false "
        f"WHEN {{3}} THEN coalesce(abs({{4}}) >= {limit}, regexp_matches({{0}}, '[eE][+]?[0-9]')) "
        "ELSE regexp_full_match({0}, '[+-]?0*[1-9][0-9]{{8,}}(?:\\..*)?') END",
        text,
        simple,
        matches,
        exponent,
        double,
    )
    exact = let(
        "CASE WHEN NOT {1} AND {2} AND NOT {3} THEN TRY_CAST({0} AS DECIMAL(38,20)) END", text, simple, matches, absurd
    )
    precise = let(
        "CASE WHEN {1} OR NOT {2} OR {4} THEN false "
        "WHEN {3} THEN coalesce({5} <> round({5}, 2) OR ({5} = 0 AND regexp_matches({0}, '^[+-]?[0.]*[1-9]')), true) "
        "ELSE regexp_matches({0}, '\\.[0-9]{{2}}[0-9]*[1-9]') END",
        text,
        simple,
        matches,
        exponent,
        absurd,
        exact,
    )
    return Amount(
        amount=let(
            "CASE WHEN {1} THEN CAST({0} AS DECIMAL(18,2)) WHEN NOT {3} THEN TRY_CAST({2} AS DECIMAL(18,2)) END",
            text,
            simple,
            exact,
            precise,
        ),
        is_too_long=layers.inline(f"strlen({{0}}) > {rules.TEXT_LIMIT} AND length({{0}}) > {rules.TEXT_LIMIT}", text),
        is_bad=layers.inline("NOT {0}", matches),
        is_absurd=absurd,
        is_too_precise=precise,
    )


def balanced(layers: Layers, values: dict[str, Column]) -> dict[str, Column]:
    """The parts of a charge with those that may be left out filled in."""
    let = layers.let
    discount = let(f"coalesce({{0}}, {_ZERO})", values["discount"])
    waived = let(f"coalesce({{0}}, {_ZERO})", values["waived"])
    rest = let(
        "CAST({0} - {1} - {2} - {3} AS DECIMAL(18,2))", values["receivable"], discount, waived, values["received"]
    )
    uncollected = let(f"coalesce({{0}}, greatest({{1}}, {_ZERO}))", values["uncollected"], rest)
    return {"discount": discount, "waived": waived, "uncollected": uncollected}


def is_unbalanced(layers: Layers, values: dict[str, Column]) -> Column:
    """Whether the parts of a charge do not make up its receivable; after ``balanced``."""
    names = ("receivable", "discount", "waived", "received", "uncollected")
    return layers.inline("{0} <> {1} + {2} + {3} + {4}", *(values[name] for name in names))


def settle(layers: Layers, draft: Draft, explains: str) -> None:
    """Set ``method`` and ``payments`` of ``draft``; refuse money above zero in ``explains`` that no method explains."""
    let = layers.let
    known = listed(codes("method"))
    mapped = draft.record.fields.get("method")
    text = mapped.text if mapped is not None else NULL_TEXT
    if mapped is not None and mapped.cleaned is not None:
        draft.marks.append(("cleaned_text", mapped.cleaned, True))
    payments, single = NULL_TEXT, NULL_TEXT
    if "payments" in draft.record.fields:
        payments, single = _payments(layers, draft, draft.record.fields["payments"].text, explains)
    too_long = layers.inline(f"length({{0}}) > {rules.TEXT_LIMIT}", text)
    if draft.values["op"].depth > 0:
        too_long = layers.inline("{0} AND {1} <> 'void'", too_long, draft.values["op"])
    draft.texts.append((too_long, "too_long", "method", text))
    code = let(f"CASE WHEN {{0}} IN ({known}) THEN {{0}} ELSE lower({{0}}) END", text)
    unknown = let(f"{{1}} IS NULL AND {{2}} IS NULL AND coalesce({{0}} NOT IN ({known}), true)", code, payments, single)
    unexplained = layers.inline("{0} AND {1} > 0", unknown, draft.values[explains])
    draft.own.append((unexplained, "unknown_method", "method", text))
    draft.marks.append(("unknown_method", layers.inline("{0} AND {1} IS NOT NULL", unknown, text), True))
    draft.values["method"] = let(
        f"CASE WHEN {{1}} IS NOT NULL THEN NULL WHEN {{2}} IS NOT NULL THEN {{2}} WHEN {{0}} IN ({known}) "
        f"THEN {{0}} END",
        code,
        payments,
        single,
    )
    if draft.record.kind == "charge":
        draft.values["payments"] = payments


def _payments(layers: Layers, draft: Draft, text: Column, explains: str) -> tuple[Column, Column]:
    """The stored JSON list of payments, and the method when there was just one that explains everything."""
    let = layers.let
    known = listed(codes("method"))
    is_list = let(
        "CASE WHEN json_valid({0}) THEN json_type(CASE WHEN json_valid({0}) THEN {0} END) = 'ARRAY' ELSE false END",
        text,
    )
    parts = let(
        "CASE WHEN {1} THEN CAST(json_extract(CASE WHEN {1} THEN {0} END, '$[*]') AS JSON[]) END", text, is_list
    )
    items = let(
        "list_transform({0}, lambda part: {{'method': lower(trim(json_extract_string(part, '$.method'), "
        f"{quoted(rules.BLANKS)})), 'text': json_extract_string(part, '$.amount'), 'amount': "
        "TRY_CAST(json_extract_string(part, '$.amount') AS DECIMAL(38,20))}})",
        parts,
    )

    def any_part(condition: str) -> Column:
        return let(f"len(list_filter({{0}}, lambda part: {condition})) > 0", items)

    unknown = f"coalesce(part.method NOT IN ({known}), true)"
    shape = let("{0} IS NOT NULL AND NOT {1}", text, is_list)
    wrong = any_part(f"part.text IS NULL OR NOT regexp_full_match(part.text, {_PATTERN})")
    draft.own.append((let("{0} OR {1}", shape, wrong), "wrong_type", "payments", text))
    draft.own.append((let(f"len({{0}}) > {MAX_PAYMENTS}", items), "too_long", "payments", let("len({0}) || ''", items)))
    limit = int(rules.MONEY_LIMIT)
    for condition, code, field in (
        (f"part.amount IS NULL OR abs(part.amount) >= {limit}", "absurd_money", "payments.amount"),
        ("part.amount <> round(part.amount, 2)", "money_precision", "payments.amount"),
        ("part.amount < 0", "negative_money", "payments.amount"),
        (f"part.amount > 0 AND {unknown}", "unknown_method", "payments.method"),
    ):
        draft.own.append((any_part(condition), code, field, text))
    draft.marks.append(("unknown_method", any_part(unknown), True))
    kept = let(f"list_filter({{0}}, lambda part: NOT {unknown})", items)
    total = let("list_sum(list_transform({0}, lambda part: part.amount))", items)
    count = let("coalesce(len({0}), 0)", kept)
    differ = let("{0} > 0 AND {1} <> {2}", count, total, draft.values[explains])
    draft.marks.append(("payments_differ", differ, True))
    single = let("CASE WHEN {0} = 1 AND NOT {1} THEN {2}[1].method END", count, differ, kept)
    amount = "CAST(CAST(part.amount AS DECIMAL(18,2)) AS VARCHAR)"
    written = let(
        "CASE WHEN {0} > 0 AND {1} IS NULL THEN '[' || array_to_string(list_transform({2}, lambda part: "
        f"'{{{{\"method\":\"' || part.method || '\",\"amount\":\"' || {amount} || '\"}}}}'), ',') || ']' END",
        count,
        single,
        kept,
    )
    return written, single
