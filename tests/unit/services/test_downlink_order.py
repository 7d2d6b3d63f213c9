"""Order, once and expiry of commands, against a model of what a lot may see, whatever happens in between."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from tests import commands
from warehouse.ops.models import DownlinkCommand, Lot, Node
from warehouse.ops.session import migrate, ops_engine, ops_session, write_session
from warehouse.security.credentials import create_credential, revoke_credential
from warehouse.services.downlink_delivery import (
    REDELIVER_AFTER,
    Acknowledgement,
    CredentialEnded,
    expire_due,
)
from warehouse.services.downlink_queue import KINDS, queue_command, queue_guidance, seal
from warehouse.settings import Settings

START = datetime(2026, 5, 1, tzinfo=UTC)
FINAL = ("applied", "failed", "expired", "superseded", "cancelled")


@dataclass
class Store:
    """A store with one lot, copied from one that was migrated once."""

    template: ClassVar[Path | None] = None
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="downlink-")))

    def __post_init__(self) -> None:
        if Store.template is None:
            Store.template = Path(tempfile.mkdtemp(prefix="downlink-template-"))
            settings = Settings(home=Store.template)
            migrate(settings)
            with ops_session(settings) as session:
                session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="平台"))
                session.flush()
                session.add(Node(node_id=2, parent_id=1, level="customer", code="c", name="客户"))
                session.flush()
                session.add(Lot(lot_id=1, customer_id=2, code="L1", name="L1", time_zone="Asia/Shanghai"))
            ops_engine(settings).dispose()
        shutil.copytree(Store.template, self.home, dirs_exist_ok=True)
        self.settings = Settings(home=self.home)
        with ops_session(self.settings) as session:
            self.key_id, _secret = create_credential(session, self.settings, 1, record_as=None)

    def queue(self, kind: str, subject: str, now: datetime, **options: Any) -> int:
        with write_session(self.settings) as session:
            return queue_command(session, 1, kind, subject, {"at": now.isoformat()}, now, **options).command_id

    def states(self) -> dict[int, DownlinkCommand]:
        with ops_session(self.settings) as session:
            return {one.command_id: one for one in session.scalars(select(DownlinkCommand))}

    def close(self) -> None:
        ops_engine(self.settings).dispose()
        shutil.rmtree(self.home)


class LotMachine(RuleBasedStateMachine):
    """A lot that loses answers, its memory and its connection, while people queue commands."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.now = START
        self.cursor = 0
        self.kept: dict[int, Any] = {}
        self.applied: list[int] = []
        self.results: dict[int, str] = {}
        self.queued: dict[int, tuple[str, str]] = {}

    def teardown(self) -> None:
        self.store.close()

    @initialize()
    def begin(self) -> None:
        self.queue_one("long_term_vehicle", "粤B12345")

    @rule(kind=st.sampled_from(["long_term_vehicle", "tariff", "guidance", "gate_opening"]), number=st.integers(1, 2))
    def queue(self, kind: str, number: int) -> None:
        self.queue_one(kind, f"subject-{number}")

    def queue_one(self, kind: str, subject: str) -> None:
        self.queued[self.store.queue(kind, subject, self.now)] = (kind, subject)

    @rule(seconds=st.sampled_from([1, 40, 200, 700]))
    def time_goes_by(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(is_lost=st.booleans(), most=st.integers(1, 3))
    def fetch(self, is_lost: bool, most: int) -> None:
        found = commands.fetch(self.store.settings, self.store.key_id, 1, self.cursor, self.now, most=most)
        numbers = [one.number for one in found.commands]
        assert numbers == sorted(set(numbers))
        assert len({one.subject for one in found.commands}) == len(found.commands)
        states = self.store.states()
        for one in found.commands:
            assert one.expires_at is None or one.expires_at > self.now
            earlier = [i for i, (_k, subject) in self.queued.items() if subject == one.subject and i < one.command_id]
            assert all(states[i].state in FINAL for i in earlier)
        if not is_lost:
            self.kept |= {one.command_id: one for one in found.commands}
            self.cursor = found.cursor

    @precondition(lambda self: self.kept)
    @rule(data=st.data(), fails=st.booleans(), is_lost=st.booleans())
    def act(self, data: st.DataObject, fails: bool, is_lost: bool) -> None:
        command_id = data.draw(st.sampled_from(sorted(self.kept)))
        if command_id not in self.results:
            # A lot obeys a command once, and none that is too old.
            expires = self.kept[command_id].expires_at
            is_late = expires is not None and expires <= self.now
            self.results[command_id] = "failed" if fails or is_late else "applied"
            if self.results[command_id] == "applied":
                self.applied.append(command_id)
        before = self.store.states()[command_id]
        said = Acknowledgement(command_id, self.results[command_id], "说明", self.now)  # type: ignore[arg-type]
        (noted,) = commands.acknowledge(self.store.settings, self.store.key_id, 1, [said], self.now)
        if before.state in ("applied", "failed"):
            assert noted.outcome == "known"
            assert self.store.states()[command_id].finished_at == before.finished_at
        assert noted.state == self.results[command_id]
        if not is_lost:
            del self.kept[command_id]

    @rule()
    def the_lot_loses_its_cursor(self) -> None:
        self.cursor = 0

    @rule()
    def sweep(self) -> None:
        with write_session(self.store.settings) as session:
            expire_due(session, self.now)

    @invariant()
    def one_of_a_subject_is_out_and_what_counts_newest_waits_once(self) -> None:
        states = self.store.states()
        for subject in {subject for _kind, subject in self.queued.values()}:
            mine = [one for one in states.values() if one.subject == subject]
            assert sum(one.state == "delivered" for one in mine) <= 1
            for kind in ("tariff", "guidance"):
                assert sum(one.state == "queued" and one.kind == kind for one in mine) <= 1
        assert len(self.applied) == len(set(self.applied))
        for one in states.values():
            assert (one.finished_at is not None) == (one.state in FINAL)
            assert (one.delivered_at is not None) == (one.number is not None)

    @invariant()
    def commands_of_a_subject_take_effect_in_order(self) -> None:
        by_subject: dict[str, list[int]] = {}
        for command_id in self.applied:
            by_subject.setdefault(self.queued[command_id][1], []).append(command_id)
        for applied in by_subject.values():
            # A command that ran out while the lot had it may be acted on late only if it was not too old then.
            assert applied == sorted(applied)


LotMachine.TestCase.settings = hypothesis_settings(max_examples=15, stateful_step_count=20, deadline=None)
TestLotMachine = LotMachine.TestCase


@pytest.fixture
def store() -> Any:
    made = Store()
    yield made
    made.close()


def fetch(store: Store, after: int = 0, now: datetime = START) -> list[int]:
    return [one.command_id for one in commands.fetch(store.settings, store.key_id, 1, after, now).commands]


def acknowledge(store: Store, command_id: int, result: Any = "applied", now: datetime = START) -> str:
    said = [Acknowledgement(command_id, result, None, now)]
    return commands.acknowledge(store.settings, store.key_id, 1, said, now)[0].outcome


def test_a_later_command_of_a_subject_waits_and_others_do_not(store: Store) -> None:
    first, second = (store.queue("long_term_vehicle", "粤B1", START) for _ in range(2))
    other = store.queue("long_term_vehicle", "粤B2", START)
    assert fetch(store) == [first, other]
    assert fetch(store) == [first, other]
    assert fetch(store, after=2) == []
    assert acknowledge(store, first, "failed") == "recorded"
    assert fetch(store, after=2) == [second]


def test_the_newest_tariff_supersedes_the_one_that_waits_but_not_the_one_that_is_out(store: Store) -> None:
    first = store.queue("tariff", "tariff", START)
    assert fetch(store) == [first]
    second, third = (store.queue("tariff", "tariff", START) for _ in range(2))
    states = {command_id: one.state for command_id, one in store.states().items()}
    assert states == {first: "delivered", second: "superseded", third: "queued"}
    assert acknowledge(store, second) == "not_delivered"
    assert acknowledge(store, first) == "recorded"
    assert fetch(store, after=1) == [third]


def test_guidance_needs_no_operator_and_the_newest_text_counts(store: Store) -> None:
    with write_session(store.settings) as session:
        first = queue_guidance(session, 1, "display/D1", {"text": "余位 3"}, START)
        second = queue_guidance(session, 1, "display/D1", {"text": "满"}, START)
        other = queue_guidance(session, 1, "display/D2", {"text": "满"}, START, valid_for=timedelta(minutes=1))
    assert fetch(store) == [second, other]
    states = store.states()
    assert (states[first].state, states[second].operator_id, states[second].operator_name) == (
        "superseded",
        None,
        "停车云",
    )


def test_what_expires_is_not_given_and_lets_the_next_pass(store: Store) -> None:
    late = store.queue("gate_opening", "gate/G1", START)
    later = store.queue("gate_opening", "gate/G1", START, valid_for=timedelta(hours=1))
    after = START + timedelta(seconds=60)
    assert fetch(store, now=after) == [later]
    assert store.states()[late].state == "expired"


def test_a_lot_that_acted_in_time_but_said_so_late_is_believed(store: Store) -> None:
    command_id = store.queue("gate_opening", "gate/G1", START)
    fetch(store)
    with write_session(store.settings) as session:
        assert expire_due(session, START + timedelta(minutes=2)) == {1}
    assert acknowledge(store, command_id, now=START + timedelta(minutes=3)) == "recorded"
    assert store.states()[command_id].state == "applied"


def test_a_command_that_the_lot_never_speaks_of_is_given_again(store: Store) -> None:
    command_id = store.queue("long_term_vehicle", "粤B1", START)
    fetch(store)
    assert fetch(store, after=1, now=START + timedelta(seconds=30)) == []
    again = commands.fetch(store.settings, store.key_id, 1, 1, START + REDELIVER_AFTER)
    assert [(one.command_id, one.number) for one in again.commands] == [(command_id, 2)]


def test_a_cursor_that_was_never_handed_out_counts_as_none(store: Store) -> None:
    command_id = store.queue("long_term_vehicle", "粤B1", START)
    assert fetch(store) == [command_id]
    assert fetch(store, after=999) == [command_id]


def test_secrets_lie_sealed_are_given_in_the_clear_and_are_gone_once_applied(store: Store) -> None:
    sealed = seal(store.settings, {"private_key": "hidden-words"})
    command_id = store.queue("payment_settings", "payment_settings/wechat", START, sealed=sealed)
    ops_engine(store.settings).dispose()
    assert b"hidden-words" not in b"".join(path.read_bytes() for path in store.home.glob("ops.sqlite*"))
    (given,) = commands.fetch(store.settings, store.key_id, 1, 0, START).commands
    assert given.payload["private_key"] == "hidden-words"
    acknowledge(store, command_id)
    assert store.states()[command_id].sealed is None


def test_a_revoked_credential_gets_nothing_and_notes_nothing(store: Store) -> None:
    command_id = store.queue("long_term_vehicle", "粤B1", START)
    fetch(store)
    with ops_session(store.settings) as session:
        revoke_credential(session, store.key_id, at=START, record_as=None)
    with pytest.raises(CredentialEnded):
        fetch(store)
    with pytest.raises(CredentialEnded):
        acknowledge(store, command_id)
    assert store.states()[command_id].state == "delivered"


def test_every_kind_has_a_rule_and_others_are_refused(store: Store) -> None:
    assert set(KINDS) >= {"guidance", "gate_opening", "tariff", "long_term_vehicle"}
    with pytest.raises(KeyError):
        store.queue("no_such_kind", "x", START)
