from __future__ import annotations

import pytest

from rmqsync.report import escape, words
from rmqsync.report.colour import Style, use_color


@pytest.mark.parametrize(
    ("flag", "tty", "environ", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": ""}, False),
        ("auto", True, {"FORCE_COLOR": "0"}, False),
        ("auto", False, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ("auto", True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_when_colour_is_used(flag: str, tty: bool, environ: dict[str, str], expected: bool) -> None:
    assert use_color(flag, tty, environ) is expected  # type: ignore[arg-type]


def test_style_adds_codes_only_when_asked() -> None:
    assert Style(True)("x", "red", "bold") == "\x1b[31m\x1b[1mx\x1b[0m"
    assert Style(False)("x", "red", "bold") == "x"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("queue:common/qu.order.crm", "queue 'qu.order.crm' in vhost 'common'"),
        ("queue:%2F/a%2Fb", "queue 'a/b' in vhost '/'"),
        ("permission:common/svc", "permission of user 'svc' in vhost 'common'"),
        (
            "binding:v/ex/queue/q/%2A.%23",
            "binding from exchange 'ex' to queue 'q' with key '*.#' in vhost 'v'",
        ),
        (
            "binding:v/ex/queue/q/~e61c5b4f",
            "binding from exchange 'ex' to queue 'q' with key '' "
            "and arguments ~e61c5b4f in vhost 'v'",
        ),
        ("binding:v/ex", "binding 'v/ex'"),
        ("gadget:v/x%20y", "gadget 'v/x y'"),
        ("queue", "queue in vhost ''"),
    ],
)
def test_an_address_is_worded_as_the_broker_words_it(address: str, expected: str) -> None:
    assert words.sentence(address) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 订单 é", "plain 订单 é"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x9b\x7f\x00", "\\x9b\\x7f\\x00"),
        ("\u202e\u200b\ufeff", "\\u202e\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_an_escape(text: str, expected: str) -> None:
    assert escape.visible(text) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["priority"], "priority"),
        (["arguments", "x-max-length"], "arguments.x-max-length"),
        (["value", "a.b", 0, "é"], 'value["a.b"][0]["é"]'),
        (["", "\x1b"], '[""]["\\u001b"]'),
    ],
)
def test_a_path_can_be_read(steps: list[str | int], expected: str) -> None:
    assert escape.path(steps) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (10**30, "1" + "0" * 30),
        (1.0, "1.0"),
        ("x", '"x"'),
        ({"b": [1, None]}, '{"b": [1, null]}'),
        ("(sensitive)", "(sensitive value)"),
    ],
)
def test_a_value_is_shown_as_json(value: object, expected: str) -> None:
    assert escape.value(value) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a `b` c", "`` a `b` c ``".replace("`` a", "``a").replace("c ``", "c``")),
        ("`b`", "`` `b` ``"),
        ("", "`  `"),
        ("plain", "`plain`"),
    ],
)
def test_code_spans_hold_backticks(text: str, expected: str) -> None:
    assert escape.code_span(text) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((1, 14203, 3), "Impact: 1 queue holds 14203 messages, 3 consumers"),
        ((1, 1, 0), "Impact: 1 queue holds 1 message"),
        ((1, 0, 2), "Impact: 1 queue has 2 consumers"),
    ],
)
def test_impact_in_words(counts: tuple[int, int, int], expected: str) -> None:
    _, messages, consumers = counts
    impact = {"messages": messages, "consumers": consumers, "implied": []}
    document = {"clusters": [{"changes": [{"impact": impact}]}]}

    assert words.impact(document) == expected  # type: ignore[arg-type]
