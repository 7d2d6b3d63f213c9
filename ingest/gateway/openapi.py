"""The OpenAPI document of the upload interface, made from the rules of the record contract.

Belongs here: the description of addresses, headers, answers and record kinds. Does not belong here: any rule of its
own: fields, limits and codes come from ``ingest/records/rules.py`` and the code sets.
"""

from __future__ import annotations

from typing import Any, Final

from ingest.gateway.keyring import KEY_SECONDS
from ingest.gateway.openapi_downlink import DOWNLINK_SCHEMAS, acknowledge_operation, commands_operation
from ingest.gateway.openapi_snapshots import snapshot_operation
from ingest.records import rules
from ingest.records.kinds import STRUCTS
from ingest.records.verdicts import MARKS, REJECTS
from warehouse.codes import codes
from warehouse.settings import Settings

_ERROR_ANSWER: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_ERRORS: Final = {
    "400": "The body is malformed, cut short or badly compressed.",
    "401": "The request is not signed as it must be, is stale, or was sent before.",
    "403": "The credential belongs to another lot.",
    "404": "There is no such lot.",
    "408": "The body did not arrive in time.",
    "413": "The body or the batch is too large.",
    "415": "Content-Type or Content-Encoding is not supported.",
    "429": "The lot sends too fast; Retry-After says when to send again.",
    "503": "Not stored, through no fault of the request; send the same records again later.",
}


def document(settings: Settings) -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    reference = "#/components/schemas/"
    kinds = {kind: _kind_schema(kind) for kind in rules.FIELDS}
    record = {
        "oneOf": [{"$ref": reference + kind} for kind in kinds],
        "discriminator": {"propertyName": "kind", "mapping": {kind: reference + kind for kind in kinds}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "停车云 ParkCloud gateway",
            "version": rules.VERSION,
            "description": "Lots upload what happens. Records are identified by (lot, kind, record_id); a higher "
            "revision replaces a lower one, and sending a record again changes nothing, so that every failed upload "
            "may simply be repeated with a new nonce and signature. A record that is answered 200 is on disk.",
        },
        "security": [{"key": [], "timestamp": [], "nonce": [], "signature": []}],
        "paths": {
            "/v1/lots/{lot_code}/records": {"post": _upload(settings, reference)},
            "/v1/lots/{lot_code}/commands": {"get": commands_operation(settings, _ERROR_ANSWER)},
            "/v1/lots/{lot_code}/commands/ack": {"post": acknowledge_operation(_ERROR_ANSWER)},
            "/v1/lots/{lot_code}/snapshots/{kind}/{record_id}": {"put": snapshot_operation(settings, _ERROR_ANSWER)},
            "/v1/openapi.json": {"get": _open("This document.", "application/json", {"type": "object"})},
            "/health": {"get": _open("State and backlog; 503 while uploads cannot be stored.", "application/json", {})},
            "/metrics": {"get": _open("Prometheus metrics.", "text/plain", {"type": "string"})},
        },
        "components": {
            "securitySchemes": {
                "key": _header("X-Park-Key", f"Key id; a revoked one ends within {KEY_SECONDS:.0f} seconds."),
                "timestamp": _header(
                    "X-Park-Timestamp",
                    f"Unix seconds, at most {settings.gateway_clock_tolerance_seconds} s away from the server's time.",
                ),
                "nonce": _header("X-Park-Nonce", "16 to 64 letters, digits or _ . ~ -; new for each request."),
                "signature": _header(
                    "X-Park-Signature",
                    "Hex HMAC-SHA256 with the secret over method, path (with ? and the query when there is one), "
                    "timestamp, nonce and the hex SHA-256 of the body as sent, joined by newlines.",
                ),
            },
            "schemas": kinds
            | DOWNLINK_SCHEMAS
            | {"Record": record, "Verdict": _VERDICT, "Answer": _answer(reference), "Error": _ERROR},
        },
    }


_VERDICT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["index", "verdict", "marks"],
    "properties": {
        "index": {"type": "integer", "description": "Position of the record in the batch, from 0."},
        "kind": {"type": ["string", "null"]},
        "record_id": {"type": ["string", "null"]},
        "verdict": {"type": "string", "enum": ["marked", "rejected"]},
        "marks": {"type": "array", "items": {"type": "string", "enum": sorted(MARKS)}},
        "code": {"type": ["string", "null"], "enum": [*sorted(REJECTS), None]},
        "reason_zh": {"type": ["string", "null"]},
        "reason_en": {"type": ["string", "null"]},
    },
}
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["code", "zh", "en"],
    "properties": {
        "code": {"type": "string", "description": "Stable; programs may match it."},
        "zh": {"type": "string"},
        "en": {"type": "string"},
        "server_time": {"type": "integer", "description": "Unix seconds; with refused timestamps."},
        "retry_after_seconds": {"type": "integer"},
        "limit_bytes": {"type": "integer"},
    },
}


