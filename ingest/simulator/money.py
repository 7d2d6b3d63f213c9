"""Charges, refunds, invoices and shifts of stays. Every charge balances; amounts are fen.

Belongs here: turning drawn payments into records. Nothing here is random.
"""

from __future__ import annotations

import polars as pl

from ingest.simulator.frames import Frames, corrected
from ingest.simulator.model import LotModel

COLLECTORS = ("周敏", "陈立", "许蕾", "方志刚", "沈月")
SHIFT_SECONDS = 8 * 3600


def payments(lot: LotModel, stays: pl.DataFrame) -> Frames:
    """Frames of charge, refund and invoice."""
    charges = _charges(lot, stays)
    # What a guard corrects: the discount was entered after the first upload, which called it uncollected.
    revised = corrected(
        charges,
        pl.col("u_charge"),
        {"discount": pl.lit(0), "uncollected": pl.col("uncollected") + pl.col("discount")},
        {"remark": pl.lit("补录优惠")},
    )
    return {"charge": revised, "refund": _refunds(charges), "invoice": _invoices(lot, charges)}


def shifts(lot: LotModel, stays: pl.DataFrame, starts: list[int]) -> pl.DataFrame:
    """Hand-overs of each booth at the end of each shift that begins at one of ``starts`` (sorted, 8 hours apart)."""
    charges = _charges(lot, stays).filter(pl.col("terminal_id").str.starts_with("term-"))
    cash = pl.when(pl.col("method") == "cash").then(pl.col("received")).otherwise(pl.col("cash_part"))
    grid = pl.DataFrame({"started_at": starts}, schema={"started_at": pl.Int64})
    booths = pl.DataFrame(
        [(gate.booth, f"term-{gate.gate_id}") for gate in lot.gates_of("exit") if gate.booth],
        schema={"booth": pl.String, "terminal_id": pl.String},
        orient="row",
    )
    taken = (
        charges.sort("occurred_at")
        .join_asof(grid.sort("started_at"), left_on="occurred_at", right_on="started_at")
        .filter(pl.col("occurred_at") < pl.col("started_at") + SHIFT_SECONDS)
        .group_by("booth", "started_at")
        .agg(cash_expected=cash.sum())
    )
    number = pl.col("started_at") // SHIFT_SECONDS
    # One hand-over in nine is some yuan short or over.
    slip = pl.when((number + lot.key) % 9 == 4).then((number % 5 - 3) * 500).otherwise(0)
    return (
        grid.join(booths, how="cross")
        .join(taken, on=["booth", "started_at"], how="left")
        .with_columns(pl.col("cash_expected").fill_null(0))
        .with_columns(
            record_id=pl.format("H{}-{}", pl.col("started_at"), pl.col("terminal_id")),
            occurred_at=pl.col("started_at") + SHIFT_SECONDS,
            operator_name=collector(lot, pl.col("started_at")),
            cash_counted=pl.max_horizontal(pl.col("cash_expected") + slip, pl.lit(0)),
        )
    )


