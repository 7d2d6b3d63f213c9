"""A lot's questions and words about its commands, each in a transaction of its own, as the gateway makes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from warehouse.ops.session import write_session
from warehouse.services.downlink_delivery import (
    MOST_AT_ONCE,
    Acknowledgement,
    Fetched,
    Noted,
    acknowledge_commands,
    give_commands,
    given_before,
)
from warehouse.settings import Settings


def fetch(
    settings: Settings, key_id: str, lot_id: int, after: int, now: datetime, *, most: int = MOST_AT_ONCE
) -> Fetched:
    found = given_before(settings, key_id, lot_id, after, now, most=most)
    if found is not None:
        return found
    with write_session(settings) as session:
        return give_commands(session, settings, key_id, lot_id, after, now, most=most)


def acknowledge(
    settings: Settings, key_id: str, lot_id: int, said: Sequence[Acknowledgement], now: datetime
) -> tuple[Noted, ...]:
    with write_session(settings) as session:
        return acknowledge_commands(session, key_id, lot_id, said, now)
