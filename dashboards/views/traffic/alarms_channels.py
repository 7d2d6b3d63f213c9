"""Channels that tell of alarms: the list, the form, and the last messages.

Belongs here: how they look. Does not belong here: rules and checks (``warehouse.services.alarm_channels``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context, flash
from dashboards.ui import cards, forms, grid
from dashboards.views.settings.labels import places
from warehouse.alarms.kinds import LEVELS
from warehouse.alarms.words import alarm_types, type_label
from warehouse.codes import label
from warehouse.services.alarm_channels import (
    KINDS,
    LONGEST_FOLD,
    ChannelForm,
    delete_channel,
    renew_secret,
    save_channel,
    switch_channel,
    try_channel,
)
from warehouse.services.alarm_messages import ChannelRow, DeliveryRow, list_channels, list_messages
from warehouse.services.listing import Found, ListQuery

SHOWN_MESSAGES = 20


@dataclass(frozen=True)
class Shown:
    """A channel as the list shows it."""

    row: ChannelRow
    name: str
    place: str
    target: str
    what: str
    quiet: str
    state: str
    waiting: int
    last: str


def draw(context: Context) -> None:
    """Draw this part of the page."""
    text = context.text
    cards.title(text("alarms.channels_title"), text("alarms.channels_below"))
    if not context.settings.sends_mail:
        cards.notice("plain", text("alarms.no_mail"), text("alarms.no_mail_why"))
    columns = [
        grid.Column("name", text("alarms.channel_name"), width=130, sortable=True),
        grid.Column("place", text("alarms.place"), width=120),
        grid.Column("target", text("alarms.target"), width=230),
        grid.Column("what", text("alarms.what"), width=160),
        grid.Column("quiet", text("alarms.quiet"), width=105),
        grid.Column("state", text("alarms.rule_state"), width=60),
        grid.Column("waiting", text("alarms.waiting_events"), width=60, right=True),
        grid.Column("last", text("alarms.last"), width=170),
    ]
    with cards.card("alarm_channels"):
        asked = grid.asked(context, columns)
        found = list_channels(context.settings, context.actor, asked)
        bar = grid.bar("alarm_channels")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(
            context, "alarm_channels", columns, shown, asked, lambda one: one.row.channel_id,
            none_yet=text("alarms.no_channels"),
        )  # fmt: skip
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, chosen.row if chosen else None)
    context.fragment(_messages, run_every=15.0)


def _shown(context: Context, row: ChannelRow) -> Shown:
    text, language = context.text, context.language
    kinds = "、".join(type_label(code, language) for code in row.alarm_types) or text("alarms.all_kinds")
    last = "" if row.last_state is None else text(f"alarms.delivery_{row.last_state}")
    return Shown(
        row=row,
        name=row.name,
        place=row.place_name,
        target=", ".join(row.addresses) or row.url or "",
        what=f"≥ {label('alarm_level', row.least_level, language)} · {kinds}",
        quiet=f"{row.quiet_from}–{row.quiet_to}" if row.quiet_from else "",
        state=text("alarms.rule_on" if row.is_active else "alarms.rule_off"),
        waiting=row.waiting,
        last=f"{_moment(context, row.last_at)} {last}".strip(),
    )


def _moment(context: Context, at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(context.settings.schedule_time_zone)):%m-%d %H:%M:%S}"


def _buttons(context: Context, chosen: ChannelRow | None) -> None:
    text = context.text
    if st.button(text("alarms.channel_add"), icon=":material/add:", type="primary", key="alarm_channels_add"):
        _form(context, None)
    if st.button(text("alarms.rule_edit"), disabled=chosen is None, key="alarm_channels_edit"):
        assert chosen is not None
        _form(context, chosen)
    if st.button(text("alarms.try"), disabled=chosen is None, key="alarm_channels_try"):
        assert chosen is not None
        try_channel(context.settings, context.actor, chosen.channel_id)
        flash(text("alarms.tried", name=chosen.name))
        st.rerun()
    is_hook = chosen is not None and chosen.kind == "webhook"
    if st.button(text("alarms.secret_renew"), disabled=not is_hook, key="alarm_channels_secret"):
        assert chosen is not None
        _renew(context, chosen)
    is_active = chosen is None or chosen.is_active
    switch = text("alarms.channel_stop") if is_active else text("alarms.channel_start")
    if st.button(switch, disabled=chosen is None, key="alarm_channels_switch"):
        assert chosen is not None
        switch_channel(context.settings, context.actor, chosen.channel_id, not is_active, chosen.version)
        st.rerun()
    if st.button(text("form.delete"), disabled=chosen is None, key="alarm_channels_delete"):
        assert chosen is not None
        _delete(context, chosen)


def _form(context: Context, row: ChannelRow | None) -> None:
    text = context.text
    there = places(context)

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = read(values)
        known = (None, None) if row is None else (row.channel_id, row.version)
        place = row.place if row is not None else values["place"]
        _id, secret = save_channel(renewed.settings, renewed.actor, place, form, *known)
        once = {} if secret is None else {renewed.text("alarms.secret"): secret}
        return forms.Done(renewed.text("alarms.channel_saved", name=form.name), once)

    actor = context.actor
    own = f"l{actor.lot_id}" if actor.lot_id is not None else f"n{actor.node_id}"
    initial: dict[str, Any] = {
        "place": own if own in there else next(iter(there), ""),
        "kind": "email" if context.settings.sends_mail else "webhook",
        "least_level": "warning",
        "tells_recovery": True,
        "fold_seconds": 60,
        "language": context.language,
    }
    if row is not None:
        initial = {name: getattr(row, name) for name in ChannelRow.__dataclass_fields__}
        initial |= {"addresses": "\n".join(row.addresses), "alarm_types": list(row.alarm_types)}
    forms.open_form(
        context,
        forms.Form(
            key="alarm_channel_new" if row is None else f"alarm_channel_{row.channel_id}",
            title=text("alarms.channel_title"),
            fields=fields(context, there, is_new=row is None),
            initial=initial,
            submit=submit,
            note=text("alarms.channel_note", zone=context.settings.schedule_time_zone),
            drawer=True,
        ),
    )


def read(values: Mapping[str, Any]) -> ChannelForm:
    """What was typed, as the service takes it."""
    return ChannelForm(**{name: values[name] for name in ChannelForm.__dataclass_fields__})


def fields(context: Context, there: Mapping[str, str], *, is_new: bool) -> list[forms.Field]:
    """The fields of a channel; its place is chosen once."""
    text, language = context.text, context.language
    kinds = {kind: text(f"alarms.channel_{kind}") for kind in KINDS}
    levels = {level: label("alarm_level", level, language) for level in LEVELS}
    types = {code: type_label(code, language) for code in alarm_types()}
    languages = {"zh": text("deliveries.chinese"), "en": text("deliveries.english")}
    place = [forms.Field("place", text("alarms.place"), "choice", required=True, options=there, wide=True)]
    return [
        *(place if is_new else []),
        forms.Field("name", text("alarms.channel_name"), required=True, longest=100),
        forms.Field("kind", text("alarms.channel_kind"), "choice", required=True, options=kinds),
        forms.Field(
            "addresses", text("alarms.addresses"), "area", longest=2000, help_text=text("alarms.addresses_help")
        ),
        forms.Field("url", text("alarms.url"), longest=500, wide=True, help_text=text("alarms.url_help")),
        forms.Field("least_level", text("alarms.least_level"), "choice", required=True, options=levels),
        forms.Field("language", text("alarms.language"), "choice", required=True, options=languages),
        forms.Field(
            "alarm_types", text("alarms.only_kinds"), "choices", options=types, wide=True,
            help_text=text("alarms.only_kinds_help"),
        ),
        forms.Field("quiet_from", text("alarms.quiet_from"), longest=5, help_text=text("alarms.quiet_help")),
        forms.Field("quiet_to", text("alarms.quiet_to"), longest=5),
        forms.Field(
            "fold_seconds", text("alarms.fold_seconds"), "number", required=True, least=0, most=LONGEST_FOLD,
            help_text=text("alarms.fold_help"),
        ),
        forms.Field("quiet_critical", text("alarms.quiet_critical"), "flag", wide=True),
        forms.Field("tells_recovery", text("alarms.tells_recovery"), "flag", wide=True),
    ]  # fmt: skip


def _renew(context: Context, row: ChannelRow) -> None:
    text = context.text

    def submit(renewed: Context, _values: dict[str, Any], _form_id: str) -> forms.Done:
        secret = renew_secret(renewed.settings, renewed.actor, row.channel_id, row.version)
        return forms.Done(renewed.text("alarms.secret_renewed"), {renewed.text("alarms.secret"): secret})

    forms.open_form(
        context,
        forms.Form(
            key=f"alarm_channel_{row.channel_id}_secret",
            title=text("alarms.secret_renew"),
            fields=[],
            initial={},
            submit=submit,
            submit_label=text("alarms.secret_renew"),
            note=text("alarms.secret_note", name=row.name),
            danger=True,
        ),
    )


def _delete(context: Context, row: ChannelRow) -> None:
    def act(renewed: Context) -> str:
        delete_channel(renewed.settings, renewed.actor, row.channel_id, row.version)
        return renewed.text("alarms.channel_deleted", name=row.name)

    sure = context.text("alarms.channel_delete_sure", name=row.name)
    forms.confirm(context, f"alarm_channel_{row.channel_id}", context.text("alarms.channel_delete"), sure, act)


def _messages(context: Context) -> None:
    text = context.text
    found = list_messages(context.settings, context.actor, ListQuery(size=SHOWN_MESSAGES))
    with cards.card("alarm_messages", text("alarms.messages")):
        if not found.rows:
            cards.nothing(text("alarms.no_messages"))
            return
        headings = [
            text(f"alarms.message_{name}") for name in ("number", "channel", "made", "alarms", "state", "result")
        ]
        cards.table(text("alarms.messages"), headings, [_message(context, row) for row in found.rows], right=(0, 3))


def _message(context: Context, row: DeliveryRow) -> list[str]:
    text = context.text
    said = row.message_zh if context.language == "zh" else row.message_en
    again = ""
    if row.state == "waiting" and row.attempts:
        again = text("alarms.again", time=_moment(context, row.next_attempt_at), count=row.attempts)
    return [
        str(row.delivery_id),
        row.channel_name,
        _moment(context, row.created_at),
        str(row.alarms),
        text(f"alarms.delivery_{row.state}"),
        " ".join(filter(None, (said, again))) or _moment(context, row.finished_at),
    ]
