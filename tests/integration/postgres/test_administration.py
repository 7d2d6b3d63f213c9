"""Operators, roles and the operator log on PostgreSQL: what must hold when several people act at the same instant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from tests.unit.security.tenants import Tenants, fill_new
from warehouse.errors import ParkError
from warehouse.ops.models import AuditEntry, Operator, Role
from warehouse.ops.session import ops_engine, ops_session, write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.services.exchange import export_file, find_sheet, import_file, try_file
from warehouse.services.invoice_settings import InvoiceForm, get_invoice_setting, save_invoice_setting
from warehouse.services.listing import ListQuery
from warehouse.services.operator_list import list_operators
from warehouse.services.operator_log import LogQuery, known_values, log_file, search_log
from warehouse.services.operators import OperatorForm, delete_operator, save_operator, set_operator_active
from warehouse.services.roles import RoleForm, delete_role, list_roles, save_role
from warehouse.settings import Settings


@pytest.fixture
def tenants(tmp_path: Path, postgres_url: str) -> Iterator[Tenants]:
    """The two tenants."""
    settings = Settings(home=tmp_path, ops_url=postgres_url)
    yield fill_new(settings)
    ops_engine(settings).dispose()


def together(*acts: Callable[[], object]) -> list[str]:
    """Run all at the same instant; returns the codes of what was refused."""
    start, codes = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except ParkError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def whole(tenants: Tenants) -> int:
    with ops_session(tenants.settings) as session:
        report = audit.verify(session)
    assert report.broken_at is None
    return report.entries


def test_two_administrators_who_remove_each_other_at_the_same_instant_leave_one(tenants: Tenants) -> None:
    settings, ids = tenants.settings, tenants.operators
    first, second = tenants.actor("admin"), tenants.actor("second-admin")
    demoted = OperatorForm("admin", "x", tenants.roles["analyst"], tenants.nodes["platform"])
    acts = (
        lambda: set_operator_active(settings, first, ids["second-admin"], False),
        lambda: save_operator(settings, second, demoted, ids["admin"]),
    )
    assert together(*acts) == ["last_administrator"]
    with ops_session(settings) as session:
        left = select(func.count()).where(
            Operator.is_active, Operator.deleted_at.is_(None), Operator.role_id == tenants.roles["admin"]
        )
        assert session.scalar(left) == 1
    whole(tenants)


def test_a_role_is_not_deleted_while_it_is_given(tenants: Tenants) -> None:
    settings, actor = tenants.settings, tenants.actor("sun")
    for turn in range(5):
        role_id = save_role(settings, actor, RoleForm(f"夜班 {turn}", frozenset({"home.view"})))
        form = OperatorForm(f"night-{turn}", "x", role_id, tenants.nodes["sun"])
        codes = together(partial(save_operator, settings, actor, form), partial(delete_role, settings, actor, role_id))
        with ops_session(settings) as session:
            exists = session.get(Role, role_id) is not None
        assert codes == (["role_in_use"] if exists else ["forbidden"])
    whole(tenants)


def test_parallel_writers_keep_the_chain_whole(tenants: Tenants) -> None:
    def write() -> None:
        for _turn in range(10):
            with write_session(tenants.settings) as session:
                audit.append(session, LOCAL, "lots.edit")

    together(*[write] * 8)
    assert whole(tenants) == 80


@pytest.mark.parametrize("statement", ["update audit_entry set login = 'x'", "delete from audit_entry"])
def test_the_store_refuses_to_change_the_log_and_the_chain_shows_what_went_past_it(
    tenants: Tenants, statement: str
) -> None:
    with write_session(tenants.settings) as session:
        for _turn in range(3):
            audit.append(session, LOCAL, "lots.edit")
    engine = ops_engine(tenants.settings)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert whole(tenants) == 3
    with engine.begin() as connection:
        connection.execute(text("alter table audit_entry disable trigger all"))
        connection.execute(text(f"{statement} where entry_id = 2"))
    with ops_session(tenants.settings) as session:
        assert audit.verify(session).broken_at == 2


def test_lists_searches_files_and_imports_work_as_on_sqlite(tenants: Tenants) -> None:
    settings, actor = tenants.settings, tenants.actor("sun")
    content = "login,name,role,node,lot\nli,李,财务,sun,\nwang,王,停车场管理员,,S-1\n".encode()
    assert import_file(settings, actor, find_sheet("operators"), "o.csv", content).new == 2
    owners = "车主编号,车主姓名,车牌\n001,张三,鲁F69Y07\n001,张三,鲁F69Y08\n".encode()
    lot_id = tenants.lots["S-1"]
    assert import_file(settings, actor, find_sheet("owners"), "o.csv", owners, lot_id=lot_id).new == 2
    for name, lot in (("operators", None), ("roles", None), ("owners", lot_id)):
        taken_out = export_file(settings, tenants.actor("admin"), find_sheet(name), "xlsx", "zh", lot_id=lot)
        assert try_file(settings, tenants.actor("admin"), find_sheet(name), "x.xlsx", taken_out, lot_id=lot).wrong == 0
    found = list_operators(settings, actor, ListQuery(search="LI", sort="-last_login_at"), node_id=tenants.nodes["sun"])
    assert {row.login for row in found.rows} == {"li"}
    assert list_roles(settings, actor, ListQuery()).total == 9
    save_invoice_setting(settings, actor, lot_id, InvoiceForm(True, 10, "secret"))
    assert get_invoice_setting(settings, actor, lot_id).secret_set_at is not None
    page = search_log(settings, actor, LogQuery(text="张三", menu="long_term_owners"))
    assert [entry.entity for entry in page.rows] == ["owner"]
    assert "sun" in known_values(settings, actor, "login")
    assert "张三" in log_file(settings, actor, LogQuery(), "csv", "zh").decode("utf-8-sig")
    delete_operator(settings, actor, tenants.operator("li").operator_id)
    with ops_session(settings) as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == whole(tenants)
