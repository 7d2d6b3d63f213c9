"""Receipts of renewals: a page to print, and amounts in Chinese capital numerals.

Belongs here: how a receipt looks. Does not belong here: what it says (``renewal_entries.py``).
"""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from warehouse.codes import label
from warehouse.services.renewal_entries import Receipt

_NUMERALS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_GROUPS: Final = ("", "万", "亿", "万亿")

_WORDS: Final = {
    "zh": {
        "title": "长期车续费收据",
        "number": "收据编号",
        "time": "缴费时间",
        "lot": "停车场",
        "owner": "车主",
        "plates": "车牌",
        "group": "车辆组",
        "plan": "续费套餐",
        "validity": "有效期",
        "method": "支付方式",
        "amount": "金额",
        "remark": "备注",
        "operator": "收款人",
        "print": "打印",
        "to": "至",
        "both": "（含首尾两日）",
    },
    "en": {
        "title": "Receipt for long-term parking",
        "number": "Receipt number",
        "time": "Paid at",
        "lot": "Parking lot",
        "owner": "Owner",
        "plates": "Plates",
        "group": "Vehicle group",
        "plan": "Plan",
        "validity": "Valid",
        "method": "Payment method",
        "amount": "Amount",
        "remark": "Remark",
        "operator": "Received by",
        "print": "Print",
        "to": "to",
        "both": " (both days included)",
    },
}

_PAGE: Final = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} {number}</title>
<style>
:root {{ color-scheme: light; }}
body {{ margin: 24px auto; max-width: 640px; padding: 0 16px; background: #fff; color: #111;
  font: 15px/1.6 "Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; }}
h1 {{ font-size: 20px; text-align: center; margin: 0 0 16px; }}
table {{ width: 100%; border-collapse: collapse; }}
th, td {{ border: 1px solid #888; padding: 7px 10px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }}
th {{ width: 9em; font-weight: 500; background: #f4f4f4; }}
td.amount {{ font-size: 18px; font-variant-numeric: tabular-nums; }}
button {{ display: block; margin: 20px auto; padding: 8px 28px; font: inherit; }}
@media print {{ button {{ display: none; }} body {{ margin: 0; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<table>
{rows}
</table>
<button type="button" onclick="window.print()">{print}</button>
</body>
</html>
"""


def receipt_page(receipt: Receipt, language: str) -> str:
    """The receipt as an HTML document that prints on one sheet; ``language`` is "zh", else English."""
    words = _WORDS["zh" if language == "zh" else "en"]
    renewal = receipt.renewal
    paid_at = renewal.created_at.astimezone(ZoneInfo(receipt.time_zone))
    comma = "、" if language == "zh" else ", "
    owner = f"{receipt.owner_name}（{receipt.owner_code}）" if language == "zh" else ""
    rows = {
        "number": renewal.receipt_number,
        "time": f"{paid_at:%Y-%m-%d %H:%M:%S}",
        "lot": receipt.lot_name,
        "owner": owner or f"{receipt.owner_name} ({receipt.owner_code})",
        "plates": comma.join(renewal.plates),
        "group": receipt.group,
        "plan": f"{renewal.plan_name} × {renewal.periods}",
        "validity": f"{renewal.valid_from} {words['to']} {renewal.valid_to}{words['both']}",
        "method": label("method", renewal.method, language),
        "amount": _amount(renewal.amount, language),
        "remark": renewal.remark,
        "operator": renewal.operator_name,
    }
    return _PAGE.format(
        language="zh-CN" if language == "zh" else "en",
        title=words["title"],
        number=escape(renewal.receipt_number),
        print=words["print"],
        rows="\n".join(
            f'<tr><th scope="row">{words[name]}</th><td class="{name}">{escape(str(value))}</td></tr>'
            for name, value in rows.items()
            if value
        ),
    )


def file_name(receipt: Receipt) -> str:
    """The name under which a receipt is saved."""
    return f"{receipt.renewal.receipt_number}.html"


def capital(amount: Decimal) -> str:
    """An amount of yuan in the capital numerals of Chinese bookkeeping: 壹仟零肆元零伍分.

    Raises:
        ValueError: the amount is below zero, has parts of a fen, or sixteen or more digits before the point.
    """
    fen = int(amount * 100)
    if amount < 0 or fen != amount * 100 or fen >= 10**18:
        raise ValueError(f"{amount} cannot be written in capital numerals")
    yuan, rest = divmod(fen, 100)
    jiao, last = divmod(rest, 10)
    text = f"{_whole(yuan)}元" if yuan else ""
    if not rest:
        return f"{text or '零元'}整"
    if jiao:
        text += f"{_NUMERALS[jiao]}角"
    elif yuan:
        text += "零"
    return f"{text}{_NUMERALS[last]}分" if last else f"{text}整"


def _whole(number: int) -> str:
    """A whole number above zero; a run of zeros between digits is read as one 零."""
    text, wants_zero = "", False
    for group in range(len(_GROUPS) - 1, -1, -1):
        part = number // 10_000**group % 10_000
        if part == 0:
            wants_zero = bool(text)
            continue
        for place in range(3, -1, -1):
            digit = part // 10**place % 10
            if digit == 0:
                wants_zero = bool(text)
                continue
            text += ("零" if wants_zero else "") + _NUMERALS[digit] + _PLACES[place]
            wants_zero = False
        text += _GROUPS[group]
        wants_zero = part % 10 == 0 and wants_zero
    return text


def _amount(amount: Decimal, language: str) -> str:
    shown = f"¥{amount:,.2f}"
    return f"{shown}（大写：{capital(amount)}）" if language == "zh" else shown
