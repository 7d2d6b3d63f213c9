"""The fee by the rule found minute by minute from the JSON form: slow, simple, and nothing of the engine in it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def _fen(text: str | None) -> int | None:
    return None if text is None else int(text.replace(".", ""))


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _kind(day: date, document: dict[str, Any]) -> str:
    for listed in document["special_days"]:
        if listed["date"] == day.isoformat():
            return str(listed["kind"])
    return "weekend" if day.weekday() >= 5 else "workday"


def _rule(plan: dict[str, Any], kind: str) -> dict[str, Any]:
    for rule in plan["days"]:
        if kind in rule.get("kinds", ()):
            return dict(rule)
    return next(dict(rule) for rule in plan["days"] if not rule.get("kinds"))


def _band(bands: list[dict[str, Any]], wall: datetime) -> tuple[dict[str, Any], datetime]:
    """The band that the clock is in, and the wall-clock time at which this occurrence began."""
    minute = wall.hour * 60 + wall.minute
    midnight = datetime.combine(wall.date(), datetime.min.time())
    begun = [band for band in bands if _minute(band["from"]) <= minute]
    if begun:
        band = max(begun, key=lambda band: _minute(band["from"]))
        return band, midnight + _minute(band["from"]) * MINUTE
    band = max(bands, key=lambda band: _minute(band["from"]))
    return band, midnight - timedelta(days=1) + _minute(band["from"]) * MINUTE


def fee_fen(
    document: dict[str, Any], group: str | None, entered: datetime, left: datetime, zone: str, cutover: int
) -> int:
    """The fee in fen of a stay whose ends lie on whole minutes."""
    plan = next(
        (plan for plan in document["plans"] if group in plan.get("vehicle_groups", ())),
        next(plan for plan in document["plans"] if not plan.get("vehicle_groups")),
    )
    if left - entered <= plan["free_minutes"] * MINUTE:
        return 0
    charged_from = entered if plan["free_time_billed"] else entered + plan["free_minutes"] * MINUTE
    place = ZoneInfo(zone)
    wall = max(_shown(entered - back * MINUTE, place) for back in range(181))
    entry_kind = _kind((wall - cutover * MINUTE).date(), document)
    at, last_key, elapsed, unit_begins, first_run, touched = entered, None, 0, 0, True, []
    unit_asked = False
    atoms: list[list[Any]] = []
    while at < left:
        wall = max(wall, _shown(at, place))  # a clock that is turned back stands until it has caught up
        day, window = (wall - cutover * MINUTE).date(), (at - entered) // timedelta(hours=24)
        if at >= charged_from:
            rule = _rule(plan, entry_kind if plan["day_kind_from"] == "entry_day" else _kind(day, document))
            pricing = rule["pricing"]
            price, occurrence, cap = pricing, None, None
            if pricing["kind"] == "bands":
                band, occurrence = _band(pricing["bands"], wall)
                price, cap = band["price"], _fen(band["cap"])
            restart = {"every_day": day, "every_24_hours": window}.get(price.get("restarts", "never"))
            key = (str(pricing), occurrence, restart)
            if key != last_key:
                first_run = last_key is None
                last_key, elapsed, unit_asked = key, 0, False
                has_first = price.get("first_minutes", 0) > 0 and (first_run or not plan["first_period_once"])
                unit_begins = price["first_minutes"] if has_first else 0
                amount = _fen(price["first_price"]) if has_first else 0
                entry = (str(pricing), occurrence and occurrence.time())
                if price["kind"] == "fixed" or (price["kind"] == "per_entry" and entry not in touched):
                    amount = _fen(price["price"])
                if price["kind"] == "per_entry":
                    touched.append(entry)
                atoms.append([at, day, window, _fen(rule["cap_per_day"]), key, cap, amount])
            if price["kind"] == "rate":
                if elapsed == unit_begins:
                    unit_at = [at, day, window, _fen(rule["cap_per_day"]), key, cap, _fen(price["unit_price"])]
                    unit_asked = True
                if unit_asked and elapsed == unit_begins + price.get("tolerance_minutes", 0):
                    atoms.append(unit_at)
                    unit_begins, unit_asked = unit_begins + price["unit_minutes"], False
            elapsed += 1
        at += MINUTE
    return _capped(plan, sorted(atoms, key=lambda atom: atom[0]))


def _capped(plan: dict[str, Any], atoms: list[list[Any]]) -> int:
    total, used_run, used_day, used_window = 0, {}, {}, {}
    window_cap, stay_cap = _fen(plan["cap_per_24_hours"]), _fen(plan["cap_per_stay"])
    for _at, day, window, day_cap, run, run_cap, amount in atoms:
        if run_cap is not None:
            amount = min(amount, run_cap - used_run.get(run, 0))
            used_run[run] = used_run.get(run, 0) + amount
        if day_cap is not None:
            amount = min(amount, day_cap - used_day.get(day, 0))
        if window_cap is not None:
            amount = min(amount, window_cap - used_window.get(window, 0))
        used_day[day] = used_day.get(day, 0) + amount
        used_window[window] = used_window.get(window, 0) + amount
        total += amount
    return total if stay_cap is None else min(total, stay_cap)
