"""
JSON Schema (draft 2020-12) of a definitions file, made from the field tables of all kinds.

The program checks with it and editors complete by it. An entry may be one layer of several, so only
its identity is required, and every other field may be `null`, which removes what an earlier layer
wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from rmqsync.config.schema import settings_schema
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.fields import Field, OnChange, Presence, Secrecy
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Loss
from rmqsync.model.definitions import OnChangeRule, When
from rmqsync.text.schema import Checker

Schema = dict[str, Any]

HEADER_KEYS = {
    "rabbit_version": "RabbitMQ version that wrote this export.",
    "rabbitmq_version": "RabbitMQ version that wrote this export.",
    "product_name": "Name of the product that wrote this export.",
    "product_version": "Version of the product that wrote this export.",
    "rabbitmq_definition_format": "Form of this export: cluster or single_virtual_host.",
    "original_cluster_name": "Cluster that this export is of.",
    "original_vhost_name": "Vhost that this export is of, and that its objects are in.",
    "explanation": "What the broker says of this export.",
}
EXPORT_KEYS = {
    "metadata": "Of the vhost, in a broker's export of one vhost.",
    "description": "Of the vhost, in a broker's export of one vhost.",
    "limits": "Of the vhost, in a broker's export of one vhost.",
    "default_queue_type": "Of the vhost, in a broker's export of one vhost.",
}
"""Keys that are accepted, and unused, in a file with a version header only."""

EXTRA_KEYS = ("events", "routing_tests", "conventions")

_SECRET: Schema = {
    "title": "secret",
    "description": "A secret of rmqsync.yaml, by its name.",
    "type": "object",
    "properties": {"secret": {"type": "string", "minLength": 1, "description": "Its name."}},
    "required": ["secret"],
    "additionalProperties": False,
}
_META: Schema = {
    "omit": {
        "const": True,
        "description": "Leave out this object, which an earlier layer declares.",
    },
    "state": {
        "const": "absent",
        "description": "This object must not exist: it is deleted, under all guards.",
    },
}
_ON_CHANGE: Schema = {
    "enum": [rule.value for rule in OnChangeRule],
    "default": OnChangeRule.REFUSE.value,
    "description": "What a change of a field that the broker cannot change in place may do.",
}
META_KEYS = (*_META, "on_change")


def definitions_schema(kinds: Registry) -> Schema:
    """Return the schema of one file of a layer."""
    defs: Schema = {"secret": _SECRET}
    properties: Schema = {
        "$schema": {"type": "string", "description": "Where editors find this schema."},
        "vhost": {
            "type": "string",
            "description": "The vhost of every object in this file that names none.",
        },
    }
    for kind in kinds:
        if kind.section:
            properties[kind.section] = _entries(_define(defs, kinds, kind), kind)
    properties["removed"] = _REMOVED
    properties |= _EXTRA
    properties |= {name: {"description": text} for name, text in HEADER_KEYS.items()}
    properties["original_vhost_name"]["type"] = "string"
    for name, text in EXPORT_KEYS.items():
        properties.setdefault(name, {"description": text})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rmqsync definitions",
        "description": "Objects of a RabbitMQ cluster, in the words of its definitions export.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": dict(sorted(defs.items())),
    }


def schema_text(kinds: Registry = KINDS) -> str:
    """Return the schema as the text of `definitions.schema.json`."""
    return _text(definitions_schema(kinds))


def schema_files() -> dict[str, str]:
    """Return the text of every file in `schemas/`, by name."""
    return {
        "definitions.schema.json": schema_text(),
        "rmqsync.schema.json": _text(settings_schema()),
    }


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@lru_cache(maxsize=8)
def definitions_checker(kinds: Registry) -> Checker:
    return Checker(definitions_schema(kinds))


@lru_cache(maxsize=256)
def entry_checker(kinds: Registry, kind: str, inherited: frozenset[str]) -> Checker:
    """Return the check of one entry by itself, without what is nested in it."""
    schema = _entry(kinds[kind], inherited)
    return Checker({**schema, "$defs": {"secret": _SECRET}})


def inherited_fields(parent: Kind, number: int) -> frozenset[str]:
    """Return the fields that entries nested in one of `parent` get from it."""
    nested = parent.nested[number]
    return frozenset(nested.inherit(dict(parent.example)))


def _entries(name: str, kind: Kind) -> Schema:
    return {
        "type": ["array", "null"],
        "items": {"$ref": f"#/$defs/{name}"},
        "description": f"{kind.label.capitalize()} entries.",
    }


def _define(
    defs: Schema,
    kinds: Registry,
    kind: Kind,
    parent: str = "",
    inherited: frozenset[str] = frozenset(),
) -> str:
    """Put the schema of an entry into `defs`, with all that it nests; return its name."""
    name = f"{kind.name}_in_{parent}" if parent else kind.name
    if name in defs:
        return name
    schema = defs[name] = _entry(kind, inherited)
    properties = schema["properties"]
    for number, nested in enumerate(kind.nested):
        child = kinds[nested.kind]
        target = _define(defs, kinds, child, kind.name, inherited_fields(kind, number))
        if nested.many:
            properties[nested.field] = _entries(target, child)
        else:
            properties[nested.field] = _one_entry(target, child)
    if kind.hosts_vhost_kinds:
        for child in kinds:
            if child.in_vhost and child.section:
                target = _define(defs, kinds, child, kind.name, frozenset({"vhost"}))
                properties[child.section] = _entries(target, child)
    return name


def _one_entry(name: str, kind: Kind) -> Schema:
    return {
        "anyOf": [
            {"$ref": f"#/$defs/{name}"},
            {"type": "array", "maxItems": 0},  # how a broker writes that there are none
            {"type": "null"},
        ],
        "description": f"{kind.label.capitalize()}, as one mapping.",
    }


def _entry(kind: Kind, inherited: frozenset[str]) -> Schema:
    properties: Schema = {}
    if kind.in_vhost and "vhost" not in inherited:
        properties["vhost"] = {
            "type": "string",
            "description": "Vhost that it is in; left out: as the file says.",
        }
    required = []
    for one in kind.identity:
        if one.name not in inherited:
            properties[one.name] = _described(one)
            if one.default is Presence.REQUIRED:
                required.append(one.name)
    for one in kind.fields:
        if one.name not in inherited:
            properties[one.name] = _nullable(one)
    for name, schema in kind.extra_schema.items():
        if name not in inherited:
            properties.setdefault(name, schema)
    properties |= _META
    if any(one.on_change is OnChange.REPLACE for one in kind.fields):
        properties["on_change"] = _ON_CHANGE
    return {
        "title": kind.label,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _described(one: Field) -> Schema:
    schema = dict(one.schema)
    if not isinstance(one.default, Presence):
        schema["default"] = one.default
    return schema


def _nullable(one: Field) -> Schema:
    schema = _described(one)
    if one.secret is Secrecy.URI:
        schema = _with_secret_items(schema)
    branches: list[Schema] = [{"$ref": "#/$defs/secret"}] if one.secret is not Secrecy.NONE else []
    if branches or not _take_null(schema):
        about: Schema = {n: schema.pop(n) for n in ("description", "default") if n in schema}
        schema = {"anyOf": [schema, *branches, {"type": "null"}], **about}
    if one.secret is Secrecy.VALUE:
        schema["writeOnly"] = True
    return schema


def _with_secret_items(schema: Schema) -> Schema:
    """Let every entry of a list, of URIs, be a secret of its own."""
    secret = {"$ref": "#/$defs/secret"}
    if schema.get("type") == "array" and "items" in schema:
        return {**schema, "items": {"anyOf": [schema["items"], secret]}}
    if "anyOf" in schema:
        return {**schema, "anyOf": [_with_secret_items(dict(one)) for one in schema["anyOf"]]}
    return schema


def _take_null(schema: Schema) -> bool:
    """Let a schema that says so plainly accept `null`; tell whether that was possible."""
    types = schema.get("type")
    if "enum" in schema:
        if "type" in schema:
            return False
        schema["enum"] = [*schema["enum"], None]
    elif isinstance(types, str):
        schema["type"] = [types, "null"]
    elif isinstance(types, list):
        schema["type"] = [*dict.fromkeys((*types, "null"))]
    else:
        return not _restricts(schema)
    return True


def _restricts(schema: Iterable[str]) -> bool:
    return any(name not in ("title", "description", "default", "examples") for name in schema)


def null_is_a_value(one: Field) -> bool:
    """Tell whether `null` in this field means null, since the field takes any value."""
    return not _restricts(one.schema) or "null" in one.schema.get("type", ())  # type: ignore[operator]


_REMOVED: Schema = {
    "type": ["array", "null"],
    "description": "How to retire objects that are no longer declared.",
    "items": {
        "type": "object",
        "properties": {
            "address": {
                "type": "string",
                "description": "The one object, as in plans: queue:common/qu.old",
            },
            "when": {
                "enum": [when.value for when in When],
                "default": When.EMPTY.value,
                "description": "Delete at once if empty, or unbind now and delete once drained.",
            },
            "allow_loss": {
                "enum": [loss.word for loss in Loss],
                "description": "The worst that this deletion may do.",
            },
            "keep": {
                "const": True,
                "description": "Stop managing the object and leave it be.",
            },
        },
        "required": ["address"],
        "additionalProperties": False,
    },
}
_EXTRA: Schema = {
    "events": {
        "type": ["array", "object", "null"],
        "description": "The catalogue of routing keys that the business publishes.",
        "items": {"type": ["string", "object"]},
    },
    "routing_tests": {
        "type": ["array", "null"],
        "description": "Unit tests of the topology: where a message must go.",
        "items": {"type": "object"},
    },
    "conventions": {
        "type": ["object", "null"],
        "description": "Rules of lint: which hold here, and how severe they are.",
    },
}
