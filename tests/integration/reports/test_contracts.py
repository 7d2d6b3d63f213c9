"""What reports read is what the dbt models promise."""

from __future__ import annotations

import pytest

from tests.integration.reports.lake import Lake, contract_columns
from warehouse.lake.connect import open_lake
from warehouse.lake.reader import Reader
from warehouse.reports.base import run
from warehouse.reports.catalogue import REPORTS
from warehouse.reports.relations import MARTS
from warehouse.security.scope import EVERYTHING


def test_every_relation_of_the_reports_is_a_model_with_a_lot() -> None:
    contracts = contract_columns()
    assert contracts.keys() >= MARTS
    for name in MARTS:
        assert contracts[name]["lot_id"] == "bigint"


def test_the_tables_of_these_tests_have_the_columns_and_types_of_the_contracts(lake: Lake) -> None:
    connection = open_lake(lake.settings, read_only=True)
    try:
        for model, columns in contract_columns().items():
            described = connection.execute(f"describe lake.marts.{model}").fetchall()
            assert [row[0] for row in described] == list(columns)
    finally:
        connection.close()


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_report_runs_on_empty_marts(name: str, empty: Reader) -> None:
    result = run(REPORTS[name], empty, EVERYTHING)
    assert all(not total for total in result.totals.values())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    from warehouse.settings import Settings

    made = Lake(Settings(home=tmp_path_factory.mktemp("empty")))
    made.publish()
    return Reader(made.settings)
