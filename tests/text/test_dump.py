"""What `to_yaml` writes is tidy, and every reader takes it for what it was."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.text.document import parse
from rmqsync.text.dump import to_yaml
from rmqsync.text.yamlparser import PythonParser

TRICKY = [
    "", " ", "a ", " a", "~", "null", "Null", "true", "no", "on", "Y", "off", "1", "01", "0o17",
    "0x1F", "0b1", "1_000", "1.5", "1e3", "1e+3", "-1", "+1", ".5", "-.5", ".inf", "-.INF", ".nan",
    "1:20", "190:20:30", "2001-01-01", "2001-12-14t21:59:43.10-05:00", "=", "<<", "- a", "-", "-a",
    "?", "? a", ":", ": a", "a:", "a: b", "a:b", "a #b", "a#b", "#a", "*a", "&a", "!a", "!!str a",
    "|", ">", "%a", "@a", "`a", "'", '"', "'a'", '"a"', "it's", "\\", "a\\", "{a", "[a", "]", "}",
    ",", "a,b", "---", "--- a", "...", "... a", "\n", "a\nb", "\ta", "a\t", "\r", "\0", "\x7f",
    "\x85", "\u2028", "\u2029", "\ufeff", "\xa0", "\ufffe", "\U0001f600", "\U000e0001", "中文", "é",
    "a  b", "a \n b", "qu.order.crm", "*.viporder.#", "order.#", "a.*.b", "^ex\\.(a|b)$", "/", "@",
    "${x}", "$${x}", "amqp://u@h:5672/%2f", "x" * 2000, "x: " * 400, "k?", "a?b", "#", "y",
]  # fmt: skip

STRINGS = st.sampled_from(TRICKY) | st.text(st.characters(codec="utf-8"), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [1.0, -0.0, 1e300, 1e-7, 1e16, 5e-324]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.just(2**100) | FLOATS | STRINGS
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(STRINGS, inner, max_size=5),
    max_leaves=25,
)


def exact(value: Any) -> Any:
    """Make values comparable with their types: to Python 1 == 1.0 == True and -0.0 == 0.0."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}, tuple(value)
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return value.__class__.__name__, repr(value)


@settings(max_examples=800)
@given(st.dictionaries(STRINGS, DATA, max_size=5) | DATA)
def test_what_is_written_is_read_back_exactly(data: Any) -> None:
    text = to_yaml(data, header="a header\n# and more")

    assert exact(parse("f.yaml", text.encode()).data) == exact(data)


@pytest.mark.parametrize("in_list", [False, True], ids=["as a value", "in brackets"])
@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_strings_are_strings_to_readers_of_yaml_1_1_too(text: str, in_list: bool) -> None:
    data = {"k": [text] if in_list else text, text: 1}
    written = to_yaml(data)

    assert yaml.safe_load(written) == data
    assert parse("f.yaml", written.encode()).data == data


@settings(max_examples=200)
@given(st.dictionaries(STRINGS, DATA, max_size=5))
def test_numbers_and_strings_are_the_same_in_yaml_1_1(data: Any) -> None:
    assert exact(yaml.safe_load(to_yaml(data))) == exact(data)


@settings(max_examples=150)
@given(st.dictionaries(STRINGS, DATA, max_size=5))
def test_the_parser_in_python_reads_the_same_events(data: Any) -> None:
    text = to_yaml(data)
    parser: Any = PythonParser(text.encode())
    ours = []
    while (event := parser.get_event()) is not None:
        ours.append((event.__class__, getattr(event, "value", None)))

    theirs = [
        (event.__class__, getattr(event, "value", None))
        for event in yaml.parse(text, yaml.CSafeLoader)
    ]
    assert ours == theirs


def test_a_file_looks_as_if_written_by_hand() -> None:
    data = {
        "vhost": "common",
        "queues": [
            {
                "name": "qu.order.crm",
                "type": "quorum",
                "arguments": {"x-message-ttl": 60000},
                "bindings": [
                    {"source": "ex.order.topic", "routing_keys": ["order.#", "*.viporder.#"]},
                    {
                        "source": "ex." + "long" * 20,
                        "routing_key": "order.*",
                    },
                ],
            },
            {"name": "no", "arguments": {}},
        ],
        "users": [
            {
                "name": "crm",
                "password": {"secret": "crm_password"},
                "tags": [],
                "limits": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5},
            }
        ],
        "vhosts": ["a", "1e3"],
        "note": "two\nlines",
    }

    assert (
        to_yaml(data, header="yaml-language-server: $schema=x.json")
        == """\
# yaml-language-server: $schema=x.json
vhost: common

queues:
  - name: qu.order.crm
    type: quorum
    arguments: {x-message-ttl: 60000}
    bindings:
      - {source: ex.order.topic, routing_keys: [order.#, '*.viporder.#']}
      - source: ex.longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong
        routing_key: order.*
  - name: 'no'
    arguments: {}

users:
  - name: crm
    password: {secret: crm_password}
    tags: []
    limits:
      a: 1
      b: 2
      c: 3
      d: 4
      e: 5

vhosts: [a, '1e3']

note: "two\\nlines"
"""
    )


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, {1: 2}, {"a": (1,)}, {"a": b"x"}], ids=repr
)
def test_what_json_has_no_words_for_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"JSON|key|plain"):
        to_yaml({"k": value})
