"""Import and export of administered tables: what comes out goes in again, and wrong lines are told and not written."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuditEntry, Node, Operator, Role
from warehouse.ops.session import ops_session
from warehouse.security import audit
from warehouse.security.passwords import password_matches
from warehouse.services.exchange import (
    export_file,
    find_sheet,
    import_file,
    problems_file,
    result_file,
    sheets,
    template_file,
    try_file,
)
from warehouse.services.exchange_files import read_table, write_table
from warehouse.services.exchange_sheet import BadValueError, Column, Kind, cell_text, read_cell
from warehouse.services.operators import delete_operator

AGENTS = "代理商编号,代理商名称,联系人,电话,启用\nA-7,第七代理,王五,0086-021-1,是\nA-8,第八代理,,,否\n"
OPERATORS = "login,name,role,node,lot,phone\nli,李四,财务,sun,,00138\nwang,王五,停车场管理员,,S-1,\n"


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path)


def cells(content: bytes, file_format: str = "csv") -> list[list[str]]:
    headings, lines = read_table(f"x.{file_format}", content)
    return [headings, *(row for _, row in lines)]


def counts(tenants: Tenants) -> tuple[int | None, ...]:
    with ops_session(tenants.settings) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) for model in (Node, Operator, Role, AuditEntry)
        )


def test_a_trial_tells_what_would_happen_and_writes_nothing(tenants: Tenants) -> None:
    before = counts(tenants)
    report = try_file(tenants.settings, tenants.actor("admin"), find_sheet("agents"), "a.csv", AGENTS.encode())
    assert (report.lines, report.new, report.changed, report.unchanged, report.wrong) == (2, 2, 0, 0, 0)
    assert not report.is_applied
    assert counts(tenants) == before


def test_an_import_writes_once_and_the_second_time_changes_nothing(tenants: Tenants) -> None:
    actor, sheet = tenants.actor("admin"), find_sheet("agents")
    first = import_file(tenants.settings, actor, sheet, "a.csv", AGENTS.encode())
    second = import_file(tenants.settings, actor, sheet, "a.csv", AGENTS.encode())
    assert (first.new, first.is_applied) == (2, True)
    assert (second.new, second.changed, second.unchanged) == (0, 0, 2)
    with ops_session(tenants.settings) as session:
        made = session.scalars(select(Node).where(Node.code == "A-7")).one()
        other = session.scalars(select(Node).where(Node.code == "A-8")).one()
    assert (made.name, made.contact_name, made.phone, made.is_active) == ("第七代理", "王五", "0086-021-1", True)
    assert not other.is_active


def test_each_changed_thing_and_the_import_itself_have_entries_in_the_log(tenants: Tenants) -> None:
    sheet = find_sheet("agents")
    import_file(tenants.settings, tenants.actor("admin"), sheet, "a.csv", AGENTS.encode())
    changed = AGENTS.replace("王五", "赵六")
    import_file(tenants.settings, tenants.actor("admin"), sheet, "b.csv", changed.encode())
    entries = tenants.log("agents.edit")
    assert [(entry.entity, entry.entity_name) for entry in entries][-2:] == [
        ("agent", "第七代理"),
        ("import", "agents"),
    ]
    assert (entries[-2].before, entries[-2].after) == ({"contact_name": "王五"}, {"contact_name": "赵六"})
    assert entries[-1].after == {"file": "b.csv", "new": 0, "changed": 1, "unchanged": 1, "left_out": 0}


def test_columns_that_a_file_lacks_are_left_alone_and_empty_cells_clear(tenants: Tenants) -> None:
    sheet = find_sheet("agents")
    import_file(tenants.settings, tenants.actor("admin"), sheet, "a.csv", AGENTS.encode())
    import_file(tenants.settings, tenants.actor("admin"), sheet, "a.csv", "code,name,phone\nA-7,新名,\n".encode())
    with ops_session(tenants.settings) as session:
        made = session.scalars(select(Node).where(Node.code == "A-7")).one()
    assert (made.name, made.contact_name, made.phone) == ("新名", "王五", None)


def test_one_wrong_line_stops_all_unless_it_is_left_out(tenants: Tenants) -> None:
    actor, sheet = tenants.actor("admin"), find_sheet("agents")
    text = AGENTS + "A 9,坏编号,,,\nA-10,,,,也许\n"
    before = counts(tenants)
    refused = import_file(tenants.settings, actor, sheet, "a.csv", text.encode())
    assert not refused.is_applied
    assert (refused.new, refused.wrong) == (2, 2)
    assert counts(tenants) == before
    assert [(p.line, p.field, p.value) for p in refused.problems] == [
        (4, "code", "A 9"),
        (5, "name", ""),
        (5, "is_active", "也许"),
    ]
    assert all(p.zh and p.en for p in refused.problems)
    done = import_file(tenants.settings, actor, sheet, "a.csv", text.encode(), skip_wrong=True)
    assert (done.is_applied, done.new, done.wrong) == (True, 2, 2)
    listed = cells(problems_file(sheet, refused, "csv", "zh"))
    assert listed[1][:3] == ["4", "代理商编号", "A 9"]


def test_the_trial_and_the_import_agree_on_every_line(tenants: Tenants) -> None:
    actor = tenants.actor("admin")
    text = (
        OPERATORS
        + "li,又一个,财务,sun,,\nx y,坏,财务,sun,,\nfei,飞,没有的角色,sun,,\n"
        + "ke,可,财务,nowhere,,\nle,乐,财务,sun,S-1,\n"
    )
    sheet = find_sheet("operators")
    trial = try_file(tenants.settings, actor, sheet, "o.csv", text.encode())
    done = import_file(tenants.settings, actor, sheet, "o.csv", text.encode(), skip_wrong=True)
    assert (trial.new, trial.wrong) == (done.new, done.wrong) == (2, 5)
    assert trial.problems == done.problems
    assert [p.line for p in trial.problems] == [4, 5, 6, 7, 8]


def test_what_is_taken_out_goes_in_again_as_unchanged(tenants: Tenants) -> None:
    actor = tenants.actor("admin")
    import_file(tenants.settings, actor, find_sheet("agents"), "a.csv", AGENTS.encode())
    import_file(tenants.settings, actor, find_sheet("operators"), "o.csv", OPERATORS.encode())
    for name in ("agents", "customers", "operators", "roles"):
        for file_format in ("csv", "xlsx"):
            for language in ("zh", "en"):
                sheet = find_sheet(name)
                content = export_file(tenants.settings, actor, sheet, file_format, language)
                report = try_file(tenants.settings, actor, sheet, f"x.{file_format}", content)
                assert report.problems == (), (name, file_format, language)
                assert (report.lines, report.new, report.changed) == (report.unchanged, 0, 0), (name, file_format)
                assert report.lines > 1


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_template_can_be_read_again_and_has_an_example(file_format: str, language: str) -> None:
    for sheet in sheets().values():
        headings, example = cells(template_file(sheet, file_format, language), file_format)
        assert headings == [column.heading(language) for column in sheet.columns if not column.only_out]
        values = dict(zip(headings, example, strict=True))
        for column in sheet.columns:
            if column.required:
                assert values[column.heading(language)], column.field
            if column.example:
                assert read_cell(column, values[column.heading(language)]) == read_cell(column, column.example)


def test_new_operators_get_passwords_that_are_only_in_the_result(tenants: Tenants) -> None:
    sheet = find_sheet("operators")
    done = import_file(tenants.settings, tenants.actor("sun"), sheet, "o.csv", OPERATORS.encode())
    headings, first, second = cells(result_file(sheet, done, "xlsx", "en"), "xlsx")
    shown = dict(zip(headings, first, strict=True))
    assert (shown["Login"], second[0]) == ("li", "wang")
    operator = tenants.operator("li")
    assert password_matches(operator.password_hash, shown["First password"])
    assert operator.must_change_password
    assert (operator.phone, tenants.operator("wang").lot_id) == ("00138", tenants.lots["S-1"])
    assert shown["First password"] not in str([(e.before, e.after) for e in tenants.log()])
    out = export_file(tenants.settings, tenants.actor("sun"), sheet, "csv", "en")
    assert shown["First password"] not in out.decode("utf-8-sig")


def test_an_import_gives_nobody_more_than_the_importer_has(tenants: Tenants) -> None:
    text = "login,name,role,node,lot\nup,升,代理商管理员,sun,\nfar,远,财务,moon,\n"
    text += "lot,场,财务,,M-1\nsun-finance,降,财务,sun,\n"
    report = import_file(
        tenants.settings, tenants.actor("sun"), find_sheet("operators"), "o.csv", text.encode(), skip_wrong=True
    )
    assert [(p.line, p.field) for p in report.problems] == [(2, "role"), (3, "node"), (4, "lot")]
    assert (report.new, report.changed) == (0, 1)
    foreign = try_file(
        tenants.settings,
        tenants.actor("sun"),
        find_sheet("operators"),
        "o.csv",
        "login,name,role,node\nmoon,抢,财务,sun\n".encode(),
    )
    assert [(p.line, p.field) for p in foreign.problems] == [(2, "login")]


def test_the_last_administrator_survives_an_import(tenants: Tenants) -> None:
    actor = tenants.actor("admin")
    delete_operator(tenants.settings, actor, tenants.operators["second-admin"])
    text = "login,name,role,node\nadmin,降权,财务,platform\nnew,新,财务,platform\n"
    report = import_file(tenants.settings, actor, find_sheet("operators"), "o.csv", text.encode(), skip_wrong=True)
    assert [(p.line, "administrator" in p.en) for p in report.problems] == [(2, True)]
    assert report.new == 1
    assert tenants.operator("admin").role.code == "admin"
    with ops_session(tenants.settings) as session:
        assert audit.verify(session).broken_at is None


def test_roles_are_made_and_changed_line_by_line(tenants: Tenants) -> None:
    actor, sheet = tenants.actor("sun"), find_sheet("roles")
    text = "角色,菜单项,查看,编辑\n夜班,lots,是,是\n夜班,home,是,\n坏班,lots,,是\n"
    text += "大班,backup,是,\n财务,lots,是,\n怪班,home,是,是\n"
    report = import_file(tenants.settings, actor, sheet, "r.csv", text.encode(), skip_wrong=True)
    assert (report.new, report.wrong) == (2, 4)
    assert [(p.line, p.field) for p in report.problems] == [(4, "view"), (5, "role"), (6, "role"), (7, "edit")]
    with ops_session(tenants.settings) as session:
        role = session.scalars(select(Role).where(Role.name == "夜班")).one()
        assert {row.permission for row in role.permissions} == {"lots.view", "lots.edit", "home.view"}
        assert role.node_id == tenants.nodes["sun"]
    less = import_file(tenants.settings, actor, sheet, "r.csv", "角色,菜单项,查看\n夜班,home,是\n".encode())
    assert less.changed == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_in_usual_encodings_and_with_usual_separators(encoding: str, separator: str) -> None:
    content = AGENTS.replace(",", separator).encode(encoding)
    assert cells(content)[1] == ["A-7", "第七代理", "王五", "0086-021-1", "是"]


def test_csv_is_written_with_a_byte_order_mark_and_formulas_made_harmless() -> None:
    column = Column("x", "甲", "X")
    nasty = ["=1+1", "+86 138", "-5", "@x", "'=quoted", "'plain", "normal"]
    content = write_table("csv", "t", [column], [{"x": text} for text in nasty], "zh")
    assert content.startswith(b"\xef\xbb\xbf")
    assert b"\r\n'=1+1\r\n" in content
    assert [row[0] for row in cells(content)[1:]] == [*nasty[:4], "=quoted", *nasty[5:]]


def test_xlsx_has_real_types_a_frozen_header_and_no_formulas() -> None:
    columns = [
        Column("code", "编号", "Code"),
        Column("price", "价格", "Price", Kind.MONEY),
        Column("day", "日期", "Day", Kind.DATE),
        Column("count", "数量", "Count", Kind.INTEGER),
    ]
    row = {"code": "=007", "price": Decimal("300.10"), "day": date(2026, 1, 31), "count": 5}
    content = write_table("xlsx", "表", columns, [row, {"code": "00138"}], "zh")
    frame = pl.read_excel(io.BytesIO(content))
    assert frame.schema == {"编号": pl.String, "价格": pl.Float64, "日期": pl.Date, "数量": pl.Int64}
    assert frame.row(0) == ("=007", 300.1, date(2026, 1, 31), 5)
    assert frame.row(1)[0] == "00138"


def test_numbers_and_dates_typed_in_excel_are_understood(tenants: Tenants) -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["代理商编号 *", "Agent", "电话"])
        sheet.write_row(1, 0, [1001, "甲", 13800000000])
    report = import_file(tenants.settings, tenants.actor("admin"), find_sheet("agents"), "a.XLSX", target.getvalue())
    assert report.is_applied
    with ops_session(tenants.settings) as session:
        assert session.scalars(select(Node.phone).where(Node.code == "1001")).one() == "13800000000"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"x", "file_format"),
        ("a.csv", b"", "file_empty"),
        ("a.csv", b"\n,,\n", "file_empty"),
        ("a.csv", "代理商编号\nA-1\n".encode(), "missing_columns"),
        ("a.csv", "code,代理商编号,name\nA,A,x\n".encode(), "doubled_columns"),
        ("a.xlsx", b"no workbook", "file_unreadable"),
        ("a.csv", b"x" * (20 * 1024 * 1024 + 1), "file_too_large"),
        ("a.csv", b"code,name\n" + b"A,x\n" * 100_001, "file_too_large"),
        ("a.csv", b"\xff\xfe\x00", "file_unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(
    tenants: Tenants, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(ParkError) as caught:
        try_file(tenants.settings, tenants.actor("admin"), find_sheet("agents"), name, content)
    assert caught.value.code == code
    assert caught.value.zh
    assert caught.value.en


def test_unknown_headings_are_listed_and_their_cells_ignored(tenants: Tenants) -> None:
    text = "code,name,星座,phone,\nA-1,甲,狮子,1-2345,\n"
    report = try_file(tenants.settings, tenants.actor("admin"), find_sheet("agents"), "a.csv", text.encode())
    assert (report.unknown_headings, report.new) == (("星座",), 1)


def test_exports_are_in_the_log_and_need_their_permission(tenants: Tenants) -> None:
    export_file(tenants.settings, tenants.actor("sun"), find_sheet("operators"), "csv", "zh")
    entry = tenants.log("operators.export")[-1]
    assert (entry.entity, entry.entity_name, entry.after) == ("export", "operators", {"format": "csv", "rows": 3})
    with pytest.raises(Forbidden):
        export_file(tenants.settings, tenants.actor("sun"), find_sheet("agents"), "csv", "zh")
    assert tenants.log("agents.export")[-1].outcome == "refused"


def test_an_unknown_table_is_told_with_those_there_are() -> None:
    with pytest.raises(ParkError, match="agents, customers"):
        find_sheet("cars")


VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    Kind.INTEGER: st.integers(-(10**12), 10**12),
    Kind.MONEY: st.decimals(-(10**9), 10**9, places=2),
    Kind.DATE: st.dates(),
    Kind.YES_NO: st.booleans(),
    Kind.CHOICE: st.sampled_from(["a", "b"]),
    Kind.TEXT: st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
}


@given(st.data(), st.sampled_from(list(VALUES)), st.sampled_from(["zh", "en"]))
def test_what_is_written_in_a_cell_is_read_from_it(data: st.DataObject, kind: Kind, language: str) -> None:
    column = Column("x", "甲", "X", kind, choices={"a": ("甲", "Alpha"), "b": ("乙", "Beta")})
    value = data.draw(VALUES[kind])
    assert read_cell(column, cell_text(column, value, language)) == value


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1, max_size=5))
def test_any_text_survives_csv(texts: list[str]) -> None:
    texts = [text.removeprefix("'") or "x" for text in texts]  # an apostrophe in front of a formula is taken off
    content = write_table("csv", "t", [Column("x", "甲", "X")], [{"x": text} for text in texts], "zh")
    assert [row[0] for row in cells(content)[1:]] == [text.strip() for text in texts]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.INTEGER, "1.5"),
        (Kind.INTEGER, "many"),
        (Kind.NUMBER, "nan"),
        (Kind.MONEY, "1.005"),
        (Kind.MONEY, "1e30"),
        (Kind.DATE, "2026-02-30"),
        (Kind.DATE, "31.01.2026"),
        (Kind.YES_NO, "maybe"),
        (Kind.CHOICE, "c"),
    ],
)
def test_a_cell_that_does_not_fit_its_column_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(BadValueError) as caught:
        read_cell(Column("x", "甲", "X", kind, choices={"a": ("甲", "Alpha")}), text)
    assert caught.value.zh
    assert caught.value.en


@pytest.mark.parametrize("text", ["2026-01-31", "2026/1/31", "2026年1月31日", "20260131", "2026-01-31 00:00:00"])
def test_days_are_understood_as_people_write_them(text: str) -> None:
    assert read_cell(Column("x", "甲", "X", Kind.DATE), text) == date(2026, 1, 31)
