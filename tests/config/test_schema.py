"""The schema says what the parser does, as judged by jsonschema."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rmqsync.config.schema import settings_schema
from rmqsync.model.errors import InvalidDefinitions
from tests.config import reading

SCHEMA: Any = settings_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

FULL: dict[str, Any] = {
    "source": {"git": "https://h/r", "branch": "b", "path": "p", "token": {"env": "T"}},
    "secrets": {"s": {"env": "S", "for": ["user:s"]}, "t": {"file": "t", "for": ["shovel:*/*"]}},
    "include": [],
    "defaults": {"every": "5m", "vars": {"a": "b"}, "scope": {"vhosts": ["*"]}},
    "clusters": {
        "c": {
            "endpoints": ["https://h:1", "http://i/x"],
            "username": "u",
            "password": {"env": "P"},
            "tls": {"ca": "x", "cert": "x", "key": "x", "verify": True},
            "amqp": ["amqps://h:5671", {"file": "f"}],
            "lock": {"vhost": "/", "required": False},
            "layers": ["a", "b/c"],
            "vars": {"a": "b"},
            "nodes": ["rabbit@a"],
            "mode": "apply",
            "windows": [{"cron": "0 2 * * *", "for": "2h", "timezone": "UTC"}],
            "prune": "owned",
            "allow_loss": "access",
            "max_deletes": {"share": 0.5, "objects": 1, "bindings": 0},
            "owner": "main",
            "ignore": ["queue:*/tmp.*"],
            "protect": ["vhost:*"],
        },
        "d": {"endpoints": ["file:x"], "layers": ["a"], "cron": "* * * * *"},
    },
    "daemon": {
        "bind": "127.0.0.1:8080",
        "history": {"env": "H"},
        "tokens": {"x": {"env": "X", "can": ["plan"]}},
        "webhooks": {"github": {"env": "G"}},
        "grace": "25s",
    },
    "notify": [{"url": {"env": "A"}, "on": ["drift"], "clusters": ["*"]}],
}

Path = tuple[str | int, ...]

VALUES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 0.5, 2.5, "", "x", "X y", "../x", "/x", "5m", "60s", "0s"),
        *(
            "apply",
            "all",
            "none",
            "messages",
            "owned",
            "heal",
            "https://h",
            "http://u:p@h",
            "file:x",
        ),
        *("amqp://h", "* * * * *", "user:x", "*", "a@b", "1.2.3.4:5", "[::1]:80", ":80", "UTC"),
        *([], ["x"], ["x", "x"], ["user:x"], ["drift", "held"], [None], [1], ["file:x"]),
        *({}, {"env": "A"}, {"file": "x"}, {"env": "A", "file": "x"}, {"env": None}, {"x": "y"}),
        *({"env": "A", "file": None}, {"a": "b"}, {"git": "x"}, {"cron": "0 0 * * *", "for": "1h"}),
    ]
)
NAMES = st.sampled_from(
    [
        "x",
        "a b",
        "every",
        "cron",
        "source",
        "prune_kinds",
        "on_drift",
        "git_may_allow",
        "for",
        "env",
    ]
)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """All places in `value`, outermost first."""
    if not isinstance(value, (dict, list)):
        return [path]
    below = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(p for key, member in below for p in paths(member, (*path, key)))]


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """`FULL` with a few values replaced, added or taken away."""
    document = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from(paths(document)[1:]))
        place: Any = document
        for part in way:
            place = place[part]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                place[last] = copy.deepcopy(draw(VALUES))
            case "remove":
                del place[last]
            case "add" if isinstance(place, dict):
                place[draw(NAMES)] = copy.deepcopy(draw(VALUES))
    return document


def accepts(document: dict[str, Any]) -> bool:
    try:
        reading.settings(json.dumps(document))
    except InvalidDefinitions:
        return False
    return True


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_full_document_fits_both() -> None:
    assert list(VALIDATOR.iter_errors(FULL)) == []
    assert accepts(FULL)


@given(mutants())
@settings(max_examples=300)
def test_what_the_parser_accepts_the_schema_does_too(document: dict[str, Any]) -> None:
    """An editor must not mark what the program takes."""
    if accepts(document):
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@given(mutants())
@settings(max_examples=100)
def test_every_error_has_a_place_and_no_text_stops_the_parser(document: dict[str, Any]) -> None:
    try:
        reading.settings(json.dumps(document))
    except InvalidDefinitions as invalid:
        for finding in invalid.findings:
            assert finding.source is not None
            assert finding.source.line == 1


def described(schema: Any, path: str = "") -> list[str]:
    """Keys that have no description."""
    missing = []
    for key, entry in schema.get("properties", {}).items():
        if (
            "const" not in entry
            and path.rpartition(".")[2] != "oneOf"
            and not entry.get("description")
        ):
            missing.append(f"{path}.{key}")
    for key, below in schema.items():
        if key == "properties":
            for name, entry in below.items():
                missing += described(entry, f"{path}.{name}")
        elif key in ("additionalProperties", "items") and isinstance(below, dict):
            missing += described(below, f"{path}.{key}")
        elif key == "anyOf":
            for entry in below:
                missing += described(entry, f"{path}.{key}")
    return missing


def test_every_key_is_described() -> None:
    assert described(SCHEMA) == []


def defaults(schema: Any) -> dict[str, Any]:
    """A document of all defaults that a table of the schema names."""
    result = {}
    for key, entry in schema["properties"].items():
        if "default" in entry:
            result[key] = entry["default"]
        elif "object" in entry.get("type", ()) and "properties" in entry:
            result[key] = defaults(entry)
    return result


def test_writing_out_all_defaults_changes_nothing() -> None:
    cluster = {
        "endpoints": ["http://h"],
        "username": "u",
        "password": {"env": "P"},
        "layers": ["a"],
    }
    table = SCHEMA["properties"]["clusters"]["additionalProperties"]
    written = {key: value for key, value in defaults(table).items() if key != "source"}
    top = {
        key: value for key, value in defaults(SCHEMA).items() if key not in ("source", "defaults")
    }
    assert {"allow_loss", "max_deletes", "scope", "tls", "prune"} <= written.keys()
    assert top["daemon"]["keep_runs"] == "90d"

    short = reading.settings(json.dumps({"clusters": {"c": cluster}}))
    long = reading.settings(json.dumps(top | {"clusters": {"c": written | cluster}}))

    assert long == short
