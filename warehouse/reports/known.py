"""Reports as known at a past moment.

Belongs here: reading the moment that somebody wrote, the permission it takes, and the reader that answers: of the
snapshot published then while it is kept, else of a scratch lake built anew. Does not belong here: the scratch lake
(``warehouse.lake.scratch``), building it (``park recompute``), differences between two moments (``difference``).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time as clock
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from warehouse.errors import Forbidden, ParkError
from warehouse.lake.moments import Moment, moment_at
from warehouse.lake.publish import Basis, Published
from warehouse.lake.reader import DIMENSIONS, RECENT_QUALITY, Reader, is_database_error
from warehouse.lake.scratch import Scratch, scratch_for, standing_models
from warehouse.reports import access
from warehouse.reports.base import Report, normal
from warehouse.reports.question import Question, ask
from warehouse.reports.relations import MARTS
from warehouse.reports.table import TableReport
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.settings import Settings

RESTATEMENT: Final = "restatement.view"
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}$")
_OPEN_AT_ONCE: Final = 4
_REMEMBERED: Final = 50
_REMEMBERED_SECONDS: Final = 60.0


class Step(msgspec.Struct, omit_defaults=True):
    """One line that ``park recompute --json`` tells: a step and how far it is, or the sentences of a failure."""

    step: str = ""
    done: int = 0
    of: int = 0
    zh: str = ""
    en: str = ""
    code: str = ""


Told = Callable[[Step], None]


@dataclass(frozen=True)
class Wanted:
    """A report at a moment, checked: who may ask, which lots, which marts it reads.

    ``lot_ids`` None means every lot.
    """

    report: Report
    moment: Moment
    lot_ids: tuple[int, ...] | None
    marts: tuple[str, ...]


def read_moment(text: str, settings: Settings, *, now: datetime | None = None) -> datetime:
    """The instant that ``text`` names: ``2026-11-01T12:00`` on the schedules' clock, or with an offset.

    A date alone is the end of that day, or the present while the day is not over.

    Raises:
        ParkError: it names none.
    """
    zone = ZoneInfo(settings.schedule_time_zone)
    word = text.strip().replace("Z", "+00:00")
    present = now or datetime.now(UTC)
    try:
        if _DATE.match(word):
            day = date.fromisoformat(word)
            ended = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
            began = datetime.combine(day, time(), zone).astimezone(UTC)
            return present if began <= present < ended else ended
        moment = datetime.fromisoformat(word)
    except ValueError as error:
        raise ParkError(
            zh=f"时间不能是 {text}:请写 2026-11-01、2026-11-01T12:00 或 2026-11-01T12:00:00+08:00",
            en=f"{text!r} is no moment: write 2026-11-01, 2026-11-01T12:00 or 2026-11-01T12:00:00+08:00",
            code="bad_moment",
        ) from error
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def want(
    report: Report, reader: Reader, known: KnownReaders, actor: Actor, params: Mapping[str, Any], asked: datetime
) -> Wanted:
    """Check who asks for which lots and find the moment; refusals are written to the operator log.

    Raises:
        Forbidden: the actor lacks a permission or named a lot of somebody else.
        ParkError: a parameter does not fit, or nothing is known of that moment.
    """
    with _noting_refusals(known.settings, actor, access.permission_of(report)):
        given = normal(params)
        with reader.view() as view:
            question = ask(
                report.name, report.parameters, report.grain, report.default_days, view, actor.scope, given, "key"
            )
    if question.lots.lot_ids == ():
        raise ParkError(
            zh="您名下没有停车场,没有可追溯的数据",
            en="no lot belongs to you, so there is nothing to look back on",
            code="no_lots",
        )
    return Wanted(report, known.moment(asked), question.lots.lot_ids, _marts(report, question))


@contextmanager
def _noting_refusals(settings: Settings, actor: Actor, permission: str) -> Iterator[None]:
    asked = permission
    try:
        actor.require(permission)
        asked = RESTATEMENT
        actor.require(RESTATEMENT)
        asked = permission
        yield
    except Forbidden as error:
        audit.note_refusal(settings, actor, asked, error)
        raise


def _marts(report: Report, question: Question) -> tuple[str, ...]:
    texts = list(report.sql_texts())
    if isinstance(report, TableReport):
        texts.append(report.statement(question))
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    words |= {"rpt_quality_day"} if RECENT_QUALITY in words else set()
    return tuple(sorted((words & MARTS) | set(DIMENSIONS)))


class KnownReaders:
    """Readers of past moments, a few kept open; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet."""
        self.settings = settings
        self._lock = threading.Lock()
        self._built: set[Path] = set()
        self._moments: OrderedDict[datetime, tuple[float, Moment]] = OrderedDict()
        self._open: OrderedDict[tuple[str, Published, datetime | None], Reader] = OrderedDict()

    def moment(self, asked: datetime) -> Moment:
        """What was known at ``asked``, remembered for a minute: only what is kept can change.

        Raises:
            ParkError: as ``moment_at``.
        """
        present = clock.monotonic()
        with self._lock:
            found = self._moments.get(asked)
            if found is not None and present - found[0] < _REMEMBERED_SECONDS:
                return found[1]
        moment = moment_at(self.settings, asked)
        with self._lock:
            self._moments[asked] = (present, moment)
            while len(self._moments) > _REMEMBERED:
                self._moments.popitem(last=False)
        return moment

    def ready(self, wanted: Wanted, *, recompute: bool = False) -> Reader | None:
        """The reader that answers at once; None when the figures have to be built first.

        Args:
            wanted: what is asked.
            recompute: build from raw rows even when the publication of then is kept.
        """
        if wanted.moment.is_kept and not recompute:
            return self._reader(self.settings, wanted.moment.published())
        scratch = scratch_for(self.settings, wanted.moment, wanted.lot_ids)
        state = scratch.state()
        if state is None or not (scratch.folder in self._built or state.models_hash == standing_models(self.settings)):
            return None
        if not set(wanted.marts) <= set(state.marts):
            return None
        scratch.touch()
        return self._reader(scratch.settings, scratch.published(state), state.built_at)

    def make(self, wanted: Wanted, *, recompute: bool = False, told: Told = lambda _step: None) -> Reader:
        """The reader that answers, after building what it needs in a process of its own.

        Raises:
            ParkError: the figures cannot be built.
        """
        found = self.ready(wanted, recompute=recompute)
        if found is not None:
            return found
        build(self.settings, wanted, told)
        scratch: Scratch = scratch_for(self.settings, wanted.moment, wanted.lot_ids)
        state = scratch.state()
        assert state is not None
        # The first builds after an upgrade are ahead of what is published.
        self._built.add(scratch.folder)
        return self._reader(scratch.settings, scratch.published(state), state.built_at)

    def _reader(self, settings: Settings, published: Published, built_at: datetime | None = None) -> Reader:
        key = (str(settings.home), published, built_at)
        with self._lock:
            if key not in self._open:
                self._open[key] = Reader(settings, at=published)
            self._open.move_to_end(key)
            found = self._open[key]
            while len(self._open) > _OPEN_AT_ONCE:
                self._open.popitem(last=False)[1].close()
        return found

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


def build(settings: Settings, wanted: Wanted, told: Told) -> None:
    """Run ``park recompute`` and pass on what it tells.

    Raises:
        ParkError: it failed; the sentences are its own.
    """
    arguments = [
        "recompute",
        "--json",
        "--known-at",
        wanted.moment.asked.isoformat(),
        "--marts",
        ",".join(wanted.marts),
    ]
    arguments += [f"--lot-id={lot_id}" for lot_id in wanted.lot_ids or ()]
    process = subprocess.Popen(  # noqa: S603 - our own command, and numbers
        [sys.executable, "-c", "from warehouse.cli import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PARK_HOME": str(settings.home)},
    )
    last = Step()
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            start = line.find(b"{")  # a library may draw its own progress in front
            if start >= 0:
                last = msgspec.json.decode(line[start:], type=Step)
                told(last)
    if process.wait() != 0 or last.en:
        raise ParkError(
            zh=last.zh or "重算失败:详见日志,请重试",
            en=last.en or "the recomputation failed: see the log and try again",
            code=last.code or "recompute_failed",
        )


@contextmanager
def explaining() -> Iterator[None]:
    """Turn a fault of the database into what it means: the snapshot was made by other models, or has just expired."""
    try:
        yield
    except Exception as error:
        if not is_database_error(error):
            raise
        raise ParkError(
            zh="当时发布的快照由另一版本的数据模型生成,或刚刚过期,无法用现在的报表读取:请加 --recompute 由原始记录重算",
            en="the snapshot published then was made by another version of the models, or has just expired, and this "
            "report cannot read it: pass --recompute to build it from the records",
            code="moment_unreadable",
        ) from error


def sentence(basis: Basis, language: str, zone: ZoneInfo) -> str:
    """What figures of a past moment rest on, for people."""
    asked = f"{basis.asked.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone.key})"
    at = f"{basis.published_at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if basis.published_at is not None else None
    if basis.way == "published":
        if language == "zh":
            return f"以 {asked} 所知为准:读取当时发布的快照 {basis.snapshot_id}(发布于 {at})"
        return f"as known at {asked}: read from snapshot {basis.snapshot_id}, published at {at}"
    if language == "zh":
        rest = f"截至 {at} 那次发布所含的批次 {basis.raw_to}" if at else f"截至当时到达的批次 {basis.raw_to}"
        places = "当时的" if basis.entities_then else "现在的"
        return f"以 {asked} 所知为准:由原始记录重算({rest};停车场、区域和车位数为{places})"
    rest = f"batch {basis.raw_to}, as in the publication of {at}" if at else f"batch {basis.raw_to}, landed by then"
    places = "of then" if basis.entities_then else "of today"
    return f"as known at {asked}: recomputed from records up to {rest}; lots, areas and spaces are those {places}"
