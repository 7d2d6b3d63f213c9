"""The SQL page: an analyst's queries, what they see of them, and what stays shut."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.sql import desk as page_desk
from dashboards.sql import editor
from tests.dashboards.conftest import PASSWORD, OpenPage, Tenants, words
from tests.integration.reports.lake import Lake, add_tree, fill
from warehouse.analysts import desk
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_by_login
from warehouse.security.scope import Scope
from warehouse.services.operators import create_operator
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Lake(Settings(home=tmp_path_factory.mktemp("sql-page")))
    add_tree(made.settings)
    with ops_session(made.settings) as session:
        create_operator(session, login="analyst", name="分析员", role="analyst", node_id=3, password=PASSWORD)
    fill(made)
    made.publish()
    desk.ensure_file(made.settings, desk.cut_of(_actor(made.settings)))
    return made.settings


def _actor(settings: Settings) -> desk.Actor:
    with ops_session(settings) as session:
        return actor_by_login(session, "analyst")


@pytest.fixture
def tenants(published: Settings, tmp_path: Path) -> Iterator[Tenants]:
    """A copy for each test; the lake's files are named by their folder, so only the store is copied."""
    home = tmp_path / "home"
    shutil.copytree(published.home, home)
    page_desk.queries.cache_clear()
    yield Tenants(Settings(home=home), *[0] * (len(Tenants.__dataclass_fields__) - 1))
    page_desk.queries.cache_clear()


def ask(app: AppTest, sql: str) -> AppTest:
    app.session_state[editor.TEXT] = sql
    next(button for button in app.button if button.key == "sql_run").click().run()
    running = page_desk.queries().of(me())
    assert running is not None
    assert running.over.wait(120)
    app.run()
    assert page_desk.queries().of(me()) is running, "an answer is shown once and not asked for again"
    return app


def me() -> desk.Actor:
    from dashboards import instance

    return _actor(instance.settings())


def test_an_analyst_asks_and_sees_their_rows_limits_and_history(open_page: OpenPage) -> None:
    app = open_page("analyst", "sql")
    assert "60 秒" in words(app)
    ask(app, "select lot_id, 1.50 as 实收 from dim_lot order by 1")
    assert "2 行" in words(app)
    shown = next(frame.value for frame in app.dataframe if "c1" in frame.value.columns)
    assert shown["c0"].tolist() == ["1", "2"]
    assert shown["c1"].tolist() == ["1.50", "1.50"]
    assert any("完成" in frame.value.to_string() for frame in app.dataframe)


def test_what_is_refused_and_what_is_wrong_is_said_in_words(open_page: OpenPage) -> None:
    app = open_page("analyst", "sql")
    assert "只能读取数据" in words(ask(app, "attach 'x' as y"))
    assert "查询有误" in words(ask(app, "selec 1"))


def test_tables_examples_and_kept_queries_go_into_the_editor(open_page: OpenPage) -> None:
    app = open_page("analyst", "sql")
    app.selectbox(key="sql_table").select("rpt_fee_day").run()
    assert "每日收费" in words(app) or "岗亭" in words(app)
    next(button for button in app.button if button.key == "sql_insert").click().run()
    assert app.session_state[editor.TEXT].endswith("FROM rpt_fee_day\nLIMIT 100")
    next(button for button in app.button if button.key == "sql_open").click().run()
    assert "SELECT" in app.session_state[editor.TEXT]


def test_an_answer_goes_with_the_right_to_its_lots_or_to_whole_plates(open_page: OpenPage) -> None:
    ask(open_page("analyst", "sql"), "select 'kept answer' as a")
    running = page_desk.queries().of(me())
    assert running is not None
    for fewer in (
        replace(me(), scope=Scope(frozenset({1}))),
        replace(me(), permissions=me().permissions ^ {desk.WHOLE_PLATES}),
        replace(me(), operator_id=999),
    ):
        assert page_desk.queries().of(fewer) is None
