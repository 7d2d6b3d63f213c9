"""The JSON form of a tariff, version 1: reading it strictly, writing it.

Belongs here: paths, keys, types and ranges, and what of the parts makes sense together. Does not belong here: what the
parts mean (``model.py``, ``docs/tariffs.md``). Money is text with at most 2 places or a whole number of yuan, never a
JSON fraction, which is not exact; times of day are "HH:MM"; dates are "YYYY-MM-DD".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.tariffs.model import (
    DAY_MINUTES,
    VERSION,
    Band,
    Bands,
    CouponOrder,
    DayKind,
    DayKindFrom,
    DayRule,
    Fixed,
    Free,
    PerEntry,
    Plan,
    Price,
    Pricing,
    Rate,
    Restarts,
    Tariff,
)
from warehouse.tariffs.money import yuan
from warehouse.tariffs.reading import Problem, Reader, Reading

LONGEST_PERIOD: Final = 31 * DAY_MINUTES
_SHOWN_PROBLEMS: Final = 5
_KINDS: Final[dict[type, str]] = {Rate: "rate", Fixed: "fixed", PerEntry: "per_entry", Free: "free", Bands: "bands"}


def parse(document: object) -> Tariff:
    """The tariff that a decoded JSON document states.

    Raises:
        ParkError: ``bad_tariff``, with the first problems.
    """
    tariff, found = _read(document)
    if tariff is None or found:
        raise ParkError(
            zh=f"收费规则有 {len(found)} 处问题：" + _listed(f"{one.path}：{one.zh}" for one in found),
            en=f"The tariff has {len(found)} problem(s): " + _listed(f"{one.path}: {one.en}" for one in found),
            code="bad_tariff",
        )
    return tariff


def problems(document: object) -> list[Problem]:
    """All that is wrong with a decoded JSON document; empty when ``parse`` takes it."""
    return _read(document)[1]


def dump(tariff: Tariff) -> dict[str, Any]:
    """The JSON form of ``tariff``, with its defaults written out; ``parse`` gives back an equal tariff."""
    return {
        "version": VERSION,
        "name": tariff.name,
        "ignore_seconds": tariff.ignore_seconds,
        "grace_minutes": tariff.grace_minutes,
        "coupon_order": tariff.coupon_order.value,
        "special_days": [{"date": day.isoformat(), "kind": kind.value} for day, kind in tariff.special_days],
        "plans": [_dump_plan(plan) for plan in tariff.plans],
    }


def _listed(lines: Iterable[str]) -> str:
    lines = list(lines)
    return "\n".join(["", *lines[:_SHOWN_PROBLEMS], *(["…"] if len(lines) > _SHOWN_PROBLEMS else [])])


def _dump_plan(plan: Plan) -> dict[str, Any]:
    return {
        **({"vehicle_groups": list(plan.vehicle_groups)} if plan.vehicle_groups else {}),
        "free_minutes": plan.free_minutes,
        "free_time_billed": plan.free_time_billed,
        "first_period_once": plan.first_period_once,
        "day_kind_from": plan.day_kind_from.value,
        **_dump_cap("cap_per_24_hours", plan.cap_per_24_hours_fen),
        **_dump_cap("cap_per_stay", plan.cap_per_stay_fen),
        "days": [
            {
                **({"kinds": [kind.value for kind in DayKind if kind in rule.kinds]} if rule.kinds else {}),
                **_dump_cap("cap_per_day", rule.cap_per_day_fen),
                "pricing": _dump_price(rule.pricing),
            }
            for rule in plan.days
        ],
    }


def _dump_price(price: Price | Pricing) -> dict[str, Any]:
    kind: dict[str, Any] = {"kind": _KINDS[type(price)]}
    match price:
        case Rate():
            return kind | {
                "first_minutes": price.first_minutes,
                "first_price": str(yuan(price.first_fen)),
                "unit_minutes": price.unit_minutes,
                "unit_price": str(yuan(price.unit_fen)),
                "tolerance_minutes": price.tolerance_minutes,
                **({} if price.restarts is Restarts.NEVER else {"restarts": price.restarts.value}),
            }
        case Fixed() | PerEntry():
            return kind | {"price": str(yuan(price.price_fen))}
        case Free():
            return kind
        case Bands():
            return kind | {
                "bands": [
                    {
                        "from": _clock_text(band.starts),
                        "to": _clock_text(band.ends),
                        "price": _dump_price(band.price),
                        **_dump_cap("cap", band.cap_fen),
                    }
                    for band in price.bands
                ]
            }


def _dump_cap(name: str, fen: int | None) -> dict[str, str]:
    return {} if fen is None else {name: str(yuan(fen))}


def _clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _read(document: object) -> tuple[Tariff | None, list[Problem]]:
    reading = Reading()
    tariff = _tariff(Reader(reading, "", document))
    return (None if reading.problems else tariff), reading.problems


def _tariff(node: Reader) -> Tariff | None:
    if not node.is_object(
        required=("version", "plans"),
        optional=("name", "ignore_seconds", "grace_minutes", "coupon_order", "special_days"),
    ):
        return None
    node["version"].one_of((VERSION,), VERSION)
    listed = [day for item in node["special_days"].items() if (day := _special_day(item)) is not None]
    _refuse_twice(node["special_days"], [day.isoformat() for day, _ in listed])
    tariff = Tariff(
        plans=tuple(_plan(plan) for plan in node["plans"].items(at_least=1)),
        name=node["name"].text(200),
        ignore_seconds=node["ignore_seconds"].flag(False),
        grace_minutes=node["grace_minutes"].whole(0, DAY_MINUTES, 0),
        coupon_order=CouponOrder(node["coupon_order"].one_of(tuple(CouponOrder), CouponOrder.MINUTES_FIRST)),
        special_days=tuple(sorted(listed)),
    )
    _refuse_twice(node["plans"], [group for plan in tariff.plans for group in plan.vehicle_groups])
    others = sum(not plan.vehicle_groups for plan in tariff.plans)
    if others != 1 and not node["plans"].problems_below():
        node["plans"].problem(
            f"{others} 个方案没有 vehicle_groups；请恰好留一个，作为所有其它车辆的方案",
            f"{others} plans have no vehicle_groups; leave exactly one so, as the plan of all other vehicles",
        )
    return tariff


def _special_day(node: Reader) -> Any:
    if not node.is_object(required=("date", "kind")):
        return None
    kind = node["kind"].one_of((DayKind.WORKDAY, DayKind.HOLIDAY), DayKind.HOLIDAY)
    day = node["date"].day()
    return None if day is None else (day, DayKind(kind))


def _plan(node: Reader) -> Plan:
    settings = ("free_minutes", "free_time_billed", "first_period_once", "day_kind_from")
    caps = ("cap_per_24_hours", "cap_per_stay")
    if not node.is_object(required=("days",), optional=("vehicle_groups", *settings, *caps)):
        return Plan(days=())
    groups = [item.code() for item in node["vehicle_groups"].items(at_least=1)]
    plan = Plan(
        days=tuple(_day_rule(rule) for rule in node["days"].items(at_least=1)),
        vehicle_groups=tuple(groups),
        free_minutes=node["free_minutes"].whole(0, LONGEST_PERIOD, 0),
        free_time_billed=node["free_time_billed"].flag(True),
        first_period_once=node["first_period_once"].flag(False),
        day_kind_from=DayKindFrom(node["day_kind_from"].one_of(tuple(DayKindFrom), DayKindFrom.EACH_DAY)),
        cap_per_24_hours_fen=node["cap_per_24_hours"].cap(),
        cap_per_stay_fen=node["cap_per_stay"].cap(),
    )
    named = [kind for rule in plan.days for kind in DayKind if kind in rule.kinds]
    _refuse_twice(node["days"], [kind.value for kind in named])
    others = sum(not rule.kinds for rule in plan.days)
    missing = [kind.value for kind in DayKind if kind not in named]
    if others != (1 if missing else 0) and not node["days"].problems_below():
        node["days"].problem(
            f"没有 kinds 的规则有 {others} 条，未列出的日期类型有 {len(missing)} 种（{'、'.join(missing)}）；"
            "有未列出的类型时，请恰好留一条没有 kinds 的规则，否则一条也不要",
            f"{others} rules have no kinds, {len(missing)} kinds of day are not listed ({', '.join(missing)}); "
            "leave exactly one rule without kinds when a kind is not listed, else none",
        )
    return plan


def _day_rule(node: Reader) -> DayRule:
    if not node.is_object(required=("pricing",), optional=("kinds", "cap_per_day")):
        return DayRule(Free())
    kinds = [item.one_of(tuple(DayKind), DayKind.WORKDAY) for item in node["kinds"].items(at_least=1)]
    _refuse_twice(node["kinds"], kinds)
    pricing = node["pricing"]
    if pricing.kind() == "bands":
        priced: Pricing = _bands(pricing)
    else:
        price = _price(pricing, ("rate", "per_entry", "free"), may_restart=True)
        priced = Free() if isinstance(price, Fixed) else price
    return DayRule(priced, frozenset(DayKind(kind) for kind in kinds), node["cap_per_day"].cap())


def _price(node: Reader, kinds: tuple[str, ...], *, may_restart: bool) -> Price:
    match node.kind():
        case "rate" if node.is_object(
            required=("kind", "unit_minutes", "unit_price"),
            optional=("first_minutes", "first_price", "tolerance_minutes", *(("restarts",) if may_restart else ())),
        ):
            return _rate(node)
        case "fixed" if "fixed" in kinds and node.is_object(required=("kind", "price")):
            return Fixed(node["price"].fen())
        case "per_entry" if node.is_object(required=("kind", "price")):
            return PerEntry(node["price"].fen())
        case "free" if node.is_object(required=("kind",)):
            return Free()
        case "rate" | "per_entry" | "free":
            return Free()
        case _:
            if node.is_mapping():
                node["kind"].one_of((*kinds, "bands") if may_restart else kinds)
            return Free()


def _rate(node: Reader) -> Rate:
    unit = node["unit_minutes"].whole(1, LONGEST_PERIOD, 1)
    rate = Rate(
        unit_minutes=unit,
        unit_fen=node["unit_price"].fen(),
        first_minutes=node["first_minutes"].whole(0, LONGEST_PERIOD, 0),
        first_fen=node["first_price"].fen(),
        tolerance_minutes=node["tolerance_minutes"].whole(0, unit - 1, 0),
        restarts=Restarts(node["restarts"].one_of(tuple(Restarts), Restarts.NEVER)),
    )
    if rate.first_fen and not rate.first_minutes:
        node["first_price"].problem(
            "有首段价格但首段时长为 0；请填写 first_minutes 或去掉 first_price",
            "there is a first price but the first period has 0 minutes; give first_minutes or leave out first_price",
        )
    return rate


def _bands(node: Reader) -> Bands:
    if not node.is_object(required=("kind", "bands")):
        return Bands(())
    items = node["bands"].items(at_least=1)
    bands = [_band(item) for item in items]
    read = sorted((band for band in bands if band is not None), key=lambda band: band.starts)
    if len(read) == len(items) and not node.problems_below():
        for band, following in zip(read, [*read[1:], *read[:1]], strict=True):
            if band.ends != following.starts or (len(read) > 1 and band.ends == band.starts):
                shown = f"{_clock_text(band.starts)}-{_clock_text(band.ends)}"
                node["bands"].problem(
                    f"时段 {shown} 之后的时段从 {_clock_text(following.starts)} 开始；"
                    "各时段须首尾相接、覆盖全天且不重叠（不收费的时段请用 free）",
                    f"the band {shown} is followed by one from {_clock_text(following.starts)}; "
                    "bands must join, cover the day and not overlap (use free for a band without charge)",
                )
    return Bands(tuple(read))


def _band(node: Reader) -> Band | None:
    if not node.is_object(required=("from", "to", "price"), optional=("cap",)):
        return None
    price = _price(node["price"], ("rate", "fixed", "per_entry", "free"), may_restart=False)
    return Band(node["from"].minute_of_day(), node["to"].minute_of_day(), price, node["cap"].cap())


def _refuse_twice(node: Reader, values: list[str]) -> None:
    for value in sorted({value for value in values if values.count(value) > 1}):
        node.problem(f"“{value}”出现了不止一次；请只保留一处", f"“{value}” occurs more than once; keep one")
