"""Yuan of the outside and fen of the inside.

Belongs here: the exact change from one to the other. Does not belong here: how amounts are written for people.
"""

from __future__ import annotations

from decimal import Decimal

from warehouse.errors import ParkError


def fen_of(amount: Decimal) -> int:
    """Yuan as fen.

    Raises:
        ParkError: ``bad_amount``: negative, not a number, or with parts of a fen.
    """
    fen = amount * 100
    if not fen.is_finite() or fen != (whole := int(fen)) or whole < 0:
        raise ParkError(
            zh=f"金额 {amount} 无效，请填不小于 0 且最多两位小数的金额。",
            en=f"The amount {amount} is not valid; give one that is not negative and has at most 2 places.",
            code="bad_amount",
        )
    return whole


def yuan(fen: int) -> Decimal:
    """Fen as yuan with 2 places."""
    return Decimal(fen).scaleb(-2)
