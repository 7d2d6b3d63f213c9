"""The lot's clock in SQL: texts to instants, instants to wall clock and business day, for many zones at once.

Belongs here: time formats, zones, cut-over. An instant is a TIMESTAMP in UTC until it is stored.
Does not belong here: whether an instant is plausible (``validation``).
A zone that keeps one offset from 2000 on is reckoned by interval arithmetic, which measured several times faster than
the time zone database; all others, and times outside those years, go through DuckDB's ``timezone``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.files.layers import Column, Layers, quoted
from ingest.records import rules
from ingest.records.times import lot_clock

_DATE: Final = "[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
_CLOCK: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?"
_OFFSET: Final = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
_NAIVE: Final = f"{_DATE}[Tt ]{_CLOCK}"
_ROUNDED_UP: Final = "\\.[0-9]{{6}}[5-9]"  # a seventh decimal rounds, as it does over HTTP
STEADY_FROM: Final = "TIMESTAMP '2000-01-02'"
STEADY_TO: Final = "TIMESTAMP '2098-12-31'"
_EXCEL_EPOCH_MS: Final = 2_209_161_600_000  # from 1899-12-30, day 0 of Excel's serials, to 1970-01-01


@dataclass(frozen=True)
class LotColumns:
    """What the query knows about a row's lot: literals when the whole file is of one lot."""

    lot_id: Column
    zone: Column
    cutover_minutes: Column
    steady_us: Column  # offset from UTC in microseconds when it never changes from 2000 on, else null


@dataclass(frozen=True)
class Instant:
    """A time read from text: the instant, whether the text was readable, and marks of the lot's clock."""

    utc: Column
    wall_was_ambiguous: Column | None
    wall_was_skipped: Column | None


def steady_offset_us(time_zone: str, cutover_minutes: int = 0) -> int | None:
    """Offset of a zone from UTC in microseconds if it is the same from 2000 to 2099, else None."""
    offset = lot_clock(time_zone, cutover_minutes).steady_offset
    return None if offset is None else round(offset.total_seconds() * 1_000_000)


def zone_columns(zone: str, lot: LotColumns) -> tuple[Column, Column]:
    """Zone and steady offset that a profile's ``zone`` stands for."""
    if zone == "lot":
        return lot.zone, lot.steady_us
    offset = steady_offset_us(zone)
    return Column(quoted(zone)), Column("NULL::BIGINT" if offset is None else f"{offset}::BIGINT")


def read_time(
    layers: Layers, text: Column, formats: tuple[str, ...], zone: Column, steady_us: Column, window: rules.Window
) -> Instant:
    """The instant that ``text`` means, by the first of ``formats`` that fits; null when none does.

    Of the windows "event" and "past", times before 2000 are dropped later: one steady offset serves all others.
    """
    let, inline = layers.let, layers.inline
    walls: list[Column] = []
    instants: list[Column] = []
    for name in formats:
        if name == "iso":
            walls.append(_iso_wall(layers, text))
            instants.append(_iso_instant(layers, text))
        elif name == "excel":
            walls.append(
                inline(
                    "CASE WHEN regexp_full_match({0}, '[0-9]{{1,6}}(?:\\.[0-9]+)?') THEN "
                    f"make_timestamp((CAST(round(CAST({{0}} AS DOUBLE) * 86400000) AS BIGINT) - "
                    f"{_EXCEL_EPOCH_MS}) * 1000) END",
                    text,
                )
            )
        elif name in ("epoch_s", "epoch_ms"):
            scale, digits = (1_000_000, 11) if name == "epoch_s" else (1_000, 14)
            instants.append(
                inline(
                    f"CASE WHEN regexp_full_match({{0}}, '[0-9]{{{{1,{digits}}}}}(?:\\.[0-9]+)?') THEN "
                    f"make_timestamp(CAST(CAST({{0}} AS DECIMAL(24,6)) * {scale} AS BIGINT)) END",
                    text,
                )
            )
        elif "%z" in name:
            instants.append(inline(f"make_timestamp(epoch_us(try_strptime({{0}}, {_braced(quoted(name))})))", text))
        else:
            walls.append(inline(f"try_strptime({{0}}, {_braced(quoted(name))})", text))
    # Only where the first format does not fit is the next one tried.
    instant = _first(layers, instants)
    if not walls:
        assert instant is not None
        return Instant(let("{0}", instant), None, None)
    first = _first(layers, walls)
    assert first is not None
    wall = let("{0}", first)
    ambiguous = skipped = None
    if steady_us.is_constant and not steady_us.is_null and window in ("event", "past"):
        utc = let("{0} - to_microseconds({1})", wall, steady_us)
    else:
        utc = _utc(layers, wall, zone, steady_us)
        ambiguous, skipped = _oddities(layers, wall, utc, zone, steady_us)
    both = utc if instant is None else let("coalesce({0}, {1})", utc, instant)
    return Instant(both, ambiguous, skipped)


