"""Gates, their payment QR codes, sheets and archives."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
import zxingcpp
from PIL import Image

from tests.unit.services.tree.conftest import LOT, World
from warehouse.errors import ParkError
from warehouse.ops.models import Area, Gate
from warehouse.services.fields import InvalidFields
from warehouse.services.gate_codes import all_codes, code_sheet, gate_code
from warehouse.services.lot_gates import (
    GateForm,
    add_gate,
    edit_gate,
    list_gates,
    remove_gate,
    replace_code,
)

EAST = GateForm("G1", "东门 <&>", "exit")


def read_code(png: bytes) -> str:
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    return found.text


def test_a_gate_gets_a_code_that_a_reader_reads_and_the_lot_is_told(world: World) -> None:
    admin = world.actor("admin")
    settings = world.settings.model_copy(update={"public_url": "https://park.example/"})
    add_gate(settings, admin, LOT, EAST)
    [gate] = list_gates(settings, admin, LOT)
    assert gate.pay_url.startswith("https://park.example/pay/")
    name, png = gate_code(settings, admin, LOT, "G1", "png")
    assert name.endswith(".png")
    assert "<" not in name
    assert read_code(png) == gate.pay_url
    _, svg = gate_code(settings, admin, LOT, "G1", "svg")
    assert svg.startswith(b"<?xml")
    assert b"<script" not in svg
    [command] = world.commands()
    assert (command.kind, command.subject) == ("gate_code", "gate_code/G1")
    assert command.payload == {"gate_id": "G1", "url": gate.pay_url}


def test_without_a_public_address_the_code_names_host_and_port(world: World) -> None:
    add_gate(world.settings, world.actor("admin"), LOT, EAST)
    [gate] = list_gates(world.settings, world.actor("admin"), LOT)
    assert gate.pay_url.startswith("http://127.0.0.1:8700/pay/")


def test_a_replaced_code_is_another_one_and_neither_stands_in_the_log(world: World) -> None:
    admin = world.actor("admin")
    add_gate(world.settings, admin, LOT, EAST)
    [old] = list_gates(world.settings, admin, LOT)
    said = replace_code(world.settings, admin, LOT, old.version, "G1")
    [new] = list_gates(world.settings, admin, LOT)
    assert said == new.pay_url != old.pay_url
    assert read_code(gate_code(world.settings, admin, LOT, "G1", "png")[1]) == new.pay_url
    log = str([(entry.before, entry.after) for entry in world.entries()])
    for view in (old, new):
        assert view.pay_url.rsplit("/", 1)[1] not in log
    assert world.commands()[-1].payload["url"] == new.pay_url
    with pytest.raises(ParkError) as caught:
        replace_code(world.settings, admin, LOT, old.version, "G1")
    assert caught.value.code == "conflict"


def test_the_archive_holds_every_code_and_the_sheet_names_lot_and_gate_safely(world: World) -> None:
    admin = world.actor("admin")
    for form in (EAST, GateForm("G/1", "东门 <&>", "entry"), GateForm("G:1", "东门 <&>", "both")):
        add_gate(world.settings, admin, LOT, form)
    urls = {gate.pay_url for gate in list_gates(world.settings, admin, LOT)}
    with zipfile.ZipFile(io.BytesIO(all_codes(world.settings, admin, LOT))) as archive:
        names = archive.namelist()
        assert {read_code(archive.read(name)) for name in names} == urls
    assert len(set(names)) == 3
    assert not any("/" in name or ":" in name for name in names)
    sheet = code_sheet(world.settings, admin, LOT).decode()
    assert sheet.count("<svg") == 3
    assert sheet.count("云和花园") == 4
    assert "东门 &lt;&amp;&gt; · 出口 Exit" in sheet
    assert "<script" not in sheet
    assert "A4" in sheet


def test_wrong_gates_are_told_at_their_fields(world: World) -> None:
    admin = world.actor("admin")
    add_gate(world.settings, admin, LOT, EAST)
    with pytest.raises(InvalidFields) as caught:
        add_gate(world.settings, admin, LOT, GateForm("G1", "", "sideways", "nowhere"))
    assert {problem.field for problem in caught.value.problems} == {"gate_id", "name", "direction", "area_id"}
    assert all(problem.zh != problem.en for problem in caught.value.problems)


def test_a_gate_is_edited_once_a_version_and_removed(world: World) -> None:
    admin = world.actor("admin")
    world.add(Area(lot_id=LOT, area_id="B1", name="地下"))
    add_gate(world.settings, admin, LOT, EAST)
    edit_gate(world.settings, admin, LOT, 1, replace(EAST, name="西门", area_id="B1"))
    [gate] = list_gates(world.settings, admin, LOT)
    assert (gate.name, gate.area_name, gate.version) == ("西门", "地下", 2)
    for stale in (
        lambda: edit_gate(world.settings, admin, LOT, 1, EAST),
        lambda: remove_gate(world.settings, admin, LOT, 1, "G1"),
    ):
        with pytest.raises(ParkError) as caught:
            stale()
        assert caught.value.code == "conflict"
    remove_gate(world.settings, admin, LOT, 2, "G1")
    assert world.count(Gate) == 0
    assert world.commands()[-1].payload == {"gate_id": "G1", "url": None}
