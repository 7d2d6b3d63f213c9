"""Operators, roles and imports in a real browser: dialogs, problems at the field, files up and down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.e2e.conftest import Server
from warehouse.ops.models import Operator, Role
from warehouse.ops.session import ops_session
from warehouse.security.passwords import password_matches
from warehouse.services.tree import ensure_platform

FILE = "登录名,姓名,角色,机构编号,电话\nwang,王五,财务,platform,00138\nbad one,坏,没有的角色,platform,\n"


@pytest.fixture
def page(new_context: Any, sign_in: Any, empty_server: Server) -> Any:
    page = new_context().new_page()
    sign_in(page, empty_server)
    page.wait_for_selector("text=系统设置")
    return page


def open_settings(page: Any, server: Server, path: str) -> None:
    page.goto(f"{server.url}/{path}")
    page.wait_for_selector("[data-testid=stDataFrame]")


def choose(page: Any, label: str, option: str) -> None:
    page.get_by_role("dialog").get_by_label(label, exact=False).first.click()
    page.get_by_role("option", name=option).first.click()


def test_an_operator_is_made_after_problems_at_the_fields(page: Any, empty_server: Server) -> None:
    open_settings(page, empty_server, "operators")
    page.get_by_role("button", name="新增操作员").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="保存").click()
    dialog.locator(".pc-problem").nth(3).wait_for()
    assert dialog.locator(".pc-problem").count() == 4
    dialog.get_by_label("登录名").fill("new.one")
    dialog.get_by_label("姓名").fill("新人")
    choose(page, "所属", "平台")
    choose(page, "角色", "财务")
    dialog.get_by_role("button", name="保存").click()
    dialog.get_by_text("只显示这一次").wait_for()
    dialog.locator("[data-testid=stCode]").nth(1).wait_for()
    shown = [code.inner_text().strip() for code in dialog.locator("[data-testid=stCode]").all()]
    with ops_session(empty_server.settings) as session:
        made = session.scalars(select(Operator).where(Operator.login == "new.one")).one()
        assert made.node_id == ensure_platform(session).node_id
    assert shown[0] == "new.one"
    assert password_matches(made.password_hash, shown[1])


def test_a_role_needs_the_view_of_what_it_edits(page: Any, empty_server: Server) -> None:
    open_settings(page, empty_server, "roles")
    page.get_by_role("button", name="新增角色").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("角色名称").fill("夜班")
    row = dialog.locator("[class*='tick_row'][class*='_lots']")
    row.get_by_text("编辑").click()
    dialog.get_by_role("button", name="保存").click()
    dialog.get_by_text("必须同时勾选 view").wait_for()
    row.get_by_text("查看").click()
    dialog.get_by_role("button", name="保存").click()
    dialog.wait_for(state="detached")
    with ops_session(empty_server.settings) as session:
        role = session.scalars(select(Role).where(Role.name == "夜班")).one()
        assert {permission.permission for permission in role.permissions} == {"lots.view", "lots.edit"}


def test_a_file_is_tried_then_written_and_its_passwords_are_taken_away(page: Any, empty_server: Server) -> None:
    open_settings(page, empty_server, "operators")
    page.get_by_role("button", name="导入/导出").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(
        {"name": "operators.csv", "mimeType": "text/csv", "buffer": FILE.encode("gb18030")}
    )
    dialog.get_by_role("button", name="写入 1 行").wait_for()
    assert dialog.get_by_role("button", name="写入 1 行").is_disabled()
    with ops_session(empty_server.settings) as session:
        assert session.scalar(select(Operator).where(Operator.login == "wang")) is None
    dialog.get_by_text("跳过有误的 1 行").click()
    dialog.get_by_role("button", name="写入 1 行", disabled=False).click()
    dialog.get_by_text("初始密码只在此处提供一次").wait_for()
    with page.expect_download() as taken:
        dialog.get_by_role("button", name="结果文件 CSV").click()
    line = Path(taken.value.path()).read_text(encoding="utf-8-sig").splitlines()[1].split(",")
    with ops_session(empty_server.settings) as session:
        made = session.scalars(select(Operator).where(Operator.login == "wang")).one()
    assert (line[0], made.phone) == ("wang", "00138")
    assert password_matches(made.password_hash, line[-1])
