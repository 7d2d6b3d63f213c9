"""A customer, its lot and the lot's place, entered in a real browser; two people who edit at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.e2e.conftest import Server, prepare_stores, running
from warehouse.ops.models import Lot, Node, Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.security.passwords import password_matches
from warehouse.services.agents import create_agent
from warehouse.services.customers import create_customer
from warehouse.services.lot_editing import LotForm, create_lot, edit_lot
from warehouse.services.nodes import NodeForm


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = prepare_stores(tmp_path_factory.mktemp("tree"))
    agent = create_agent(settings, LOCAL, NodeForm(name="华东代理"))
    customer = create_customer(settings, LOCAL, agent, NodeForm(name="安居物业"))
    form = LotForm(name="云和花园", code="YH", longitude=120.1, latitude=30.27, coordinate_datum="gcj02")
    create_lot(settings, LOCAL, customer.node_id, form)
    with running(settings) as started:
        yield started


@pytest.fixture
def page(new_context, sign_in, server: Server) -> Page:
    page = new_context().new_page()
    sign_in(page, server)
    page.wait_for_url(f"{server.url}/**")
    return page


def dialog_button(page: Page, name: str):
    return page.get_by_role("dialog").get_by_role("button", name=name, exact=True)


def stored(server: Server, code: str) -> Lot:
    with ops_session(server.settings) as session:
        return session.scalars(select(Lot).where(Lot.code == code)).one()


def test_a_customer_is_added_with_its_first_login_whose_password_is_shown_once(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/customers")
    page.get_by_role("button", name="新增客户").click()
    page.get_by_label("名称 *").fill("万象物业")
    page.get_by_label("登录名").fill("Wanxiang")
    page.get_by_label("使用人").fill("张经理")
    dialog_button(page, "保存").click()
    codes = page.get_by_role("dialog").locator("code")
    expect(codes).to_have_count(2)
    login, password = codes.all_inner_texts()
    with ops_session(server.settings) as session:
        operator = session.scalars(select(Operator).where(Operator.login == "wanxiang")).one()
        assert session.get_one(Node, operator.node_id).name == "万象物业"
    assert login == "wanxiang"
    assert password_matches(operator.password_hash, password)
    dialog_button(page, "关闭").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert password not in page.content()


def test_a_lot_is_added_at_a_place_picked_on_the_map(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/lots")
    page.get_by_role("button", name="新增停车场").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("客户 *").click()
    page.get_by_role("option", name="安居物业").click()
    page.get_by_label("停车场名称 *").fill("西溪湿地")
    dialog_button(page, "保存").click()
    # The new lot's own page opens.
    page.get_by_text("尚未设定位置").wait_for()
    assert "lot=L1001" in page.url
    page.get_by_role("button", name="设定位置").click()
    canvas = page.get_by_role("dialog").locator("canvas")
    canvas.wait_for()
    longitude = page.get_by_label("经度")
    expect(longitude).to_have_value("")
    canvas.click(position={"x": 300, "y": 150})
    expect(longitude).not_to_have_value("")
    typed = float(longitude.input_value()), float(page.get_by_label("纬度").input_value())
    dialog_button(page, "保存").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    lot = stored(server, "L1001")
    assert (lot.longitude, lot.latitude) == pytest.approx(typed, abs=1e-6)


def test_typing_moves_the_marker_and_a_wrong_number_is_told_at_its_field(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/lots?lot=YH")
    page.get_by_role("button", name="设定位置").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("canvas").wait_for()
    page.get_by_label("经度").fill("200")
    page.get_by_label("经度").press("Enter")
    dialog_button(page, "保存").click()
    expect(dialog.locator(".pc-problem")).to_contain_text("“200”")
    expect(page.get_by_label("经度")).to_have_value("200")
    page.get_by_label("经度").fill("120.2")
    page.get_by_label("经度").press("Enter")
    dialog_button(page, "保存").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    lot = stored(server, "YH")
    assert lot.coordinate_datum == "gcj02"
    assert lot.longitude == pytest.approx(120.1954, abs=1e-3)  # GCJ-02 lies east of WGS-84 here
    assert lot.longitude != 120.2


def test_the_second_of_two_people_is_told_and_keeps_what_was_typed(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/lots?lot=YH")
    page.get_by_role("button", name="编辑", exact=True).click()
    name = page.get_by_label("停车场名称 *")
    name.fill("第二人的名字")
    lot = stored(server, "YH")
    form = LotForm(name="第一人的名字", longitude="120.2", latitude="30.27", coordinate_datum="gcj02")
    edit_lot(server.settings, LOCAL, lot.lot_id, lot.version, form)
    dialog_button(page, "保存").click()
    expect(page.get_by_role("dialog")).to_contain_text("您的修改没有保存")
    expect(name).to_have_value("第二人的名字")
    assert stored(server, "YH").name == "第一人的名字"
