"""Temporary fees: analysis, statistics by lot, single charges, the daily report (manual 3.8.1, 3.8.3, 3.8.5, 3.8.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from warehouse.reports.analysis import ANALYSIS_DAYS, CHANGE, JOIN_DAYS, analysis_fragments, analysis_values, filled
from warehouse.reports.columns import boolean, code, codes, day, duration, instant, integer, money, ratio, text
from warehouse.reports.compare import COMPARE, comparing
from warehouse.reports.listing import Counted, ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import (
    ALL_METHODS,
    BASIS,
    CHARGES,
    JOIN_LOT,
    LOT,
    LOT_CODE,
    METHOD_COLUMNS,
    METHODS,
    RECORD_ID,
    REFUNDS,
    SUM_OF_METHODS,
    UNCOLLECTED,
    choice,
    code_filter,
    equal_filter,
    plate_filter,
    without_filter,
    yes_no_filter,
)
from warehouse.reports.table import TableReport

_BOOTH: Final = equal_filter("booth", "岗亭", "booth", "booth")
_NO_BOOTH: Final = without_filter(booth="booth")
_COLLECTION_RATE: Final = "per_ten_thousand(fen({0}received{1}), fen({0}receivable{1} - {0}discount{1} - {0}waived{1}))"
_CHARGED: Final = money("charged", "总计", "Total")
_OTHER: Final = money("other_methods", "其它支付", "Other methods")
_UNBALANCED: Final = integer("unbalanced", "金额不平笔数", "Unbalanced")
_AMOUNTS: Final = ("receivable", "discount", "waived", "received", "uncollected")
_COUNTS: Final = ("charges", "refunds", "unbalanced")


_FEE_COUNTING: Final = f"""
    select {{place}} as place, {", ".join(f"sum({name}) as {name}" for name in (*_COUNTS, *_AMOUNTS))}, {SUM_OF_METHODS}
    from {{rpt_fee_day}}
    where {{span}} and basis = $basis{{filters}}
    group by all
