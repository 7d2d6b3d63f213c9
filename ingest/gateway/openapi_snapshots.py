"""What the OpenAPI document says of pictures.

Belongs here: the operation ``…/snapshots``. Does not belong here: the document itself (``openapi.py``).
"""

from __future__ import annotations

from typing import Any, Final

from ingest.gateway.snapshots import COST_RECORDS, MOST_PIXELS
from warehouse.codes import codes
from warehouse.settings import Settings

_KEPT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["record_id", "content_hash", "content_type", "size_bytes", "marks"],
    "properties": {
        "record_id": {"type": "string", "description": "Of the record of kind snapshot that the cloud made."},
        "content_hash": {"type": "string", "description": "Hex SHA-256 of the picture."},
        "content_type": {"type": "string", "enum": ["image/jpeg", "image/png"]},
        "size_bytes": {"type": "integer"},
        "marks": {"type": "array", "items": {"type": "string"}},
    },
}
_ERRORS: Final = {
    "401": "The request is not signed as it must be, is stale, or was sent before.",
    "403": "The credential belongs to another lot.",
    "404": "There is no such lot.",
    "413": "The picture is too large.",
    "415": "The content is neither JPEG nor PNG.",
    "422": "The picture is damaged, or too wide and high, or its record is not accepted.",
    "429": "The lot sends too fast.",
    "503": "Not stored, through no fault of the request; send the same picture again later.",
}


def snapshot_operation(settings: Settings, error: dict[str, Any]) -> dict[str, Any]:
    """PUT …/snapshots/{kind}/{record_id}."""
    picture = {"schema": {"type": "string", "format": "binary"}}
    return {
        "operationId": "putSnapshot",
        "summary": "Upload the picture of a record",
        "description": f"At most {settings.gateway_max_snapshot_bytes} bytes and {MOST_PIXELS} pixels. Sending the "
        "same picture of the same record again changes nothing. "
        f"Counts as {COST_RECORDS} records against the lot's rate.",
        "parameters": [
            {"name": "lot_code", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "kind",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "enum": list(codes("record_kind"))},
                "description": "Kind of the record that the picture belongs to.",
            },
            {"name": "record_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "at",
                "in": "query",
                "schema": {"type": "string"},
                "description": "When it was taken, as times of records are written; now when left out.",
            },
        ],
        "requestBody": {"required": True, "content": {"image/jpeg": picture, "image/png": picture}},
        "responses": {
            "200": {
                "description": "Picture and record are on disk.",
                "content": {"application/json": {"schema": _KEPT}},
            },
            **{status: {"description": text, "content": error} for status, text in _ERRORS.items()},
        },
    }
