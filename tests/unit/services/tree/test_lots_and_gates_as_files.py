"""Lots and gates taken out and put in as files."""

from __future__ import annotations

from datetime import date

from tests.unit.services.tree.conftest import CUSTOMER, LOT, World
from warehouse.ops.models import Area, Gate, Lot
from warehouse.services.exchange import export_file, find_sheet, import_file, try_file
from warehouse.services.listing import ListQuery
from warehouse.services.lot_editing import LotForm, create_lot
from warehouse.services.lot_gates import GateForm, add_gate, list_gates
from warehouse.services.lot_list import get_lot, list_lots

HEADER = "code,name,customer,longitude,latitude,coordinate_datum,time_zone,capacity,licence_to,is_test\n"


def test_lots_that_are_taken_out_go_in_again_unchanged(world: World) -> None:
    admin = world.actor("admin")
    form = LotForm(name="外滩", longitude="121.4903", latitude="31.2397", coordinate_datum="bd09", capacity=80)
    create_lot(world.settings, admin, CUSTOMER, form)
    sheet = find_sheet("lots")
    for file_format in ("csv", "xlsx"):
        for language in ("zh", "en"):
            content = export_file(world.settings, admin, sheet, file_format, language)
            report = try_file(world.settings, admin, sheet, f"lots.{file_format}", content)
            assert report.problems == ()
            assert (report.lines, report.unchanged) == (4, 4)
    assert len(export_file(world.settings, world.actor("east"), sheet, "csv", "zh").splitlines()) == 4
    assert [entry.action for entry in world.entries()[1:]] == ["lots.export"] * 5


def test_an_import_adds_and_changes_lots_within_the_scope(world: World) -> None:
    text = HEADER + "NEW-1,新场,N4,120.1,30.2,gcj02,,120,2027-01-31,\nP1,云和花园北,,,,,Asia/Urumqi,,,是\n"
    east = world.actor("east")
    sheet = find_sheet("lots")
    trial = try_file(world.settings, east, sheet, "l.csv", text.encode())
    assert (trial.new, trial.changed, trial.problems) == (1, 1, ())
    assert world.count(Lot) == 3
    import_file(world.settings, east, sheet, "l.csv", text.encode())
    found = {row.code: row for row in list_lots(world.settings, world.actor("east"), ListQuery()).rows}
    assert (found["NEW-1"].capacity, found["NEW-1"].licence_to) == (120, date(2027, 1, 31))
    assert get_lot(world.settings, world.actor("east"), found["NEW-1"].lot_id).given_longitude == 120.1
    assert (found["P1"].name, found["P1"].is_test, found["P1"].time_zone) == ("云和花园北", True, "Asia/Urumqi")
    assert [command.kind for command in world.commands()] == ["lot_settings"]


def test_wrong_lines_are_named_and_nothing_foreign_is_touched(world: World) -> None:
    text = (
        HEADER
        + "P3,抢来,N4,,,,,,,\n"
        + "X-1,外客,N6,,,,,,,\n"
        + "P2,江畔,N4,,,,,,,\n"
        + "X-2,坏,N4,200,30,,Mars/Base,,,\n"
        + "P1,云和花园,,,,,,99,,\n"
    )
    report = import_file(world.settings, world.actor("east"), find_sheet("lots"), "l.csv", text.encode())
    assert not report.is_applied
    assert [(problem.line, problem.field) for problem in report.problems] == [
        (2, "code"),
        (3, "customer"),
        (4, "customer"),
        (5, "longitude"),
        (5, "time_zone"),
        (6, "capacity"),
    ]
    assert all(problem.zh != problem.en for problem in report.problems)
    assert world.row(Lot, 3).name == "锦里"


def test_a_customer_does_not_extend_its_licence_by_a_file(world: World) -> None:
    text = HEADER + "P1,云和花园,,,,,,,2099-01-01,\n"
    report = import_file(world.settings, world.actor("owner"), find_sheet("lots"), "l.csv", text.encode())
    assert [problem.field for problem in report.problems] == ["licence_to"]


def test_gates_are_added_and_changed_by_a_file_and_keep_their_codes(world: World) -> None:
    admin = world.actor("admin")
    sheet = find_sheet("gates")
    world.add(Area(lot_id=LOT, area_id="B1", name="地下"))
    add_gate(world.settings, admin, LOT, GateForm("G1", "东门", "exit"))
    [before] = list_gates(world.settings, admin, LOT)
    text = "出入口编号,出入口名称,方向,区域编号\nG1,新东门,,B1\nG2,南门,入口,\n"
    trial = try_file(world.settings, admin, sheet, "g.csv", text.encode(), lot_id=LOT)
    assert (trial.new, trial.changed) == (1, 1)
    assert world.count(Gate) == 1
    bad = import_file(world.settings, admin, sheet, "g.csv", (text + "G3,北门,向上,Z\n").encode(), lot_id=LOT)
    assert [problem.field for problem in bad.problems] == ["direction"]
    assert world.count(Gate) == 1
    import_file(world.settings, admin, sheet, "g.csv", text.encode(), lot_id=LOT)
    after = {gate.gate_id: gate for gate in list_gates(world.settings, admin, LOT)}
    assert (after["G1"].name, after["G1"].direction, after["G1"].area_name) == ("新东门", "exit", "地下")
    assert after["G1"].pay_url == before.pay_url
    out = export_file(world.settings, admin, sheet, "csv", "zh", lot_id=LOT)
    assert try_file(world.settings, admin, sheet, "g.csv", out, lot_id=LOT).unchanged == 2
    assert before.pay_url.rsplit("/", 1)[1].encode() not in out
