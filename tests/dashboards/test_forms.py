"""Forms: problems stand at their fields, nothing that was typed is lost, a second click is the same submit."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import delete, select
from streamlit.testing.v1 import AppTest

from tests.dashboards.conftest import OpenPage, Tenants, words
from warehouse.ops.models import AuthSession, FormDraft
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_by_login
from warehouse.services import drafts


def form_script() -> None:
    """A page with one form; ``sent`` keeps what reached the service."""
    import streamlit as st

    from dashboards import instance
    from dashboards.context import current, draw_safely
    from dashboards.texts import Texts
    from dashboards.ui import forms
    from warehouse.errors import ParkError
    from warehouse.services.fields import Fields

    sent = st.session_state.setdefault("sent", [])

    def submit(_context, values, form_id):
        fields = Fields()
        name = fields.text("name", values["name"], required=True)
        fields.done()
        if name == "taken":
            raise ParkError(zh="名称已被占用", en="the name is taken", code="taken")
        sent.append((form_id, values))
        return forms.Done("已保存", once={"密码": "only-once"} if name == "secret" else {})

    fields = [
        forms.Field("name", "名称", required=True),
        forms.Field("day", "日期", "date"),
        forms.Field("key", "密钥", "secret"),
    ]
    form = forms.Form("test_form", "新增", fields, {"day": None}, submit)
    visitor = current(instance.settings(), None, is_activity=True)
    # Streamlit's test runner knows no dialogs that run by themselves, so the form is drawn on the page.
    if "opened" not in st.session_state:
        st.session_state["opened"] = forms.OpenForm.of(visitor, form)
    draw_safely(visitor, st.session_state["opened"].draw, Texts("zh"))


def opened(open_page: OpenPage) -> AppTest:
    open_page("admin", "home")  # signs in
    return AppTest.from_function(form_script, default_timeout=60).run()


def field(app: AppTest, name: str):
    kinds = (*app.text_input, *app.date_input)
    return next(one for one in kinds if one.key and one.key.endswith(f"_{name}"))


def submit(app: AppTest) -> AppTest:
    return next(one for one in app.button if one.key and one.key.endswith("_submit")).click().run()


def test_a_problem_stands_at_its_field_and_the_rest_stays_typed(open_page: OpenPage) -> None:
    app = opened(open_page)
    field(app, "day").set_value(date(2026, 3, 1))
    app = submit(app)
    said = words(app)
    assert "必填" in said
    assert "有 1 处需要修改" in said
    assert field(app, "day").value == date(2026, 3, 1)
    assert app.session_state["sent"] == []


def test_a_refusal_of_the_service_stands_above_and_nothing_is_lost(open_page: OpenPage) -> None:
    app = opened(open_page)
    field(app, "name").set_value("taken")
    app = submit(app)
    assert "名称已被占用" in words(app)
    assert field(app, "name").value == "taken"


def test_a_second_click_carries_the_same_id(open_page: OpenPage) -> None:
    app = opened(open_page)
    field(app, "name").set_value("secret")
    app = submit(app)
    assert "请立即记录" in words(app)
    first_ids = {form_id for form_id, _values in app.session_state["sent"]}
    assert len(first_ids) == 1


def test_what_was_typed_after_the_session_ended_is_offered_again_without_its_secrets(
    open_page: OpenPage, tenants: Tenants
) -> None:
    app = opened(open_page)
    with ops_session(tenants.settings) as session:
        session.execute(delete(AuthSession))
    field(app, "name").set_value("typed before")
    field(app, "day").set_value(date(2026, 3, 1))
    field(app, "key").set_value("hush")
    app = submit(app)
    assert "登录已过期" in words(app)
    assert app.session_state["sent"] == []
    with ops_session(tenants.settings) as session:
        kept = session.scalars(select(FormDraft)).one()
        assert kept.values == {"name": "typed before", "day": "2026-03-01"}
    again = opened(open_page)
    assert "已恢复" in words(again)
    assert field(again, "name").value == "typed before"
    assert field(again, "day").value == date(2026, 3, 1)
    again = submit(again)
    assert again.session_state["sent"][0][1]["name"] == "typed before"


def test_a_draft_is_given_back_once_and_only_to_its_owner(tenants: Tenants) -> None:
    with ops_session(tenants.settings) as session:
        owner, other = actor_by_login(session, "agent"), actor_by_login(session, "foreign")
    drafts.keep(tenants.settings, owner, "form", {"name": "x"})
    assert drafts.take(tenants.settings, other, "form") is None
    assert drafts.take(tenants.settings, owner, "form") == {"name": "x"}
    assert drafts.take(tenants.settings, owner, "form") is None


def test_a_draft_is_forgotten_after_a_day(tenants: Tenants) -> None:
    with ops_session(tenants.settings) as session:
        owner = actor_by_login(session, "agent")
    drafts.keep(tenants.settings, owner, "form", {"name": "x"})
    with ops_session(tenants.settings) as session:
        session.scalars(select(FormDraft)).one().saved_at = datetime.now(UTC) - drafts.KEPT_FOR
    assert drafts.take(tenants.settings, owner, "form") is None
