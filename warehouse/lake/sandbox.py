"""One query of an analyst, in a process of its own: ``python -I -m warehouse.lake.sandbox``.

Belongs here: the walls around the query and the way its rows come out. Does not belong here: starting, watching and
ending the process (``warehouse.analysts.running``).

The request comes as JSON on standard input, the rows go as lines of JSON to standard output. The walls, from the
outside: the process has an empty environment and can be killed at any moment; the kernel lets it open the one database
file and no other, and no connection (Landlock, where the kernel has it); it cannot write files at all, and its memory
and time are limited; DuckDB has the file read-only, no access to anything outside, no extensions to load and its
configuration locked; and only one statement that reads, with no table function but those listed, is run.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import decimal  # noqa: F401 - values are made of it, and no module can be loaded later
import json
import os
import re
import resource
import signal
import sys
import uuid  # noqa: F401 - as decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pytz  # type: ignore[import-untyped] # noqa: F401 - as decimal

_BATCH: Final = 500
TABLE_FUNCTIONS: Final = frozenset(
    {
        "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary",
        "duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_functions", "duckdb_types", "duckdb_keywords",
        "pragma_table_info", "pragma_version", "histogram", "histogram_values",
    }
)  # fmt: skip
"""Table functions that make rows out of nothing but their arguments and the catalog of the file."""
_EXPLAIN = re.compile(r"(?:\s+|--[^\n]*\n?|/\*.*?\*/)*explain\b(?:\s+analyze\b)?(?:\s*\([\w\s,']*\))?", re.I | re.S)
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_LANDLOCK: Final = (444, 445, 446)  # create_ruleset, add_rule, restrict_self
# Every right over files that version 1 of Landlock knows; later ones are added by what the kernel says.
_FILE_RIGHTS: Final = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_READ_FILE: Final = 0x4
_NETWORK_RIGHTS: Final = 0x3  # bind and connect, since version 4
# DuckDB looks here for the memory that its container may use, and does not survive being refused.
_CONTAINER_LIMITS: Final = ("/proc/self/cgroup", "/sys/fs/cgroup")


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """The text is not one statement that reads; ``code`` says why."""

    def __init__(self, code: str, what: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.what = what


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def shut_out(path: str) -> bool:
    """Let this process read ``path`` and open nothing else from now on; whether the kernel can do that."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    create, add, restrict = _LANDLOCK
    version = int(libc.syscall(create, None, 0, 1))
    if version < 1:
        return False
    rules = _Ruleset(_FILE_RIGHTS[min(version, 5)], _NETWORK_RIGHTS if version >= 4 else 0)
    size = ctypes.sizeof(rules) if version >= 4 else 8
    ruleset = int(libc.syscall(create, ctypes.byref(rules), size, 0))
    is_set = ruleset >= 0
    for readable in (path, *filter(os.path.exists, _CONTAINER_LIMITS)):
        opened = os.open(readable, os.O_PATH)
        rule = _PathRule(_READ_FILE, opened)
        is_set = is_set and libc.syscall(add, ruleset, 1, ctypes.byref(rule), 0) == 0
        os.close(opened)
    is_set = is_set and libc.syscall(restrict, ruleset, 0) == 0
    if ruleset >= 0:
        os.close(ruleset)
    return is_set


def limit(seconds: float, memory_bytes: int) -> None:
    """Limits that hold even when nobody watches: time, memory, and no files."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    space = memory_bytes * 2 + 2**31
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)


def open_locked(path: str, threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    """The database read-only, with every way out shut and the lock on the configuration turned."""
    connection = duckdb.connect(
        path,
        read_only=True,
        config={
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_unsigned_extensions": False,
            "python_enable_replacements": False,
            "python_scan_all_frames": False,
            "temp_directory": "",
            "threads": threads,
            "memory_limit": memory,
            "max_expression_depth": 250,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what is not one statement that reads.

    The statement is looked at by DuckDB's own parser, behind the walls: parsing a PRAGMA or IMPORT can read files.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Refused("one_statement")
    kind = statements[0].type
    if kind == duckdb.StatementType.EXPLAIN:
        explained = _EXPLAIN.match(sql)
        rest = sql[explained.end() :] if explained else ""
        inner = connection.extract_statements(rest) if rest.strip() else []
        if len(inner) != 1 or inner[0].type != duckdb.StatementType.SELECT:
            raise Refused("not_reading", "EXPLAIN")
        sql = rest
    elif kind != duckdb.StatementType.SELECT:
        raise Refused("not_reading", str(kind).rpartition(".")[2])
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    parsed = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error"):
        raise Refused("not_reading", str(parsed.get("error_message", "")))
    for name in _table_functions(parsed):
        if name.lower() not in TABLE_FUNCTIONS:
            raise Refused("table_function", name)


def _table_functions(node: Any) -> Iterator[str]:
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("type") == "TABLE_FUNCTION":
                yield str((node.get("function") or {}).get("function_name", "?"))
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def text_of(value: Any) -> str | None:
    """A value as text that loses nothing; instants carry their zone."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def run(request: dict[str, Any]) -> None:
    """Run the request's query and write its rows."""
    connection = open_locked(request["path"], request["threads"], request["memory"])
    sql = str(request["sql"])
    check(connection, sql)
    cursor = connection.execute(sql)
    described = [(str(column[0]), str(column[1])) for column in cursor.description or ()]
    _write({"columns": described})
    most, count = int(request["rows"]), 0
    is_cut = False
    while rows := cursor.fetchmany(min(_BATCH, most + 1 - count)):
        if count + len(rows) > most:
            rows, is_cut = rows[: most - count], True
        count += len(rows)
        if rows:
            _write({"rows": [[text_of(value) for value in row] for row in rows]})
        if is_cut:
            break
    _write({"done": count, "is_cut": is_cut})


def _write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the request, put up the walls, run, and end without cleaning up."""
    request = json.loads(sys.stdin.read())
    sys.stdin.close()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    shut_out(request["path"])
    limit(float(request["seconds"]), int(request["memory_bytes"]))
    try:
        run(request)
    except Refused as refused:
        _write({"error": refused.code, "what": refused.what})
    except (duckdb.OutOfMemoryException, MemoryError):
        _write({"error": "memory", "what": ""})
    except duckdb.Error as error:
        _write({"error": "query", "what": str(error)[:4000].replace(str(Path(request["path"]).parent), "")})
    except Exception as error:
        _write({"error": "query", "what": f"{type(error).__name__}: {error}"[:4000]})
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
