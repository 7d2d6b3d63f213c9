"""Owners and vehicles from tables: what an import writes is what the form would have written."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import DownlinkCommand, LongTermVehicle, Owner, OwnerSpace, VehicleGroup
from warehouse.ops.session import ops_session
from warehouse.services.exchange import ImportReport, export_file, find_sheet, import_file, try_file
from warehouse.services.owner_changes import create_owner, edit_owner
from warehouse.services.owner_forms import GroupForm, OwnerForm, SpaceForm, VehicleForm

HEAD = "车主编号,车主姓名,电话,车位号,车牌,车辆类型,有效期起,有效期至,车辆组,组车位数\n"
FILE = (
    HEAD
    + "001,张三,00138,A-1 A-2,鲁F69Y07,long_term,2026-01-01,2026-12-31,一家,1\n"
    + "001,张三,00138,A-1 A-2,鲁f·69y08,,2026-01-01,2026-12-31,一家,1\n"
    + "002,李四,,,粤BD12345,,,,,\n"
    + "003,王五,,B-1,,,,,,\n"
)


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return tenants_in(tmp_path)


def put(tenants: Tenants, text: str, sheet: str = "owners", who: str = "sun", **more: Any) -> ImportReport:
    return import_file(
        tenants.settings,
        tenants.actor(who),
        find_sheet(sheet),
        "o.csv",
        text.encode(),
        lot_id=tenants.lots["S-1"],
        **more,
    )


def stored(tenants: Tenants) -> dict[str, list[Any]]:
    """Everything about owners but ids and times."""
    with ops_session(tenants.settings) as session:
        owners = {owner.owner_id: owner.code for owner in session.scalars(select(Owner))}
        groups = {group.group_id: group.name for group in session.scalars(select(VehicleGroup))}
        vehicles = select(LongTermVehicle).where(LongTermVehicle.deleted_at.is_(None)).order_by(LongTermVehicle.plate)
        return {
            "owners": [(o.code, o.name, o.phone) for o in session.scalars(select(Owner).order_by(Owner.code))],
            "vehicles": [
                (
                    owners[v.owner_id],
                    v.plate,
                    v.plate_colour,
                    v.vehicle_class,
                    v.valid_from,
                    v.valid_to,
                    groups.get(v.group_id or 0),
                )
                for v in session.scalars(vehicles)
            ],
            "spaces": [
                (owners[s.owner_id], s.number) for s in session.scalars(select(OwnerSpace).order_by(OwnerSpace.number))
            ],
            "commands": [
                (c.kind, c.subject, {k: v for k, v in c.payload.items() if k != "group"}, bool(c.payload.get("group")))
                for c in session.scalars(select(DownlinkCommand).order_by(DownlinkCommand.subject))
            ],
        }


def without_ids(document: Any) -> Any:
    if isinstance(document, dict):
        return {k: without_ids(v) for k, v in document.items() if not k.endswith("_id") or k == "area_id"}
    return document


def test_an_import_writes_rows_commands_and_log_as_the_form_does(tenants: Tenants, tmp_path: Path) -> None:
    report = put(tenants, FILE)
    assert (report.new, report.wrong, report.is_applied) == (4, 0, True)
    other = tenants_in(tmp_path / "by-form")
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    lot_id = other.lots["S-1"]
    for form in (
        OwnerForm(
            lot_id,
            "张三",
            "001",
            "00138",
            vehicles=tuple(
                VehicleForm(plate, valid_from=first, valid_to=last, group="一家") for plate in ("鲁F69Y07", "鲁F69Y08")
            ),
            spaces=(SpaceForm("A-1"), SpaceForm("A-2")),
            groups=(GroupForm("一家", 1),),
        ),
        OwnerForm(lot_id, "李四", "002", vehicles=(VehicleForm("粤BD12345"),)),
        OwnerForm(lot_id, "王五", "003", spaces=(SpaceForm("B-1"),)),
    ):
        create_owner(other.settings, other.actor("sun"), form)
    assert stored(tenants) == stored(other)
    logged = [(e.entity, e.entity_name, without_ids(e.before), without_ids(e.after)) for e in tenants.log()]
    typed = [(e.entity, e.entity_name, without_ids(e.before), without_ids(e.after)) for e in other.log()]
    assert logged[:-1] == typed
    assert logged[-1][0] == "import"


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("002,李四,,,粤BD12345,,2026-01-01,2026-06-30,,\n", {"days": (date(2026, 1, 1), date(2026, 6, 30))}),
        ("002,李四,021-1234,,粤BD12345,,,,,\n", {"phone": "021-1234"}),
        ("002,李四,,C-9,粤BD12345,,,,,\n", {"spaces": (SpaceForm("C-9"),)}),
    ],
    ids=["validity", "telephone", "space"],
)
def test_an_imported_change_writes_commands_and_log_as_the_form_does(
    tenants: Tenants, tmp_path: Path, line: str, change: dict[str, Any]
) -> None:
    put(tenants, FILE)
    put(tenants, HEAD + line)
    other = tenants_in(tmp_path / "by-form")
    put(other, FILE)
    with ops_session(other.settings) as session:
        owner = session.scalars(select(Owner).where(Owner.code == "002")).one()
    days = change.pop("days", (None, None))
    vehicle = VehicleForm("粤BD12345", valid_from=days[0], valid_to=days[1])
    form = OwnerForm(other.lots["S-1"], "李四", "002", vehicles=(vehicle,), **change)
    edit_owner(other.settings, other.actor("sun"), owner.owner_id, owner.version, form)
    assert stored(tenants) == stored(other)
    entry, typed = tenants.log()[-2], other.log()[-1]
    assert (entry.before, entry.after) == (typed.before, typed.after)
    with ops_session(tenants.settings) as mine, ops_session(other.settings) as theirs:
        versions = [s.scalars(select(Owner.version).where(Owner.code == "002")).one() for s in (mine, theirs)]
    assert versions[0] == versions[1] > owner.version


def test_a_second_import_changes_nothing_and_what_comes_out_goes_in(tenants: Tenants) -> None:
    put(tenants, FILE)
    before = stored(tenants)
    assert put(tenants, FILE).unchanged == 4
    for name in ("owners", "long_term_vehicles"):
        for file_format in ("csv", "xlsx"):
            content = export_file(
                tenants.settings, tenants.actor("sun"), find_sheet(name), file_format, "zh", lot_id=tenants.lots["S-1"]
            )
            report = try_file(
                tenants.settings,
                tenants.actor("sun"),
                find_sheet(name),
                f"x.{file_format}",
                content,
                lot_id=tenants.lots["S-1"],
            )
            assert (report.problems, report.new, report.changed) == ((), 0, 0)
            assert report.unchanged == (4 if name == "owners" else 3)
    assert stored(tenants) == before


def test_changed_lines_change_their_vehicle_and_leave_the_others(tenants: Tenants) -> None:
    put(tenants, FILE)
    text = (
        HEAD + "001,张三,00138,A-1 A-2,鲁F69Y07,,2026-01-01,2027-12-31,一家,1\n001,张三,00138,A-1 A-2,鲁F69Y09,,,,,\n"
    )
    report = put(tenants, text)
    assert (report.new, report.changed, report.unchanged) == (1, 1, 0)
    plates = {row[1]: row[5] for row in stored(tenants)["vehicles"]}
    assert plates == {
        "鲁F69Y07": date(2027, 12, 31),
        "鲁F69Y08": date(2026, 12, 31),
        "鲁F69Y09": None,
        "粤BD12345": None,
    }


def test_vehicles_alone_are_changed_by_owner_code(tenants: Tenants) -> None:
    put(tenants, FILE)
    text = "车牌,车主编号,有效期起,有效期至\n粤BD12345,002,2026-02-01,2026-02-28\n鲁F69Y99,009,,\n"
    report = put(tenants, text, "long_term_vehicles", skip_wrong=True)
    assert (report.changed, [(p.line, p.field) for p in report.problems]) == (1, [(3, "code")])


def test_every_wrong_line_is_told_at_its_field_and_the_rest_can_be_written(tenants: Tenants) -> None:
    put(tenants, FILE)
    text = (
        "车主编号,车主姓名,电话,车位号,车牌,有效期起,有效期至,车辆组,组车位数\n"
        "010,甲,,,不是车牌,,,,\n"  # 2
        "010,甲,,,鲁F00001,2026-05-01,2026-01-01,,\n"  # 3
        "010,甲,,,鲁F00002,,,,\n"  # 4: right
        "011,乙,,,粤BD12345,,,,\n"  # 5: belongs to 002
        "012,丙,,A-1,鲁F00003,,,,\n"  # 6: space of 001
        "013,丁,,C-1,鲁F00004,,,,\n"  # 7: right
        "014,戊,,C-1,鲁F00005,,,,\n"  # 8: space of line 7
        "015,己,,,鲁F00006,,,新组,\n"  # 9: how many spaces?
        "016,庚,123456,,鲁F00007,,,,\n"  # 10: right
        "016,庚,654321,,鲁F00008,,,,\n"  # 11: another telephone
        "017,辛,,,鲁F00002,,,,\n"  # 12: plate of line 4
        "018,壬,bad phone,,鲁F00009,,,,\n"  # 13
    )
    report = put(tenants, text, skip_wrong=True)
    assert [(p.line, p.field) for p in report.problems] == [
        (2, "plate"),
        (3, "valid_to"),
        (5, "plate"),
        (6, "spaces"),
        (8, "spaces"),
        (9, "group_spaces"),
        (11, "phone"),
        (12, "plate"),
        (13, "phone"),
    ]
    assert (report.new, report.wrong) == (3, 9)
    assert {row[0] for row in stored(tenants)["owners"]} == {"001", "002", "003", "010", "013", "016"}


def test_owners_without_a_code_get_one_and_share_it_by_name_and_telephone(tenants: Tenants) -> None:
    text = "车主姓名,电话,车牌\n甲,12345,鲁F00001\n甲,12345,鲁F00002\n甲,54321,鲁F00003\n"
    assert put(tenants, text).new == 3
    assert [row[:2] for row in stored(tenants)["owners"]] == [("00001", "甲"), ("00002", "甲")]
    assert [row[0] for row in stored(tenants)["vehicles"]] == ["00001", "00001", "00002"]


def test_a_lot_must_be_chosen_and_be_ones_own(tenants: Tenants) -> None:
    with pytest.raises(ParkError) as caught:
        try_file(tenants.settings, tenants.actor("sun"), find_sheet("owners"), "o.csv", FILE.encode())
    assert caught.value.code == "lot_needed"
    for act in (try_file, import_file):
        with pytest.raises(Forbidden):
            act(
                tenants.settings,
                tenants.actor("moon"),
                find_sheet("owners"),
                "o.csv",
                FILE.encode(),
                lot_id=tenants.lots["S-1"],
            )
    with pytest.raises(Forbidden):
        export_file(
            tenants.settings,
            tenants.actor("moon"),
            find_sheet("owners"),
            "csv",
            "zh",
            lot_id=tenants.lots["S-1"],
        )
    assert [entry.outcome for entry in tenants.log()] == ["refused"] * 3
