"""Tariffs and charges in plain words, in both languages.

Belongs here: sentences about rules and about steps of a calculation. Does not belong here: labels of other codes
(``warehouse.codes``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from warehouse.tariffs.model import (
    Band,
    Bands,
    ChargeLine,
    DayKind,
    DayKindFrom,
    DayRule,
    Fixed,
    PerEntry,
    Plan,
    Price,
    Pricing,
    Rate,
    Restarts,
    Tariff,
)
from warehouse.tariffs.money import yuan

VEHICLE_GROUPS: Final = {
    "small": ("小型车", "small vehicles"),
    "medium": ("中型车", "medium vehicles"),
    "large": ("大型车", "large vehicles"),
    "new_energy": ("新能源车", "new-energy vehicles"),
    "motorcycle": ("摩托车", "motorcycles"),
    "truck": ("货车", "trucks"),
    "bus": ("客车", "buses"),
}
"""Groups with a name; a tariff may use others, which are then shown by their code."""

_KINDS: Final = {
    DayKind.WORKDAY: ("工作日", "workdays"),
    DayKind.WEEKEND: ("周末", "weekends"),
    DayKind.HOLIDAY: ("节假日", "holidays"),
}
_PHRASES: Final = {
    "free_minutes": ("前{minutes}免费", "first {minutes} free"),
    "free_then_all": ("（超出后全程计费）", " (a longer stay pays from its entry)"),
    "free_then_rest": ("（超出后只计超出的时间）", " (a longer stay pays for the time after them)"),
    "first_period": ("首{minutes} {price}", "first {minutes} {price}"),
    "then_units": ("之后每{minutes} {price}", "then {price} per {minutes}"),
    "units_only": ("每{minutes} {price}", "{price} per {minutes}"),
    "tolerance": ("每个计费单位超过{minutes}才收费", "a unit counts when more than {minutes} of it are used"),
    "restarts_24_hours": ("每满24小时重新计费", "begins anew every 24 hours"),
    "restarts_day": ("每日重新计费", "begins anew every day"),
    "first_once": ("首段时间每次停车只计一次", "the first period counts once per stay"),
    "fixed": ("每时段 {price}", "{price} each time"),
    "per_entry": ("每次停车 {price}", "{price} per stay"),
    "charged_before": ("本次停车已计，不再收费", "already charged for this stay"),
    "free": ("免费", "free"),
    "units": ("{count} × {minutes}，每个 {price}", "{count} × {minutes} at {price}"),
    "cap_per_band": ("时段封顶 {price}", "at most {price} each time"),
    "cap_per_day": ("每日封顶 {price}", "at most {price} a day"),
    "cap_per_24_hours": ("24小时封顶 {price}", "at most {price} in 24 hours"),
    "cap_per_stay": ("单次停车封顶 {price}", "at most {price} per stay"),
    "entry_day": ("全程按进场当日的日期类型计费", "the day of entry decides for the whole stay"),
    "grace": ("缴费后{minutes}内出场不再收费", "nothing more when leaving within {minutes} of paying"),
    "ignore_seconds": ("时间按整分钟计，秒数不计", "times count in whole minutes, seconds are dropped"),
    "other_groups": ("其它车辆", "other vehicles"),
    "holiday_dates": ("节假日：{days}", "holidays: {days}"),
    "workday_dates": ("调休工作日：{days}", "working days by exception: {days}"),
}


def describe(tariff: Tariff, language: str) -> list[str]:
    """The rules in plain words, one a line, in ``language`` ("zh", else English), as shown on maps and pages.

    The order of coupons is left out: it changes what a coupon is worth, not what a driver pays.
    """
    lines = []
    for plan in tariff.plans:
        group = _group_names(plan, language) if len(tariff.plans) > 1 else ""
        for day, line in _plan_lines(plan, language):
            where = " · ".join(part for part in (group, day) if part)
            lines.append(where + ("：" if language == "zh" else ": ") + line if where else line)
    if any(len(plan.days) > 1 for plan in tariff.plans):
        for kind, phrase in ((DayKind.HOLIDAY, "holiday_dates"), (DayKind.WORKDAY, "workday_dates")):
            days = [day for day, listed in tariff.special_days if listed is kind]
            if days:
                lines.append(_say(phrase, language, days=_ranges(days, language)))
    if tariff.grace_minutes:
        lines.append(_say("grace", language, minutes=_span(tariff.grace_minutes, language)))
    if tariff.ignore_seconds:
        lines.append(_say("ignore_seconds", language))
    return [line[:1].upper() + line[1:] for line in lines]


def line_text(line: ChargeLine, language: str) -> str:
    """The rule of a step of a calculation in words, without its times and amount."""
    values = dict(line.values)
    said = {}
    if "minutes" in values:
        said["minutes"] = _span(values["minutes"], language)
    price = values.get("price_fen", values.get("cap_fen"))
    if price is not None:
        said["price"] = _money(price, language)
    text = _say(line.rule, language, count=str(values.get("count", "")), **said)
    if "band_starts" in values:
        return f"{_between(values['band_starts'], values['band_ends'])} {text}"
    return text[:1].upper() + text[1:]


def _plan_lines(plan: Plan, language: str) -> Iterator[tuple[str, str]]:
    if plan.free_minutes:
        after = "free_then_all" if plan.free_time_billed else "free_then_rest"
        free = _say("free_minutes", language, minutes=_span(plan.free_minutes, language))
        yield "", free + _say(after, language)
    for rule in plan.days:
        day = _day_names(plan, rule, language) if len(plan.days) > 1 else ""
        for line in _pricing_lines(rule.pricing, language):
            yield day, line
        if rule.cap_per_day_fen is not None:
            yield day, _say("cap_per_day", language, price=_money(rule.cap_per_day_fen, language))
    if plan.first_period_once:
        yield "", _say("first_once", language)
    if plan.day_kind_from is DayKindFrom.ENTRY_DAY and len(plan.days) > 1:
        yield "", _say("entry_day", language)
    for name, cap in (("cap_per_24_hours", plan.cap_per_24_hours_fen), ("cap_per_stay", plan.cap_per_stay_fen)):
        if cap is not None:
            yield "", _say(name, language, price=_money(cap, language))


def _pricing_lines(pricing: Pricing, language: str) -> Iterator[str]:
    if not isinstance(pricing, Bands):
        yield from _price_lines(pricing, language)
        return
    for band in pricing.bands:
        for line in _band_lines(band, language):
            yield f"{_between(band.starts, band.ends)} {line}"


def _band_lines(band: Band, language: str) -> Iterator[str]:
    yield from _price_lines(band.price, language)
    if band.cap_fen is not None:
        yield _say("cap_per_band", language, price=_money(band.cap_fen, language))


def _price_lines(price: Price, language: str) -> Iterator[str]:
    match price:
        case Rate():
            unit = _span(price.unit_minutes, language)
            if price.first_minutes:
                first = _span(price.first_minutes, language)
                yield _say("first_period", language, minutes=first, price=_money(price.first_fen, language))
            phrase = "then_units" if price.first_minutes else "units_only"
            yield _say(phrase, language, minutes=unit, price=_money(price.unit_fen, language))
            if price.tolerance_minutes:
                yield _say("tolerance", language, minutes=_span(price.tolerance_minutes, language))
            if price.restarts is not Restarts.NEVER:
                daily = price.restarts is Restarts.EVERY_DAY
                yield _say("restarts_day" if daily else "restarts_24_hours", language)
        case Fixed():
            yield _say("fixed", language, price=_money(price.price_fen, language))
        case PerEntry():
            yield _say("per_entry", language, price=_money(price.price_fen, language))
        case _:
            yield _say("free", language)


def _say(phrase: str, language: str, **values: str) -> str:
    return _PHRASES[phrase][0 if language == "zh" else 1].format(**values)


def _money(fen: int, language: str) -> str:
    return f"{yuan(fen)} 元" if language == "zh" else f"{yuan(fen)} yuan"


def _span(minutes: int, language: str) -> str:
    """120 minutes and more are said in hours where they are whole ones."""
    hours = minutes >= 120 and minutes % 60 == 0
    number = minutes // 60 if hours else minutes
    if language == "zh":
        return f"{number}{'小时' if hours else '分钟'}"
    return f"{number} {'hour' if hours else 'minute'}{'' if number == 1 else 's'}"


def _between(starts: int, ends: int) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (starts, ends))


def _group_names(plan: Plan, language: str) -> str:
    if not plan.vehicle_groups:
        return _say("other_groups", language)
    names = [VEHICLE_GROUPS.get(group, (group, group))[0 if language == "zh" else 1] for group in plan.vehicle_groups]
    return _joined(names, language)


def _day_names(plan: Plan, rule: DayRule, language: str) -> str:
    kinds = [kind for kind in DayKind if plan.rules[kind] is rule]
    return _joined([_KINDS[kind][0 if language == "zh" else 1] for kind in kinds], language)


def _ranges(days: list[date], language: str) -> str:
    spans: list[list[date]] = []
    for day in days:
        if spans and day - spans[-1][-1] == timedelta(days=1):
            spans[-1][1:] = [day]
        else:
            spans.append([day])
    return _joined([(" 至 " if language == "zh" else " to ").join(map(str, span)) for span in spans], language)


def _joined(names: list[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(names)
