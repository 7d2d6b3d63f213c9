"""What a simulated lot does with the commands that it is given: it obeys, fails, or has lost its connection.

Belongs here: the lot's side of the downlink, so that every state of a command occurs in the demonstration. Does not
belong here: the pace of the simulation (``live.py``), records.

What a lot does is decided by the command's id, and when its line is down by the lot and the hour, so that a run can be
repeated.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

from ingest.gateway.client import GatewayClient
from warehouse.errors import ParkError

FAILURES: Final = (
    "设备离线，未能执行",
    "场端存储已满，写入失败",
    "参数超出设备范围",
)
FAILS_ONE_IN: Final = 12
DOWN_HOURS_ONE_IN: Final = 8
DOWN_SECONDS: Final = 20 * 60
EVERY_SECONDS: Final = 2.0
_LONGEST_PAUSE: Final = 60.0
_REMEMBERED: Final = 10_000
_log: Final = logging.getLogger(__name__)


@dataclass
class ObedienceSummary:
    """What the lots did with their commands."""

    applied: int = 0
    failed: int = 0


@dataclass
class ObedientLot:
    """One lot's ear: its cursor, and what it did with each command."""

    code: str
    client: GatewayClient
    seed: int
    cursor: int = 0
    next_attempt: float = 0.0
    pause: float = EVERY_SECONDS
    done: dict[int, str | None] = field(default_factory=dict)

    def listen(self, now: float, summary: ObedienceSummary) -> None:
        """Fetch, act and acknowledge, unless it is too early or the line is down."""
        if now < self.next_attempt or self.is_down(now):
            return
        try:
            answer = self.client.commands(self.cursor)
            results = [self._act(command, now, summary) for command in answer["commands"]]
            if results:
                self.client.acknowledge(results)
        except ParkError as error:
            # Nothing is lost: the cursor stands, and what was done is remembered.
            self.next_attempt, self.pause = now + self.pause, min(self.pause * 2, _LONGEST_PAUSE)
            _log.warning("%s does not hear: %s", self.code, error.en)
            return
        self.cursor = int(answer["cursor"])
        self.pause = EVERY_SECONDS
        self.next_attempt = now + EVERY_SECONDS

    def is_down(self, now: float) -> bool:
        """Whether the line is down: the first minutes of some hours."""
        hour, seconds = divmod(now, 3600)
        return seconds < DOWN_SECONDS and self._chance("line", int(hour), DOWN_HOURS_ONE_IN)

    def _act(self, command: dict[str, Any], now: float, summary: ObedienceSummary) -> dict[str, Any]:
        number = int(command["command_id"])
        if number not in self.done:
            while len(self.done) >= _REMEMBERED:
                del self.done[next(iter(self.done))]
            self.done[number] = self._complaint(command, now)
            summary.failed += self.done[number] is not None
            summary.applied += self.done[number] is None
        complaint = self.done[number]
        said = {"command_id": number, "at": datetime.fromtimestamp(now, UTC).isoformat()}
        return said | ({"result": "applied"} if complaint is None else {"result": "failed", "message": complaint})

    def _complaint(self, command: dict[str, Any], now: float) -> str | None:
        number, expires = int(command["command_id"]), command["expires_at"]
        if expires is not None and datetime.fromisoformat(expires).timestamp() <= now:
            return "命令已过期，未执行"
        if self._chance("failure", number, FAILS_ONE_IN):
            return FAILURES[number % len(FAILURES)]
        return None

    def _chance(self, what: str, number: int, one_in: int) -> bool:
        digest = blake2b(f"{self.seed}/{self.code}/{what}/{number}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) % one_in == 0
