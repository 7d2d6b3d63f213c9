"""The token bucket per lot and the memory of nonces."""

from __future__ import annotations

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
    memory = NonceMemory(300, 100, clock=lambda: 1_000_000.0)
    assert memory.remember("a", "n", 1_000_000)
    assert not memory.remember("a", "n", 1_000_000)
    assert memory.remember("b", "n", 1_000_000)


def test_a_nonce_is_remembered_for_as_long_as_its_request_would_be_fresh_and_not_much_longer() -> None:
    now = [1_000_000.0]
    memory = NonceMemory(300, 100, clock=lambda: now[0])
    ahead = 1_000_300  # A lot's clock may be ahead by the tolerance.
    assert memory.remember("a", "n", ahead)
    now[0] = ahead + 300.0
    assert not memory.remember("a", "n", ahead)
    now[0] = ahead + 361.0
    assert memory.remember("a", "another", int(now[0]))
    assert len(memory) == 1


def test_when_no_more_nonces_can_be_remembered_requests_are_put_off() -> None:
    memory = NonceMemory(300, 2, clock=lambda: 1_000_000.0)
    assert memory.remember("a", "1", 1_000_000)
    assert memory.remember("a", "2", 1_000_000)
    with pytest.raises(Refusal) as refused:
        memory.remember("a", "3", 1_000_000)
    assert refused.value.status == 503
