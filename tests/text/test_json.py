"""JSON is read as `json` reads it, with lines and places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.model.findings import Origin
from rmqsync.text.document import parse

TEXT = """\
{
  "rabbit_version": "4.3.0",
  "queues": [
    {"name": "a", "arguments": {"x": [1,
      2]}},

    {"name": "b{\\"", "arguments": {}}
  ],
  "empty": [ ], "also": {},
  "global": {"k": {"l": 1}}
}
"""


def test_lines_of_sections_and_elements_are_known() -> None:
    document = parse("f.json", TEXT.encode())
    data = document.data

    assert [document.line(node) for node in (data, data["queues"], *data["queues"])] == [1, 3, 4, 7]
    assert [document.line(data[key]) for key in ("empty", "also", "global")] == [9, 9, 10]


def test_lines_of_what_is_deeper_are_found_when_asked_for() -> None:
    document = parse("f.json", TEXT.encode())

    assert document.line(document.data["queues"][0]["arguments"]["x"]) == 4
    assert document.line(document.data["global"]["k"]) == 10
    assert document.line({}) == 0


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        ((), False, 1, 1),
        (("queues",), False, 3, 13),
        (("queues",), True, 3, 3),
        (("queues", 0, "arguments", "x", 1), False, 5, 7),
        (("queues", 1, "name"), False, 7, 14),
        (("queues", 1, "arguments"), True, 7, 22),
        (("queues", 1, "nothing", "here"), False, 7, 5),
        (("queues", 9), False, 3, 3),
        (("queues", "x"), False, 3, 3),
        (("nothing",), True, 1, 1),
        (("global", "k", "l"), False, 10, 25),
    ],
)
def test_places_are_exact_or_of_the_nearest_ancestor(
    path: tuple[str | int, ...], key: bool, line: int, column: int
) -> None:
    document = parse("f.json", TEXT.encode())

    assert document.locate(path, key=key) == Origin("f.json", line, column)


def test_json_in_a_file_of_another_name_is_json() -> None:
    assert parse("f.yaml", b'{"a": "\\ud83d\\ude00", "b": "\x7f"}').data == {"a": "😀", "b": "\x7f"}


def test_yaml_in_brackets_is_yaml() -> None:
    assert parse("f.yaml", b"{a: 1, b: [x]}").data == {"a": 1, "b": ["x"]}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(2**100)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=400)
@given(VALUES, st.sampled_from([None, 0, 1, 2]), st.booleans())
def test_any_json_is_read_as_python_reads_it(data: Any, indent: int | None, escape: bool) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=escape)
    document = parse("f.json", text.encode())

    assert repr(document.data) == repr(data)
    check(document.data, text, document, ())


def check(value: Any, text: str, document: Any, path: tuple[str | int, ...]) -> None:
    """At each place stands what was read, judged by `json`'s own decoder."""
    where = document.locate(path)
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: where.line - 1]) + where.column - 1
    found, _ = json.JSONDecoder().raw_decode(text, offset)
    assert repr(found) == repr(value)
    if isinstance(value, dict):
        assert document.line(value) == where.line
        for key, inner in value.items():
            check(inner, text, document, (*path, key))
    elif isinstance(value, list):
        assert document.line(value) == where.line
        for number, inner in enumerate(value):
            check(inner, text, document, (*path, number))
