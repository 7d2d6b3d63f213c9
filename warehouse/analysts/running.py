"""A query's own process: starting, watching and ending it.

Belongs here: limits that are kept from the outside, cancelling, and the rows as they come. Does not belong here: what
the process may do (``warehouse.lake.sandbox``), and who may start one (``warehouse.analysts.desk``).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from warehouse.errors import ParkError
from warehouse.settings import Settings

LARGEST_RESULT: Final = 64 * 2**20
"""Bytes of rows that one query may return: they are held in memory."""
_LOOK_EVERY: Final = 0.05
_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# What Python, DuckDB's program and its own bookkeeping take besides the memory that DuckDB counts.
_BESIDES: Final = 300 * 2**20
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                   "UBIGINT", "UHUGEINT", "DECIMAL", "FLOAT", "DOUBLE", "BIGNUM")  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What one query may use."""

    seconds: float
    rows: int
    memory: str
    threads: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits of this instance."""
        return cls(settings.sql_seconds, settings.sql_rows, settings.sql_memory, settings.sql_threads)

    @property
    def memory_bytes(self) -> int:
        """``memory`` as a number; DuckDB's way of writing sizes.

        Raises:
            ParkError: it is no size.
        """
        written = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B\s*", self.memory, re.IGNORECASE)
        if written is None:
            raise ParkError(
                zh=f"PARK_SQL_MEMORY={self.memory} 不是内存大小：请写成 512MB 或 2GB",
                en=f"PARK_SQL_MEMORY={self.memory!r} is no size: write it as 512MB or 2GB",
                code="bad_setting",
            )
        return int(float(written[1]) * _UNITS[written[2].upper()])


@dataclass(frozen=True)
class ResultColumn:
    """A column of an answer: its name and DuckDB type."""

    name: str
    type: str

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type.upper().startswith(_NUMBERS) and not self.type.endswith("]")


@dataclass(frozen=True)
class Result:
    """What a query returned: values as exact text, None for null; ``is_cut``: there were more rows than the limit."""

    columns: tuple[ResultColumn, ...]
    rows: list[list[str | None]]
    is_cut: bool
    seconds: float


class QueryProcess:
    """One query under way. Start it and wait for it in one thread; cancel it from any."""

    def __init__(self, path: Path, sql: str, limits: Limits) -> None:
        """Start the process; it has none of this process's environment."""
        self._limits = limits
        self._cancelled = threading.Event()
        self._started = time.monotonic()
        request = {
            "path": str(path), "sql": sql, "rows": limits.rows, "seconds": limits.seconds, "memory": limits.memory,
            "threads": limits.threads, "memory_bytes": limits.memory_bytes,
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-m", "warehouse.lake.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode())
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def cancel(self) -> None:
        """End the query; ``wait`` raises ``cancelled``."""
        self._cancelled.set()
        self._process.kill()

    def wait(self) -> Result:
        """The rows, when the query is through; the process is gone afterwards, however it ended.

        Raises:
            ParkError: code ``sql_cancelled``, ``sql_time``, ``sql_memory``, ``sql_size``, ``sql_refused`` or
                ``sql_failed``.
        """
        try:
            return self._read()
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _read(self) -> Result:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        columns: tuple[ResultColumn, ...] = ()
        rows: list[list[str | None]] = []
        rest, size = b"", 0
        while True:
            self._look()
            if not select.select([pipe], [], [], _LOOK_EVERY)[0]:
                continue
            chunk = os.read(pipe, 2**20)
            if not chunk:
                break
            size += len(chunk)
            if size > LARGEST_RESULT:
                raise too_large()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                message: Mapping[str, Any] = json.loads(line)
                if "columns" in message:
                    columns = tuple(ResultColumn(name, kind) for name, kind in message["columns"])
                elif "rows" in message:
                    rows.extend(message["rows"])
                elif "error" in message:
                    raise refusal(str(message["error"]), str(message["what"]), self._limits)
                else:
                    seconds = time.monotonic() - self._started
                    return Result(columns, rows, bool(message["is_cut"]), seconds)
        if self._cancelled.is_set():
            raise cancelled()
        # Nobody of ours ended it and it did not say a word: the kernel or DuckDB did, for want of memory.
        raise refusal("memory", "", self._limits)

    def _look(self) -> None:
        if self._cancelled.is_set():
            raise cancelled()
        if time.monotonic() - self._started > self._limits.seconds:
            raise refusal("time", "", self._limits)
        if self._resident() > self._limits.memory_bytes * 5 // 4 + _BESIDES:
            raise refusal("memory", "", self._limits)

    def _resident(self) -> int:
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


def cancelled() -> ParkError:
    """The query was taken back."""
    return ParkError(zh="查询已取消", en="the query was cancelled", code="sql_cancelled")


def too_large() -> ParkError:
    """The rows do not fit."""
    size = LARGEST_RESULT // 2**20
    return ParkError(
        zh=f"结果超过 {size} MB：请少选几列、先汇总，或加 LIMIT",
        en=f"the result is larger than {size} MB: choose fewer columns, sum up first, or add LIMIT",
        code="sql_size",
    )


def refusal(code: str, what: str, limits: Limits) -> ParkError:
    """What the process said, as a sentence for people."""
    if code == "time":
        return ParkError(
            zh=f"查询超过 {limits.seconds:g} 秒，已停止：请缩小日期范围或先汇总",
            en=f"the query took longer than {limits.seconds:g} seconds and was stopped: narrow the days, sum up first",
            code="sql_time",
        )
    if code == "memory":
        return ParkError(
            zh=f"查询需要的内存超过 {limits.memory}，已停止：请缩小日期范围，或少用排序与去重",
            en=f"the query needs more than {limits.memory} of memory and was stopped: narrow the days, sort less",
            code="sql_memory",
        )
    if code == "one_statement":
        return ParkError(zh="请一次只写一条语句", en="write one statement, and one only", code="sql_refused")
    if code == "not_reading":
        return ParkError(
            zh=f"只能读取数据（SELECT、WITH、EXPLAIN、DESCRIBE、SHOW），不能用 {what}",
            en=f"only statements that read are allowed (SELECT, WITH, EXPLAIN, DESCRIBE, SHOW), not {what}",
            code="sql_refused",
        )
    if code == "table_function":
        return ParkError(
            zh=f"不能使用表函数 {what}：请查询左侧列出的表",
            en=f"the table function {what} is not allowed: query the tables listed",
            code="sql_refused",
        )
    return ParkError(zh=f"查询有误：{what}", en=f"the query is wrong: {what}", code="sql_failed")
