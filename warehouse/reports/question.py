"""What is asked of a report, once it is checked: whose lots, which period, which filters.

Belongs here: turning parameters, scope and snapshot into one immutable question. Does not belong here: SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warehouse.errors import Forbidden, ParkError
from warehouse.lake.reader import IN_MEMORY, View
from warehouse.reports.parameters import Parameter, read_parameters
from warehouse.reports.period import Clock, Grain, Period, as_of_day, read_period
from warehouse.reports.relations import LotPredicate
from warehouse.security.scope import Scope


@dataclass(frozen=True)
class KnownLot:
    """A lot of the published snapshot."""

    lot_id: int
    code: str
    name: str
    clock: Clock


@dataclass(frozen=True)
class Question:
    """A checked question to one report.

    Attributes:
        lots: what may be seen; goes into every relation.
        known_lots: the lots of the snapshot among them.
        chosen: the lots named by the caller, empty for all of the scope.
        period: None for reports without one.
        values: typed parameters that are set.
        as_of: how far the published data reach, UTC.
        language: zh, en or key.
    """

    lots: LotPredicate
    known_lots: tuple[KnownLot, ...]
    chosen: tuple[KnownLot, ...]
    period: Period | None
    values: Mapping[str, Any]
    as_of: datetime
    language: str

    @property
    def clocks(self) -> dict[Clock, tuple[int, ...]]:
        """The lots by the clock they live on."""
        found: dict[Clock, list[int]] = {}
        for lot in self.known_lots:
            found.setdefault(lot.clock, []).append(lot.lot_id)
        return {clock: tuple(lot_ids) for clock, lot_ids in found.items()}

    def parameters(self) -> dict[str, Any]:
        """Everything a query may name: lots, period, filters and ``as_of``."""
        period = self.period.parameters() if self.period is not None else {}
        return {**self.lots.parameters(), **period, **self.values, "as_of": self.as_of}


def _all_lots(view: View) -> tuple[KnownLot, ...]:
    def read() -> tuple[KnownLot, ...]:
        answer = view.query(
            f"select lot_id, code, name, time_zone, cutover_minutes from {IN_MEMORY}.dim_lot order by lot_id", {}
        )
        clocks = {(row[3], row[4]): Clock(row[3], int(row[4])) for row in answer.rows}
        return tuple(KnownLot(row[0], row[1], row[2], clocks[row[3], row[4]]) for row in answer.rows)

    return view.remember("lots", read)


def clocks_of(lots: Sequence[KnownLot]) -> Counter[Clock]:
    """The clocks of these lots and how many have each; ten thousand lots share a few."""
    # Told apart by identity first: hashing ten thousand of them is felt on every page.
    rows = Counter(id(lot.clock) for lot in lots)
    clocks = {id(lot.clock): lot.clock for lot in lots}
    found: Counter[Clock] = Counter()
    for place, lots_of_it in rows.items():
        found[clocks[place]] += lots_of_it
    return found


def _words(given: Any) -> list[str]:
    if given is None:
        return []
    words = given if isinstance(given, Sequence) and not isinstance(given, str) else str(given).split(",")
    return [str(word).strip() for word in words if str(word).strip()]


def choose_lots(words: Sequence[str], lots: Sequence[KnownLot], scope: Scope) -> tuple[KnownLot, ...]:
    """The lots named by code or id.

    Raises:
        Forbidden: a lot is outside the scope; the same answer as for a lot that does not exist, so that nobody learns
            which lots others have.
        ParkError: the caller sees everything and there is no such lot.
    """
    by_name = {str(lot.lot_id): lot for lot in lots} | {lot.code: lot for lot in lots} if words else {}
    chosen: dict[int, KnownLot] = {}
    for word in words:
        lot = by_name.get(word)
        if lot is not None and scope.allows(lot.lot_id):
            chosen[lot.lot_id] = lot
        elif scope.is_everything:
            raise ParkError(
                zh=f"没有编码或编号为 {word} 的停车场(park lots list 可查看)",
                en=f"there is no lot with code or id {word!r} (see park lots list)",
                code="unknown_lot",
            )
        else:
            raise Forbidden(zh=f"您无权查看停车场 {word}", en=f"you may not see lot {word!r}")
    return tuple(sorted(chosen.values(), key=lambda lot: lot.lot_id))


def ask(
    name: str,
    known: Sequence[Parameter],
    grain: Grain,
    default_days: int,
    view: View,
    scope: Scope,
    given: Mapping[str, Any],
    language: str,
) -> Question:
    """Check what the caller gave and make a question of it.

    Raises:
        ParkError: an unknown or unfit parameter, period or lot; Forbidden for a foreign lot.
    """
    values = read_parameters(name, known, given)
    everything = _all_lots(view)
    visible = everything if scope.is_everything else tuple(lot for lot in everything if scope.allows(lot.lot_id))
    chosen = choose_lots(_words(given.get("lot")), everything, scope)
    if chosen:
        lots = LotPredicate(tuple(lot.lot_id for lot in chosen))
    elif isinstance(scope.lot_ids, str):
        lots = LotPredicate(None, with_unknown=True)
    else:
        lots = LotPredicate(tuple(sorted(scope.lot_ids)))
    known_lots = chosen or visible
    as_of = view.publication.data_as_of or view.publication.published_at
    period = None
    if grain is not Grain.NONE:
        today = as_of_day(clocks_of(known_lots), as_of)
        period = read_period(given, grain, default_days, today, name)
    elif given.get("from") or given.get("to"):
        raise ParkError(
            zh=f"报表 {name} 显示当前状态,没有 from 和 to",
            en=f"{name} shows the present state and takes neither from nor to",
            code="bad_period",
        )
    return Question(lots, known_lots, chosen, period, values, as_of, language)
