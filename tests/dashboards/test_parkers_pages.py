"""Pages of long-term parkers: lists, forms and dialogs through the frame, for people who may and who may not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from dashboards.context import Context
from dashboards.ui import forms
from dashboards.views.parkers import owner_form
from tests.dashboards.conftest import OpenPage, Tenants, words
from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor, actor_by_login
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.owner_changes import create_owner, edit_owner
from warehouse.services.owner_forms import GroupForm, OwnerForm, SpaceForm, VehicleForm
from warehouse.services.owners import OwnerView, get_owner, list_owners
from warehouse.services.renewal_plans import PlanForm, create_plan
from warehouse.services.renewals import RenewalForm, renew
from warehouse.services.visible import LotName
from warehouse.services.wallets import MoneyForm, top_up

PAGES = ("long_term_owners", "owner_wallets", "long_term_vehicles")


def actor_of(tenants: Tenants, login: str) -> Actor:
    with ops_session(tenants.settings) as session:
        return actor_by_login(session, login)


def today() -> date:
    return datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture
def owner(tenants: Tenants) -> OwnerView:
    """An owner of the first lot with a group, a space, money and a renewal, and one of the foreign lot."""
    manager = actor_of(tenants, "customer")
    day = today()
    form = OwnerForm(
        tenants.lot,
        "初建春",
        phone="0535-6011234",
        vehicles=(
            VehicleForm("鲁F69Y07", valid_from=day, valid_to=day + timedelta(days=3)),
            VehicleForm("鲁F277A2", group="家庭"),
        ),
        spaces=(SpaceForm("A-1"),),
        groups=(GroupForm("家庭", 1),),
    )
    owner_id = create_owner(tenants.settings, manager, form)
    top_up(tenants.settings, manager, owner_id, MoneyForm("500.00", "cash"), "first-top-up")
    plan = create_plan(tenants.settings, manager, tenants.lot, PlanForm("月卡", "month", 1, "300"))
    found = get_owner(tenants.settings, manager, owner_id)
    renew(
        tenants.settings,
        manager,
        owner_id,
        RenewalForm(plan, 1, "wallet", vehicle_id=found.vehicles[0].vehicle_id),
        "first-renewal",
    )
    create_owner(
        tenants.settings,
        actor_of(tenants, "foreign"),
        OwnerForm(tenants.foreign_lot, "外人", vehicles=(VehicleForm("京A12345"),)),
    )
    return get_owner(tenants.settings, manager, owner_id)


def cells(app) -> str:
    return " ".join(str(value) for frame in app.dataframe for value in frame.value.to_numpy().ravel())


def labels(app) -> set[str]:
    return {button.label for button in app.button}


@pytest.mark.parametrize("menu", PAGES)
def test_a_list_shows_the_rows_of_the_scope_and_no_foreign_one(
    open_page: OpenPage, owner: OwnerView, menu: str
) -> None:
    app = open_page("customer", menu)
    assert "鲁F69Y07" in cells(app)
    assert "外人" not in cells(app)
    assert "京A12345" not in cells(app)
    assert "京A12345" in cells(open_page("admin", menu))


@pytest.mark.parametrize("menu", PAGES)
def test_a_list_without_rows_says_so(open_page: OpenPage, menu: str) -> None:
    assert "还没有" in words(open_page("customer", menu))


def test_filters_of_the_address_cut_the_lists(open_page: OpenPage, owner: OwnerView) -> None:
    assert "鲁F277A2" not in cells(open_page("customer", "long_term_vehicles", state="valid"))
    assert "鲁F277A2" in cells(open_page("customer", "long_term_vehicles", group="yes"))
    assert "鲁F69Y07" not in cells(open_page("customer", "long_term_vehicles", group="yes"))
    assert "初建春" in cells(open_page("customer", "long_term_owners", q="f69y07"))
    assert "没有符合条件的记录" in words(open_page("customer", "long_term_owners", q="不存在"))


def test_a_state_is_shown_in_words_with_its_count(open_page: OpenPage, owner: OwnerView) -> None:
    assert "有效 1、无有效期 1" in cells(open_page("customer", "long_term_owners"))
    assert "Valid 1, No validity 1" in cells(open_page("customer", "long_term_owners", language="en"))


def test_who_only_reads_gets_no_buttons_that_change(open_page: OpenPage, owner: OwnerView) -> None:
    changing = {"新增车主", "修改", "充值", "续费", "删除", "退款", "更正", "添加车主/车辆/钱包", "修改车主/车辆"}
    for menu in PAGES:
        assert not labels(open_page("duty_manager", menu)) & changing
        assert labels(open_page("customer", menu)) & changing
    assert "删除" not in labels(open_page("booth_supervisor", "long_term_owners"))


def context_of(tenants: Tenants, login: str, language: str = "zh") -> Context:
    return Context(
        settings=tenants.settings,
        actor=actor_of(tenants, login),
        permission="long_term_owners.view",
        language=language,
        now=datetime.now(UTC),
        token="none",
    )


def opened_form(monkeypatch: pytest.MonkeyPatch, act) -> forms.Form:
    """The form that ``act`` opens, without drawing it."""
    found: list[forms.Form] = []
    monkeypatch.setattr(forms, "open_form", lambda _context, form: found.append(form))
    act()
    return found[0]


def typed(form: forms.Form) -> dict:
    """The values of the form as it opens."""
    empty = {"table": [], "flag": False, "number": None, "date": None}
    return {
        one.name: form.initial.get(one.name) or empty.get(one.kind, "") for one in form.fields if one.kind != "note"
    }


def test_the_form_of_an_owner_saves_what_it_shows_and_keeps_the_vehicles_it_knows(
    tenants: Tenants, owner: OwnerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tenants, "customer")
    form = opened_form(monkeypatch, lambda: owner_form.open_edit(context, owner.owner_id))
    values = typed(form)
    form.submit(context, values, "unchanged")
    assert get_owner(tenants.settings, context.actor, owner.owner_id) == owner
    first, second = values["vehicles"]
    new = dict.fromkeys(first) | {"plate": "粤B·D12345", "group": "家庭"}
    values["vehicles"] = [{**first, "plate": "鲁f69y08"}, second, new]
    values["groups"] = [{**values["groups"][0], "spaces": 2}]
    assert "初建春" in form.submit(context, values, "changed").sentence
    after = get_owner(tenants.settings, context.actor, owner.owner_id)
    assert [(row.vehicle_id, row.plate) for row in after.vehicles[:2]] == [
        (owner.vehicles[0].vehicle_id, "鲁F69Y08"),
        (owner.vehicles[1].vehicle_id, "鲁F277A2"),
    ]
    assert (after.vehicles[2].plate, after.vehicles[2].plate_colour, after.groups[0].spaces) == (
        "粤BD12345",
        "green",
        2,
    )


def test_a_problem_of_a_row_is_told_at_its_table_with_the_rows_number_in_both_languages(
    tenants: Tenants, owner: OwnerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tenants, "customer")
    form = opened_form(monkeypatch, lambda: owner_form.open_edit(context, owner.owner_id))
    values = typed(form)
    values["vehicles"][1] = {**values["vehicles"][1], "plate": "X"}
    with pytest.raises(InvalidFields) as caught:
        form.submit(context, values, "wrong")
    (problem,) = caught.value.problems
    assert problem.field == "vehicles"
    assert problem.zh.startswith("第 2 行：“X”")
    assert problem.en.startswith("row 2: “X”")


def test_a_new_owner_is_opened_with_money_once_however_often_the_button_is_pressed(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tenants, "booth_supervisor")
    lot = LotName(tenants.lot, "own-lot", "own", "Asia/Shanghai", 1)
    form = opened_form(monkeypatch, lambda: owner_form.open_new(context, lot, with_money=True))
    values = typed(form) | {"name": "王健", "amount": "88.88", "method": "cash"}
    for _ in range(2):
        form.submit(context, values, "one-form-id")
    (row,) = list_owners(tenants.settings, context.actor, ListQuery()).rows
    assert (row.name, row.balance) == ("王健", Decimal("88.88"))


def test_a_form_opened_before_somebody_elses_change_does_not_take_it_back(
    tenants: Tenants, owner: OwnerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tenants, "customer")
    form = opened_form(monkeypatch, lambda: owner_form.open_edit(context, owner.owner_id))
    edit_owner(
        tenants.settings, actor_of(tenants, "admin"), owner.owner_id, owner.version, OwnerForm(tenants.lot, "改名")
    )
    with pytest.raises(Exception, match="admin"):
        form.submit(context, typed(form), "late")
    assert get_owner(tenants.settings, context.actor, owner.owner_id).name == "改名"


def test_what_was_typed_into_the_tables_survives_the_end_of_the_session_with_its_days(
    tenants: Tenants, owner: OwnerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tenants, "customer")
    form = opened_form(monkeypatch, lambda: owner_form.open_edit(context, owner.owner_id))
    values = typed(form)
    opened = forms.OpenForm.of(context, form)
    assert opened._submit(None, values) == ([], None)
    again = forms.OpenForm.of(context, form)
    assert again.is_restored
    assert {name: again.initial[name] for name in values} == values
