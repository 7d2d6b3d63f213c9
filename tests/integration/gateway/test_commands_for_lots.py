"""Commands over HTTP: signed, waited for, in order, once, stopped by a revocation, through kill -9."""

from __future__ import annotations

import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from tests.integration.gateway.conftest import Instance, wait_until_up
from warehouse.errors import ParkError
from warehouse.ops.models import DownlinkCommand
from warehouse.ops.session import ops_session, write_session
from warehouse.security.credentials import create_credential, revoke_credential, sign
from warehouse.services.downlink_queue import queue_command, queue_guidance

DIE_AT = [sys.executable, str(Path(__file__).with_name("die_at.py"))]
VEHICLE = "long_term_vehicle"


def queue(instance: Instance, subject: str, *, lot_id: int = 1, kind: str = VEHICLE, at: datetime | None = None) -> int:
    with write_session(instance.settings) as session:
        now = at or datetime.now(UTC)
        return queue_command(session, lot_id, kind, subject, {"action": "put", "plate": subject}, now).command_id


def states(instance: Instance, lot_id: int = 1) -> dict[int, str]:
    with ops_session(instance.settings) as session:
        query = select(DownlinkCommand).where(DownlinkCommand.lot_id == lot_id)
        return {one.command_id: one.state for one in session.scalars(query)}


class Lot:
    """A lot's own system: keeps what it got, applies each command once, says so."""

    def __init__(self, instance: Instance, url: str, code: str = "L1") -> None:
        self.client = instance.client(url, code, attempts=1)
        self.cursor = 0
        self.applied: list[tuple[int, str]] = []

    def turn(self, wait: int = 0) -> int:
        """One question and its acknowledgements; how many commands came."""
        answer = self.client.commands(self.cursor, wait)
        known = {command_id for command_id, _subject in self.applied}
        new = [(one["command_id"], one["subject"]) for one in answer["commands"] if one["command_id"] not in known]
        self.applied += new
        self.cursor = answer["cursor"]
        results = [
            {"command_id": one["command_id"], "result": "applied", "at": datetime.now(UTC).isoformat()}
            for one in answer["commands"]
        ]
        if results:
            self.client.acknowledge(results)
        return len(results)

    def until_done(self) -> None:
        """Turn until nothing comes any more."""
        while self.turn():
            pass


def test_a_lot_that_was_offline_for_a_day_gets_everything_once_and_in_order(served: tuple[Instance, str]) -> None:
    instance, url = served
    yesterday = datetime.now(UTC) - timedelta(days=1)
    subjects = [f"粤B{number % 7}" for number in range(150)]
    ids = [queue(instance, s, at=yesterday + timedelta(minutes=9 * i)) for i, s in enumerate(subjects)]
    late = queue(instance, "gate/G1", kind="gate_opening", at=yesterday)
    lot = Lot(instance, url)
    lot.until_done()
    assert sorted(command_id for command_id, _subject in lot.applied) == ids
    for subject in set(subjects):
        mine = [command_id for command_id, found in lot.applied if found == subject]
        assert mine == sorted(mine)
    assert states(instance) == dict.fromkeys(ids, "applied") | {late: "expired"}


def test_a_waiting_lot_gets_a_command_as_soon_as_it_is_queued(served: tuple[Instance, str]) -> None:
    instance, url = served
    lot = Lot(instance, url, "L2")
    came: list[int] = []
    waiting = threading.Thread(target=lambda: came.append(lot.turn(wait=40)))
    waiting.start()
    while "park_gateway_waiting_lots 1.0" not in httpx.get(f"{url}/metrics").text:
        time.sleep(0.05)
    with write_session(instance.settings) as session:
        command_id = queue_guidance(session, 2, "display/D1", {"text": "余位 3"}, datetime.now(UTC))
    waiting.join(20)
    assert came == [1]
    assert states(instance, 2)[command_id] == "applied"
    assert lot.turn() == 0


def test_one_lot_waits_once_and_a_newer_question_ends_the_older(served: tuple[Instance, str]) -> None:
    instance, url = served
    answers: list[dict[str, Any]] = []
    first = instance.client(url, "L2", attempts=1)
    older = threading.Thread(target=lambda: answers.append(first.commands(0, 40)))
    older.start()
    while "park_gateway_waiting_lots 1.0" not in httpx.get(f"{url}/metrics").text:
        time.sleep(0.05)
    assert instance.client(url, "L2").commands(0, 0)["commands"] == []
    older.join(20)
    assert answers == [{"commands": [], "cursor": answers[0]["cursor"]}]


