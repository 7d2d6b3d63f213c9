"""The process that makes one file: ``python -m dashboards.exports.worker``.

Belongs here: reading the order from standard input, making the file, telling the progress line by line on standard
output. It is a process of its own so that neither its work nor its memory slows the pages, and it ends when nobody
listens any more. Who ordered is looked at anew: a right that was taken away meanwhile is gone here too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from warehouse.errors import ParkError
from warehouse.lake.reader import Reader
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.reports import access
from warehouse.reports.catalogue import find
from warehouse.reports.files import check_file, telling, write_file
from warehouse.security.actor import Actor, actor_of, may_sign_in
from warehouse.settings import Settings, load_settings

MEMORY = "500MB"
"""What the database may use beside the writer of the file; both together stay below 1 GB."""


class Order(msgspec.Struct):
    """What to make for whom, and where to put it."""

    operator_id: int
    address: str
    report: str
    parameters: dict[str, Any]
    language: str
    file_format: str
    path: str


class Told(msgspec.Struct, omit_defaults=True):
    """One line of progress; the last one has ``is_done`` or the sentences of a failure."""

    rows: int = 0
    of: int = 0
    is_done: bool = False
    zh: str = ""
    en: str = ""


def main() -> None:
    """Make the file that standard input orders."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    os.nice(10)
    settings = load_settings().model_copy(update={"lake_memory": MEMORY, "lake_threads": 1})
    try:
        make(settings, order)
    except ParkError as error:
        _tell(Told(zh=error.zh, en=error.en))


def make(settings: Settings, order: Order) -> None:
    """Make the file and tell the progress.

    Raises:
        ParkError: the report refuses, the format cannot hold it, or who ordered may no longer sign in.
    """
    report = find(order.report)
    with access.export(
        report, Reader(settings), settings, _actor(settings, order), order.parameters, order.language
    ) as whole:
        check_file(order.file_format, whole.result)
        count = whole.result.row_count
        _tell(Told(of=count))
        batches = telling(whole.batches, lambda rows: _tell(Told(rows=rows, of=count)))
        rows = write_file(Path(order.path), order.file_format, whole.result, batches)
    _tell(Told(rows=rows, of=count, is_done=True))


def _actor(settings: Settings, order: Order) -> Actor:
    with ops_session(settings) as session:
        operator = session.get_one(Operator, order.operator_id)
        if not may_sign_in(session, operator):
            raise ParkError(zh="您的账号已停用：请联系管理员", en="your account was disabled: ask an administrator")
        return actor_of(session, operator, order.address)


def _tell(told: Told) -> None:
    # A closed pipe raises here, and the process ends: whoever ordered is gone.
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
