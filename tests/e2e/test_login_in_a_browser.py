"""Signing in and out in a real browser, before anything is published."""

from __future__ import annotations

import re

import pytest

from warehouse.ops.session import ops_session
from warehouse.security.logins import FREE_FAILURES
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_platform

pytestmark = pytest.mark.usefixtures("chromium")
LOGIN, PASSWORD = "li.na", "Right-Horse-7"
EMPTY = "尚未发布数据"
AT_LOGIN = re.compile(r"/auth/login")
AT_PASSWORD = re.compile(r"/auth/password")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


def add_person(server, login: str, name: str, password: str | None = PASSWORD) -> str:
    """A login of the platform with a generated password when None is given."""
    with ops_session(server.settings) as session:
        node_id = ensure_platform(session).node_id
        return create_operator(session, login=login, name=name, role="admin", node_id=node_id, password=password)


def test_a_wrong_password_is_told_and_the_right_one_leads_to_the_page_asked_for(empty_server, new_context, sign_in):
    page = new_context().new_page()
    sign_in(page, empty_server, password="wrong", path="/?date=2026-01-02")
    assert page.get_by_role("alert").inner_text() == "账号或密码错误"
    assert page.input_value("#login") == LOGIN
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.get_by_text(EMPTY).first.wait_for()
    assert "date=2026-01-02" in page.url


def test_a_reload_and_a_second_tab_keep_the_session(empty_server, new_context, sign_in):
    context = new_context()
    first = context.new_page()
    sign_in(first, empty_server)
    first.get_by_text(EMPTY).first.wait_for()
    first.reload()
    first.get_by_text(EMPTY).first.wait_for()
    second = context.new_page()
    second.goto(empty_server.url + "/")
    second.get_by_text(EMPTY).first.wait_for()
    assert second.get_by_text("李娜").is_visible()


def test_signing_out_in_one_tab_ends_the_other_at_its_next_run(empty_server, new_context, sign_in):
    context = new_context()
    first, second = context.new_page(), context.new_page()
    sign_in(first, empty_server)
    first.get_by_text(EMPTY).first.wait_for()
    second.goto(empty_server.url)
    second.get_by_text(EMPTY).first.wait_for()
    first.get_by_role("button", name="退出登录").click()
    first.wait_for_url(AT_LOGIN)
    # Nobody touches the second tab: its own waiting for a publication runs the guard.
    second.wait_for_url(AT_LOGIN, timeout=60_000)
    first.goto(empty_server.url)
    assert AT_LOGIN.search(first.url)


def test_signing_out_in_one_browser_leaves_another_signed_in(empty_server, new_context, sign_in):
    first, second = new_context().new_page(), new_context().new_page()
    for page in (first, second):
        sign_in(page, empty_server)
        page.get_by_text(EMPTY).first.wait_for()
    first.get_by_role("button", name="退出登录").click()
    first.wait_for_url(AT_LOGIN)
    second.reload()
    second.get_by_text(EMPTY).first.wait_for()


def test_repeated_failures_delay_that_address_and_login_and_nobody_else(empty_server, new_context, sign_in):
    page = new_context().new_page()
    page.goto(empty_server.url)
    for _ in range(FREE_FAILURES + 2):
        page.fill("#login", "somebody.else")
        page.fill("#password", "wrong")
        page.click("button[type=submit]")
        page.get_by_role("alert").wait_for()
    assert re.fullmatch(r"尝试次数过多，请在 \d+ 秒后再试", page.get_by_role("alert").inner_text())
    sign_in(page, empty_server)
    page.get_by_text(EMPTY).first.wait_for()


def test_a_websocket_is_refused_without_a_session_and_opens_with_one(empty_server, new_context, sign_in):
    page = new_context().new_page()
    opened = """url => new Promise(done => {
        const socket = new WebSocket(url, ['streamlit']);
        socket.onopen = () => { socket.close(); done(true) };
        socket.onerror = () => done(false);
    })"""
    stream = empty_server.url.replace("http", "ws") + "/_stcore/stream"
    page.goto(empty_server.url + "/healthz")
    assert page.evaluate(opened, stream) is False
    sign_in(page, empty_server)
    page.get_by_text(EMPTY).first.wait_for()
    assert page.evaluate(opened, stream) is True


def test_the_page_script_cannot_read_the_session_cookie(empty_server, new_context, sign_in):
    context = new_context()
    page = context.new_page()
    sign_in(page, empty_server)
    page.get_by_text(EMPTY).first.wait_for()
    cookie = next(one for one in context.cookies() if one["name"] == "park_session")
    assert cookie["httpOnly"]
    assert cookie["value"] not in page.evaluate("document.cookie")


