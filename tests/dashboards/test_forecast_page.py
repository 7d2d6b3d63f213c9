"""The forecast page says how good it is, and which lots are about to fill."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.dashboards.conftest import OpenPage, Tenants, plant, words
from tests.integration.reports.test_forecast import filled, made
from warehouse.ops.session import migrate
from warehouse.settings import Settings

NOW = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    settings = Settings(home=tmp_path_factory.mktemp("forecast_page") / "home")
    migrate(settings)
    planted = plant(settings)
    lots = [(planted.lot, made(3, 60), 75, 60), (planted.foreign_lot, made(1, 200), 41, 200)]
    filled(settings.home, lots, NOW)
    return planted


def test_the_page_shows_forecast_back_test_and_course_of_the_own_lots(open_page: OpenPage, tenants: Tenants) -> None:
    said = words(open_page("customer", "forecast"))
    assert "发生内部错误" not in said
    assert f"{tenants.lot}号场" in said
    assert f"{tenants.foreign_lot}号场" not in said
    assert "本预测误差少" in said
    assert "过去一天与未来六小时" in said
    assert "一小时内将满" in said