def collector(lot: LotModel, instant: pl.Expr) -> pl.Expr:
    """The collector on duty at ``instant``; shifts change at 00:00, 08:00 and 16:00 in China."""
    return ((instant // SHIFT_SECONDS + lot.key) % len(COLLECTORS)).replace_strict(
        list(range(len(COLLECTORS))), list(COLLECTORS), return_dtype=pl.String
    )


def _charges(lot: LotModel, stays: pl.DataFrame) -> pl.DataFrame:
    exits = lot.gates_of("exit")
    gate = pl.col("exit_gate")
    booth = gate.replace_strict(
        list(range(len(exits))), [place.booth or place.name for place in exits], return_dtype=pl.String
    )
    terminal = gate.replace_strict(
        list(range(len(exits))),
        [f"term-{place.gate_id}" if place.booth else f"lane-{place.gate_id}" for place in exits],
        return_dtype=pl.String,
    )
    attended = gate.replace_strict(
        list(range(len(exits))), [place.booth is not None for place in exits], return_dtype=pl.Boolean
    )
    u = pl.col("u_invoice") * 1000 % 1
    station = (u * 977).cast(pl.Int64) % max(lot.pay_stations, 1) + 1
    is_paid = pl.col("received") > 0
    at_station = (pl.col("is_prepaid") & (u < 0.45)) | ((pl.col("method") == "cash") & ~attended)
    online = pl.col("is_prepaid") & ~at_station
    return stays.filter(pl.col("receivable") > 0).with_columns(
        record_id=pl.lit("C") + pl.col("stay_id"),
        occurred_at=pl.col("exit_at") - pl.col("paid_before"),
        plate=pl.col("exit_plate"),
        exit_record_id=pl.when(pl.col("lost") != "exit").then(pl.lit("X") + pl.col("stay_id")),
        entered_at=pl.col("entry_at"),
        exited_at=pl.when(~pl.col("is_prepaid")).then(pl.col("exit_at")),
        method=pl.when(is_paid & (pl.col("cash_part") == 0)).then(pl.col("method")),
        payments=pl.when(is_paid & (pl.col("cash_part") > 0)).then(_split()),
        booth=pl.when(online).then(None).when(at_station).then(pl.format("自助缴费机{}", station)).otherwise(booth),
        terminal_id=pl.when(online).then(None).when(at_station).then(pl.format("pay-{}", station)).otherwise(terminal),
        collector_name=pl.when(~online & ~at_station & attended).then(collector(lot, pl.col("exit_at"))),
        transaction_id=pl.when(is_paid & (pl.col("method") != "cash")).then(
            pl.format("{}{}", pl.lit(lot.key), pl.col("stay_id").str.replace("-", ""))
        ),
        remark=pl.when(pl.col("uncollected") > 0)
        .then(pl.lit("冲岗未缴"))
        .when(pl.col("waived") > 0)
        .then(pl.lit("管理员减免")),
    )


def _split() -> pl.Expr:
    """The two payments of a charge paid partly in cash, as JSON text."""
    rest = pl.col("received") - pl.col("cash_part")
    return pl.concat_str(
        pl.lit('[{"method":"cash","amount":"'),
        _yuan(pl.col("cash_part")),
        pl.lit('"},{"method":"'),
        pl.col("method"),
        pl.lit('","amount":"'),
        _yuan(rest),
        pl.lit('"}]'),
    )


def _yuan(fen: pl.Expr) -> pl.Expr:
    return pl.concat_str(fen // 100, pl.lit("."), (fen % 100).cast(pl.String).str.zfill(2))


def _refunds(charges: pl.DataFrame) -> pl.DataFrame:
    half = (pl.col("u_charge") > 0.6) & (pl.col("received") >= 400)
    amount = pl.when(half).then(pl.col("received") // 200 * 100).otherwise(pl.col("received"))
    return charges.filter(pl.col("refund_after") >= 0).select(
        record_id=pl.lit("F") + pl.col("stay_id"),
        occurred_at=pl.col("occurred_at") + pl.col("refund_after"),
        plate=pl.col("plate"),
        charge_record_id=pl.col("record_id"),
        amount=amount,
        method=pl.col("method").fill_null("cash"),
        booth=pl.col("booth"),
        operator_name=pl.lit("值班主管"),
        transaction_id=pl.lit("RF") + pl.col("transaction_id"),
        reason=pl.when(half).then(pl.lit("多收退还")).otherwise(pl.lit("重复缴费")),
    )


def _invoices(lot: LotModel, charges: pl.DataFrame) -> pl.DataFrame:
    wanted = charges.filter((pl.col("u_invoice") < lot.habits.invoice) & (pl.col("received") > 0))
    asked_after = 200 + (pl.col("u_charge") * 7000).cast(pl.Int64)
    common = {
        "charge_record_id": pl.col("record_id"),
        "plate": pl.col("plate"),
        "amount": pl.col("received"),
        "invoice_type": pl.lit("blue"),
    }
    fails = pl.col("u_charge") > 0.985
    number = pl.format("{}{}", pl.lit(lot.key % 10**6), pl.col("stay_id").str.replace("-", ""))
    asked = wanted.select(
        record_id=pl.lit("V") + pl.col("stay_id"),
        revision=pl.lit(0),
        delay=pl.lit(2),
        occurred_at=pl.col("occurred_at") + asked_after,
        status=pl.lit("requested"),
        **common,
    )
    issued = wanted.select(
        record_id=pl.lit("V") + pl.col("stay_id"),
        revision=pl.lit(1),
        delay=pl.lit(95),
        occurred_at=pl.col("occurred_at") + asked_after,
        invoice_number=pl.when(~fails).then(number),
        status=pl.when(fails).then(pl.lit("failed")).otherwise(pl.lit("issued")),
        issued_at=pl.when(~fails).then(pl.col("occurred_at") + asked_after + 90),
        **common,
    )
    reversed_ = wanted.filter((pl.col("refund_after") > 9000) & ~fails).select(
        record_id=pl.lit("VR") + pl.col("stay_id"),
        revision=pl.lit(0),
        delay=pl.lit(2),
        occurred_at=pl.col("occurred_at") + pl.col("refund_after") + 60,
        invoice_number=pl.lit("R") + number,
        status=pl.lit("issued"),
        issued_at=pl.col("occurred_at") + pl.col("refund_after") + 60,
        **(common | {"amount": -pl.col("received"), "invoice_type": pl.lit("red")}),
    )
    return pl.concat([asked, issued, reversed_], how="diagonal")
