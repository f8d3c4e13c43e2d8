"""YAML is read by the 1.2 core schema, with lines, by both readers alike."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.text import yamlevents, yamllines
from rmqsync.text.document import Document, parse


def read(text: str) -> Any:
    return parse("f.yaml", text.encode()).data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("1:20", "1:20"),
        ("2001-01-01", "2001-01-01"),
        ("1_000", "1_000"),
        ("0b101", "0b101"),
        ("=", "="),
        ("<<", "<<"),
        ("+", "+"),
        ("-", [None]),
        (".", "."),
        ("1e", "1e"),
        ("0x", "0x"),
        ("0o8", "0o8"),
        ("-0x1F", "-0x1F"),
        ("nan", "nan"),
        ("true", True),
        ("True", True),
        ("tRue", "tRue"),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("Null", None),
        ("", None),
        ("0o17", 15),
        ("0x1F", 31),
        ("007", 7),
        ("-12", -12),
        ("+12", 12),
        ("1", 1),
        ("1.0", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("-0.0", -0.0),
        (str(2**200), 2**200),
        ("'1'", "1"),
        ('"1"', "1"),
        ("''", ""),
        ("!!str 1", "1"),
        ("!!int '5'", 5),
        ("!!float 1", 1.0),
        ("! 1", "1"),
        ("'it''s'", "it's"),
        (r'"a\\b\"c"', 'a\\b"c'),
        (r'"\u00e9\n"', "é\n"),
        ("ex.order.#", "ex.order.#"),
        ("a #b", "a"),
        ("amqps://h:5671/%2F?x=1#f", "amqps://h:5671/%2F?x=1#f"),
        ("中文 名", "中文 名"),
        ("{}", {}),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
        ("|\n    x\n    y\n", "x\ny\n"),
        (">-\n    x\n    y\n", "x y"),
        ("x\n    y", "x y"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    found = read(f"k: {text}\n" if text != "-" else "k:\n- \n")

    assert repr(found) == repr({"k": value})


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "\ufeff"])
def test_a_file_without_a_value_is_none(text: str) -> None:
    assert read(text) is None


def test_aliases_share_the_object_and_its_line() -> None:
    document = parse("f.yaml", b"x: 1\na: &a\n  k: v\nb: *a\nc: [*a]\n")

    assert document.data == {"x": 1, "a": {"k": "v"}, "b": {"k": "v"}, "c": [{"k": "v"}]}
    assert document.data["b"] is document.data["a"]
    assert document.line(document.data["b"]) == 2


def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    assert read('"<<": 1\n') == {"<<": 1}


def test_windows_line_ends_are_read() -> None:
    document = parse("f.yaml", b"a:\r\n- b: 1\r\n- c: 2\r\n")

    assert document.data == {"a": [{"b": 1}, {"c": 2}]}
    assert [document.line(item) for item in document.data["a"]] == [2, 3]


PLAIN_SHAPES = {
    "sections": "vhost: a\nqueues:\n  - name: q\n    durable: true\n  - name: r\nbindings: []\n",
    "lists not indented": "queues:\n- name: q\n  arguments:\n    x: 1\n- name: r\nusers:\n- a\n",
    "nulls": "a:\nb:\n  c:\n  d:\n    - e:\n      f:\n",
    "comments": "# top\n---\na: 1 # one\n\n  # deep\nb: # two\n  - c # three\n#end\n",
    "quotes": "a: 'x: y # z'\nb: \"q\\\\d\\\"\" # c\nc: ''\n",
    "words in brackets": "a: {b: 1, c-d: 'x y', e: a.#}\nf: [1, '*.b', x] # c\n",
    "brackets": "a: {b: [1, 2], c: {}}\nd:\n  - {e: 'f, g'}\n  - [h] # i\n  - {}\nj: {} # k\n",
    "list at the top": "- a\n- b: 1\n  c: 2\n- {d: e}\n",
    "indented top": "  a: 1\n  b:\n      - 2\n",
    "signs": "a: a:b\nb: -x\nc: x, y] z}\nd: (a|b)\\.c$\ne: ^a\nf: .5\ng: a -b\nh: a? b!\n",
    "no last newline": "a:\n  b: c",
}


@pytest.mark.parametrize("text", PLAIN_SHAPES.values(), ids=PLAIN_SHAPES)
def test_the_plain_shape_is_read_line_by_line_as_by_events(text: str) -> None:
    fast = yamllines.build(text)
    slow = yamlevents.build("f", text.encode())

    assert fast is not None
    assert not slow.findings
    assert fast.data == slow.data
    assert lines_of(fast.data, fast.lines) == lines_of(slow.data, slow.lines)


def lines_of(node: Any, lines: dict[int, int]) -> list[int | None]:
    found = [lines.get(id(node))]
    for inner in node.values() if isinstance(node, dict) else node:
        if isinstance(inner, (dict, list)):
            found += lines_of(inner, lines)
    return found


TOKENS = st.sampled_from(
    [
        "a",
        "b",
        "key",
        "name",
        ": ",
        ":",
        "- ",
        "-",
        " ",
        "  ",
        "    ",
        "\n",
        "\n",
        "\n  ",
        "#",
        " #",
        "'",
        '"',
        "''",
        "\\",
        "\\\\",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ",",
        "{}",
        "[]",
        "1",
        "0x1F",
        "null",
        "~",
        "true",
        "<<",
        "<<: ",
        "&a ",
        "*a",
        "!",
        "!!str ",
        "|",
        ">",
        "---\n",
        "...\n",
        "%",
        "@",
        "\t",
        "\r\n",
        "é",
        "\u00a0",
        "\u3000",
        "\u2028",
        "a: 1\n",
        "- b: 2\n",
        "? ",
        "\ufeff",
        ".inf",
        "x y",
        "=",
        "`",
        ".",
        "...",
    ]
)


@settings(max_examples=1500)
@given(st.lists(TOKENS, max_size=25).map("".join))
def test_whatever_is_read_line_by_line_is_what_the_events_say(text: str) -> None:
    agree(text)


def agree(text: str) -> bool:
    """Hold the quick reader to the full one; tells whether the quick one took the text."""
    from rmqsync.text.syntax import check_yaml_characters

    fast = None if check_yaml_characters("f", text) else yamllines.build(text)
    if fast is None:
        return False
    slow = yamlevents.build("f", text.encode())
    assert not slow.findings, text
    assert not slow.has_duplicates, text
    assert repr(fast.data) == repr(slow.data), text
    if isinstance(fast.data, (dict, list)):
        assert lines_of(fast.data, fast.lines) == lines_of(slow.data, slow.lines), text
    return True


SHAPED_LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "  ", "    ", "      ", " "]),
        st.sampled_from(["", "", "- "]),
        st.sampled_from(["", "a:", "b:", "c:", "d:", "no:", "x-y:"]),
        st.sampled_from(
            [
                "",
                "",
                " 1",
                " x",
                " 'q'",
                " {a: 1}",
                " [b]",
                " # c",
                " x y",
                " {",
                " }",
                " a: b",
                " {a: 1, a: 2}",
                " {no: 'x', null: 1}",
                " [a.#, '*.b', 0x1F, 1:20] # c",
                " [a, ]",
                " {a: {b: [c]}, d: e}",
                " {a: 'x y', b: x#y}",
                " {a: b c}",
                " [a b, .inf]",
                " {a}",
            ]
        ),
    ).map("".join),
    max_size=9,
).map("\n".join)


@settings(max_examples=1500)
@given(SHAPED_LINES)
def test_lines_of_nearly_the_plain_shape_are_never_misread(text: str) -> None:
    agree(text)


NUMBER = re.compile(
    r"[-+]?([.][0-9]+|[0-9]+([.][0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"
)
"""Numbers by the core rules of YAML 1.2: PyYAML takes some of them for strings and quotes none."""
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
KEYS = TEXTS.filter(lambda text: NUMBER.fullmatch(text) is None)
SIMPLE = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(SIMPLE, st.booleans(), st.sampled_from([None, "'", '"']))
def test_what_pyyaml_composes_is_what_we_read(data: Any, flow: bool, style: str | None) -> None:
    text = yaml.safe_dump(
        data, default_flow_style=flow, default_style=style, allow_unicode=False, sort_keys=False
    )
    root = yaml.compose(text, yaml.SafeLoader)
    document = parse("f.yaml", text.encode())

    compare(root, document, document.data, ())


def compare(node: Any, document: Document, value: Any, path: tuple[str | int, ...]) -> None:
    mark = node.start_mark
    assert document.locate(path)[1:] == (mark.line + 1, mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        assert isinstance(value, dict)
        assert document.line(value) == mark.line + 1
        assert [key.value for key, _ in node.value] == list(value)
        for key, inner in node.value:
            where = document.locate((*path, key.value), key=True)
            assert where[1:] == (key.start_mark.line + 1, key.start_mark.column + 1)
            compare(inner, document, value[key.value], (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        assert document.line(value) == mark.line + 1
        assert len(value) == len(node.value)
        for number, inner in enumerate(node.value):
            compare(inner, document, value[number], (*path, number))
    elif isinstance(value, str):
        assert value == node.value
