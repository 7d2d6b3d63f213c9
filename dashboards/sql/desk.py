"""The queries of this pages process: at most one of each operator under way, and its last answer.

Belongs here: starting in a thread, cancelling, how many at once. Does not belong here: asking (``warehouse.analysts``).
To everybody but its operator a query does not exist.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from dashboards import instance
from warehouse.analysts import desk
from warehouse.errors import ParkError
from warehouse.lake.analysts import Cut
from warehouse.security.actor import Actor
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
KEPT_FOR: Final = timedelta(hours=1)


@dataclass
class Running:
    """A query and, when it is over, its answer or the error it ended with."""

    sql: str
    began: datetime
    cut: Cut
    asked: desk.Asked = field(default_factory=desk.Asked)
    over: threading.Event = field(default_factory=threading.Event)
    answer: desk.Answer | None = None
    error: ParkError | None = None


class Desk:
    """Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[int, Running] = {}

    def of(self, actor: Actor) -> Running | None:
        """An operator's newest query; not one of lots or plates that the operator may no longer see."""
        known = None if actor.operator_id is None else self._known.get(actor.operator_id)
        return known if known is not None and known.cut == desk.cut_of(actor) else None

    def start(self, actor: Actor, sql: str) -> Running:
        """Start a query; the one before is forgotten.

        Raises:
            ParkError: code ``busy``; one of this operator's, or too many of all, are under way.
        """
        assert actor.operator_id is not None
        with self._lock:
            before = self._known.get(actor.operator_id)
            if before is not None and not before.over.is_set():
                raise ParkError(
                    zh="您有一条查询正在运行：请等它结束，或先取消",
                    en="a query of yours is running: wait for it, or cancel it first",
                    code="busy",
                )
            running = sum(not one.over.is_set() for one in self._known.values())
            if running >= self._settings.sql_running:
                raise ParkError(
                    zh=f"已有 {running} 条查询在运行，请稍后再试",
                    en=f"{running} queries are running, try again in a moment",
                    code="busy",
                )
            started = Running(sql, datetime.now(UTC), desk.cut_of(actor))
            for operator_id, one in list(self._known.items()):
                if one.over.is_set() and one.began < started.began - KEPT_FOR:
                    del self._known[operator_id]
            self._known[actor.operator_id] = started
        threading.Thread(target=self._run, args=(actor, started), name="sql", daemon=True).start()
        return started

    def cancel(self, actor: Actor) -> None:
        """Take an operator's query back."""
        running = self.of(actor)
        if running is not None:
            running.asked.cancel()

    def _run(self, actor: Actor, running: Running) -> None:
        try:
            running.answer = desk.ask(self._settings, actor, running.sql, asked=running.asked)
        except ParkError as error:
            running.error = error
        except Exception:
            LOG.exception("a query failed for a fault of the program")
            running.error = ParkError(zh="发生内部错误：请查看日志", en="an internal error: see the log")
        finally:
            running.over.set()


@cache
def queries() -> Desk:
    """The queries of this process."""
    return Desk(instance.settings())
