"""The operator log as a chain: whatever is done to it behind the program's back is found, and where."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse import audit_commands
from warehouse.ops.models import AuditEntry
from warehouse.ops.session import ops_engine, ops_session, write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    tenants = tenants_in(tmp_path)
    with write_session(tenants.settings) as session:
        for number in range(1, 11):
            audit.append(
                session, LOCAL, "lots.edit", entity="lot", entity_id=number, before={"名": number}, after={"名": "新"}
            )
    return tenants


def tamper(tenants: Tenants, act: Callable[[Connection], object]) -> None:
    """Change the store past its triggers, as somebody with the file in hand can."""
    with ops_engine(tenants.settings).begin() as connection:
        for event in ("update", "delete"):
            connection.execute(text(f"drop trigger audit_entry_no_{event}"))
        act(connection)


def verified(tenants: Tenants) -> audit.ChainReport:
    with ops_session(tenants.settings) as session:
        return audit.verify(session)


def test_an_untouched_chain_is_whole(tenants: Tenants) -> None:
    report = verified(tenants)
    assert (report.entries, report.broken_at) == (10, None)


@pytest.mark.parametrize(
    "column", ["login", "address", "action", "outcome", "entity", "entity_id", "entity_name", "before", "after", "at"]
)
def test_a_changed_entry_is_found(tenants: Tenants, column: str) -> None:
    value = {"before": '{"名":99}', "after": "null", "at": "2001-01-01 00:00:00"}.get(column, "other")
    tamper(
        tenants,
        lambda c: c.execute(text(f"update audit_entry set {column} = :value where entry_id = 5"), {"value": value}),
    )
    report = verified(tenants)
    assert report.broken_at == 5
    assert "5" in report.zh
    assert "5" in report.en


def test_a_change_with_its_hash_computed_anew_is_found_at_the_next_entry(tenants: Tenants) -> None:
    def forge(connection: Connection) -> None:
        connection.execute(text("update audit_entry set login = 'somebody' where entry_id = 5"))

    tamper(tenants, forge)
    with ops_session(tenants.settings) as session:
        entry = session.get_one(AuditEntry, 5)
        entry.entry_hash = audit.entry_hash(entry.previous_hash, entry)
    assert verified(tenants).broken_at == 6


def test_a_deleted_entry_is_found(tenants: Tenants) -> None:
    tamper(tenants, lambda c: c.execute(text("delete from audit_entry where entry_id = 4")))
    assert verified(tenants).broken_at == 4


def test_a_cut_off_end_is_found(tenants: Tenants) -> None:
    tamper(tenants, lambda c: c.execute(text("delete from audit_entry where entry_id > 7")))
    report = verified(tenants)
    assert report.broken_at == 8
    assert "10" in report.en


def test_an_emptied_log_is_found(tenants: Tenants) -> None:
    tamper(tenants, lambda c: c.execute(text("delete from audit_entry")))
    assert verified(tenants).broken_at == 1


def test_an_inserted_entry_is_found(tenants: Tenants) -> None:
    def insert(connection: Connection) -> None:
        connection.execute(
            text(
                "insert into audit_entry (entry_id, at, login, address, action, outcome, previous_hash, entry_hash) "
                "select 11, at, login, address, action, outcome, entry_hash, entry_hash from audit_entry "
                "where entry_id = 10"
            )
        )

    tamper(tenants, insert)
    assert verified(tenants).broken_at == 11


def test_two_swapped_entries_are_found(tenants: Tenants) -> None:
    def swap(connection: Connection) -> None:
        for old, new in ((3, 99), (4, 3), (99, 4)):
            connection.execute(
                text("update audit_entry set entry_id = :new where entry_id = :old"), {"new": new, "old": old}
            )

    tamper(tenants, swap)
    assert verified(tenants).broken_at == 3


@pytest.mark.parametrize(
    "statement", ["update audit_entry set login = 'x'", "delete from audit_entry where entry_id = 1"]
)
def test_the_store_itself_refuses_to_change_an_entry(tenants: Tenants, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), ops_engine(tenants.settings).begin() as connection:
        connection.execute(text(statement))
    assert verified(tenants).broken_at is None


def test_parallel_writers_keep_the_chain_whole(tenants: Tenants) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for turn in range(10):
            with write_session(tenants.settings) as session:
                audit.append(session, LOCAL, "lots.edit", entity_id=f"{number}-{turn}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verified(tenants)
    assert (report.entries, report.broken_at) == (90, None)


def test_a_transaction_that_is_taken_back_leaves_no_gap(tenants: Tenants) -> None:
    def fail() -> None:
        with write_session(tenants.settings) as session:
            audit.append(session, LOCAL, "lots.edit")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with write_session(tenants.settings) as session:
        audit.append(session, LOCAL, "lots.edit")
    report = verified(tenants)
    assert (report.entries, report.broken_at) == (11, None)


def test_the_command_tells_where_the_chain_breaks_and_ends_in_exit_code_1(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARK_HOME", str(tenants.settings.home))
    app = typer.Typer()
    audit_commands.register(app)
    tamper(tenants, lambda c: c.execute(text("delete from audit_entry where entry_id = 4")))
    result = CliRunner().invoke(app, ["audit", "verify", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)["broken_at"] == 4
