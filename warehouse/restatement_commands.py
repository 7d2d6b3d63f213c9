"""Commands about past moments: what ``park report --known-at`` reads, and ``park diff``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from warehouse.lake.reader import Reader
    from warehouse.reports.base import Report
    from warehouse.reports.known import Step
    from warehouse.security.actor import Actor
    from warehouse.settings import Settings


@contextmanager
def answering(
    report: Report, settings: Settings, actor: Actor, given: Mapping[str, Any], known_at: str | None, *, recompute: bool
) -> Iterator[Reader]:
    """The reader that a report is to be run with: of the present, or of a past moment.

    Raises:
        ParkError: the moment cannot be known; Forbidden when it is not permitted.
    """
    from warehouse.errors import ParkError
    from warehouse.lake.reader import Reader
    from warehouse.reports.known import KnownReaders, explaining, read_moment, want

    present = Reader(settings)
    if known_at is None:
        if recompute:
            raise ParkError(
                zh="--recompute 需要与 --known-at 同用", en="--recompute needs --known-at", code="bad_parameter"
            )
        yield present
        return
    known = KnownReaders(settings)
    try:
        wanted = want(report, present, settings, actor, given, read_moment(known_at, settings))
        reader = known.make(wanted, recompute=recompute, told=_tell)
        with explaining():
            yield reader
    finally:
        known.close()
        present.close()


def _tell(step: Step) -> None:
    if sys.stderr.isatty() and step.of:
        print(f"\r{step.step} {step.done}/{step.of}   ", end="", file=sys.stderr, flush=True)


def register(app: typer.Typer) -> None:
    """Add ``park diff``."""
