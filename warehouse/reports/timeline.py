"""Everything that belongs to a stay, in the order in which it happened.

Belongs here: one report over entry, charges, refunds, gate openings, snapshots and exit of stays. What the lot
linked by record id is certain; what is found by plate and time says so.
"""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import boolean, code, codes, duration, instant, money, text
from warehouse.reports.fee import PAID_BY
from warehouse.reports.period import Grain
from warehouse.reports.pieces import LOT, LOT_CODE, RECORD_ID, choice, equal_filter
from warehouse.reports.table import TableReport

# A barrier opens some moments after the camera has read the plate.
_AROUND: Final = "interval 2 minute"
_AMOUNTS: Final = ("receivable", "discount", "waived", "received", "uncollected")

STAY_TIMELINE: Final = TableReport(
    name="stay-timeline",
    zh="停车时间线",
    en="Stay timeline",
    about_zh="每行一件事:进场、收费、退款、开闸、抓拍、出场,按时间先后;期间为出场的营业日。"
    "推断 = 不是停车场所注明,而是按车牌、出入口和时间找到的。",
    about_en="One row per event of a stay, in order: entry, charges, refunds, gate openings, snapshots, exit; the "
    "period is the business day of the exit. Inferred = not linked by the lot but found by plate, gate and time.",
    columns=(
        LOT,
        code("kind", "类别", "Kind", "record_kind"),
        instant("happened_at", "时间", "Time"),
        text("plate", "车牌", "Plate"),
        text("gate", "出入口", "Gate"),
        *(
            money(key, zh, en, total=None)
            for key, zh, en in zip(
                _AMOUNTS,
                ("应收", "抵扣", "免费", "实收金额", "未收"),
                ("Receivable", "Discount", "Waived", "Received", "Uncollected"),
                strict=True,
            )
        ),
        codes("method", "支付方式", "Method", "method"),
        text("booth", "岗亭", "Booth"),
        text("person", "操作员", "Operator"),
        duration("duration_seconds", "停车时长", "Stay"),
        code("release_mode", "出场方式", "Release"),
        code("opening_mode", "开闸方式", "Opening"),
        text("remark", "备注", "Remark"),
        text("picture", "图片", "Picture"),
        boolean("is_inferred", "推断", "Inferred"),
        LOT_CODE,
        RECORD_ID,
        text("exit_record_id", "出场记录编号", "Exit record"),
    ),
    grain=Grain.DAY,
    parameters=(
        equal_filter("exit_record_id", "出场记录编号", "exit record", "s.exit_record_id"),
        choice(
            "inner",
            "no 外场,yes 内场",
            "no: outer stays, yes: inner stays",
            ("no", "yes"),
            "no",
            "s.is_inner = ($inner = 'yes')",
        ),
    ),
    totals_row=False,
    sql=f"""
        with stay as (
            select s.*, coalesce(s.entry_at, s.exit_at) as from_at,
                case when s.is_inner then 'inner_' else '' end as way
            from {{fct_stay}} as s
            where s.exit_record_id is not null and {{period}}{{filters}}
        ),
        paid as (
            select stay.stay_id, stay.exit_record_id as of_exit, charge.exit_record_id is null as is_inferred,
                charge.*, {PAID_BY.replace("s.", "charge.")} as paid_by
            from stay join {{fct_charge}} as charge on charge.lot_id = stay.lot_id and charge.kind = 'charge'
                and (
                    charge.exit_record_id = stay.exit_record_id
                    or (charge.exit_record_id is null and charge.plate = stay.plate
                        and charge.occurred_at between stay.from_at and stay.exit_at)
                )
            where not stay.is_inner
        ),
        event as (
            select lot_id, exit_record_id, 1 as step, way || 'entry' as kind, entry_at as happened_at,
                entry_plate as plate, entry_gate_id as gate_id, entry_record_id as record_id,
                entry_source = 'claimed' as is_inferred
            from stay where entry_at is not null
            union all by name
            select lot_id, of_exit as exit_record_id, 3 as step, kind, occurred_at as happened_at, plate,
                {", ".join(_AMOUNTS)}, paid_by as method, booth, collector_name as person, remark, record_id,
                is_inferred
            from paid
            union all by name
            select refund.lot_id, paid.of_exit as exit_record_id, 6 as step, refund.kind,
                refund.occurred_at as happened_at, refund.plate, {", ".join(f"refund.{name}" for name in _AMOUNTS)},
                refund.method, refund.booth, refund.collector_name as person, refund.remark, refund.record_id,
                paid.is_inferred
            from paid join {{fct_charge}} as refund on refund.lot_id = paid.lot_id and refund.kind = 'refund'
                and refund.charge_record_id = paid.record_id
            union all by name
            select stay.lot_id, stay.exit_record_id, 4 as step, 'gate_opening' as kind,
                opening.occurred_at as happened_at, opening.plate, opening.gate_id, opening.operator_name as person,
                opening.opening_mode, opening.reason as remark, opening.record_id, true as is_inferred
            from stay join {{fct_gate_opening}} as opening on opening.lot_id = stay.lot_id
                and (
                    (opening.plate = stay.plate
                        and opening.occurred_at between stay.from_at - {_AROUND} and stay.exit_at + {_AROUND})
                    or (opening.plate is null and opening.gate_id = stay.entry_gate_id
                        and opening.occurred_at between stay.entry_at and stay.entry_at + interval 1 minute)
                    or (opening.plate is null and opening.gate_id = stay.exit_gate_id
                        and opening.occurred_at between stay.exit_at - interval 1 minute
                            and stay.exit_at + interval 1 minute)
                )
            union all by name
            select stay.lot_id, stay.exit_record_id, 2 as step, 'snapshot' as kind, picture.occurred_at as happened_at,
                coalesce(picture.url, picture.content_hash) as picture, picture.record_id, false as is_inferred
            from stay join {{fct_snapshot}} as picture on picture.lot_id = stay.lot_id
                and (
                    (picture.linked_kind = way || 'entry' and picture.linked_record_id = stay.entry_record_id)
                    or (picture.linked_kind = way || 'exit' and picture.linked_record_id = stay.exit_record_id)
                )
            union all by name
            select lot_id, exit_record_id, 5 as step, way || 'exit' as kind, exit_at as happened_at,
                coalesce(exit_plate, plate) as plate, exit_gate_id as gate_id, duration_seconds, release_mode, remark,
                exit_record_id as record_id, false as is_inferred
            from stay
        ),
        gate as (
            select lot_id, gate_id, min(gate_name) as gate_name from {{dim_device}}
            where gate_id is not null group by all
        )
        select l.name as lot_name, l.code as lot_code, event.* exclude (happened_at),
            timezone(l.time_zone, event.happened_at) as happened_at, coalesce(gate.gate_name, event.gate_id) as gate
        from event join {{dim_lot}} as l on l.lot_id = event.lot_id
        left join gate on gate.lot_id = event.lot_id and gate.gate_id = event.gate_id
    """,
    order="lot_code, exit_record_id, happened_at, step, record_id",
)
