"""The tenancy tree and lots on a real PostgreSQL: the same rules, and people who work at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from tests.postgres_server import new_database
from warehouse.errors import ParkError
from warehouse.ops.models import AuditHead
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.audit import verify
from warehouse.services.agents import create_agent, delete_agent
from warehouse.services.customers import create_customer, move_customer
from warehouse.services.listing import ListQuery
from warehouse.services.lot_areas import AreaForm, add_area
from warehouse.services.lot_capacity import CapacityForm, capacity_history, set_capacity
from warehouse.services.lot_credentials import add_credential, lot_credentials, rotate_credential
from warehouse.services.lot_editing import LotForm, create_lot, edit_lot, move_lot
from warehouse.services.lot_gates import GateForm, add_gate, list_gates, replace_code
from warehouse.services.lot_licence import LicenceState
from warehouse.services.lot_list import LotFilter, get_lot, list_lots
from warehouse.services.lot_tariffs import TariffForm, add_tariff, current_tariff
from warehouse.services.nodes import NodeForm
from warehouse.services.operators import ensure_admin
from warehouse.settings import Settings
from warehouse.tariffs.templates import TEMPLATES


@pytest.fixture(scope="module")
def settings(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(home=Path(tmp_path_factory.mktemp("tree")), ops_url=new_database(postgres_server))
    migrate(made)
    with ops_session(made) as session:
        ensure_admin(session, made)
    return made


def test_a_tree_with_everything_is_built_and_moved(settings: Settings) -> None:
    east, west = (create_agent(settings, LOCAL, NodeForm(name=name)) for name in ("华东", "华西"))
    customer = create_customer(settings, LOCAL, east, NodeForm(name="安居物业")).node_id
    other = create_customer(settings, LOCAL, west, NodeForm(name="川渝商业")).node_id
    lot = create_lot(
        settings, LOCAL, customer, LotForm(name="云和花园", capacity=100, licence_to=date(2020, 1, 1))
    ).lot_id
    add_area(settings, LOCAL, lot, 1, AreaForm("A", "地下"))
    set_capacity(settings, LOCAL, lot, 2, CapacityForm("A", date(2026, 1, 1), 40))
    add_gate(settings, LOCAL, lot, GateForm("G1", "东门", "exit", "A"))
    [gate] = list_gates(settings, LOCAL, lot)
    assert replace_code(settings, LOCAL, lot, gate.version, "G1") != gate.pay_url
    add_tariff(settings, LOCAL, lot, TariffForm("商场", date(2026, 1, 1), TEMPLATES[1].document))
    assert current_tariff(settings, LOCAL, lot) is not None
    rotate_credential(settings, LOCAL, lot, add_credential(settings, LOCAL, lot).key_id, 1)
    assert [view.state for view in lot_credentials(settings, LOCAL, lot)] == ["in_force", "ending"]
    assert len(capacity_history(settings, LOCAL, lot)) == 2
    found = list_lots(settings, LOCAL, ListQuery(search="云和"), LotFilter(licence=LicenceState.EXPIRED))
    assert [(row.capacity, row.agent_name) for row in found.rows] == [(100, "华东")]
    move_lot(settings, LOCAL, lot, 3, other)
    move_customer(settings, LOCAL, customer, 1, west)
    assert get_lot(settings, LOCAL, lot).customer_name == "川渝商业"
    with pytest.raises(ParkError, match="2 customers"):
        delete_agent(settings, LOCAL, west, 1)
    delete_agent(settings, LOCAL, east, 1)


def test_people_who_work_at_the_same_moment_get_their_own_codes_and_overwrite_nothing(settings: Settings) -> None:
    agent = create_agent(settings, LOCAL, NodeForm(name="华北"))
    customer = create_customer(settings, LOCAL, agent, NodeForm(name="首钢")).node_id

    def create(number: int) -> str:
        return create_lot(settings, LOCAL, customer, LotForm(name=f"新{number}")).code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(create, range(16)))
    assert len(set(codes)) == 16
    lot = list_lots(settings, LOCAL, ListQuery(search="新0")).rows[0]

    def edit(number: int) -> str:
        try:
            edit_lot(settings, LOCAL, lot.lot_id, lot.version, LotForm(name=f"第{number}人"))
        except ParkError as error:
            return error.code
        return "kept"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(edit, range(16)))
    assert sorted(outcomes) == ["conflict"] * 15 + ["kept"]
    assert get_lot(settings, LOCAL, lot.lot_id).name == f"第{outcomes.index('kept')}人"
    with ops_session(settings) as session:
        assert verify(session).broken_at is None
        assert session.get_one(AuditHead, 1).entry_id > 30
