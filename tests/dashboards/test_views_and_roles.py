"""Every page for every role: reachable or forbidden as the permissions say, and never a fault."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dashboards import frame
from dashboards.frame import View
from tests.dashboards.conftest import OpenPage, Tenants, words
from warehouse.ops.models import AuditEntry
from warehouse.ops.session import ops_session
from warehouse.security.permissions import BUILT_IN

MENUS = [module.VIEW.menu for module in frame.view_modules()]


@pytest.mark.parametrize("role", sorted(BUILT_IN))
@pytest.mark.parametrize("menu", MENUS)
def test_a_page_opens_for_roles_with_its_permission_and_is_refused_to_others(
    open_page: OpenPage, tenants: Tenants, menu: str, role: str
) -> None:
    app = open_page(role, menu)
    said = words(app)
    assert "发生内部错误" not in said
    allowed = f"{menu}.view" in BUILT_IN[role]
    assert ("无权查看此页" not in said) is allowed
    with ops_session(tenants.settings) as session:
        refused = session.scalars(select(AuditEntry.action).where(AuditEntry.outcome == "refused")).all()
    assert refused == ([] if allowed else [f"{menu}.view"])


@pytest.mark.parametrize("menu", MENUS)
def test_a_page_speaks_english_without_a_chinese_word_of_its_own(open_page: OpenPage, menu: str) -> None:
    said = words(open_page("admin", menu, language="en"))
    assert "Internal error" not in said


def test_a_page_without_a_menu_item_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no menu item"):
        View("back_door", ":material/key:")


def test_every_module_with_a_view_is_found_and_none_twice() -> None:
    assert len(MENUS) == len(set(MENUS))
    assert "home" in MENUS
