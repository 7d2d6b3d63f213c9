"""Every verdict a record can get: one table of marks and one of refusals, each with a sentence zh and en.

Belongs here: codes, their sentences, the exceptions that carry them. Does not belong here: deciding which one applies.
A mark keeps the record. A refusal names the field and the value: ``{field}`` and ``{value}`` in its sentence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from warehouse.errors import ParkError

VALUE_LIMIT: Final = 60  # characters of a value quoted in a sentence


class Sentence(NamedTuple):
    """The same sentence in both languages."""

    zh: str
    en: str


MARKS: Final[dict[str, Sentence]] = {
    "ambiguous_time": Sentence(
        "夏令时回拨，该本地时间出现两次，已按较晚的一次计。",
        "Clocks went back and this local time occurred twice; the later one was taken.",
    ),
    "cleaned_text": Sentence("文本中的控制字符已去除。", "Control characters were removed from a text."),
    "ignored_time": Sentence(
        "附带时间不可能，已置空，原值见原始报文。",
        "A secondary time is impossible and was left out; the payload keeps it.",
    ),
    "impossible_count": Sentence(
        "数量不可能：小于零，或余位大于总车位。", "A count is impossible: below zero, or free spaces above total."
    ),
    "misread_plate": Sentence(
        "车牌不符合任何已知式样，按原文保留。", "The plate has no known form and is kept as it was read."
    ),
    "negative_stay": Sentence("进场时间晚于出场时间。", "The entry time is later than the exit time."),
    "no_plate": Sentence("没有可读的车牌。", "There is no readable plate."),
    "nonexistent_time": Sentence(
        "夏令时拨快，该本地时间不存在，已顺延。",
        "Clocks went forward and skipped this local time; it was moved forward by the gap.",
    ),
    "payments_differ": Sentence("各支付方式金额之和不等于实收。", "The payments do not add up to the amount received."),
    "reversed_period": Sentence("有效期开始晚于结束。", "The validity starts after it ends."),
    "unbalanced": Sentence(
        "应收不等于抵扣、免费、实收与未收之和。", "Receivable is not discount + waived + received + uncollected."
    ),
    "unknown_code": Sentence(
        "代码不在代码表中，已记为其它或置空。", "A code is not in its code set; it became other or was left out."
    ),
    "unknown_method": Sentence(
        "支付方式不在代码表中，金额为零，已置空。",
        "The payment method is not in the code set; the amount is zero, so the method was left out.",
    ),
}

REJECTS: Final[dict[str, Sentence]] = {
    "absurd_money": Sentence(
        "字段 {field} 的金额 {value} 超出 1 亿元，请核对单位（元）。",
        "Amount {value} in {field} exceeds 100 million; check the unit, it is yuan.",
    ),
    "absurd_time": Sentence(
        "字段 {field} 的时间 {value} 早于 2000 年或晚于接收后 24 小时，请校准时钟后重发。",
        "Time {value} in {field} is before 2000 or over 24 hours ahead; correct the clock and send again.",
    ),
    "bad_encoding": Sentence("记录不是 UTF-8 文本，请改用 UTF-8 重发。", "The record is not UTF-8; send it as UTF-8."),
    "bad_json": Sentence(
        "记录不是合法的 JSON：{value}，请修正后重发。",
        "The record is not valid JSON: {value}. Correct it and send again.",
    ),
    "bad_money": Sentence(
        "字段 {field} 的值 {value} 不是金额，应为如 12.50 的十进制数。",
        "Value {value} in {field} is not an amount; write a decimal such as 12.50.",
    ),
    "bad_time": Sentence(
        "字段 {field} 的值 {value} 不是时间，应为如 2026-05-01T08:30:00+08:00，或不带时区的本地时间。",
        "Value {value} in {field} is not a time; write 2026-05-01T08:30:00+08:00, or local time without an offset.",
    ),
    "journal_damaged": Sentence(
        "日志中的这一行已损坏，请检查磁盘并重新上传该记录。",
        "This line of the journal is damaged; check the disk and have the lot send the record again.",
    ),
    "malformed_row": Sentence(
        "该行不是完整的一行：{value}，请修正分隔符、引号或列数。",
        "This row cannot be split into columns: {value}. Correct delimiters, quotes or the number of columns.",
    ),
    "missing_field": Sentence("缺少必填字段 {field}。", "Required field {field} is missing."),
    "money_precision": Sentence(
        "字段 {field} 的金额 {value} 超过两位小数，请精确到分。",
        "Amount {value} in {field} has more than two decimals; send exact cents.",
    ),
    "negative_money": Sentence(
        "字段 {field} 的金额 {value} 不能为负；退款请用 refund 记录。",
        "Amount {value} in {field} cannot be negative; send a refund record for money returned.",
    ),
    "not_an_object": Sentence(
        "记录应为 JSON 对象，收到 {value}。", "A record must be a JSON object; received {value}."
    ),
    "out_of_range": Sentence("字段 {field} 的值 {value} 超出范围。", "Value {value} in {field} is out of range."),
    "too_long": Sentence(
        "字段 {field} 过长（{value}），请缩短后重发。",
        "Field {field} is too long ({value}); shorten it and send again.",
    ),
    "unknown_code": Sentence(
        "字段 {field} 的代码 {value} 不在代码表中。", "Code {value} in {field} is not in the code set of this field."
    ),
    "unknown_kind": Sentence("未知的记录种类 {value}。", "Unknown record kind {value}."),
    "unknown_lot": Sentence("未知的停车场 {value}，请先建立停车场。", "Unknown lot {value}; create the lot first."),
    "unknown_method": Sentence(
        "字段 {field} 的支付方式 {value} 缺失或不在代码表中，而金额大于零。",
        "Payment method {value} in {field} is missing or not in the code set while the amount is above zero.",
    ),
    "unknown_op": Sentence(
        "操作 {value} 未知，应为 upsert 或 void。", "Operation {value} is unknown; it is upsert or void."
    ),
    "wrong_type": Sentence("字段 {field} 的值 {value} 类型不对。", "Value {value} in {field} has the wrong type."),
}


class RecordRefused(Exception):  # noqa: N818 - a verdict, not a failure
    """One record is refused; never leaves ``decode_batch``."""

    def __init__(self, code: str, field: str = "", value: object = "") -> None:
        """Keep the code, the field and the value, the latter cut to ``VALUE_LIMIT`` characters."""
        super().__init__(code)
        self.code = code
        self.field = field
        self.value = shown(value)

    def sentence(self) -> Sentence:
        """The sentences of the code with field and value filled in."""
        zh, en = REJECTS[self.code]
        return Sentence(*(text.replace("{field}", self.field).replace("{value}", self.value) for text in (zh, en)))


class BatchError(ParkError):
    """A whole body is refused, with the HTTP ``status`` to answer: 400 malformed, 413 too many, 415 media type."""

    def __init__(self, status: int, code: str, zh: str, en: str) -> None:
        """Keep the status beside the code and the sentences."""
        super().__init__(zh=zh, en=en, code=code)
        self.status = status


def shown(value: object) -> str:
    """``value`` as a short printable text; a huge value is never turned into text whole."""
    if isinstance(value, str):
        text = value[: VALUE_LIMIT + 1]
    elif isinstance(value, (list, tuple)):
        return "[…]"
    elif isinstance(value, dict):
        return "{…}"
    elif isinstance(value, int) and value.bit_length() > 256:
        return f"{'-' if value < 0 else ''}2^{value.bit_length() - 1}…"
    else:
        text = str(value)
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return text if len(text) <= VALUE_LIMIT else text[:VALUE_LIMIT] + "…"


@lru_cache(maxsize=4096)
def marks_sentence(marks: tuple[str, ...]) -> Sentence:
    """The sentences of several marks, joined."""
    found = [MARKS[mark] for mark in marks]
    return Sentence("".join(s.zh for s in found), " ".join(s.en for s in found))
