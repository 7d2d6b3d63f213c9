"""The simulated lots' fee rule: free minutes, first period, units, cap per 24 hours. Enough for plausible amounts.

Belongs here: the fees of many stays at once, and the rule in the form in which people keep their tariffs. Does not
belong here: what tariffs can say (``warehouse.tariffs``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

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


def tariff_document(tariff: Tariff) -> dict[str, Any]:
    """The rule in the JSON form of the product's tariffs, which charges the same."""
    return {
        "version": 1,
        "grace_minutes": 15,
        "plans": [
            {
                "free_minutes": tariff.free_minutes,
                "free_time_billed": True,
                "cap_per_24_hours": _yuan(tariff.cap_fen),
                "days": [
                    {
                        "pricing": {
                            "kind": "rate",
                            "first_minutes": tariff.first_minutes,
                            "first_price": _yuan(tariff.first_fen),
                            "unit_minutes": tariff.unit_minutes,
                            "unit_price": _yuan(tariff.unit_fen),
                            "restarts": "every_24_hours",
                        }
                    }
                ],
            }
        ],
    }


def _yuan(fen: int) -> str:
    return f"{Decimal(fen).scaleb(-2):.2f}"
