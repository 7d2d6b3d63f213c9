"""The relations a report may read, each cut down to the lots it may show.

Belongs here: the one way from a name in a report's SQL to a table of the lake. A report writes ``{fct_stay}``; there is
no other way to reach a mart, so a report cannot be written without the lot predicate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.lake.reader import DIMENSIONS, IN_MEMORY, RECENT_QUALITY

MARTS: Final = frozenset(
    {
        "dim_lot",
        "dim_area",
        "dim_capacity",
        "dim_device",
        "fct_passage",
        "fct_stay",
        "fct_charge",
        "fct_renewal",
        "fct_gate_opening",
        "fct_shift",
        "fct_alarm",
        "fct_device_interval",
        "fct_free_space",
        "fct_invoice",
        "fct_snapshot",
        "rpt_traffic_hour",
        "rpt_occupancy_hour",
        "rpt_stay_day",
        "rpt_fee_day",
        "rpt_renewal_day",
        "rpt_upload_hour",
        "rpt_completeness_day",
        "rpt_arrival_day",
        "rpt_quality_day",
        "rpt_device_day",
    }
)
RAW: Final = frozenset({"rejected_record"})
# Beside the dimensions, recent days of a mart that every page asks for (warehouse/lake/reader.py).
KEPT: Final = frozenset({RECENT_QUALITY})

_NAME = re.compile(r"\{(\w+)\}")
# Whatever names the lake or reads a file goes around the predicate.
_AROUND = re.compile(
    r"\b(lake|dimension|information_schema|duckdb_\w+|read_\w+|\w+_scan|parquet_\w+|glob|attach|copy|pragma)\b\s*[.(]"
    r"|\b(attach|copy|install|load|export|pragma|call)\s"
    r"|(?:from|join)\s+'|\"lake\"|\"dimension\"|\blake\b",
    re.IGNORECASE,
)


class UnscopedReportError(ValueError):
    """A report's SQL reaches for data in another way than through ``{name}``."""


@dataclass(frozen=True)
class LotPredicate:
    """The lots a query may see: some ids, or every lot (``lot_ids`` None).

    Attributes:
        lot_ids: ascending ids, or None for the whole platform.
        with_unknown: also rows of no known lot; only for the whole platform without a lot filter.
    """

    lot_ids: tuple[int, ...] | None
    with_unknown: bool = False

    def parameters(self) -> dict[str, Any]:
        """The bound ids, one named parameter each: DuckDB prunes files on constants but not on a list."""
        return {f"lot_{position}": lot_id for position, lot_id in enumerate(self.lot_ids or ())}

    def sql(self) -> str:
        """The predicate on ``lot_id``."""
        if self.lot_ids is None:
            return "true" if self.with_unknown else "lot_id is not null"
        if not self.lot_ids:
            return "false"
        return "lot_id in (" + ", ".join(f"$lot_{position}" for position in range(len(self.lot_ids))) + ")"


def names_in(sql: str) -> set[str]:
    """The names in braces that ``sql`` uses."""
    return set(_NAME.findall(sql))


@lru_cache(maxsize=1024)
def check(report: str, sql: str) -> None:
    """Refuse SQL that does not go through the scoped relations.

    Raises:
        UnscopedReportError: it names the lake, a file, a catalog or a table function, or a mart without braces.
    """
    found = _AROUND.search(sql)
    if found:
        raise UnscopedReportError(
            f"{report}: {found.group(0).strip()!r} goes around the lot scope; write {{mart}} instead"
        )
    for name in MARTS | RAW:
        bare = re.search(rf"\b(from|join)\s+{name}\b|,\s*{name}\s+\w", sql, re.IGNORECASE)
        if bare:
            raise UnscopedReportError(f"{report}: {name} is named without braces; write {{{name}}}")


def render(report: str, sql: str, lots: LotPredicate, fragments: Mapping[str, str]) -> str:
    """Replace ``{mart}`` by the mart cut to ``lots`` and ``{fragment}`` by its text.

    Raises:
        UnscopedReportError: see ``check``; also an unknown name in braces.
    """

    def expand(found: re.Match[str]) -> str:
        name = found.group(1)
        if name in DIMENSIONS or name in KEPT:
            return f"(select * from {IN_MEMORY}.{name} where {lots.sql()})"
        if name in MARTS:
            return f"(select * from lake.marts.{name} where {lots.sql()})"
        if name in RAW:
            return f"(select * from lake.raw.{name} where {lots.sql()})"
        raise UnscopedReportError(f"{report}: no relation {name!r}")

    for _round in range(3):  # a fragment may hold fragments, not deeper than that
        sql = _NAME.sub(lambda found: fragments.get(found.group(1), found.group(0)), sql)
    check(report, sql)
    return _NAME.sub(expand, sql)


def used_parameters(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Only the parameters that ``sql`` names; DuckDB refuses surplus ones.

    Raises:
        ParkError: the query names one that is not there (a fault of the report).
    """
    wanted = set(re.findall(r"\$(\w+)", sql))
    missing = wanted - parameters.keys()
    if missing:
        raise ParkError(
            zh=f"报表缺少参数 {', '.join(sorted(missing))}",
            en=f"the report lacks the parameters {', '.join(sorted(missing))}",
            code="report_fault",
        )
    return {name: parameters[name] for name in wanted}
