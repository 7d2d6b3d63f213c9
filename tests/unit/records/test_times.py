"""Instants, wall clocks and business days in zones with and without summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import times
from ingest.records.times import LotClock, lot_clock
from ingest.records.verdicts import RecordRefused
from warehouse.errors import ParkError

ZONES = [
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
]


@pytest.mark.parametrize(
    ("zone", "sent", "instant", "local", "mark"),
    [
        ("Asia/Shanghai", "2026-05-01T08:00:00", "2026-05-01T00:00:00", "2026-05-01T08:00:00", None),
        ("Asia/Shanghai", "2026-05-01T08:00:00+08:00", "2026-05-01T00:00:00", "2026-05-01T08:00:00", None),
        ("Asia/Shanghai", "2026-05-01T08:00:00Z", "2026-05-01T08:00:00", "2026-05-01T16:00:00", None),
        ("Asia/Kolkata", "2026-05-01T08:00:00", "2026-05-01T02:30:00", "2026-05-01T08:00:00", None),
        ("Europe/London", "2025-07-01T08:00:00", "2025-07-01T07:00:00", "2025-07-01T08:00:00", None),
        ("Europe/London", "2025-01-01T08:00:00", "2025-01-01T08:00:00", "2025-01-01T08:00:00", None),
        ("Europe/London", "2025-10-26T01:30:00", "2025-10-26T01:30:00", "2025-10-26T01:30:00", "ambiguous_time"),
        ("Europe/London", "2025-10-26T01:30:00+01:00", "2025-10-26T00:30:00", "2025-10-26T01:30:00", None),
        ("Europe/London", "2025-03-30T01:30:00", "2025-03-30T01:30:00", "2025-03-30T02:30:00", "nonexistent_time"),
        ("America/New_York", "2025-11-02T01:30:00", "2025-11-02T06:30:00", "2025-11-02T01:30:00", "ambiguous_time"),
        ("America/New_York", "2025-03-09T02:30:00", "2025-03-09T07:30:00", "2025-03-09T03:30:00", "nonexistent_time"),
        ("America/New_York", "2025-03-09T03:00:00", "2025-03-09T07:00:00", "2025-03-09T03:00:00", None),
    ],
)
def test_a_time_becomes_an_instant_and_a_wall_clock(
    judge, zone: str, sent: str, instant: str, local: str, mark: str | None
) -> None:
    verdict, line = judge("heartbeat", occurred_at=sent, time_zone=zone)
    assert line["occurred_at"] == instant + "Z"
    assert line["local_at"] == local
    assert verdict.marks == ([mark] if mark else [])


@pytest.mark.parametrize(
    ("sent", "cutover", "day"),
    [
        ("2026-05-01T00:00:00", 0, "2026-05-01"),
        ("2026-04-30T23:59:59.999999", 0, "2026-04-30"),
        ("2026-05-01T03:59:59", 240, "2026-04-30"),
        ("2026-05-01T04:00:00", 240, "2026-05-01"),
        ("2026-04-30T16:00:00Z", 0, "2026-05-01"),
        ("2026-03-01T05:59:00", 360, "2026-02-28"),
    ],
)
def test_a_business_day_starts_at_the_cut_over(judge, sent: str, cutover: int, day: str) -> None:
    assert judge("heartbeat", occurred_at=sent, cutover_minutes=cutover)[1]["business_date"] == day


def test_a_business_day_follows_the_wall_clock_on_the_day_the_clocks_change(judge) -> None:
    line = judge("heartbeat", occurred_at="2025-10-26T03:30:00Z", time_zone="Europe/London", cutover_minutes=240)[1]
    assert (line["local_at"], line["business_date"]) == ("2025-10-26T03:30:00", "2025-10-25")


_FROM, _TO = datetime.fromisoformat("2000-01-02"), datetime.fromisoformat("2036-12-30")
_LOCAL_TIMES = st.one_of(
    st.datetimes(_FROM, _TO),
    st.builds(  # around the changes of the zones above
        lambda day, minutes: datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes),
        st.sampled_from(
            [
                date(2025, 3, 30),
                date(2025, 10, 26),
                date(2025, 3, 9),
                date(2025, 11, 2),
                date(2025, 4, 6),
                date(2025, 10, 5),
            ]
        ),
        st.integers(0, 300),
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZONES), _LOCAL_TIMES)
def test_a_wall_clock_means_the_same_instant_as_in_duckdb(zone: str, local: datetime) -> None:
    instant, shown, mark = lot_clock(zone, 0).place(local)
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        row = connection.execute(
            "SELECT epoch_us(timezone($zone, $local::TIMESTAMP)), timezone($zone, timezone($zone, $local::TIMESTAMP))",
            {"zone": zone, "local": local},
        ).fetchone()
    finally:
        connection.close()
    assert row is not None
    assert (round((instant - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)), shown) == row
    assert (shown != local) == (mark == "nonexistent_time")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZONES), st.datetimes(_FROM, _TO, timezones=st.just(UTC)))
def test_an_instant_shows_on_the_wall_clock_and_back_unless_it_is_shown_twice(zone: str, instant: datetime) -> None:
    clock = lot_clock(zone, 0)
    same, local, mark = clock.place(instant)
    assert (same, mark) == (instant, None)
    assert local == instant.astimezone(clock.zone).replace(tzinfo=None)
    back, _, back_mark = clock.place(local)
    assert back == instant or back_mark == "ambiguous_time"


def test_only_zones_without_summer_time_take_the_fast_way() -> None:
    assert LotClock("Asia/Shanghai", 0).steady_offset == timedelta(hours=8)
    assert LotClock("Asia/Kolkata", 0).steady_offset == timedelta(hours=5, minutes=30)
    assert LotClock("Europe/London", 0).steady_offset is None
    assert LotClock("Africa/Casablanca", 0).steady_offset is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "Asia"])
def test_an_unknown_zone_is_a_clear_error(zone: str) -> None:
    with pytest.raises(ParkError, match="time zone"):
        LotClock(zone, 0)


@pytest.mark.parametrize(
    "sent",
    [
        "1999-12-31T23:59:59Z",
        "2026-05-02T12:00:01Z",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-08:00",
        "1970-01-01 08:00:00",
    ],
)
def test_an_absurd_event_time_is_refused(judge, sent: str) -> None:
    verdict, _ = judge("entry", plate="浙A12345", occurred_at=sent)
    assert (verdict.verdict, verdict.code) == ("rejected", "absurd_time")


@pytest.mark.parametrize("sent", ["2000-01-01T00:00:00Z", "2026-05-02T12:00:00Z"])
def test_an_event_time_at_the_edge_is_accepted(judge, sent: str) -> None:
    assert judge("heartbeat", occurred_at=sent)[0].verdict == "accepted"


@pytest.mark.parametrize(
    "sent",
    ["yesterday", "2026-02-30T00:00:00", "20260501T080000", "2026-05-01", "2026-05-01T25:00:00", 1777600000, True, {}],
)
def test_what_is_no_time_is_refused(judge, sent: object) -> None:
    verdict, _ = judge("heartbeat", occurred_at=sent)
    assert (verdict.verdict, verdict.code) == ("rejected", "bad_time")
    assert "occurred_at" in (verdict.reason_en or "")


def test_a_time_with_stray_blanks_is_read(judge) -> None:
    verdict, line = judge("heartbeat", occurred_at=" 2026-05-01 08:00:00 ")
    assert (verdict.verdict, line["occurred_at"]) == ("accepted", "2026-05-01T00:00:00Z")


def test_an_impossible_secondary_time_is_left_out_and_marked(judge) -> None:
    verdict, line = judge("exit", plate="浙A12345", entered_at="1970-01-01T08:00:00")
    assert (verdict.marks, line["entered_at"]) == (["ignored_time"], None)
    verdict, line = judge("heartbeat", lot_clock="9999-12-31T23:59:59-08:00")
    assert (verdict.marks, line["lot_clock"]) == (["ignored_time"], None)


def test_a_flat_clock_battery_is_kept_as_evidence(judge) -> None:
    verdict, line = judge("heartbeat", lot_clock="1970-01-01T08:03:00")
    assert (verdict.verdict, line["lot_clock"]) == ("accepted", "1970-01-01T00:03:00Z")


def test_validity_may_reach_far_into_the_future(judge) -> None:
    verdict, line = judge("renewal", amount=0, valid_to="2099-12-31T23:59:59")
    assert (verdict.verdict, line["valid_to"]) == ("accepted", "2099-12-31T15:59:59Z")


def test_parse_names_the_field_and_the_value() -> None:
    with pytest.raises(RecordRefused) as refused:
        times.parse("soon", "valid_to")
    assert "soon" in refused.value.sentence().en
    assert "valid_to" in refused.value.sentence().zh
