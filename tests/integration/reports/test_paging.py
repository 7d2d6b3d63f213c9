"""Pages, cursors and downloads of record lists are the same list."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.reports.lake import Lake, dim_lot, stay
from warehouse.errors import ParkError
from warehouse.lake.reader import Reader, Row
from warehouse.reports.base import run, stream
from warehouse.reports.catalogue import find
from warehouse.security.scope import EVERYTHING, Scope

WIDE = {"from": "2019-05-01", "to": "2019-05-31"}
LISTS = ["entry-records", "exit-records", "stays"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Stays with many equal moments, in lots of three clocks."""
    from warehouse.settings import Settings

    lake = Lake(Settings(home=Path(tmp_path_factory.mktemp("paging"))))
    lake.add(
        "dim_lot",
        [
            dim_lot(1, "A", "甲"),
            dim_lot(2, "B", "乙"),
            dim_lot(3, "C", "丙", time_zone="Europe/Berlin"),
            dim_lot(4, "D", "丁", cutover_minutes=240),
        ],
    )
    dice = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(240):
        day, hour = dice.randint(1, 20), dice.choice([0, 3, 12, 12, 12, 23])
        start = f"2019-05-{day:02d} {hour:02d}:00:00"
        end = f"2019-05-{day + dice.randint(0, 2):02d} {dice.choice([12, 12, 23]):02d}:00:00"
        lot_id = dice.randint(1, 4)
        missing = dice.random()
        rows.append(
            stay(
                lot_id,
                number,
                None if missing < 0.1 else start,
                None if missing > 0.8 else end,
                plate=dice.choice(["鲁F00001", "鲁F00002", "京A88888", None]),
            )
        )
    # The same id in two lots is nothing unusual.
    rows += [stay(lot_id, 900, "2019-05-10 12:00:00", "2019-05-10 23:00:00") for lot_id in (1, 2)]
    lake.add("fct_stay", rows)
    lake.count()
    lake.publish()
    made = Reader(lake.settings)
    yield made
    made.close()


def whole(reader: Reader, name: str, scope: Scope = EVERYTHING, **given: Any) -> list[Row]:
    with stream(find(name), reader, scope, {**WIDE, **given}) as all_of_it:
        return [row for batch in all_of_it.batches for row in batch]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "given",
    [{}, {"lot": "A,C"}, {"plate": "鲁F*"}, {"from": "2019-05-09T10:00", "to": "2019-05-12T13:30"}, {"lot": "D"}],
    ids=["all", "two lots", "plates", "times of day", "another cut-over"],
)
def test_page_by_page_is_the_whole_list(reader: Reader, name: str, given: dict[str, Any]) -> None:
    expected, size = whole(reader, name, **given), 29
    assert expected
    assert len(set(expected)) == len(expected)
    by_number: list[Row] = []
    by_cursor: list[Row] = []
    page, cursor = 1, None
    while True:
        numbered = run(find(name), reader, EVERYTHING, {**WIDE, **given, "size": size, "page": page})
        following = run(find(name), reader, EVERYTHING, {**WIDE, **given, "size": size, "after": cursor})
        assert numbered.row_count == following.row_count == len(expected)
        by_number += numbered.rows
        by_cursor += following.rows
        cursor = following.page.next_cursor
        if page >= numbered.page.count and cursor is None:
            break
        page += 1
        assert page < 200
    assert by_number == expected
    assert by_cursor == expected
    beyond = run(find(name), reader, EVERYTHING, {**WIDE, **given, "size": size, "page": page + 5})
    assert beyond.rows == []
    assert beyond.row_count == len(expected)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("sort", ["plate", "-duration_seconds", "entered_at"])
def test_any_other_order_pages_to_the_whole_list_too(reader: Reader, name: str, sort: str) -> None:
    expected = whole(reader, name, sort=sort)
    pages = [
        run(find(name), reader, EVERYTHING, {**WIDE, "sort": sort, "size": 90, "page": number}).rows
        for number in range(1, 5)
    ]
    assert [row for page in pages for row in page] == expected
    assert sorted(map(str, expected)) == sorted(map(str, whole(reader, name)))


def test_a_list_of_one_lot_is_ordered_newest_first(reader: Reader) -> None:
    for lot in "ABCD":
        column = [c.key for c in find("exit-records").columns].index("exited_at")
        times = [row[column] for row in whole(reader, "exit-records", lot=lot)]
        assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "given",
    [
        {"after": "nonsense"},
        {"after": "WzEsMl0"},
        {"page": "0"},
        {"size": "100000"},
        {"sort": "remark"},
        {"sort": "plate; drop"},
        {"page": "2", "after": "WzEsMiwzLCJhIl0"},
    ],
)
def test_paging_that_makes_no_sense_is_refused(reader: Reader, given: dict[str, str]) -> None:
    with pytest.raises(ParkError) as refused:
        run(find("stays"), reader, EVERYTHING, {**WIDE, **given})
    assert refused.value.code == "bad_parameter"


def test_a_cursor_of_another_kind_of_list_is_refused(reader: Reader) -> None:
    cursor = run(find("stays"), reader, EVERYTHING, {**WIDE, "size": 5}).page.next_cursor
    with pytest.raises(ParkError):
        run(find("entry-records"), reader, EVERYTHING, {**WIDE, "size": 5, "after": cursor})


def test_left_and_not_left_together_are_all_entries(reader: Reader) -> None:
    everything = whole(reader, "entry-records")
    left = whole(reader, "entry-records", left="yes")
    inside = whole(reader, "entry-records", left="no")
    assert left
    assert inside
    assert sorted(map(str, left + inside)) == sorted(map(str, everything))


def test_entries_are_found_by_the_business_day_of_the_entry(reader: Reader) -> None:
    # 03:00 in Shanghai is the day before for the lot whose day starts at four.
    column = [c.key for c in find("entry-records").columns].index("entered_at")
    for lot, start in (("A", 0), ("D", 4)):
        found = whole(reader, "entry-records", lot=lot)
        by_day: dict[str, int] = {}
        for row in found:
            day = (row[column] - timedelta(hours=start)).date().isoformat()
            by_day[day] = by_day.get(day, 0) + 1
        for day, count in by_day.items():
            end = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
            assert (
                run(find("entry-records"), reader, EVERYTHING, {"lot": lot, "from": day, "to": end}).row_count == count
            )


@pytest.mark.parametrize("name", ["entry-records", "exit-records"])
def test_a_download_counts_the_records_themselves_and_agrees_with_the_pages(reader: Reader, name: str) -> None:
    with stream(find(name), reader, EVERYTHING, WIDE) as everything:
        counted = everything.result.row_count
        assert sum(len(batch) for batch in everything.batches) == counted
    assert run(find(name), reader, EVERYTHING, WIDE).row_count == counted
