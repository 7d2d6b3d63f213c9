"""The same figures, to the fen, on the page, as CSV, as Excel, on the command line and by SQL on the facts."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dashboards import instance
from dashboards.context import Context
from dashboards.reports.files import file_bytes
from tests.integration.reports.lake import Lake, add_tree
from tests.integration.reports.oracle import Asked, Oracle, added
from tests.integration.reports.scattered import BOOTHS, DAYS, FIRST, scatter
from tests.integration.reports.sheet import read_workbook
from tests.stores import environment
from warehouse.lake.connect import open_lake
from warehouse.ops.session import ops_session
from warehouse.report_commands import register
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.export import guarded
from warehouse.reports.parameters import Parameter, ParameterType
from warehouse.reports.period import Grain
from warehouse.reports.texts import code_text
from warehouse.security.actor import actor_by_login
from warehouse.settings import Settings

SIZE = 20
LOTS = {"root": ("LOT1", "LOT2", "LOT21"), "agent": ("LOT1", "LOT2"), "guard": ("LOT2",)}
KEYS = {
    "daily-report": ("lot_code", "booth"),
    "temporary-fee-statistics": ("lot_code",),
    "temporary-fee-analysis": ("day",),
    "renewal-statistics": ("lot_code",),
    "renewal-analysis": ("day",),
    "traffic-statistics": ("lot_code", "period", "gate_id", "vehicle_class"),
    "traffic-analysis": ("position",),
    "charges": ("lot_code", "record_id", "kind"),
    "renewals": ("lot_code", "record_id", "kind"),
    "invoices": ("lot_code", "record_id"),
    "entry-records": ("lot_code", "entry_record_id", "entered_at"),
    "exit-records": ("lot_code", "exit_record_id", "exited_at", "duration_seconds"),
}
"""What tells a report's rows apart; the daily report by day has the day in between."""
OFTEN = {"basis", "by", "kind", "inner", "split"}
WORDS = {
    "booth": st.sampled_from([booth for booth in BOOTHS if booth]),
    "gate": st.sampled_from(["g1", "南门"]),
    "gate_id": st.sampled_from(["g1", "g9"]),
    "plate": st.sampled_from(["鲁F*", "浙A8298P", "?F0000?", "沪*5", "*1*"]),
    "collector": st.just("李四"),
    "owner": st.sampled_from(["王健", "+86 李四"]),
    "vehicle_class": st.sampled_from(["temporary", "free,long_term"]),
    "status": st.sampled_from(["issued", "requested"]),
    "release_mode": st.sampled_from(["automatic", "manual"]),
}
LEFT_OUT = {"exit_record_id", "compare_from", "compare_to", "number", "operator", "charge_class"}


@dataclass(frozen=True)
class Instance:
    """The published lake, and who asks."""

    settings: Settings
    oracles: dict[str, Oracle]

    def context(self, login: str) -> Context:
        with ops_session(self.settings) as session:
            actor = actor_by_login(session, login)
        return Context(self.settings, actor, None, "zh", datetime.now(UTC), "")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    lake = Lake(Settings(home=Path(tmp_path_factory.mktemp("scattered"))))
    add_tree(lake.settings)
    scatter(lake)
    lake.publish(datetime(2019, 5, 9, 3, tzinfo=UTC))
    connection = open_lake(lake.settings, read_only=True)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment(lake.settings).items():
            patched.setenv(name, value)
        for cached in (instance.settings, instance.reader, instance.results):
            cached.cache_clear()
        yield Instance(lake.settings, {login: Oracle(connection, lots) for login, lots in LOTS.items()})
        for cached in (instance.settings, instance.reader, instance.results):
            cached.cache_clear()
    connection.close()


@st.composite
def questions(draw: st.DrawFn, report: str) -> tuple[str, dict[str, str], str | None]:
    """A login, parameters as a page's address gives them, and an order."""
    known = find(report)
    login = draw(st.sampled_from(sorted(LOTS)))
    asked: dict[str, str] = {}
    chosen = draw(st.lists(st.sampled_from(LOTS[login]), unique=True))
    if chosen:
        asked["lot"] = ",".join(chosen)
    for parameter in known.parameters:
        if parameter.key not in LEFT_OUT and draw(st.integers(0, 9)) >= (4 if parameter.key in OFTEN else 8):
            asked[parameter.key] = draw(_values(parameter))
    start = FIRST + timedelta(days=draw(st.integers(0, DAYS)) - 1)
    end = start + timedelta(days=draw(st.integers(1, DAYS)))
    by_hours = known.grain in (Grain.HOUR, Grain.RECORD) and (
        report != "traffic-analysis" or asked.get("by", "day") not in ("day", "month")
    )
    if by_hours and draw(st.booleans()):
        minutes = st.just(0) if known.grain is Grain.HOUR else st.integers(0, 59)
        ends = [datetime.combine(day, time(draw(st.integers(0, 23)), draw(minutes))) for day in (start, end)]
        asked |= {"from": ends[0].isoformat(timespec="seconds"), "to": ends[1].isoformat(timespec="seconds")}
    else:
        asked |= {"from": start.isoformat(), "to": end.isoformat()}
    shown = {column.key for column in known.shown_columns({"by": "total", **asked})}
    orders = [f"{sign}{key}" for key in known.sort_keys() if key in shown for sign in ("", "-")]
    return login, asked, draw(st.none() | st.sampled_from(orders))


