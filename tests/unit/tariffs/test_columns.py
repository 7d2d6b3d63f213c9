"""What the columns of a frame may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from warehouse.errors import ParkError
from warehouse.tariffs import columns
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.templates import TEMPLATES
from warehouse.tariffs.vector import charge_many

CLOCK = WallClock()
START = datetime(2026, 5, 4, tzinfo=UTC)
TARIFF = parse(next(template.document for template in TEMPLATES if template.key == "hospital"))
FRAME = pl.DataFrame({"entered_at": [START] * 3, "left_at": [START + timedelta(hours=n) for n in (0, 1, 5)]})


def test_only_entry_and_exit_are_needed_and_amounts_have_two_places() -> None:
    result = charge_many(TARIFF, FRAME, CLOCK)
    money = ["receivable", "discount_by_minutes", "discount_by_money", "paid", "due", "overpaid"]
    assert result.schema == {name: pl.Decimal(18, 2) for name in money} | {
        "charged_until": pl.Datetime("us", "UTC"),
        "problem": pl.String,
    }
    assert result["due"].to_list() == [Decimal("0.00"), Decimal("3.00"), Decimal("11.00")]
    assert result["charged_until"].to_list() == FRAME["left_at"].to_list()


def test_a_frame_without_rows_gives_one_without_rows() -> None:
    assert charge_many(TARIFF, FRAME.clear(), CLOCK).height == 0


def test_zones_and_units_of_time_and_whole_yuan_do_not_matter() -> None:
    other = FRAME.with_columns(
        pl.col("entered_at", "left_at").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ms"),
        coupon_amount=pl.lit(2, pl.Int16),
        vehicle_group=pl.Series(["large", None, "small"], dtype=pl.Categorical),
    )
    result = charge_many(TARIFF, other, CLOCK)
    assert result["due"].to_list() == [Decimal("0.00"), Decimal("1.00"), Decimal("9.00")]


def test_many_stays_are_computed_part_by_part_with_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    many = pl.concat([FRAME] * 40)
    at_once = charge_many(TARIFF, many, CLOCK)
    monkeypatch.setattr(columns, "PIECES_AT_ONCE", 7)
    assert charge_many(TARIFF, many, CLOCK).equals(at_once)


@pytest.mark.parametrize("amount", ["-0.01", "0.005"])
def test_an_amount_that_is_none_marks_its_row(amount: str) -> None:
    marked = FRAME.with_columns(paid_amount=pl.Series([Decimal("1.000"), None, Decimal(amount)]))
    assert charge_many(TARIFF, marked, CLOCK)["problem"].to_list() == [None, None, "bad_amount"]


@pytest.mark.parametrize(
    ("frame", "code", "word"),
    [
        (FRAME.drop("left_at"), "bad_frame", "left_at"),
        (FRAME.with_columns(left_at=pl.lit("2026")), "bad_frame", "String"),
        (FRAME.with_columns(paid_amount=pl.lit(1.5)), "bad_frame", "Float64"),
        (FRAME.with_columns(coupon_minutes=pl.lit(1.5)), "bad_frame", "coupon_minutes"),
        (FRAME.with_columns(vehicle_group=pl.lit(3)), "bad_frame", "vehicle_group"),
        (FRAME.with_columns(pl.col("entered_at").dt.replace_time_zone(None)), "naive_time", "entered_at"),
    ],
)
def test_a_column_of_a_wrong_type_is_refused_by_name(frame: pl.DataFrame, code: str, word: str) -> None:
    with pytest.raises(ParkError) as caught:
        charge_many(TARIFF, frame, CLOCK)
    assert caught.value.code == code
    assert word in caught.value.zh
    assert word in caught.value.en


def test_absurd_numbers_mark_their_row_or_count_as_the_whole_stay() -> None:
    frame = FRAME.with_columns(
        coupon_minutes=pl.Series([0, None, 2**64 - 1], dtype=pl.UInt64),
        paid_amount=pl.Series([Decimal(10**30), None, Decimal(0)], dtype=pl.Decimal(38, 2)),
    )
    result = charge_many(TARIFF, frame, CLOCK)
    assert result["problem"].to_list() == ["bad_amount", None, None]
    assert result["due"].to_list() == [None, Decimal("3.00"), Decimal("0.00")]
