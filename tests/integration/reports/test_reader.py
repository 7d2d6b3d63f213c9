"""The reader follows publications and nothing else."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.integration.reports.lake import Lake, dim_lot, fee_day
from warehouse.errors import ParkError
from warehouse.lake.publish import end_build, start_build
from warehouse.lake.reader import Reader, cache_key
from warehouse.reports.base import run
from warehouse.reports.catalogue import find
from warehouse.security.scope import EVERYTHING

PERIOD = {"from": "2019-05-08", "to": "2019-05-09"}


def received(reader: Reader) -> Any:
    return run(find("daily-report"), reader, EVERYTHING, PERIOD).totals["received"]


def test_before_the_first_publication_the_reader_says_so(empty_lake: Lake) -> None:
    with pytest.raises(ParkError) as refused:
        received(Reader(empty_lake.settings))
    assert refused.value.code == "nothing_published"


def test_what_is_not_published_is_not_seen_and_a_publication_is_followed(empty_lake: Lake) -> None:
    reader = Reader(empty_lake.settings)
    empty_lake.add("dim_lot", [dim_lot(1, "A", "甲")])
    empty_lake.add("rpt_fee_day", [fee_day(1, "2019-05-08", "岗亭", cash="20")])
    first = empty_lake.publish()
    assert str(received(reader)) == "20.00"
    empty_lake.add("rpt_fee_day", [fee_day(1, "2019-05-08", "岗亭", cash="5.01")])
    empty_lake.flush()
    assert str(received(reader)) == "20.00"
    with reader.view() as held:
        assert empty_lake.publish() > first
        assert str(received(reader)) == "25.01"
        old = held.query("select sum(received) from lake.marts.rpt_fee_day", {})
        assert str(old.rows[0][0]) == "20.00", "a report that is running keeps its snapshot"


def test_a_red_build_changes_the_state_and_not_the_figures(empty_lake: Lake) -> None:
    reader = Reader(empty_lake.settings)
    empty_lake.add("dim_lot", [dim_lot(1, "A", "甲")])
    empty_lake.publish()
    with reader.view() as view:
        assert view.publication.last_build_state == "green"
    start_build(empty_lake.settings, "broken", is_full=False)
    end_build(empty_lake.settings, "broken", state="red", message="a test failed")
    with reader.view() as view:
        assert view.publication.last_build_state == "red"
        assert view.publication.last_build_message == "a test failed"


def test_many_threads_read_through_one_reader(lake: Lake) -> None:
    reader = Reader(lake.settings, slots=2)
    expected = run(find("exit-records"), reader, EVERYTHING, PERIOD).rows
    answers: list[Any] = []

    def work() -> None:
        answers.extend(run(find("exit-records"), reader, EVERYTHING, PERIOD).rows == expected for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 18
    reader.close()


def test_tenants_parameters_and_snapshots_never_share_a_key() -> None:
    keys = {
        cache_key("stays", {"plate": "A%"}, (1, 2), 7),
        cache_key("stays", {"plate": "B%"}, (1, 2), 7),
        cache_key("stays", {"plate": "A%"}, (1,), 7),
        cache_key("stays", {"plate": "A%"}, "all", 7),
        cache_key("stays", {"plate": "A%"}, (1, 2), 8),
        cache_key("charges", {"plate": "A%"}, (1, 2), 7),
    }
    assert len(keys) == 6
    assert cache_key("stays", {"a": 1, "b": 2}, (1,), 7) == cache_key("stays", {"b": 2, "a": 1}, (1,), 7)
