"""The schemas that editors and the program check with."""

from pathlib import Path

import jsonschema
import pytest

from rmqsync.kinds import KINDS
from rmqsync.loading.schema import (
    definitions_checker,
    definitions_schema,
    inherited_fields,
    schema_files,
)

FOLDER = Path(__file__).parents[2] / "schemas"
SCHEMA = definitions_schema(KINDS)


@pytest.mark.parametrize(("name", "text"), schema_files().items(), ids=list(schema_files()))
def test_the_files_are_as_the_tables_say(name, text):
    """Else: `rmqsync schema --write schemas/`."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def nodes(value, path=()):
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from nodes(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from nodes(inner, (*path, number))


def test_every_field_is_described():
    bare = [
        f"{name}.{field}"
        for name, entry in SCHEMA["$defs"].items()
        for field, schema in entry["properties"].items()
        if "description" not in schema
    ]

    assert bare == []


def test_every_default_fits():
    validators = [
        (path, jsonschema.Draft202012Validator({**node, "$defs": SCHEMA["$defs"]}), node["default"])
        for path, node in nodes(SCHEMA)
        if "default" in node and path[-1:] != ("properties",)
    ]

    assert validators
    assert [
        path for path, validator, default in validators if not validator.is_valid(default)
    ] == []


def test_secrets_are_never_shown_back():
    passwords = [
        field
        for field, schema in SCHEMA["$defs"]["user"]["properties"].items()
        if schema.get("writeOnly")
    ]

    assert passwords == ["password", "password_hash"]


@pytest.mark.parametrize(
    "data",
    [
        {"queues": [{"name": "q", "durable": None, "arguments": None}]},
        {"queues": [{"name": "q", "omit": True}, {"name": "r", "state": "absent"}]},
        {"queues": [{"name": "q", "on_change": "migrate"}]},
        {"users": [{"name": "u", "password": {"secret": "s"}}]},
        {"users": [{"name": "u", "limits": []}, {"name": "v", "limits": {"max-channels": 1}}]},
        {"global_parameters": [{"name": "x", "value": {"secret": "s"}}]},
        {"shovels": [{"name": "s", "src-uri": [{"secret": "a"}, "amqp://"]}]},
        {"vhosts": [{"name": "v", "queues": [{"name": "q", "bindings": [{"source": "e"}]}]}]},
        {"parameters": [{"component": "new", "name": "x", "value": [1, None]}]},
    ],
    ids=str,
)
def test_it_accepts(data):
    assert definitions_checker(KINDS).accepts(data)


@pytest.mark.parametrize(
    "data",
    [
        {"queues": [{}]},
        {"queues": [{"name": None}]},
        {"queues": [{"name": "q", "durabel": True}]},
        {"queues": [{"name": "q", "durable": {"secret": "s"}}]},
        {"queues": [{"name": "q", "bindings": [{"source": "e", "destination": "q"}]}]},
        {"policies": [{"name": "p", "on_change": "recreate"}]},
        {"vhosts": [{"name": "v", "users": []}]},
        {"vhosts": [{"name": "v", "queues": [{"name": "q", "vhost": "v"}]}]},
        {"users": [{"name": "u", "password": {"secret": "s", "x": 1}}]},
        {"queue": []},
        [],
    ],
    ids=str,
)
def test_it_refuses(data):
    assert not definitions_checker(KINDS).accepts(data)


def test_nested_entries_get_their_place_from_their_parent():
    assert inherited_fields(KINDS["queue"], 0) == {"vhost", "destination", "destination_type"}
