"""The doctor finds what is wrong and says what to do."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from warehouse import cli
from warehouse.doctor import (
    as_json,
    check_build,
    check_failed_segments,
    check_journal,
    check_lake,
    check_ops,
    check_port,
    examine,
)
from warehouse.doctor_running import (
    LOCK_PATIENCE,
    check_backup,
    check_clock,
    check_freshness,
    check_processes,
    check_writer_lock,
)
from warehouse.heartbeat import Heartbeat
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import since_file, writer_lock
from warehouse.ops.models import Build, Lot, LotLive, Node, ProcessState, Publication
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import Settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home: Path = tmp_path_factory.mktemp("doctor")
    made = Settings(
        home=home,
        pages_port=free_port(),
        gateway_port=free_port(),
        dagster_port=free_port(),
        metrics_port=free_port(),
    )
    migrate(made)
    create_lake(made)
    return made


@pytest.fixture
def sealed(settings: Settings) -> Iterator[Path]:
    folder = settings.journal_path / "sealed"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "00000000000000000001-1-aaaaaaaa.ndjson"
    path.write_text("{}\n")
    yield path
    path.unlink(missing_ok=True)


def test_a_fresh_instance_is_well(settings: Settings) -> None:
    findings = examine(settings)
    assert [finding.check for finding in findings if finding.state == "fault"] == []
    assert json.loads(as_json(findings))["well"] is True


def test_a_home_that_does_not_exist_is_one_fault_and_is_not_created(tmp_path: Path) -> None:
    findings = examine(Settings(home=tmp_path / "nowhere"))
    assert [finding.check for finding in findings if finding.state == "fault"] == ["settings"]
    assert not (tmp_path / "nowhere").exists()


def test_stores_that_were_never_made_are_faults_with_a_cure(tmp_path: Path) -> None:
    for check in (check_ops, check_lake):
        finding = check(Settings(home=tmp_path))
        assert finding.state == "fault"
        assert "park init" in finding.cure_zh
        assert "park init" in finding.cure_en


def test_the_holder_of_the_writer_lock_is_named(settings: Settings) -> None:
    with writer_lock(settings):
        finding = check_writer_lock(settings)
    assert finding.state == "note"
    assert str(os.getpid()) in finding.en
    assert check_writer_lock(settings).state == "ok"


def test_a_writer_lock_held_for_long_is_a_fault_that_says_since_when(settings: Settings) -> None:
    with writer_lock(settings):
        since = datetime.now(UTC) - LOCK_PATIENCE - timedelta(minutes=1)
        since_file(settings).write_text(since.isoformat())
        finding = check_writer_lock(settings)
    assert finding.state == "fault"
    assert f"{since:%F %T}" in finding.en
    assert check_writer_lock(settings).state == "ok"


def test_a_process_that_stopped_reporting_is_a_fault_until_it_ends_in_order(settings: Settings) -> None:
    assert check_processes(settings).state == "note"
    beating = Heartbeat(settings, "lander")
    with beating:
        beating.beat()
        assert check_processes(settings).state == "ok"
        with ops_session(settings) as session:
            session.query(ProcessState).update({"seen_at": datetime.now(UTC) - timedelta(minutes=5)})
        finding = check_processes(settings)
        assert finding.state == "fault"
        assert "lander" in finding.en
    assert check_processes(settings).state == "note"


def test_uploads_that_wait_without_a_lander_are_a_fault_at_once(settings: Settings, sealed: Path) -> None:
    assert sealed.exists()
    finding = check_processes(settings)
    assert finding.state == "fault"
    assert "park land --follow" in finding.cure_en


def test_our_clock_is_wrong_when_lots_agree_that_it_is(settings: Settings) -> None:
    now = datetime.now(UTC)
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="p"))
        session.flush()
        session.add(Node(node_id=2, parent_id=1, level="customer", code="c", name="c"))
        session.flush()
        for lot_id, drift in ((1, 3601.0), (2, 3598.5), (3, 2.0)):
            session.add(Lot(lot_id=lot_id, customer_id=2, code=f"L{lot_id}", name=f"L{lot_id}"))
            session.flush()
            session.add(LotLive(lot_id=lot_id, received_at=now, clock_drift_seconds=drift))
    finding = check_clock(settings)
    assert finding.state == "fault"
    assert "-3598 s" in finding.en
    with ops_session(settings) as session:
        session.get_one(LotLive, 2).clock_drift_seconds = 0.0
    assert check_clock(settings).state == "note"  # one lot is wrong, not we
    with ops_session(settings) as session:
        session.get_one(LotLive, 1).clock_drift_seconds = 0.0
    assert check_clock(settings).state == "ok"


def test_uploads_a_day_after_the_last_publication_are_a_fault(settings: Settings) -> None:
    assert check_freshness(settings).state == "note"
    before = datetime.now(UTC) - timedelta(hours=30)
    with ops_session(settings) as session:
        session.add(Build(build_id="b", started_at=before, finished_at=before, state="green", is_full=True))
        session.flush()
        session.add(Publication(build_id="b", snapshot_id=1, data_as_of=before, published_at=before))
    assert check_freshness(settings).state == "fault"  # the lots above sent just now
    with ops_session(settings) as session:
        session.query(LotLive).update({"received_at": before})
    assert check_freshness(settings).state == "ok"
    with ops_session(settings) as session:
        session.query(Publication).delete()
        session.delete(session.get_one(Build, "b"))


def test_an_instance_without_a_backup_is_told_how_to_make_one(settings: Settings) -> None:
    finding = check_backup(settings)
    assert finding.state == "note"
    assert "park backup create" in finding.en


def test_a_segment_that_waits_for_minutes_is_a_fault(settings: Settings, sealed: Path) -> None:
    assert check_journal(settings).state == "ok"
    old = time.time() - 3600
    os.utime(sealed, (old, old))
    finding = check_journal(settings)
    assert finding.state == "fault"
    assert "park land" in finding.cure_en


def test_segments_set_aside_are_a_fault(settings: Settings) -> None:
    folder = settings.journal_path / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "1.ndjson"
    path.touch()
    try:
        assert check_failed_segments(settings).state == "fault"
    finally:
        path.unlink()
    assert check_failed_segments(settings).state == "ok"


def test_a_red_build_is_a_fault_with_its_message(settings: Settings) -> None:
    started = datetime.now(UTC) - timedelta(minutes=1)
    with ops_session(settings) as session:
        session.add(Build(build_id="red", started_at=started, state="red", is_full=True, message="fct_stay broke"))
    finding = check_build(settings)
    assert finding.state == "fault"
    assert "fct_stay broke" in finding.zh
    with ops_session(settings) as session:
        session.delete(session.get_one(Build, "red"))
    assert check_build(settings).state == "ok"


def test_a_clock_behind_the_last_build_is_a_fault(settings: Settings) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with ops_session(settings) as session:
        session.add(Build(build_id="later", started_at=later, finished_at=later, state="green", is_full=True))
    assert check_clock(settings).state == "fault"
    with ops_session(settings) as session:
        session.delete(session.get_one(Build, "later"))
    assert check_clock(settings).state == "ok"


def test_a_port_that_another_program_uses_is_a_fault_that_names_the_setting(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.gateway_port))
        other.listen()
        other.settimeout(0.1)
        finding = check_port("127.0.0.1", settings.gateway_port, "/health", "PARK_GATEWAY_PORT")
    assert finding.state == "fault"
    assert "PARK_GATEWAY_PORT" in finding.cure_en


def test_the_command_ends_with_1_on_a_fault_and_speaks_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli._register_all()
    monkeypatch.setenv("PARK_HOME", str(tmp_path / "none"))
    for language, cure in (("zh", "运行 park init"), ("en", "run park init")):
        monkeypatch.setenv("PARK_LANGUAGE", language)
        result = CliRunner().invoke(cli.app, ["doctor"])
        assert result.exit_code == 1
        assert cure in result.output
    result = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert json.loads(result.output)["well"] is False
