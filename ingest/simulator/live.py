"""The live simulator: lots that go on uploading over HTTP, signed like any other lot.

Belongs here: pacing, catching up, credentials, the loop. Does not belong here: what happens in a lot (``days.py``).

A lot goes on where the cloud last heard its heartbeat: after a pause it first sends what it has missed, as a real lot
does when its line is back. Nothing else is kept between runs; sending a little twice changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from ingest.gateway.client import GatewayClient
from ingest.simulator.extra import ExtraTraffic
from ingest.simulator.feed import Feed
from ingest.simulator.model import LotModel
from ingest.simulator.obedience import ObedienceSummary, ObedientLot
from ingest.simulator.pictures import picture_of
from warehouse.errors import ParkError
from warehouse.ops.models import Lot, LotLive
from warehouse.ops.session import ops_session
from warehouse.security.credentials import create_credential, find_key, list_credentials
from warehouse.settings import Settings

OVERLAP_SECONDS: Final = 900
"""Sent again at the start: what was on its way when the last run ended."""

LONGEST_GAP: Final = timedelta(days=14)
"""A lot keeps this much to catch up with; what is older is gone."""

BATCH_RECORDS: Final = 1_000
PICTURE_SECONDS: Final = 30.0
PICTURED: Final = ("entry", "exit")
_CATCH_UP_SECONDS: Final = 6 * 3600
_LONGEST_PAUSE: Final = 30.0
_log: Final = logging.getLogger(__name__)

Record = dict[str, Any]
Clock = Callable[[], float]


@dataclass
class SimulationSummary:
    """What a run sent and what the gateway said."""

    records: int = 0
    accepted: int = 0
    marked: int = 0
    rejected: int = 0
    failures: int = 0
    pictures: int = 0
    commands: ObedienceSummary = field(default_factory=ObedienceSummary)

    def add(self, records: int, answer: dict[str, Any]) -> None:
        """Count one answered batch."""
        self.records += records
        self.accepted += int(answer["accepted"])
        self.marked += int(answer["marked"])
        self.rejected += int(answer["rejected"])


@dataclass
class _Sender:
    """One lot's feed, its way to the gateway and how far it has come."""

    feed: Feed
    extra: ExtraTraffic | None
    client: GatewayClient
    cursor: int
    ear: ObedientLot
    next_attempt: float = 0.0
    pause: float = 1.0
    passage: Record | None = None
    next_picture: float = 0.0


