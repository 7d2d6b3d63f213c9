"""One evaluation of all rules, and the loop that repeats it.

Belongs here: the order of the steps and who may do them at one time. Does not belong here: the steps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from warehouse.alarms.announce import announce
from warehouse.alarms.conditions import Asking
from warehouse.alarms.deliver import deliver_due
from warehouse.alarms.expectations import Expectations
from warehouse.alarms.reconcile import purge, reconcile
from warehouse.errors import ParkError
from warehouse.lake.reader import Reader, is_database_error
from warehouse.ops.models import AlarmEpisode
from warehouse.ops.session import ops_session, write_session
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
_LOCK: Final = 0x5041414C
SEND_EVERY_SECONDS: Final = 5.0
_PURGE_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found."""

    lots: int
    broken: int
    raised: int
    recovered: int
    open: int
    notices: int
    milliseconds: int

    def as_dict(self) -> dict[str, int]:
        """For ``--json``."""
        return asdict(self)


class Evaluator:
    """Evaluates all rules of one instance; several may run, they take turns."""

    def __init__(self, settings: Settings, *, watching_since: datetime | None = None) -> None:
        """``watching_since``: see ``conditions.Asking``."""
        self._settings = settings
        self._reader = Reader(settings)
        self._expectations = Expectations(self._reader)
        self._watching_since = watching_since
        self._purged_at: datetime | None = None

    def close(self) -> None:
        """Close the connection to the lake."""
        self._reader.close()

    def check(self, now: datetime | None = None) -> Evaluation:
        """Evaluate once: find what is broken, open and close episodes, note who is to be told."""
        moment = now or datetime.now(UTC)
        begun = datetime.now(UTC)
        with ops_session(self._settings) as session:
            found = Asking(self._settings, session, moment, self._expectations, self._watching_since).ask()
        with write_session(self._settings) as session:
            _take_turns(session)
            outcome = reconcile(session, found, moment, self._settings.language)
            notices = announce(session, moment)
            if self._purged_at is None or moment - self._purged_at >= _PURGE_EVERY:
                purge(session, moment)
                self._purged_at = moment
            is_open = AlarmEpisode.recovered_at.is_(None)
            still_open = session.scalar(select(func.count()).select_from(AlarmEpisode).where(is_open)) or 0
        return Evaluation(
            lots=found.lots,
            broken=len(found.conditions),
            raised=len(outcome.raised),
            recovered=len(outcome.recovered),
            open=still_open,
            notices=notices,
            milliseconds=int((datetime.now(UTC) - begun).total_seconds() * 1000),
        )


def follow(settings: Settings, stop: threading.Event, report: Callable[[Evaluation], None]) -> None:
    """Evaluate every ``alarm_interval_seconds`` and send what is due until ``stop`` is set; a trouble ends nothing."""
    evaluator = Evaluator(settings, watching_since=datetime.now(UTC))

    def evaluate() -> None:
        evaluation = evaluator.check()
        if evaluation.raised or evaluation.recovered:
            report(evaluation)

    # By itself: a receiver that does not answer must not hold up the rules.
    sender = threading.Thread(
        target=_repeat, args=(stop, SEND_EVERY_SECONDS, lambda: deliver_due(settings, datetime.now(UTC))), daemon=True
    )
    sender.start()
    try:
        # Not at once: the lander and the lots get a moment to be heard after a start of everything.
        _repeat(stop, settings.alarm_interval_seconds, evaluate)
    finally:
        stop.set()
        sender.join(timeout=1.0)
        evaluator.close()


def _repeat(stop: threading.Event, seconds: float, act: Callable[[], object]) -> None:
    while not stop.wait(seconds):
        try:
            act()
        except (SQLAlchemyError, ParkError, OSError):
            LOG.exception("alarms wait")
        except Exception as error:
            if not is_database_error(error):
                raise
            LOG.exception("alarms wait")


def _take_turns(session: Session) -> None:
    """A second evaluator waits; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
