"""Tariffs of lots: versions by day, and the fee preview."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.services.tree.conftest import LOT, OTHER_LOT, World
from warehouse.errors import ParkError
from warehouse.ops.models import Lot
from warehouse.ops.session import ops_session
from warehouse.services.fields import InvalidFields
from warehouse.services.lot_tariffs import (
    StayForm,
    TariffForm,
    add_tariff,
    current_tariff,
    edit_tariff,
    list_tariffs,
    preview,
    remove_tariff,
)
from warehouse.tariffs.templates import TEMPLATES

NOW = datetime(2026, 3, 31, 17, 0, tzinfo=UTC)
TODAY = date(2026, 4, 1)  # in Shanghai


def hourly(price: str) -> dict[str, Any]:
    pricing = {"kind": "rate", "unit_minutes": 60, "unit_price": price}
    return {"version": 1, "plans": [{"free_minutes": 15, "cap_per_24_hours": "50.00", "days": [{"pricing": pricing}]}]}


FORM = TariffForm("按小时", TODAY, hourly("5.00"))


def test_versions_follow_each_other_and_the_lot_is_told_what_holds_and_what_comes(world: World) -> None:
    admin = world.actor("admin")
    add_tariff(world.settings, admin, LOT, replace(FORM, name="旧", valid_from=date(2020, 1, 1)), now=NOW)
    add_tariff(world.settings, admin, LOT, FORM, now=NOW)
    add_tariff(world.settings, admin, LOT, TariffForm("涨价", date(2026, 5, 1), hourly("8.00")), now=NOW)
    shown = [
        (row.name, row.valid_from, row.valid_to, row.state) for row in list_tariffs(world.settings, admin, LOT, now=NOW)
    ]
    assert shown == [
        ("涨价", date(2026, 5, 1), None, "future"),
        ("按小时", TODAY, date(2026, 4, 30), "current"),
        ("旧", date(2020, 1, 1), date(2026, 3, 31), "past"),
    ]
    current = current_tariff(world.settings, admin, LOT, now=NOW)
    assert current is not None
    assert any("5.00 元" in line for line in current.zh)
    assert any("5.00 yuan" in line for line in current.en)
    command = world.commands()[-1]
    assert (command.kind, command.subject) == ("tariff", "tariff")
    assert [row["name"] for row in command.payload["tariffs"]] == ["按小时", "涨价"]
    assert command.payload["tariffs"][0]["document"]["name"] == "按小时"
    assert [entry.entity for entry in world.entries()] == ["tariff"] * 3


def test_a_tariff_in_force_is_neither_changed_nor_removed_nor_added_for_days_gone(world: World) -> None:
    admin = world.actor("admin")
    made = add_tariff(world.settings, admin, LOT, FORM, now=NOW)
    for change in (
        lambda: edit_tariff(world.settings, admin, LOT, made, 1, replace(FORM, name="改"), now=NOW),
        lambda: remove_tariff(world.settings, admin, LOT, made, 1, now=NOW),
    ):
        with pytest.raises(ParkError) as caught:
            change()
        assert caught.value.code == "tariff_begun"
    for day in (date(2026, 3, 31), TODAY, None, date(1999, 1, 1)):
        with pytest.raises(InvalidFields) as wrong:
            add_tariff(world.settings, admin, LOT, replace(FORM, valid_from=day), now=NOW)
        assert [problem.field for problem in wrong.value.problems] == ["valid_from"]
        assert wrong.value.zh != wrong.value.en
    assert len(list_tariffs(world.settings, admin, LOT, now=NOW)) == 1


def test_a_coming_tariff_is_changed_once_a_version_and_removed(world: World) -> None:
    admin = world.actor("admin")
    coming = replace(FORM, valid_from=date(2026, 5, 1))
    made = add_tariff(world.settings, admin, LOT, coming, now=NOW)
    moved = replace(coming, name="提前", valid_from=date(2026, 4, 15), document=hourly("6.00"))
    edit_tariff(world.settings, admin, LOT, made, 1, moved, now=NOW)
    with pytest.raises(ParkError) as caught:
        edit_tariff(world.settings, admin, LOT, made, 1, coming, now=NOW)
    assert caught.value.code == "conflict"
    with pytest.raises(InvalidFields):
        edit_tariff(world.settings, admin, LOT, made, 2, replace(moved, valid_from=date(2026, 3, 1)), now=NOW)
    [row] = list_tariffs(world.settings, admin, LOT, now=NOW)
    assert (row.name, row.valid_from, row.version) == ("提前", date(2026, 4, 15), 2)
    remove_tariff(world.settings, admin, LOT, made, 2, now=NOW)
    assert list_tariffs(world.settings, admin, LOT, now=NOW) == []
    assert world.commands()[-1].payload == {"tariffs": []}
    with pytest.raises(ParkError) as gone:
        remove_tariff(world.settings, admin, LOT, made, 2, now=NOW)
    assert gone.value.code == "unknown_tariff"


def test_a_tariff_of_another_lot_is_not_reached_through_ones_own(world: World) -> None:
    admin = world.actor("admin")
    made = add_tariff(world.settings, admin, OTHER_LOT, replace(FORM, valid_from=date(2026, 5, 1)), now=NOW)
    with pytest.raises(ParkError) as caught:
        remove_tariff(world.settings, world.actor("owner"), LOT, made, 1, now=NOW)
    assert caught.value.code == "unknown_tariff"
    assert len(list_tariffs(world.settings, admin, OTHER_LOT, now=NOW)) == 1


def test_what_is_wrong_with_the_rules_is_told_with_its_place_in_both_languages(world: World) -> None:
    document = hourly("5.001")
    document["plans"][0]["free_minutes"] = -1
    with pytest.raises(InvalidFields) as caught:
        add_tariff(world.settings, world.actor("admin"), LOT, TariffForm("", TODAY, document), now=NOW)
    told = [(problem.field, problem.en.split(":")[0]) for problem in caught.value.problems]
    assert ("name", "is required") in told
    assert ("document", "plans[0].free_minutes") in told
    assert ("document", "plans[0].days[0].pricing.unit_price") in told
    assert "整数" in caught.value.zh


@pytest.mark.parametrize("start", TEMPLATES, ids=lambda start: start.key)
def test_every_template_can_be_saved_as_it_stands(world: World, start: Any) -> None:
    form = TariffForm(start.zh, TODAY, start.document)
    add_tariff(world.settings, world.actor("admin"), LOT, form, now=NOW)
    [row] = list_tariffs(world.settings, world.actor("admin"), LOT, now=NOW)
    assert row.zh
    assert row.en


def test_the_preview_charges_on_the_lots_clock_and_says_how(world: World) -> None:
    admin = world.actor("admin")
    with ops_session(world.settings) as session:
        session.get_one(Lot, LOT).time_zone = "Europe/London"
    # The night in which London's clocks go forward: from 00:30 to 03:30 are two hours.
    stay = StayForm(datetime(2026, 3, 29, 0, 30), datetime(2026, 3, 29, 3, 30))  # noqa: DTZ001 - local to the lot
    found = preview(world.settings, admin, LOT, hourly("5.00"), stay)
    assert (found.receivable, found.discount, found.due) == (Decimal("10.00"), Decimal("0.00"), Decimal("10.00"))
    assert sum(line.amount for line in found.lines) == found.receivable
    assert any("5.00 元" in line.zh for line in found.lines)
    assert found.lines[0].starts.utcoffset() != found.lines[-1].ends.utcoffset()
    discounted = preview(
        world.settings, admin, LOT, hourly("5.00"), replace(stay, coupon_minutes="60", coupon_amount="3.00")
    )
    assert (discounted.discount, discounted.due) == (Decimal("8.00"), Decimal("2.00"))


def test_wrong_stays_are_told_at_their_fields(world: World) -> None:
    admin = world.actor("admin")
    late = datetime(2026, 4, 1, 12)  # noqa: DTZ001 - local to the lot
    wrong = (
        (StayForm(None, None), {"entered_at", "left_at"}),
        (StayForm(late, late.replace(hour=11)), {"left_at"}),
        (StayForm(late, late, coupon_minutes="x", coupon_amount="0.001"), {"coupon_minutes", "coupon_amount"}),
    )
    for form, fields in wrong:
        with pytest.raises(InvalidFields) as caught:
            preview(world.settings, admin, LOT, hourly("5.00"), form)
        assert {problem.field for problem in caught.value.problems} == fields