class LiveSimulator:
    """Sends the lots' records as time goes by."""

    def __init__(
        self,
        settings: Settings,
        lots: tuple[LotModel, ...],
        *,
        seed: int,
        scale: float = 1.0,
        rate: float | None = None,
        base_url: str | None = None,
        clock: Clock = time.time,
    ) -> None:
        """Prepare; nothing is sent before ``run``.

        Args:
            settings: names the stores and the gateway's address.
            lots: those that exist in the operational store take part.
            seed: the one that history was made with, so that cars on record leave again.
            scale: likewise.
            rate: records a second of all lots together; when the lots' own traffic is less, short visits are added.
            base_url: of the gateway; from the settings when None.
            clock: unix seconds.
        """
        self._settings = settings
        self._lots = lots
        self._seed = seed
        self._scale = scale
        self._rate = rate
        self._base_url = base_url or f"http://{settings.host}:{settings.gateway_port}"
        self._clock = clock
        self.summary = SimulationSummary()

    def run(self, stop: threading.Event, *, seconds: float | None = None, tick: float = 1.0) -> SimulationSummary:
        """Send until ``stop`` is set or ``seconds`` have passed; a gateway that is away is tried again and again.

        Raises:
            ParkError: none of the lots exists, or the gateway refuses a lot's credential.
        """
        with ExitStack() as stack:
            senders = self._senders(stack)
            end = None if seconds is None else self._clock() + seconds
            while not stop.is_set() and (end is None or self._clock() < end):
                for sender in senders:
                    self._advance(sender, int(self._clock()))
                    sender.ear.listen(self._clock(), self.summary.commands)
                    self._take_picture(sender)
                stop.wait(tick)
            for sender in senders:
                self._close(sender, int(self._clock()))
        return self.summary

    def _senders(self, stack: ExitStack) -> list[_Sender]:
        now = int(self._clock())
        found: list[_Sender] = []
        with ops_session(self._settings) as session:
            known = {lot.code: lot.lot_id for lot in session.scalars(select(Lot))}
            present = [lot for lot in self._lots if lot.code in known]
            for lot in present:
                lot_id = known[lot.code]
                key_id, secret = _credential(session, self._settings, lot_id)
                client = stack.enter_context(
                    GatewayClient(self._base_url, lot.code, key_id, secret, compress=True, attempts=1)
                )
                extra = ExtraTraffic(lot, self._seed, self._rate / len(present)) if self._rate else None
                feed, heard = Feed(lot, self._seed, self._scale), _last_heard(session, lot_id, now)
                found.append(_Sender(feed, extra, client, heard, ObedientLot(lot.code, client, self._seed)))
        if not found:
            raise ParkError(
                zh="没有可模拟的停车场；先运行 park demo",
                en="there is no lot to simulate; run `park demo` first",
                code="no_demo",
            )
        return found

    def _advance(self, sender: _Sender, now: int) -> None:
        if self._clock() < sender.next_attempt:
            return
        while sender.cursor < now:
            upto = min(now, sender.cursor + _CATCH_UP_SECONDS)
            records = sender.feed.due(sender.cursor, upto, now=now)
            if sender.extra is not None:
                records += sender.extra.due(sender.cursor, upto, ordinary=len(records))
            if not self._send(sender, records):
                return
            sender.cursor = upto

    def _send(self, sender: _Sender, records: list[Record]) -> bool:
        for batch in _batches(records):
            try:
                answer = sender.client.send(batch)
            except ParkError as error:
                if error.code in ("unknown_key", "bad_signature", "revoked_key"):
                    raise
                self.summary.failures += 1
                _log.warning("%s waits %.0f s: %s", sender.feed.lot.code, sender.pause, error.en)
                sender.next_attempt = self._clock() + sender.pause
                sender.pause = min(sender.pause * 2, _LONGEST_PAUSE)
                return False
            self.summary.add(len(batch), answer)
            sender.passage = next((one for one in reversed(batch) if one["kind"] in PICTURED), sender.passage)
            sender.pause = 1.0
        return True

    def _take_picture(self, sender: _Sender) -> None:
        """Send the picture of the newest passage, now and then; one that does not arrive is not missed."""
        passage, now = sender.passage, self._clock()
        if passage is None or now < sender.next_picture:
            return
        sender.passage, sender.next_picture = None, now + PICTURE_SECONDS
        picture = picture_of(passage.get("plate"), passage["occurred_at"])
        try:
            sender.client.put_snapshot(passage["kind"], passage["record_id"], picture, passage["occurred_at"])
        except ParkError as error:
            _log.warning("%s: a picture was not taken in: %s", sender.feed.lot.code, error.en)
        else:
            self.summary.pictures += 1

    def _close(self, sender: _Sender, now: int) -> None:
        if sender.extra is not None and self._clock() >= sender.next_attempt:
            self._send(sender, sender.extra.leave(now))


def _batches(records: list[Record]) -> Iterator[list[Record]]:
    for start in range(0, len(records), BATCH_RECORDS):
        yield records[start : start + BATCH_RECORDS]


def _credential(session: Session, settings: Settings, lot_id: int) -> tuple[str, str]:
    """The lot's newest credential in force; made when there is none."""
    for known in sorted(list_credentials(session, lot_id), key=lambda found: found.created_at, reverse=True):
        key = find_key(session, settings, known.key_id) if known.revoked_at is None else None
        if key is not None:
            return key.key_id, key.secret
    return create_credential(session, settings, lot_id)


def _last_heard(session: Session, lot_id: int, now: int) -> int:
    live = session.get(LotLive, lot_id)
    heard = int(live.heartbeat_at.timestamp()) if live is not None and live.heartbeat_at is not None else now
    return max(min(heard, now) - OVERLAP_SECONDS, now - int(LONGEST_GAP.total_seconds()))
