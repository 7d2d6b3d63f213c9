"""Every use case of lots, asked for by people whose lot it is not, or whose role does not permit it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.services.tree.conftest import CUSTOMER, FOREIGN_CUSTOMER, FOREIGN_LOT, LOT, World
from warehouse.security.actor import LOCAL, Actor
from warehouse.services import (
    exchange,
    gate_codes,
    lot_areas,
    lot_capacity,
    lot_credentials,
    lot_editing,
    lot_gates,
    lot_list,
    lot_tariffs,
    payment_accounts,
)
from warehouse.services.lot_editing import LotForm
from warehouse.settings import Settings

Use = Callable[[Settings, Actor, int], Any]
AREA = lot_areas.AreaForm("A", "甲")
GATE = lot_gates.GateForm("G", "东门")
TARIFF = lot_tariffs.TariffForm("规则", date(2099, 1, 1), {})
STAY = lot_tariffs.StayForm(None, None)
PAYMENT = payment_accounts.PaymentForm(False, {}, {})

READS: dict[str, Use] = {
    "get": lot_list.get_lot,
    "areas": lot_areas.list_areas,
    "capacities": lot_capacity.capacity_history,
    "warnings": lot_capacity.capacity_warnings,
    "credentials": lot_credentials.lot_credentials,
    "gates": lot_gates.list_gates,
    "gate code": lambda settings, actor, lot: gate_codes.gate_code(settings, actor, lot, "G", "png"),
    "codes": gate_codes.all_codes,
    "sheet": gate_codes.code_sheet,
    "tariffs": lot_tariffs.list_tariffs,
    "tariff": lot_tariffs.current_tariff,
    "preview": lambda settings, actor, lot: lot_tariffs.preview(settings, actor, lot, {}, STAY),
    "payments": payment_accounts.payment_accounts,
}
CHANGES: dict[str, Use] = {
    "edit": lambda s, a, lot: lot_editing.edit_lot(s, a, lot, 1, LotForm(name="x")),
    "move": lambda s, a, lot: lot_editing.move_lot(s, a, lot, 1, CUSTOMER),
    "delete": lambda s, a, lot: lot_editing.delete_lot(s, a, lot, 1),
    "add area": lambda s, a, lot: lot_areas.add_area(s, a, lot, 1, AREA),
    "edit area": lambda s, a, lot: lot_areas.edit_area(s, a, lot, 1, AREA),
    "remove area": lambda s, a, lot: lot_areas.remove_area(s, a, lot, 1, "A"),
    "set capacity": lambda s, a, lot: lot_capacity.set_capacity(
        s, a, lot, 1, lot_capacity.CapacityForm(None, date(2099, 1, 1), 1)
    ),
    "remove capacity": lambda s, a, lot: lot_capacity.remove_capacity(s, a, lot, 1, 1),
    "add credential": lot_credentials.add_credential,
    "rotate credential": lambda s, a, lot: lot_credentials.rotate_credential(s, a, lot, "pk", 0),
    "end credential": lambda s, a, lot: lot_credentials.end_credential(s, a, lot, "pk"),
    "add gate": lambda s, a, lot: lot_gates.add_gate(s, a, lot, GATE),
    "edit gate": lambda s, a, lot: lot_gates.edit_gate(s, a, lot, 1, GATE),
    "remove gate": lambda s, a, lot: lot_gates.remove_gate(s, a, lot, 1, "G"),
    "replace code": lambda s, a, lot: lot_gates.replace_code(s, a, lot, 1, "G"),
    "import gates": lambda s, a, lot: exchange.import_file(
        s, a, exchange.find_sheet("gates"), "g.csv", b"gate_id,name\nG,G\n", lot_id=lot
    ),
    "add tariff": lambda s, a, lot: lot_tariffs.add_tariff(s, a, lot, TARIFF),
    "edit tariff": lambda s, a, lot: lot_tariffs.edit_tariff(s, a, lot, 1, 1, TARIFF),
    "remove tariff": lambda s, a, lot: lot_tariffs.remove_tariff(s, a, lot, 1, 1),
    "save payments": lambda s, a, lot: payment_accounts.save_payment_account(s, a, lot, "alipay", 0, PAYMENT),
    "read secrets": lambda s, a, lot: payment_accounts.read_secrets(s, a, lot, "alipay"),
}


@pytest.mark.parametrize("name", [*READS, *CHANGES])
def test_a_foreign_lot_is_out_of_reach_whatever_the_role_permits(world: World, name: str) -> None:
    use = (READS | CHANGES)[name]
    for login in ("east", "owner", "keeper"):
        actor = replace(world.actor(login), permissions=LOCAL.permissions)
        with world.refused():
            use(world.settings, actor, FOREIGN_LOT)
        refusal = world.entries("refused")[-1]
        assert (refusal.login, refusal.operator_id) == (login, actor.operator_id)


@pytest.mark.parametrize("name", [*READS, *CHANGES])
def test_a_lot_that_does_not_exist_is_answered_like_a_foreign_one(world: World, name: str) -> None:
    with world.refused():
        (READS | CHANGES)[name](world.settings, world.actor("admin"), 999)


@pytest.mark.parametrize("name", CHANGES)
def test_seeing_a_lot_is_not_enough_to_change_it(world: World, name: str) -> None:
    # The built-in role of a lot's own operators may look at the lot only.
    with world.refused():
        CHANGES[name](world.settings, world.actor("keeper"), LOT)


@pytest.mark.parametrize("name", READS)
def test_without_the_permission_nothing_is_shown(world: World, name: str) -> None:
    with world.refused():
        READS[name](world.settings, world.actor("analyst"), LOT)


def test_a_lot_is_not_created_for_a_foreign_customer(world: World) -> None:
    actor = replace(world.actor("east"), permissions=LOCAL.permissions)
    with world.refused():
        lot_editing.create_lot(world.settings, actor, FOREIGN_CUSTOMER, LotForm(name="x"))
