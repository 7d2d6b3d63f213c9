from __future__ import annotations

from typing import Any

import pytest

from warehouse.reports.catalogue import REPORTS
from warehouse.reports.columns import integer
from warehouse.reports.period import Grain
from warehouse.reports.relations import MARTS, RAW, LotPredicate, UnscopedReportError, names_in, render
from warehouse.reports.table import TableReport


def report(sql: str) -> TableReport:
    return TableReport(
        name="probe", zh="", en="", about_zh="", about_en="", columns=(integer("n", "", ""),), grain=Grain.NONE,
        sql=sql, order="n",
    )  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) as n from lake.marts.fct_stay",
        'select count(*) as n from "lake"."marts"."fct_stay"',
        "select count(*) as n from LAKE.marts.fct_stay",
        "select count(*) as n from fct_stay",
        "select count(*) as n from {fct_stay} as s join dim_lot on true",
        "select count(*) as n from read_parquet('x.parquet')",
        "select count(*) as n from 'x.parquet'",
        "select count(*) as n from sqlite_scan('x', 'y')",
        "select count(*) as n from duckdb_tables()",
        "attach 'x' as y",
        "select count(*) as n from dimension.dim_lot",
    ],
)
def test_a_report_cannot_be_written_around_the_lot_scope(sql: str) -> None:
    with pytest.raises(UnscopedReportError):
        report(sql)


def test_an_unknown_relation_is_refused() -> None:
    with pytest.raises(UnscopedReportError):
        render("probe", "select 1 from {fct_secret}", LotPredicate((1,)), {})


def test_every_relation_carries_the_lots_as_bound_values() -> None:
    lots = LotPredicate((7, 9))
    sql = render("probe", "select 1 from {fct_stay} as s join {dim_lot} as l using (lot_id)", lots, {})
    assert sql.count("where lot_id in ($lot_0, $lot_1)") == 2
    assert lots.parameters() == {"lot_0": 7, "lot_1": 9}
    assert "where false" in render("probe", "select 1 from {fct_stay}", LotPredicate(()), {})


def _texts(name: str) -> list[str]:
    return REPORTS[name].sql_texts()


@pytest.mark.parametrize("name", sorted(set(REPORTS) - {"missing-hours"}))
def test_every_report_reads_only_scoped_relations(name: str) -> None:
    used: set[str] = set()
    for text in _texts(name):
        used |= names_in(text)
    assert used & (MARTS | RAW)
    scoped: Any = render(name, " ".join(f"{{{relation}}}" for relation in used & (MARTS | RAW)), LotPredicate((1,)), {})
    assert scoped.count("lake.") + scoped.count("dimension.") == scoped.count("where lot_id in ($lot_0)")


@pytest.mark.parametrize("relation", ["recent_quality", "rpt_quality_day"])
def test_the_note_beside_totals_reads_only_scoped_relations(relation: str) -> None:
    report: Any = REPORTS["missing-hours"]
    scoped = render(report.name, report.sql, LotPredicate((1,)), {"quality": f"{{{relation}}}", "period": "true"})
    assert scoped.count(relation) == scoped.count("where lot_id in ($lot_0)") == 1
