"""Backups that people ask for or that are due run once, are proved, and old ones are forgotten by the rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from warehouse.backup.keep import kept, sweep
from warehouse.backup.library import OBJECTS, Library, Listed, library_of
from warehouse.backup.manifest import FileList, StoredFile, Summary, Verified
from warehouse.backup.place import Folder
from warehouse.backup.restore import elsewhere
from warehouse.errors import Forbidden, ParkError
from warehouse.operating import run_waiting
from warehouse.security.actor import LOCAL
from warehouse.services.backups import PlanForm, list_backups, overview, request_backup, request_verify, save_plan
from warehouse.services.fields import InvalidFields
from warehouse.services.operation_runs import claim, count_waiting, finish
from warehouse.settings import Settings

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def made(number: int, age_days: float, contents: tuple[str, ...], good: bool | None) -> tuple[Listed, FileList]:
    files = tuple(StoredFile("data", name, 1, name, f"objects/plain/aa/{name}", 1) for name in contents)
    at = NOW - timedelta(days=age_days)
    summary = Summary(
        f"{at:%Y%m%dT%H%M%SZ}-{number:04}",
        at,
        at,
        1,
        0,
        "1",
        "sqlite",
        "1",
        "sqlite",
        1,
        len(files),
        1,
        1,
        1,
        1,
        (),
        False,
    )
    proof = None if good is None else Verified(at, 1, 1, en="" if good else "bad")
    return Listed(summary, proof), FileList(files)


one_backup = some.tuples(
    some.floats(0, 90),
    some.lists(some.sampled_from("abcdefgh"), min_size=1, unique=True),
    some.sampled_from([None, True, False]),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(backups=some.lists(one_backup, min_size=1, max_size=8), count=some.integers(1, 4), days=some.integers(0, 40))
def test_what_a_kept_backup_needs_is_never_deleted_and_nothing_else_stays(
    tmp_path_factory: pytest.TempPathFactory,
    backups: list[tuple[float, list[str], bool | None]],
    count: int,
    days: int,
) -> None:
    folder = tmp_path_factory.mktemp("keep")
    library = Library(Folder(folder / "place"))
    for number, (age, contents, good) in enumerate(backups):
        listed, files = made(number, age, tuple(contents), good)
        for file in files.files:
            library.place.write(file.object, b"x")
        library.add(listed.summary, files)
        if listed.verified is not None:
            library.note(listed.backup_id, listed.verified)
    before = library.listed()
    stay = kept(before, NOW, count=count, days=days)
    assert len(stay) >= min(count, len(before))
    assert before[0].backup_id in stay
    proved = [one.backup_id for one in before if one.verified and one.verified.is_good]
    assert not proved or proved[0] in stay
    assert all(one.backup_id in stay for one in before if one.summary.point_at > NOW - timedelta(days=days))

    swept = sweep(Settings(home=folder), library, NOW, count=count, days=days)

    assert set(library.ids()) == stay == {one.backup_id for one in before} - set(swept.backups)
    needed = {file.object for backup_id in stay for file in library.files(backup_id).files}
    assert set(library.place.sizes(OBJECTS)) == needed


@pytest.fixture
def own(filled: Settings, tmp_path: Path) -> Settings:
    """The filled instance with backups elsewhere."""
    return elsewhere(filled, backup_url=str(tmp_path / "backups"))


def test_a_backup_asked_for_is_taken_proved_and_listed(own: Settings) -> None:
    request_backup(own, LOCAL)
    with pytest.raises(ParkError) as refused:
        request_backup(own, LOCAL)
    assert refused.value.code == "already_waiting"
    (outcome,) = run_waiting(own)
    assert outcome.error is None
    (listed,) = list_backups(own, LOCAL)
    assert listed.backup_id == outcome.result["backup_id"]
    assert listed.verified is not None
    assert listed.verified.is_good
    seen = overview(own, LOCAL)
    assert [(run.kind, run.state, run.login) for run in seen.runs][:1] == [("backup", "done", "local")]
    assert seen.is_on_same_disk

    victim = next(file for file in library_of(own).files(listed.backup_id).files if file.role == "catalog")
    (Path(own.resolved_backup_url) / victim.object).write_bytes(b"gone")
    request_verify(own, LOCAL, listed.backup_id)
    (outcome,) = run_waiting(own)
    assert outcome.error is not None
    assert "damaged" in outcome.error.en
    assert overview(own, LOCAL).runs[0].state == "failed"


def test_only_the_platform_may_see_or_ask_for_backups(own: Settings) -> None:
    agent = replace(LOCAL, level="agent", login="agent")
    for ask in (
        lambda: overview(own, agent),
        lambda: list_backups(own, agent),
        lambda: request_backup(own, agent),
        lambda: save_plan(own, agent, PlanForm("01:00", True, 1, 1)),
    ):
        with pytest.raises(Forbidden):
            ask()
    with pytest.raises(InvalidFields):
        save_plan(own, LOCAL, PlanForm("25:00", True, 0, 1))


def test_the_clock_asks_once_for_each_day_and_a_run_whose_process_died_is_told(own: Settings) -> None:
    save_plan(own, LOCAL, PlanForm("2:15", True, 3, 10))
    begun = datetime.now(UTC)
    assert count_waiting(own, begun) == 0, "nothing before the plan is caught up"
    tomorrow = begun + timedelta(days=1)
    assert count_waiting(own, tomorrow) == 1
    claimed = claim(own, tomorrow)
    assert claimed is not None
    assert (claimed.kind, claimed.login) == ("backup", "schedule")
    assert claim(own, tomorrow) is None, "due once; and what still ran was cut short"
    assert overview(own, LOCAL).runs[0].state == "failed"
    assert "cut short" in (overview(own, LOCAL).runs[0].message_en or "")
    again = claim(own, tomorrow + timedelta(days=1))
    assert again is not None
    finish(own, again.run_id, tomorrow, None, {})
    save_plan(own, LOCAL, PlanForm("02:15", False, 3, 10))
    assert count_waiting(own, tomorrow + timedelta(days=9)) == 0
