"""Past moments along a random history: published figures are found again, built anew alike, and differences add up."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fastexcel
import pytest

from pipelines.build import DbtBuilder, dbt_arguments, open_build, publish_newest_green
from pipelines.recompute import recompute
from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import LotHistory, land_records
from tests.dbt.test_incremental_equals_full import marts
from warehouse.errors import Forbidden, ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.moments import moment_at
from warehouse.lake.publish import Published
from warehouse.lake.reader import Reader
from warehouse.lake.writer import writer_lock
from warehouse.reports.base import stream
from warehouse.reports.catalogue import find
from warehouse.reports.difference import Difference, compare, want_both
from warehouse.reports.known import KnownReaders, want
from warehouse.reports.restatement import write_csv, write_json, write_xlsx
from warehouse.security.actor import LOCAL
from warehouse.security.scope import EVERYTHING, Scope
from warehouse.settings import Settings

pytestmark = pytest.mark.timeout(3600)
LOTS = 8
TURNS = 3
# Each model costs half a second whatever its rows; these lead to every form of report.
BUILT = (
    "dim_lot", "dim_area", "dim_capacity", "dim_device",
    "fct_stay", "rpt_traffic_hour", "rpt_upload_hour", "rpt_completeness_day", "rpt_fee_day", "fct_renewal",
    "rpt_stay_day", "fct_alarm",
)  # fmt: skip
SELECTED = ("--select", *(f"+{mart}" for mart in BUILT))
LONG = {"from": "2025-08-01", "to": "2026-05-01"}
SHORT = {"from": "2026-03-18", "to": "2026-04-08"}
ASKED: dict[str, dict[str, str]] = {
    "temporary-fee-statistics": LONG,
    "daily-report": {**LONG, "by": "day"},
    "temporary-fee-analysis": SHORT,
    "traffic-statistics": {**LONG, "by": "day", "split": "gate,vehicle_class"},
    "charges": LONG,
    "renewals": LONG,
    "stays": LONG,
    "entry-records": LONG,
    "exit-records": LONG,
    "alarms": LONG,
}
Rows = list[tuple[Any, ...]]


@dataclass
class History:
    """A lake with several publications; what each report said at each of them was written down at the time."""

    settings: Settings
    builder: DbtBuilder
    published: list[Published]
    said: list[dict[str, tuple[Rows, dict[str, Any]]]]
    known: KnownReaders
    present: Reader


def answers(reader: Reader) -> dict[str, tuple[Rows, dict[str, Any]]]:
    found = {}
    for name, asked in ASKED.items():
        with stream(find(name), reader, EVERYTHING, asked, "key") as whole:
            found[name] = ([row for batch in whole.batches for row in batch], dict(whole.result.totals))
    return found


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    settings = create_instance(Path(tmp_path_factory.mktemp("known")), LOTS)
    lots = [
        LotHistory(lot, ZoneInfo(ZONES[lot % 5][0]), ZONES[lot % 5][1], random.Random(4_200 + lot))
        for lot in range(1, LOTS + 1)
    ]
    builder = DbtBuilder(settings)
    made = History(settings, builder, [], [], KnownReaders(settings), Reader(settings))
    connection = open_lake(settings)
    for turn in range(TURNS):
        for part in range(3):
            records = [item for lot in lots for _ in range(2) for item in lot.batch()]
            land_records(connection, settings, f"turn{turn}-{part}", records)
        with open_build(settings) as plan:
            builder.run([*dbt_arguments(plan), "--exclude-resource-type", "test", *SELECTED])
        made.published.append(publish_newest_green(settings))
        made.said.append(answers(made.present))
    # Landed, but not published: nobody has seen it yet.
    land_records(connection, settings, "unseen", [item for lot in lots for item in lot.batch()])
    connection.close()
    yield made
    made.known.close()
    made.present.close()


def between(history: History, turn: int) -> datetime:
    """A moment after publication ``turn`` and before the next, when more had landed already."""
    return history.published[turn].published_at + timedelta(microseconds=1)


def test_a_kept_publication_says_again_what_it_said(history: History) -> None:
    for turn in range(TURNS):
        wanted = want(find("charges"), history.present, history.known, LOCAL, {}, between(history, turn))
        reader = history.known.ready(wanted)
        assert reader is not None
        assert wanted.moment.is_kept
        assert answers(reader) == history.said[turn]
    assert history.said[0] != history.said[1] != history.said[2]


def test_building_anew_from_the_records_says_the_same(history: History) -> None:
    for turn, lot_ids in ((0, None), (1, (2, 3, 5))):
        moment = moment_at(history.settings, between(history, turn))
        scratch = recompute(history.settings, moment, lot_ids, BUILT, builder=history.builder)
        state = scratch.state()
        assert state is not None
        if lot_ids is None:
            then, anew = marts(history.settings, history.published[turn].snapshot_id), marts(scratch.settings)
            assert {name for name, rows in then.items() if rows != anew.get(name)} == set()
            reader = Reader(scratch.settings, at=scratch.published(state))
            assert answers(reader) == history.said[turn]
            reader.close()
            continue
        wanted = want(
            find("stays"), history.present, history.known, LOCAL, {"lot": ["2", "3", "5"]}, between(history, turn)
        )
        again = history.known.ready(wanted, recompute=True)
        assert again is not None, "it was built a moment ago"
        for name in ("stays", "daily-report"):
            asked = {**ASKED[name], "lot": ["2", "3", "5"]}
            with stream(find(name), again, EVERYTHING, asked, "key") as whole:
                rows = [row for batch in whole.batches for row in batch]
                place = [column.key for column in whole.result.columns].index("lot_code")
                assert whole.result.basis is not None
                assert whole.result.basis.way == "recomputed"
            assert rows == [row for row in history.said[turn][name][0] if row[place] in ("L2", "L3", "L5")]


def differing(history: History, name: str, before: int, after: int, **more: Any) -> Difference:
    asked = {**ASKED[name], **more}
    pair = want_both(
        find(name), history.present, history.known, LOCAL, asked, between(history, before), between(history, after)
    )
    return compare(pair, history.known, LOCAL, "key")


def test_a_difference_turns_what_was_said_into_what_is_said_and_adds_up(history: History) -> None:
    for name in ASKED:
        sums: dict[tuple[int, int], dict[str, Any]] = {}
        for before, after in ((0, 1), (1, 2), (0, 2)):
            found = differing(history, name, before, after)
            rows, totals = history.said[before][name]
            later, totals_later = history.said[after][name]
            assert (not found.moved) == (sorted(map(repr, rows)) == sorted(map(repr, later))), name
            for column, old, new, gap in found.totals():
                assert (old, new) == (totals[column.key], totals_later[column.key])
                assert gap is None or column.type.value == "ratio" or new - old == gap
            added: dict[str, Any] = {}
            for cell in found.moved:
                if cell.column.total == "sum" and cell.difference is not None:
                    added[cell.column.key] = added.get(cell.column.key, 0) + cell.difference
            sums[(before, after)] = {key: value for key, value in added.items() if value}
        both = {**sums[(0, 1)]}
        for key, value in sums[(1, 2)].items():
            both[key] = both.get(key, 0) + value
        assert {key: value for key, value in both.items() if value} == sums[(0, 2)], name


def test_every_moved_record_and_every_moved_sum_names_the_records_behind_it(history: History) -> None:
    charges = differing(history, "charges", 0, 2)
    moved = {(cell.row["lot_code"], cell.row["kind"], cell.row["record_id"]) for cell in charges.moved}
    named = {
        (f"L{cause.record.lot_id}", cause.record.kind, cause.record.record_id)
        for cell in charges.moved
        for cause in (charges.causes[place] for place in cell.causes)
    }
    assert moved
    assert moved <= named
    assert charges.all_causes
    for name in ("daily-report", "temporary-fee-statistics", "traffic-statistics", "stays", "renewals", "alarms"):
        found = differing(history, name, 0, 2)
        assert found.moved, name
        assert [cell.row for cell in found.moved if not cell.causes] == [], name
    changes = {cause.record.change for name in ("charges", "stays") for cause in differing(history, name, 0, 2).causes}
    assert {"new", "corrected", "moved", "voided"} <= changes


def test_files_hold_every_movement_and_every_record(history: History, tmp_path: Path) -> None:
    found = differing(history, "daily-report", 0, 2)
    text = io.StringIO(newline="")
    write_csv(text, found)
    lines = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(lines) == len(found.moved)
    charged = [Decimal(line["Difference"]) for line in lines if line["Column"] == "received"]
    before, after = (side.totals["received"] for side in (found.before, found.after))
    assert sum(charged) == after - before != 0
    text = io.StringIO()
    write_json(text, found)
    document = json.loads(text.getvalue())
    assert len(document["moved"]) == len(found.moved)
    assert len(document["records"]) == len(found.causes)
    write_xlsx(tmp_path / "moved.xlsx", found)
    workbook = fastexcel.read_excel(tmp_path / "moved.xlsx")
    assert workbook.load_sheet(0).height == len(found.moved)
    assert workbook.load_sheet(1).height == len(found.causes)


def test_nobody_looks_back_on_foreign_lots_or_without_the_right(history: History) -> None:
    own = replace(LOCAL, login="own", scope=Scope(frozenset({1})))
    at = between(history, 0)
    with pytest.raises(Forbidden):
        want(find("charges"), history.present, history.known, own, {"lot": "L2"}, at)
    blind = replace(LOCAL, permissions=LOCAL.permissions - {"restatement.view"})
    with pytest.raises(Forbidden, match=r"restatement\.view"):
        want(find("charges"), history.present, history.known, blind, {}, at)
    unseeing = replace(LOCAL, permissions=LOCAL.permissions - {"charges.view"})
    with pytest.raises(Forbidden, match=r"charges\.view"):
        want(find("charges"), history.present, history.known, unseeing, {}, at)
    with pytest.raises(ParkError) as none:
        want(find("charges"), history.present, history.known, replace(own, scope=Scope(frozenset())), {}, at)
    assert none.value.code == "no_lots"

    masked = replace(own, scope=Scope(frozenset({1, 3})), permissions=LOCAL.permissions - {"plates.view"})
    pair = want_both(find("stays"), history.present, history.known, masked, LONG, at, between(history, 2))
    found = compare(pair, history.known, masked, "key")
    assert {cell.row["lot_code"] for cell in found.moved} <= {"L1", "L3"}
    assert {cause.record.lot_id for cause in found.causes} <= {1, 3}
    plates = [
        value for cell in found.moved if cell.column.key == "plate" for value in (cell.before, cell.after) if value
    ]
    assert plates
    assert all("*" in plate for plate in plates)


def test_what_cannot_be_known_is_refused(history: History) -> None:
    with pytest.raises(ParkError) as future:
        moment_at(history.settings, datetime.now(UTC) + timedelta(hours=1))
    assert future.value.code == "moment_in_future"
    with pytest.raises(ParkError) as early:
        moment_at(history.settings, datetime(2020, 1, 1, tzinfo=UTC))
    assert early.value.code == "nothing_known"


def test_an_expired_publication_is_built_anew_by_its_own_process(history: History) -> None:
    gone = history.published[1]
    with writer_lock(history.settings):
        connection = open_lake(history.settings)
        connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{gone.snapshot_id}])")
        connection.close()
    known = KnownReaders(history.settings)
    asked = {**ASKED["daily-report"], "lot": ["L2", "L7"]}
    wanted = want(find("daily-report"), history.present, known, LOCAL, asked, between(history, 1))
    assert not wanted.moment.is_kept
    assert known.ready(wanted) is None
    steps: list[str] = []
    reader = known.make(wanted, told=lambda step: steps.append(step.step))
    with stream(find("daily-report"), reader, EVERYTHING, asked, "key") as whole:
        rows = [row for batch in whole.batches for row in batch]
        place = [column.key for column in whole.result.columns].index("lot_code")
        basis = whole.result.basis
    assert rows == [row for row in history.said[1]["daily-report"][0] if row[place] in ("L2", "L7")]
    assert basis is not None
    assert (basis.way, basis.entities_then, basis.published_at) == ("recomputed", False, gone.published_at)
    assert steps[0] == "copy"
    assert "build" in steps
    assert known.ready(wanted) is not None
    known.close()
