"""Renewals: money for a further period of long-term parking.

Belongs here: selling a period to a vehicle or a group, with its receipt, ledger entry, record and commands. Does not
belong here: calendar arithmetic (``validity.py``), printing (``receipts.py``), plans (``renewal_plans.py``).

A renewal is written once and never changed. The record contract knows no renewal with a negative amount (a ``refund``
belongs to a charge), so there is no reversal here: money goes back through the wallet or by hand, and a validity is set
right in the owner's form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select

from warehouse.codes import codes
from warehouse.ops.models import LongTermVehicle, Lot, Owner, OwnerRenewal, RenewalPlan, VehicleGroup, WalletEntry
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.owner_changes import living_vehicles, note_change, owner_picture
from warehouse.services.parkers import EDITS, one_of, owner_of
from warehouse.services.renewal_entries import RenewalView, view_of
from warehouse.services.validity import LAST_POSSIBLE_DAY, first_instant, last_day, last_instant, local_today
from warehouse.services.vehicle_commands import payloads, send_changes
from warehouse.services.wallets import check_key, key_used, move
from warehouse.services.work import Work, working
from warehouse.settings import Settings

METHODS: Final = codes("method")
AFTER_END, TODAY, CHOSEN = "after_end", "today", "chosen"
STARTS: Final = (AFTER_END, TODAY, CHOSEN)
MOST_PERIODS: Final = 120
_LONGEST_REMARK: Final = 500
_LONGEST_CODE: Final = 22


@dataclass(frozen=True)
class RenewalForm:
    """What is sold: to ``vehicle_id``, or to all vehicles of ``group_id``.

    ``start`` is AFTER_END (the day after the old validity), TODAY, or CHOSEN with ``first_day``. ``amount`` in yuan;
    None is the plan's price times ``periods``, any other amount needs a remark.
    """

    plan_id: int | None
    periods: int | str | None
    method: str | None
    start: str = AFTER_END
    first_day: date | None = None
    amount: Decimal | str | None = None
    remark: str | None = None
    vehicle_id: int | None = None
    group_id: int | None = None


def renew(
    settings: Settings, actor: Actor, owner_id: int, form: RenewalForm, key: str, *, version: int | None = None
) -> RenewalView:
    """Sell a period; money, validity, receipt, operator log, record and commands in one transaction.

    Args:
        settings: names the store.
        actor: who takes the money.
        owner_id: to whom.
        form: what is sold.
        key: made when the form was opened, 8 to 64 characters; the same form sent again gives the first renewal once
            more and sells nothing.
        version: the owner's when the form was opened; None does not look.

    Raises:
        Forbidden: the owner is not there for this actor.
        InvalidFields: by field.
        ParkError: ``balance_too_low`` when the wallet cannot pay; ``key_used``; ``conflict``.
    """
    check_key(key)
    with working(settings, actor, one_of(actor, EDITS)) as work:
        owner, lot = owner_of(work, owner_id)
        earlier = work.session.scalar(select(OwnerRenewal).where(OwnerRenewal.idempotency_key == key))
        if earlier is not None:
            _check_same(work, owner, lot, form, earlier)
            return view_of(earlier)
        if work.session.scalar(select(WalletEntry.entry_id).where(WalletEntry.idempotency_key == key)) is not None:
            raise key_used()
        if version is not None:
            work.expect(owner, version, "owner", owner_id)
        return view_of(_sell(work, owner, lot, form, key))


def suggested_amount(price: Decimal, periods: int) -> Decimal:
    """What ``periods`` of a plan cost, for a vehicle as for a group."""
    return price * periods


def group_validity(validities: Sequence[tuple[date | None, date | None]]) -> tuple[date | None, date | None]:
    """The validity of vehicles that are renewed together: that of the one which is valid longest."""
    known = [pair for pair in validities if pair[1] is not None]
    return max(known, key=lambda pair: (pair[1], pair[0] or date.min), default=(None, None))


def first_day_of(start: str, chosen: date | None, valid_to: date | None, today: date, fields: Fields) -> date | None:
    """The first day of what is bought; problems go to ``fields``.

    Nothing is paid twice and nothing that was paid is lost: a validity that has not ended is continued on the day after
    it. One that has ended may be continued there, or begin again on a later day. Without one, today is the earliest.
    """
    after_end = None if valid_to is None else valid_to + timedelta(days=1)
    if start not in STARTS:
        fields.choice("start", start, STARTS)
        return None
    if start == AFTER_END:
        if after_end is None:
            fields.wrong(
                "start", "尚无有效期，请从今天或指定日期起", "there is no validity yet: begin today or on a day"
            )
        return after_end
    first = today if start == TODAY else chosen
    field = "start" if start == TODAY else "first_day"
    if first is None:
        fields.wrong("first_day", "请选择开始日期", "choose the first day")
        return None
    if after_end is not None and valid_to is not None and valid_to >= today and first != after_end:
        fields.wrong(
            field,
            f"现有效期至 {valid_to}，只能从 {after_end} 起续",
            f"it is valid to {valid_to}, so the next period begins on {after_end}",
        )
        return None
    earliest = after_end or today
    if first < earliest:
        fields.wrong(field, f"最早从 {earliest} 起", f"the earliest first day is {earliest}")
        return None
    return first


def _sell(work: Work, owner: Owner, lot: Lot, form: RenewalForm, key: str) -> OwnerRenewal:
    fields = Fields()
    today = local_today(lot.time_zone, work.now)
    vehicles, group = _target(work, owner, form, fields)
    before = group_validity([(vehicle.valid_from, vehicle.valid_to) for vehicle in vehicles])
    plan = work.session.get(RenewalPlan, form.plan_id) if form.plan_id is not None else None
    if plan is None or plan.lot_id != lot.lot_id or not plan.is_active:
        fields.wrong("plan_id", "请选择在售的续费套餐", "choose a plan that is on sale")
    periods = fields.whole("periods", form.periods, least=1, most=MOST_PERIODS)
    method = fields.choice("method", form.method, METHODS)
    remark = fields.text("remark", form.remark, longest=_LONGEST_REMARK)
    first = first_day_of(form.start, form.first_day, before[1], today, fields) if vehicles else None
    amount, last = Decimal("0.00"), None
    if plan is not None and periods is not None:
        amount = _amount(form, suggested_amount(plan.price, periods), remark, fields)
        if first is not None:
            last = _last(first, plan, periods, fields)
    fields.done()
    assert plan is not None
    assert periods is not None
    assert first is not None
    assert last is not None
    pictured, known = owner_picture(work, owner), payloads(work, owner)
    renewal = OwnerRenewal(
        lot_id=lot.lot_id,
        owner_id=owner.owner_id,
        group_id=group.group_id if group else None,
        plates=",".join(vehicle.plate for vehicle in vehicles),
        plan_name=plan.name,
        periods=periods,
        unit_price=plan.price,
        amount=amount,
        method=method,
        valid_from_before=before[0],
        valid_to_before=before[1],
        valid_from=first,
        valid_to=last,
        receipt_number=_receipt_number(work, lot, today),
        idempotency_key=key,
        operator_id=work.actor.operator_id,
        operator_name=work.actor.name,
        remark=remark,
        created_at=work.now,
    )
    work.session.add(renewal)
    work.session.flush()
    if method == "wallet" and amount > 0:
        move(work, owner, "renewal", -amount, key, renewal_id=renewal.renewal_id)
    is_continued = before[1] is not None and first == before[1] + timedelta(days=1)
    for vehicle in vehicles:
        vehicle.valid_from = before[0] if is_continued else first
        vehicle.valid_to = last
    work.record("owner_renewal", renewal.renewal_id, renewal.receipt_number, None, _logged(renewal), lot_id=lot.lot_id)
    # Last, so that the owner's latest entry in the log names who renewed to whoever had the form open.
    note_change(work, owner, pictured)
    work.upload(lot.lot_id, renewal_record(renewal, owner, lot, group))
    send_changes(work, lot.lot_id, known, payloads(work, owner))
    return renewal


def _target(
    work: Work, owner: Owner, form: RenewalForm, fields: Fields
) -> tuple[list[LongTermVehicle], VehicleGroup | None]:
    vehicles = living_vehicles(work, owner)
    if form.group_id is not None:
        chosen = [vehicle for vehicle in vehicles if vehicle.group_id == form.group_id]
        if not chosen or form.vehicle_id is not None:
            fields.wrong("group_id", "请选择此车主的一个车辆组", "choose a group of this owner")
            return [], None
        return chosen, work.session.get_one(VehicleGroup, form.group_id)
    chosen = [vehicle for vehicle in vehicles if vehicle.vehicle_id == form.vehicle_id]
    if not chosen:
        fields.wrong("vehicle_id", "请选择此车主的一辆车", "choose a vehicle of this owner")
    elif chosen[0].group_id is not None:
        group = work.session.get_one(VehicleGroup, chosen[0].group_id)
        fields.wrong(
            "vehicle_id",
            f"“{chosen[0].plate}”在车辆组“{group.name}”中，同组车辆有效期一致，请为整组续费",
            f"“{chosen[0].plate}” is in the group “{group.name}”, whose vehicles are renewed together",
        )
    return chosen, None


def _amount(form: RenewalForm, suggested: Decimal, remark: str | None, fields: Fields) -> Decimal:
    given = suggested if form.amount is None or str(form.amount).strip() == "" else form.amount
    wrong_before = len(fields.problems)
    amount = fields.money("amount", given)
    if len(fields.problems) == wrong_before and amount != suggested and not remark:
        fields.wrong(
            "remark",
            f"金额与套餐价格 {suggested} 元不同，请注明原因",
            f"the amount differs from the plan's {suggested} yuan: say why",
        )
    return amount


def _last(first: date, plan: RenewalPlan, periods: int, fields: Fields) -> date | None:
    try:
        last = last_day(first, plan.unit, plan.unit_count * periods)
    except (OverflowError, ValueError):
        last = date.max
    if last > LAST_POSSIBLE_DAY:
        fields.wrong(
            "periods", f"有效期不能超过 {LAST_POSSIBLE_DAY}", f"a validity cannot go beyond {LAST_POSSIBLE_DAY}"
        )
        return None
    return last


def _check_same(work: Work, owner: Owner, lot: Lot, form: RenewalForm, earlier: OwnerRenewal) -> None:
    """Refuse a key whose renewal is not what the form asks for."""
    vehicle = work.session.get(LongTermVehicle, form.vehicle_id) if form.vehicle_id is not None else None
    plan = work.session.get(RenewalPlan, form.plan_id) if form.plan_id is not None else None
    periods, price, fields = earlier.periods, earlier.unit_price, Fields()
    first = {
        AFTER_END: None if earlier.valid_to_before is None else earlier.valid_to_before + timedelta(days=1),
        TODAY: local_today(lot.time_zone, earlier.created_at),
        CHOSEN: form.first_day,
    }
    wanted = (
        owner.owner_id,
        form.group_id,
        plan.name if plan else None,
        fields.whole("periods", form.periods, least=1, most=MOST_PERIODS),
        _amount(form, suggested_amount(price, periods), form.remark or "", fields),
        form.method,
        first.get(form.start),
        (form.remark or "").strip() or None,
    )
    found = (
        earlier.owner_id,
        earlier.group_id,
        earlier.plan_name,
        periods,
        earlier.amount,
        earlier.method,
        earlier.valid_from,
        earlier.remark,
    )
    if wanted != found or (vehicle is not None and vehicle.plate != earlier.plates):
        raise key_used()


def _receipt_number(work: Work, lot: Lot, today: date) -> str:
    """Lot code, local day, number within the day; the lot is locked.

    A code too long for a receipt is cut and the lot's id put behind it, so that numbers of two lots never meet.
    """
    code = lot.code if len(lot.code) <= _LONGEST_CODE else f"{lot.code[:12]}~{lot.lot_id}"
    prefix = f"{code}-{today:%Y%m%d}-"
    last = work.session.scalar(
        select(OwnerRenewal.receipt_number)
        .where(OwnerRenewal.lot_id == lot.lot_id, OwnerRenewal.receipt_number.startswith(prefix, autoescape=True))
        .order_by(OwnerRenewal.renewal_id.desc())
        .limit(1)
    )
    number = int(last.removeprefix(prefix)) if last else 0
    while True:
        number += 1
        receipt_number = f"{prefix}{number:04}"
        # A code that another lot gave up today may have numbers already.
        taken = select(OwnerRenewal.renewal_id).where(OwnerRenewal.receipt_number == receipt_number)
        if work.session.scalar(taken) is None:
            return receipt_number


def renewal_record(renewal: OwnerRenewal, owner: Owner, lot: Lot, group: VehicleGroup | None) -> dict[str, Any]:
    """The renewal as a record of the contract; a group's is for its first plate and names the others in the remark.

    Days become instants of the lot's zone: from the first second of the first day to the last of the last day.
    """
    plates = renewal.plates.split(",")
    remark = renewal.remark or ""
    if group is not None:
        remark = f"{remark} 车辆组“{group.name}”：{'、'.join(plates)}".strip()[:_LONGEST_REMARK]
    zone = lot.time_zone

    def begins(day: date | None) -> str | None:
        return None if day is None else first_instant(day, zone).isoformat()

    def ends(day: date | None) -> str | None:
        return None if day is None else last_instant(day, zone).isoformat()

    return {
        "kind": "renewal",
        "record_id": f"cloud-renewal-{renewal.renewal_id}",
        "revision": 0,
        "occurred_at": renewal.created_at.isoformat(),
        "plate": plates[0],
        "owner_id": owner.code,
        "owner_name": owner.name,
        "amount": str(renewal.amount),
        "method": renewal.method,
        "valid_from_before": begins(renewal.valid_from_before),
        "valid_to_before": ends(renewal.valid_to_before),
        "valid_from": begins(renewal.valid_from),
        "valid_to": ends(renewal.valid_to),
        "operator_name": renewal.operator_name,
        "transaction_id": renewal.receipt_number,
        "remark": remark or None,
    }


def _logged(renewal: OwnerRenewal) -> dict[str, Any]:
    return {
        "receipt_number": renewal.receipt_number,
        "plates": renewal.plates,
        "plan": renewal.plan_name,
        "periods": renewal.periods,
        "amount": str(renewal.amount),
        "method": renewal.method,
        "valid_from": str(renewal.valid_from),
        "valid_to": str(renewal.valid_to),
        "remark": renewal.remark,
    }
