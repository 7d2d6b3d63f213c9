"""Pages of operators, roles, the operator log and invoice settings, run through the frame."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select
from streamlit.testing.v1 import AppTest

from tests.dashboards.conftest import OpenPage, Tenants, _all, words
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session, write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.services.invoice_settings import InvoiceForm, read_encryption_string, save_invoice_setting

LONG = "<b>名字特别长的操作员</b>" * 8


def cells(app: AppTest) -> list[list[Any]]:
    return [list(row) for row in app.dataframe[0].value.itertuples(index=False)]


def buttons(app: AppTest) -> set[str]:
    return {button.key for button in app.button if button.key}


def press(app: AppTest, ending: str) -> AppTest:
    return next(button for button in app.button if button.key and button.key.endswith(ending)).click().run()


def everything(app: AppTest) -> str:
    """What page and open dialog say in HTML."""
    assert not app.exception, app.exception
    return " ".join(
        element.proto.body for block in app._tree.children.values() for element in _all(block) if element.type == "html"
    )


def operators(tenants: Tenants) -> dict[str, Operator]:
    with ops_session(tenants.settings) as session:
        return {operator.login: operator for operator in session.scalars(select(Operator))}


def test_operators_of_the_own_tree_are_listed_and_foreign_ones_are_not(open_page: OpenPage) -> None:
    logins = {row[0] for row in cells(open_page("customer", "operators"))}
    assert "customer" in logins
    assert logins.isdisjoint({"foreign", "admin", "agent"})


@pytest.mark.parametrize("rows", [0, 1, 10_000])
def test_the_list_of_operators_holds_none_one_and_many_rows_and_long_names(
    open_page: OpenPage, tenants: Tenants, rows: int
) -> None:
    like = operators(tenants)["finance"]
    made = [
        {
            "login": f"many{number:05}",
            "name": LONG,
            "password_hash": "x",
            "role_id": like.role_id,
            "node_id": like.node_id,
            "is_active": True,
            "must_change_password": False,
            "created_at": datetime.now(UTC),
            "version": 1,
        }
        for number in range(rows)
    ]
    if made:
        with ops_session(tenants.settings) as session:
            session.execute(insert(Operator), made)
    app = open_page("admin", "operators", q="many")
    said = words(app)
    if rows:
        assert len(cells(app)) == min(rows, 50)
        assert f"共 {rows:,} 条" in said
    else:
        assert "没有符合条件的记录" in said


def test_buttons_of_the_settings_follow_the_permissions(open_page: OpenPage) -> None:
    assert {"operators_add", "operators_edit", "operators_delete", "exchange_operators_open"} <= buttons(
        open_page("customer", "operators")
    )
    assert buttons(open_page("lot", "operators")).isdisjoint({"operators_add", "exchange_operators_open"})
    assert buttons(open_page("lot", "invoice_settings")) == set()
    assert "roles_add" not in buttons(open_page("lot", "roles"))


def test_a_role_is_ticked_grouped_as_the_menu_is_and_within_ones_own_rights(open_page: OpenPage) -> None:
    app = press(open_page("customer", "roles"), "roles_add")
    said = everything(app)
    assert said.index("总览") < said.index("代理/客户") < said.index("系统设置")
    ticks = {box.key.partition("_")[2].partition("_")[2] for box in app.checkbox if box.key}
    assert "lots.edit" in ticks
    assert "backup.view" not in ticks  # the customer has it not, and cannot give it


def test_the_log_is_filtered_by_the_address_and_turned(open_page: OpenPage, tenants: Tenants) -> None:
    with write_session(tenants.settings) as session:
        for number in range(120):
            audit.append(
                session,
                LOCAL,
                "lots.edit",
                entity="lot" if number % 2 == 0 else "role",
                entity_name=f"场 {number}",
                before={"name": "旧"},
                after={"name": "新"},
            )
    app = open_page("admin", "operator_log", entity="lot", q="场")
    rows = cells(app)
    assert (len(rows), rows[0][4]) == (50, "停车场 场 118")
    assert rows[0][5] == "名称: 旧 → 新"
    app = press(app, "operator_log_before")
    rows = cells(app)
    assert (len(rows), rows[0][4]) == (10, "停车场 场 18")
    assert "外人" not in words(open_page("foreign", "operator_log"))


def test_a_bad_number_in_the_address_of_the_log_turns_nothing(open_page: OpenPage) -> None:
    for before in ("x", "-1", "9" * 30):
        words(open_page("admin", "operator_log", before=before))


def test_invoice_settings_show_no_secret(open_page: OpenPage, tenants: Tenants) -> None:
    save_invoice_setting(tenants.settings, LOCAL, tenants.lot, InvoiceForm(True, 30, "very-secret"))
    app = open_page("customer", "invoice_settings")
    assert [(row[0], row[2], row[3], row[4]) for row in cells(app)] == [("own-lot", "是", "30", "已设置")]
    assert "very-secret" not in str(app)
    assert read_encryption_string(tenants.settings, LOCAL, tenants.lot, "test") == "very-secret"


@pytest.mark.parametrize("sheet", ["operators", "roles"])
def test_the_drawer_of_import_and_export_opens_in_both_languages(open_page: OpenPage, sheet: str) -> None:
    for language, word in (("zh", "先逐行检查"), ("en", "Every line is checked first")):
        app = press(open_page("admin", sheet, language=language), f"exchange_{sheet}_open")
        assert word in everything(app)
