"""Which day and lots the home page shows, and the addresses of the reports behind its figures.

Belongs here: what all cards share. Does not belong here: the cards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dashboards.context import Context
from dashboards.frame import view_modules
from dashboards.ui import cards
from warehouse.lake.publish import Published
from warehouse.reports.period import Clock

Record = Mapping[str, Any]
EVER = date(2000, 1, 1)


@dataclass(frozen=True)
class Filters:
    """What is shown: one lot's code or all lots (""), a business day or the latest."""

    lot: str
    day: date | None


@dataclass(frozen=True)
class Moment:
    """What the cards show: the business day, whether it is the latest, and the parameters of the reports.

    ``lot_code`` is "" for all lots; ``is_screen`` means that nobody sits before it.
    """

    day: date
    is_latest: bool
    clock: Clock
    as_of: datetime
    lot_code: str
    lot_ids: tuple[int, ...] | None
    publication: Published
    is_screen: bool = False

    @property
    def lot(self) -> dict[str, Any]:
        """Parameters of reports about the present."""
        return {"lot": self.lot_code} if self.lot_code else {}

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of reports about the day."""
        return {"from": self.day.isoformat(), "to": (self.day + timedelta(days=1)).isoformat()} | self.lot

    @property
    def suffix(self) -> str:
        """Text keys have a second form for a day that is over."""
        return "" if self.is_latest else "_past"

    @property
    def now_suffix(self) -> str:
        """And one that says "now" where a past day's page shows the present state."""
        return "" if self.is_latest else "_now"

    def hour_start(self, hour: str) -> datetime:
        """The wall-clock time, aware, at which ``hour`` ("08:00") of the business day starts."""
        clock_hour = int(hour[:2])
        is_next_day = clock_hour * 60 < self.clock.cutover_minutes // 60 * 60
        day = self.day + timedelta(days=1) if is_next_day else self.day
        return datetime(day.year, day.month, day.day, clock_hour, tzinfo=ZoneInfo(self.clock.time_zone))

    def in_order(self, hours: Sequence[Record]) -> list[Record]:
        """Hours in the order of the business day, which may start at the cut-over."""
        return sorted(hours, key=lambda row: self.hour_start(row["hour"]))

    def is_missing(self, row: Record) -> bool:
        """Whether an hour that has begun has no uploads; an hour still to come is not missing."""
        return row["entries"] is None and row["exits"] is None and self.hour_start(row["hour"]) < self.as_of


def present(context: Context, moment: Moment, menu: str, **more: str) -> str:
    """The address of a page about the present state of the same lots; "" for those who may not see it."""
    return _address(context, menu, moment.lot | more)


def of_day(context: Context, moment: Moment, menu: str, **more: str) -> str:
    """The address of a report about the same lots and day; "" for those who may not see it."""
    return _of_days(context, moment, menu, moment.day, moment.day, more)


def until_now(context: Context, moment: Moment, menu: str, **more: str) -> str:
    """The address of a list of records of all days, for what is open now; "" for those who may not see it."""
    return _of_days(context, moment, menu, EVER, moment.clock.business_day(moment.as_of), more)


def _of_days(context: Context, moment: Moment, menu: str, first: date, last: date, more: Mapping[str, str]) -> str:
    days = {"period": "custom", "days": (first.isoformat(), last.isoformat())}
    return _address(context, menu, {**moment.lot, **days, **more})


def _address(context: Context, menu: str, query: Mapping[str, Any]) -> str:
    view = next((module.VIEW for module in view_modules() if module.VIEW.menu == menu), None)
    if view is None or not context.allows(view.permission):
        return ""
    return f"/{view.path}?{urlencode(query, doseq=True)}" if query else f"/{view.path}"


def home_of(moment: Moment, lot_code: str) -> str:
    """The home page of one lot on the same day."""
    day = {} if moment.is_latest else {"date": moment.day.isoformat()}
    return f"/?{urlencode({'lot': lot_code} | day)}"


def meaning(context: Context, key: str, name: str, **values: Any) -> cards.Meaning:
    """The definition of a figure or card, from the catalogs."""
    text = context.text
    return cards.Meaning(key, text("home.meaning_of", name=name), text(f"home.meaning.{key}", **values))
