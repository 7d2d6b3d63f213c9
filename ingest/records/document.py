"""Writes docs/records.md, the contract for people who connect a lot: ``python -m ingest.records.document``.

Belongs here: layout of the document. Does not belong here: facts; they come from ``rules``, ``meanings``, ``verdicts``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.records import rules
from ingest.records.meanings import FIELD_MEANINGS, KIND_MEANINGS, example
from ingest.records.payments import MAX_PAYMENTS
from ingest.records.rules import Field
from ingest.records.verdicts import MARKS, REJECTS, Sentence
from warehouse.codes import codes, label

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "records.md"

_MISSING: Final = ", ".join(f"`{text}`" for text in sorted(rules.MISSING_TEXTS) if text)
_FORMS: Final = ", ".join(name.replace("_", " ") for name in rules.PLATE_FORMS)
_WITH_PLATE: Final = ", ".join(f"`{kind}`" for kind in sorted(rules.PLATE_EXPECTED))

_INTRODUCTION: Final = f"""# 记录协议 Record contract /{rules.VERSION}

<!-- Written by `python -m ingest.records.document`; change ingest/records and run it again. -->

What a lot may send, and the verdict that each record gets. 停车场上传的记录，以及每条记录的判定。

**Body 请求体.** `application/json`: `{{"records": [ … ]}}`, or `application/x-ndjson`: one record per
line. UTF-8, at most {rules.MAX_RECORDS:,} records, each at most {rules.MAX_RECORD_BYTES // 1024}
KiB. Each record is judged by itself; a bad one never stops its batch. 每条记录单独判定，一条坏记录不影响同批其它记录。

**Key 主键.** `(lot, kind, record_id)`. A higher `revision` replaces a lower one; at the same revision
`void` beats `upsert`, otherwise the first one stays. Sending anything twice changes nothing. A void
needs only `kind`, `record_id` and `occurred_at`; further fields of its kind are left out.
重复发送不改变任何结果；作废只需种类、记录号和时间。

**Time 时间.** RFC 3339 with offset, `2026-05-01T08:30:00+08:00`, or without: the wall clock of the
lot's zone. A wall clock that occurs twice when clocks go back means the later instant (mark
`ambiguous_time`); one that is skipped when clocks go forward is moved forward by the gap (mark
`nonexistent_time`). `occurred_at` lies between 2000-01-01 and 24 hours after receipt, else the
record is rejected. Other times outside of what is possible are left out (mark `ignored_time`):
validity from 1900 on, `lot_clock` from 1970 on, the rest like `occurred_at`.

**Money 金额.** Yuan, as text `"12.50"` or as a JSON number, which is read digit by digit and never as
a float. At most two decimals, below {rules.MONEY_LIMIT:,}. 单位为元，最多两位小数，全程精确。

**Text 文本.** Trimmed; {_MISSING} in any case and the empty text mean missing. Control characters are
removed (mark `cleaned_text`). Numbers are accepted where text is expected, and numbers as text
where a number is.

**Plate 车牌.** Upper case without separators. Known forms: {_FORMS}. Another text is kept (mark
`misread_plate`); no plate, or a text that says so such as `无牌车`, `无`, `未识别`, `?`, is missing (mark
`no_plate` for {_WITH_PLATE}).

**Codes 代码.** Lower case as listed below. A code that is not in its set becomes `other` where the
set has it, else it is left out (mark `unknown_code`); in fields without which the record says
nothing the record is rejected.

**Methods 支付方式.** Above zero an amount must say how it was paid, else `unknown_method` rejects the
record. `payments`, at most {MAX_PAYMENTS} parts, names several methods.

Fields that are not listed are kept with the payload and otherwise ignored. 未列出的字段只保留在原始报文中。
"""


def _type(field: Field) -> str:
    if field.type in ("text", "plate"):
        return f"text ≤ {field.limit:,}"
    if field.type in ("code", "method"):
        return "code: " + ", ".join(f"`{code}`" for code in codes(field.code_set))
    if field.type == "codes":
        return f"codes of {field.code_set}"
    if field.type == "integer":
        return f"integer {field.range[0]:,} … {field.range[1]:,}"
    if field.type == "payments":
        return "list of {method, amount}"
    if field.type == "money":
        return "money, may be negative" if field.may_be_negative else "money"
    return field.type


def _table(header: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield header
    yield "|" + "---|" * header.count(" | ") + "---|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""


def _field_rows(fields: dict[str, Field]) -> list[tuple[str, ...]]:
    return [
        (f"`{name}`", _type(field), "是 yes" if field.required else "", *FIELD_MEANINGS[name])
        for name, field in fields.items()
    ]


def _sentence_rows(sentences: dict[str, Sentence]) -> list[tuple[str, ...]]:
    return [(f"`{code}`", *sentence) for code, sentence in sentences.items()]


_FIELD_HEADER: Final = "| field | type | required | 含义 | meaning |"


def render() -> str:
    """The whole document as Markdown."""
    lines = [_INTRODUCTION, "## Fields of every record 公共字段", ""]
    kinds = ", ".join(f"`{kind}`" for kind in rules.FIELDS)
    rows = [("`kind`", f"code: {kinds}", "是 yes", *FIELD_MEANINGS["kind"])]
    lines += _table(_FIELD_HEADER, rows + _field_rows(rules.COMMON_FIELDS))
    for kind, fields in rules.FIELDS.items():
        meaning = KIND_MEANINGS[kind]
        lines += [f"## `{kind}` {label('record_kind', kind, 'zh')}", "", f"{meaning.zh} {meaning.en}", ""]
        lines += _table(_FIELD_HEADER, _field_rows(fields))
        lines += ["```json", json.dumps(example(kind), ensure_ascii=False, indent=2), "```", ""]
    lines += [
        "## Verdicts 判定",
        "",
        "`accepted`, `marked` (kept, with marks) or `rejected` (kept aside, with a code).",
        "",
    ]
    lines += ["### Marks 标记", "", *_table("| code | 中文 | English |", _sentence_rows(MARKS))]
    lines += [
        "### Rejections 拒收",
        "",
        "`{field}` and `{value}` are filled in. Rejected records can be listed, corrected",
    ]
    lines += ["and replayed with `park rejects`.", "", *_table("| code | 中文 | English |", _sentence_rows(REJECTS))]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