def test_the_language_switch_changes_every_word_and_stays_after_a_reload(empty_server, new_context, sign_in):
    page = new_context().new_page()
    sign_in(page, empty_server)
    page.get_by_text(EMPTY).first.wait_for()
    page.get_by_role("link", name="English").click()
    page.get_by_text("Nothing has been published yet").first.wait_for()
    page.reload()
    page.get_by_text("Nothing has been published yet").first.wait_for()
    shown = page.locator("body").inner_text().replace("李娜", "").replace("中文", "")
    assert not re.search(r"[\u4e00-\u9fff]", shown)


def test_no_request_leaves_this_machine(empty_server, new_context, sign_in):
    context = new_context()
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    page = context.new_page()
    page.on("websocket", lambda socket: requested.append(socket.url))
    sign_in(page, empty_server)
    page.get_by_text(EMPTY).first.wait_for()
    page.wait_for_timeout(2_000)
    assert any("/_stcore/stream" in url for url in requested)
    foreign = [url for url in requested if not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", url)]
    assert foreign == []


def test_a_generated_password_must_be_changed_before_any_page_is_seen(empty_server, new_context, sign_in):
    given = add_person(empty_server, "chen.jie", "陈洁", None)
    page = new_context().new_page()
    sign_in(page, empty_server, login="chen.jie", password=given, path="/?date=2026-01-02")
    page.wait_for_url(AT_PASSWORD)
    page.goto(empty_server.url + "/")
    page.wait_for_url(AT_PASSWORD)
    page.goto(empty_server.url + "/?date=2026-01-02")
    page.wait_for_url(AT_PASSWORD)
    page.fill("#old", given)
    page.fill("#new", "chen.jie2026")
    page.fill("#repeated", "chen.jie2026")
    page.get_by_role("button", name="修改密码").click()
    page.get_by_text("密码不能是账号或姓名").wait_for()
    for field, password in (("#old", given), ("#new", "Quiet-River-29"), ("#repeated", "Quiet-River-29")):
        page.fill(field, password)
    page.get_by_role("button", name="修改密码").click()
    page.get_by_text(EMPTY).first.wait_for()
    assert "date=2026-01-02" in page.url
    page.reload()
    page.get_by_text(EMPTY).first.wait_for()
    again = new_context().new_page()
    sign_in(again, empty_server, login="chen.jie", password="Quiet-River-29")
    again.get_by_text(EMPTY).first.wait_for()


def test_a_session_ended_from_another_browser_is_out_at_its_next_run(empty_server, new_context, sign_in):
    add_person(empty_server, "zhao.min", "赵敏")
    phone, desk = new_context(user_agent=PHONE).new_page(), new_context().new_page()
    for page in (phone, desk):
        sign_in(page, empty_server, login="zhao.min")
        page.get_by_text(EMPTY).first.wait_for()
    desk.goto(empty_server.url + "/auth/account")
    rows = desk.get_by_role("listitem")
    assert rows.count() == 2
    assert "本浏览器" in rows.nth(0).inner_text()
    other = rows.filter(has_text="Safari · iPhone")
    other.get_by_role("button", name="结束").click()
    desk.get_by_text("已结束该设备上的登录").wait_for()
    assert rows.count() == 1
    # Nobody touches the phone: its own waiting for a publication runs the guard.
    phone.wait_for_url(AT_LOGIN, timeout=60_000)
    desk.get_by_role("link", name="返回首页").click()
    desk.get_by_text(EMPTY).first.wait_for()


def test_changing_the_password_signs_other_browsers_out_and_keeps_this_one(empty_server, new_context, sign_in):
    add_person(empty_server, "sun.li", "孙丽")
    other, desk = new_context().new_page(), new_context().new_page()
    for page in (other, desk):
        sign_in(page, empty_server, login="sun.li")
        page.get_by_text(EMPTY).first.wait_for()
    desk.goto(empty_server.url + "/auth/account")
    desk.get_by_role("link", name="修改密码").click()
    for field, password in (("#old", PASSWORD), ("#new", "Quiet-River-29"), ("#repeated", "Quiet-River-29")):
        desk.fill(field, password)
    desk.get_by_role("button", name="修改密码").click()
    desk.get_by_text("密码已修改").wait_for()
    other.reload()
    other.wait_for_url(AT_LOGIN)
    desk.goto(empty_server.url + "/")
    desk.get_by_text(EMPTY).first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_account_pages_fit_a_phone_and_run_no_script(empty_server, new_context, sign_in, scheme):
    context = new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, java_script_enabled=False)
    page = context.new_page()
    add_person(empty_server, f"long.{scheme}", "一个名字非常非常长的操作员" * 6)
    sign_in(page, empty_server, login=f"long.{scheme}", path="/auth/account")
    page.wait_for_url("**/auth/account")
    for path in ("/auth/account", "/auth/password"):
        page.goto(empty_server.url + path)
        assert page.locator("main").bounding_box()["width"] <= 390 - 16
        right = max(box["x"] + box["width"] for one in page.locator("main *").all() if (box := one.bounding_box()))
        assert right <= 390
        back = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        assert back == {"light": "rgb(244, 246, 250)", "dark": "rgb(11, 18, 32)"}[scheme]
