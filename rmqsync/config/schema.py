"""The JSON Schema of `rmqsync.yaml`, made from the tables that the parser uses."""

from __future__ import annotations

from rmqsync.config.settings import SETTINGS
from rmqsync.model.values import JsonValue


def settings_schema() -> dict[str, JsonValue]:
    """Return the schema, draft 2020-12, with the meaning and the default of every key."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rmqsync settings",
        "description": "Connections, secrets by reference, and rules: rmqsync.yaml.",
    } | SETTINGS.schema()
