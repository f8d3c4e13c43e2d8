"""A compiled set as text and back: the same set, down to where each value is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.app.memory import Memory
from rmqsync.loading.compile import LayerFile, Options, compile_layers
from rmqsync.loading.compiled import Compiled
from rmqsync.loading.remembered import key_of, remembered, text_of
from rmqsync.model.address import Pattern
from rmqsync.model.definitions import refs
from rmqsync.repo.compiled_store import CompiledFolder
from rmqsync.repo.files import digest

WARNED = """
vhosts: [{name: shop}]
exchanges: [{vhost: shop, name: ex.order, type: topic, on_change: recreate}]
queues:
  - vhost: shop
    name: qu.order
    arguments: {x-max-length: 12345678901234567890, x: 1.0, y: [1, true, null, "ä"]}
    bindings:
      - {source: ex.order, routing_key: "#"}
      - {source: amq.topic, routing_key: a, arguments: {b: 1}}
  - {vhost: shop, name: qu.gone, state: absent}
users:
  - name: crm
    password_hash: ""
    permissions: [{vhost: shop, configure: "", write: "", read: ".*"}]
removed: [{address: "queue:shop/qu.old", when: drained, allow_loss: messages}]
policies: [{vhost: shop, name: p, pattern: ".*", definition: {dead-letter-exchange: nowhere}}]
events: {order: [order.viporder.delivery.onDelivered]}
"""


def layer(*texts: str) -> list[tuple[str, list[LayerFile]]]:
    files = [
        LayerFile(f"base/{number}.yaml", text.encode(), digest(text.encode()))
        for number, text in enumerate(texts)
    ]
    return [("base", files)]


def compiled(layers: Any, options: Options | None = None) -> Compiled:
    found = compile_layers(layers, options or Options())
    assert isinstance(found, Compiled)
    return found


def check_same(one: Compiled, other: Compiled) -> None:
    assert repr(other.rows) == repr(one.rows)
    for name in ("absent", "on_change", "removed", "findings", "extra", "open_references"):
        assert getattr(other, name) == getattr(one, name), name
    assert (other.dangling, other.asks_context) == (one.dangling, one.asks_context)
    assert other.context.version == one.context.version
    assert other.context.default_queue_types == one.context.default_queue_types
    for ref in refs(one.rows):
        assert other.source(ref) == one.source(ref)


def test_all_that_planning_asks_for_comes_back() -> None:
    layers = layer(WARNED)
    first = compiled(layers, Options(version=(4, 0, 5)))
    asked: list[bool] = []

    def again() -> Compiled:
        asked.append(True)
        return compiled(layers, Options(version=(4, 0, 5)))

    found = remembered(text_of(first), again)

    assert found is not None
    assert first.findings
    assert first.open_references or first.dangling
    assert not asked
    check_same(first, found)
    assert asked == [True]


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda name: not name.startswith("amq.") and len(name.encode()) < 200
)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | names,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=5))
def test_names_and_values_come_back_as_they_were(queues: dict[str, Any]) -> None:
    document = {
        "vhosts": [{"name": "shop"}],
        "exchanges": [
            {"vhost": "shop", "name": name, "type": "topic", "arguments": arguments}
            for name, arguments in queues.items()
        ],
    }
    layers = layer(yaml.safe_dump(document, allow_unicode=True))
    try:
        first = compiled(layers)
    except Exception:  # what does not compile is not remembered
        return

    found = remembered(text_of(first), lambda: compiled(layers))

    assert found is not None
    check_same(first, found)


def test_a_damaged_text_is_no_set() -> None:
    text = text_of(compiled(layer(WARNED)))

    def never() -> Compiled:
        raise AssertionError

    assert remembered(text, never) is not None
    for broken in ("", text[:-1], text.replace("qu.order", "qu.arder", 1), "x" + text, "\n{}"):
        assert remembered(broken, never) is None


FILES = ((0, "base/a.yaml", "d1"), (1, "site/a.yaml", "d2"))


@pytest.mark.parametrize(
    ("files", "options", "build"),
    [
        (FILES[:1], Options(), "b"),
        (((0, "base/a.yaml", "d3"), FILES[1]), Options(), "b"),
        (((1, "base/a.yaml", "d1"), FILES[1]), Options(), "b"),
        (FILES, Options(vars={"a": "1"}), "b"),
        (FILES, Options(default_vhost="v"), "b"),
        (FILES, Options(version=(4, 0, 0)), "b"),
        (FILES, Options(secrets={}), "b"),
        (FILES, Options(secrets={"a": (Pattern("user:a"),)}), "b"),
        (FILES, Options(scope_vhosts=("a",)), "b"),
        (FILES, Options(scope_kinds=("queue",)), "b"),
        (FILES, Options(own_user="me"), "b"),
        (FILES, Options(), "c"),
    ],
)
def test_whatever_changes_the_set_changes_its_key(files: Any, options: Options, build: str) -> None:
    assert key_of(FILES, Options(), "b") == key_of(FILES, Options(), "b")
    assert key_of(files, options, build) != key_of(FILES, Options(), "b")


def large() -> list[tuple[str, list[LayerFile]]]:
    queues = "".join(f"  - {{vhost: shop, name: qu.order.number.{n}}}\n" for n in range(6000))
    return layer(f"vhosts: [{{name: shop}}]\nqueues:\n{queues}")


def test_the_next_process_does_not_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CompiledFolder(lambda: str(tmp_path / "data"))
    first = Memory(store)
    layers = large()
    before = first.compiled("one", layers, Options())
    first.keep()
    monkeypatch.setattr("rmqsync.app.memory.compile_layers", None)

    after = Memory(store).compiled("one", layers, Options())

    assert after.rows == before.rows
    (kept,) = (tmp_path / "data" / "compiled").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x\n{}", b"[" * 100_000])
def test_what_is_kept_may_be_damaged(tmp_path: Path, content: bytes) -> None:
    store = CompiledFolder(lambda: str(tmp_path))
    first = Memory(store)
    before = first.compiled("one", large(), Options())
    first.keep()
    (kept,) = (tmp_path / "compiled").iterdir()
    kept.write_bytes(content)

    after = Memory(store).compiled("one", large(), Options())

    assert after.rows == before.rows


def test_plain_secrets_are_never_kept(tmp_path: Path) -> None:
    memory = Memory(CompiledFolder(lambda: str(tmp_path)))

    memory.compiled("one", large(), Options(allow_plain_secrets=True))
    memory.keep()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "compiled").write_text("a file in its place")
    memory = Memory(CompiledFolder(lambda: str(tmp_path)))

    memory.compiled("one", large(), Options())
    memory.keep()

    assert (tmp_path / "compiled").read_text() == "a file in its place"


def test_what_was_used_longest_ago_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rmqsync.repo.compiled_store.KEPT_BYTES", 25)
    store = CompiledFolder(lambda: str(tmp_path))
    for name in ("a", "b"):
        store.save(name, "0123456789")

    for age, name in ((200, "b"), (100, "a")):
        path = tmp_path / "compiled" / f"{name}.json"
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    store.load("b")

    store.save("c", "0123456789")

    assert sorted(path.stem for path in (tmp_path / "compiled").iterdir()) == ["b", "c"]
