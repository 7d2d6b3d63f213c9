"""Money at the counter, in a real browser: a double click pays once, and the receipt is there to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import TimeoutError as Late
from sqlalchemy import select

from tests.e2e.conftest import LOGIN, Server, add_lots, prepare_stores, running
from warehouse.ops.models import OutboxRecord, OwnerRenewal, WalletEntry
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_by_login
from warehouse.services.owner_changes import create_owner
from warehouse.services.owner_forms import OwnerForm, VehicleForm
from warehouse.services.renewal_plans import PlanForm, create_plan


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a lot that sells months to one owner."""
    settings = prepare_stores(tmp_path_factory.mktemp("counter"))
    add_lots(settings, {})
    with ops_session(settings) as session:
        actor = actor_by_login(session, LOGIN)
    create_owner(settings, actor, OwnerForm(1, "初建春", vehicles=(VehicleForm("鲁F69Y07"),)))
    create_plan(settings, actor, 1, PlanForm("月卡", "month", 1, "300"))
    with running(settings) as server:
        yield server


def test_a_double_click_tops_up_and_renews_once_and_the_receipt_is_shown(
    counter: Server, new_context: Callable, sign_in: Callable[..., None]
) -> None:
    page = new_context().new_page()
    sign_in(page, counter, path="/auth/login?next=/long-term-owners")
    table = page.locator("[data-testid=stDataFrame]").first
    table.wait_for()
    page.wait_for_timeout(1500)  # the canvas draws its rows after the element is there
    box = table.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 52)
    page.get_by_text("已选：初建春").wait_for()

    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="充值", exact=True).click()
    dialog.get_by_role("textbox", name="充值金额（元）").fill("300.01")
    choose(page, dialog, "支付方式", "现金")
    dialog.get_by_test_id("stFormSubmitButton").get_by_role("button").dblclick()
    page.get_by_text("已充值 300.01 元").wait_for()
    dialog.wait_for(state="detached")

    page.get_by_role("button", name="续费", exact=True).click()
    choose(page, dialog, "支付方式", "APP钱包")
    dialog.get_by_test_id("stFormSubmitButton").get_by_role("button").dblclick()
    receipt = page.frame_locator("[role=dialog] iframe")
    receipt.get_by_text("¥300.00（大写：叁佰元整）").wait_for()
    day = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()
    receipt.get_by_text(f"lot-1-{day:%Y%m%d}-0001").wait_for()
    assert receipt.get_by_role("button", name="打印").is_visible()

    with ops_session(counter.settings) as session:
        amounts = list(session.scalars(select(WalletEntry.amount).order_by(WalletEntry.entry_id)))
        assert amounts == [Decimal("300.01"), Decimal("-300.00")]
        assert len(session.scalars(select(OwnerRenewal)).all()) == 1
        kinds = [record["kind"] for record in session.scalars(select(OutboxRecord.record))]
        assert kinds == ["top_up", "renewal"]


def choose(page, dialog, label: str, option: str) -> None:
    wanted = page.get_by_role("option").filter(has_text=option)
    for _ in range(10):
        dialog.get_by_test_id("stSelectbox").filter(has_text=label).click()
        try:
            wanted.click(timeout=4000)
        except Late:
            # The dialog was drawn anew meanwhile, which closes the list.
            continue
        return
    raise AssertionError(f"{option} could not be chosen")
