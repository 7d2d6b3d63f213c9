"""Long-term groups: who has a space, and what the surplus car pays."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.errors import ParkError
from warehouse.settings import PROJECT_ROOT
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.groups import Surplus, surplus, surplus_charge
from warehouse.tariffs.model import Stay

START = datetime(2026, 5, 4, tzinfo=UTC)


def stay(entered: int, left: int) -> Stay:
    return Stay(START + timedelta(minutes=entered), START + timedelta(minutes=left))


def parts(found: list[Surplus]) -> list[tuple[int, int, int]]:
    minute = timedelta(minutes=1)
    return [(part.stay, (part.starts - START) // minute, (part.ends - START) // minute) for part in found]


def test_the_documented_group_has_the_surplus_that_the_document_says() -> None:
    text = (PROJECT_ROOT / "docs" / "tariffs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [A-Z] \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$", text, re.MULTILINE)
    assert len(rows) == 3

    def minute(clock: str) -> int:
        return int(clock[:2]) * 60 + int(clock[3:])

    stays = [stay(minute(row[0]), minute(row[1])) for row in rows]
    for column, takes_over in ((2, True), (3, False)):
        told = [(number, *map(minute, row[column].split("–"))) for number, row in enumerate(rows) if row[column] != "–"]
        assert parts(surplus(stays, 1, takes_over=takes_over)) == told


def test_a_car_that_leaves_as_another_enters_gives_up_its_space() -> None:
    assert surplus([stay(0, 60), stay(60, 120)], 1) == []


def test_of_cars_that_enter_together_the_first_one_given_has_the_space() -> None:
    assert parts(surplus([stay(0, 60), stay(0, 90)], 1)) == [(1, 0, 60)]


def test_without_spaces_everything_is_surplus() -> None:
    assert parts(surplus([stay(0, 60), stay(5, 5)], 0)) == [(0, 0, 60)]


def test_the_surplus_part_is_charged_as_a_stay_of_its_own() -> None:
    tariff = parse(
        {
            "version": 1,
            "plans": [
                {
                    "free_minutes": 15,
                    "days": [{"pricing": {"kind": "rate", "unit_minutes": 60, "unit_price": "2.00"}}],
                }
            ],
        }
    )
    stays = [stay(0, 100), stay(10, 500), stay(90, 200)]
    charges = [surplus_charge(tariff, stays[part.stay], part, WallClock()) for part in surplus(stays, 1)]
    assert [str(charged.receivable) for charged in charges] == ["4.00", "4.00"]  # 10-100 and 90-200


@pytest.mark.parametrize(("stays", "spaces", "code"), [([], -1, "bad_spaces"), ([stay(5, 0)], 1, "negative_stay")])
def test_what_makes_no_sense_is_refused(stays: list[Stay], spaces: int, code: str) -> None:
    with pytest.raises(ParkError) as caught:
        surplus(stays, spaces)
    assert caught.value.code == code


members = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 20)).map(lambda one: stay(one[0], sum(one))), max_size=9
)


@settings(max_examples=200, deadline=None)
@given(members, st.integers(0, 4))
def test_at_every_moment_the_surplus_cars_are_those_beyond_the_spaces(stays: list[Stay], spaces: int) -> None:
    found = parts(surplus(stays, spaces))
    for minute in range(51):
        inside = sum(one.entered_at <= START + timedelta(minutes=minute) < one.left_at for one in stays)
        assert sum(starts <= minute < ends for _, starts, ends in found) == max(inside - spaces, 0)


@settings(max_examples=200, deadline=None)
@given(members, st.integers(0, 4))
def test_a_car_without_takeover_is_surplus_for_its_whole_stay_or_not_at_all(stays: list[Stay], spaces: int) -> None:
    found = surplus(stays, spaces, takes_over=False)
    assert all((part.starts, part.ends) == (stays[part.stay].entered_at, stays[part.stay].left_at) for part in found)
    assert {part.stay for part in surplus(stays, spaces)} >= {part.stay for part in found}
