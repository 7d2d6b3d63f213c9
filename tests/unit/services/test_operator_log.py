"""Searching the operator log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.security.tenants import Tenants, tenants_in
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.session import write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.services import operator_log
from warehouse.services.exchange_files import read_table
from warehouse.services.operator_log import Difference, LogQuery, get_entry, known_values, log_file, search_log

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    """Entries 1 to 120, one a minute: every third is about S-1, every fifth was refused."""
    tenants = tenants_in(tmp_path)
    actors = [tenants.actor("sun"), tenants.actor("moon")]
    with write_session(tenants.settings) as session:
        for number in range(1, 121):
            audit.append(
                session,
                actors[number % 2],
                "lots.edit" if number % 4 else "operators.delete",
                outcome=audit.DONE if number % 5 else audit.REFUSED,
                entity="lot" if number % 3 == 0 else "operator",
                entity_id=number,
                entity_name=f"名 {number}%",
                lot_id=tenants.lots["S-1"] if number % 3 == 0 else None,
                before={"phone": f"021-{number}"},
                after={"phone": None, "name": "新"},
                now=START + timedelta(minutes=number),
            )
    return tenants


def numbers(tenants: Tenants, who: str = "admin", **asked: object) -> list[int]:
    page = search_log(tenants.settings, tenants.actor(who), LogQuery(**{"size": 500, **asked}))  # type: ignore[arg-type]
    assert page.total == len(page.rows)
    return [entry.entry_id for entry in page.rows]


def test_the_newest_comes_first(tenants: Tenants) -> None:
    assert numbers(tenants) == list(range(120, 0, -1))


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"login": " SUN "}, lambda n: n % 2 == 0),
        ({"outcome": "refused"}, lambda n: n % 5 == 0),
        ({"menu": "operators"}, lambda n: n % 4 == 0),
        ({"action": "edit"}, lambda n: n % 4 != 0),
        ({"entity": "lot", "entity_id": "30"}, lambda n: n == 30),
        ({"since": START + timedelta(minutes=100)}, lambda n: n >= 100),
        ({"until": START + timedelta(minutes=10)}, lambda n: n < 10),
        ({"text": "名 77"}, lambda n: n == 77),
        ({"text": "021-9"}, lambda n: str(n).startswith("9")),
        ({"text": "7%"}, lambda n: n % 10 == 7),
        ({"text": "_"}, lambda n: False),
        ({"text": "no such thing"}, lambda n: False),
    ],
)
def test_conditions_narrow_the_list(tenants: Tenants, asked: dict[str, object], fits: object) -> None:
    assert callable(fits)
    assert numbers(tenants, **asked) == [number for number in range(120, 0, -1) if fits(number)]


def test_a_lots_entries_are_found_by_lot(tenants: Tenants) -> None:
    assert numbers(tenants, lot_id=tenants.lots["S-1"]) == [n for n in range(120, 0, -1) if n % 3 == 0]


def test_turning_pages_forth_and_back_shows_every_entry_once(tenants: Tenants) -> None:
    actor = tenants.actor("east")
    expected = numbers(tenants, "east")
    pages = [search_log(tenants.settings, actor, LogQuery(size=7))]
    assert pages[0].newer is None
    while pages[-1].older is not None:
        pages.append(search_log(tenants.settings, actor, LogQuery(size=7, before=pages[-1].older)))
    assert [entry.entry_id for page in pages for entry in page.rows] == expected
    assert {page.total for page in pages} == {len(expected)}
    back = [pages[-1]]
    while back[-1].newer is not None:
        back.append(search_log(tenants.settings, actor, LogQuery(size=7, after=back[-1].newer)))
    assert back[-1].rows[0].entry_id == expected[0]
    seen = [entry.entry_id for page in reversed(back[1:]) for entry in page.rows]
    assert seen == expected[: len(seen)]


def test_counting_ends_at_a_bound(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_log, "COUNTED", 20)
    assert search_log(tenants.settings, LOCAL, LogQuery(size=5)).total == 21


def test_an_entry_tells_what_changed_field_by_field(tenants: Tenants) -> None:
    entry = get_entry(tenants.settings, LOCAL, 30)
    assert entry.differences == (Difference("name", None, "新"), Difference("phone", "021-30", None))
    assert (entry.lot_name, entry.change) == ("S-1 停车场", "changed")
    with pytest.raises(Forbidden):
        get_entry(tenants.settings, LOCAL, 999)


def test_filters_offer_what_there_is(tenants: Tenants) -> None:
    assert known_values(tenants.settings, LOCAL, "login") == ["moon", "sun"]
    assert known_values(tenants.settings, tenants.actor("moon"), "entity") == ["lot", "operator"]


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_download_holds_the_whole_filter_and_is_itself_logged(tenants: Tenants, file_format: str) -> None:
    asked = LogQuery(outcome="refused", size=5)
    content = log_file(tenants.settings, tenants.actor("admin"), asked, file_format, "en")
    headings, lines = read_table(f"log.{file_format}", content)
    assert headings[0] == "Number"
    assert [row[0] for _, row in lines] == [str(number) for number in range(120, 0, -5)]
    entry = tenants.log("operator_log.export")[-1]
    assert (entry.login, entry.after) == ("admin", {"outcome": "refused", "rows": 24})
    with pytest.raises(Forbidden):
        log_file(tenants.settings, tenants.actor("sun-finance"), LogQuery(), file_format, "en")


def test_a_workbook_that_would_be_too_large_is_refused(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_log, "MOST_IN_WORKBOOK", 100)
    with pytest.raises(ParkError, match="use CSV"):
        log_file(tenants.settings, LOCAL, LogQuery(), "xlsx", "en")
    assert log_file(tenants.settings, LOCAL, LogQuery(), "csv", "en")
