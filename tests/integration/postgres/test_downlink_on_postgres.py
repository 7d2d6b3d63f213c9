"""Commands on PostgreSQL: gateways that ask at once give each command one number, and note one word on it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from tests.commands import acknowledge, fetch
from tests.postgres_server import new_database
from tests.unit.security.tenants import fill
from warehouse.ops.models import DownlinkCommand
from warehouse.ops.session import migrate, ops_engine, ops_session, write_session
from warehouse.security.credentials import create_credential
from warehouse.services.downlink_delivery import Acknowledgement
from warehouse.services.downlink_queue import queue_command
from warehouse.settings import Settings

SUBJECTS = 5
COMMANDS = 60


def test_gateways_that_ask_at_once_give_each_command_one_number_and_note_one_word(
    tmp_path: Path, postgres_server: str
) -> None:
    settings = Settings(home=tmp_path, ops_url=new_database(postgres_server))
    migrate(settings)
    lot_id = fill(settings).lots["S-1"]
    with ops_session(settings) as session:
        key_id, _secret = create_credential(session, settings, lot_id, record_as=None)
    now = datetime.now(UTC)
    with write_session(settings) as session:
        for number in range(COMMANDS):
            queue_command(session, lot_id, "long_term_vehicle", f"粤B{number % SUBJECTS}", {"n": number}, now)
    numbers: dict[int, set[int]] = {}
    recorded: list[int] = []

    def gateway(_number: int) -> None:
        while True:
            found = fetch(settings, key_id, lot_id, 0, datetime.now(UTC)).commands
            if not found:
                return
            assert len({one.subject for one in found}) == len(found)
            for one in found:
                numbers.setdefault(one.command_id, set()).add(one.number)
            said = [Acknowledgement(one.command_id, "applied") for one in found]
            noted = acknowledge(settings, key_id, lot_id, said, datetime.now(UTC))
            recorded.extend(one.command_id for one in noted if one.outcome == "recorded")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(gateway, range(4)))
    assert len(recorded) == len(set(recorded)) == COMMANDS
    assert all(len(found) == 1 for found in numbers.values())
    with ops_session(settings) as session:
        commands = list(session.scalars(select(DownlinkCommand).order_by(DownlinkCommand.number)))
    assert {command.state for command in commands} == {"applied"}
    for subject in {command.subject for command in commands}:
        mine = [command.command_id for command in commands if command.subject == subject]
        assert mine == sorted(mine)
    ops_engine(settings).dispose()
