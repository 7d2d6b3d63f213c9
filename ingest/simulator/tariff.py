"""The simulated lots' fee rule: free minutes, first period, units, cap per 24 hours. Enough for plausible amounts.

Does not belong here: the product's tariffs, which are people's data.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.simulator.model import Tariff


def fee_fen(tariff: Tariff, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Fees in fen for stays of ``seconds``; begun minutes and units count whole, free stays cost nothing."""
    minutes = np.maximum(-(-seconds // 60), 0)
    days, rest = minutes // 1440, minutes % 1440
    units = np.maximum(-(-(rest - tariff.first_minutes) // tariff.unit_minutes), 0)
    first = np.where(rest > 0, tariff.first_fen, 0)
    last_day = np.minimum(first + units * tariff.unit_fen, tariff.cap_fen)
    fee: npt.NDArray[np.int64] = np.where(minutes <= tariff.free_minutes, 0, days * tariff.cap_fen + last_day)
    return fee
