"""The fees of many stays at once: the figures of ``engine.charge`` to the fen, over columns.

Belongs here: reading and writing frames, coupons and payments over columns. Does not belong here: the fee by the rule
over columns (``columns.py``), single stays and their explanation (``engine.py``). Every structure that a tariff can
state is computed over columns; nothing falls back to the scalar engine.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from warehouse.errors import ParkError
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.columns import Ints, PlanColumns
from warehouse.tariffs.engine import FIRST_INSTANT, LAST_INSTANT
from warehouse.tariffs.model import CouponOrder, Plan, Tariff

MONEY: Final = pl.Decimal(18, 2)
_MICROSECONDS: Final = 1_000_000
_WHOLE: Final = (
    pl.Int8,
    pl.Int16,
    pl.Int32,
    pl.Int64,
    pl.UInt8,
    pl.UInt16,
    pl.UInt32,
    pl.UInt64,
    pl.Null,
)


def charge_many(tariff: Tariff, frame: pl.DataFrame, clock: WallClock) -> pl.DataFrame:
    """What each stay of ``frame`` costs; one row for each, in the same order.

    Columns read: ``entered_at`` and ``left_at`` (datetimes with a zone); and where present ``vehicle_group`` (text),
    ``coupon_minutes`` (whole number, all coupons of the stay together), ``coupon_amount`` (yuan), ``paid_at`` (datetime
    with a zone) and ``paid_amount`` (yuan) of one payment; empty means none, and without ``paid_at`` it was paid at the
    exit. Amounts are decimals or whole numbers. A stay with several payments is for ``engine.charge``.

    Columns made: ``receivable``, ``discount_by_minutes``, ``discount_by_money``, ``paid``, ``due``, ``overpaid``
    (decimals with 2 places), ``charged_until`` (UTC) and ``problem``: where it is not empty, the figures are; it is the
    code of the error that ``engine.charge`` raises (``negative_stay``, ``time_out_of_range``, ``bad_amount``) or
    ``missing_time``.

    Raises:
        ParkError: ``bad_frame``: a column is missing or of a wrong type.
    """
    entered, entered_known = _seconds(frame, "entered_at")
    left, left_known = _seconds(frame, "left_at")
    coupon_minutes, minutes_fine = _whole_minutes(frame)
    coupon_fen, coupon_fine = _fen(frame, "coupon_amount")
    paid_fen, paid_fine = _fen(frame, "paid_amount")
    problem = np.select(
        [
            ~(entered_known & left_known),
            left < entered,
            (entered < FIRST_INSTANT) | (left >= LAST_INSTANT),
            ~(minutes_fine & coupon_fine & paid_fine),
        ],
        [1, 2, 3, 4],
        0,
    )
    good = np.flatnonzero(problem == 0)
    if tariff.ignore_seconds:
        entered, left = entered - entered % 60, left - left % 60
    money = {name: np.zeros(len(frame), np.int64) for name in ("receivable", "by_minutes", "by_money")}
    until = left.copy()
    for plan, rows in _by_plan(tariff, frame, good):
        fees = PlanColumns(tariff, plan, clock, entered[rows], left[rows])
        at = rows.copy()
        ends = left[rows]
        if "paid_at" in frame.columns and tariff.grace_minutes:
            ends = _settled_at(tariff, fees, frame, at, ends, coupon_minutes[at], coupon_fen[at], paid_fen[at])
        receivable = fees.fen(ends)
        by_minutes = np.zeros_like(receivable)
        shortened = np.flatnonzero(coupon_minutes[at])
        if len(shortened):
            shorter = np.maximum(ends[shortened] - coupon_minutes[at][shortened] * 60, entered[at][shortened])
            by_minutes[shortened] = receivable[shortened] - fees.fen(shorter, shortened)
        by_money = coupon_fen[at]
        if tariff.coupon_order is CouponOrder.MINUTES_FIRST:
            by_money = np.minimum(by_money, receivable - by_minutes)
        else:
            by_money = np.minimum(by_money, receivable)
            by_minutes = np.minimum(by_minutes, receivable - by_money)
        until[at] = ends
        money["receivable"][at], money["by_minutes"][at], money["by_money"][at] = receivable, by_minutes, by_money
    return _result(money, paid_fen, until, problem)


def _by_plan(tariff: Tariff, frame: pl.DataFrame, good: Ints) -> list[tuple[Plan, Ints]]:
    if len(tariff.plans) == 1 or "vehicle_group" not in frame.columns:
        return [(tariff.plan(None), good)]
    groups = _column(frame, "vehicle_group", "a text", pl.String, pl.Categorical, pl.Enum, pl.Null).cast(pl.String)
    number = {group: place for place, plan in enumerate(tariff.plans) for group in plan.vehicle_groups}
    other = tariff.plans.index(tariff.plan(None))
    plans = groups.replace_strict(number, default=other, return_dtype=pl.Int64).fill_null(other).to_numpy()[good]
    return [(plan, good[plans == place]) for place, plan in enumerate(tariff.plans)]


def _settled_at(
    tariff: Tariff,
    fees: PlanColumns,
    frame: pl.DataFrame,
    rows: Ints,
    left: Ints,
    coupon_minutes: Ints,
    coupon_fen: Ints,
    paid_fen: Ints,
) -> Ints:
    at, known = _seconds(frame, "paid_at")
    at, known = at[rows], known[rows]
    if tariff.ignore_seconds:
        at = at - at % 60
    early = known & (fees.entered < at) & (at < left) & (left <= at + tariff.grace_minutes * 60)
    asked = np.flatnonzero(early)
    full = fees.fen(at[asked], asked)
    shorter = np.maximum(at[asked] - coupon_minutes[asked] * 60, fees.entered[asked])
    owed = fees.fen(shorter, asked) - coupon_fen[asked]
    settled = asked[(full > 0) & (paid_fen[asked] >= owed)]
    until = left.copy()
    until[settled] = at[settled]
    return until


def _result(money: dict[str, Ints], paid: Ints, until: Ints, problem: Ints) -> pl.DataFrame:
    discount = money["by_minutes"] + money["by_money"]
    rest = money["receivable"] - discount - paid
    fens = {
        "receivable": money["receivable"],
        "discount_by_minutes": money["by_minutes"],
        "discount_by_money": money["by_money"],
        "paid": paid,
        "due": np.maximum(rest, 0),
        "overpaid": np.maximum(-rest, 0),
    }
    codes = pl.Series([None, "missing_time", "negative_stay", "time_out_of_range", "bad_amount"], dtype=pl.String)
    result = pl.DataFrame(
        [_yuan(name, fen) for name, fen in fens.items()]
        + [pl.Series("charged_until", until * _MICROSECONDS).cast(pl.Datetime("us", "UTC"))]
        + [codes.gather(pl.Series(problem)).alias("problem")]
    )
    if problem.any():
        figures = pl.col(*fens, "charged_until")
        result = result.with_columns(pl.when(pl.col("problem").is_null()).then(figures))
    return result


def _yuan(name: str, fen: Ints) -> pl.Series:
    if not fen.any():
        return pl.repeat(Decimal("0.00"), len(fen), dtype=MONEY, eager=True).alias(name)
    return (pl.Series(name, fen).cast(pl.Decimal(18, 0)) * Decimal("0.01")).cast(MONEY)


def _column(frame: pl.DataFrame, name: str, wanted: str, *types: type[pl.DataType]) -> pl.Series:
    if name not in frame.columns:
        raise ParkError(
            zh=f"数据缺少 {name} 列，请提供。", en=f"The column {name} is missing; give it.", code="bad_frame"
        )
    column = frame[name]
    if not isinstance(column.dtype, types):
        raise ParkError(
            zh=f"{name} 列的类型是 {column.dtype}，不能使用；请提供 {wanted}。",
            en=f"The column {name} is {column.dtype}; give {wanted}.",
            code="bad_frame",
        )
    return column


def _seconds(frame: pl.DataFrame, name: str) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    column = _column(frame, name, "datetimes with a zone", pl.Datetime, pl.Null)
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is None:
        raise ParkError(
            zh=f"{name} 列没有时区，请提供带时区的时间。",
            en=f"The column {name} has no zone; give datetimes with a zone.",
            code="naive_time",
        )
    known = column.is_not_null().to_numpy()
    seconds = column.cast(pl.Datetime("us", "UTC")).to_physical().fill_null(0).to_numpy() // _MICROSECONDS
    return seconds, known


def _whole_minutes(frame: pl.DataFrame) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    if "coupon_minutes" not in frame.columns:
        return np.zeros(len(frame), np.int64), np.ones(len(frame), np.bool_)
    column = _column(frame, "coupon_minutes", "whole numbers", *_WHOLE).cast(pl.Int128).fill_null(0)
    # No stay is longer than the last instant, so that a longer coupon is worth no more.
    minutes = column.clip(-1, LAST_INSTANT).cast(pl.Int64).to_numpy()
    return minutes, minutes >= 0


def _fen(frame: pl.DataFrame, name: str) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Yuan of a column as fen, and where they are valid amounts."""
    if name not in frame.columns:
        return np.zeros(len(frame), np.int64), np.ones(len(frame), np.bool_)
    column = _column(frame, name, "decimals or whole numbers", pl.Decimal, *_WHOLE)
    if not isinstance(column.dtype, pl.Decimal):
        column = column.cast(pl.Decimal(38, 2))
    yuan = column.cast(MONEY, strict=False)
    fine = (yuan == column) & (yuan >= 0) | column.is_null()
    fen = yuan.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
    return fen, fine.fill_null(False).to_numpy()
