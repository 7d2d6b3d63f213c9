"""E-invoices (manual 3.8.7)."""

from __future__ import annotations

from typing import Final

from warehouse.reports.columns import boolean, code, instant, money, text
from warehouse.reports.listing import ListReport, Source
from warehouse.reports.period import Grain
from warehouse.reports.pieces import (
    JOIN_LOT,
    LOT,
    LOT_CODE,
    RECORD_ID,
    code_filter,
    equal_filter,
    plate_filter,
    yes_no_filter,
)

INVOICES: Final = ListReport(
    name="invoices",
    zh="电子发票明细",
    en="E-invoices",
    about_zh="每行一张电子发票或其申请,最新在前;期间按申请时间。",
    about_en="One row per e-invoice or request for one, newest first; the period is the time of request.",
    columns=(
        LOT,
        text("plate", "车牌", "Plate"),
        money("amount", "金额", "Amount"),
        boolean("is_issued", "已开具", "Issued"),
        instant("issued_at", "开具时间", "Issued at"),
        code("invoice_type", "发票类型", "Type"),
        code("status", "状态", "Status", "invoice_status"),
        text("invoice_number", "发票号码", "Invoice number"),
        instant("requested_at", "申请时间", "Requested"),
        LOT_CODE,
        text("charge_record_id", "收费编号", "Charge"),
        RECORD_ID,
    ),
    grain=Grain.RECORD,
    default_days=30,
    parameters=(
        plate_filter(),
        yes_no_filter("issued", "是否已开具", "whether it is issued", "coalesce(s.status = 'issued', false)"),
        code_filter("status", "状态", "status", "invoice_status", "s.status"),
        code_filter("invoice_type", "发票类型", "type", "invoice_type", "s.invoice_type"),
        equal_filter("number", "发票号码", "invoice number", "s.invoice_number"),
    ),
    source=Source(
        relation="{fct_invoice} as s",
        where="true",
        instant="s.occurred_at",
        record="s.record_id",
        day="s.business_date",
        local="s.local_at",
    ),
    select="""
        l.name as lot_name, l.code as lot_code, s.plate, s.amount, coalesce(s.status = 'issued', false) as is_issued,
        timezone(l.time_zone, s.issued_at) as issued_at, s.invoice_type, s.status, s.invoice_number,
        s.local_at as requested_at, s.charge_record_id, s.record_id
    """,
    joins=JOIN_LOT,
    sums={"amount": "s.amount"},
    sortable={"requested_at": "s.occurred_at", "issued_at": "s.issued_at", "amount": "s.amount", "plate": "s.plate"},
)
