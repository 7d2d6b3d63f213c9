"""The contract's structs, rules, raw tables, words and document say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.records import rules
from ingest.records.document import DOCUMENT, render
from ingest.records.kinds import STRUCTS
from ingest.records.meanings import FIELD_MEANINGS, KIND_MEANINGS, example
from ingest.records.verdicts import MARKS, REJECTS
from warehouse.codes import code_of, code_sets, codes, label
from warehouse.lake.raw_tables import KINDS, REJECTED_COLUMNS, raw_table_columns

ADDED_BY_THE_CLOUD = {
    "lot_id", "local_at", "business_date", "received_at", "source", "batch_seq", "batch_row", "marks", "payload",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_exactly_the_columns_of_its_raw_table(kind: str) -> None:
    sent = [name for name in raw_table_columns(kind) if name not in ADDED_BY_THE_CLOUD]
    assert list(STRUCTS[kind].__struct_fields__) == sent
    assert list(rules.fields(kind)) == sent


def test_every_kind_of_the_raw_tables_is_in_the_contract_and_no_other() -> None:
    assert tuple(STRUCTS) == tuple(rules.FIELDS) == KINDS == tuple(KIND_MEANINGS) == codes("record_kind")
    assert len(KINDS) == 16


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_of_a_field_fits_its_column(kind: str) -> None:
    fits = {
        "money": {"DECIMAL(18,2)"},
        "time": {"TIMESTAMPTZ"},
        "integer": {"INTEGER", "BIGINT"},
        "boolean": {"BOOLEAN"},
    }
    for name, field in rules.fields(kind).items():
        column = raw_table_columns(kind)[name]
        assert column in fits.get(field.type, {"VARCHAR"}), name
        if field.type == "integer" and column == "INTEGER":
            assert field.range[0] >= -(2**31), name
            assert field.range[1] <= 2**31 - 1, name


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_accepted_and_its_line_has_every_column(kind: str, judge_raw) -> None:
    (verdict,), (line,) = judge_raw(json.dumps({"records": [example(kind)]}, ensure_ascii=False).encode())
    assert (verdict.verdict, verdict.kind, verdict.marks) == ("accepted", kind, [])
    assert set(line) == {"kind"} | set(raw_table_columns(kind)) - {"batch_seq", "batch_row"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_shows_every_required_field(kind: str) -> None:
    required = {name for name, field in rules.fields(kind).items() if field.required}
    assert required <= set(example(kind))


def test_a_refused_line_has_the_columns_of_rejected_records(judge) -> None:
    _, line = judge("entry", record_id=None)
    assert set(line) - {"rejected_kind"} == set(REJECTED_COLUMNS) - {"batch_seq"}


def test_every_field_has_a_meaning_and_every_meaning_a_field() -> None:
    named = {"kind"}.union(*(rules.fields(kind) for kind in KINDS))
    assert named == set(FIELD_MEANINGS)


def test_marks_and_rejections_have_labels() -> None:
    assert set(codes("mark")) == set(MARKS)
    assert set(codes("reject")) == set(REJECTS)


def test_every_code_set_that_a_field_names_exists_and_has_other_where_it_is_needed() -> None:
    for kind in KINDS:
        for name, field in rules.fields(kind).items():
            if field.code_set:
                assert codes(field.code_set), name
            if field.on_unknown == "other":
                assert "other" in codes(field.code_set), name


def test_codes_are_lower_snake_and_labelled_in_both_languages() -> None:
    for name, labels in code_sets().items():
        for code, found in labels.items():
            assert code == code.lower().replace(" ", "_"), (name, code)
            assert found.zh.strip(), (name, code)
            assert found.en.strip(), (name, code)


def test_labels_are_the_manuals() -> None:
    assert [label("method", code, "zh") for code in codes("method")] == [
        "现金", "银行卡", "白条", "储值卡", "APP支付宝", "APP微信支付", "APP扫码", "APP钱包", "小票",
    ]  # fmt: skip
    assert label("device_state", "offline", "zh") == "不在线"
    assert label("release_mode", "exit_scan", "en") == "Exit scan"
    assert label("release_mode", "by_magic", "zh") == "by_magic"


def test_a_label_leads_back_to_its_code() -> None:
    assert code_of("vehicle_class", "登记临时车") == "registered_temporary"
    assert code_of("vehicle_class", " Season ticket ") == "season"
    assert code_of("vehicle_class", "free") == "free"
    assert code_of("vehicle_class", "牛车") is None


def test_the_committed_document_is_current() -> None:
    assert Path(DOCUMENT).read_text(encoding="utf-8") == render(), "run python -m ingest.records.document"
