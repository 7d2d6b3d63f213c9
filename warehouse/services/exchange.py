"""Taking administered tables out as CSV or XLSX, and putting them in with a report on every line.

Belongs here: the run of an export, of a trial and of an import. Does not belong here: files (``exchange_files.py``),
columns and values (``exchange_sheet.py``), single tables (``exchange_<domain>.py``).

A trial reads only. An import judges anew and writes everything in one transaction: with one wrong line it writes
nothing, unless wrong lines are to be left out. Each thing that changes has its entry in the operator log, and the
import has one of its own.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Lot
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.security.permissions import EDIT, EXPORT
from warehouse.services.exchange_files import read_table, write_table
from warehouse.services.exchange_sheet import (
    BadValueError,
    Column,
    Judging,
    Line,
    LineProblem,
    Sheet,
    Step,
    Verdict,
    read_cell,
)
from warehouse.services.work import Work, reading, visible_lot, working
from warehouse.settings import Settings

_ENTITY: Final = "import"


@dataclass(frozen=True)
class ImportReport:
    """What a file comes to, or came to; counts are lines.

    ``is_applied`` is False for a trial, and for an import that wrote nothing because of wrong lines. ``results`` holds,
    by line, what only the import knows, such as generated passwords; show it once and keep it nowhere.
    """

    sheet: str
    lines: int
    new: int
    changed: int
    unchanged: int
    wrong: int
    problems: tuple[LineProblem, ...]
    unknown_headings: tuple[str, ...]
    is_applied: bool = False
    results: Mapping[int, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def can_be_applied(self) -> bool:
        """Whether an import would write something, wrong lines left out."""
        return self.new + self.changed > 0


@cache
def sheets() -> Mapping[str, Sheet]:
    """Every table by name."""
    from warehouse.services import (
        exchange_gates,
        exchange_lots,
        exchange_nodes,
        exchange_operators,
        exchange_owners,
        exchange_roles,
    )

    found = (
        exchange_nodes.AGENTS,
        exchange_nodes.CUSTOMERS,
        exchange_lots.LOTS,
        exchange_gates.GATES,
        exchange_owners.OWNERS,
        exchange_owners.LONG_TERM_VEHICLES,
        exchange_operators.OPERATORS,
        exchange_roles.ROLES,
    )
    return {sheet.name: sheet for sheet in found}


def find_sheet(name: str) -> Sheet:
    """The table of this name.

    Raises:
        ParkError: ``unknown_sheet``.
    """
    if name not in sheets():
        known = ", ".join(sheets())
        raise ParkError(
            zh=f"没有名为 {name} 的表；可用：{known}",
            en=f"there is no table {name!r}; there are {known}",
            code="unknown_sheet",
        )
    return sheets()[name]


def template_file(sheet: Sheet, file_format: str, language: str) -> bytes:
    """A file with the headings and one line of examples."""
    columns = [column for column in sheet.columns if not column.only_out]
    example = {column.field: read_cell(column, column.example) for column in columns}
    return write_table(file_format, sheet.title(language), columns, [example], language)


def export_file(
    settings: Settings, actor: Actor, sheet: Sheet, file_format: str, language: str, *, lot_id: int | None = None
) -> bytes:
    """Every row in the actor's scope, of one lot where the table is per lot; written to the operator log.

    Raises:
        Forbidden: without the permission ``export`` of the table's menu item, or the lot is not the actor's.
    """
    permission = f"{sheet.menu}.{EXPORT}"
    counted = 0
    with reading(settings, actor, permission) as session:
        lot = _lot(session, actor, sheet, lot_id)
        rows = list(sheet.rows(session, actor, lot))
        counted = len(rows)
        content = write_table(file_format, sheet.title(language), sheet.columns, rows, language)
    details = {"rows": counted, "format": file_format} | ({"lot": lot.code} if lot is not None else {})
    audit.note_export(settings, actor, permission, sheet.name, details)
    return content


def try_file(
    settings: Settings, actor: Actor, sheet: Sheet, file_name: str, content: bytes, *, lot_id: int | None = None
) -> ImportReport:
    """What an import of this file would do; nothing is written.

    Raises:
        Forbidden: without the permission ``edit`` of the table's menu item, or the lot is not the actor's.
        ParkError: the file as a whole cannot be read, or lacks columns.
    """
    with reading(settings, actor, f"{sheet.menu}.{EDIT}") as session:
        judging = Judging(settings, session, actor, _lot(session, actor, sheet, lot_id))
        with session.no_autoflush:
            lines, steps, unknown = _judge(judging, sheet, file_name, content)
        return _report(sheet, lines, steps, judging.problems, unknown)


def import_file(
    settings: Settings,
    actor: Actor,
    sheet: Sheet,
    file_name: str,
    content: bytes,
    *,
    lot_id: int | None = None,
    skip_wrong: bool = False,
) -> ImportReport:
    """Write a file's lines, all or nothing; with ``skip_wrong``, all but the wrong ones.

    Raises:
        Forbidden: as for ``try_file``.
        ParkError: as for ``try_file``.
    """
    try:
        with working(settings, actor, f"{sheet.menu}.{EDIT}") as work:
            return _apply(work, sheet, file_name, content, lot_id, skip_wrong)
    except _NotAppliedError as stopped:
        return stopped.report


class _NotAppliedError(Exception):
    """Takes the transaction back and carries the report out of it."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__("wrong lines")
        self.report = report


