"""Pages of agents, customers and lots: what each role sees and may do, one lot's sections, the tariff editor."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from tests.dashboards.conftest import OpenPage, Tenants, words
from warehouse.ops.models import Lot, LotTariff
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.agents import create_agent
from warehouse.services.listing import ListQuery
from warehouse.services.lot_areas import AreaForm, add_area
from warehouse.services.lot_credentials import add_credential, lot_credentials
from warehouse.services.lot_editing import LotForm, create_lot
from warehouse.services.lot_gates import GateForm, add_gate
from warehouse.services.lot_list import list_lots
from warehouse.services.lot_tariffs import TariffForm, add_tariff, list_tariffs
from warehouse.services.nodes import NodeForm
from warehouse.tariffs.templates import TEMPLATES

LONG = "杭州市西湖区国有资产经营管理有限公司停车场运营管理中心"


def cells(app: AppTest, index: int = 0) -> list[list[Any]]:
    return [list(row) for row in app.dataframe[index].value.itertuples(index=False)]


def buttons(app: AppTest) -> set[str]:
    return {button.key for button in app.button if button.key}


def press(app: AppTest, key: str) -> AppTest:
    return next(button for button in app.button if button.key and button.key.endswith(key)).click().run()


def field(app: AppTest, ending: str) -> Any:
    kinds = (*app.text_input, *app.number_input, *app.date_input, *app.selectbox, *app.multiselect)
    return next(one for one in kinds if one.key and one.key.endswith(ending))


def test_the_list_of_agents_says_when_it_is_searched_in_vain_and_holds_long_names(
    open_page: OpenPage, tenants: Tenants
) -> None:
    create_agent(tenants.settings, LOCAL, NodeForm(name=LONG * 3, code="long"))
    app = open_page("admin", "agents")
    assert {row[0] for row in cells(app)} == {"own 代理", "other 代理", LONG * 3}
    app = open_page("admin", "agents", q="没有这个")
    assert len(app.dataframe) == 0
    assert "没有符合条件的记录" in words(app)


@pytest.mark.parametrize("rows", [1, 120])
def test_a_list_is_paged_by_the_server(open_page: OpenPage, tenants: Tenants, rows: int) -> None:
    for number in range(rows):
        create_agent(tenants.settings, LOCAL, NodeForm(name=f"新代理{number:03}"))
    app = open_page("admin", "agents", q="新代理")
    assert len(cells(app)) == min(rows, 50)
    assert f"共 {rows} 条" in words(app)


def test_buttons_follow_the_permissions_and_the_scope(open_page: OpenPage) -> None:
    assert {"agents_add", "agents_edit", "agents_active", "agents_delete"} <= buttons(open_page("admin", "agents"))
    assert {"customers_add", "customers_edit", "customers_delete"} <= buttons(open_page("agent", "customers"))
    # One agent only: there is no other to move to.
    assert "customers_move" not in buttons(open_page("agent", "customers"))
    assert "customers_move" in buttons(open_page("admin", "customers"))
    assert {"lots_add", "lots_open"} <= buttons(open_page("customer", "lots"))
    assert buttons(open_page("lot", "lots")) & {"lots_add", "lots_open"} == {"lots_open"}


def test_lists_hold_the_own_part_of_the_tree_only(open_page: OpenPage) -> None:
    assert [row[0] for row in cells(open_page("agent", "customers"))] == ["own 客户"]
    assert [row[0] for row in cells(open_page("foreign", "lots"))] == ["other 停车场"]
    assert {row[0] for row in cells(open_page("admin", "lots"))} == {"own 停车场", "other 停车场"}


SECTIONS = ("basic", "areas", "tariff", "licence", "credentials", "payment", "gates")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_section_of_a_lot_opens_empty_and_filled(
    open_page: OpenPage, tenants: Tenants, section: str, language: str
) -> None:
    empty = words(open_page("admin", "lots", language, lot="own-lot", tab=section))
    for said in ("发生内部错误", "Internal error", "无法显示", "cannot be shown"):
        assert said not in empty
    with ops_session(tenants.settings) as session:
        session.get_one(Lot, tenants.lot).licence_to = date(2020, 1, 1)
    settings, lot = tenants.settings, tenants.lot
    add_area(settings, LOCAL, lot, 2, AreaForm("A", LONG))
    add_gate(settings, LOCAL, lot, GateForm("G", LONG, "both", "A"))
    add_credential(settings, LOCAL, lot)
    add_tariff(settings, LOCAL, lot, TariffForm(LONG, date(2020, 1, 1), TEMPLATES[2].document))
    app = open_page("admin", "lots", language, lot="own-lot", tab=section)
    filled = words(app)
    assert "own 停车场" in filled
    assert ("已到期" if language == "zh" else "Expired") in filled
    if section in ("areas", "tariff", "credentials", "gates"):
        assert len(cells(app)) == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_who_may_only_look_gets_no_button_that_changes_anything(open_page: OpenPage, section: str) -> None:
    assert buttons(open_page("lot", "lots", lot="own-lot", tab=section)) <= {"lots_back"}


def test_a_foreign_lot_in_the_address_is_answered_like_one_that_does_not_exist(open_page: OpenPage) -> None:
    foreign = words(open_page("agent", "lots", lot="other-lot"))
    assert "没有这个停车场" in foreign
    assert "other 停车场" not in foreign
    assert foreign == words(open_page("agent", "lots", lot="nowhere")).replace("nowhere", "other-lot")


def test_the_licences_that_end_stand_above_the_list(open_page: OpenPage, tenants: Tenants) -> None:
    assert "到期" not in words(open_page("admin", "lots"))
    for number in range(7):
        form = LotForm(name=f"{LONG}{number}", licence_to=date(2020, 1, 1))
        create_lot(tenants.settings, LOCAL, tenants.customer, form)
    said = words(open_page("agent", "lots"))
    assert "7 个停车场授权已到期" in said
    assert said.count(f"{LONG[:16]}…") == 5
    assert "到期" not in words(open_page("foreign", "lots"))


def test_a_secret_is_not_in_the_page_after_it_was_shown(open_page: OpenPage, tenants: Tenants) -> None:
    made = add_credential(tenants.settings, LOCAL, tenants.lot)
    app = open_page("admin", "lots", lot="own-lot", tab="credentials")
    assert cells(app)[0][0] == made.key_id
    assert made.secret not in str(app.main)
    assert lot_credentials(tenants.settings, LOCAL, tenants.lot)[0].key_id == made.key_id


def editing(open_page: OpenPage, tenants: Tenants, template: int) -> AppTest:
    """The tariff editor with a coming tariff made from a template."""
    from dashboards.views.tree.lot_tariff import DRAFT
    from dashboards.views.tree.tariff_editor import Draft
    from warehouse.services.lot_list import get_lot

    form = TariffForm("明年", date(2099, 1, 1), TEMPLATES[template].document)
    add_tariff(tenants.settings, LOCAL, tenants.lot, form)
    [tariff] = list_tariffs(tenants.settings, LOCAL, tenants.lot)
    app = open_page("admin", "lots", lot="own-lot", tab="tariff")
    app.session_state[DRAFT] = Draft.of(get_lot(tenants.settings, LOCAL, tenants.lot), tariff)
    return app.run()


def stored(tenants: Tenants) -> LotTariff:
    with ops_session(tenants.settings) as session:
        return session.scalars(select(LotTariff)).one()


@pytest.mark.parametrize("template", range(len(TEMPLATES)))
def test_a_tariff_that_is_opened_and_saved_stays_the_same(open_page: OpenPage, tenants: Tenants, template: int) -> None:
    app = editing(open_page, tenants, template)
    before = stored(tenants)
    said = words(press(app, "tariff_save"))
    assert "需要修改" not in said
    after = stored(tenants)
    assert (after.document, after.version) == (before.document, before.version)


def test_prices_caps_and_groups_are_changed_by_their_fields(open_page: OpenPage, tenants: Tenants) -> None:
    app = editing(open_page, tenants, 1)
    field(app, "plans[0].days[0].rate.unit_price").set_value("2.50")
    field(app, "plans[0].cap24").set_value("")
    field(app, "plans[0].free").set_value(45)
    field(app, "_name").set_value("涨价")
    app = app.run()
    app = press(app, "add_plan")
    app = field(app, "plans[1].groups").set_value(["truck"]).run()
    press(app, "tariff_save")
    saved = stored(tenants)
    assert saved.name == "涨价"
    plan, added = saved.document["plans"]
    assert plan["days"][0]["pricing"]["unit_price"] == "2.50"
    assert plan["free_minutes"] == 45
    assert "cap_per_24_hours" not in plan
    assert added["vehicle_groups"] == ["truck"]


def test_a_wrong_price_is_told_below_its_rule_and_nothing_is_saved(open_page: OpenPage, tenants: Tenants) -> None:
    app = editing(open_page, tenants, 1)
    before = stored(tenants)
    app = field(app, "plans[0].days[0].rate.unit_price").set_value("五块").run()
    said = words(app)
    assert "单位价格（元）" in said
    assert "规则改正后即可试算" in said
    assert "需要修改" in words(press(app, "tariff_save"))
    assert stored(tenants).document == before.document


def test_the_preview_shows_the_fee_of_a_typed_stay_with_its_steps(open_page: OpenPage, tenants: Tenants) -> None:
    form = TariffForm("现行", date(2020, 1, 1), TEMPLATES[1].document)
    add_tariff(tenants.settings, LOCAL, tenants.lot, form)
    said = words(open_page("admin", "lots", lot="own-lot", tab="tariff"))
    # 8.5 hours in the mall: 5 for the first hour, 15 half hours at 2, at most 30.
    assert "35.00" not in said
    assert "30.00" in said
    assert "24小时封顶 30.00 元" in said


def test_lots_of_the_address_survive_a_change_of_the_language(open_page: OpenPage, tenants: Tenants) -> None:
    zh = open_page("admin", "lots", "zh", lot="own-lot", tab="gates")
    en = open_page("admin", "lots", "en", lot="own-lot", tab="gates")
    assert "还没有出入口" in words(zh)
    assert "There is no gate yet" in words(en)
    assert list_lots(tenants.settings, LOCAL, ListQuery()).total == 2
