"""Reports for an actor: the permission, the scope, and the operator log around them.

Belongs here: what pages, downloads and the command line share when somebody asks for a report. Does not belong here:
running a report (``base``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from warehouse.errors import Forbidden
from warehouse.lake.reader import Reader
from warehouse.reports import base
from warehouse.reports.base import Report, ReportResult, Stream
from warehouse.reports.masking import masked, masked_stream
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.security.permissions import EXPORT, VIEW, menu_of_report
from warehouse.settings import Settings

WHOLE_PLATES: Final = "plates.view"


def permission_of(report: Report, action: str = VIEW) -> str:
    """The permission that seeing or exporting a report takes."""
    return f"{menu_of_report(report.name)}.{action}"


@contextmanager
def _noting_refusals(settings: Settings, actor: Actor, permission: str) -> Iterator[None]:
    try:
        actor.require(permission)
        yield
    except Forbidden as error:
        audit.note_refusal(settings, actor, permission, error)
        raise


def run(
    report: Report,
    reader: Reader,
    settings: Settings,
    actor: Actor,
    params: Mapping[str, Any] | None = None,
    language: str = "zh",
) -> ReportResult:
    """One page of a report, as ``base.run``.

    Raises:
        Forbidden: the actor lacks the permission or named a lot of somebody else; written to the operator log.
        ParkError: a parameter does not fit.
    """
    with _noting_refusals(settings, actor, permission_of(report)):
        result = base.run(report, reader, actor.scope, params, language)
        return result if actor.allows(WHOLE_PLATES) else masked(result)


@contextmanager
def export(
    report: Report,
    reader: Reader,
    settings: Settings,
    actor: Actor,
    params: Mapping[str, Any] | None = None,
    language: str = "zh",
) -> Iterator[Stream]:
    """The whole filter, as ``base.stream``; that it was taken out is written to the operator log."""
    permission = permission_of(report, EXPORT)
    # The home page's figures are exported with its own permission to see them: it has no other.
    permission = permission if permission.split(".")[0] != "home" else permission_of(report)
    with (
        _noting_refusals(settings, actor, permission),
        base.stream(report, reader, actor.scope, params, language) as whole,
    ):
        details = {key: str(value) for key, value in (params or {}).items()}
        audit.note_export(settings, actor, permission, report.name, {**details, "rows": whole.result.row_count})
        yield whole if actor.allows(WHOLE_PLATES) else masked_stream(whole)
