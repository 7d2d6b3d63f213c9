"""Metrics of an instance, as Prometheus reads them."""

from __future__ import annotations

import os
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from warehouse.heartbeat import Heartbeat, processes
from warehouse.metrics import exposition, serve
from warehouse.ops.models import Build, ProcessState, Publication
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(home=tmp_path_factory.mktemp("metrics"))
    migrate(made)
    return made


def samples(text: bytes) -> dict[str, float]:
    return {
        sample.name
        + "".join(f"|{value}" for key, value in sorted(sample.labels.items()) if key not in ("host", "pid")): (
            sample.value
        )
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_builds_publication_backlog_disk_and_counters_of_processes_are_told(settings: Settings) -> None:
    now = datetime.now(UTC)
    with ops_session(settings) as session:
        for number, state in enumerate(("green", "red", "red")):
            at = now - timedelta(minutes=30 - number)
            session.add(
                Build(
                    build_id=f"b{number}",
                    started_at=at,
                    finished_at=at + timedelta(seconds=5),
                    state=state,
                    is_full=False,
                )
            )
        session.flush()
        session.add(Publication(build_id="b0", snapshot_id=7, data_as_of=now - timedelta(hours=1), published_at=now))
    sealed = settings.journal_path / "sealed"
    sealed.mkdir(parents=True)
    (sealed / "1.ndjson").write_text("{}\n")
    beating = Heartbeat(settings, "lander", gather=lambda: {"troubles": 2})
    beating.count("records", 40)
    beating.count("records", 2)
    beating.beat()
    found = samples(exposition(settings))
    assert found["park_lander_records_total"] == 42
    assert found["park_lander_troubles_total"] == 2
    assert found["park_last_build_green"] == 0
    assert found["park_build_failures_in_a_row"] == 2
    assert found["park_builds|red"] == 2
    assert found["park_publication_snapshot"] == 7
    assert 3600 <= found["park_data_age_seconds"] < 3700
    assert found["park_journal_backlog_segments"] == 1
    assert found[f"park_disk_size_bytes|{settings.home}"] > found[f"park_disk_free_bytes|{settings.home}"] > 0
    assert {value for name, value in found.items() if name.startswith("park_readable")} == {1.0}


def test_a_store_that_cannot_be_reached_is_told_and_the_rest_still_answers(tmp_path: Path) -> None:
    found = samples(exposition(Settings(home=tmp_path, ops_url=f"sqlite:///{tmp_path}/none/ops.sqlite")))
    assert found["park_readable|publication"] == 0
    assert found["park_readable|backlog"] == 1
    assert found["park_journal_backlog_segments"] == 0


def test_metrics_are_served_over_http(settings: Settings) -> None:
    server, thread = serve(settings, host="127.0.0.1", port=0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            assert "park_builds" in answer.read().decode()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_process_that_was_killed_leaves_the_list_when_its_successor_reports(settings: Settings) -> None:
    long_gone = 2**22 + 1  # above the kernel's largest pid
    with ops_session(settings) as session:
        row = session.query(ProcessState).filter_by(name="lander").one()
        session.add(
            ProcessState(
                name="lander",
                host=row.host,
                pid=long_gone,
                started_at=row.started_at,
                seen_at=row.seen_at,
                figures={},
            )
        )
    assert len(processes(settings)) == 2
    with Heartbeat(settings, "lander") as beating:
        beating.beat()
        assert [one.pid for one in processes(settings)] == [os.getpid()]
    assert processes(settings) == []
