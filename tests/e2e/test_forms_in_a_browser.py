"""A session that ends in the middle of a form: what was typed is not lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, select

from tests.e2e.conftest import Server, prepare_stores, running
from warehouse.ops.models import AuthSession, Node
from warehouse.ops.session import ops_session


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(prepare_stores(tmp_path_factory.mktemp("forms"))) as started:
        yield started


def test_what_was_typed_when_the_session_ended_is_there_again_after_signing_in(
    new_context, sign_in, server: Server
) -> None:
    page = new_context().new_page()
    sign_in(page, server)
    page.wait_for_url(f"{server.url}/**")
    page.goto(f"{server.url}/agents")
    page.get_by_role("button", name="新增代理商").click()
    page.get_by_label("名称 *").fill("华东智泊")
    with ops_session(server.settings) as session:
        session.execute(delete(AuthSession))
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="保存", exact=True).click()
    expect(dialog.get_by_text("登录已过期")).to_be_visible()
    expect(page.get_by_label("名称 *")).to_have_value("华东智泊")
    dialog.get_by_role("link", name="重新登录").click()
    page.wait_for_url(f"{server.url}/auth/login?**")
    sign_in(page, server, path="/agents")
    page.get_by_role("button", name="新增代理商").click()
    expect(page.get_by_role("dialog").get_by_text("已恢复")).to_be_visible()
    expect(page.get_by_label("名称 *")).to_have_value("华东智泊")
    page.get_by_role("dialog").get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with ops_session(server.settings) as session:
        assert session.scalars(select(Node.name).where(Node.level == "agent")).all() == ["华东智泊"]
