"""A schema's errors are told in plain words, at their place, without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text.document import Document, parse
from rmqsync.text.schema import Checker

SECRET: dict[str, Any] = {
    "type": "object",
    "properties": {"secret": {"type": "string"}},
    "required": ["secret"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "vhost": {"type": "string"},
        "queues": {"type": "array", "items": {"$ref": "#/$defs/queue"}},
        "users": {"type": "array", "items": {"$ref": "#/$defs/user"}},
        "entries": {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {
                            "state": {"const": "absent"},
                            "name": {"type": "string"},
                        },
                        "required": ["state", "name"],
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "properties": {
                            "state": {"const": "present"},
                            "name": {"type": "string"},
                            "size": {"type": "integer"},
                        },
                        "required": ["state", "name"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
    },
    "$defs": {
        "named": {"properties": {"name": {"type": "string", "minLength": 1, "maxLength": 10}}},
        "queue": {
            "type": "object",
            "allOf": [{"$ref": "#/$defs/named"}],
            "required": ["name"],
            "unevaluatedProperties": False,
            "properties": {
                "durable": {"type": "boolean"},
                "type": {"enum": ["classic", "quorum", "stream"]},
                "max": {"type": "integer", "minimum": 0, "maximum": 100},
                "ratio": {"type": "number", "exclusiveMinimum": 0},
                "routing_key": {"type": "string"},
                "routing_keys": {
                    "type": "array",
                    "items": {"type": "string"},
                    "uniqueItems": True,
                    "minItems": 1,
                },
                "pattern": {"pattern": "^a", "description": "start it with an a"},
                "mode": {"const": "all"},
                "arguments": {"type": "object", "propertyNames": {"maxLength": 4}},
                "either": {"anyOf": [{"type": "integer"}, {"enum": ["max", "min"]}]},
                "hidden": {"type": "integer", "writeOnly": True},
                "forbidden": {"not": {"const": "x"}},
            },
        },
        "user": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "password": {"anyOf": [SECRET, {"type": "string", "maxLength": 3}]},
                "password_hash": {"type": "integer"},
                "uri": {"enum": ["a"]},
                "note": {"enum": ["a"]},
                "salt": {
                    "writeOnly": True,
                    "anyOf": [{"type": "string", "pattern": "^x"}, {"type": "integer"}],
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(SCHEMA)


def explain(checker: Checker, text: str) -> list[Finding]:
    document = parse("f.yaml", text.encode())
    found = checker.findings(document)
    assert checker.accepts(document.data) is not bool(found)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "queues: [{name: a, max: 3, either: max}, {name: b, either: 1, ratio: 0.5}]",
        "users: [{name: a, password: {secret: x}}]",
        "entries: [{state: absent, name: a}, {state: present, name: b, size: 1}]",
    ],
)
def test_what_fits_has_no_findings(checker: Checker, text: str) -> None:
    assert explain(checker, text) == []


QUEUES = {
    "a number for a string": ("name: 5", 9, "'name' must be a string, is 5", "put it in quotes"),
    "a string for a number": (
        "max: '5'", 8, "'max' must be an integer, is the string '5'", "write 5 without quotes",
    ),
    "a float for an integer": ("max: 5.5", 8, "'max' must be an integer, is 5.5", None),
    "a word for a boolean": (
        "durable: yes", 12, "'durable' must be true or false, is the string 'yes'", "write true",
    ),
    "null": ("durable:", 11, "'durable' must be true or false, is null", None),
    "a list": ("max: [1, 2]", 8, "'max' must be an integer, is a list of 2", None),
    "a mapping": ("max: {a: hush}", 8, "'max' must be an integer, is a mapping", None),
    "a wrong choice": (
        "type: qorum", 9, "'type' must be 'classic', 'quorum' or 'stream', is the string 'qorum'",
        "did you mean 'quorum'?",
    ),
    "a constant": ("mode: al", 9, "'mode' must be 'all', is the string 'al'", None),
    "below": ("max: -1", 8, "'max' must be 0 or more, is -1", None),
    "above": ("max: 101", 8, "'max' must be 100 or less, is 101", None),
    "a huge integer": (
        f"max: {10**70}", 8, f"'max' must be 100 or less, is 1{'0' * 58}…", None,
    ),
    "exclusive": ("ratio: 0", 10, "'ratio' must be more than 0, is 0", None),
    "an empty name": ("name: ''", 9, "'name' must not be empty, is the string ''", None),
    "a long name": ("name: abcdefghijk", 9, "'name' must have at most 10 characters, has 11", None),
    "a long text": (
        f"durable: {'x' * 99}", 12, f"'durable' must be true or false, is the string '{'x' * 59}…'",
        None,
    ),
    "an entry of a list": (
        "routing_keys: [a, 1]", 21, "entry 2 of 'routing_keys' must be a string, is 1",
        "put it in quotes",
    ),
    "no entry": (
        "routing_keys: []", 17, "'routing_keys' must not be empty, is an empty list", None,
    ),
    "twice": ("routing_keys: [a, a]", 17, "'routing_keys' holds the same entry twice", None),
    "pattern": ("pattern: b", 12, "'pattern' must match ^a, is the string 'b'",
                "start it with an a"),
    "no branch": (
        "either: mix", 11, "'either' must be an integer, 'max' or 'min', is the string 'mix'", None,
    ),
    "an unknown key": (
        "routng-key: a", 3, "the key 'routng-key' is unknown in entry 1 of 'queues'",
        "did you mean 'routing_key'?",
    ),
    "another spelling": (
        "routing-key: a", 3, "the key 'routing-key' is unknown in entry 1 of 'queues'",
        "did you mean 'routing_key'?",
    ),
    "a bad name of a key": (
        "arguments: {x-abc: 1}", 15, "the key 'x-abc' must have at most 4 characters, has 5", None,
    ),
    "write only": ("hidden: hush", 11, "'hidden' must be an integer, is a string (hidden)", None),
    "forbidden": ("forbidden: x", 14, "'forbidden' must not be as it is: the string 'x'", None),
    "a uri with a password": (
        "max: amqp://u:hush@h", 8, "'max' must be an integer, is a string (hidden)", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "column", "message", "hint"), QUEUES.values(), ids=QUEUES)
def test_each_error_is_told_in_words(
    checker: Checker, line: str, column: int, message: str, hint: str | None
) -> None:
    name = "" if line.startswith("name") else "  name: b\n"
    found = explain(checker, f"queues:\n- {line}\n{name}")

    assert found == [error("RMQ010", message, Origin("f.yaml", 2, column), hint=hint)]


def test_an_unknown_key_far_from_all_names_the_known_ones(checker: Checker) -> None:
    found = explain(checker, "zzzzzz: 1\n")

    assert [str(f) for f in found] == [
        "f.yaml:1:1: the key 'zzzzzz' is unknown; known keys are entries, queues, users and vhost"
    ]


def test_a_missing_key_names_what_may_have_been_meant(checker: Checker) -> None:
    found = explain(checker, "queues:\n- {}\n- nam: a\n")

    assert [str(f) for f in found] == [
        "f.yaml:2:3: entry 1 of 'queues' lacks the key 'name'; add 'name'",
        "f.yaml:3:3: entry 2 of 'queues' lacks the key 'name'; is 'nam' meant to be it?",
        "f.yaml:3:3: the key 'nam' is unknown in entry 2 of 'queues'; did you mean 'name'?",
    ]


def test_only_the_branch_that_was_meant_is_explained(checker: Checker) -> None:
    found = explain(
        checker, "entries:\n- {state: present, name: a, siz: 1}\n- {state: absent}\n- 5"
    )

    assert [str(f) for f in found] == [
        "f.yaml:2:29: the key 'siz' is unknown in entry 1 of 'entries'; did you mean 'size'?",
        "f.yaml:3:3: entry 2 of 'entries' lacks the key 'name'; add 'name'",
        "f.yaml:4:3: entry 3 of 'entries' must be a mapping, is 5",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "password: hush",
        "password: {secret: {x: hush}}",
        "password: {secrt: hush}",
        "password: [hush]",
        "password_hash: hush",
        "uri: hush",
        "salt: hush",
        "note: amqp://hush:hush@host",
    ],
)
def test_secrets_are_never_shown(checker: Checker, line: str) -> None:
    found = explain(checker, f"users:\n- {line}\n")

    assert found
    assert not any("hush" in str(f) for f in found)


def test_the_root_may_be_wrong_too(checker: Checker) -> None:
    assert [str(f) for f in explain(checker, "- a\n")] == [
        "f.yaml:1:1: the file must be a mapping, is a list of 1"
    ]


def test_all_errors_are_reported_in_the_order_of_the_file(checker: Checker) -> None:
    found = explain(checker, "vhost: 1\nqueues:\n" + "- {name: 1, max: x}\n" * 50)

    assert len(found) == 101
    assert [f.order for f in found] == sorted(f.order for f in found)


def test_what_the_fast_checker_cannot_take_is_left_to_the_other(checker: Checker) -> None:
    assert not checker.accepts({"queues": object()})
    assert not checker.accepts({1: "x"})


def test_findings_may_have_another_code(checker: Checker) -> None:
    document = Document("settings", {"vhost": 1})

    found = checker.findings(document, code="RMQ011")

    assert [(f.code, f.source) for f in found] == [("RMQ011", Origin("settings"))]