def _answer(reference: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["accepted", "marked", "rejected", "records"],
        "properties": {
            "accepted": {"type": "integer", "description": "Records taken without remark."},
            "marked": {"type": "integer", "description": "Records taken with marks."},
            "rejected": {"type": "integer", "description": "Records refused; they are kept aside and can be replayed."},
            "records": {
                "type": "array",
                "description": "One entry per marked or rejected record.",
                "items": {"$ref": reference + "Verdict"},
            },
        },
    }


def _header(name: str, description: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


def _open(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "security": [],
        "responses": {"200": {"description": description, "content": {media_type: {"schema": schema}}}},
    }


def _upload(settings: Settings, reference: str) -> dict[str, Any]:
    example = {"records": [_example(kind) for kind in ("entry", "charge")]}
    return {
        "operationId": "uploadRecords",
        "summary": "Upload a batch of records",
        "description": f"At most {settings.gateway_max_batch_records} records and "
        f"{settings.gateway_max_body_bytes} bytes after decompression. "
        "Each record is judged by itself; one bad record never stops its batch.",
        "parameters": [
            {"name": "lot_code", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "Content-Encoding",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "enum": ["gzip", "zstd"]},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["records"],
                        "properties": {
                            "records": {
                                "type": "array",
                                "maxItems": settings.gateway_max_batch_records,
                                "items": {"$ref": reference + "Record"},
                            }
                        },
                    },
                    "example": example,
                },
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "One record per line, each as in Record."}
                },
            },
        },
        "responses": {
            "200": {
                "description": "Every record has its verdict and is on disk.",
                "content": {"application/json": {"schema": {"$ref": reference + "Answer"}}},
            },
            **{status: {"description": text, "content": _ERROR_ANSWER} for status, text in _ERRORS.items()},
        },
    }


def _kind_schema(kind: str) -> dict[str, Any]:
    fields = rules.fields(kind)
    return {
        "type": "object",
        "description": (STRUCTS[kind].__doc__ or "").strip(),
        # A void needs no more than this; what an upsert needs besides is said in each field's description.
        "required": ["kind", *(name for name, field in rules.COMMON_FIELDS.items() if field.required)],
        "properties": {
            "kind": {"const": kind},
            **{name: _field_schema(name, field) for name, field in fields.items()},
        },
    }


def _field_schema(name: str, field: rules.Field) -> dict[str, Any]:
    notes: list[str] = []
    schema: dict[str, Any]
    match field.type:
        case "text" | "plate":
            schema = {"type": ["string", "null"], "maxLength": field.limit}
        case "code" | "method":
            schema = {"type": ["string", "null"], "enum": [*codes(field.code_set), None]}
            if field.on_unknown != "reject" and field.type == "code":
                notes.append("An unknown code is marked, not refused.")
        case "codes":
            schema = {
                "type": ["array", "string", "null"],
                "items": {"type": "string", "enum": list(codes(field.code_set))},
            }
        case "money":
            schema = {"type": ["string", "number", "null"]}
            notes.append('Yuan, at most two decimals; send it as text such as "12.50".')
        case "time":
            schema = {"type": ["string", "null"], "pattern": f"^{rules.TIME_PATTERN}$"}
            notes.append("RFC 3339 with offset, or the wall clock of the lot's zone without one.")
        case "integer":
            schema = {"type": ["integer", "null"], "minimum": field.range[0], "maximum": field.range[1]}
        case "boolean":
            schema = {"type": ["boolean", "null"]}
        case "payments":
            part = {
                "method": {"type": "string", "enum": list(codes("method"))},
                "amount": {"type": ["string", "number"]},
            }
            schema = {
                "type": ["array", "null"],
                "items": {"type": "object", "required": ["method", "amount"], "properties": part},
            }
    if field.required and name not in rules.COMMON_FIELDS:
        notes.append("Required unless op is void.")
    if name in rules.DEFAULTS:
        schema["default"] = rules.DEFAULTS[name]
    return schema | ({"description": " ".join(notes)} if notes else {})


def _example(kind: str) -> dict[str, Any]:
    common = {"kind": kind, "record_id": f"{kind}-20260501-000127", "occurred_at": "2026-05-01T08:30:00+08:00"}
    if kind == "entry":
        return common | {"plate": "粤B12345", "vehicle_class": codes("vehicle_class")[0], "gate_id": "G1"}
    return common | {
        "plate": "粤B12345",
        "receivable": "15.00",
        "discount": "5.00",
        "waived": "0.00",
        "received": "10.00",
        "method": "wechat",
        "booth": "A",
    }
