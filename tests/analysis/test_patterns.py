"""Patterns match as they do in the broker, which is asked as well."""

import time

import pcre2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.analysis.patterns import Matcher, dialect, matcher
from rmqsync.kinds.context import Context
from tests.analysis.worlds import PARTS, is_pattern
from tests.brokers import Broker

OLD, NEW = dialect(Context(version=(3, 10, 8))), dialect(Context(version=(4, 3, 6)))


SAME = [
    (".*", "x", True),
    ("", "x", True),
    ("^", "x", True),
    ("b", "abc", True),
    ("b", "ABC", False),
    (r"^qu\.", "qu.x", True),
    (r"^qu\.", "qu-x", False),
    (r"^qu\.", "my.qu.x", False),
    (r"^qu\.?", "qx", False),
    ("^qu?", "qx", True),
    ("^qu*x", "qx", True),
    ("^qu{2}", "qu", False),
    ("^a|b", "xb", True),
    (r"^a\|b", "a|b", True),
    (r"a\.b", "xaxb", False),
    ("dlq$", "a.dlq", True),
    ("dlq$", "dlq.a", False),
    ("dlq.*$", "dl", False),
    (r"^(?!amq\.).*", "amq.x", False),
    (r"^(?=.*vip).*\.x$", "a.vip.x", True),
    ("订单", "qu.订单.x", True),
    ("^.{3}$", "订", True),
    (r"\x{e8}", "订", True),
    (r"^\xe8\xAE", "订", True),
    (r"\Q\x41\E", "A", False),
    (r"^\\\x41", "\\A", True),
    ("[", "[", False),
]
"""(pattern, name, whether it matches)"""


@pytest.mark.parametrize(("pattern", "name", "found"), SAME)
def test_a_pattern_is_searched_for_in_the_bytes_of_a_name(
    pattern: str, name: str, found: bool
) -> None:
    assert [Matcher(pattern, one)(name) for one in (OLD, NEW)] == [found, found]


OTHER = [
    (r"^\w", "订", True, False),
    (r"^\w+$", "é", False, False),
    (r"^\W", "订", False, True),
    (r"^[\w]", "订", True, False),
    (r"^[\W]", "订", False, True),
    (r"^[^\w]", "订", False, True),
    (r"crm\b", "crmÉ", False, True),
    (r"crm\B", "crmÉ", True, False),
    ("^[[:alpha:]]", "é", True, False),
    ("[[:punct:]]", "é", True, False),
    ("(?i)É", "ã\x89", False, False),
    ("(?i)Ã", "ã", False, False),
    (r"^(?i)\xe3", "é", True, False),
    (r"^\Q\w\E", "订", False, False),
]
"""(pattern, name, whether it matches up to OTP 27, and since)"""


@pytest.mark.parametrize(("pattern", "name", "old", "new"), OTHER)
def test_up_to_otp_27_bytes_are_characters_of_latin_1(
    pattern: str, name: str, old: bool, new: bool
) -> None:
    assert (Matcher(pattern, OLD)(name), Matcher(pattern, NEW)(name)) == (old, new)


def test_brokers_say_the_same(broker: Broker) -> None:
    is_new = not broker.version.startswith(("3.", "4.0"))
    cases = [*SAME, *((pattern, name, new if is_new else old) for pattern, name, old, new in OTHER)]
    asked = ",".join(f"{{{_bytes(name)},{_bytes(pattern)}}}" for pattern, name, _ in cases)

    answer = broker.rabbitmqctl(
        "eval",
        "[case catch re:run(N, P, [{capture, none}]) of match -> $y; _ -> $n end"
        f" || {{N, P}} <- [{asked}]].",
    )

    assert answer.strip().strip('"') == "".join("y" if found else "n" for *_, found in cases)


def _bytes(text: str) -> str:
    return f"<<{','.join(map(str, text.encode()))}>>"


@given(
    st.lists(st.sampled_from(PARTS), max_size=5).map("".join).filter(is_pattern),
    st.lists(st.text("quorde.rx^$|é订", max_size=8), max_size=4),
)
def test_what_is_told_from_the_letters_of_a_pattern_is_true(pattern: str, names: list[str]) -> None:
    plain = pcre2.compile(pattern.encode())

    found = Matcher(pattern, NEW).select(names)

    assert found == [name for name in names if plain.search(name.encode())]


@pytest.mark.parametrize(
    ("version", "size", "found"),
    [
        pytest.param((4, 2, 7), 1025, True, id="before there was a limit"),
        pytest.param((4, 2, 8), 1025, False, id="4.2.8"),
        pytest.param((4, 3, 1), 1025, True, id="4.3 before it had one"),
        pytest.param((4, 3, 2), 1025, False, id="4.3.2"),
        pytest.param((4, 3, 2), 1024, True, id="as long as may be"),
        pytest.param(None, 1025, False, id="unknown counts as the newest"),
    ],
)
def test_a_pattern_that_is_too_long_matches_nothing(
    version: tuple[int, int, int] | None, size: int, found: bool
) -> None:
    pattern = "a|" + "b" * (size - 2)

    assert Matcher(pattern, dialect(Context(version=version)))("a") is found


def test_a_pattern_that_runs_away_matches_nothing_and_soon() -> None:
    began = time.perf_counter()

    found = [Matcher("^(a+)+$", one)("a" * 60 + "b") for one in (OLD, NEW)]

    assert found == [False, False]
    assert time.perf_counter() - began < 5


def test_steps_are_limited_from_4_2_8_on() -> None:
    pattern, name = "^(a+)+$|b", "a" * 17 + "b"

    assert [Matcher(pattern, one)(name) for one in (OLD, NEW)] == [True, False]


def test_a_pattern_is_compiled_once() -> None:
    assert matcher("^a(b|c)", NEW) is matcher("^a(b|c)", NEW)
    assert matcher("^a(b|c)", NEW) is not matcher("^a(b|c)", OLD)
