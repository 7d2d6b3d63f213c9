"""The watched folder and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ingest.files import commands
from ingest.files.inbox import Inbox, poll_inbox
from tests.stores import environment
from warehouse.errors import ParkError
from warehouse.settings import Settings

ROW = "stay_id,entered_at,exited_at,plate\n1,2026-05-01 08:30:00,2026-05-01 09:30:00,粤B11111\n"


def _drop(settings: Settings, *parts: str, content: str = ROW) -> Path:
    path = settings.inbox_path.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_a_file_is_taken_when_it_no_longer_grows(settings: Settings) -> None:
    path = _drop(settings, "stays", "SZ-1", "may.csv")
    assert poll_inbox(settings) == []
    path.write_text(ROW + "2,2026-05-01 08:30:00,,粤B22222\n", encoding="utf-8")
    assert poll_inbox(settings) == []
    (result,) = poll_inbox(settings)
    assert result.summary is not None
    assert (result.summary.rows, result.summary.accepted) == (2, 3)
    assert result.moved_to == settings.inbox_path / "done" / "stays" / "SZ-1" / "may.csv"
    assert not path.exists()
    assert poll_inbox(settings) == []


def test_a_file_that_fails_is_put_aside_with_its_error_and_others_go_on(settings: Settings) -> None:
    _drop(settings, "stays", "SZ-1", "bad.csv", content="a,b\n1,2\n")
    _drop(settings, "nobody", "x.csv")
    _drop(settings, "stays", "SZ-1", "good.csv")
    _drop(settings, "stays", "SZ-1", "good.csv.part")
    inbox = Inbox(settings)
    inbox.poll()
    results = {result.path.name: result for result in inbox.poll()}
    assert set(results) == {"bad.csv", "x.csv", "good.csv"}
    assert results["good.csv"].error is None
    note = results["bad.csv"].moved_to.with_name("bad.csv.error.txt").read_text(encoding="utf-8")
    assert "stay_id" in note
    assert "缺少列" in note
    assert "nobody" in results["x.csv"].moved_to.with_name("x.csv.error.txt").read_text(encoding="utf-8")


def test_a_second_file_of_the_same_name_does_not_replace_the_first(settings: Settings) -> None:
    inbox = Inbox(settings)
    moved = []
    for plate in ("粤B11111", "粤B22222"):
        _drop(settings, "stays", "SZ-1", "may.csv", content=ROW.replace("粤B11111", plate))
        inbox.poll()
        moved += [result.moved_to.name for result in inbox.poll()]
    assert moved == ["may.csv", "may.1.csv"]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Run a command of file ingest on the test's instance."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    commands.register(app)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if isinstance(result.exception, ParkError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_the_commands_ingest_list_correct_and_replay(settings: Settings, run, tmp_path: Path) -> None:
    path = tmp_path / "stays.csv"
    path.write_text(ROW + "2,someday,,粤B22222\n", encoding="utf-8")
    summary = json.loads(run("ingest", str(path), "--profile", "stays", "--lot", "SZ-1", "--json"))
    assert (summary["rows"], summary["accepted"], summary["rejected"]) == (2, 2, 1)
    assert "已于" in run("ingest", str(path), "--profile", "stays", "--lot", "SZ-1")
    line = json.loads(run("rejects", "list", "--json"))
    assert line["reject_id"] in run("rejects", "list", "--lot", "SZ-1", "--code", "bad_time")
    assert json.loads(run("rejects", "show", line["reject_id"][:8]))["payload"]["entered_at"] == "someday"
    line["payload"]["entered_at"] = "2026-05-01 08:30:00"
    corrected = tmp_path / "corrected.ndjson"
    corrected.write_text(json.dumps(line, ensure_ascii=False), encoding="utf-8")
    assert json.loads(run("rejects", "replay", "--file", str(corrected), "--json"))["accepted"] == 1
    assert run("rejects", "list", "--json") == ""
    with pytest.raises(ParkError, match="open refused records"):
        run("rejects", "show", line["reject_id"])


def test_a_template_is_written_and_can_be_ingested_as_it_is(settings: Settings, run, tmp_path: Path) -> None:
    path = tmp_path / "charges.csv"
    run("ingest", "--template", "charges", "-o", str(path))
    summary = json.loads(run("ingest", str(path), "--profile", "charges", "--lot", "SZ-1", "--dry-run", "--json"))
    assert (summary["accepted"], summary["rejected"]) == (1, 0)
    assert "bolian" in run("ingest", "--profiles")


def test_the_watch_command_takes_what_lies_there(settings: Settings, run) -> None:
    _drop(settings, "stays", "SZ-1", "may.csv")
    assert "2" in run("watch", "--once", "--interval", "0.1")
    assert (settings.inbox_path / "done" / "stays" / "SZ-1" / "may.csv").is_file()