def local_time(layers: Layers, utc: Column, lot: LotColumns) -> Column:
    """What the lot's clock shows at the instant ``utc``."""
    by_database = "timezone({1}, make_timestamptz(epoch_us({0})))"
    if lot.steady_us.is_null:
        return layers.let(by_database, utc, lot.zone)
    steady = "{0} + to_microseconds({2})"
    if lot.steady_us.is_constant:
        return layers.let(steady, utc, lot.zone, lot.steady_us)
    return layers.let(
        f"CASE WHEN {{2}} IS NOT NULL AND {{0}} BETWEEN {STEADY_FROM} AND {STEADY_TO} THEN {steady} ELSE "
        f"{by_database} END",
        utc,
        lot.zone,
        lot.steady_us,
    )


def business_date(layers: Layers, local: Column, lot: LotColumns) -> Column:
    """The business day of a wall-clock time."""
    if lot.cutover_minutes.sql == "0":
        return layers.let("CAST({0} AS DATE)", local)
    return layers.let("CAST({0} - to_minutes({1}) AS DATE)", local, lot.cutover_minutes)


def _utc(layers: Layers, wall: Column, zone: Column, steady_us: Column) -> Column:
    by_database = "make_timestamp(epoch_us(timezone({1}, {0})))"
    if steady_us.is_null:
        return layers.let(by_database, wall, zone)
    return layers.let(
        f"CASE WHEN {{2}} IS NOT NULL AND {{0}} BETWEEN {STEADY_FROM} AND {STEADY_TO} THEN {{0}} - "
        f"to_microseconds({{2}}) "
        f"ELSE {by_database} END",
        wall,
        zone,
        steady_us,
    )


def _oddities(layers: Layers, wall: Column, utc: Column, zone: Column, steady_us: Column) -> tuple[Column, Column]:
    """Whether the zone shows this wall clock twice, or never."""
    steady = f"{{3}} IS NOT NULL AND {{0}} BETWEEN {STEADY_FROM} AND {STEADY_TO}"
    earlier = " OR ".join(
        f"timezone({{2}}, make_timestamptz(epoch_us({{1}}) - {minutes * 60_000_000})) = {{0}}"
        for minutes in (60, 30, 20, 120)
    )
    ambiguous = layers.let(
        f"CASE WHEN {{0}} IS NULL OR ({steady}) THEN false ELSE {earlier} END", wall, utc, zone, steady_us
    )
    skipped = layers.let(
        f"CASE WHEN {{0}} IS NULL OR ({steady}) THEN false "
        "ELSE timezone({2}, make_timestamptz(epoch_us({1}))) <> {0} END",
        wall,
        utc,
        zone,
        steady_us,
    )
    return ambiguous, skipped


def _iso_wall(layers: Layers, text: Column) -> Column:
    return layers.inline(
        f"CASE WHEN regexp_full_match({{0}}, '{_NAIVE}') THEN TRY_CAST(upper({{0}}) AS TIMESTAMP) + "
        f"to_microseconds(CASE WHEN strlen({{0}}) > 26 AND regexp_matches({{0}}, '{_ROUNDED_UP}') THEN 1 "
        "ELSE 0 END) END",
        text,
    )


def _iso_instant(layers: Layers, text: Column) -> Column:
    return layers.inline(
        f"CASE WHEN strlen({{0}}) > 19 AND regexp_full_match({{0}}, '{_NAIVE}{_OFFSET}') THEN "
        "make_timestamp(epoch_us(TRY_CAST(upper({0}) AS TIMESTAMPTZ)) + "
        f"CASE WHEN regexp_matches({{0}}, '{_ROUNDED_UP}') THEN 1 ELSE 0 END) END",
        text,
    )


def _first(layers: Layers, columns: list[Column]) -> Column | None:
    if len(columns) < 2:
        return columns[0] if columns else None
    return layers.inline(f"coalesce({', '.join(f'{{{i}}}' for i in range(len(columns)))})", *columns)


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
