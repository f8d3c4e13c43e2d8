"""Whether two repositories claim the same: two globs meet where some text fits both."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.planning.scopes import overlap

EVERY = ("*",)
TEXTS = ["".join(letters) for length in range(9) for letters in product("ab", repeat=length)]
GLOBS = st.text("ab*?", max_size=4)


@settings(max_examples=500)
@given(GLOBS, GLOBS)
def test_two_globs_meet_where_a_text_fits_both(one: str, other: str) -> None:
    fits_both = any(fnmatchcase(text, one) and fnmatchcase(text, other) for text in TEXTS)

    meet = overlap(((one,), ("queue",)), ((other,), ("queue",))) is not None

    assert meet is fits_both


def test_long_globs_of_a_stranger_end() -> None:
    """A marker is untrusted: nothing in it may run out of stack or time."""
    glob = "*a" * 500
    scope = ((glob,), EVERY)

    assert overlap(scope, ((glob + "b",), EVERY)) is None
    assert overlap(scope, (("*",), EVERY)) is not None
