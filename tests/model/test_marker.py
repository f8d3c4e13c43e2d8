"""The marker: what is written comes back, and nothing else gets in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.model.marker import Entry, Marker, Outstanding, Stop, digest_of, is_digest_of
from rmqsync.model.marker_reading import NotAMarker, read_marker, scope_in

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
hexes = st.text("0123456789abcdef", min_size=40, max_size=40)
folders = st.sampled_from([".", "base", "sites/north", "Wien/Süd"])
entries = st.builds(
    Entry,
    commit=st.none() | hexes,
    tree=hexes,
    path=folders,
    layers=st.lists(folders, max_size=3).map(tuple),
    vars=st.dictionaries(texts, texts, max_size=2),
    at=st.none() | texts,
    run=st.none() | texts,
    taken=st.lists(texts, max_size=2).map(tuple),
)
stops = st.builds(Stop, texts, st.none() | texts, st.none() | texts, st.none() | texts)
outstanding = st.builds(Outstanding, entries, st.lists(texts, max_size=2).map(tuple))
markers = st.builds(
    Marker,
    version=texts,
    cluster=texts,
    members=st.lists(texts, max_size=3).map(tuple),
    repository=st.none() | hexes,
    scope_vhosts=st.lists(texts, max_size=3).map(tuple),
    scope_kinds=st.lists(texts, max_size=3).map(tuple),
    rabbitmq_version=st.none() | texts,
    adopted=st.booleans(),
    applied=st.none() | entries,
    running=st.none() | entries,
    runs=st.lists(entries, max_size=2).map(tuple),
    outstanding=st.lists(outstanding, max_size=2).map(tuple),
    secrets=st.dictionaries(texts, st.just(digest_of("x", "00" * 8)), max_size=2),
    paused=st.none() | stops,
    pinned=st.none() | stops,
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def read(value: Any) -> Marker | None:
    """Return the marker, or `None` where it is refused; whatever else is raised is a mistake."""
    try:
        return read_marker(value)
    except NotAMarker:
        return None


@given(markers)
def test_a_marker_comes_back_as_it_was(marker: Marker) -> None:
    assert read_marker(marker.document()) == marker


def test_what_was_in_line_with_nothing_comes_back_as_that() -> None:
    marker = Marker("1", "one", outstanding=(Outstanding(None, ("queue:v/q",)),))

    waiting = {"absent": {"entry": None, "addresses": ["queue:v/q"]}}
    assert marker.document()["outstanding"] == waiting
    assert read_marker(marker.document()) == marker


def test_nothing_that_waits_is_lost_where_several_were_in_line_with_nothing() -> None:
    document = Marker("1", "one").document()
    document["outstanding"] = {
        "absent": {"entry": None, "addresses": ["queue:v/q"]},
        "absent/2": {"entry": None, "addresses": ["queue:v/r"]},
    }

    found = read_marker(document)

    assert found.outstanding == (Outstanding(None, ("queue:v/q", "queue:v/r")),)
    assert read_marker(found.document()) == found


@given(values)
def test_anything_is_a_marker_or_is_not(value: Any) -> None:
    found = read(value)

    assert found is None or read(found.document()) == found


@given(markers, st.data())
def test_a_marker_with_one_wrong_value_is_read_or_refused(marker: Marker, data: Any) -> None:
    document = marker.document()
    name = data.draw(st.sampled_from(sorted(document)))
    document[name] = data.draw(values)

    found = read(document)

    assert found is None or read(found.document()) == found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 2}, "understands 1"),
        ({"format": True}, "no format"),
        ({"cluster": ""}, "cluster"),
        ({"members": "a"}, "members"),
        ({"repository": "main"}, "repository"),
        ({"applied": {"tree": "0" * 40, "path": "../x", "layers": []}}, "leaves the repository"),
        ({"applied": {"tree": "0" * 40, "path": "/x", "layers": []}}, "leaves the repository"),
        ({"applied": {"tree": "HEAD", "path": "x", "layers": []}}, "tree"),
        ({"applied": {"commit": "--all", "tree": "0" * 40, "path": "x"}}, "commit"),
        ({"secrets": {"user:a": "plain"}}, "secrets"),
        ({"members": ["x"] * 100_001}, "members"),
    ],
)
def test_what_is_wrong_is_told(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(NotAMarker, match=words):
        read_marker({**Marker("1", "one").document(), **changed})


def test_lists_and_mappings_that_the_broker_mixes_up_are_read() -> None:
    """The broker stores an empty object as an empty list in places."""
    mixed = {**Marker("1", "one").document(), "secrets": [], "members": {}, "outstanding": []}

    assert read_marker(mixed) == Marker("1", "one")


def test_the_scope_of_a_newer_marker_can_be_read() -> None:
    document = {**Marker("1", "one", scope_vhosts=("a*",)).document(), "format": 99}

    assert scope_in(document) == (("a*",), ("*",))
    with pytest.raises(NotAMarker):
        scope_in({"scope": 1})


def test_a_digest_tells_a_value_from_others_and_not_what_it_is() -> None:
    digest = digest_of({"password_hash": "abc"}, "0123456789abcdef")

    assert is_digest_of(digest, {"password_hash": "abc"})
    assert not is_digest_of(digest, {"password_hash": "abd"})
    assert digest != digest_of({"password_hash": "abc"}, "0123456789abcdee")
