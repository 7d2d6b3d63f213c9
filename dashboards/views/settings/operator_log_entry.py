"""One entry of the operator log: everything it says, and what changed field by field.

Belongs here: the drawer of an entry, and changes in short. Does not belong here: the list (operator_log.py).
"""

from __future__ import annotations

from typing import Any

from dashboards.context import Context
from dashboards.texts import catalog
from dashboards.ui import cards
from dashboards.views.settings.labels import action_label, entity_label, field_label, moment
from warehouse.services.operator_log import Difference, LogEntry, get_entry

SHOWN_FIELDS = 3
# Fields whose values are words of the program, not of people.
_TOLD_BY_US = ("how", "reason")


def in_short(context: Context, entry: LogEntry) -> str:
    """The first fields that changed, in one line."""
    text = context.text
    if not entry.differences:
        return ""
    if entry.outcome == "refused":
        return sides(context, entry.differences[0])[1]
    pieces = []
    for difference in entry.differences[:SHOWN_FIELDS]:
        label = field_label(context, difference.field)
        before, after = sides(context, difference)
        pieces.append(f"{label}: {before} → {after}" if entry.change == "changed" else f"{label}: {after or before}")
    more = len(entry.differences) - SHOWN_FIELDS
    return ("；" if context.language == "zh" else "; ").join(pieces) + (
        f" {text('log.more', count=more)}" if more > 0 else ""
    )


def sides(context: Context, difference: Difference) -> tuple[str, str]:
    """Before and after as texts; of two lists only what went and what came."""
    before, after = difference.before, difference.after
    if difference.field in _TOLD_BY_US:
        words = catalog(context.language)
        before, after = (words.get(f"log.told_{_key(side)}", side) for side in (before, after))
    if isinstance(before, list) and isinstance(after, list):
        gone = [item for item in before if item not in after]
        come = [item for item in after if item not in before]
        return (f"− {value_text(context, gone)}" if gone else "", f"+ {value_text(context, come)}" if come else "")
    return value_text(context, before), value_text(context, after)


def _key(told: Any) -> str:
    return str(told).replace(" ", "_")


def value_text(context: Context, value: Any) -> str:
    """A value of the log as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return context.text("form.yes" if value else "form.no")
    if isinstance(value, list):
        return ", ".join(value_text(context, item) for item in value)
    if isinstance(value, dict) and value.keys() == {"zh", "en"}:
        return str(value["zh" if context.language == "zh" else "en"])
    if isinstance(value, dict):
        return ", ".join(f"{field_label(context, str(key))}={value_text(context, item)}" for key, item in value.items())
    return str(value)


def show(context: Context, entry_id: int) -> None:
    """Open the drawer of an entry."""
    entry = get_entry(context.settings, context.actor, entry_id)
    context.dialog(
        context.text("log.entry", number=entry.entry_id),
        lambda renewed: _draw(renewed, entry),
        width="large",
        drawer=True,
    )


def _draw(context: Context | None, entry: LogEntry) -> None:
    if context is None:
        return
    text = context.text
    facts = (
        (text("log.at"), moment(entry.at)),
        (text("log.operator"), entry.login),
        (text("log.address"), entry.address),
        (text("log.action"), action_label(context, entry.action)),
        (text("log.outcome"), text(f"log.outcome_{entry.outcome}")),
        (text("log.entity"), " ".join(filter(None, (entity_label(context, entry.entity), entry.entity_name)))),
        (text("log.number"), entry.entity_id or ""),
        (text("log.place"), " · ".join(filter(None, (entry.node_name, entry.lot_name)))),
    )
    cards.table(
        text("log.detail"),
        (text("log.field"), text("log.value")),
        [(name, value) for name, value in facts if value],
    )
    if entry.differences:
        cards.heading(text(f"log.{entry.change}"))
        headings = [text("log.field")]
        headings += [text("log.before"), text("log.after")] if entry.change == "changed" else [text("log.value")]
        rows = []
        for one in entry.differences:
            before, after = sides(context, one)
            told = {"created": (after,), "deleted": (before,)}.get(entry.change, (before, after))
            rows.append((field_label(context, one.field), *told))
        cards.table(text("log.changed"), headings, rows)
    cards.note(text("log.hash", hash=entry.entry_hash))
