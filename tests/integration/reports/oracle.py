"""What reports must show, by plain SQL on the facts; nothing of the reports' own SQL or of the summed marts.

Each answer is keyed rows: ``{(values of key columns): {figure: value}}``. A figure without any upload is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from tests.integration.reports.lake import METHODS

Asked = Mapping[str, str]
Expected = dict[tuple[Any, ...], dict[str, Any]]

EVENTS = """
    select l.code, s.stay_id, s.is_inner, s.entry_gate_id as gate, s.vehicle_class, s.charge_class, s.owner_name,
        s.release_mode, s.is_bad, s.state, s.entry_plate as plate, s.lot_id, s.entry_record_id as record,
        timezone(l.time_zone, s.entry_at) as moment,
        (timezone(l.time_zone, s.entry_at) - to_minutes(l.cutover_minutes))::date as day, 1 as entries, 0 as exits,
        s.duration_seconds
    from lake.marts.fct_stay as s join lake.marts.dim_lot as l using (lot_id) where s.entry_source = 'record'
    union all
    select l.code, s.stay_id, s.is_inner, s.exit_gate_id, s.vehicle_class, s.charge_class, s.owner_name,
        s.release_mode, s.is_bad, s.state, s.plate, s.lot_id, s.exit_record_id, s.exit_local_at, s.business_date, 0, 1,
        s.duration_seconds
    from lake.marts.fct_stay as s join lake.marts.dim_lot as l using (lot_id) where s.exit_at is not null
"""
FEES = """
    select l.code, s.*, {day} as day, {moment} as moment, s.receivable - s.discount as charged,
        bank_card + iou + stored_value + qr + wallet + receipt as other_methods,
        (s.kind = 'charge')::int as charges, (s.kind = 'refund')::int as refunds, (not s.is_balanced)::int as unbalanced
    from lake.marts.fct_charge as s join lake.marts.dim_lot as l using (lot_id) where {day} is not null
"""
RENEWALS = """
    select l.code, s.*, s.business_date as day, s.local_at as moment, 1 as renewals
    from lake.marts.fct_renewal as s join lake.marts.dim_lot as l using (lot_id)
"""
INVOICES = """
    select l.code, s.*, s.business_date as day, s.local_at as moment,
        coalesce(s.status, '') = 'issued' as issued
    from lake.marts.fct_invoice as s join lake.marts.dim_lot as l using (lot_id)
