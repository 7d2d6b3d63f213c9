"""Tariffs of a lot: which holds from which day on, and what a stay would cost.

Belongs here: versions of a lot's tariff, the fee preview. Does not belong here: what a tariff means, how a fee is
computed, templates (``warehouse.tariffs``). A tariff that is or was in force is never changed: charges rest on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, LotTariff
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.lot_capacity import InForce
from warehouse.services.lot_licence import local_today
from warehouse.services.lots import FIRST_DAY
from warehouse.services.rows import put
from warehouse.services.work import Work, locked, reading, visible_lot, working
from warehouse.settings import Settings
from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import dump, parse, problems
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import Charge, Coupon, MinutesCoupon, MoneyCoupon, Stay
from warehouse.tariffs.words import describe, line_text

TARIFF: Final = "tariff"
"""Downlink command: the tariffs in force and to come, all of them, so that the newest command is enough."""


@dataclass(frozen=True)
class TariffForm:
    """What people give: a name, the first day, and the JSON form of the tariff."""

    name: str
    valid_from: date | None
    document: dict[str, Any]


@dataclass(frozen=True)
class TariffView:
    """A tariff of a lot, its rules in words too; ``valid_to`` is its last day, None for the last one."""

    tariff_id: int
    name: str
    valid_from: date
    valid_to: date | None
    state: InForce
    document: dict[str, Any]
    zh: tuple[str, ...]
    en: tuple[str, ...]
    created_at: datetime
    version: int


@dataclass(frozen=True)
class StayForm:
    """A stay to try; times are local to the lot, coupons are minutes and yuan, 0 without."""

    entered_at: datetime | None
    left_at: datetime | None
    vehicle_group: str | None = None
    coupon_minutes: int | str = 0
    coupon_amount: Decimal | str = Decimal("0.00")


@dataclass(frozen=True)
class PreviewLine:
    """A step of the calculation: local times, what it is in both languages, its amount in yuan."""

    starts: datetime
    ends: datetime
    zh: str
    en: str
    amount: Decimal


@dataclass(frozen=True)
class Preview:
    """What a stay costs, in yuan."""

    receivable: Decimal
    discount: Decimal
    due: Decimal
    lines: tuple[PreviewLine, ...]


def list_tariffs(settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None) -> list[TariffView]:
    """A lot's tariffs, the newest first.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "lots.view") as session:
        lot = visible_lot(session, actor, lot_id)
        return _views(_rows(session, lot_id), local_today(lot.time_zone, now or datetime.now(UTC)))


def current_tariff(settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None) -> TariffView | None:
    """The tariff in force today on the lot's calendar; None without one.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    found = list_tariffs(settings, actor, lot_id, now=now)
    return next((view for view in found if view.state is InForce.CURRENT), None)


def add_tariff(settings: Settings, actor: Actor, lot_id: int, form: TariffForm, *, now: datetime | None = None) -> int:
    """Add a tariff from a day on, which is not before today unless the lot has none; returns its id. The lot is told.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id)
        values = _checked(work, lot, form, None)
        row = LotTariff(lot_id=lot_id, created_at=work.now, **values)
        work.session.add(row)
        work.session.flush()
        _changed(work, lot, row, None, _picture(row))
        return row.tariff_id


def edit_tariff(
    settings: Settings,
    actor: Actor,
    lot_id: int,
    tariff_id: int,
    version: int,
    form: TariffForm,
    *,
    now: datetime | None = None,
) -> None:
    """Change a tariff that has not begun. The lot is told.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
        ParkError: ``unknown_tariff``; ``tariff_begun``; ``conflict``.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id)
        row = _future(work, lot, tariff_id, version)
        values = _checked(work, lot, form, row)
        before = _picture(row)
        put(row, values)
        if before != _picture(row):
            work.session.flush()
            _changed(work, lot, row, before, _picture(row))


def remove_tariff(
    settings: Settings, actor: Actor, lot_id: int, tariff_id: int, version: int, *, now: datetime | None = None
) -> None:
    """Remove a tariff that has not begun. The lot is told.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``unknown_tariff``; ``tariff_begun``; ``conflict``.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id)
        row = _future(work, lot, tariff_id, version)
        before = _picture(row)
        work.session.delete(row)
        work.session.flush()
        _changed(work, lot, row, before, None)


def preview(settings: Settings, actor: Actor, lot_id: int, document: object, form: StayForm) -> Preview:
    """What a stay at the lot would cost under a tariff that need not be saved.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
    """
    with reading(settings, actor, "lots.view") as session:
        lot = visible_lot(session, actor, lot_id)
        zone = ZoneInfo(lot.time_zone)
        fields = Fields()
        note_problems(fields, document)
        coupons = _coupons(fields, form)
        entered = _instant(fields, "entered_at", form.entered_at, zone)
        left = _instant(fields, "left_at", form.left_at, zone)
        if entered is not None and left is not None and left < entered:
            fields.wrong("left_at", "出场早于进场", "is before the entry")
        fields.done()
        assert entered is not None and left is not None  # noqa: PT018 - both follow from ``done``
        stay = Stay(entered, left, form.vehicle_group or None, coupons)
        return _previewed(charge(parse(document), stay, WallClock(lot.time_zone, lot.cutover_minutes)), zone)


