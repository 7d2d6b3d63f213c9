"""Staging: one streaming pass turns a source into checked, typed rows on disk; everything else reads those.

Belongs here: the query of the pass, the counts, and the relations of accepted and refused records over its result.
Does not belong here: reading (``reading``), rules (``validation``), the lake (``ingest/landing.py``).
The pass writes an ordered Parquet file: a position in it is a row of the file, memory stays bounded for any number of
rows, and landing reads typed columns instead of parsing the text again for each record kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from ingest.files.clock import LotColumns
from ingest.files.layers import NULL_TEXT, Column, Layers, identifier, quoted
from ingest.files.lots import many_lots_columns, one_lot_columns
from ingest.files.mapping import Mapper
from ingest.files.profile import Profile
from ingest.files.reading import MALFORMED, Source, physical_lines, read_parse_errors, row_as_json
from ingest.files.validation import SEPARATOR, CheckedRecord, Validator
from ingest.records import rules
from ingest.records.batch import LotContext
from ingest.records.verdicts import REJECTS
from warehouse.lake.raw_tables import raw_table_columns

ACCEPTED: Final = 1
MARKED: Final = 2
REFUSED: Final = 3
MALFORMED_CODE: Final = "malformed_row"
_PHYSICAL_LINES_LIMIT: Final = 1_000_000  # refused rows whose lines are looked up one by one


@dataclass(frozen=True)
class Origin:
    """What every stored row says about where it came from."""

    received_at: datetime
    source: str
    name: str
    profile: str
    batch_id: str


@dataclass(frozen=True)
class Counts:
    """Rows that are not blank, and records by verdict; ``unused_rows`` gave no record because no condition held."""

    rows: int
    blank_rows: int
    unused_rows: int
    accepted: int
    marked: int
    rejected: int


class Stage:
    """The staged rows of one source."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, profile: Profile, source: Source, spool: Path, origin: Origin
    ) -> None:
        """Bind what the pass needs."""
        self._connection = connection
        self._profile = profile
        self._source = source
        self._file = spool / "stage.parquet"
        self._origin = origin
        self._records: list[CheckedRecord] = []
        self._names: dict[str, str] = {}
        self._malformed = 0

    def run(
        self,
        lot: LotContext | None,
        lots: dict[str, LotContext],
        *,
        may_have_controls: bool,
        has_bad_bytes: bool,
        execute: Callable[[str], None] | None = None,
    ) -> None:
        """Make the pass: for one ``lot``, or for the lot that each row names.

        Raises:
            duckdb.Error: the file cannot be read to its end.
        """
        layers = Layers(self._source.relation)
        mapper = Mapper(self._profile, self._source, layers, may_have_controls=may_have_controls)
        code = None if lot is not None else mapper.lot_code()
        if lot is not None:
            columns = one_lot_columns(lot)
        else:
            assert code is not None
            columns = many_lots_columns(self._connection, layers, lots, code)
        validator = Validator(layers, columns, self._origin.received_at)
        self._records = [validator.check(mapper.record(section)) for section in self._profile.record]
        key = mapper.record(self._profile.record[0]).fields["record_id"].text
        query = layers.select(self._outputs(layers, columns, code, key, has_bad_bytes))
        run = execute or (lambda statement: self._connection.execute(statement) and None)
        # A test against a long list would become a join, which is slower here and loses the order of the rows.
        self._connection.execute("SET disabled_optimizers = 'in_clause'")
        self._connection.execute("SET preserve_insertion_order = true")
        run(f"COPY ({query}) TO {quoted(str(self._file))} (FORMAT parquet, COMPRESSION lz4)")
        self._connection.execute("SET preserve_insertion_order = false")
        self._connection.execute("RESET disabled_optimizers")
        self._malformed = read_parse_errors(self._connection, self._source)

    def _outputs(
        self, layers: Layers, lot: LotColumns, code: Column | None, key: Column, has_bad_bytes: bool
    ) -> dict[str, Column]:
        let, source = layers.let, self._source
        raws = [Column(f"r{i}") for i in range(len(source.columns))]
        if source.is_json:
            blank = Column("(raw IS NULL)")
        else:
            empty = quoted("")
            texts = ", ".join(f"nullif(trim({raw.sql}), {empty})" for raw in raws)
            # The key of nearly every row is there, and then the other columns need no look.
            blank = let(f"CASE WHEN {{0}} IS NOT NULL THEN false ELSE coalesce({texts}) IS NULL END", key)
        tests: list[str] = []
        if source.is_json:
            broken = "CASE WHEN json_valid(raw) THEN 'not_an_object' ELSE 'bad_json' END"
            tests.append(f"WHEN broken THEN {broken} || {quoted(SEPARATOR * 2)} || left(raw, 61)")
        if has_bad_bytes:
            searched = "raw" if source.is_json else f"concat({', '.join(raw.sql for raw in raws)})"
            tests.append(f"WHEN contains({searched}, chr(65533)) THEN {quoted('bad_encoding' + SEPARATOR * 2)}")
        if code is not None:
            start = quoted(f"unknown_lot{SEPARATOR}lot{SEPARATOR}")
            tests.append(f"WHEN {{1}} IS NULL THEN {start} || coalesce(left({{2}}, 61), '')")
        row_refusal = Column("NULL::VARCHAR")
        if tests:
            row_refusal = let(f"CASE WHEN {{0}} THEN NULL {' '.join(tests)} END", blank, lot.lot_id, code or NULL_TEXT)
        outputs = {"blank": blank, "row_refusal": row_refusal}
        states: list[Column] = []
        for position, record in enumerate(self._records):
            here = record.present or Column("true")
            state = let(
                f"CASE WHEN {{0}} OR {{1}} IS NOT NULL OR NOT {{2}} THEN 0 WHEN {{3}} IS NOT NULL THEN {REFUSED} "
                f"WHEN {{4}} IS NOT NULL THEN {MARKED} ELSE {ACCEPTED} END::TINYINT",
                blank,
                row_refusal,
                here,
                record.refusal,
                record.marks,
            )
            states.append(state)
            outputs[f"s{position}_state"] = state
            outputs[f"s{position}_refusal"] = let(f"CASE WHEN {{1}} = {REFUSED} THEN {{0}} END", record.refusal, state)
            for column in [record.marks, *record.values.values()]:
                self._staged(column, outputs)
        refused = " OR ".join(f"{{{i + 1}}} = {REFUSED}" for i in range(len(states)))
        row = row_as_json(source).replace("{", "{{").replace("}", "}}")
        outputs["payload"] = let(
            f"CASE WHEN {{0}} IS NOT NULL OR {refused} THEN left({row}, {rules.MAX_REJECTED_PAYLOAD_BYTES}) END",
            row_refusal,
            *states,
        )
        if source.line_column is not None:
            outputs["line"] = Column(source.line_column)
        return outputs

    def _staged(self, column: Column, outputs: dict[str, Column]) -> str:
        """Name under which ``column`` is in the staged file; a constant needs no place there."""
        if column.is_constant:
            return column.sql
        if column.sql not in self._names:
            self._names[column.sql] = f"x{len(self._names)}"
            outputs[self._names[column.sql]] = column
        return self._names[column.sql]

    def _value(self, column: Column) -> str:
        return column.sql if column.is_constant else self._names[column.sql]

    @property
    def _rows(self) -> str:
        return f"read_parquet({quoted(str(self._file))}, file_row_number = true)"

    def counts(self) -> Counts:
        """What became of the rows."""
        states = [f"s{i}_state" for i in range(len(self._records))]
        per_state = [
            " + ".join(f"count(*) FILTER (WHERE {state} = {wanted})" for state in states)
            for wanted in (ACCEPTED, MARKED, REFUSED)
        ]
        unused = " AND ".join(["NOT blank", "row_refusal IS NULL", *(f"{state} = 0" for state in states)])
        row = self._connection.execute(
            "SELECT count(*) FILTER (WHERE NOT blank), count(*) FILTER (WHERE blank), count(*) FILTER "
            f"(WHERE {unused}), "
            f"{', '.join(per_state)}, count(*) FILTER (WHERE row_refusal IS NOT NULL) FROM {self._rows}"
        ).fetchone()
        assert row is not None
        rows, blank, unused_rows, accepted, marked, refused, refused_rows = (int(value) for value in row)
        rejected = refused + refused_rows + self._malformed
        return Counts(rows + self._malformed, blank, unused_rows, accepted, marked, rejected)

    def tables(self) -> dict[str, str]:
        """Relations of the records that were kept, by kind, as ``ingest.landing.land`` takes them."""
        by_kind: dict[str, list[str]] = {}
        for position, record in enumerate(self._records):
            by_kind.setdefault(record.kind, []).append(self._accepted(position, record))
        return {kind: f"({' UNION ALL '.join(selects)})" for kind, selects in by_kind.items()}

    def line_of_batch_row(self, batch_row: str) -> str:
        """SQL for the line of the file that a ``batch_row`` came from, for files without blank or malformed lines."""
        return f"({batch_row} // {len(self._records)} + {self._source.first_line})"

    def _accepted(self, position: int, record: CheckedRecord) -> str:
        fixed = {
            "received_at": _instant(self._origin.received_at),
            "source": quoted(self._origin.source),
            "batch_row": f"file_row_number * {len(self._records)} + {position}",
            "marks": self._value(record.marks),
            "payload": "NULL",
        }
        chosen = []
        for name, kind in raw_table_columns(record.kind).items():
            if name == "batch_seq":
                continue
            value = fixed.get(name) or (self._value(record.values[name]) if name in record.values else "NULL")
            chosen.append(f"CAST({value} AS {kind}) AS {identifier(name)}")
        return f"SELECT {', '.join(chosen)} FROM {self._rows} WHERE s{position}_state BETWEEN {ACCEPTED} AND {MARKED}"

    def rejected(self) -> str:
        """Relation of what was refused, as ``ingest.landing.land`` takes it; made only when there is any."""
        self._sentences()
        self._lines()
        parts = [self._refused_rows("row_refusal IS NOT NULL", "row_refusal", "NULL", "NULL", -1)]
        for position, record in enumerate(self._records):
            parts.append(
                self._refused_rows(
                    f"s{position}_state = {REFUSED}",
                    f"s{position}_refusal",
                    quoted(record.kind),
                    self._value(record.values["record_id"]),
                    position,
                )
            )
        parts.append(
            f"SELECT line, NULL AS lot_id, NULL AS kind, NULL AS record_id, raw AS payload, -2 AS section, "
            f"{quoted(MALFORMED_CODE + SEPARATOR * 2)} || left(message, 200) AS refusal FROM {MALFORMED}"
        )
        origin = self._origin
        reason = (
            "replace(replace({language}, '{{field}}', coalesce(refused.field, '')), '{{value}}', "
            "regexp_replace(refused.value, '[[:cntrl:]]', ' ', 'g'))"
        )
        return (
            f"(SELECT left(sha256({quoted(origin.batch_id)} || ':' || refused.line || ':' || "
            "refused.section), 20) AS reject_id, "
            "CAST(refused.lot_id AS BIGINT) AS lot_id, refused.kind, left(refused.record_id, 128) AS "
            "record_id, refused.code, "
            f"{reason.format(language='zh')} AS reason_zh, {reason.format(language='en')} AS reason_en, "
            f"{_instant(origin.received_at)} AS received_at, {quoted(origin.source)} AS source, "
            f"{quoted(origin.name)} AS name, {quoted(origin.profile)} AS profile, CAST(refused.line AS "
            "BIGINT) AS line, "
            "refused.payload, CAST(NULL AS VARCHAR) AS replay_of, CAST(NULL AS VARCHAR) AS replay_state "
            f"FROM (SELECT *, split_part(refusal, {quoted(SEPARATOR)}, 1) AS code, "
            f"split_part(refusal, {quoted(SEPARATOR)}, 2) AS field, "
            f"CASE WHEN length(split_part(refusal, {quoted(SEPARATOR)}, 3)) = 61 "
            f"THEN left(split_part(refusal, {quoted(SEPARATOR)}, 3), 60) || '…' "
            f"ELSE split_part(refusal, {quoted(SEPARATOR)}, 3) END AS value "
            f"FROM ({' UNION ALL '.join(parts)})) AS refused JOIN refusal_sentence USING (code))"
        )

    def _refused_rows(self, condition: str, refusal: str, kind: str, record_id: str, section: int) -> str:
        lot_id = self._value(self._records[0].values["lot_id"])
        line = "rows.line" if self._source.line_column else "coalesce(found.line, rows.guess + coalesce(shift.n, 0))"
        joins = (
            ""
            if self._source.line_column
            else (
                " ASOF LEFT JOIN line_shift AS shift ON rows.guess >= shift.t "
                "LEFT JOIN row_line AS found ON found.row_number = rows.file_row_number"
            )
        )
        guess = f"*, file_row_number + {self._source.first_line} AS guess"
        return (
            f"SELECT {line} AS line, {lot_id} AS lot_id, {kind} AS kind, {record_id} AS record_id, payload, "
            f"{section} AS section, {refusal} AS refusal "
            f"FROM (SELECT {guess} FROM {self._rows} WHERE {condition}) AS rows{joins}"
        )

    def _sentences(self) -> None:
        sentences = [(code, text.zh, text.en) for code, text in REJECTS.items()]
        self._connection.execute("CREATE OR REPLACE TEMP TABLE refusal_sentence (code VARCHAR, zh VARCHAR, en VARCHAR)")
        self._connection.executemany("INSERT INTO refusal_sentence VALUES (?, ?, ?)", sentences)

    def _lines(self) -> None:
        """Tables that turn a row's position into a line: malformed lines before it, or its line looked up."""
        run = self._connection.execute
        run(
            f"CREATE OR REPLACE TEMP TABLE line_shift AS SELECT t, max(n) AS n FROM (SELECT line - row_number() OVER "
            f"(ORDER BY line) + 1 AS t, row_number() OVER (ORDER BY line) AS n FROM {MALFORMED}) GROUP BY t"
        )
        run("CREATE OR REPLACE TEMP TABLE row_line (row_number BIGINT, line BIGINT)")
        source = self._source
        if source.newlines is None or source.line_column is not None or source.is_json:
            return
        total = run(f"SELECT count(*) FROM {self._rows}").fetchone()
        assert total is not None
        expected = source.first_line - 1 + int(total[0]) + self._malformed
        if source.newlines in (expected, expected - 1):
            return
        refused = " OR ".join(
            ["row_refusal IS NOT NULL", *(f"s{i}_state = {REFUSED}" for i in range(len(self._records)))]
        )
        rows = run(
            f"SELECT file_row_number FROM {self._rows} WHERE {refused} ORDER BY 1 LIMIT {_PHYSICAL_LINES_LIMIT}"
        ).fetchall()
        found, malformed = physical_lines(source, [int(row[0]) for row in rows])
        if found:
            self._connection.executemany("INSERT INTO row_line VALUES (?, ?)", list(found.items()))
        if len(malformed) == self._malformed and malformed:
            pairs = ", ".join(f"({place}, {line})" for place, line in enumerate(malformed, start=1))
            run(
                f"CREATE OR REPLACE TEMP TABLE {MALFORMED} AS SELECT found.line, raw, message FROM "
                f"(SELECT *, row_number() OVER (ORDER BY line) AS place FROM {MALFORMED}) AS old "
                f"JOIN (VALUES {pairs}) AS found (place, line) USING (place)"
            )


def _instant(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(UTC).isoformat(sep=' ')}'"
