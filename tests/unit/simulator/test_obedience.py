"""Simulated lots obey, fail and lose their line, each the same way in every run."""

from __future__ import annotations

from typing import Any, cast

from ingest.gateway.client import GatewayClient
from ingest.simulator.obedience import DOWN_SECONDS, FAILURES, ObedienceSummary, ObedientLot

NOW = 1_780_000_800.0


class Gateway:
    """What a lot sees of a gateway that gives every command again until it is acknowledged."""

    def __init__(self, commands: list[dict[str, Any]]) -> None:
        self.open = {command["command_id"]: command for command in commands}
        self.said: list[dict[str, Any]] = []

    def commands(self, _after: int) -> dict[str, Any]:
        return {"commands": list(self.open.values())[:10], "cursor": 1}

    def acknowledge(self, results: list[dict[str, Any]]) -> None:
        self.said += results
        for result in results:
            self.open.pop(result["command_id"], None)


def heard(seed: int) -> list[dict[str, Any]]:
    gateway = Gateway([{"command_id": number, "expires_at": None} for number in range(1, 101)])
    lot, summary = ObedientLot("L1", cast(GatewayClient, gateway), seed), ObedienceSummary()
    now = next(NOW + 3600 * hour for hour in range(100) if not lot.is_down(NOW + 3600 * hour))
    for step in range(20):
        lot.listen(now + 3 * step, summary)
    assert (summary.applied + summary.failed, len(gateway.said)) == (100, 100)
    return [{name: said[name] for name in said if name != "at"} for said in gateway.said]


def test_most_commands_are_obeyed_some_fail_with_a_reason_and_a_run_can_be_repeated() -> None:
    said = heard(3)
    failed = [one for one in said if one["result"] == "failed"]
    assert 0 < len(failed) < 30
    assert {one["message"] for one in failed} <= set(FAILURES)
    assert said == heard(3) != heard(4)


def test_what_is_too_old_is_not_obeyed() -> None:
    gateway = Gateway([{"command_id": 1, "expires_at": "2020-01-01T00:00:00Z"}])
    lot = ObedientLot("L1", cast(GatewayClient, gateway), 3)
    now = next(NOW + 3600 * hour for hour in range(100) if not lot.is_down(NOW + 3600 * hour))
    lot.listen(now, ObedienceSummary())
    assert gateway.said[0]["result"] == "failed"


def test_the_line_is_down_in_the_first_minutes_of_some_hours() -> None:
    lot = ObedientLot("L1", cast(GatewayClient, None), 3)
    hours = [NOW // 3600 * 3600 + 3600 * hour for hour in range(200)]
    down = [hour for hour in hours if lot.is_down(hour)]
    assert 0 < len(down) < 60
    assert not any(lot.is_down(hour + DOWN_SECONDS) for hour in down)
