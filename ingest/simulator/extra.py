"""Short visits beyond a lot's own traffic, so that the live simulator reaches a chosen rate.

Belongs here: visits that come and go within minutes, and their charges. Free-space counts do not know them, because
they drive through: the more a second, the shorter they stay, so that they fill a twentieth of the lot at most.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Final

from ingest.simulator.model import LotModel
from ingest.simulator.plates import draw_plates
from ingest.simulator.seeds import Stream, generator, utc

RECORDS_PER_VISIT: Final = 3
_LONGEST_STAY: Final = 420.0
_SHORTEST_STAY: Final = 2
# After a pause a load generator goes on at its rate; it does not make up for a night.
_LONGEST_SPAN: Final = 10

Record = dict[str, Any]


@dataclass(frozen=True, order=True)
class _Visit:
    leaves_at: int
    number: str
    came_at: int
    plate: str
    plate_color: str


class ExtraTraffic:
    """Visits of one lot that bring it to ``rate`` records a second, its own records included."""

    def __init__(self, lot: LotModel, seed: int, rate: float) -> None:
        self._lot = lot
        self._seed = seed
        self._rate = rate
        self._inside: list[_Visit] = []
        self._owed = 0.0
        visits_a_second = max(rate / RECORDS_PER_VISIT, 1e-6)
        self._mean_stay = min(_LONGEST_STAY, max(2.0 * _SHORTEST_STAY, 0.05 * lot.capacity / visits_a_second))

    def due(self, after: int, upto: int, ordinary: int) -> list[Record]:
        """What happens in (after, upto], unix seconds, beside ``ordinary`` records of the lot itself."""
        room = min(upto - after, _LONGEST_SPAN) * self._rate - ordinary
        # A visit counts with all its records when it begins; so the rate holds over minutes, not in each second.
        most = self._rate * _LONGEST_SPAN
        self._owed = max(-most, min(most, self._owed + room / RECORDS_PER_VISIT))
        visits = max(int(self._owed), 0)
        self._owed -= visits
        return [*self._leaving(upto), *self._arriving(after, upto, visits)]

    def leave(self, now: int) -> list[Record]:
        """The run ends: whoever is inside leaves now."""
        leaving = [record for visit in sorted(self._inside) for record in self._departure(visit, now)]
        self._inside.clear()
        return leaving

    def _arriving(self, after: int, upto: int, visits: int) -> list[Record]:
        if not visits:
            return []
        rng = generator(self._seed, self._lot, Stream.EXTRA, part=upto)
        plates, colors = draw_plates(rng, visits, self._lot.home_plates)
        stays = rng.exponential(self._mean_stay, visits).clip(_SHORTEST_STAY, 2 * _LONGEST_STAY)
        first = max(after + 1, upto - _LONGEST_SPAN)
        arrivals = rng.integers(first, upto, visits, endpoint=True)
        found = []
        for index in range(visits):
            came = int(arrivals[index])
            visit = _Visit(
                max(came + int(stays[index]), upto + 1),
                f"{upto}-{index:05d}",
                came,
                str(plates[index]),
                str(colors[index]),
            )
            heapq.heappush(self._inside, visit)
            found.append(self._passage("entry", visit, came) | {"plate_color": visit.plate_color})
        return found

    def _leaving(self, upto: int) -> list[Record]:
        found: list[Record] = []
        while self._inside and self._inside[0].leaves_at <= upto:
            visit = heapq.heappop(self._inside)
            found += self._departure(visit, visit.leaves_at)
        return found

    def _departure(self, visit: _Visit, at: int) -> list[Record]:
        entered = utc(visit.came_at).isoformat()
        stay = {"entered_at": entered, "vehicle_class": "temporary"}
        left = self._passage("exit", visit, at) | stay
        left |= {"entry_record_id": f"LE{visit.number}", "release_mode": "exit_scan"}
        fen = self._lot.tariff.first_fen
        paid = {
            "kind": "charge",
            "record_id": f"LC{visit.number}",
            "occurred_at": utc(at - 1).isoformat(),
            "plate": visit.plate,
            "exit_record_id": f"LX{visit.number}",
            "exited_at": utc(at).isoformat(),
            "receivable": f"{fen // 100}.{fen % 100:02d}",
            "received": f"{fen // 100}.{fen % 100:02d}",
            "method": "wechat",
        }
        return [left, paid | stay]

    def _passage(self, direction: str, visit: _Visit, at: int) -> Record:
        gate = self._lot.gates_of(direction)[0]
        return {
            "kind": direction,
            "record_id": f"L{'E' if direction == 'entry' else 'X'}{visit.number}",
            "occurred_at": utc(at).isoformat(),
            "plate": visit.plate,
            "vehicle_class": "temporary",
            "charge_class": "temporary",
            "gate_id": gate.gate_id,
            "controller_id": gate.controller_id,
        }