"""
AMOUNTS = ("receivable", "discount", "waived", "received", "uncollected")
STATISTICS = ("received", *METHODS, "charges", "refunds", "unbalanced")
DAILY = (
    "charged", "discount", "waived", "received", "uncollected", "alipay", "wechat", "cash", "other_methods", "charges",
    "refunds",
)  # fmt: skip
LABELS = {"each_hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m", "hour": "%H:00"}
COURSE = {"total": "null", "hour": "strftime(moment, '%Y-%m-%d %H:00')", "day": "strftime(day, '%Y-%m-%d')"}
COURSE["month"] = "strftime(day, '%Y-%m')"


@dataclass(frozen=True)
class Oracle:
    """Plain SQL for whoever may see ``lots``."""

    connection: duckdb.DuckDBPyConnection
    lots: Sequence[str]

    def expected(self, report: str, asked: Asked) -> Expected:
        family = {
            "daily-report": self._daily,
            "temporary-fee-statistics": self._statistics,
            "temporary-fee-analysis": self._fee_course,
            "renewal-statistics": self._renewal_statistics,
            "renewal-analysis": self._renewal_course,
            "traffic-statistics": self._traffic,
            "traffic-analysis": self._traffic_course,
            "charges": self._charges,
            "renewals": self._renewals,
            "invoices": self._invoices,
            "entry-records": lambda asked: self._passages(asked, "entries"),
            "exit-records": lambda asked: self._passages(asked, "exits"),
        }[report]
        return family(asked)

    def _chosen(self, asked: Asked) -> list[str]:
        return asked["lot"].split(",") if asked.get("lot") else list(self.lots)

    def _sums(
        self, facts: str, asked: Asked, keys: Sequence[str], figures: Sequence[str], more: Sequence[str] = ()
    ) -> Expected:
        """Figures added up by ``keys`` (SQL); the lots, the period and the filters of ``asked`` hold."""
        values: dict[str, Any] = {"lots": self._chosen(asked), "start": asked["from"], "end": asked["to"]}
        span = "moment >= $start::timestamp and moment < $end::timestamp"
        if "T" not in asked["from"]:
            span = "day >= $start::date and day < $end::date"
        wanted = ["list_contains($lots, code)", span, *more]
        for name, condition in FILTERS.items():
            if asked.get(name) and f"${name}" in condition:
                values[name] = asked[name]
                wanted.append(condition)
        if "booth" in asked.get("without", ""):
            wanted.append("booth is null")
        if "gate" in asked.get("without", ""):
            wanted.append("gate is null")
        if "vehicle_class" in asked.get("without", ""):
            wanted.append("vehicle_class is null")
        sql = f"""
            select {", ".join([*keys, *(f"sum({name})" for name in figures)])} from ({facts}) as s
            where {" and ".join(f"({one})" for one in wanted)} group by all
        """
        rows = self.connection.execute(sql, values).fetchall()
        return {row[: len(keys)]: dict(zip(figures, row[len(keys) :], strict=True)) for row in rows}

    def _fees(self, asked: Asked) -> str:
        if asked.get("basis") == "exit":
            moment = "timezone(l.time_zone, coalesce(s.exited_at, s.occurred_at))"
            return FEES.format(day="s.exit_business_date", moment=moment)
        return FEES.format(day="s.business_date", moment="s.local_at")

    def _filled(self, found: Expected, keys: Sequence[tuple[Any, ...]], figures: Sequence[str], width: int) -> Expected:
        """A row of zeros for each of ``keys`` that begins none of the rows found."""
        missing = [key for key in keys if not any(one[: len(key)] == key for one in found)]
        return found | {key + (None,) * (width - len(key)): dict.fromkeys(figures, 0) for key in missing}

    def _daily(self, asked: Asked) -> Expected:
        by_day = asked.get("by") == "day"
        keys = ["code", *(["day"] if by_day else []), "booth"]
        found = self._sums(self._fees(asked), asked, keys, DAILY)
        wanted = [
            (lot, *day) for lot in self._chosen(asked) for day in ([(one,) for one in days(asked)] if by_day else [()])
        ]
        return self._filled(found, wanted, DAILY, len(keys))

    def _statistics(self, asked: Asked) -> Expected:
        found = self._sums(self._fees(asked), asked, ["code"], STATISTICS)
        return self._filled(found, [(lot,) for lot in self._chosen(asked)], STATISTICS, 1)

    def _renewal_kind(self, asked: Asked) -> Asked:
        kind = asked.get("kind", "renewal")
        return {**asked, "kind": "" if kind == "all" else kind}

    def _renewal_statistics(self, asked: Asked) -> Expected:
        figures = ("amount", "renewals", *METHODS)
        found = self._sums(RENEWALS, self._renewal_kind(asked), ["code"], figures)
        return self._filled(found, [(lot,) for lot in self._chosen(asked)], figures, 1)

    def _uploaded(self, asked: Asked, key: str) -> set[Any]:
        facts = """select l.code, s.business_date as day, s.local_hour as moment
            from lake.marts.rpt_upload_hour as s join lake.marts.dim_lot as l using (lot_id)"""
        plain = {name: asked[name] for name in ("lot", "from", "to") if name in asked}
        return {key[0] for key in self._sums(facts, plain, [key], [])}

    def _course(self, facts: str, asked: Asked, key: str, figures: Sequence[str], positions: Sequence[Any]) -> Expected:
        """Zero where something was uploaded, None where nothing was."""
        found, uploaded = self._sums(facts, asked, [key], figures), self._uploaded(asked, key)
        assert {one[0] for one in found} <= set(positions)
        return {
            (one,): found.get((one,)) or dict.fromkeys(figures, 0 if one in uploaded else None) for one in positions
        }

    def _by_days(self, facts: str, asked: Asked, figures: Sequence[str]) -> Expected:
        if asked.get("by") == "month":
            months = sorted({one.replace(day=1) for one in days(asked)})
            return self._course(facts, asked, "date_trunc('month', day)::date", figures, months)
        return self._course(facts, asked, "day", figures, days(asked))

    def _fee_course(self, asked: Asked) -> Expected:
        return self._by_days(self._fees(asked), asked, ("charges", "refunds", "unbalanced", *AMOUNTS, *METHODS))

    def _renewal_course(self, asked: Asked) -> Expected:
        return self._by_days(RENEWALS, self._renewal_kind(asked), ("renewals", "amount", *METHODS))

    def _inner(self, asked: Asked) -> list[str]:
        return ["is_inner" if asked.get("inner") == "yes" else "not is_inner"]

    def _traffic(self, asked: Asked) -> Expected:
        by, split = asked.get("by", "total"), asked.get("split", "")
        keys = [
            "code", COURSE[by], "gate" if "gate" in split else "null",
            "vehicle_class" if "vehicle_class" in split else "null",
        ]  # fmt: skip
        found = self._sums(EVENTS, asked, keys, ("entries", "exits"), self._inner(asked))
        if by == "total" and not split:
            found = self._filled(found, [(lot,) for lot in self._chosen(asked)], ("entries", "exits"), 4)
        return found

    def _traffic_course(self, asked: Asked) -> Expected:
        by = asked.get("by", "day")
        key = (
            "'weekday_' || isodow(day)"
            if by == "weekday"
            else f"strftime({'day' if by in ('day', 'month') else 'moment'}, '{LABELS[by]}')"
        )
        found = self._sums(EVENTS, asked, [key], ("entries", "exits"), self._inner(asked))
        uploaded = self._uploaded(asked, key)
        return {
            one: found.get(one) or {"entries": 0, "exits": 0} for one in {*found, *((label,) for label in uploaded)}
        }

    def _charges(self, asked: Asked) -> Expected:
        more = []
        if asked.get("method") == "other":
            more = [" or ".join(f"{one} <> 0" for one in METHODS if one not in ("alipay", "wechat", "cash"))]
        elif asked.get("method"):
            more = [f"{asked['method']} <> 0 or method = '{asked['method']}'"]
        plain = {name: value for name, value in asked.items() if name != "method"}
        figures = (*AMOUNTS, *METHODS, "charged", "other_methods")
        return self._sums(self._fees(asked), plain, ["code", "record_id", "kind"], figures, more)

    def _renewals(self, asked: Asked) -> Expected:
        return self._sums(RENEWALS, asked, ["code", "record_id", "kind"], ("amount",))

    def _invoices(self, asked: Asked) -> Expected:
        return self._sums(INVOICES, asked, ["code", "record_id"], ("amount",))

    def _passages(self, asked: Asked, figure: str) -> Expected:
        more = [*self._inner(asked), f"{figure} = 1"]
        if figure == "exits":  # a stay whose exit is missing has none to list
            more.append("state in ('closed', 'orphan_exit')")
        found = self._sums(EVENTS, asked, ["code", "record", "moment", "duration_seconds"], (figure,), more)
        return {key[:3] if figure == "entries" else key: {} for key in found}


FILTERS = {
    "booth": "booth = $booth",
    "plate": "regexp_matches(plate, '^' || replace(replace($plate, '*', '.*'), '?', '.') || '$')",
    "kind": "kind = $kind",
    "method": "method = $method",
    "collector": "collector_name = $collector",
    "balanced": "is_balanced = ($balanced = 'yes')",
    "issued": "issued = ($issued = 'yes')",
    "status": "list_contains(string_split($status, ','), status)",
    "invoice_type": "list_contains(string_split($invoice_type, ','), invoice_type)",
    "vehicle_class": "list_contains(string_split($vehicle_class, ','), vehicle_class)",
    "gate_id": "gate = $gate_id",
    "gate": "gate = $gate or (lot_id, gate) in ("
    "select (lot_id, gate_id) from lake.marts.dim_device where gate_name = $gate)",
    "hour_of_day": "strftime(moment, '%H:00') = $hour_of_day",
    "weekday": "'weekday_' || isodow(day) = $weekday",
    "left": "(state <> 'open') = ($left = 'yes')",
    "owner": "owner_name = $owner",
    "release_mode": "list_contains(string_split($release_mode, ','), release_mode)",
    "bad": "is_bad = ($bad = 'yes')",
}


def days(asked: Asked) -> list[date]:
    """The business days of a period of whole days."""
    start, end = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
    return [start + timedelta(days=number) for number in range((end - start).days)]


def added(rows: Expected) -> dict[str, Any]:
    """Figures added up over all rows."""
    totals: dict[str, Any] = {}
    for figures in rows.values():
        for name, value in figures.items():
            totals[name] = totals.get(name, Decimal(0)) + (value or 0)
    return totals