def _apply(
    work: Work, sheet: Sheet, file_name: str, content: bytes, lot_id: int | None, skip_wrong: bool
) -> ImportReport:
    lot = _lot(work.session, work.actor, sheet, lot_id)
    if lot is not None:
        lot = work.lot(lot.lot_id)  # locked before anything is read, so that what was judged is what is written
    judging = Judging(work.settings, work.session, work.actor, lot)
    lines, steps, unknown = _judge(judging, sheet, file_name, content)
    if judging.problems and not skip_wrong:
        raise _NotAppliedError(_report(sheet, lines, steps, judging.problems, unknown))
    done: list[Step] = []
    results: dict[int, Mapping[str, Any]] = {}
    by_number = {line.number: line for line in lines}
    for step in steps:
        if step.verdict is not Verdict.UNCHANGED:
            try:
                with work.session.begin_nested():
                    result = step.apply(work)
            except ParkError as error:
                # What only writing shows, for example the last administrator; other lines may still be right.
                judging.refused(by_number[step.lines[0]], error)
                continue
            if result:
                results[step.lines[0]] = {**by_number[step.lines[0]].values, **result}
        done.append(step)
    report = _report(sheet, lines, done, judging.problems, unknown)
    if judging.problems and not skip_wrong:
        raise _NotAppliedError(report)
    counts = {"new": report.new, "changed": report.changed, "unchanged": report.unchanged, "left_out": report.wrong}
    work.record(
        _ENTITY,
        None,
        sheet.name,
        None,
        {"file": file_name[-200:], **counts},
        lot_id=None if lot is None else lot.lot_id,
    )
    return dataclasses.replace(report, is_applied=True, results=results)


def result_file(sheet: Sheet, report: ImportReport, file_format: str, language: str) -> bytes:
    """The lines of which the import knows more than the file said, with what it knows."""
    known = {name for row in report.results.values() for name in row}
    columns = [column for column in sheet.columns if column.field in known]
    return write_table(file_format, sheet.title(language), columns, report.results.values(), language)


def problems_file(sheet: Sheet, report: ImportReport, file_format: str, language: str) -> bytes:
    """The problems of a report, a line each."""
    headings = {column.field: column.heading(language) for column in sheet.columns}
    columns = (
        Column("line", "行", "Line"),
        Column("field", "列", "Column"),
        Column("value", "值", "Value"),
        Column("problem", "问题", "Problem"),
    )
    rows = (
        {
            "line": str(problem.line),
            "field": headings.get(problem.field, problem.field),
            "value": problem.value,
            "problem": problem.text(language),
        }
        for problem in report.problems
    )
    return write_table(file_format, sheet.title(language), columns, rows, language)