def note_problems(fields: Fields, document: object) -> None:
    """Note what is wrong with a tariff's JSON form, each with its path, at the field ``document``."""
    for found in problems(document):
        path = f"{found.path}：" if found.path else ""
        fields.wrong("document", f"{path}{found.zh}", f"{found.path}: {found.en}" if found.path else found.en)


def _checked(work: Work, lot: Lot, form: TariffForm, current: LotTariff | None) -> dict[str, Any]:
    fields = Fields()
    name = fields.text("name", form.name, required=True, longest=100)
    note_problems(fields, form.document)
    others = [row for row in _rows(work.session, lot.lot_id) if row is not current]
    today = local_today(lot.time_zone, work.now)
    day = form.valid_from
    if day is None:
        fields.wrong("valid_from", "必填", "is required")
    elif day < FIRST_DAY:
        fields.wrong("valid_from", f"不能早于 {FIRST_DAY}", f"cannot be before {FIRST_DAY}")
    elif any(row.valid_from == day for row in others):
        fields.wrong("valid_from", f"{day} 起已有一套收费规则", f"another tariff begins on {day} already")
    elif day < today and (others or current is not None):
        fields.wrong(
            "valid_from",
            f"{day} 已过，已产生的收费以当时的规则为准：请选今天（{today}）或以后的一天",
            f"{day} has passed and charges rest on the tariff of then: choose today ({today}) or a later day",
        )
    fields.done()
    return {"name": name, "valid_from": day, "document": dump(replace(parse(form.document), name=name or ""))}


def _future(work: Work, lot: Lot, tariff_id: int, version: int) -> LotTariff:
    row = work.session.scalar(
        locked(select(LotTariff).where(LotTariff.lot_id == lot.lot_id, LotTariff.tariff_id == tariff_id))
    )
    if row is None:
        raise ParkError(
            zh="此收费规则已不存在：请重新打开列表",
            en="this tariff is not there any more: open the list again",
            code="unknown_tariff",
        )
    work.expect(row, version, "tariff", tariff_id)
    if row.valid_from <= local_today(lot.time_zone, work.now):
        raise ParkError(
            zh=f"“{row.name}”自 {row.valid_from} 起已生效，收费以它为准，不能修改或删除：请新增一套，以后生效",
            en=f"“{row.name}” is in force since {row.valid_from} and charges rest on it; add another for later days",
            code="tariff_begun",
        )
    return row


def _changed(work: Work, lot: Lot, row: LotTariff, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    work.record("tariff", row.tariff_id, f"{lot.name} {row.name}", before, after, lot_id=lot.lot_id)
    views = _views(_rows(work.session, lot.lot_id), local_today(lot.time_zone, work.now))
    told = [
        {"name": view.name, "valid_from": view.valid_from.isoformat(), "document": view.document}
        for view in reversed(views)
        if view.state is not InForce.PAST
    ]
    work.command(lot.lot_id, TARIFF, TARIFF, {"tariffs": told})


def _picture(row: LotTariff) -> dict[str, Any]:
    return {"name": row.name, "valid_from": row.valid_from.isoformat(), "document": row.document}


def _rows(session: Session, lot_id: int) -> Sequence[LotTariff]:
    return session.scalars(select(LotTariff).where(LotTariff.lot_id == lot_id).order_by(LotTariff.valid_from)).all()


def _views(rows: Sequence[LotTariff], today: date) -> list[TariffView]:
    found = []
    for row, following in zip(rows, [*rows, None][1:], strict=True):
        ends = None if following is None else date.fromordinal(following.valid_from.toordinal() - 1)
        state = InForce.FUTURE if row.valid_from > today else InForce.CURRENT
        if ends is not None and ends < today:
            state = InForce.PAST
        tariff = parse(row.document)
        found.append(
            TariffView(
                tariff_id=row.tariff_id,
                name=row.name,
                valid_from=row.valid_from,
                valid_to=ends,
                state=state,
                document=row.document,
                zh=tuple(describe(tariff, "zh")),
                en=tuple(describe(tariff, "en")),
                created_at=row.created_at,
                version=row.version,
            )
        )
    return found[::-1]


def _coupons(fields: Fields, form: StayForm) -> tuple[Coupon, ...]:
    minutes = fields.whole("coupon_minutes", form.coupon_minutes, least=0, most=100_000) or 0
    amount = fields.money("coupon_amount", form.coupon_amount)
    coupons: list[Coupon] = [MinutesCoupon(minutes)] if minutes else []
    return (*coupons, MoneyCoupon(amount)) if amount else tuple(coupons)


def _instant(fields: Fields, name: str, local: datetime | None, zone: ZoneInfo) -> datetime | None:
    if local is None:
        fields.wrong(name, "必填", "is required")
        return None
    return local.replace(tzinfo=zone) if local.tzinfo is None else local


def _previewed(charged: Charge, zone: ZoneInfo) -> Preview:
    return Preview(
        receivable=charged.receivable,
        discount=charged.discount,
        due=charged.due,
        lines=tuple(
            PreviewLine(
                starts=line.starts.astimezone(zone),
                ends=line.ends.astimezone(zone),
                zh=line_text(line, "zh"),
                en=line_text(line, "en"),
                amount=line.amount,
            )
            for line in charged.lines
        ),
    )
