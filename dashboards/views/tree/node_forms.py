"""What the pages of agents and customers have in common.

Belongs here: form fields, columns and the buttons' words of a node. Does not belong here: single pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.context import Context
from dashboards.ui import address, forms
from dashboards.ui.grid import Column
from warehouse.services.nodes import NodeForm, NodeView

ACTIVE = {"active": True, "disabled": False}


def contact_fields(context: Context, *, is_new: bool) -> list[forms.Field]:
    """The fields that every node has; the code can be typed only while it is new."""
    text = context.text
    return [
        forms.Field("name", text("node.name"), required=True),
        forms.Field("code", text("node.code"), help_text=text("node.code_help"), longest=64, disabled=not is_new),
        forms.Field("contact_name", text("node.contact_name"), longest=100),
        forms.Field("phone", text("node.phone"), longest=40),
        forms.Field("address", text("node.address"), longest=300, wide=True),
        forms.Field("remark", text("node.remark"), "area", longest=500),
    ]


def typed(values: Mapping[str, Any]) -> NodeForm:
    """The service's form from the fields' values."""
    names = ("name", "code", "contact_name", "phone", "address", "remark")
    return NodeForm(**{name: values.get(name) or "" for name in names})


def initial(node: NodeView) -> dict[str, Any]:
    """The fields' values from a node."""
    return {name: getattr(node, name) for name in ("name", "code", "contact_name", "phone", "address", "remark")}


def state_choice(context: Context) -> bool | None:
    """Whether the list is of enabled or disabled nodes; None: of all."""
    text = context.text
    options = {"active": text("node.state_active"), "disabled": text("node.state_disabled")}
    return ACTIVE.get(address.choice(context, "state", text("node.state"), options))


def state_column(context: Context) -> Column:
    """Whether a node is enabled."""
    text = context.text
    labels = {"True": text("node.state_active"), "False": text("node.state_disabled")}
    return Column("is_active", text("node.state"), "small", labels=labels)
