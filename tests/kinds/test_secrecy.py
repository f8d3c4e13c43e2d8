from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.credentials import has_credentials
from rmqsync.kinds.secrecy import SENSITIVE, is_sensitive, plain_secrets, redact

URI = "amqp://me:hush@host"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("amqp://me:pw@host/%2F", True),
        ("amqps://me@host", True),
        ("amqp://host/v", False),
        ("amqp://", False),
        ("amqps://host?certfile=/a&password=pw", True),
        ("amqps://host/v?password=pw", True),
        ("amqps://host?password=", False),
        ("me:pw@host", False),
        ("https://host/path@elsewhere", False),
        (["amqp://host", {"deep": URI}], True),
        (5, False),
    ],
)
def test_which_uris_hold_credentials(value: object, expected: bool) -> None:
    assert has_credentials(value) is expected


@pytest.mark.parametrize(
    ("kind", "entry", "paths"),
    [
        pytest.param("user", {"name": "u", "password": "hush"}, [("password",)], id="password"),
        pytest.param("user", {"name": "u", "password": {"secret": "p"}}, [], id="by secret"),
        pytest.param("user", {"name": "u", "password_hash": "kI3G"}, [], id="hash"),
        pytest.param("user", {"name": "u", "password": ""}, [], id="empty: another error"),
        pytest.param("shovel", {"src-uri": URI, "dest-uri": "amqp://"}, [("src-uri",)], id="uri"),
        pytest.param("shovel", {"src-uri": ["amqp://", URI]}, [("src-uri", 1)], id="in a list"),
        pytest.param("shovel", {"value": {"src-uri": URI}}, [("value", "src-uri")], id="raw"),
        pytest.param(
            "parameter", {"value": {"a": [{"b": URI}]}}, [("value", "a", 0, "b")], id="at depth"
        ),
        pytest.param("vhost_limit", {"value": {}}, [], id="none there"),
        pytest.param("queue", {"arguments": {"own": URI}}, [("arguments", "own")], id="anywhere"),
        pytest.param(
            "vhost",
            {"name": "v", "shovels": [{"src-uri": URI}], "limits": {}},
            [],
            id="nested entries are asked for themselves",
        ),
    ],
)
def test_secrets_in_clear(kind: str, entry: dict[str, Any], paths: list[Any]) -> None:
    assert list(plain_secrets(KINDS[kind], entry)) == paths


@pytest.mark.parametrize(
    ("kind", "path", "value", "shown"),
    [
        ("user", ("password",), "hush", SENSITIVE),
        ("user", ("password_hash",), "", SENSITIVE),
        ("user", ("tags",), ["a"], ["a"]),
        ("shovel", ("src-uri",), "amqp://host", "amqp://host"),
        ("shovel", ("src-uri",), URI, SENSITIVE),
        ("shovel", ("src-uri",), {"secret": "x"}, SENSITIVE),
        ("shovel", ("src-uri",), ["amqp://host", URI], ["amqp://host", SENSITIVE]),
        ("parameter", ("value",), {"a": {"b": URI, "c": 1}}, {"a": {"b": SENSITIVE, "c": 1}}),
        ("parameter", ("value",), {"password": "hush"}, {"password": SENSITIVE}),
        ("parameter", ("value", "api_key"), "hush", SENSITIVE),
        ("global_parameter", ("value",), {"max-tokens": 5}, {"max-tokens": 5}),
        ("queue", ("arguments",), {"own": URI}, {"own": SENSITIVE}),
        ("queue", ("arguments",), {"password": "shown"}, {"password": "shown"}),
    ],
)
def test_what_is_shown(kind: str, path: tuple[str, ...], value: Any, shown: Any) -> None:
    assert redact(KINDS[kind], path, value) == shown
    assert not is_sensitive(KINDS[kind], path, shown) or shown == SENSITIVE
