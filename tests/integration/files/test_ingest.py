"""From a file to the lake: once, whole, archived; live state follows; refused rows can be corrected."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from ingest.files import loader
from ingest.files.catalogue import load_profile
from ingest.files.intake import archived_path
from ingest.files.loader import ingest_file
from ingest.files.rejects import open_rejects, read_corrections, replay
from tests.integration.files.conftest import add_lot
from warehouse.errors import ParkError
from warehouse.ops.models.live import AreaFreeSpaces, LotLive
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

Query = Callable[[str], list[tuple[Any, ...]]]
STAYS = (
    "lot,stay_id,plate,entered_at,exited_at\n"
    "SZ-1,1,粤B11111,2026-05-01 08:30:00,2026-05-01 09:30:00\n"
    "SZ-2,2,粤B22222,2026-05-01 08:30:00,\n"
    "SZ-9,3,粤B33333,2026-05-01 08:30:00,2026-05-01 09:30:00\n"
    "SZ-1,4,粤B44444,08:30,2026-05-01 09:30:00\n"
)


@pytest.fixture
def stays(tmp_path: Path) -> Path:
    path = tmp_path / "stays.csv"
    path.write_text(STAYS, encoding="utf-8")
    return path


def _counts(query: Query) -> tuple[int, int, int, int]:
    tables = ("entry", "exit", "rejected_record", "batch")
    return tuple(query(f"SELECT count(*) FROM lake.raw.{table}")[0][0] for table in tables)  # type: ignore[return-value]


def test_a_file_lands_whole_and_its_original_is_archived(settings: Settings, query: Query, stays: Path) -> None:
    summary = ingest_file(settings, stays, load_profile("stays"))
    assert (summary.rows, summary.accepted, summary.rejected) == (4, 3, 3)
    assert {(reason.code, reason.first_line) for reason in summary.reasons} == {("unknown_lot", 4), ("bad_time", 5)}
    assert query("SELECT lot_id, record_id, occurred_at, source, payload FROM lake.raw.entry ORDER BY 2") == [
        (1, "1", datetime(2026, 5, 1, 0, 30, tzinfo=UTC), f"file:{_sha(summary, settings)[:16]}", None),
        (2, "2", datetime(2026, 5, 1, 0, 30, tzinfo=UTC), f"file:{_sha(summary, settings)[:16]}", None),
    ]
    assert query("SELECT entry_record_id, entered_at FROM lake.raw.exit") == [
        ("1", datetime(2026, 5, 1, 0, 30, tzinfo=UTC))
    ]
    assert query("SELECT name, source_rows, accepted, marked, rejected FROM lake.raw.batch") == [
        ("stays.csv", 4, 3, 0, 3)
    ]
    archived = archived_path(settings.archive_path, _sha(summary, settings))
    assert zstandard.ZstdDecompressor().stream_reader(archived.read_bytes()).read() == stays.read_bytes()
    assert list((settings.home / "tmp").glob("ingest-*")) == []


def _sha(_summary: loader.IngestSummary, settings: Settings) -> str:
    (path,) = settings.archive_path.glob("??/*.zst")
    return path.name.removesuffix(".zst")


def test_the_same_file_again_changes_nothing(settings: Settings, query: Query, stays: Path, tmp_path: Path) -> None:
    first = ingest_file(settings, stays, load_profile("stays"))
    before = _counts(query)
    renamed = stays.rename(tmp_path / "other name.csv")
    again = ingest_file(settings, renamed, load_profile("stays"))
    assert again.already_landed_at is not None
    assert (again.batch_seq, again.rows, again.accepted) == (first.batch_seq, first.rows, first.accepted)
    assert _counts(query) == before == (2, 1, 3, 1)


def test_a_dry_run_counts_and_changes_nothing(settings: Settings, query: Query, stays: Path) -> None:
    summary = ingest_file(settings, stays, load_profile("stays"), dry_run=True)
    assert (summary.accepted, summary.rejected) == (3, 3)
    assert _counts(query) == (0, 0, 0, 0)
    assert not settings.archive_path.exists()


def test_a_failure_while_landing_leaves_nothing_behind(
    settings: Settings, query: Query, stays: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loader.land

    def failing(connection: duckdb.DuckDBPyConnection, *arguments: Any) -> Any:
        request, tables, rejected = arguments[1:]
        tables = tables | {"exit": "(SELECT error('disk gone') AS lot_id)"}
        return real(connection, arguments[0], request, tables, rejected)

    monkeypatch.setattr(loader, "land", failing)
    with pytest.raises(duckdb.Error):
        ingest_file(settings, stays, load_profile("stays"))
    assert _counts(query) == (0, 0, 0, 0)
    monkeypatch.undo()
    assert ingest_file(settings, stays, load_profile("stays")).accepted == 3
    assert _counts(query) == (2, 1, 3, 1)


def test_a_profile_without_lot_column_needs_the_lot(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ParkError, match="--lot"):
        ingest_file(settings, tmp_path / "x.xlsx", load_profile("gate_log_stays"))
    with pytest.raises(ParkError, match="NOWHERE"):
        ingest_file(settings, tmp_path / "x.xlsx", load_profile("gate_log_stays"), lot_code="NOWHERE")
    with pytest.raises(ParkError, match=r"x\.xlsx"):
        ingest_file(settings, tmp_path / "x.xlsx", load_profile("gate_log_stays"), lot_code="SZ-1")


def test_live_state_follows_a_file(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("record_id,occurred_at,free_spaces\n1,2026-05-01 08:00:00,5\n2,2026-05-01 09:00:00,7\n")
    ingest_file(settings, path, load_profile("free_space_counts"), lot_code="SZ-1")
    with ops_session(settings) as session:
        assert [row.free_spaces for row in session.query(AreaFreeSpaces)] == [7]
        assert session.query(LotLive).count() == 1


def test_contract_records_come_from_a_file_as_over_http(settings: Settings, query: Query, tmp_path: Path) -> None:
    at = "2026-05-01T08:30:00+08:00"
    lines = [
        {"lot": "SZ-1", "kind": "entry", "record_id": "a", "occurred_at": at, "plate": "粤b·11111"},
        {
            "lot": "SZ-2",
            "kind": "charge",
            "record_id": "b",
            "occurred_at": at,
            "receivable": 5,
            "received": 5,
            "method": "cash",
        },
        {"lot": "SZ-9", "kind": "entry", "record_id": "c", "occurred_at": at},
        {"kind": "entry", "record_id": "d", "occurred_at": at},
        {"lot": "SZ-1", "kind": "entry", "record_id": "e", "occurred_at": "never"},
    ]
    path = tmp_path / "records.ndjson"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\nnot json\n")
    summary = ingest_file(settings, path, load_profile("records"))
    assert (summary.rows, summary.blank_rows, summary.accepted, summary.marked, summary.rejected) == (6, 1, 1, 1, 4)
    assert query("SELECT lot_id, plate FROM lake.raw.entry") == [(1, "粤B11111")]
    assert query("SELECT lot_id, receivable, marks FROM lake.raw.charge") == [(2, 5, "no_plate")]
    assert query("SELECT line, kind, record_id, code FROM lake.raw.rejected_record ORDER BY line") == [
        (3, "entry", "c", "unknown_lot"), (4, "entry", "d", "unknown_lot"), (5, "entry", "e", "bad_time"),
        (7, None, None, "unknown_lot"),
    ]  # fmt: skip
    assert ingest_file(settings, path, load_profile("records")).already_landed_at is not None


def test_a_corrected_row_is_replayed_and_leaves_the_list(
    settings: Settings, query: Query, stays: Path, tmp_path: Path
) -> None:
    ingest_file(settings, stays, load_profile("stays"))
    found = open_rejects(settings)
    assert [(one.code, one.lot, one.kind, one.line) for one in found] == [
        ("unknown_lot", None, None, 4), ("bad_time", "SZ-1", "entry", 5), ("bad_time", "SZ-1", "exit", 5),
    ]  # fmt: skip
    corrected = tmp_path / "corrected.ndjson"
    lines = [one.as_json() for one in found if one.code == "bad_time"]
    for line in lines:
        line["payload"]["entered_at"] = "2026-05-01 08:45:00"
    corrected.write_text("\n".join(json.dumps(line) for line in lines))
    corrections = read_corrections(corrected)
    summary = replay(settings, open_rejects(settings, ids=list(corrections)), corrections=corrections)
    assert (summary.accepted, summary.still_refused) == (2, 0)
    assert query("SELECT occurred_at FROM lake.raw.entry WHERE record_id = '4'") == [
        (datetime(2026, 5, 1, 0, 45, tzinfo=UTC),)
    ]
    assert query("SELECT count(*) FROM lake.raw.exit WHERE record_id = '4'") == [(1,)]
    assert [one.code for one in open_rejects(settings)] == ["unknown_lot"]


def test_rows_of_a_lot_that_now_exists_are_replayed_without_correction(
    settings: Settings, query: Query, stays: Path
) -> None:
    ingest_file(settings, stays, load_profile("stays"))
    assert replay(settings, open_rejects(settings, code="unknown_lot")).still_refused == 1
    assert len(open_rejects(settings)) == 3
    add_lot(settings, "SZ-9")
    summary = replay(settings, open_rejects(settings, code="unknown_lot"))
    assert (summary.accepted, summary.still_refused) == (1, 0)
    assert query("SELECT lot_id FROM lake.raw.entry WHERE record_id = '3'") == [(3,)]
    assert query("SELECT count(*) FROM lake.raw.exit WHERE record_id = '3'") == [(1,)]
    assert {one.code for one in open_rejects(settings)} == {"bad_time"}


def test_a_correction_that_is_wrong_again_replaces_the_refusal(settings: Settings, stays: Path) -> None:
    ingest_file(settings, stays, load_profile("stays"))
    (old,) = open_rejects(settings, code="bad_time", lot_code="SZ-1")[:1]
    payload = json.loads(old.payload) | {"entered_at": "1970-01-01 00:00:00"}
    assert replay(settings, [old], corrections={old.reject_id: json.dumps(payload)}).still_refused == 1
    (new,) = open_rejects(settings, code="absurd_time")
    assert (new.kind, new.line, json.loads(new.payload)["entered_at"]) == ("entry", 5, "1970-01-01 00:00:00")
    assert old.reject_id not in {one.reject_id for one in open_rejects(settings)}
    good = payload | {"entered_at": "2026-05-01 08:00:00"}
    assert replay(settings, [new], corrections={new.reject_id: json.dumps(good)}).accepted == 1
    assert {one.code for one in open_rejects(settings)} == {"unknown_lot", "bad_time"}


def test_refused_contract_records_are_replayed_too(settings: Settings, query: Query, tmp_path: Path) -> None:
    path = tmp_path / "records.ndjson"
    path.write_text('{"lot":"SZ-1","kind":"entry","record_id":"e","occurred_at":"never"}\n')
    ingest_file(settings, path, load_profile("records"))
    (one,) = open_rejects(settings)
    good = json.loads(one.payload) | {"occurred_at": "2026-05-01T08:30:00"}
    assert replay(settings, [one], corrections={one.reject_id: json.dumps(good)}).accepted == 1
    ((payload,),) = query("SELECT payload FROM lake.raw.entry")
    assert json.loads(payload) == good
    assert open_rejects(settings) == []


def test_the_shenzhen_gate_log_is_accounted_for_to_the_row(settings: Settings, query: Query, shared: Path) -> None:
    (path,) = (shared / "shenzhen_gate_log").glob("*.xlsx")
    summary = ingest_file(settings, path, load_profile("gate_log_stays"), lot_code="SZ-1")
    assert (summary.rows, summary.unused_rows, summary.rejected) == (15_264, 0, 0)
    assert summary.accepted + summary.marked == 2 * 15_264
    assert query(
        "SELECT count(DISTINCT record_id), count(*) FILTER (WHERE entry_record_id = record_id) FROM lake.raw.exit"
    ) == [(15_264, 15_264)]
    assert ingest_file(settings, path, load_profile("gate_log_stays"), lot_code="SZ-1").already_landed_at is not None
    assert _counts(query) == (15_264, 15_264, 0, 1)


def test_the_huizhou_samples_give_a_count_per_area_and_mark_negative_ones(
    settings: Settings, query: Query, shared: Path
) -> None:
    path = sorted((shared / "huizhou_free_spaces").glob("*.json"))[0]
    summary = ingest_file(settings, path, load_profile("free_space_samples"), lot_code="SZ-1")
    assert summary.rejected == 0
    assert summary.accepted + summary.marked == 3 * summary.rows
    ((negative, marked),) = query(
        "SELECT count(*) FILTER (WHERE free_spaces < 0), count(*) FILTER (WHERE marks = 'impossible_count') "
        "FROM lake.raw.free_space_count"
    )
    assert negative == marked > 0
