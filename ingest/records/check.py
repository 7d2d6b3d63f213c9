"""Applying the contract to one decoded record: cleaning, codes, times, money, and how fields fit together.

Belongs here: what turns a struct of ``kinds.py`` into what the journal keeps, or refuses it.
Does not belong here: the rules as data (``rules.py``), decoding (``batch.py``), values of a wrong type (``repair.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ingest.records import money, plates, rules
from ingest.records.kinds import STRUCTS, Charge, FreeSpaceCount, Record, Renewal
from ingest.records.payments import settle_method, settle_payments
from ingest.records.times import LotClock
from ingest.records.verdicts import RecordRefused
from warehouse.codes import codes

_BLANKS: Final = rules.BLANKS
_MISSING: Final = rules.MISSING_TEXTS
_LONGEST_MISSING: Final = max(map(len, _MISSING))
_without_controls: Final = re.compile(rules.CONTROL_PATTERN).sub


@dataclass(frozen=True)
class _Plan:
    """The fields of one kind, sorted by what has to be done with them."""

    texts: tuple[tuple[str, int], ...]
    codes: tuple[tuple[str, frozenset[str], rules.Field], ...]
    lists: tuple[tuple[str, frozenset[str]], ...]
    times: tuple[tuple[str, rules.Window], ...]
    amounts: tuple[tuple[str, bool], ...]
    counts: tuple[str, ...]
    required: tuple[str, ...]
    has_plate: bool
    expects_plate: bool
    explains: str | None
    order: tuple[str, str] | None


def _plan(kind: str) -> _Plan:
    fields = rules.fields(kind)

    def of(*types: str) -> list[tuple[str, rules.Field]]:
        return [(name, field) for name, field in fields.items() if field.type in types]

    return _Plan(
        texts=tuple((name, field.limit) for name, field in of("text", "method")),
        codes=tuple((name, frozenset(codes(field.code_set)), field) for name, field in of("code") if name != "op"),
        lists=tuple((name, frozenset(codes(field.code_set))) for name, field in of("codes")),
        times=tuple((name, field.window) for name, field in of("time") if field.window != "event"),
        amounts=tuple((name, field.may_be_negative) for name, field in of("money")),
        counts=rules.COUNTS.get(kind, ()),
        required=tuple(name for name, field in rules.FIELDS[kind].items() if field.required),
        has_plate="plate" in fields,
        expects_plate=kind in rules.PLATE_EXPECTED,
        explains=rules.METHOD_EXPLAINS.get(kind),
        order=next(((first, last) for of_kind, first, last in rules.STAY_ORDER if of_kind == kind), None),
    )


_PLANS: Final[dict[str, _Plan]] = {kind: _plan(kind) for kind in STRUCTS}
_OPS: Final = frozenset(codes("op"))


class Checker:
    """Checks the records of one batch: one lot, one time of receipt."""

    def __init__(self, clock: LotClock, now: datetime) -> None:
        """Bind the lot's clock and the time of receipt (aware)."""
        self.clock = clock
        names: tuple[rules.Window, ...] = ("event", "past", "validity", "clock")
        self.windows = {name: rules.window(name, now) for name in names}

    def check(self, record: Record, escaped: bool) -> tuple[Record, datetime, list[str]]:
        """Bring ``record`` into its final form, in place but for a void.

        Args:
            record: As decoded, strictly or by ``repair``.
            escaped: Its text held escape sequences, so that control characters are possible.

        Returns:
            The record to store, its wall-clock time, and its marks sorted.

        Raises:
            RecordRefused: with the code, field and value.
        """
        marks: list[str] = []
        plan = _PLANS[record.kind]
        if record.op != "upsert":
            record = self._operation(record)
        local = self._event_time(record, marks)
        for name, limit in plan.texts:
            text = getattr(record, name)
            if text is not None:
                cleaned = _clean(text, name, limit, escaped, marks)
                if cleaned is not text:
                    setattr(record, name, cleaned)
        if not record.record_id:
            raise RecordRefused("missing_field", "record_id")
        for name, known, field in plan.codes:
            code = getattr(record, name)
            if code is not None and code not in known:
                setattr(record, name, _code(code, name, known, field, escaped, marks))
        if record.mode is None:
            record.mode = "live"
        for name, window in plan.times:
            moment = getattr(record, name)
            if moment is not None:
                setattr(record, name, self._secondary_time(moment, window, marks))
        if record.op == "void":
            return record, local, sorted(set(marks)) if marks else marks
        self._own_fields(record, plan, escaped, marks)
        return record, local, sorted(set(marks)) if marks else marks

    def _own_fields(self, record: Record, plan: _Plan, escaped: bool, marks: list[str]) -> None:
        for name in plan.required:
            if getattr(record, name) is None:
                raise RecordRefused("missing_field", name)
        if plan.has_plate:
            _plate(record, plan.expects_plate, escaped, marks)
        for name, may_be_negative in plan.amounts:
            amount = getattr(record, name)
            if amount is not None:
                setattr(record, name, money.exact(amount, name, may_be_negative))
        for name, known in plan.lists:
            listed = getattr(record, name)
            if listed is not None:
                setattr(record, name, _code_list(listed, name, known, escaped, marks))
        if isinstance(record, Charge):
            _balance(record, marks)
        if plan.explains is not None:
            settle_method(record, plan.explains, marks)
        for name in plan.counts:
            count = getattr(record, name)
            if count is not None and count < 0:
                marks.append("impossible_count")
        if plan.order is not None:
            first, last = getattr(record, plan.order[0]), getattr(record, plan.order[1])
            if first is not None and last is not None and first > last:
                marks.append("negative_stay")
        if isinstance(record, FreeSpaceCount):
            free, total = record.free_spaces, record.total_spaces
            if free is not None and total is not None and free > total:
                marks.append("impossible_count")
        elif isinstance(record, Renewal):
            start, end = record.valid_from, record.valid_to
            if start is not None and end is not None and start > end:
                marks.append("reversed_period")

    def _operation(self, record: Record) -> Record:
        op = record.op.strip(_BLANKS).lower()
        if op in _MISSING:
            op = "upsert"
        if op not in _OPS:
            raise RecordRefused("unknown_op", "op", record.op)
        record.op = op
        if op == "upsert":
            return record
        return type(record)(  # a void says nothing but which record it takes back
            record_id=record.record_id,
            revision=record.revision,
            op=op,
            occurred_at=record.occurred_at,
            lot_clock=record.lot_clock,
            mode=record.mode,
        )

    def _event_time(self, record: Record, marks: list[str]) -> datetime:
        sent = record.occurred_at
        earliest, latest = self.windows["event"]
        try:
            record.occurred_at, local, mark = self.clock.place(sent)
        except OverflowError as error:
            raise RecordRefused("absurd_time", "occurred_at", sent.isoformat()) from error
        if not earliest <= record.occurred_at <= latest:
            raise RecordRefused("absurd_time", "occurred_at", sent.isoformat())
        if mark is not None:
            marks.append(mark)
        return local

    def _secondary_time(self, moment: datetime, window: rules.Window, marks: list[str]) -> datetime | None:
        earliest, latest = self.windows[window]
        try:
            instant, _, mark = self.clock.place(moment)
        except OverflowError:
            marks.append("ignored_time")
            return None
        if not earliest <= instant <= latest:
            marks.append("ignored_time")
            return None
        if mark is not None:
            marks.append(mark)
        return instant


