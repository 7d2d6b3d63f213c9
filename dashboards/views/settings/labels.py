"""Words that several pages of the settings share: roles, places in the tree, actions of the operator log.

Belongs here: code to label. Does not belong here: pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from dashboards.context import Context
from dashboards.texts import catalog
from warehouse.security.permissions import BY_CODE
from warehouse.services.exchange import sheets
from warehouse.services.visible import lot_names, node_names

ZONE = "Asia/Shanghai"
"""The zone in which the settings show instants, as lists do."""


def moment(at: datetime) -> str:
    """An instant to the second."""
    return f"{at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M:%S}"


def role_label(context: Context, code: str | None, name: str) -> str:
    """A role's name; a built-in one in the visitor's language."""
    return context.text(f"role.{code}") if code else name


def role_title(context: Context, code: str | None, name: str, node_name: str | None) -> str:
    """A role's name with the node it belongs to, for choices in which several nodes' roles stand."""
    label = role_label(context, code, name)
    return label if node_name is None else f"{label} · {node_name}"


def level_label(context: Context, level: str) -> str:
    """A level of the tree."""
    return context.text(f"operators.level_{level}")


def places(context: Context) -> Mapping[str, str]:
    """Nodes (``n`` and the id) and lots (``l`` and the id) where the visitor may put an operator."""
    found = {
        f"n{node.node_id}": f"{level_label(context, node.level)} · {node.name} ({node.code})"
        for node in node_names(context.settings, context.actor)
    }
    return found | {
        f"l{lot.lot_id}": f"{level_label(context, 'lot')} · {lot.name} ({lot.code})"
        for lot in lot_names(context.settings, context.actor)
    }


def action_label(context: Context, action: str) -> str:
    """``menu.action`` or an event such as ``session.login`` in words; itself when there are none."""
    menu, _, rest = action.partition(".")
    words = catalog(context.language)
    if menu in BY_CODE:
        return f"{context.text(f'menu.{menu}')} · {words.get(f'action.{rest}', words.get(f'log.event_{rest}', rest))}"
    return words.get(f"log.event_{menu}_{rest}", action)


def entity_label(context: Context, entity: str | None) -> str:
    """A kind of thing in words; itself when there are none."""
    return "" if entity is None else catalog(context.language).get(f"log.entity_{entity}", entity)


@lru_cache(maxsize=2)
def _headings(language: str) -> Mapping[str, str]:
    return {column.field: column.heading(language) for sheet in sheets().values() for column in sheet.columns}


def field_label(context: Context, field: str) -> str:
    """A field in words, as its table is headed; itself when there are none."""
    return catalog(context.language).get(f"log.field_{field}") or _headings(context.language).get(field, field)