def _values(parameter: Parameter) -> st.SearchStrategy[str]:
    if parameter.key in WORDS:
        return WORDS[parameter.key]
    if parameter.type is ParameterType.BOOLEAN:
        return st.sampled_from(["yes", "no"])
    if parameter.type is ParameterType.CHOICES:
        return st.lists(st.sampled_from(parameter.choices), min_size=1, unique=True).map(",".join)
    return st.sampled_from(parameter.choices)


def _seconds(words: str) -> int:
    """A length of time in the manual's wording."""
    found = re.fullmatch(r"(-?)(?:(\d+)小时)?(?:(\d+)分钟)?(\d+)秒", words)
    assert found, words
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    return (-1 if found[1] else 1) * (hours * 3600 + minutes * 60 + seconds)


def said(column: Column, value: Any) -> Any:
    """A typed value with codes as their labels, which is all that a file for people has."""
    if value is None or value == "":
        return None
    if column.type in (ColumnType.CODE, ColumnType.CODES):
        return ",".join(code_text(column.code_set or "", one, "zh") for one in value.split(","))
    return value


def of_csv(column: Column, words: str) -> Any:
    if words == "":
        return None
    match column.type:
        case ColumnType.INTEGER:
            return int(words)
        case ColumnType.MONEY | ColumnType.AVERAGE:
            assert re.fullmatch(r"-?\d+\.\d\d", words)
            return Decimal(words)
        case ColumnType.RATIO:
            return Decimal(words.removesuffix("%")) / 100
        case ColumnType.DURATION:
            return _seconds(words)
        case ColumnType.DATE:
            return date.fromisoformat(words)
        case ColumnType.INSTANT:
            return datetime.fromisoformat(words)
        case ColumnType.BOOLEAN:
            return {"是": True, "否": False}[words]
        case _:
            plain = words[1:] if words[:1] == "'" else words
            assert guarded(plain) == words
            return plain


def of_sheet(column: Column, cell: Any) -> Any:
    """A cell's value; it must have the type that Excel can count with."""
    if cell is None:
        return None
    match column.type:
        case ColumnType.INTEGER:
            assert isinstance(cell, Decimal)
            assert cell == int(cell)
            return int(cell)
        case ColumnType.MONEY | ColumnType.RATIO | ColumnType.AVERAGE:
            assert isinstance(cell, Decimal)
            places = Decimal("0.0001") if column.type is ColumnType.RATIO else Decimal("0.01")
            assert abs(cell - cell.quantize(places)) < Decimal("0.000001")
            return cell.quantize(places)
        case ColumnType.DURATION:
            return _seconds(cell) if isinstance(cell, str) else int(cell.total_seconds())
        case ColumnType.DATE:
            assert isinstance(cell, datetime)
            return cell.date()
        case ColumnType.INSTANT:
            assert isinstance(cell, datetime)
            return cell
        case ColumnType.BOOLEAN:
            return {"是": True, "否": False}[cell]
        case _:
            assert isinstance(cell, str)
            return cell


def of_json(column: Column, value: Any) -> Any:
    if value is None:
        return None
    match column.type:
        case ColumnType.MONEY | ColumnType.RATIO | ColumnType.AVERAGE:
            assert isinstance(value, str)
            return Decimal(value)
        case ColumnType.DATE:
            return date.fromisoformat(value)
        case ColumnType.INSTANT:
            return datetime.fromisoformat(value)
        case ColumnType.INTEGER | ColumnType.DURATION:
            assert type(value) is int
            return value
        case _:
            return value


def pages(context: Context, report: str, asked: Asked, sort: str | None) -> tuple[ReportResult, list[tuple[Any, ...]]]:
    """What the page asks for, page after page."""
    order = {"sort": sort} if sort else {}
    first = context.query(report, **asked, **order, size=SIZE, page=1)
    rows = list(first.rows)
    for number in range(2, first.page.count + 1):
        rows += context.query(report, **asked, **order, size=SIZE, page=number).rows
    return first, rows