def _clean(text: str, name: str, limit: int, escaped: bool, marks: list[str]) -> str | None:
    """``text`` without control characters and outer blanks; None when it means missing."""
    if escaped:
        visible = _without_controls("", text)
        if visible != text:
            marks.append("cleaned_text")
            text = visible
    text = text.strip(_BLANKS)
    if len(text) <= _LONGEST_MISSING and text.lower() in _MISSING:
        return None
    if len(text) > limit:
        raise RecordRefused("too_long", name, f"{len(text)} > {limit}")
    return text


def _code(
    text: str, name: str, known: frozenset[str], field: rules.Field, escaped: bool, marks: list[str]
) -> str | None:
    cleaned = _clean(text, name, rules.TEXT_LIMIT, escaped, marks)
    if cleaned is None:
        return None
    code = cleaned.lower()
    if code in known:
        return code
    if field.on_unknown == "reject":
        raise RecordRefused("unknown_code", name, text)
    marks.append("unknown_code")
    return "other" if field.on_unknown == "other" else None


def _code_list(
    listed: list[str] | str, name: str, known: frozenset[str], escaped: bool, marks: list[str]
) -> str | None:
    """Codes as a comma-separated text in the lot's order, each once."""
    found: dict[str, None] = {}
    for text in listed.split(",") if isinstance(listed, str) else listed:
        cleaned = _clean(text, name, rules.TEXT_LIMIT, escaped, marks)
        if cleaned is None:
            continue
        code = cleaned.lower()
        if code not in known:
            marks.append("unknown_code")
            code = "other"
        found[code] = None
    return ",".join(found) or None


def _plate(record: Any, expected: bool, escaped: bool, marks: list[str]) -> None:
    text = record.plate
    mark: str | None = "no_plate"
    if text is not None:
        text = _clean(text, "plate", rules.TEXT_LIMIT, escaped, marks)
    if text is not None:
        text, mark = plates.recognise(text)
    record.plate = text
    if mark is not None and (expected or mark != "no_plate"):
        marks.append(mark)


def _balance(record: Charge, marks: list[str]) -> None:
    """Fill what may be left out and mark a charge whose parts do not make up the receivable."""
    receivable, received = record.receivable or money.ZERO, record.received or money.ZERO
    if record.discount is None:
        record.discount = money.ZERO
    if record.waived is None:
        record.waived = money.ZERO
    rest = receivable - record.discount - record.waived - received
    if record.uncollected is None:
        # More received than receivable is no negative debt: the row stays as sent and is marked.
        record.uncollected = rest if rest > 0 else money.ZERO
    if rest != record.uncollected:
        marks.append("unbalanced")
    settle_payments(record, marks)
