"""The published shape of every event: JSON Schema, made from the structs that the program reads them with."""

from typing import Any

import msgspec

from traderbot.infra.events.journal import Meta
from traderbot.model.events import EVENT_TYPES

_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 in hex."}
_TIME = {"type": "integer", "description": "Microseconds since 1970, UTC."}


def event_schemas() -> dict[str, Any]:
    """One JSON Schema of an event with its envelope: `$defs` has the data of each type under its name."""
    kinds = sorted(EVENT_TYPES.items())
    types = [*(kind for _, kind in kinds), Meta]
    _, parts = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    choices = [
        {
            "properties": {
                "type": {"const": name},
                "schema_version": {"const": kind.schema},
                "data": {"$ref": f"#/$defs/{name}"},
            }
        }
        for name, kind in kinds
    ]
    fields: dict[str, Any] = {
        "position": {"type": "integer", "minimum": 1, "description": "Its place among all events."},
        "stream": {"type": "string"},
        "version": {"type": "integer", "minimum": 1, "description": "Its number in its stream."},
        "type": {"type": "string", "enum": [name for name, _ in kinds]},
        "schema_version": {"type": "integer", "minimum": 0},
        "data": {"type": "object"},
        "metadata": {"$ref": "#/$defs/Meta"},
        "effective_at": {"anyOf": [_TIME, {"type": "null"}]},
        "recorded_at": _TIME,
        "prev_hash": _HASH,
        "hash": _HASH,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event",
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "oneOf": choices,
        "$defs": parts,
    }
