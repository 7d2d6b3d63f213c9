"""The demonstration's lots say on their pages what they really charge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.simulator.demo_lots import DEMO_LOTS
from ingest.simulator.model import LotModel
from ingest.simulator.tariff import fee_fen, tariff_document
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import Stay

ENTERED = datetime(2026, 3, 4, 1, 30, tzinfo=UTC)
SHANGHAI = WallClock("Asia/Shanghai", 0)


@pytest.mark.parametrize("lot", DEMO_LOTS, ids=lambda lot: lot.code)
@given(minutes=st.one_of(st.integers(1, 300), st.integers(1, 5000)))
def test_the_tariff_of_a_demonstration_lot_charges_what_its_records_say(lot: LotModel, minutes: int) -> None:
    tariff = parse(tariff_document(lot.tariff))
    charged = charge(tariff, Stay(ENTERED, ENTERED + timedelta(minutes=minutes)), SHANGHAI)
    assert 100 * charged.receivable == int(fee_fen(lot.tariff, np.array([minutes * 60]))[0])
