"""What the figures at the top of the home page make of days without uploads."""

from __future__ import annotations

from decimal import Decimal

from dashboards.views.overview.home_figures import _received

SILENT, UPLOADED = [{"entries": None}] * 24, [{"entries": None}] * 23 + [{"entries": 0}]


def test_money_taken_on_a_page_here_is_shown_although_no_lot_uploaded() -> None:
    assert _received({"received": Decimal(0), "renewed": Decimal("300.00")}, SILENT) == Decimal("300.00")


def test_a_day_without_uploads_has_no_receipts_and_a_day_with_uploads_may_have_zero() -> None:
    nothing = {"received": Decimal(0), "renewed": Decimal(0)}
    assert _received(nothing, SILENT) is None
    assert _received(nothing, UPLOADED) == 0
