"""What is remembered between plans is used when it still holds, and only then."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from rmqsync.app.memory import Memory
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import LayerFile, Options
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Action
from rmqsync.model.definitions import Live
from rmqsync.planning.rules import Rules

_FILE = "vhosts: [{name: shop}]\nusers: [{name: crm, password: {secret: word}}]\n"
_HASH = "zLFc5Kkxo7HUFIqrqxDjnKRYDXIuY8UVYoyNPDHwE9xkBfUD"


def _layers(text: str = _FILE) -> list[tuple[str, list[LayerFile]]]:
    content = text.encode()
    return [("base", [LayerFile("base/a.yaml", content, hashlib.sha1(content).hexdigest())])]


def _live(*vhosts: str) -> Live:
    user = {"name": "crm", "password_hash": _HASH, "tags": []}
    document = {"vhosts": [{"name": name} for name in vhosts], "users": [user]}
    return Live(rows_of_export(document), "4.3.6", requests=5)


def test_the_same_files_are_compiled_once_for_all_clusters() -> None:
    memory = Memory()

    one = memory.compiled("sh", _layers(), Options())
    other = memory.compiled("bj", _layers(), Options())

    assert one is other


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param(_FILE + "\n", Options(), id="other files"),
        pytest.param(_FILE, Options(vars={"a": "b"}), id="other options"),
    ],
)
def test_what_is_not_the_same_is_compiled_anew(text: str, options: Options) -> None:
    memory = Memory()
    one = memory.compiled("sh", _layers(), Options())

    other = memory.compiled("sh", _layers(text), options)

    assert one is not other


def test_the_same_files_in_another_layer_are_compiled_anew() -> None:
    memory = Memory()
    ((_, files),) = _layers()
    one = memory.compiled("sh", [("base", files)], Options())

    other = memory.compiled("sh", [("empty", []), ("base", files)], Options())

    assert one is not other


def test_equal_patterns_are_equal_options() -> None:
    memory = Memory()
    secrets = [{"word": (Pattern("user:*"),)} for _ in range(2)]

    first, second = (memory.compiled("sh", _layers(), Options(secrets=one)) for one in secrets)

    assert first is second


def test_an_unchanged_cluster_is_compared_once() -> None:
    memory, context, rules = Memory(), Context(), Rules()
    desired, live = memory.compiled("sh", _layers(), Options()), _live("shop")
    once = memory.compared("sh", desired, live, context, rules)

    again = memory.compared("sh", desired, replace(live, requests=3), replace(context), rules)

    assert again is once


_OTHERS = {
    "read anew": {"live": _live("shop")},
    "context": {"context": Context(version=(4, 0, 0))},
    "rules": {"rules": Rules(excludes=(Pattern("*"),))},
    "secret": {"context": Context(secret=lambda _: "x")},
}


@pytest.mark.parametrize("other", _OTHERS.values(), ids=_OTHERS)
def test_whatever_a_comparison_looked_at_makes_another(other: dict[str, Any]) -> None:
    memory = Memory()
    desired = memory.compiled("sh", _layers(), Options())
    given: dict[str, Any] = {"live": _live("shop"), "context": Context(), "rules": Rules()}
    once = memory.compared("sh", desired, **given)

    again = memory.compared("sh", desired, **given | other)

    assert again is not once


def test_another_version_of_the_same_rows_is_compared_anew() -> None:
    memory, context, rules = Memory(), Context(), Rules()
    desired, live = memory.compiled("sh", _layers(), Options()), _live("shop")
    once = memory.compared("sh", desired, live, context, rules)

    again = memory.compared("sh", desired, replace(live, version="4.3.7"), context, rules)

    assert again is not once


def test_a_secret_that_changed_is_a_change() -> None:
    memory, rules = Memory(), Rules()
    desired, live = memory.compiled("sh", _layers(), Options()), _live("shop")
    unset = memory.compared("sh", desired, live, Context(), rules)

    found = memory.compared("sh", desired, live, Context(secret=lambda _: "x"), rules)

    assert [change.action for change in unset.draft.changes] == []
    assert [change.action for change in found.draft.changes] == [Action.UPDATE]
