"""Setting up deliveries: who may, what is checked, and the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.dashboards.conftest import Tenants, plant
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuditEntry
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import LOCAL, Actor, actor_by_login
from warehouse.services.deliveries import (
    DeliveryForm,
    DeliveryRow,
    delete_delivery,
    list_deliveries,
    save_delivery,
    switch_delivery,
)
from warehouse.services.delivery_schedule import LATEST, PERIODS, days_of, last_due, next_attempt, next_due
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.settings import Settings

NOW = datetime(2026, 3, 5, 3, tzinfo=UTC)  # Thursday 11:00 in Shanghai
ZONE = "Asia/Shanghai"


@pytest.fixture
def world(tmp_path: Path) -> Tenants:
    settings = Settings(home=tmp_path, smtp_host="127.0.0.1", smtp_sender="a@example.com")
    migrate(settings)
    return plant(settings)


def actor(world: Tenants, login: str) -> Actor:
    with ops_session(world.settings) as session:
        return actor_by_login(session, login)


def save(world: Tenants, login: str = "finance", delivery_id: int | None = None, **more: Any) -> int:
    form = DeliveryForm(**{"name": "日报", "report": "daily-report", **more})
    return save_delivery(world.settings, actor(world, login), form, delivery_id, now=NOW)


def rows(world: Tenants, login: str) -> list[DeliveryRow]:
    return list_deliveries(world.settings, actor(world, login), ListQuery()).rows


def problems(world: Tenants, **more: Any) -> set[str]:
    with pytest.raises(InvalidFields) as refused:
        save(world, **more)
    return {problem.field for problem in refused.value.problems}


def test_the_suggestion_is_every_day_at_eight_as_excel_of_yesterday(world: Tenants) -> None:
    save(world)
    (row,) = rows(world, "finance")
    assert (row.time_of_day, row.weekdays, row.file_format, row.period) == ("08:00", "1234567", "xlsx", "yesterday")
    assert (row.channel, row.addresses, row.is_active, row.is_own) == ("folder", (), True, True)


def test_it_is_seen_by_its_owner_and_by_those_above_and_by_nobody_else(world: Tenants) -> None:
    save(world)
    for login, seen in (("finance", 1), ("customer", 1), ("agent", 1), ("admin", 1), ("foreign", 0), ("lot", 0)):
        assert len(rows(world, login)) == seen, login
    with pytest.raises(Forbidden):
        rows(world, "engineer")


def test_only_its_owner_changes_what_it_sends_and_those_above_may_stop_it(world: Tenants) -> None:
    delivery = save(world)
    for login in ("admin", "customer", "foreign"):
        with pytest.raises(Forbidden):
            save(world, login, delivery, channel="email", addresses="me@example.com")
    with pytest.raises(Forbidden):
        switch_delivery(world.settings, actor(world, "foreign"), delivery, False)
    switch_delivery(world.settings, actor(world, "customer"), delivery, False)
    assert rows(world, "finance")[0].is_active is False
    with pytest.raises(Forbidden):
        switch_delivery(world.settings, actor(world, "customer"), delivery, True)
    switch_delivery(world.settings, actor(world, "finance"), delivery, True)
    delete_delivery(world.settings, actor(world, "admin"), delivery)
    assert rows(world, "finance") == []


def test_a_report_that_may_not_be_exported_is_not_delivered(world: Tenants) -> None:
    with pytest.raises(Forbidden):
        save(world, report="exit-records")
    save(world, "analyst", report="exit-records")


def test_the_command_line_owns_none(world: Tenants) -> None:
    with pytest.raises(Forbidden):
        save_delivery(world.settings, LOCAL, DeliveryForm("a", "daily-report"))


def test_every_field_is_checked(world: Tenants) -> None:
    assert problems(world, name=" ") == {"name"}
    assert problems(world, time_of_day="25:00") == {"time_of_day"}
    assert problems(world, time_of_day="morning") == {"time_of_day"}
    assert problems(world, weekdays=()) == {"weekdays"}
    assert problems(world, period="tomorrow", file_format="doc", language="fr") == {"period", "file_format", "language"}
    assert problems(world, channel="email") == {"addresses"}
    assert problems(world, channel="email", addresses="a@b.cn, nobody") == {"addresses"}
    assert problems(world, channel="email", addresses=" ".join(f"a{n}@b.cn" for n in range(21))) == {"addresses"}
    assert rows(world, "finance") == []


def test_times_and_addresses_are_read_as_people_type_them(world: Tenants) -> None:
    save(world, time_of_day="8:05", channel="email", addresses="a@b.cn；c@d.cn，a@b.cn\ne@f.cn", weekdays=["5", "1"])
    (row,) = rows(world, "finance")
    assert (row.time_of_day, row.weekdays, row.addresses) == ("08:05", "15", ("a@b.cn", "c@d.cn", "e@f.cn"))
    save(world, delivery_id=row.delivery_id, time_of_day="18：30")
    assert (rows(world, "finance")[0].time_of_day, rows(world, "finance")[0].addresses) == ("18:30", ())


def test_without_a_mail_server_mail_is_refused_with_the_setting_to_set(world: Tenants, tmp_path: Path) -> None:
    plain = Settings(home=world.settings.home)
    with pytest.raises(InvalidFields) as refused:
        save_delivery(
            plain, actor(world, "finance"), DeliveryForm("a", "daily-report", channel="email", addresses="a@b.cn")
        )
    assert "PARK_SMTP_HOST" in refused.value.zh


def test_every_change_is_in_the_operator_log_and_nothing_without_a_change(world: Tenants) -> None:
    delivery = save(world)
    save(world, delivery_id=delivery)
    save(world, delivery_id=delivery, name="改名")
    with ops_session(world.settings) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.entity == "delivery")).all()
    assert [(entry.action, sorted(entry.after or {})) for entry in entries][1:] == [("deliveries.edit", ["name"])]
    assert len(entries) == 2


def test_a_form_that_was_overtaken_is_refused(world: Tenants) -> None:
    delivery = save(world)
    save(world, delivery_id=delivery, name="二")
    with pytest.raises(ParkError) as refused:
        save_delivery(world.settings, actor(world, "finance"), DeliveryForm("三", "daily-report"), delivery, 1)
    assert refused.value.code == "conflict"


MOMENTS = st.integers(1_577_836_800, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
CLOCKS = st.times().map(lambda one: f"{one:%H:%M}")
DAYS = st.sets(st.sampled_from("1234567"), min_size=1).map(lambda days: "".join(sorted(days)))
ZONES = st.sampled_from([ZONE, "Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe"])


@given(clock=CLOCKS, days=DAYS, zone=ZONES, now=MOMENTS)
def test_due_moments_are_next_to_now_on_chosen_days_at_the_clock(
    clock: str, days: str, zone: str, now: datetime
) -> None:
    before, after = last_due(clock, days, zone, now), next_due(clock, days, zone, now)
    assert before is not None
    assert after is not None
    assert before <= now < after
    for moment in (before, after):
        local = moment.astimezone(ZoneInfo(zone))
        assert str(moment.date().isoweekday()) in days
        # A clock that is set forward skips an hour; then the moment is the one an hour on.
        assert f"{local:%H:%M}" == clock or local.utcoffset() != (local - timedelta(hours=3)).utcoffset()
    # No chosen day lies between the two.
    between = [before.date() + timedelta(days=n) for n in range(1, (after.date() - before.date()).days)]
    assert not any(str(day.isoweekday()) in days for day in between)


@given(today=st.dates(date(2020, 1, 1), date(2030, 1, 1)), period=st.sampled_from(PERIODS))
def test_relative_periods_end_with_today_or_before(today: date, period: str) -> None:
    first, last = days_of(period, today)
    assert first <= last <= today
    assert (last == today) is (period in ("today", "week", "month"))
    lengths = {
        "yesterday": {1},
        "today": {1},
        "last_week": {7},
        "last_month": {28, 29, 30, 31},
        "last7": {7},
        "last30": {30},
    }
    assert (last - first).days + 1 in lengths.get(period, range(1, 32))
    if period in ("week", "last_week"):
        assert first.isoweekday() == 1
    if period in ("month", "last_month"):
        assert first.day == 1


def test_pauses_grow_and_end_when_it_would_be_too_late() -> None:
    now, pauses = NOW, []
    for attempts in range(1, 50):
        again = next_attempt(attempts, NOW, now)
        if again is None:
            break
        pauses.append(again - now)
        now = again
    assert pauses == sorted(pauses)
    assert len(pauses) >= 5
    assert now <= NOW + LATEST