def _lot(session: Session, actor: Actor, sheet: Sheet, lot_id: int | None) -> Lot | None:
    if not sheet.per_lot:
        return None
    if lot_id is None:
        raise ParkError(
            zh=f"“{sheet.zh}”按停车场导入导出：请先选择停车场",
            en=f"“{sheet.en}” are taken out and put in lot by lot: choose a lot first",
            code="lot_needed",
        )
    return visible_lot(session, actor, lot_id)


def _judge(
    judging: Judging, sheet: Sheet, file_name: str, content: bytes
) -> tuple[list[Line], list[Step], tuple[str, ...]]:
    """All lines, what the right ones come to, headings that are not known; problems are noted in ``judging``."""
    headings, cells = read_table(file_name, content)
    columns, unknown = _columns(sheet, headings)
    lines: list[Line] = []
    right: list[Line] = []
    first_of: dict[tuple[Any, ...], int] = {}
    for number, row in cells:
        found = len(judging.problems)
        line = _line(judging, columns, number, row)
        lines.append(line)
        key = tuple(line.values.get(name) for name in sheet.key)
        if key and key[-1] is not None and len(judging.problems) == found:
            if key in first_of:
                at = first_of[key]
                judging.wrong(line, sheet.key[-1], f"与第 {at} 行重复", f"is in line {at} already")
            else:
                first_of[key] = number
        if len(judging.problems) == found:
            right.append(line)
    steps = sheet.judge(judging, right)
    wrong = {problem.line for problem in judging.problems}
    judging.problems.sort(key=lambda problem: problem.line)
    return lines, [step for step in steps if not wrong & set(step.lines)], unknown


def _columns(sheet: Sheet, headings: list[str]) -> tuple[list[Column | None], tuple[str, ...]]:
    """The column under each heading; headings may be in either language, or names of fields."""
    by_heading = {name.casefold(): column for column in sheet.columns for name in (column.en, column.zh, column.field)}
    columns = [by_heading.get(heading.strip().rstrip("*").strip().casefold()) for heading in headings]
    missing = [column for column in sheet.columns if column.required and column not in columns]
    if missing:
        raise ParkError(
            zh="首行应为列名，缺少：" + "、".join(column.zh for column in missing) + "；可下载模板对照",
            en="the first line names the columns; missing: "
            + ", ".join(column.en for column in missing)
            + "; compare with the template",
            code="missing_columns",
        )
    times = Counter(column.field for column in columns if column is not None)
    doubled = [column for column in sheet.columns if times[column.field] > 1]
    if doubled:
        raise ParkError(
            zh="列名重复：" + "、".join(column.zh for column in doubled),
            en="columns named twice: " + ", ".join(column.en for column in doubled),
            code="doubled_columns",
        )
    unknown = [name for name, column in zip(headings, columns, strict=True) if column is None and name]
    return [None if column is None or column.only_out else column for column in columns], tuple(unknown)


def _line(judging: Judging, columns: list[Column | None], number: int, row: list[str]) -> Line:
    values: dict[str, Any] = {}
    for place, column in enumerate(columns):
        if column is None:
            continue
        text = row[place] if place < len(row) else ""
        try:
            values[column.field] = read_cell(column, text)
        except BadValueError as bad:
            judging.problems.append(LineProblem(number, column.field, text[:80], bad.zh, bad.en))
            continue
        if column.required and values[column.field] is None:
            judging.problems.append(LineProblem(number, column.field, "", "必填", "is required"))
    return Line(number, values)


def _report(
    sheet: Sheet,
    lines: list[Line],
    steps: list[Step],
    problems: list[LineProblem],
    unknown: tuple[str, ...],
) -> ImportReport:
    counted = Counter(dict.fromkeys(Verdict, 0))
    for step in steps:
        counted[step.verdict] += len(step.lines)
    return ImportReport(
        sheet=sheet.name,
        lines=len(lines),
        new=counted[Verdict.NEW],
        changed=counted[Verdict.CHANGED],
        unchanged=counted[Verdict.UNCHANGED],
        wrong=len(lines) - counted.total(),
        problems=tuple(problems),
        unknown_headings=unknown,
    )
