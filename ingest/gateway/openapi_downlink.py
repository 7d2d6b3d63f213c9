"""What the OpenAPI document says of commands.

Belongs here: the operations and schemas of ``…/commands``. Does not belong here: the document itself (``openapi.py``).
"""

from __future__ import annotations

from typing import Any, Final

from ingest.gateway.downlink import MOST_ACKNOWLEDGED
from warehouse.services.downlink_delivery import LONGEST_MESSAGE, MOST_AT_ONCE, REDELIVER_AFTER
from warehouse.services.downlink_queue import KINDS
from warehouse.settings import Settings

_COMMAND: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["command_id", "number", "kind", "subject", "payload", "created_at", "expires_at"],
    "properties": {
        "command_id": {"type": "integer", "description": "Apply each id at most once, however often it comes."},
        "number": {"type": "integer", "description": "Counts the lot's deliveries; the cursor is the highest one."},
        "kind": {"type": "string", "enum": sorted(KINDS), "description": "Ignore and fail kinds you do not know."},
        "subject": {"type": "string", "description": "The next command of a subject comes after this one is finished."},
        "payload": {"type": "object"},
        "created_at": {"type": "string", "format": "date-time"},
        "expires_at": {"type": ["string", "null"], "format": "date-time", "description": "Do not apply it later."},
    },
}
_FETCHED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["commands", "cursor"],
    "properties": {
        "commands": {"type": "array", "maxItems": MOST_AT_ONCE, "items": {"$ref": "#/components/schemas/Command"}},
        "cursor": {"type": "integer", "description": "Ask with it next, after the commands are kept."},
    },
}
_SAID: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["command_id", "result"],
    "properties": {
        "command_id": {"type": "integer", "minimum": 1},
        "result": {"type": "string", "enum": ["applied", "failed"]},
        "message": {
            "type": ["string", "null"],
            "description": f"For people; cut to {LONGEST_MESSAGE} characters.",
        },
        "at": {"type": ["string", "null"], "format": "date-time", "description": "When it was applied; with offset."},
    },
}
_NOTED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["command_id", "outcome", "state"],
    "properties": {
        "command_id": {"type": "integer"},
        "outcome": {
            "type": "string",
            "enum": ["recorded", "known", "not_delivered", "unknown_command"],
            "description": "known: finished before, nothing changed.",
        },
        "state": {"type": ["string", "null"]},
    },
}
DOWNLINK_SCHEMAS: Final[dict[str, Any]] = {
    "Command": _COMMAND,
    "Commands": _FETCHED,
    "Acknowledgement": _SAID,
    "Noted": _NOTED,
}
_LOT: Final[dict[str, Any]] = {"name": "lot_code", "in": "path", "required": True, "schema": {"type": "string"}}
_ERRORS: Final = {
    "400": "A parameter or the body is malformed.",
    "401": "The request is not signed as it must be, or the credential was revoked, also while it waited.",
    "403": "The credential belongs to another lot.",
    "404": "There is no such lot.",
    "429": "The lot asks too often.",
    "503": "Not possible at the moment; ask again later.",
}


def commands_operation(settings: Settings, error: dict[str, Any]) -> dict[str, Any]:
    """GET …/commands."""
    longest = settings.gateway_command_wait_seconds
    return {
        "operationId": "fetchCommands",
        "summary": "Fetch commands; wait for some",
        "description": "Answers at once when there are commands, else when one is queued or the time is over. Commands "
        "of one subject come one after the other. What was given and is not acknowledged comes again when the cursor "
        f"does not cover it, and else after {REDELIVER_AFTER.total_seconds():.0f} s. A lot has one open question: a "
        "newer one ends the older.",
        "parameters": [
            _LOT,
            {
                "name": "after",
                "in": "query",
                "schema": {"type": "integer", "minimum": 0, "default": 0},
                "description": "Cursor of the last answer that was kept; 0 brings all that is unfinished.",
            },
            {
                "name": "wait",
                "in": "query",
                "schema": {"type": "integer", "minimum": 0, "default": longest},
                "description": f"Seconds; more than {longest} counts as {longest}.",
            },
        ],
        "responses": _responses("Commands by number, or none.", "Commands", error),
    }


def acknowledge_operation(error: dict[str, Any]) -> dict[str, Any]:
    """POST …/commands/ack."""
    said = {"type": "array", "maxItems": MOST_ACKNOWLEDGED, "items": {"$ref": "#/components/schemas/Acknowledgement"}}
    schema = {"type": "object", "required": ["commands"], "properties": {"commands": said}}
    return {
        "operationId": "acknowledgeCommands",
        "summary": "Say what became of commands",
        "description": "The first word on a command counts; saying it again changes nothing.",
        "parameters": [_LOT],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _responses("What became of each, in the order sent.", "NotedList", error),
    }


def _responses(text: str, schema: str, error: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"$ref": f"#/components/schemas/{schema}"}
    if schema == "NotedList":
        listed = {"type": "array", "items": {"$ref": "#/components/schemas/Noted"}}
        found = {"type": "object", "required": ["commands"], "properties": {"commands": listed}}
    return {
        "200": {"description": text, "content": {"application/json": {"schema": found}}},
        **{status: {"description": sentence, "content": error} for status, sentence in _ERRORS.items()},
    }
