"""Importing lots from tables."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from warehouse import lots_commands
from warehouse.errors import ParkError
from warehouse.ops.models import Area, AreaCapacity, Lot, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.listing import ListQuery
from warehouse.services.lot_file import import_lots, read_lot_file
from warehouse.services.lot_list import list_lots
from warehouse.services.lots import find_lot
from warehouse.settings import Settings

HEADER = "code,name,agent,agent_name,customer,customer_name,address,longitude,latitude,capacity,area_id,is_inner"
GOOD = f"""{HEADER}
A-1,一号停车场,east,华东代理,c1,客户一,上海市,121.5,31.2,100,,
A-1,,,,,,,,,40,inner,是
A-2,二号停车场,east,,c2,客户二,,,,50,,
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    migrate(settings)
    return settings


def _write(folder: Path, text: str, name: str = "lots.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_lots_areas_and_nodes_are_created_and_a_second_import_changes_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    path = _write(tmp_path, GOOD)
    with ops_session(settings) as session:
        first = import_lots(session, path)
    with ops_session(settings) as session:
        second = import_lots(session, path)
        nodes = {node.code: (node.level, node.name) for node in session.scalars(select(Node))}
        capacities = session.scalar(select(func.count()).select_from(AreaCapacity))
        inner = session.get(Area, (find_lot(session, "A-1").lot_id, "inner"))
    assert (first.created, first.updated, first.unchanged) == (2, 0, 0)
    assert (second.created, second.updated, second.unchanged) == (0, 0, 2)
    assert nodes["c1"] == ("customer", "客户一")
    assert nodes["east"] == ("agent", "华东代理")
    assert capacities == 3
    assert inner is not None
    assert inner.is_inner


def test_a_changed_capacity_starts_today_and_keeps_the_old_one_for_earlier_days(
    settings: Settings, tmp_path: Path
) -> None:
    with ops_session(settings) as session:
        import_lots(session, _write(tmp_path, GOOD))
    with ops_session(settings) as session:
        summary = import_lots(session, _write(tmp_path, GOOD.replace("31.2,100,", "31.2,120,")))
        lot_id = find_lot(session, "A-1").lot_id
        spaces = session.scalars(
            select(AreaCapacity.spaces)
            .where(AreaCapacity.lot_id == lot_id, AreaCapacity.area_id.is_(None))
            .order_by(AreaCapacity.valid_from)
        ).all()
    listed = {lot.code: lot.capacity for lot in list_lots(settings, LOCAL, ListQuery()).rows}
    assert (summary.updated, summary.unchanged) == (1, 1)
    assert spaces == [100, 120]
    assert listed == {"A-1": 120, "A-2": 50}


@pytest.mark.parametrize(
    ("wrong", "line", "field"),
    [
        ("A-3,名,east,,c1,,,181,31,10,,", 5, "longitude"),
        ("A 3,名,east,,c1,,,,,10,,", 5, "code"),
        ("A-3,,east,,c1,,,,,10,,", 5, "name"),
        ("A-3,名,east,,c1,,,,,ten,,", 5, "capacity"),
        ("A-1,名,east,,c1,,,,,10,,", 5, "code"),
        ("A-9,,,,,,,,,10,inner,是", 5, "code"),
        ("A-3,名,east,,c1,,,,,10,,maybe", 5, "is_inner"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(
    settings: Settings, tmp_path: Path, wrong: str, line: int, field: str
) -> None:
    if field == "is_inner":
        wrong = "A-1,,,,,,,,,10,other,maybe"
    path = _write(tmp_path, GOOD + wrong + "\n")
    with ops_session(settings) as session:
        summary = import_lots(session, path)
        written = session.scalar(select(func.count()).select_from(Lot))
    assert [(error.line, error.field) for error in summary.errors] == [(line, field)]
    assert all(str(line) in error.text(language) for error in summary.errors for language in ("zh", "en"))
    assert written == 0


def test_skipping_bad_lines_writes_the_rest_and_leaves_out_a_lot_whose_area_is_wrong(
    settings: Settings, tmp_path: Path
) -> None:
    path = _write(tmp_path, GOOD + "A-1,,,,,,,,,many,other,是\n")
    with ops_session(settings) as session:
        summary = import_lots(session, path, skip_bad=True)
        codes = session.scalars(select(Lot.code)).all()
    assert len(summary.errors) == 1
    assert codes == ["A-2"]


def test_a_workbook_with_chinese_headings_equals_the_text_file(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "停车场编号": ["A-1", "A-1"],
            "停车场名称": ["一号停车场", None],
            "代理商编号": ["east", None],
            "客户编号": ["c1", None],
            "经度": [121.5, None],
            "车位数": [100, 40],
            "场内区域编号": [None, "inner"],
            "内场": [None, "是"],
        }
    )
    frame.write_excel(tmp_path / "lots.xlsx")
    header = "code,name,agent,customer,longitude,capacity,area_id,is_inner\n"
    text = header + "A-1,一号停车场,east,c1,121.5,100,,\nA-1,,,,,40,inner,是\n"
    assert read_lot_file(tmp_path / "lots.xlsx") == read_lot_file(_write(tmp_path, text))


def test_missing_and_unknown_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ParkError, match="customer") as missing:
        read_lot_file(_write(tmp_path, "code,name,agent\n"))
    assert "客户编号" in missing.value.zh
    with pytest.raises(ParkError, match="colour"):
        read_lot_file(_write(tmp_path, "code,name,agent,customer,colour\n"))


def test_the_command_prints_each_wrong_line_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    monkeypatch.setenv("PARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PARK_LANGUAGE", "en")
    migrate(Settings())
    app = typer.Typer()
    lots_commands.register(app)
    runner = CliRunner()
    bad = runner.invoke(app, ["lots", "import", str(_write(tmp_path, GOOD + "A-3,名,east,,c1,,,,,ten,,\n"))])
    assert isinstance(bad.exception, ParkError)
    assert "line 5, capacity “ten”" in bad.output
    good = runner.invoke(app, ["lots", "import", str(_write(tmp_path, GOOD)), "--json"])
    assert json.loads(good.output)["created"] == 2
    listed = runner.invoke(app, ["lots", "list", "--json"])
    assert [lot["capacity"] for lot in json.loads(listed.output)] == [100, 50]
