"""区域联动: rules of regions, and where displays point drivers to.

Belongs here: the rules, what is shown now, what was shown. Does not belong here: choosing neighbours and telling
displays (``warehouse.services.linkage``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.ui import address, cards, forms, grid
from warehouse.services.linkage_rules import (
    LARGEST_RADIUS,
    RuleForm,
    RuleView,
    ShownView,
    list_rules,
    list_shown,
    regions,
    remove_rule,
    save_rule,
)
from warehouse.services.listing import Found, ListQuery
from warehouse.services.visible import node_names

VIEW = View("region_linkage", ":material/hub:")
PER_PAGE = 20


@dataclass(frozen=True)
class Shown:
    """A rule as the list shows it."""

    rule: RuleView
    region: str
    node_name: str
    is_active: bool
    threshold: str
    radius: str
    neighbours: int
    lots: int


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.region_linkage"), text("linkage.below"))
    _rules(context)
    _history(context)


def _rules(context: Context) -> None:
    text = context.text
    columns = [
        grid.Column("region", text("linkage.region"), width="large"),
        grid.Column("node_name", text("linkage.node")),
        grid.Column("is_active", text("linkage.active"), width="small"),
        grid.Column("threshold", text("linkage.threshold"), right=True),
        grid.Column("radius", text("linkage.radius"), right=True),
        grid.Column("neighbours", text("linkage.neighbours"), right=True),
        grid.Column("lots", text("linkage.lots"), right=True),
    ]
    rules = [
        Shown(
            rule=rule,
            region=rule.region,
            node_name=rule.node_name,
            is_active=rule.is_active,
            threshold=f"{rule.threshold_percent}%",
            radius=f"{rule.radius_metres:,} m",
            neighbours=rule.neighbours,
            lots=rule.lots,
        )
        for rule in list_rules(context.settings, context.actor)
    ]
    with cards.card("region_rules", text("linkage.rules")):
        bar = grid.bar("region_rules")
        query = ListQuery(size=max(len(rules), 1))
        chosen = grid.table(
            context, "region_rules", columns, Found(rules, len(rules)), query, lambda one: one.rule.rule_id,
            none_yet=text("linkage.no_rules"),
        )  # fmt: skip
        with grid.actions(context, bar, chosen.region if chosen else None):
            if not context.allows("region_linkage.edit"):
                return
            if st.button(text("linkage.add"), icon=":material/add:", key="linkage_add"):
                _open(context, None)
            if st.button(text("linkage.edit"), type="primary", disabled=chosen is None, key="linkage_edit"):
                assert chosen is not None
                _open(context, chosen.rule)
            if st.button(text("linkage.remove"), disabled=chosen is None, key="linkage_remove"):
                assert chosen is not None
                _remove(context, chosen.rule)


def _open(context: Context, rule: RuleView | None) -> None:
    text = context.text
    nodes = {str(node.node_id): node.name for node in node_names(context.settings, context.actor)}
    found = {name: name for name in regions(context.settings, context.actor)}
    if rule is not None:
        found.setdefault(rule.region, rule.region)

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = RuleForm(
            node_id=int(values["node_id"]) if values["node_id"] else None,
            region=values["region"],
            is_active=values["is_active"],
            threshold_percent=values["threshold_percent"],
            radius_metres=values["radius_metres"],
            neighbours=values["neighbours"],
        )
        known = {"rule_id": rule.rule_id, "version": rule.version} if rule is not None else {}
        save_rule(renewed.settings, renewed.actor, form, **known)
        return forms.Done(renewed.text("linkage.saved", name=form.region))

    fields = [
        forms.Field("region", text("linkage.region"), "choice", required=True, options=found),
        forms.Field("node_id", text("linkage.node"), "choice", required=True, options=nodes),
        forms.Field(
            "threshold_percent", text("linkage.threshold"), "number", required=True, least=50, most=100,
            help_text=text("linkage.threshold_help"),
        ),
        forms.Field(
            "radius_metres", text("linkage.radius_metres"), "number", required=True, least=50, most=LARGEST_RADIUS
        ),
        forms.Field("neighbours", text("linkage.neighbours"), "number", required=True, least=1, most=10),
        forms.Field("is_active", text("linkage.active"), "flag"),
    ]  # fmt: skip
    shown = rule or RuleForm(node_id=None, region="")
    node = str(shown.node_id) if shown.node_id is not None else next(iter(nodes), "")
    initial = {
        "region": shown.region,
        "node_id": node,
        "is_active": shown.is_active,
        "threshold_percent": shown.threshold_percent,
        "radius_metres": shown.radius_metres,
        "neighbours": shown.neighbours,
    }
    key = f"region_rule_{rule.rule_id}" if rule is not None else "region_rule_new"
    title = rule.region if rule is not None else text("linkage.add")
    forms.open_form(context, forms.Form(key, title, fields, initial, submit, note=text("linkage.note")))


def _remove(context: Context, rule: RuleView) -> None:
    text = context.text

    def submit(renewed: Context, _values: dict[str, Any], _form_id: str) -> forms.Done:
        remove_rule(renewed.settings, renewed.actor, rule.rule_id, rule.version)
        return forms.Done(renewed.text("linkage.removed", name=rule.region))

    forms.open_form(
        context,
        forms.Form(
            f"region_rule_remove_{rule.rule_id}",
            text("linkage.remove_title", name=rule.region),
            [forms.Field("sure", text("linkage.remove_note"), "note")],
            {},
            submit,
            submit_label=text("linkage.remove"),
            danger=True,
        ),
    )


def _history(context: Context) -> None:
    text = context.text
    with cards.card("region_shown"):
        only_now = (
            address.switch(
                "show", text("linkage.shown"), {"now": text("linkage.now"), "all": text("linkage.all")}, usual="now"
            )
            == "now"
        )
        asked = ListQuery(page=address.page_number(), size=PER_PAGE)
        found = list_shown(context.settings, context.actor, asked, only_now=only_now)
        if not found.rows:
            cards.nothing(text("linkage.nothing_shown"))
            return
        cards.table(
            text("linkage.shown"),
            [
                text("linkage.lot"),
                text("linkage.region"),
                text("linkage.since"),
                text("linkage.until"),
                text("linkage.free"),
                text("linkage.points_to"),
                text("linkage.command"),
            ],
            [_cells(context, row) for row in found.rows],
            right=(4,),
        )
        if found.total > PER_PAGE:
            address.paging(-(-found.total // PER_PAGE))


def _cells(context: Context, row: ShownView) -> tuple[str, ...]:
    zone = ZoneInfo(context.settings.schedule_time_zone)
    neighbours = [
        context.text("linkage.neighbour", name=one.name, free=one.free_spaces, metres=one.distance_metres)
        for one in row.neighbours
    ]
    return (
        row.lot_name,
        row.region,
        f"{row.shown_at.astimezone(zone):%m-%d %H:%M:%S}",
        f"{row.ended_at.astimezone(zone):%m-%d %H:%M:%S}" if row.ended_at else context.text("linkage.still"),
        f"{row.free_spaces} / {row.total_spaces}",
        context.text("linkage.and").join(neighbours),
        str(row.command_id or ""),
    )
