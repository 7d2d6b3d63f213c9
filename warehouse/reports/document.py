"""docs/reports.md, written from the reports themselves: ``python -m warehouse.reports.document``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from warehouse.reports.base import Report
from warehouse.reports.catalogue import LISTED
from warehouse.reports.parameters import Parameter
from warehouse.reports.period import Grain
from warehouse.settings import PROJECT_ROOT

TARGET: Final = PROJECT_ROOT / "docs" / "reports.md"

_HEAD: Final = """# Reports

Written by `python -m warehouse.reports.document`; do not edit by hand.

    park report NAME [--lot CODE]… [--from T] [--to T] [--set k=v]… [--as LOGIN] [--lang zh|en|key]
                     [--format table|csv|json|xlsx|pdf] [-o FILE] [--bom]

* Every report reads one published snapshot and only the lots of the login (`--as`); a foreign lot is refused.
* `--from` and `--to` (exclusive) are business days, or, where the period below says so, the lot's local time
  `2019-05-08T13:00`. Without them the period ends with the business day that the data reach.
* Every list takes `--set page=`, `size=`, `sort=KEY` or `sort=-KEY`; record lists also `after=CURSOR`, the cursor being
  `page.next` of the JSON.
* Totals and row counts are over the whole filter, never over the page shown.
* Money is exact; in JSON it is text. Times are the lot's wall clock. Shares are computed in whole numbers.
* A PDF holds at most 2,000 rows; the daily report's ends with lines to sign on.
* `--lang key` gives column keys, codes, seconds and true/false for programs.

## On the pages

* **Filters** stand in the address: a link opens the same page for whoever may see its lots. "Yesterday" in a link stays
  yesterday. Lots of the address that the reader may not see are left out, and the page says so.
* **From a figure to its records.** Each figure of statistics, analyses and the daily report leads to exactly its
  records. Their page adds them up one by one and says whether they equal the figure; a difference stands in red and is
  written to the operator log as `report.mismatch`. Filtered further, the page no longer claims to be the figure's
  records. An hour that the start of a lot's business day cuts in two leads nowhere. An exit leads to its stay on one
  time line: entry, charges, snapshots, gate openings.
* **Comparing.** The analyses compare with the previous period, that of last week, month or year, or any other; up to
  nine chosen lots are drawn as a line each.
* **Missing is not zero.** Hours and days without uploads are hatched, with the reason on hover, and empty in table and
  files. Above figures of an incomplete period stands how many lot hours are missing.
* **Views** keep the filters of a page under a name; one of them can be what the page opens with, and a shared one is
  offered to operators of the same place. A view holds no figures: everybody sees their own lots.
* **Files** hold the whole filter and not the page shown. Over 20,000 rows they are made in the background and listed
  with their progress under "My exports", for their owner only, for a day or until the pages restart.
  Excel: real numbers, dates and times, a frozen header, the row of totals, a second sheet with filter and as-of time.
* **Print** leaves out menu and buttons, is light on dark screens too, and says lots, period and filters.
* **Deliveries** (Settings, Deliveries) make a report by the clock with the rights of whoever set it up and put it into
  `deliveries/LOGIN` below `PARK_HOME`, or mail it when a mail server is set (`PARK_SMTP_HOST`). A delivery that
  fails is tried again; each run and its result is listed. `park deliveries list` and `park deliveries run NUMBER|--due`
  do the same by hand.
* **Plates** are masked on pages and in files for roles without the permission to see them whole.
"""
_PERIODS: Final = {
    Grain.NONE: "no period",
    Grain.DAY: "business days",
    Grain.HOUR: "business days or local time on the hour",
    Grain.RECORD: "business days or local time",
}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "key": parameter.key,
        "type": parameter.type.value,
        "choices": list(parameter.choices),
        "default": parameter.default,
        "zh": parameter.zh,
        "en": parameter.en,
    }


def description(report: Report) -> dict[str, Any]:
    """What a program needs to know about a report: titles, columns, parameters, period."""
    return {
        "name": report.name,
        "zh": report.zh,
        "en": report.en,
        "period": report.grain.value,
        "default_days": report.default_days,
        "totals_row": report.totals_row,
        "columns": [
            {
                "key": column.key,
                "zh": column.zh,
                "en": column.en,
                "type": column.type.value,
                "total": bool(column.total),
            }
            for column in report.columns
        ],
        "parameters": [_parameter(parameter) for parameter in report.parameters],
        "sort": list(report.sort_keys()),
    }


def _section(report: Report) -> list[str]:
    days = f"; by default {report.default_days} day{'s' if report.default_days > 1 else ''}"
    lines = [
        f"## {report.name}",
        "",
        f"{report.zh} · {report.en}",
        "",
        report.about_en,
        "",
        report.about_zh,
        "",
        f"Period: {_PERIODS[report.grain]}{days if report.grain is not Grain.NONE else ''}.",
        "",
        "| Column | 中文 | English | Type | Total |",
        "|---|---|---|---|---|",
    ]
    for column in report.columns:
        shown = " (depends on parameters)" if column.shown is not None else ""
        total = "yes" if column.total else ""
        lines.append(f"| {column.key}{shown} | {column.zh} | {column.en} | {column.type.value} | {total} |")
    if report.parameters:
        lines += ["", "| Parameter | Values | Default | Meaning | 含义 |", "|---|---|---|---|---|"]
        for parameter in report.parameters:
            values = ", ".join(parameter.choices) or parameter.type.value
            lines.append(
                f"| {parameter.key} | {values} | {parameter.default or ''} | {parameter.en} | {parameter.zh} |"
            )
    return [*lines, "", f"Sorted by: {', '.join(report.sort_keys())}.", ""]


def document() -> str:
    """The whole text."""
    lines = [_HEAD]
    for report in LISTED:
        lines += _section(report)
    return "\n".join(lines).rstrip() + "\n"


def main(target: Path = TARGET) -> None:
    """Write the document."""
    target.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
