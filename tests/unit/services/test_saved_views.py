"""Views that operators keep: whose they are, who else sees them, which one a page opens with."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.dashboards.conftest import PASSWORD, Tenants, plant
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuditEntry, Operator
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import Actor, actor_by_login
from warehouse.services.fields import InvalidFields
from warehouse.services.operators import create_operator
from warehouse.services.saved_views import (
    LONGEST_QUERY,
    MOST_VIEWS,
    ViewForm,
    delete_view,
    list_views,
    normal_query,
    save_view,
    start_view,
)
from warehouse.settings import Settings

PAGE = "exit_records"


@pytest.fixture
def world(tmp_path: Path) -> Tenants:
    settings = Settings(home=tmp_path)
    migrate(settings)
    made = plant(settings)
    with ops_session(settings) as session:
        for login, node, lot in (("colleague", made.customer, None), ("booth", made.customer, made.lot)):
            create_operator(
                session, login=login, name=login, role="analyst", node_id=node, lot_id=lot, password=PASSWORD
            )
    return made


def actor(world: Tenants, login: str) -> Actor:
    with ops_session(world.settings) as session:
        return actor_by_login(session, login)


def keep(world: Tenants, login: str, name: str, query: str = "period=yesterday", **more: bool) -> int:
    return save_view(world.settings, actor(world, login), PAGE, ViewForm(name, query, **more))


def names(world: Tenants, login: str, page: str = PAGE) -> list[str]:
    return [row.name for row in list_views(world.settings, actor(world, login), page)]


def test_a_view_is_listed_for_its_owner_on_its_page_and_leads_to_its_filters(world: Tenants) -> None:
    keep(world, "analyst", "昨天", "period=yesterday&lot=a&lot=b&page=7&of=daily-report.cash&record=a%2Fx1")
    (row,) = list_views(world.settings, actor(world, "analyst"), PAGE)
    assert row.address == "/exit-records?period=yesterday&lot=a&lot=b"
    assert row.is_own
    assert names(world, "analyst", "entry_records") == []
    assert names(world, "colleague") == []
    with ops_session(world.settings) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.entry_id.desc())).first()
    assert entry is not None
    assert (entry.login, entry.action, entry.entity_name) == ("analyst", "exit_records.saved_view", "昨天")


def test_a_shared_view_is_seen_by_operators_of_the_same_place_only(world: Tenants) -> None:
    keep(world, "analyst", "共享", is_shared=True)
    keep(world, "analyst", "自用")
    rows = list_views(world.settings, actor(world, "colleague"), PAGE)
    assert [(row.name, row.is_own, row.owner_name) for row in rows] == [("共享", False, "analyst 先生")]
    for elsewhere in ("admin", "agent", "foreign", "booth", "lot"):
        assert names(world, elsewhere) == []


def test_others_views_cannot_be_changed_or_deleted_even_when_shared(world: Tenants) -> None:
    view = keep(world, "analyst", "共享", is_shared=True)
    for login in ("colleague", "admin", "foreign"):
        me = actor(world, login)
        with pytest.raises(Forbidden):
            save_view(world.settings, me, PAGE, ViewForm("换", "a=b"), view)
        with pytest.raises(Forbidden):
            delete_view(world.settings, me, PAGE, view)
    assert names(world, "analyst") == ["共享"]


def test_without_the_permission_for_the_page_there_are_no_views_of_it(world: Tenants) -> None:
    engineer = actor(world, "engineer")
    with pytest.raises(Forbidden):
        list_views(world.settings, engineer, PAGE)
    with pytest.raises(Forbidden):
        save_view(world.settings, engineer, PAGE, ViewForm("a", ""))


def test_a_page_opens_with_one_view_at_most(world: Tenants) -> None:
    first = keep(world, "analyst", "一", is_start=True)
    me = actor(world, "analyst")
    keep(world, "analyst", "二", is_start=True)
    found = start_view(world.settings, me, PAGE)
    assert found is not None
    assert found.name == "二"
    save_view(world.settings, me, PAGE, ViewForm("一", is_start=True), first)
    assert [row.name for row in list_views(world.settings, me, PAGE) if row.is_start] == ["一"]
    keep(world, "colleague", "别人的", is_start=True, is_shared=True)
    found = start_view(world.settings, me, PAGE)
    assert found is not None
    assert found.name == "一"
    save_view(world.settings, me, PAGE, ViewForm("一"), first)
    assert start_view(world.settings, me, PAGE) is None


def test_renaming_keeps_the_filters_and_a_name_is_taken_once(world: Tenants) -> None:
    view = keep(world, "analyst", "旧", "lot=a")
    keep(world, "analyst", "占用")
    me = actor(world, "analyst")
    save_view(world.settings, me, PAGE, ViewForm("新"), view)
    assert {row.name: row.query for row in list_views(world.settings, me, PAGE)}["新"] == "lot=a"
    with pytest.raises(InvalidFields, match="exists already"):
        save_view(world.settings, me, PAGE, ViewForm("占用"), view)
    keep(world, "colleague", "占用")


def test_a_form_that_was_overtaken_is_refused(world: Tenants) -> None:
    view = keep(world, "analyst", "一")
    me = actor(world, "analyst")
    (row,) = list_views(world.settings, me, PAGE)
    save_view(world.settings, me, PAGE, ViewForm("二"), view, row.version)
    with pytest.raises(ParkError) as refused:
        save_view(world.settings, me, PAGE, ViewForm("三"), view, row.version)
    assert refused.value.code == "conflict"


def test_there_is_an_end_to_how_many_and_how_long(world: Tenants) -> None:
    with pytest.raises(InvalidFields):
        keep(world, "analyst", "长", "lot=" + "a" * LONGEST_QUERY)
    for number in range(MOST_VIEWS):
        keep(world, "analyst", f"视图{number}")
    with pytest.raises(InvalidFields, match="at most"):
        keep(world, "analyst", "多")


def test_a_view_of_somebody_who_left_is_no_longer_shared(world: Tenants) -> None:
    keep(world, "analyst", "共享", is_shared=True)
    with ops_session(world.settings) as session:
        session.scalars(select(Operator).where(Operator.login == "analyst")).one().is_active = False
    assert names(world, "colleague") == []


def test_an_address_is_normalised_without_losing_anything_that_filters() -> None:
    assert (
        normal_query("lot=a&page=2&plate=鲁F*&lot=b&of=x.y&record=a%2F1&size=20")
        == "lot=a&plate=%E9%B2%81F%2A&lot=b&size=20"
    )
    assert normal_query("") == ""
