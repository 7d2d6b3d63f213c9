"""The token bucket per lot and the memory of nonces."""

from __future__ import annotations

import time

import pytest

from ingest.gateway.answers import Refusal
from ingest.gateway.authentication import NonceMemory
from ingest.gateway.limits import RateLimiter


def test_a_lot_may_send_a_minutes_worth_at_once_and_then_waits() -> None:
    now = [0.0]
    limiter = RateLimiter(600, clock=lambda: now[0])
    assert limiter.seconds_to_wait(1) == 0
    limiter.charge(1, 600)
    assert 0 < limiter.seconds_to_wait(1) <= 0.1
    assert limiter.seconds_to_wait(2) == 0
    now[0] = 30.0
    assert limiter.seconds_to_wait(1) == 0
    limiter.charge(1, 400)
    assert limiter.seconds_to_wait(1) == pytest.approx(10.1)
    now[0] = 10_000.0
    limiter.charge(1, 599)
    assert limiter.seconds_to_wait(1) == 0


def test_an_empty_batch_costs_something_too() -> None:
    limiter = RateLimiter(2, clock=lambda: 0.0)
    limiter.charge(1, 0)
    limiter.charge(1, 0)
    assert limiter.seconds_to_wait(1) > 0


def test_a_nonce_counts_once_per_key() -> None:
    memory = NonceMemory(60)
    assert memory.remember("a", "n")
    assert not memory.remember("a", "n")
    assert memory.remember("b", "n")


def test_nonces_are_forgotten_only_after_their_time() -> None:
    memory = NonceMemory(0.4)
    assert memory.remember("a", "n")
    time.sleep(0.2)
    assert not memory.remember("a", "n")
    time.sleep(0.3)
    assert not memory.remember("a", "n")
    time.sleep(1.0)
    assert memory.remember("a", "n")


def test_when_no_more_nonces_can_be_remembered_requests_are_put_off() -> None:
    memory = NonceMemory(60, limit=2)
    assert memory.remember("a", "1")
    assert memory.remember("a", "2")
    with pytest.raises(Refusal) as refused:
        memory.remember("a", "3")
    assert refused.value.status == 503
