"""Long-term parkers' money: renewals and top-ups (manual 3.8.2, 3.8.4, 3.8.6).

Top-ups are a liability and no revenue: statistics and analysis count renewals unless asked for top-ups.
"""

from __future__ import annotations

from typing import Final

from warehouse.reports.analysis import ANALYSIS_DAYS, CHANGE, JOIN_DAYS, analysis_fragments, analysis_values, filled
from warehouse.reports.columns import code, codes, day, instant, integer, money, ratio, text
from warehouse.reports.compare import COMPARE, comparing
from warehouse.reports.listing import Counted, ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import (
    ALL_METHODS,
    JOIN_LOT,
    LOT,
    LOT_CODE,
    METHOD_COLUMNS,
    METHODS,
    RECORD_ID,
    SUM_OF_METHODS,
    choice,
    equal_filter,
    plate_filter,
)
from warehouse.reports.table import TableReport

_KIND: Final = choice(
    "kind",
    "renewal 续费,top_up 充值,all 两者",
    "renewal, top_up, or all of both",
    ("renewal", "top_up", "all"),
    "renewal",
    "$kind = 'all' or kind = $kind",
)
_RENEWALS: Final = integer("renewals", "笔数", "Count")

_RENEWAL_COUNTING: Final = f"""
    select {{place}} as place, sum(renewals) as renewals, sum(amount) as amount, {SUM_OF_METHODS}
    from {{rpt_renewal_day}} where {{span}}{{filters}} group by all
"""

RENEWAL_ANALYSIS: Final = TableReport(
    name="renewal-analysis",
    zh="长期车收费分析",
    en="Renewal analysis",
    about_zh="逐日或逐月的续费曲线;compare-from/compare-to 为对比期间;没有任何上传的日子为空而不是零。",
    about_en="The course of renewals by day or month; compare-from and compare-to name a period to compare with; a "
    "day without any upload is missing, not zero.",
    columns=(
        day("day", "日期", "Day"),
        _RENEWALS,
        money("amount", "总金额", "Amount"),
        *ALL_METHODS,
        day("compare_day", "对比日期", "Compared day", shown=comparing),
        integer("compare_renewals", "对比期笔数", "Count, compared", shown=comparing),
        money("compare_amount", "对比期金额", "Amount, compared", shown=comparing),
        ratio(
            "amount_change",
            "金额变化",
            "Change of amount",
            shown=comparing,
            total=CHANGE.format("sum(amount)", "sum(compare_amount)"),
        ),
    ),
    grain=Grain.DAY,
    default_days=30,
    parameters=(choice("by", "时间单位", "unit of time", ("day", "month"), "day"), _KIND, *COMPARE),
    sql=f"""
        with {ANALYSIS_DAYS}, counted as ({_RENEWAL_COUNTING.replace("{span}", "{period}")}){{compare}},
        filled as (
            select place, day, {filled(("renewals", "amount", *METHODS))}{{compare_columns}} from {JOIN_DAYS}
        )
        select *{{changes}} from filled
    """,
    order="place",
    fragments=lambda question: (
        analysis_fragments("renewal-analysis", ("renewals", "amount"), _RENEWAL_COUNTING)(question)
        | {
            "changes": f", {CHANGE.format('amount', 'compare_amount')} as amount_change"
            if comparing(question.values)
            else ""
        }
    ),
    bound=analysis_values("renewal-analysis"),
)

_STATISTICS_METHODS: Final = ("cash", "bank_card", "iou", "stored_value", "alipay", "wechat", "wallet")
RENEWAL_STATISTICS: Final = TableReport(
    name="renewal-statistics",
    zh="长期车续费统计",
    en="Renewal statistics",
    about_zh="每个停车场一行:按支付方式的续费金额;没有续费的停车场也有一行。",
    about_en="One row per lot: renewals by method; a lot without renewals still has its row.",
    columns=(
        LOT,
        *(METHOD_COLUMNS[method] for method in _STATISTICS_METHODS),
        money("amount", "总金额", "Total"),
        METHOD_COLUMNS["qr"],
        METHOD_COLUMNS["receipt"],
        _RENEWALS,
        LOT_CODE,
    ),
    grain=Grain.DAY,
    parameters=(_KIND,),
    sql=f"""
        with counted as (
            select lot_id, sum(renewals) as renewals, sum(amount) as amount, {SUM_OF_METHODS}
            from {{rpt_renewal_day}} where {{period}}{{filters}} group by lot_id
        )
        select l.lot_id, l.name as lot_name, l.code as lot_code,
            {", ".join(f"coalesce({name}, 0) as {name}" for name in ("renewals", "amount", *METHODS))}
        from {{dim_lot}} as l left join counted on counted.lot_id = l.lot_id
    """,
    order="lot_id",
)

RENEWALS: Final = ListReport(
    name="renewals",
    zh="长期车续费查询",
    en="Renewals",
    about_zh="每行一笔续费或充值,最新在前:车主、车牌、金额、续费前后的有效期。",
    about_en="One row per renewal or top-up, newest first: owner, plate, amount, validity before and after.",
    columns=(
        LOT,
        text("owner_name", "车主姓名", "Owner"),
        text("plate", "车牌", "Plate"),
        code("kind", "类别", "Kind", "record_kind"),
        instant("paid_at", "缴费时间", "Paid"),
        money("amount", "金额", "Amount"),
        codes("method", "支付方式", "Method", "method"),
        instant("valid_from_before", "原有效期始", "Valid from, before"),
        instant("valid_to_before", "原有效期止", "Valid to, before"),
        instant("valid_from", "新有效期始", "Valid from"),
        instant("valid_to", "新有效期止", "Valid to"),
        money("balance_after", "充值后余额", "Balance after", total=None),
        text("operator_name", "操作员", "Operator"),
        text("transaction_id", "交易号", "Transaction"),
        text("remark", "备注", "Remark"),
        LOT_CODE,
        text("owner_id", "车主编号", "Owner id"),
        RECORD_ID,
    ),
    grain=Grain.RECORD,
    default_days=30,
    parameters=(
        plate_filter(),
        equal_filter("owner", "车主姓名", "owner", "s.owner_name"),
        choice("kind", "类别", "kind", ("renewal", "top_up"), condition="s.kind = $kind"),
        choice("method", "支付方式", "method", METHODS, condition="s.method = $method"),
        equal_filter("operator", "操作员", "operator", "s.operator_name"),
    ),
    source=Source(
        relation="{fct_renewal} as s",
        where="true",
        instant="s.occurred_at",
        record="s.kind || ':' || s.record_id",
        day="s.business_date",
        local="s.local_at",
        counted=Counted("{rpt_renewal_day} as s", "true", "s.renewals", sums={"amount": "s.amount"}),
    ),
    select="""
        l.name as lot_name, l.code as lot_code, s.owner_name, s.plate, s.kind, s.local_at as paid_at, s.amount,
        s.method, timezone(l.time_zone, s.valid_from_before) as valid_from_before,
        timezone(l.time_zone, s.valid_to_before) as valid_to_before,
        timezone(l.time_zone, s.valid_from) as valid_from, timezone(l.time_zone, s.valid_to) as valid_to,
        s.balance_after, s.operator_name, s.transaction_id, s.remark, s.owner_id, s.record_id
    """,
    joins=JOIN_LOT,
    sums={"amount": "s.amount"},
    sortable={"paid_at": "s.occurred_at", "plate": "s.plate", "amount": "s.amount", "owner_name": "s.owner_name"},
)
