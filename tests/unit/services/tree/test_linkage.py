"""Region linkage: full lots point to free neighbours, only fresh counts count, and what was shown is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.unit.services.tree.conftest import AGENT, CUSTOMER, FOREIGN_CUSTOMER, FOREIGN_LOT, LOT, OTHER_LOT, World
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AreaFreeSpaces, DownlinkCommand, GuidanceShown, Lot
from warehouse.ops.session import ops_session
from warehouse.services.fields import InvalidFields
from warehouse.services.linkage import CHANGED_AFTER, RENEWED_EVERY, LinkageSummary, guidance_now, link, rank
from warehouse.services.linkage_rules import RuleForm, list_rules, list_shown, regions, remove_rule, save_rule
from warehouse.services.listing import ListQuery

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
NEAR, FAR = 10, 11


@pytest.fixture
def linked(world: World) -> World:
    """Lots of one region: the first two 1.1 km apart, another 0.3 km from the first, one 4 km away, one foreign."""
    world.add(
        Lot(lot_id=NEAR, customer_id=CUSTOMER, code="P10", name="近处"),
        Lot(lot_id=FAR, customer_id=CUSTOMER, code="P11", name="远处"),
    )
    places = {LOT: 0.0, OTHER_LOT: 0.01, NEAR: 0.003, FAR: 0.036, FOREIGN_LOT: 0.001}
    with ops_session(world.settings) as session:
        for lot_id, north in places.items():
            lot = session.get_one(Lot, lot_id)
            lot.region, lot.latitude, lot.longitude = "西湖区", 30.25 + north, 120.15
    return world


def count(world: World, lot_id: int, free: int, at: datetime = NOW, total: int = 100) -> None:
    with ops_session(world.settings) as session:
        session.merge(
            AreaFreeSpaces(lot_id=lot_id, area_id="", counted_at=at, free_spaces=free, total_spaces=total, revision=0)
        )


def rule(world: World, login: str = "east", node_id: int = AGENT, **more: Any) -> int:
    form = RuleForm(node_id=node_id, region="西湖区", **{"radius_metres": 2000, "neighbours": 3, **more})
    return save_rule(world.settings, world.actor(login), form)


def told(world: World) -> list[tuple[int, str, list[str]]]:
    """Commands that were not superseded: lot, action, codes pointed to."""
    return [
        (command.lot_id, command.payload["action"], [lot["code"] for lot in command.payload.get("lots", [])])
        for command in world.commands()
        if command.kind == "guidance" and command.state != "superseded"
    ]


def test_a_full_lot_points_to_free_neighbours_in_order_and_tells_its_displays_once(linked: World) -> None:
    rule(linked)
    count(linked, LOT, 3)
    count(linked, NEAR, 8)
    count(linked, OTHER_LOT, 60)
    count(linked, FAR, 90)
    count(linked, FOREIGN_LOT, 90)
    assert link(linked.settings, NOW) == LinkageSummary(linked=4, shown=1, renewed=0, ended=0)
    # The near lot with eight spaces counts as 0.8 km away, the other one as 1.3 km; one is too far, one a stranger's.
    assert told(linked) == [(LOT, "show", ["P10", "P2"])]
    with ops_session(linked.settings) as session:
        shown = guidance_now(session)
        command = session.scalars(select(DownlinkCommand)).one()
    assert [(one.code, one.free_spaces) for one in shown[LOT]] == [("P10", 8), ("P2", 60)]
    assert abs(shown[LOT][0].distance_metres - 334) < 3
    assert set(shown) == {LOT}
    assert command.expires_at is not None
    assert command.payload["until"] == command.expires_at.isoformat()
    assert link(linked.settings, NOW + timedelta(seconds=10)).shown == 0
    assert len(linked.commands()) == 1


def test_old_counts_make_no_neighbour_and_end_the_guidance_of_a_lot_itself(linked: World) -> None:
    rule(linked)
    count(linked, LOT, 3)
    count(linked, NEAR, 50, NOW - timedelta(minutes=16))
    assert link(linked.settings, NOW).shown == 0
    count(linked, NEAR, 50)
    assert link(linked.settings, NOW).shown == 1
    assert link(linked.settings, NOW + timedelta(minutes=16)).ended == 1
    assert told(linked) == [(LOT, "clear", [])]
    assert linked.row(GuidanceShown, 1).ended_at == NOW + timedelta(minutes=16)


def test_displays_are_told_anew_when_numbers_change_and_before_their_time_is_over(linked: World) -> None:
    rule(linked)
    count(linked, LOT, 3)
    count(linked, NEAR, 50)
    link(linked.settings, NOW)
    count(linked, NEAR, 40)
    assert link(linked.settings, NOW + CHANGED_AFTER / 2).shown == 0
    assert link(linked.settings, NOW + CHANGED_AFTER).shown == 1
    assert link(linked.settings, NOW + CHANGED_AFTER + RENEWED_EVERY).renewed == 1
    assert linked.count(GuidanceShown) == 2
    assert [command.state for command in linked.commands()] == ["superseded", "superseded", "queued"]
    # A little room is not enough to end it: displays must not flicker.
    later = NOW + CHANGED_AFTER + RENEWED_EVERY
    count(linked, LOT, 6, later)
    assert link(linked.settings, later).ended == 0
    count(linked, LOT, 8, later + timedelta(seconds=1))
    assert link(linked.settings, later + timedelta(seconds=1)).ended == 1


def test_the_rule_of_the_nearest_node_holds_and_a_removed_rule_ends_what_is_shown(linked: World) -> None:
    rule(linked, neighbours=1)
    own = rule(linked, "owner", CUSTOMER, threshold_percent=80)
    count(linked, LOT, 15)
    count(linked, NEAR, 50)
    count(linked, OTHER_LOT, 60)
    link(linked.settings, NOW)
    # Those of another customer stand under the agent's rule.
    assert told(linked) == [(LOT, "show", ["P10"])]
    (view,) = [one for one in list_rules(linked.settings, linked.actor("owner")) if one.rule_id == own]
    assert view.lots == 3
    remove_rule(linked.settings, linked.actor("owner"), own, view.version)
    assert link(linked.settings, NOW + timedelta(minutes=2)).ended == 1


def test_rules_stay_within_the_tree_and_are_checked(linked: World) -> None:
    made = rule(linked)
    with pytest.raises(Forbidden):
        rule(linked, "east", FOREIGN_CUSTOMER)
    with pytest.raises(Forbidden):
        remove_rule(linked.settings, linked.actor("west"), made, 1)
    with pytest.raises(Forbidden):
        rule(linked, "keeper", CUSTOMER)
    with pytest.raises(InvalidFields, match="already"):
        rule(linked)
    with pytest.raises(InvalidFields) as refused:
        rule(linked, threshold_percent=20, radius_metres=None, neighbours=11)
    assert {problem.field for problem in refused.value.problems} == {"threshold_percent", "radius_metres", "neighbours"}
    form = RuleForm(node_id=AGENT, region="西湖区", neighbours=2)
    save_rule(linked.settings, linked.actor("east"), form, rule_id=made, version=1)
    with pytest.raises(ParkError, match="changed this"):
        save_rule(linked.settings, linked.actor("east"), form, rule_id=made, version=1)
    assert [one.rule_id for one in list_rules(linked.settings, linked.actor("west"))] == []
    assert regions(linked.settings, linked.actor("owner")) == ("西湖区",)


def test_the_history_shows_the_lots_of_the_scope_only(linked: World) -> None:
    rule(linked)
    count(linked, LOT, 3)
    count(linked, NEAR, 50)
    link(linked.settings, NOW)
    found = list_shown(linked.settings, linked.actor("owner"), ListQuery(), only_now=True)
    assert [(row.lot_code, [one.code for one in row.neighbours]) for row in found.rows] == [("P1", ["P10"])]
    assert list_shown(linked.settings, linked.actor("stranger"), ListQuery()).total == 0


def test_a_lot_with_few_spaces_ranks_as_if_it_were_farther_away() -> None:
    assert rank(500, 5) > rank(1000, 100)
    assert rank(500, 100) < rank(1000, 100)