def command_line(report: str, login: str, asked: Asked, sort: str | None) -> dict[str, Any]:
    app = typer.Typer()
    register(app)
    arguments = ["report", report, "--format", "json", "--lang", "zh"]
    if login != "root":
        arguments += ["--as", login]
    for lot in asked.get("lot", "").split(","):
        arguments += ["--lot", lot] if lot else []
    for name, value in asked.items():
        if name in ("from", "to"):
            arguments += [f"--{name}", value]
        elif name != "lot":
            arguments += ["--set", f"{name}={value}"]
    result = CliRunner().invoke(app, arguments + (["--set", f"sort={sort}"] if sort else []))
    if result.exception is not None:
        raise result.exception
    found: dict[str, Any] = json.loads(result.output)
    return found


@pytest.mark.parametrize("report", sorted(KEYS))
def test_for_any_filter_page_csv_workbook_command_line_and_sql_agree(
    published: Instance, report: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("files")
    compared = 0

    # Not made smaller when it fails: each example is seconds of real files.
    @settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(question=questions(report))
    @example(question=("root", {"from": "2019-04-25", "to": "2019-05-11"}, None))
    def check(question: tuple[str, dict[str, str], str | None]) -> None:
        nonlocal compared
        login, asked, sort = question
        context = published.context(login)
        first, rows = pages(context, report, asked, sort)
        columns, compared = first.columns, compared + len(rows)
        order = {"sort": sort} if sort else {}
        wanted = [[said(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
        totals = [said(column, first.totals.get(column.key)) for column in columns]
        assert len(rows) == first.row_count

        whole = file_bytes(context, report, {**asked, **order}, "csv").decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(whole)))
        last = -1 if first.report.totals_row else None
        assert lines[0] == first.headers
        assert [[of_csv(*cell) for cell in zip(columns, line, strict=True)] for line in lines[1:last]] == wanted
        if last is not None:
            assert lines[-1][0] == "合计"
            assert [of_csv(*cell) for cell in zip(columns[1:], lines[-1][1:], strict=True)] == totals[1:]

        path = folder / "whole.xlsx"
        path.write_bytes(file_bytes(context, report, {**asked, **order}, "xlsx"))
        sheet, about = read_workbook(path)
        assert (sheet.name, about.name, sheet.frozen_rows) == (first.report.zh, "查询条件", 1)
        assert sheet.rows[0] == first.headers
        assert [[of_sheet(*cell) for cell in zip(columns, line, strict=True)] for line in sheet.rows[1:last]] == wanted
        if last is not None:
            assert sheet.rows[-1][0] == "合计"
            assert [of_sheet(*cell) for cell in zip(columns[1:], sheet.rows[-1][1:], strict=True)] == totals[1:]
        said_of = dict(about.rows)
        assert said_of["数据截止(UTC)"] == "2019-05-09 03:00:00"
        assert said_of["行数"] == str(len(rows))
        assert said_of["from"].replace(" ", "T") == asked["from"]
        assert {name for name in asked if name != "lot"} <= set(said_of)
        if asked.get("lot"):
            assert set(said_of["lots"].split(", ")) == set(asked["lot"].split(","))

        told = command_line(report, login, asked, sort)
        assert [
            [said(column, of_json(column, row[column.key])) for column in columns] for row in told["rows"]
        ] == wanted
        assert {key: of_json(_of(columns, key), value) for key, value in told["totals"].items()} == first.totals
        assert told["row_count"] == len(rows)

        _check_against_sql(published.oracles[login], report, asked, first, rows)

    check()
    assert compared > 3, "hardly any row was compared"


def _of(columns: tuple[Column, ...], key: str) -> Column:
    return next(column for column in columns if column.key == key)


def _check_against_sql(
    oracle: Oracle, report: str, asked: dict[str, str], first: ReportResult, rows: list[tuple[Any, ...]]
) -> None:
    expected = oracle.expected(report, asked)
    keys = KEYS[report]
    if report == "daily-report" and asked.get("by") == "day":
        keys = ("lot_code", "day", "booth")
    names = [column.key for column in first.columns]
    found = {}
    for row in rows:
        record = dict(zip(names, row, strict=True))
        if report == "traffic-analysis" and record["entries"] is None is record["exits"]:
            continue  # nothing was uploaded at this position: the oracle lists only the others
        key = tuple(record.get(name) for name in keys)
        assert key not in found
        found[key] = {name: record[name] for name in next(iter(expected.values()), {})}
    assert found == expected
    for name, value in added(expected).items():
        if name in first.totals:
            assert (first.totals[name] or 0) == value, name