"""
_FEE_COMPARED: Final = ("charges", "received")

TEMPORARY_FEE_ANALYSIS: Final = TableReport(
    name="temporary-fee-analysis",
    zh="临时车收费分析",
    en="Temporary-fee analysis",
    about_zh="逐日或逐月的收费曲线;compare-from/compare-to 为对比期间;没有任何上传的日子为空而不是零。",
    about_en="The course of fees by day or month; compare-from and compare-to name a period to compare with; a day "
    "without any upload is missing, not zero.",
    columns=(
        day("day", "日期", "Day"),
        CHARGES,
        money("receivable", "应收", "Receivable"),
        money("discount", "抵扣", "Discount"),
        money("waived", "免费", "Waived"),
        money("received", "实收金额", "Received"),
        UNCOLLECTED,
        *ALL_METHODS,
        REFUNDS,
        ratio("collection_rate", "收缴率", "Collection rate", total=_COLLECTION_RATE.format("sum(", ")")),
        _UNBALANCED,
        day("compare_day", "对比日期", "Compared day", shown=comparing),
        integer("compare_charges", "对比期笔数", "Charges, compared", shown=comparing),
        money("compare_received", "对比期实收", "Received, compared", shown=comparing),
        ratio(
            "received_change",
            "实收变化",
            "Change of received",
            shown=comparing,
            total=CHANGE.format("sum(received)", "sum(compare_received)"),
        ),
    ),
    grain=Grain.DAY,
    default_days=30,
    parameters=(
        BASIS,
        choice("by", "时间单位", "unit of time", ("day", "month"), "day"),
        _BOOTH,
        _NO_BOOTH,
        *COMPARE,
    ),
    sql=f"""
        with {ANALYSIS_DAYS}, counted as ({_FEE_COUNTING.replace("{span}", "{period}")}){{compare}},
        filled as (
            select place, day, {filled((*_COUNTS, *_AMOUNTS, *METHODS))}{{compare_columns}} from {JOIN_DAYS}
        )
        select *, {_COLLECTION_RATE.format("", "")} as collection_rate{{changes}} from filled
    """,
    order="place",
    fragments=lambda question: (
        analysis_fragments("temporary-fee-analysis", _FEE_COMPARED, _FEE_COUNTING)(question)
        | {
            "changes": f", {CHANGE.format('received', 'compare_received')} as received_change"
            if comparing(question.values)
            else ""
        }
    ),
    bound=analysis_values("temporary-fee-analysis"),
)

_STATISTICS_METHODS: Final = ("cash", "bank_card", "iou", "stored_value", "alipay", "wechat", "qr", "receipt")
TEMPORARY_FEE_STATISTICS: Final = TableReport(
    name="temporary-fee-statistics",
    zh="临时车收费统计",
    en="Temporary-fee statistics",
    about_zh="每个停车场一行:按支付方式的实收金额;没有收费的停车场也有一行。",
    about_en="One row per lot: money received by method; a lot without charges still has its row.",
    columns=(
        LOT,
        *(METHOD_COLUMNS[method] for method in _STATISTICS_METHODS),
        money("received", "总金额", "Total"),
        METHOD_COLUMNS["wallet"],
        CHARGES,
        REFUNDS,
        _UNBALANCED,
        LOT_CODE,
    ),
    grain=Grain.DAY,
    parameters=(BASIS, _BOOTH, _NO_BOOTH),
    sql=f"""
        with counted as (
            select lot_id, sum(received) as received, {SUM_OF_METHODS},
                {", ".join(f"sum({name}) as {name}" for name in _COUNTS)}
            from {{rpt_fee_day}}
            where {{period}} and basis = $basis{{filters}}
            group by lot_id
        )
        select l.lot_id, l.name as lot_name, l.code as lot_code,
            {", ".join(f"coalesce({name}, 0) as {name}" for name in ("received", *METHODS, *_COUNTS))}
        from {{dim_lot}} as l left join counted on counted.lot_id = l.lot_id
    """,
    order="lot_id",
)

PAID_BY: Final = (
    "coalesce(s.method, nullif(concat_ws(',', "
    + ", ".join(f"case when s.{method} <> 0 then '{method}' end" for method in METHODS)
    + "), ''))"
)
_OTHER_METHODS: Final = tuple(method for method in METHODS if method not in ("alipay", "wechat", "cash"))
# What a charge adds to the figures of the daily report and of the statistics.
_CHARGE_SUMS: Final = {
    **{name: f"s.{name}" for name in (*_AMOUNTS, *METHODS)},
    "charged": "s.receivable - s.discount",
    "other_methods": " + ".join(f"s.{method}" for method in _OTHER_METHODS),
}
_CHARGE_SOURCE: Final = Source(
    relation="{fct_charge} as s",
    where="true",
    instant="s.occurred_at",
    record="s.kind || ':' || s.record_id",
    day="s.business_date",
    local="s.local_at",
    counted=Counted(
        "{rpt_fee_day} as s",
        "s.basis = 'payment'",
        "s.charges + s.refunds",
        sums=_CHARGE_SUMS,
    ),
)

CHARGES_LIST: Final = ListReport(
    name="charges",
    zh="临时车收费查询",
    en="Charges",
    about_zh="每行一笔收费或退款,最新在前;应收 = 抵扣 + 免费 + 实收 + 未收,不符的标为 否。退款为负数。",
    about_en="One row per charge or refund, newest first; receivable = discount + waived + received + uncollected, and "
    "rows that break it say so. Refunds are negative.",
    columns=(
        LOT,
        text("plate", "车牌", "Plate"),
        code("vehicle_class", "车辆类型", "Vehicle class"),
        code("kind", "类别", "Kind", "record_kind"),
        instant("charged_at", "收费时间", "Charged"),
        money("receivable", "应收", "Receivable"),
        money("discount", "抵扣", "Discount"),
        money("waived", "免费", "Waived"),
        money("received", "实收金额", "Received"),
        UNCOLLECTED,
        codes("method", "支付方式", "Method", "method"),
        text("booth", "岗亭", "Booth"),
        text("collector_name", "收费员", "Collector"),
        instant("entered_at", "进场时间", "Entered"),
        instant("exited_at", "出场时间", "Exited"),
        duration("duration_seconds", "停车时长", "Stay"),
        text("transaction_id", "交易号", "Transaction"),
        boolean("is_balanced", "金额相符", "Balanced"),
        text("remark", "备注", "Remark"),
        LOT_CODE,
        text("exit_record_id", "出场记录编号", "Exit record"),
        text("charge_record_id", "原收费编号", "Refunded charge"),
        RECORD_ID,
        _CHARGED,
        *ALL_METHODS,
        _OTHER,
    ),
    grain=Grain.RECORD,
    parameters=(
        BASIS,
        plate_filter(),
        code_filter("vehicle_class", "车辆类型", "vehicle class", "vehicle_class", "s.vehicle_class"),
        choice(
            "method",
            "支付方式(多种支付的也算);other 支付宝、微信、现金以外的方式",
            "method; charges paid by several count too; other: all but Alipay, WeChat and cash",
            (*METHODS, "other"),
            condition="case $method "
            + " ".join(f"when '{method}' then s.{method} <> 0" for method in METHODS)
            + f" when 'other' then {' or '.join(f's.{method} <> 0' for method in _OTHER_METHODS)}"
            + " end or s.method = $method",
        ),
        choice("kind", "类别", "kind", ("charge", "refund"), condition="s.kind = $kind"),
        equal_filter("booth", "岗亭", "booth", "s.booth"),
        without_filter(booth="s.booth"),
        equal_filter("collector", "收费员", "collector", "s.collector_name"),
        equal_filter("exit_record_id", "出场记录编号", "exit record", "s.exit_record_id"),
        yes_no_filter("balanced", "金额相符", "whether the amounts agree", "s.is_balanced"),
    ),
    source=_CHARGE_SOURCE,
    exit_basis=replace(
        _CHARGE_SOURCE,
        where="s.exit_business_date is not null",
        day="s.exit_business_date",
        local=None,
        instant="coalesce(s.exited_at, s.occurred_at)",
        counted=Counted(
            "{rpt_fee_day} as s",
            "s.basis = 'exit'",
            "s.charges + s.refunds",
            sums=_CHARGE_SUMS,
        ),
    ),
    select=f"""
        l.name as lot_name, l.code as lot_code, s.plate, s.vehicle_class, s.kind, s.local_at as charged_at,
        s.receivable, s.discount, s.waived, s.received, s.uncollected, {PAID_BY} as method, s.booth, s.collector_name,
        timezone(l.time_zone, s.entered_at) as entered_at, timezone(l.time_zone, s.exited_at) as exited_at,
        date_diff('second', s.entered_at, s.exited_at) as duration_seconds, s.transaction_id, s.is_balanced, s.remark,
        s.exit_record_id, s.charge_record_id, s.record_id,
        {", ".join(f"{expression} as {name}" for name, expression in _CHARGE_SUMS.items() if name not in _AMOUNTS)}
    """,
    joins=JOIN_LOT,
    sums=_CHARGE_SUMS,
    sortable={
        "charged_at": "s.occurred_at",
        "plate": "s.plate",
        "receivable": "s.receivable",
        "received": "s.received",
        "uncollected": "s.uncollected",
    },
)

DAILY_REPORT: Final = TableReport(
    name="daily-report",
    zh="停车日报表",
    en="Daily report",
    about_zh="每个停车场每个岗亭一行;总计 = 应收 − 抵扣,其它 = 免费,其它支付 = 支付宝、微信、现金以外的方式;"
    "没有收费的停车场也有一行。地区为停车场地址。",
    about_en="One row per lot and booth; total = receivable − discount, other = waived, other methods = all but "
    "Alipay, WeChat and cash; a lot without charges still has its row. Region is the lot's address.",
    columns=(
        text("region", "地区", "Region"),
        text("lot_name", "停车场", "Lot"),
        text("booth", "岗亭", "Booth"),
        _CHARGED,
        money("discount", "抵扣", "Discount"),
        money("waived", "其它", "Other"),
        money("received", "实收金额", "Received"),
        money("alipay", "支付宝", "Alipay"),
        money("wechat", "微信", "WeChat"),
        money("cash", "现金", "Cash"),
        _OTHER,
        UNCOLLECTED,
        CHARGES,
        REFUNDS,
        day("day", "日期", "Day", shown=lambda values: values["by"] == "day"),
        LOT_CODE,
    ),
    grain=Grain.DAY,
    parameters=(
        BASIS,
        choice("by", "total 整个期间,day 逐日", "total: the whole period, day: each day", ("total", "day"), "total"),
        _BOOTH,
        _NO_BOOTH,
    ),
    sql=f"""
        with counted as (
            select lot_id, booth, {{bucket}} as day, sum(receivable - discount) as charged, sum(discount) as discount,
                sum(waived) as waived, sum(received) as received, sum(uncollected) as uncollected,
                sum(alipay) as alipay, sum(wechat) as wechat, sum(cash) as cash,
                sum({" + ".join(_OTHER_METHODS)}) as other_methods, sum(charges) as charges, sum(refunds) as refunds
            from {{rpt_fee_day}}
            where {{period}} and basis = $basis{{filters}}
            group by all
        ),
        calendar as (
            select distinct {{bucket}} as day
            from (
                select unnest(generate_series(
                    $from_day::timestamp, $to_day::timestamp - interval 1 day, interval 1 day
                ))::date as business_date
            )
        )
        select l.lot_id, l.address as region, l.name as lot_name, l.code as lot_code, counted.booth, calendar.day,
            {
        ", ".join(
            f"coalesce({name}, 0) as {name}"
            for name in (
                "charged",
                "discount",
                "waived",
                "received",
                "uncollected",
                "alipay",
                "wechat",
                "cash",
                "other_methods",
                "charges",
                "refunds",
            )
        )
    }
        from {{dim_lot}} as l cross join calendar
        left join counted on counted.lot_id = l.lot_id and counted.day is not distinct from calendar.day
    """,
    order="day, lot_id, booth nulls last",
    fragments=lambda question: {"bucket": "business_date" if question.values["by"] == "day" else "null::date"},
)
