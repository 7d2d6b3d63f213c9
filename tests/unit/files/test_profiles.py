"""Profiles: shipped ones are whole, and a wrong one is told file, key and allowed values."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.files.catalogue import PROFILES, TEMPLATES, load_profile, profile_names, template_names
from tests.unit.files.judging import SHANGHAI, judge_file
from warehouse.errors import ParkError

STAY = '[file]\nformat = "csv"\n[[record]]\nkind = "entry"\n[record.fields]\nrecord_id = "id"\noccurred_at = "at"\n'


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_is_valid_and_has_a_title_in_both_languages(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.title_zh
    assert profile.title_en


@pytest.mark.parametrize("name", template_names())
def test_every_template_gives_only_accepted_records_by_the_profile_of_its_name(name: str, tmp_path: Path) -> None:
    judged = judge_file(TEMPLATES / f"{name}.csv", load_profile(name), tmp_path / "spool")
    assert judged.counts.rows == 1
    assert judged.counts.accepted == (2 if name == "stays" else 1)
    assert (judged.counts.marked, judged.counts.rejected) == (0, 0)


def test_the_templates_are_those_of_the_product() -> None:
    assert set(template_names()) == {
        "stays", "entries", "exits", "charges", "refunds", "renewals", "top_ups", "devices", "alarms", "gate_openings",
        "free_space_counts", "invoices",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (STAY.replace('format = "csv"', 'format = "xls"'), ["file.format", "'xls'", "xlsx"]),
        (STAY.replace('format = "csv"', 'format = "csv"\nheadr_row = 3'), ["file.headr_row", "header_row"]),
        (STAY.replace('kind = "entry"', 'kind = "arrival"'), ["record[1]", "arrival", "inner_entry"]),
        (STAY.replace('occurred_at = "at"', 'occured_at = "at"'), ["occured_at", "occurred_at"]),
        (STAY + 'plate = { colum = "p" }', ["plate.colum", "column"]),
        (STAY + 'plate = { column = "p", constant = "x" }', ["plate", "exactly one"]),
        (STAY + 'plate_color = { column = "c", codes = "colour" }', ["codes.colour"]),
        (STAY + '[time]\nformats = ["yyyy-MM-dd"]', ["time.formats", "yyyy-MM-dd", "%Y"]),
        (STAY + '[time]\nzone = "Beijing"', ["time.zone", "Beijing", "Asia/Shanghai"]),
        (STAY.replace('record_id = "id"\n', ""), ["record_id"]),
        ('[file]\nformat = "csv"\n', ["[[record]]"]),
        ('[file\nformat = "csv"\n', ["TOML"]),
    ],
)
def test_a_wrong_profile_is_refused_with_file_key_and_allowed_values(
    text: str, wanted: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParkError) as refused:
        load_profile(str(path))
    for part in ["mine.toml", *wanted]:
        assert part in refused.value.en
    assert "mine.toml" in refused.value.zh


def test_an_unknown_profile_name_lists_the_known_ones() -> None:
    with pytest.raises(ParkError, match="bolian"):
        load_profile("nobody")


def test_a_file_without_the_columns_of_the_profile_is_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("stay_id,plate\n1,粤B12345\n", encoding="utf-8")
    with pytest.raises(ParkError, match="missing columns entered_at, exited_at"):
        judge_file(path, load_profile("stays"), tmp_path / "spool", SHANGHAI)


def test_every_shipped_profile_is_described_in_the_documentation() -> None:
    text = (PROFILES.parent.parent / "docs" / "source-profiles.md").read_text(encoding="utf-8")
    for name in profile_names():
        assert f"`{name}`" in text
