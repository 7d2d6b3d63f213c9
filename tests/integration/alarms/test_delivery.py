"""Telling of alarms: signed web hooks and mails, retried for hours, folded, held back in quiet hours, never twice."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.integration.alarms.conftest import Desk, Receiver, is_signed
from tests.integration.deliveries.conftest import Post
from warehouse.alarms import webhook
from warehouse.alarms.announce import after_quiet, announce
from warehouse.alarms.webhook import read_target
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AlarmChannel, AlarmDelivery, AlarmEpisode
from warehouse.ops.session import ops_session, write_session
from warehouse.services.alarm_channels import (
    ChannelForm,
    delete_channel,
    renew_secret,
    save_channel,
    switch_channel,
    try_channel,
)
from warehouse.services.alarm_messages import list_channels, list_messages
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.settings import Settings


def test_a_web_hook_gets_a_signed_message_for_the_raise_and_one_for_the_recovery(
    desk: Desk, receiver: Receiver
) -> None:
    _channel, secret = desk.channel(url=receiver.url)
    assert secret is not None
    number = desk.alarm()
    assert [one.error for one in desk.send()] == [None]
    desk.now += timedelta(minutes=3)
    desk.recover(number)
    desk.send()
    assert desk.send(5) == []
    assert receiver.alarms() == [(number, "raised"), (number, "recovered")]
    headers, body = receiver.calls[0]
    assert headers["path"] == "/hook?a=1"
    assert is_signed(secret, headers, body)
    assert not is_signed(secret, headers, body + b" ")
    told = json.loads(body)
    assert str(told["delivery_id"]) == headers["X-Park-Delivery"]
    assert told["alarms"][0] | {"raised_at": ""} == {
        "event": "raised", "alarm": number, "source": "lot", "type": "camera_fault", "level": "warning",
        "lot": {"code": "S-1", "name": "S-1 停车场"}, "device_id": "C1", "device_type": "camera", "gate_id": None,
        "message": "画面丢失", "raised_at": "", "recovered_at": None,
    }  # fmt: skip


def test_a_receiver_that_is_down_for_an_hour_loses_nothing_and_gets_everything_once_in_order(
    desk: Desk, receiver: Receiver
) -> None:
    desk.channel(url=receiver.url)
    receiver.status = 503
    numbers = []
    for _ in range(6):
        numbers.append(desk.alarm())
        desk.go_on(timedelta(minutes=10))
    assert receiver.calls == []
    assert 5 <= receiver.refused <= 10, "with growing pauses"
    receiver.status = 200
    desk.go_on(timedelta(minutes=31))
    assert receiver.alarms() == [(number, "raised") for number in numbers]
    assert len(receiver.calls) == 2, "what came meanwhile is one message"
    with ops_session(desk.settings) as session:
        assert set(session.scalars(select(AlarmDelivery.state))) == {"sent"}


def test_a_message_that_nobody_takes_for_two_days_is_given_up_and_says_why(desk: Desk, receiver: Receiver) -> None:
    desk.channel(url=receiver.url)
    receiver.status = 302
    receiver.location = receiver.url
    desk.alarm()
    desk.go_on(timedelta(hours=49), step=31)
    (row,) = list_messages(desk.settings, desk.tenants.actor("sun"), ListQuery()).rows
    assert (row.state, row.message_en) == ("failed", "127.0.0.1 answered 302 instead of 2xx")
    assert receiver.calls == [], "redirects are not followed"


def test_a_process_that_died_over_a_message_is_followed_by_another_attempt(desk: Desk, receiver: Receiver) -> None:
    desk.channel(url=receiver.url)
    number = desk.alarm()
    desk.send()
    with ops_session(desk.settings) as session:
        one = session.scalars(select(AlarmDelivery)).one()
        one.state, one.finished_at, one.next_attempt_at = "sending", None, desk.now + timedelta(minutes=5)
    assert desk.send(4) == []
    desk.send(2)
    assert receiver.alarms() == [(number, "raised")] * 2
    assert receiver.calls[0][0]["X-Park-Delivery"] == receiver.calls[1][0]["X-Park-Delivery"]


def test_many_alarms_at_once_are_one_message_and_evaluating_again_tells_nothing_twice(
    desk: Desk, receiver: Receiver
) -> None:
    desk.channel(url=receiver.url, fold_seconds=60)
    numbers = [desk.alarm() for _ in range(20)]
    assert desk.send(0.5) == []
    with write_session(desk.settings) as session:
        for episode in session.scalars(select(AlarmEpisode)):
            episode.announced = "nothing"
        session.flush()
        announce(session, desk.now)
    desk.send(1)
    desk.go_on(timedelta(minutes=5), step=1)
    assert receiver.alarms() == [(number, "raised") for number in numbers]
    assert len(receiver.calls) == 1


def test_quiet_hours_hold_back_what_is_not_critical_until_they_end(desk: Desk, receiver: Receiver) -> None:
    desk.channel(url=receiver.url, quiet_from="22:00", quiet_to="7:00")
    desk.now += timedelta(hours=12)  # 23:00 in Shanghai
    quiet, critical = desk.alarm(), desk.alarm(level="critical")
    desk.go_on(timedelta(hours=7), step=60)
    assert receiver.alarms() == [(critical, "raised")]
    desk.go_on(timedelta(hours=2), step=60)
    assert receiver.alarms() == [(critical, "raised"), (quiet, "raised")]
    noon = desk.now.replace(hour=4, minute=0)
    for begin, end, expected in (("22:00", "07:00", 0), ("11:00", "13:00", 60), ("12:00", "12:00", 0)):
        assert after_quiet(noon, begin, end, "Asia/Shanghai") - noon == timedelta(minutes=expected)


def test_a_channel_hears_of_its_own_lots_levels_and_types_only(desk: Desk, receiver: Receiver) -> None:
    desk.channel(url=receiver.url, least_level="critical", name="严重")
    desk.channel("east", "east", url=receiver.url, alarm_types=["camera_fault"], name="摄像机", tells_recovery=False)
    desk.channel("sun-lot", "S-1", url=receiver.url, name="本场", least_level="info")
    desk.channel("admin", "platform", url=receiver.url, alarm_types=["lander_stopped"], name="平台")
    first = desk.alarm("S-2")
    desk.alarm("M-1", "critical")
    third = desk.alarm("S-1", "critical", "tailgating")
    fourth = desk.alarm(None, "critical", "lander_stopped")
    desk.send()
    desk.recover(first)
    desk.send()
    heard = {
        json.loads(body)["channel"]: [one["alarm"] for one in json.loads(body)["alarms"]] for _, body in receiver.calls
    }
    assert heard == {"严重": [third], "摄像机": [first], "本场": [third], "平台": [fourth]}


def test_an_alarm_heard_of_a_day_late_is_no_news(desk: Desk, receiver: Receiver) -> None:
    desk.channel(url=receiver.url)
    with write_session(desk.settings) as session:
        session.add(
            AlarmEpisode(
                source="lot", lot_id=desk.tenants.lots["S-1"], alarm_key="A", level="critical",
                raised_at=desk.now - timedelta(hours=25), seen_at=desk.now,
            )
        )  # fmt: skip
        session.flush()
        assert announce(session, desk.now) == 0
    assert desk.send() == []


def test_a_mail_lists_the_alarms_and_is_tried_again_when_the_server_refuses(desk: Desk, post: Post) -> None:
    desk.channel(kind="email", addresses="a@example.com b@example.com", language="zh")
    first = desk.alarm()
    desk.alarm("S-2", "critical", "lot_silent")
    post.answers = ["451 later"]
    desk.send()
    assert post.mails == []
    desk.send(1)
    (mail,) = post.mails
    assert mail["Subject"] == "[报警] S-1 停车场 · 摄像机故障 等 2 条"
    assert mail["To"] == "a@example.com, b@example.com"
    said = mail.get_body().get_content()  # type: ignore[union-attr]
    assert "[报警] 警告 · S-1 停车场 · 摄像机故障" in said
    assert "C1 · 画面丢失" in said
    assert "2026-03-05 11:00:00" in said
    desk.recover(first)
    desk.send()
    assert post.mails[1]["Subject"].startswith("[恢复]")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://10.0.0.5/", "https://169.254.169.254/latest", "https://[::1]/", "http://8.8.8.8/",
        "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::1]/", "https://[::10.0.0.1]/", "https://[fec0::1]/", "https://[5f00::1]/",
        "https://8.8.8.8/a b", "https://8.8.8.8/\u505c", "https://0.0.0.0/", "https://224.0.0.1/", "ftp://8.8.8.8/", "https://u:p@8.8.8.8/",
        "https:///x", "https://8.8.8.8:99999/", "javascript:alert(1)", "https://localhost/",
    ],
)  # fmt: skip
def test_private_addresses_and_odd_urls_are_refused(desk: Desk, url: str) -> None:
    plain = Settings(home=desk.settings.home)
    with pytest.raises(ParkError) as refused:
        read_target(plain, url)
    assert refused.value.code in ("webhook_address", "webhook_url")
    where, actor = f"n{desk.tenants.nodes['sun']}", desk.tenants.actor("sun")
    with pytest.raises(InvalidFields) as told:
        save_channel(plain, actor, where, ChannelForm("a", "webhook", url=url))
    assert [problem.field for problem in told.value.problems] == ["url"]


def test_networks_that_the_setting_names_may_be_called(desk: Desk) -> None:
    assert read_target(desk.settings, "http://127.0.0.1:81/x").address == "127.0.0.1"
    assert read_target(Settings(home=desk.settings.home), "https://8.8.8.8/x").port == 443
    with pytest.raises(ParkError, match="PARK_WEBHOOK_NETWORKS"):
        read_target(Settings(home=desk.settings.home, webhook_networks="10.0.0.0/33"), "https://8.8.8.8/")


def test_an_address_that_was_allowed_once_is_checked_at_every_call(desk: Desk, receiver: Receiver) -> None:
    desk.channel(url=receiver.url)
    desk.alarm()
    desk.settings = Settings(home=desk.settings.home)
    (sent,) = desk.send()
    assert sent.error is not None
    assert sent.error.code == "webhook_address"
    assert receiver.calls == []


def test_a_receiver_that_answers_byte_by_byte_is_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "LONGEST_CALL_SECONDS", 0.5)
    listening, is_over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip() -> None:
        with suppress(OSError), listening.accept()[0] as caller:
            caller.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not is_over.wait(0.1):
                caller.sendall(b"x")

    threading.Thread(target=drip, daemon=True).start()
    try:
        with pytest.raises(ParkError) as cut:
            webhook.call(desk.settings, f"http://127.0.0.1:{listening.getsockname()[1]}/", "s", b"{}", "0", 1)
    finally:
        is_over.set()
        listening.close()
    assert cut.value.code == "webhook_failed"


def test_a_refusal_does_not_tell_where_a_name_of_the_inner_network_leads(desk: Desk) -> None:
    with pytest.raises(ParkError) as refused:
        read_target(Settings(home=desk.settings.home), "https://localhost/")
    assert "127.0.0.1" not in f"{refused.value.zh}{refused.value.en}"


def test_nobody_sees_or_changes_channels_of_others_and_secrets_are_never_listed(desk: Desk, receiver: Receiver) -> None:
    channel, secret = desk.channel(url=receiver.url)
    actors = desk.tenants.actor
    assert [row.name for row in list_channels(desk.settings, actors("east"), ListQuery()).rows] == ["值班"]
    assert list_channels(desk.settings, actors("moon"), ListQuery()).rows == []
    assert list_messages(desk.settings, actors("moon"), ListQuery()).rows == []
    for act in (
        lambda: switch_channel(desk.settings, actors("moon"), channel, False),
        lambda: delete_channel(desk.settings, actors("sun-lot"), channel),
        lambda: renew_secret(desk.settings, actors("moon"), channel),
        lambda: try_channel(desk.settings, actors("moon"), channel),
        lambda: list_channels(desk.settings, actors("sun-finance"), ListQuery()),
        lambda: desk.channel("sun", "east", url=receiver.url),
        lambda: desk.channel("sun", "M-1", url=receiver.url),
    ):
        with pytest.raises(Forbidden):
            act()
    newer = renew_secret(desk.settings, actors("sun"), channel)
    assert newer != secret
    written = str([(entry.before, entry.after) for entry in desk.tenants.log("alarms")])
    assert str(secret) not in written
    assert newer not in written
    with ops_session(desk.settings) as session:
        kept = session.get_one(AlarmChannel, channel).secret_encrypted
    assert kept is not None
    assert newer.encode() not in kept


def test_a_trial_is_sent_and_a_stopped_channel_forgets_what_waits(desk: Desk, receiver: Receiver) -> None:
    channel, _secret = desk.channel(url=receiver.url)
    sun = desk.tenants.actor("sun")
    try_channel(desk.settings, sun, channel, now=desk.now)
    desk.send()
    assert receiver.alarms() == [(0, "raised")]
    desk.alarm()
    switch_channel(desk.settings, sun, channel, False)
    switch_channel(desk.settings, sun, channel, True)
    assert desk.send(5) == []
    (row,) = list_channels(desk.settings, sun, ListQuery()).rows
    assert (row.waiting, row.last_state, row.is_active) == (0, "sent", True)


def test_every_field_of_a_channel_is_checked(desk: Desk) -> None:
    wrong = (
        ({"name": " "}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"url": ""}, "url"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"quiet_to": "07:00"}, "quiet_from"),
        ({"fold_seconds": 4000}, "fold_seconds"),
        ({"least_level": "x"}, "least_level"),
        ({"kind": "email", "addresses": "nobody"}, "addresses"),
        ({"kind": "email"}, "addresses"),
        ({"language": "fr"}, "language"),
    )
    for form, field in wrong:
        with pytest.raises(InvalidFields) as refused:
            desk.channel(**{"url": "https://8.8.8.8/", **form})
        assert field in {problem.field for problem in refused.value.problems}, form
