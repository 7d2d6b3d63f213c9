"""The logins of a customer, in a drawer.

Belongs here: showing them. Does not belong here: editing them, which is the operators' page.
"""

from __future__ import annotations

from dashboards.context import Context
from dashboards.ui import cards
from warehouse.services.customers import CustomerRow
from warehouse.services.listing import ListQuery
from warehouse.services.operator_list import list_operators

SHOWN = 200


def open_logins(context: Context, customer: CustomerRow) -> None:
    """Open the drawer with the logins of the customer and of its lots."""
    title = context.text("customers.logins_of", name=customer.name)
    context.dialog(title, lambda renewed: _draw(renewed, customer), width="large", drawer=True)


def _draw(context: Context | None, customer: CustomerRow) -> None:
    if context is None:
        return
    text = context.text
    found = list_operators(context.settings, context.actor, ListQuery(size=SHOWN), node_id=customer.node_id)
    if not found.rows:
        cards.nothing(text("customers.no_logins"))
    else:
        cards.note(text("grid.total", count=f"{found.total:,}"))
        cards.table(
            text("customers.logins"),
            [
                text("customers.login"),
                text("node.name"),
                text("customers.role"),
                text("customers.lot"),
                text("node.state"),
            ],
            [
                (
                    row.login,
                    row.name,
                    text(f"role.{row.role_code}") if row.role_code else row.role_name,
                    row.lot_name or text("form.all"),
                    text("node.state_active" if row.is_active else "node.state_disabled"),
                )
                for row in found.rows
            ],
        )
    cards.link(text("customers.manage_logins"), "/operators")
