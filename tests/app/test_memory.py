"""What is remembered between plans is used when it still holds, and only then."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from rmqsync.app.memory import Compared, Memory
from rmqsync.kinds.base import Context
from rmqsync.loading.compile import LayerFile, Options
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Action
from rmqsync.model.definitions import Desired, Live
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


def _compared(
    memory: Memory, desired: Desired, live: Live, context: Context, rules: Rules
) -> Compared:
    return memory.compared("sh", desired, live, context, rules)


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
    once = _compared(memory, desired, live, context, rules)

    again = _compared(memory, desired, replace(live, requests=3), replace(context), rules)

    assert again is once


Change = Callable[[Live, Context, Rules], tuple[Live, Context, Rules]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda live, c, r: (_live("shop"), c, r), id="read anew"),
        pytest.param(lambda live, c, r: (replace(live, version="4.3.7"), c, r), id="version"),
        pytest.param(lambda live, c, r: (live, replace(c, version=(4, 0, 0)), r), id="context"),
        pytest.param(lambda live, c, r: (live, c, Rules(excludes=(Pattern("*"),))), id="rules"),
        pytest.param(lambda live, c, r: (live, Context(secret=lambda _: "x"), r), id="secret"),
    ],
)
def test_whatever_a_comparison_looked_at_makes_another(change: Change) -> None:
    memory, context, rules = Memory(), Context(), Rules()
    desired, live = memory.compiled("sh", _layers(), Options()), _live("shop")
    once = _compared(memory, desired, live, context, rules)

    again = _compared(memory, desired, *change(live, context, rules))

    assert again is not once


def test_a_secret_that_changed_is_a_change() -> None:
    memory, rules = Memory(), Rules()
    desired, live = memory.compiled("sh", _layers(), Options()), _live("shop")
    unset = _compared(memory, desired, live, Context(), rules)

    found = _compared(memory, desired, live, Context(secret=lambda _: "x"), rules)

    assert [change.action for change in unset.draft.changes] == []
    assert [change.action for change in found.draft.changes] == [Action.UPDATE]