def test_a_revoked_credential_stops_at_once_even_while_it_waits(served: tuple[Instance, str]) -> None:
    instance, url = served
    with ops_session(instance.settings) as session:
        key_id, secret = create_credential(session, instance.settings, 2, record_as=None)
    thief = Instance(instance.settings, {"L2": (key_id, secret)}).client(url, "L2", attempts=1)
    assert thief.commands()["commands"] == []
    refused: list[str] = []

    def wait() -> None:
        with pytest.raises(ParkError) as error:
            thief.commands(0, 45)
        refused.append(error.value.code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while "park_gateway_waiting_lots 1.0" not in httpx.get(f"{url}/metrics").text:
        time.sleep(0.05)
    # Revoked and, in the same moment, something to steal.
    with write_session(instance.settings) as session:
        revoke_credential(session, key_id, record_as=None)
        command_id = queue_command(session, 2, VEHICLE, "粤B1", {}, datetime.now(UTC)).command_id
    waiting.join(20)
    assert refused == ["unknown_key"]
    with pytest.raises(ParkError):
        thief.commands()
    with pytest.raises(ParkError):
        thief.acknowledge([{"command_id": command_id, "result": "applied"}])
    assert states(instance, 2)[command_id] == "queued"
    assert Lot(instance, url, "L2").turn() == 1


def test_the_signature_covers_what_is_asked_for(served: tuple[Instance, str]) -> None:
    instance, url = served
    key_id, secret = instance.keys["L1"]
    path, timestamp = "/v1/lots/L1/commands", str(int(time.time()))

    def ask(target: str, signed: str, nonce: str) -> httpx.Response:
        headers = {
            "x-park-key": key_id,
            "x-park-timestamp": timestamp,
            "x-park-nonce": nonce,
            "x-park-signature": sign(secret, "GET", signed, timestamp, nonce, b""),
        }
        return httpx.get(url + target, headers=headers)

    wanted = f"{path}?after=7&wait=0"
    assert ask(wanted, wanted, "nonce-of-the-right-one").status_code == 200
    assert ask(wanted, wanted, "nonce-of-the-right-one").json()["code"] == "replayed_nonce"
    assert ask(f"{path}?after=0&wait=0", wanted, "nonce-of-another-one").json()["code"] == "bad_signature"
    assert ask(wanted, path, "nonce-without-query").json()["code"] == "bad_signature"
    bad = f"{path}?after=-1"
    assert ask(bad, bad, "nonce-of-a-bad-cursor").json()["code"] == "bad_query"
    other = "/v1/lots/L2/commands"
    assert ask(other, other, "nonce-for-another-lot").json()["code"] == "wrong_lot"


def test_a_malformed_acknowledgement_is_refused_and_an_unknown_command_named(served: tuple[Instance, str]) -> None:
    instance, url = served
    client = instance.client(url, attempts=1)
    beyond = {"command_id": 1, "result": "applied", "at": "0001-01-01T00:00:00+14:00"}
    for body in ({"command_id": 1, "result": "done"}, {"command_id": 0, "result": "applied"}, beyond):
        with pytest.raises(ParkError) as error:
            client.acknowledge([body])
        assert error.value.code == "bad_acknowledgement"
    foreign = queue(instance, "粤B9", lot_id=2)
    for command_id in (2_000_000_000, foreign):
        (noted,) = client.acknowledge([{"command_id": command_id, "result": "applied"}])["commands"]
        assert noted == {"command_id": command_id, "outcome": "unknown_command", "state": None}
    assert states(instance, 2)[foreign] == "queued"


@pytest.mark.parametrize(
    "moment", ["commands given, not committed", "commands given, not answered", "acknowledged, not committed",
               "acknowledged, not answered"]
)  # fmt: skip
def test_a_gateway_killed_around_delivery_and_acknowledgement_loses_and_doubles_nothing(
    instance: Instance, unused_port: int, moment: str
) -> None:
    ids = [queue(instance, f"粤B{number % 3}") for number in range(6)]
    url = f"http://127.0.0.1:{unused_port}"
    lot = Lot(instance, url)
    process = instance.start(moment, str(unused_port), command=DIE_AT)
    wait_until_up(url, process)
    with pytest.raises(ParkError):
        lot.until_done()
    assert process.popen.wait(60) == -signal.SIGKILL, process.log.read_text()
    lot.client.close()
    with instance.gateway() as again:
        lot.client = instance.client(again, attempts=1)
        lot.client.acknowledge([{"command_id": one, "result": "applied"} for one, _subject in lot.applied])
        lot.until_done()
        lot.client.close()
    assert sorted(command_id for command_id, _subject in lot.applied) == ids
    for subject in {found for _id, found in lot.applied}:
        mine = [command_id for command_id, found in lot.applied if found == subject]
        assert mine == sorted(mine)
    assert states(instance) == dict.fromkeys(ids, "applied")


def test_the_document_describes_both_addresses(served: tuple[Instance, str]) -> None:
    _instance, url = served
    document = msgspec.json.decode(httpx.get(f"{url}/v1/openapi.json").content)
    assert "get" in document["paths"]["/v1/lots/{lot_code}/commands"]
    assert "post" in document["paths"]["/v1/lots/{lot_code}/commands/ack"]


def test_a_gateway_ends_quickly_though_lots_wait(instance: Instance) -> None:
    with instance.gateway() as url:
        waiting = threading.Thread(target=lambda: instance.client(url, attempts=1).commands(0, 45))
        waiting.start()
        while "park_gateway_waiting_lots 1.0" not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.05)
    waiting.join(5)
    assert not waiting.is_alive()
