"""Backups hold everything, cost only what is new, and a damaged one is found out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from tests.integration.backup.conftest import land_uploads, note
from warehouse.backup import create as creating
from warehouse.backup.create import create
from warehouse.backup.library import Library
from warehouse.backup.operational import operational_figures
from warehouse.backup.restore import elsewhere, restore
from warehouse.backup.seal import Opener
from warehouse.backup.verify import verify
from warehouse.errors import ParkError
from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.figures import lake_figures
from warehouse.lake.maintain import maintain
from warehouse.services.snapshots import SnapshotStore
from warehouse.settings import Settings

PLAIN = Opener(())


def figures(settings: Settings) -> dict[str, dict[str, Any]]:
    connection = open_lake(settings, read_only=True)
    newest = current_snapshot(connection)
    connection.close()
    return lake_figures(settings, newest)


def test_a_restored_instance_equals_the_one_it_was_taken_from(
    filled: Settings, library: Library, tmp_path: Path
) -> None:
    summary = create(filled, library)
    assert verify(filled, library, PLAIN, summary.backup_id).is_good

    home = elsewhere(filled, home=tmp_path / "anew")
    done = restore(home, library, PLAIN, "newest")

    assert figures(home) == figures(filled)
    before, after = operational_figures(filled)["tables"], operational_figures(home)["tables"]
    assert after.pop("audit_entry")["rows"] == before.pop("audit_entry")["rows"] + 1, "that it was restored"
    del before["audit_head"], after["audit_head"]
    assert after == before
    assert done.segments_from_backup == 1
    assert [path.name for path in (home.journal_path / "sealed").iterdir()] == ["00000000000000000001-1-aaaa.ndjson"]

    with pytest.raises(ParkError, match="to replace it, type the backup's name") as refused:
        restore(home, library, PLAIN, "newest")
    assert refused.value.code == "confirmation_needed"
    again = restore(home, library, PLAIN, "newest", confirmation=summary.backup_id)
    assert again.moved_to is not None
    assert (again.moved_to / "ops.sqlite").exists()
    assert figures(home) == figures(filled)


def test_an_increment_copies_only_what_is_new(filled: Settings, library: Library) -> None:
    first = create(filled, library)
    second = create(filled, library)
    assert second.new_files < 5, "stores and figures at most"
    land_uploads(filled, "increment", seed=5)
    note(filled, "increment")
    third = create(filled, library)
    assert second.files < third.files
    assert 0 < third.new_files < third.files - second.new_files
    assert first.new_files >= first.files - 1
    for summary in (first, third):
        assert verify(filled, library, PLAIN, summary.backup_id).is_good


def test_pictures_are_backed_up_once_and_put_back_where_they_are_missing(
    filled: Settings, library: Library, tmp_path: Path
) -> None:
    store = SnapshotStore(filled)
    kept, removed = store.put(1, b"a picture"), store.put(2, b"another")
    without = create(elsewhere(filled, backup_pictures=False), library)
    first = create(filled, library)
    assert first.files == without.files + 2
    late = store.put(1, b"a late one")
    second = create(filled, library)
    new = [file for file in library.files(second.backup_id).files if file.role == "pictures"]
    old = [file for file in library.files(first.backup_id).files if file.role == "pictures"]
    assert [file.path for file in new if file not in old] == [f"1/{late[:2]}/{late}"]
    assert verify(filled, library, PLAIN, second.backup_id).is_good
    store.remove(2, removed)
    home = elsewhere(filled, home=tmp_path / "pictures")
    SnapshotStore(home).put(1, b"taken since")
    restore(home, library, PLAIN, first.backup_id)
    found = SnapshotStore(home)
    assert [found.get(1, kept), found.get(2, removed), found.get(1, late)] == [b"a picture", b"another", None]
    assert len(list((home.home / "snapshots").rglob("*/*/*"))) == 3


def test_files_that_maintenance_would_delete_meanwhile_stay_until_the_backup_is_done(
    filled: Settings, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in range(3):
        land_uploads(filled, f"meanwhile-{turn}", seed=20 + turn)
    told: list[bool] = []

    def meanwhile(step: str) -> None:
        if step.endswith("data files"):
            far = datetime.now(UTC) + timedelta(days=60)
            done = maintain(filled, now=far, cleanup_age=timedelta(0), orphan_age=timedelta(days=-1))
            told.append(done.is_deletion_put_off and done.merged_files > 0)

    summary = create(filled, library, progress=meanwhile)
    assert told == [True]
    assert verify(filled, library, PLAIN, summary.backup_id).is_good
    far = datetime.now(UTC) + timedelta(days=60)
    assert maintain(filled, now=far, cleanup_age=timedelta(0)).deleted_files > 0


def test_one_backup_at_a_time(filled: Settings, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "LONGEST_WAIT_SECONDS", 0)
    refusals = []

    def meanwhile(step: str) -> None:
        if step.endswith("data files"):
            with pytest.raises(ParkError) as refused:
                create(filled, library)
            refusals.append(refused.value.code)

    create(filled, library, progress=meanwhile)
    assert refusals == ["files_in_use"]


@pytest.mark.parametrize("role", ["data", "operational", "catalog", "journal", "figures"])
def test_a_damaged_file_is_found_by_verifying(filled: Settings, library: Library, tmp_path: Path, role: str) -> None:
    summary = create(filled, library)
    victim = next(file for file in library.files(summary.backup_id).files if file.role == role)
    path = tmp_path / "backups" / victim.object
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)
    verified = verify(filled, library, PLAIN, summary.backup_id)
    assert not verified.is_good
    assert victim.object in verified.en
    assert library.one("newest").verified == verified

    path.unlink()
    assert "lacks the file" in verify(filled, library, PLAIN, summary.backup_id).en


def test_only_the_identity_opens_an_encrypted_backup_and_it_holds_the_key_file(
    filled: Settings, library: Library, tmp_path: Path
) -> None:
    identity, foreign = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    (filled.home / "secret.key").write_bytes(b"k" * 43 + b"=")
    (filled.home / "secret.key").chmod(0o600)
    try:
        assert not create(filled, library).holds_key
        secret = elsewhere(filled, backup_recipients=str(identity.to_public()))
        summary = create(secret, library)
    finally:
        (filled.home / "secret.key").unlink()
    assert summary.holds_key
    objects = {file.object: file.role for file in library.files(summary.backup_id).files}
    assert all((tmp_path / "backups" / name).read_bytes().startswith(b"age-encryption.org/v1") for name in objects)

    for opener, code in ((PLAIN, "identity_missing"), (Opener((str(foreign),)), "identity_wrong")):
        with pytest.raises(ParkError) as refused:
            verify(secret, library, opener, summary.backup_id)
        assert refused.value.code == code
    opener = Opener((str(identity),))
    assert verify(secret, library, opener, summary.backup_id).is_good
    home = elsewhere(secret, home=tmp_path / "anew")
    assert restore(home, library, opener, "newest").has_key
    assert (home.home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert create(secret, library).new_files < 5, "what is encrypted already is not copied again"
