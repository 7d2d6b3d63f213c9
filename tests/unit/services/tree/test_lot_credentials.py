"""Upload credentials as people manage them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.services.tree.conftest import LOT, OTHER_LOT, World
from warehouse.errors import ParkError
from warehouse.ops.models import AuditEntry, LotCredential
from warehouse.ops.session import ops_session, write_session
from warehouse.security.credentials import create_credential, find_key, revoke_credential
from warehouse.services.fields import InvalidFields
from warehouse.services.lot_credentials import add_credential, end_credential, lot_credentials, rotate_credential
from warehouse.services.lot_editing import delete_lot

NOW = datetime(2026, 4, 1, 4, 0, tzinfo=UTC)


def signs(world: World, key_id: str, now: datetime | None = None) -> bool:
    with ops_session(world.settings) as session:
        return find_key(session, world.settings, key_id, now=now) is not None


def test_a_secret_is_returned_once_and_stands_nowhere_in_clear(world: World) -> None:
    admin = world.actor("admin")
    made = add_credential(world.settings, admin, LOT)
    assert signs(world, made.key_id)
    [view] = lot_credentials(world.settings, admin, LOT)
    assert (view.key_id, view.state) == (made.key_id, "in_force")
    assert made.secret not in repr(view)
    [entry] = world.entries()
    assert (entry.entity, entry.entity_id, entry.lot_id) == ("credential", made.key_id, LOT)
    store = (world.settings.home / "ops.sqlite").read_bytes() + (world.settings.home / "ops.sqlite-wal").read_bytes()
    assert made.key_id.encode() in store
    assert made.secret.encode() not in store


def test_a_rotated_credential_works_until_the_overlap_ends_and_not_longer(world: World) -> None:
    admin = world.actor("admin")
    old = add_credential(world.settings, admin, LOT)
    new = rotate_credential(world.settings, admin, LOT, old.key_id, "24", now=NOW)
    assert signs(world, old.key_id, NOW + timedelta(hours=23, minutes=59))
    assert not signs(world, old.key_id, NOW + timedelta(hours=24))
    assert signs(world, new.key_id, NOW + timedelta(days=900))
    states = {view.key_id: view.state for view in lot_credentials(world.settings, admin, LOT, now=NOW)}
    assert states == {old.key_id: "ending", new.key_id: "in_force"}
    with pytest.raises(ParkError) as caught:
        rotate_credential(world.settings, admin, LOT, old.key_id, 0, now=NOW)
    assert caught.value.code == "key_over"


def test_a_credential_is_rotated_or_revoked_at_once_when_it_leaked(world: World) -> None:
    admin = world.actor("admin")
    first = add_credential(world.settings, admin, LOT)
    second = rotate_credential(world.settings, admin, LOT, first.key_id, 0)
    assert not signs(world, first.key_id)
    end_credential(world.settings, admin, LOT, second.key_id)
    assert not signs(world, second.key_id)
    ended = world.row(LotCredential, second.key_id).revoked_at
    end_credential(world.settings, admin, LOT, second.key_id)
    assert world.row(LotCredential, second.key_id).revoked_at == ended
    assert [entry.action for entry in world.entries()] == ["lots.edit"] * 4


def test_an_ending_credential_can_be_ended_earlier_but_not_later(world: World) -> None:
    admin = world.actor("admin")
    old = add_credential(world.settings, admin, LOT)
    rotate_credential(world.settings, admin, LOT, old.key_id, 48, now=NOW)
    end_credential(world.settings, admin, LOT, old.key_id, now=NOW + timedelta(hours=1))
    assert world.row(LotCredential, old.key_id).revoked_at == NOW + timedelta(hours=1)
    with write_session(world.settings) as session:
        revoke_credential(session, old.key_id, at=NOW + timedelta(days=9))
    assert world.row(LotCredential, old.key_id).revoked_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("hours", [-1, "soon", 24 * 91])
def test_a_wrong_overlap_is_told_and_makes_no_credential(world: World, hours: int | str) -> None:
    admin = world.actor("admin")
    old = add_credential(world.settings, admin, LOT)
    with pytest.raises(InvalidFields) as caught:
        rotate_credential(world.settings, admin, LOT, old.key_id, hours)
    assert [problem.field for problem in caught.value.problems] == ["overlap_hours"]
    assert world.count(LotCredential) == 1


def test_a_credential_of_another_lot_is_not_reached_through_ones_own(world: World) -> None:
    foreign = add_credential(world.settings, world.actor("admin"), OTHER_LOT)
    owner = world.actor("owner")
    for reach in (
        lambda: end_credential(world.settings, owner, LOT, foreign.key_id),
        lambda: rotate_credential(world.settings, owner, LOT, foreign.key_id, 0),
    ):
        with pytest.raises(ParkError) as caught:
            reach()
        assert caught.value.code == "unknown_key"
    assert signs(world, foreign.key_id)


def test_the_command_line_is_recorded_too(world: World) -> None:
    with write_session(world.settings) as session:
        key_id, secret = create_credential(session, world.settings, LOT)
        revoke_credential(session, key_id)
    assert [(entry.login, entry.entity_id) for entry in world.entries()] == [("local", key_id)] * 2
    assert secret not in str([entry.after for entry in world.entries()])
    assert world.count(AuditEntry) == 2


def test_a_deleted_lot_has_no_credentials(world: World) -> None:
    admin = world.actor("admin")
    made = add_credential(world.settings, admin, OTHER_LOT)
    end_credential(world.settings, admin, OTHER_LOT, made.key_id)
    delete_lot(world.settings, admin, OTHER_LOT, 1)
    with write_session(world.settings) as session, pytest.raises(ParkError, match="no lot"):
        create_credential(session, world.settings, OTHER_LOT)
