"""Refused records: what is still open, one in full, and replaying them, corrected or not.

Belongs here: reading ``raw.rejected_record`` and answering it. The table is append-only: a replay that succeeds adds a
row that says so, one that fails with another payload adds the new refusal; either closes the row it answers.
Does not belong here: the way of a replayed row, which is that of a new one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from ingest import live_state
from ingest.files.catalogue import load_profile, profile_names
from ingest.files.contract_files import ContractFile
from ingest.files.loader import kept_profile
from ingest.files.lots import known_lots
from ingest.files.profile import FileSection, Profile
from ingest.files.reading import exact_key_paths, json_lines, json_path
from ingest.files.staging import Origin, Stage
from ingest.landing import LandingRequest, land
from ingest.records.batch import LotContext
from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.raw_tables import REJECTED_COLUMNS
from warehouse.settings import Settings

_OPEN: Final = (
    f"SELECT refused.* FROM {LAKE}.raw.rejected_record AS refused WHERE refused.replay_state IS NULL AND NOT EXISTS "
    f"(SELECT 1 FROM {LAKE}.raw.rejected_record AS answer WHERE answer.replay_of = refused.reject_id)"
)
_CONTRACT: Final = "http"


@dataclass(frozen=True)
class OpenReject:
    """A refused record that no replay has answered yet."""

    reject_id: str
    lot: str | None
    lot_id: int | None
    kind: str | None
    record_id: str | None
    code: str
    reason_zh: str
    reason_en: str
    received_at: datetime
    source: str | None
    name: str | None
    profile: str | None
    line: int | None
    payload: str

    def as_json(self) -> dict[str, Any]:
        """For programs and for correction: ``payload`` as JSON where it is JSON."""
        try:
            payload: Any = json.loads(self.payload)
        except (ValueError, TypeError):
            payload = self.payload
        return asdict(self) | {"received_at": self.received_at.isoformat(), "payload": payload}


@dataclass(frozen=True)
class ReplaySummary:
    """What a replay did, in refused records."""

    replayed: int
    accepted: int
    still_refused: int
    skipped: int


def open_rejects(
    settings: Settings,
    *,
    lot_code: str | None = None,
    code: str | None = None,
    ids: Sequence[str] | None = None,
    limit: int | None = None,
) -> list[OpenReject]:
    """Open refusals, newest first; only those of a lot, a code, or with the given ids."""
    lots = known_lots(settings)
    by_id = {lot.lot_id: lot.code for lot in lots.values()}
    conditions = ["true"]
    parameters: list[object] = []
    if lot_code is not None:
        conditions.append("lot_id = ?")
        parameters.append(lots[lot_code].lot_id if lot_code in lots else -1)
    if code is not None:
        conditions.append("code = ?")
        parameters.append(code)
    if ids is not None:
        conditions.append("list_contains(?, reject_id)")
        parameters.append(list(ids))
    columns = (
        "reject_id, lot_id, kind, record_id, code, reason_zh, reason_en, received_at, source, name, profile, "
        "line, payload"
    )
    connection = open_lake(settings, read_only=True)
    try:
        rows = connection.execute(
            f"SELECT {columns} FROM ({_OPEN}) WHERE {' AND '.join(conditions)} "
            f"ORDER BY received_at DESC, name, line, reject_id {'' if limit is None else f'LIMIT {int(limit)}'}",
            parameters,
        ).fetchall()
    finally:
        connection.close()
    return [OpenReject(row[0], by_id.get(row[1]), *row[1:]) for row in rows]


def reject(settings: Settings, reject_id: str) -> OpenReject:
    """One open refusal by its id or an unambiguous beginning of it.

    Raises:
        ParkError: none, or several.
    """
    found = [one for one in open_rejects(settings) if one.reject_id.startswith(reject_id)]
    if len(found) != 1:
        raise ParkError(
            zh=f"编号 {reject_id!r} 对应 {len(found)} 条未处理的拒收记录；用 park rejects list 查看",
            en=f"{len(found)} open refused records have an id that begins with {reject_id!r}; see park rejects list",
            code="unknown_reject",
        )
    return found[0]


def read_corrections(path: Path) -> dict[str, str]:
    """Corrected payloads by reject id, from NDJSON lines with ``reject_id`` and ``payload``.

    Raises:
        ParkError: the file cannot be read, or a line has no ``reject_id`` or ``payload``.
    """
    corrections: dict[str, str] = {}
    number = 0
    try:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            number += 1
            if not line.strip():
                continue
            item = json.loads(line)
            payload = item["payload"]
            corrections[item["reject_id"]] = (
                payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        where = f"{path}" if isinstance(error, OSError) else f"{path}:{number}"
        raise ParkError(
            zh=f"更正文件 {where} 无法使用（{error!r}）：每行应为含 reject_id 和 payload 的 JSON 对象",
            en=f"corrections {where} cannot be used ({error!r}): each line is a JSON object with reject_id and payload",
            code="bad_corrections",
        ) from error
    return corrections


def replay(
    settings: Settings,
    rejects: Sequence[OpenReject],
    *,
    corrections: dict[str, str] | None = None,
    profile: Profile | None = None,
    now: datetime | None = None,
) -> ReplaySummary:
    """Send refused records through the same way again.

    Args:
        settings: names the stores.
        rejects: what to replay.
        corrections: payloads that replace the stored ones, by reject id.
        profile: used instead of the one the rows were refused by.
        now: time of receipt (aware); the present when None.

    Raises:
        ParkError: a profile is not to be found any more.
    """
    moment = now or datetime.now(UTC)
    corrections = corrections or {}
    groups: dict[tuple[str, str | None], list[OpenReject]] = {}
    skipped = 0
    for one in rejects:
        payload = corrections.get(one.reject_id, one.payload)
        if payload is None or not payload.lstrip().startswith("{"):
            skipped += 1  # a line that could not be split: only a corrected payload can be replayed
            continue
        groups.setdefault((one.profile or _CONTRACT, one.lot), []).append(one)
    accepted = refused = 0
    for (reference, lot_code), group in groups.items():
        chosen = _profile(settings, reference, profile)
        done, failed = _replay_group(settings, chosen, reference, lot_code, group, corrections, moment)
        accepted, refused = accepted + done, refused + failed
    return ReplaySummary(len(rejects) - skipped, accepted, refused, skipped)


def _profile(settings: Settings, reference: str, given: Profile | None) -> Profile | None:
    if reference == _CONTRACT:
        return None
    if given is not None:
        return given
    kept = kept_profile(settings, reference)
    name = reference.partition("@")[0]
    if kept is None and name in profile_names():
        kept = load_profile(name)
    if kept is None:
        raise ParkError(
            zh=f"找不到来源配置 {reference}；请用 --profile 指定",
            en=f"source profile {reference} is not to be found; name one with --profile",
            code="unknown_profile",
        )
    return kept


def _replay_group(
    settings: Settings,
    profile: Profile | None,
    reference: str,
    lot_code: str | None,
    group: list[OpenReject],
    corrections: dict[str, str],
    now: datetime,
) -> tuple[int, int]:
    lots = known_lots(settings)
    lot = lots.get(lot_code) if lot_code else None
    payloads = [corrections.get(one.reject_id, one.payload) for one in group]
    connection = open_lake(settings)
    root = settings.home / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="replay-", dir=root) as folder:
            spool = Path(folder)
            lines = spool / "payloads.ndjson"
            lines.write_text(
                "".join(payload.replace("\n", " ").replace("\r", " ") + "\n" for payload in payloads), encoding="utf-8"
            )
            identity = sha256(
                json.dumps([reference, now.isoformat(), [one.reject_id for one in group], payloads]).encode()
            ).hexdigest()
            origin = Origin(
                now, f"replay:{identity[:16]}", f"replay {group[0].name or ''}".strip(), reference, f"replay:{identity}"
            )
            staged = _staged(connection, profile, lines, spool, origin, lot, lots)
            return _answer(connection, settings, staged, group, corrections, origin)
    finally:
        connection.close()


def _staged(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile | None,
    lines: Path,
    spool: Path,
    origin: Origin,
    lot: LotContext | None,
    lots: dict[str, LotContext],
) -> Stage | ContractFile:
    if profile is None or profile.file.format == "records":
        contract = ContractFile(connection, spool, origin)
        contract.run(lines, lots, lot, with_payload=True)
        return contract
    # Refused rows are kept as objects of their columns, whatever the format of their file was.
    was_json = profile.file.format in ("json", "ndjson")
    rows = profile.model_copy(update={"file": FileSection(format="ndjson")})
    names = profile.used_columns()
    source = json_lines(lines, {name: _path(name, was_json) for name in names})
    stage = Stage(connection, rows, source, spool, origin)
    by_column = lot is None and profile.lot.column is not None
    if lot is None and not by_column:
        raise ParkError(
            zh=f"配置 {profile.name} 没有停车场列，无法确定这些记录的停车场",
            en=f"profile {profile.name} names no lot column, and these rows belong to no known lot",
            code="lot_needed",
        )
    stage.run(lot, lots, may_have_controls=True, has_bad_bytes=True)
    return stage


def _path(name: str, was_json: bool) -> str:
    return json_path(name) if was_json else exact_key_paths([name])[name]


def _answer(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    staged: Stage | ContractFile,
    group: list[OpenReject],
    corrections: dict[str, str],
    origin: Origin,
) -> tuple[int, int]:
    """Land what was accepted and close those refusals; one whose payload did not change stays as it is."""
    counts = staged.counts()
    asked = pa.table(
        {
            "asked_line": pa.array(range(1, len(group) + 1), pa.int64()),
            "asked_id": pa.array([one.reject_id for one in group], pa.string()),
            "asked_origin": pa.array([one.line for one in group], pa.int64()),
            "asked_name": pa.array([one.name for one in group], pa.string()),
            "asked_kind": pa.array([one.kind for one in group], pa.string()),
            "asked_lot": pa.array([one.lot_id for one in group], pa.int64()),
            "asked_record": pa.array([one.record_id for one in group], pa.string()),
            "asked_code": pa.array([one.code for one in group], pa.string()),
            "asked_payload": pa.array([corrections.get(one.reject_id, one.payload) for one in group], pa.string()),
            "is_corrected": pa.array([one.reject_id in corrections for one in group], pa.bool_()),
        }
    )
    connection.register("asked_rows", asked)
    connection.execute("CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM asked_rows")
    connection.unregister("asked_rows")
    refused = staged.rejected() if counts.rejected else None
    # A row refused as an entry may give an exit too; only the record that was refused is asked for here.
    failed = (
        "SELECT NULL::BIGINT AS line, NULL::VARCHAR AS code, NULL::VARCHAR AS reason_zh, NULL::VARCHAR AS reason_en, "
    )
    failed += "NULL::VARCHAR AS kind, NULL::VARCHAR AS record_id WHERE false"
    if refused is not None:
        failed = f"SELECT line, code, reason_zh, reason_en, kind, record_id FROM {refused} AS refused"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE failed AS SELECT asked.*, failed.* FROM asked "
        f"JOIN ({failed}) AS failed ON failed.line = asked_line "
        "AND (asked_kind IS NULL OR failed.kind IS NULL OR failed.kind = asked_kind) "
        "QUALIFY row_number() OVER (PARTITION BY asked_id ORDER BY failed.kind) = 1"
    )
    row = connection.execute("SELECT count(*) FROM failed").fetchone()
    assert row is not None
    still_refused = int(row[0])
    done = len(group) - still_refused
    changed = connection.execute("SELECT count(*) FROM failed WHERE is_corrected").fetchone()
    assert changed is not None
    if done == 0 and changed[0] == 0:
        return 0, still_refused
    line = staged.line_of_batch_row("kept.batch_row")
    tables = {
        kind: f"(SELECT kept.* FROM {relation} AS kept JOIN asked ON asked_line = {line} "
        f"WHERE (asked_kind IS NULL OR asked_kind = '{kind}') AND asked_id NOT IN (SELECT asked_id FROM failed))"
        for kind, relation in staged.tables().items()
    }
    request = LandingRequest(
        batch_id=origin.batch_id,
        source=origin.source,
        name=origin.name,
        source_rows=len(group),
        accepted=counts.accepted,
        marked=counts.marked,
        rejected=int(changed[0]),
    )
    land(connection, settings, request, tables, _answers(origin))
    live_state.apply(settings, connection, tables)
    return done, still_refused


def _answers(origin: Origin) -> str:
    """Rows for ``raw.rejected_record``: one for each refusal closed, and the new refusals of corrected payloads."""
    at = f"TIMESTAMPTZ '{origin.received_at.isoformat(sep=' ')}'"
    shared = {"received_at": at, "source": f"'{origin.source}'", "name": "asked_name"}
    profile = "CAST(NULL AS VARCHAR)" if origin.profile == _CONTRACT else "'" + origin.profile.replace("'", "''") + "'"
    new_id = f"left(sha256('{origin.batch_id}' || ':' || asked_id), 20) AS reject_id"
    closed = {
        "lot_id": "asked_lot",
        "kind": "asked_kind",
        "record_id": "asked_record",
        "code": "asked_code",
        "reason_zh": "'重放成功'",
        "reason_en": "'replayed'",
        "payload": "asked_payload",
        "replay_state": "'accepted'",
    }
    again = closed | {
        "kind": "coalesce(kind, asked_kind)",
        "record_id": "coalesce(record_id, asked_record)",
        "code": "code",
        "reason_zh": "reason_zh",
        "reason_en": "reason_en",
        "replay_state": "CAST(NULL AS VARCHAR)",
    }

    def select(values: dict[str, str], source: str) -> str:
        values = values | shared | {"profile": profile, "line": "asked_origin", "replay_of": "asked_id"}
        names = [name for name in REJECTED_COLUMNS if name not in ("reject_id", "batch_seq")]
        return f"SELECT {new_id}, {', '.join(f'{values[name]} AS {name}' for name in names)} FROM {source}"

    return (
        f"({select(closed, 'asked WHERE asked_id NOT IN (SELECT asked_id FROM failed)')} UNION ALL "
        f"{select(again, 'failed WHERE is_corrected')})"
    )
