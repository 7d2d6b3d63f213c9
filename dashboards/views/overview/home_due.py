"""What is about to end: validities of long-term vehicles and licences of lots.

Belongs here: how it is shown, to those who may see it. Does not belong here: the rules (``warehouse.services``).
"""

from __future__ import annotations

from dashboards.context import Context
from dashboards.ui import cards
from dashboards.views.overview import home_moment
from dashboards.views.overview.home_moment import Moment
from warehouse.services.due import count_due
from warehouse.services.lot_licence import LicenceState, licence_warnings
from warehouse.services.validity import DUE_DAYS

HEIGHT = 56
SHOWN_NAMES, LONGEST_NAME = 3, 16


def may_see(context: Context) -> bool:
    """Whether renewals due are for this person."""
    return context.allows("long_term_vehicles.view")


def vehicles(context: Context, moment: Moment) -> None:
    """Long-term vehicles due and expired; needs ``may_see``."""
    text = context.text
    found = count_due(context.settings, context.actor, moment.lot_ids, now=context.now)
    title = text("home.due")
    whole = home_moment.present(context, moment, "long_term_vehicles")
    links = [
        (
            text(f"home.due_{state}", days=DUE_DAYS, count=f"{count:,}"),
            home_moment.present(context, moment, "long_term_vehicles", state=state),
        )
        for state, count in (("due", found.due), ("expired", found.expired))
    ]
    explained = home_moment.meaning(context, "due", title, days=DUE_DAYS)
    with cards.card("home_due", title, height=HEIGHT, address=whole, meaning=explained, links=links):
        pass


def licences(context: Context, moment: Moment) -> None:
    """Lots whose licence ends soon or has ended, for those who may see lots."""
    if not context.allows("lots.view"):
        return
    found = licence_warnings(context.settings, context.actor, now=context.now)
    for state, key, tone in (
        (LicenceState.EXPIRED, "lots.warn_expired", "bad"),
        (LicenceState.DUE, "lots.warn_due", "plain"),
    ):
        names = [
            one.name for one in found if one.state is state and (moment.lot_ids is None or one.lot_id in moment.lot_ids)
        ]
        if names:
            short = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in names[:SHOWN_NAMES]]
            shown = ("、" if context.language == "zh" else ", ").join(short)
            more = " …" if len(names) > SHOWN_NAMES else ""
            cards.notice(tone, context.text(key, count=len(names)), shown + more, f"/lots?licence={state.value}")
