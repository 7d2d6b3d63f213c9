"""Reading the published snapshot.

Belongs here: one pinned DuckDB connection per process, a cursor per query, following a newer publication, and a small
memory of results that stay true as long as the snapshot does. Does not belong here: what is asked (``reports``).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

import duckdb
import msgspec

from warehouse.lake.connect import open_lake
from warehouse.lake.publish import Published, published
from warehouse.settings import Settings

Remembered = TypeVar("Remembered")
Row = tuple[Any, ...]

# More than this at once only makes queries wait for the same cores.
_SLOTS: Final = 4
_REMEMBERED: Final = 256
# Copied into memory when a snapshot is pinned: a scan of the lake costs some milliseconds of catalog work however small
# the table, and a record list joins these six times.
DIMENSIONS: Final = ("dim_lot", "dim_area", "dim_capacity", "dim_device")
IN_MEMORY: Final = "dimension"
# Every page with totals says how complete its period is: the newest days of that answer stand in memory, too.
RECENT_QUALITY: Final = "recent_quality"
RECENT_DAYS: Final = 62
# Decimal division is not portable and not exact; shares are computed in whole numbers, rounded half up.
_MACROS: Final = (
    "CREATE MACRO rounded(part, whole) AS"
    " CASE WHEN whole > 0 THEN (sign(part) * ((2 * abs(part) + whole) // (2 * whole)))::BIGINT END",
    "CREATE MACRO per_ten_thousand(part, whole) AS rounded(10000 * part::HUGEINT, whole::HUGEINT)",
    "CREATE MACRO hundredths(part, whole) AS rounded(100 * part::HUGEINT, whole::HUGEINT)",
    "CREATE MACRO mean_of(value) AS rounded(sum(value), count(value))",
    "CREATE MACRO fen(amount) AS (100 * amount)::HUGEINT",  # money as whole numbers
)


_GONE: Final = ("server closed", "terminating connection", "connection to server", "unable to connect", "no connection")


@dataclass(frozen=True)
class Answer:
    """The rows of one query, with the names of their columns."""

    columns: tuple[str, ...]
    rows: list[Row]


def first_recent_day(data_as_of: datetime | None) -> date:
    """The first day of ``RECENT_QUALITY`` in a snapshot whose data reach ``data_as_of``."""
    return data_as_of.date() - timedelta(days=RECENT_DAYS) if data_as_of is not None else date.min


class _Pinned:
    """One connection at one snapshot; closed when the last view of it ends after it was replaced."""

    def __init__(self, settings: Settings, publication: Published) -> None:
        self.publication = publication
        self.connection = open_lake(settings, read_only=True, snapshot=publication.snapshot_id)
        try:
            for macro in _MACROS:
                self.connection.execute(macro)
            self.connection.execute(f"CREATE SCHEMA {IN_MEMORY}")
            for name in DIMENSIONS:
                self.connection.execute(f"CREATE TABLE {IN_MEMORY}.{name} AS FROM lake.marts.{name} ORDER BY lot_id")
            self._keep_recent_quality()
        except BaseException:
            self.connection.close()
            raise
        self.users = 0
        self.retired = False
        self.is_lost = False
        self.remembered: OrderedDict[str, Any] = OrderedDict()

    def _keep_recent_quality(self) -> None:
        columns = "lot_id BIGINT, business_date DATE, expected_hours BIGINT, missing_hours BIGINT, score BIGINT"
        table = f"{IN_MEMORY}.{RECENT_QUALITY}"
        self.connection.execute(f"CREATE TABLE {table} ({columns})")
        # A snapshot published before this mart existed stays in force until the next build.
        with suppress(duckdb.CatalogException):
            self.connection.execute(
                f"INSERT INTO {table} SELECT lot_id, business_date, expected_hours, missing_hours, score"
                " FROM lake.marts.rpt_quality_day WHERE business_date >= ?",
                [first_recent_day(self.publication.data_as_of)],
            )


class View:
    """The published snapshot for the length of one report: all its queries see the same data."""

    def __init__(
        self,
        pinned: _Pinned,
        slots: threading.Semaphore,
        lock: threading.Lock,
        reopen: Callable[[_Pinned], _Pinned | None] = lambda _lost: None,
    ) -> None:
        """Made by ``Reader.view``; not by hand."""
        self._pinned = pinned
        self._reopen = reopen
        self._slots = slots
        self._lock = lock

    @property
    def pinned(self) -> _Pinned:
        """The connection that this view reads through."""
        return self._pinned

    @property
    def publication(self) -> Published:
        """What is published: snapshot, build and the time its data reach."""
        return self._pinned.publication

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Answer:
        """Run one query with named parameters and fetch all its rows."""
        with self._slots:
            try:
                return self._query(sql, parameters)
            except duckdb.Error as error:
                if not is_lost(error) or not self._renew():
                    raise
                return self._query(sql, parameters)

    def _query(self, sql: str, parameters: Mapping[str, Any]) -> Answer:
        cursor = self._pinned.connection.cursor()
        try:
            cursor.execute(sql, dict(parameters))
            return Answer(tuple(column[0] for column in cursor.description or ()), cursor.fetchall())
        finally:
            cursor.close()

    def _renew(self) -> bool:
        """Go on with a new connection at the same snapshot; False when that snapshot is no longer in force."""
        self._pinned.is_lost = True
        renewed = self._reopen(self._pinned)
        if renewed is None:
            return False
        self._pinned = renewed
        return True

    def stream(self, sql: str, parameters: Mapping[str, Any], *, batch: int = 20_000) -> Iterator[list[Row]]:
        """Run one query and yield its rows in lists of at most ``batch``; memory stays flat."""
        with self._slots:
            cursor = self._pinned.connection.cursor()
            try:
                cursor.execute(sql, dict(parameters))
                while rows := cursor.fetchmany(batch):
                    yield rows
            finally:
                cursor.close()

    def remember(self, key: str, compute: Callable[[], Remembered]) -> Remembered:
        """The value of ``compute``, kept under ``key`` until a newer snapshot is published or room is needed."""
        kept = self._pinned.remembered
        with self._lock:
            if key in kept:
                kept.move_to_end(key)
                value: Remembered = kept[key]
                return value
        value = compute()
        with self._lock:
            kept[key] = value
            while len(kept) > _REMEMBERED:
                kept.popitem(last=False)
        return value


class Reader:
    """Reads what is published; one per process, safe to share between threads."""

    def __init__(self, settings: Settings, *, slots: int = _SLOTS, at: Published | None = None) -> None:
        """Nothing is opened before the first view; with ``at`` it stays there and follows no newer publication."""
        self._settings = settings
        self._at = at
        self._slots = threading.Semaphore(slots)
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._pinned: _Pinned | None = None

    @contextmanager
    def view(self) -> Iterator[View]:
        """The newest published snapshot, held still until the block ends.

        Raises:
            ParkError: nothing has been published yet (code ``nothing_published``).
        """
        pinned = self._newest()
        view = View(pinned, self._slots, self._lock, self._reopen)
        try:
            yield view
        finally:
            self._release(view.pinned)

    def close(self) -> None:
        """Close the connection as soon as nobody reads through it; the reader may be used again."""
        with self._lock:
            pinned, self._pinned = self._pinned, None
            if pinned is not None:
                self._retire(pinned)

    def _newest(self) -> _Pinned:
        publication = self._at or published(self._settings)
        with self._opening:
            with self._lock:
                if self._serves(publication):
                    return self._acquire(publication)
            opened = _Pinned(self._settings, publication)
            with self._lock:
                old, self._pinned = self._pinned, opened
                if old is not None:
                    self._retire(old)
                return self._acquire(publication)

    def _reopen(self, lost: _Pinned) -> _Pinned | None:
        """A new connection in place of one whose catalog went away, when the same snapshot is still in force."""
        renewed = self._newest()
        if renewed.publication.snapshot_id != lost.publication.snapshot_id:
            self._release(renewed)
            return None
        self._release(lost)
        return renewed

    def _serves(self, publication: Published) -> bool:
        return (
            self._pinned is not None
            and not self._pinned.is_lost
            and self._pinned.publication.snapshot_id == publication.snapshot_id
        )

    def _acquire(self, publication: Published) -> _Pinned:
        assert self._pinned is not None
        # The build's state changes without a new snapshot: a red build publishes nothing and must still show.
        self._pinned.publication = publication
        self._pinned.users += 1
        return self._pinned

    def _release(self, pinned: _Pinned) -> None:
        with self._lock:
            pinned.users -= 1
            if pinned.retired and pinned.users == 0:
                pinned.connection.close()

    def _retire(self, pinned: _Pinned) -> None:
        pinned.retired = True
        if pinned.users == 0:
            pinned.connection.close()


def cache_key(report: str, parameters: Mapping[str, Any], lots: Sequence[int] | str, snapshot_id: int) -> str:
    """One key for one answer: tenants never share it and a publication changes it."""
    parts = (report, sorted((name, str(value)) for name, value in parameters.items()), lots, snapshot_id)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def is_lost(error: duckdb.Error) -> bool:
    """Whether the connection to the catalog is gone, as after a restart of PostgreSQL, rather than the question bad."""
    if isinstance(error, duckdb.IOException | duckdb.ConnectionException | duckdb.FatalException):
        return True
    return any(words in str(error).lower() for words in _GONE)


def is_database_error(error: BaseException) -> bool:
    """Whether ``error`` came from the database rather than from the question."""
    return isinstance(error, duckdb.Error)
