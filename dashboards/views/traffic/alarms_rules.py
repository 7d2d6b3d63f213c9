"""The rules that raise alarms, for one place of the tree at a time.

Belongs here: the list of rules and the form of one. Does not belong here: what they mean and who may set them
(``warehouse.services.alarm_rules``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import address, cards, forms, grid
from dashboards.views.settings.labels import places
from warehouse.alarms.kinds import LEVELS
from warehouse.alarms.words import type_label
from warehouse.codes import label
from warehouse.services.alarm_rules import RuleForm, RuleRow, list_rules, reset_rule, save_rule
from warehouse.services.listing import Found, ListQuery


@dataclass(frozen=True)
class Shown:
    """A rule as the list shows it."""

    row: RuleRow
    name: str
    meaning: str
    threshold: str
    level: str
    state: str
    origin: str


def draw(context: Context) -> None:
    """Draw this part of the page."""
    text = context.text
    cards.title(text("alarms.rules_title"), text("alarms.rules_below"))
    there = places(context)
    if not there:
        cards.empty(text("report.no_lots"), [text("report.no_lots_why")])
        return
    with st.container(width=420):
        first = next(iter(there))
        place = address.choice(context, "place", text("alarms.place"), there, usual=_usual(context, first))
    rows = list_rules(context.settings, context.actor, place)
    columns = [
        grid.Column("name", text("alarms.kind"), width=120),
        grid.Column("meaning", text("alarms.rule_meaning"), width=440),
        grid.Column("threshold", text("alarms.threshold"), width=110),
        grid.Column("level", text("alarms.level"), width=70),
        grid.Column("state", text("alarms.rule_state"), width=70),
        grid.Column("origin", text("alarms.origin"), width=170),
    ]
    with cards.card("alarm_rules"):
        bar = grid.bar("alarm_rules")
        shown = Found([_shown(context, row) for row in rows], len(rows))
        query = ListQuery(size=len(rows))
        chosen = grid.table(context, f"alarm_rules_{place}", columns, shown, query, lambda one: one.row.kind)
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, place, there[place], chosen.row if chosen else None)


def _usual(context: Context, first: str) -> str:
    """The visitor's own place."""
    actor = context.actor
    if actor.lot_id is not None:
        return f"l{actor.lot_id}"
    return first if actor.node_id is None else f"n{actor.node_id}"


def _shown(context: Context, row: RuleRow) -> Shown:
    text = context.text
    origin = text(f"alarms.origin_{row.origin}")
    return Shown(
        row=row,
        name=type_label(row.kind, context.language),
        meaning=text(f"alarms.rule_{row.kind}"),
        threshold=f"{row.threshold:,} {text(f'alarms.unit_{row.unit}')}",
        level=label("alarm_level", row.level, context.language),
        state=text("alarms.rule_on" if row.is_enabled else "alarms.rule_off"),
        origin=f"{origin} · {row.origin_name}" if row.origin == "above" and row.origin_name else origin,
    )


def _buttons(context: Context, place: str, place_name: str, chosen: RuleRow | None) -> None:
    text = context.text
    if not context.allows("alarms.edit"):
        return
    if st.button(text("alarms.rule_edit"), disabled=chosen is None, type="primary", key="alarm_rules_edit"):
        assert chosen is not None
        _edit(context, place, place_name, chosen)
    is_own = chosen is not None and chosen.origin == "here"
    if st.button(text("alarms.rule_reset"), disabled=not is_own, key="alarm_rules_reset"):
        assert chosen is not None
        _reset(context, place, place_name, chosen)


def _edit(context: Context, place: str, place_name: str, row: RuleRow) -> None:
    text = context.text
    name = type_label(row.kind, context.language)

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = RuleForm(values["is_enabled"], values["threshold"], values["level"])
        save_rule(renewed.settings, renewed.actor, place, row.kind, form, row.version)
        return forms.Done(renewed.text("alarms.rule_saved", name=name, place=place_name))

    levels = {level: label("alarm_level", level, context.language) for level in LEVELS}
    fields = [
        forms.Field(
            "threshold", text("alarms.threshold_in", unit=text(f"alarms.unit_{row.unit}")), "number", required=True,
            least=row.least, most=row.most,
        ),
        forms.Field("level", text("alarms.level"), "choice", required=True, options=levels),
        forms.Field("is_enabled", text("alarms.rule_on"), "flag", wide=True),
    ]  # fmt: skip
    forms.open_form(
        context,
        forms.Form(
            key=f"alarm_rule_{place}_{row.kind}",
            title=text("alarms.rule_title", name=name),
            fields=fields,
            initial={"threshold": row.threshold, "level": row.level, "is_enabled": row.is_enabled},
            submit=submit,
            note=text("alarms.rule_note", meaning=text(f"alarms.rule_{row.kind}"), place=place_name),
        ),
    )


def _reset(context: Context, place: str, place_name: str, row: RuleRow) -> None:
    name = type_label(row.kind, context.language)

    def act(renewed: Context) -> str:
        reset_rule(renewed.settings, renewed.actor, place, row.kind, row.version)
        return renewed.text("alarms.rule_was_reset", name=name, place=place_name)

    sure = context.text("alarms.rule_reset_sure", name=name, place=place_name)
    forms.confirm(
        context, f"alarm_rule_{place}_{row.kind}", context.text("alarms.rule_reset"), sure, act,
        label=context.text("alarms.rule_reset"),
    )  # fmt: skip
