r"""
Patterns of policies, matched as the broker matches them: PCRE, searched for in the bytes of a name.

Erlang brings its own PCRE (`re:run/3` without `unicode`, rabbit_policy.erl `matches`). Up to OTP
27 that is PCRE 8 with tables for Latin-1: the bytes of `é` are a letter and a sign there, so that
`\w`, `\b`, `[[:alpha:]]` and `(?i)` see letters in names that are not ASCII. From OTP 28 on it is
PCRE 2 with tables for ASCII. Seen on 3.10.8 (OTP 25), 4.0.5 (27) and 4.3.6 (29). Which OTP a broker
runs on is not known here; brokers before 4.3 are taken to run on 27 or older.

4.2.8 and 4.3.2 bound length and steps of a pattern; what is beyond counts as no match
(rabbit_re.erl).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rmqsync.kinds.context import Context
from rmqsync.kinds.patterns import LIMIT_BYTES

if TYPE_CHECKING:
    import pcre2

_LIMITED_STEPS = 50_000
_STEPS = 1_000_000
"""Brokers without a limit of their own have PCRE's, ten times this; nothing but a pattern that runs
away comes near it, and a plan is not to run away with it."""

_LETTERS = "\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff"
_SIGNS = "\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7"
_HIGH = {
    "alpha": _LETTERS,
    "alnum": _LETTERS,
    "word": _LETTERS,
    "upper": "\xc0-\xd6\xd8-\xde",
    "lower": "\xaa\xb5\xba\xdf-\xf6\xf8-\xff",
    "punct": "\xa0-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7",
    "graph": "\xa0-\xff",
    "print": "\xa0-\xff",
    "cntrl": "\x80-\x9f",
}
"""What the tables for Latin-1 add to each class of ASCII characters."""
_OUTSIDE = {
    r"\w": rf"[\w{_LETTERS}]",
    r"\W": rf"[^\w{_LETTERS}]",
    r"\b": rf"(?:(?<=[\w{_LETTERS}])(?![\w{_LETTERS}])|(?<![\w{_LETTERS}])(?=[\w{_LETTERS}]))",
    r"\B": rf"(?:(?<=[\w{_LETTERS}])(?=[\w{_LETTERS}])|(?<![\w{_LETTERS}])(?![\w{_LETTERS}]))",
}
_INSIDE = {
    r"\w": rf"\w{_LETTERS}",
    r"\W": rf"\x00-/:-@\[-^`{{-\x7f{_SIGNS}",
}
_CLASS = r"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]"
_TOKEN = re.compile(rf"(\\Q.*?(?:\\E|\Z))|({_CLASS})|(\\.)", re.S)
_HEX = re.compile(r"\\Q.*?(?:\\E|\Z)|\\x(?:\{0*([0-9A-Fa-f]{1,2})\}|([0-9A-Fa-f]{0,2}))|\\.", re.S)
_IN_CLASS = re.compile(r"\[:([a-z]+):\]|\\.", re.S)
_CHARACTER = re.compile(r"[^\\.^$*+?()\[\]{}|]|\\[^A-Za-z0-9]", re.S)
_LITERAL = re.compile(f"(?:{_CHARACTER.pattern})*", re.S)


class Dialect(NamedTuple):
    """How a broker matches."""

    latin_1: bool
    steps: int
    longest: int | None
    """Bytes of a pattern; `None` for any."""


def dialect(context: Context) -> Dialect:
    """Return how the broker of `context` matches; the newest where the version is not known."""
    is_limited = not context.before(4, 2, 8) and (
        not context.at_least(4, 3) or context.at_least(4, 3, 2)
    )
    return Dialect(
        latin_1=context.before(4, 3),
        steps=_LIMITED_STEPS if is_limited else _STEPS,
        longest=LIMIT_BYTES if is_limited else None,
    )


class Matcher:
    """One pattern, compiled when a name first needs it."""

    __slots__ = ("_bytes", "_dialect", "_latin_1", "_pattern", "_prefix", "_rest", "_substring")

    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self._dialect = dialect
        self._pattern: str | None = pattern
        self._prefix, self._rest, self._substring = "", True, ""
        self._bytes: pcre2.Pattern | None = None
        self._latin_1: pcre2.Pattern | None = None
        size = len(pattern.encode("utf-8", "surrogatepass"))
        if dialect.longest is not None and size > dialect.longest:
            self._pattern = None
        else:
            self._simplify(pattern)
            self._pattern = _HEX.sub(_two_digits, pattern)

    def __call__(self, name: str) -> bool:
        return bool(self.select((name,)))

    def select(self, names: Iterable[str]) -> list[str]:
        """Return the names that match, in the order given."""
        if self._pattern is None:
            return []
        if self._prefix:
            start = self._prefix
            names = [name for name in names if name.startswith(start)]
        if self._substring:
            part = self._substring
            names = [name for name in names if part in name]
        names = list(names)
        if not self._rest or not names:
            return names
        return self._select(names)

    def _simplify(self, pattern: str) -> None:
        """Find what every name that matches begins with or holds: most patterns say no more."""
        if "|" in pattern:
            return
        start = 1 if pattern.startswith("^") else 0
        found = _LITERAL.match(pattern, start)
        assert found is not None
        characters = _CHARACTER.findall(found.group())
        if pattern[found.end() :][:1] in ("*", "?", "{", "+"):  # it is for the last of them
            characters = characters[:-1]
        rest = pattern[start + len("".join(characters)) :]
        literal = "".join(character[-1] for character in characters)
        if start:
            self._prefix = literal
        else:
            self._substring = literal
        self._rest = rest not in ("", ".*")

    def _select(self, names: Sequence[str]) -> list[str]:
        import pcre2  # not needed by most runs; the import is not free

        if self._bytes is None:
            assert self._pattern is not None
            as_bytes = self._pattern.encode("utf-8", "surrogatepass")
            self._bytes = _compiled(as_bytes, self._dialect.steps)
            as_text = _with_letters(as_bytes.decode("latin-1"))
            self._latin_1 = _compiled(as_text, self._dialect.steps)
        search = self._bytes.search
        try:
            if self._dialect.latin_1:
                is_found = self._is_found
                return [
                    name
                    for name in names
                    if (search(name.encode()) if name.isascii() else is_found(name))
                ]
            return [name for name in names if search(name.encode())]
        except (pcre2.LibraryError, UnicodeEncodeError):  # too many steps; no text
            return [name for name in names if self._is_found(name)]

    def _is_found(self, name: str) -> bool:
        assert self._bytes is not None
        as_bytes = name.encode("utf-8", "surrogatepass")
        if self._dialect.latin_1 and not name.isascii():
            assert self._latin_1 is not None
            return _found(self._latin_1, as_bytes.decode("latin-1"))
        return _found(self._bytes, as_bytes)


@lru_cache(maxsize=4096)
def matcher(pattern: str, dialect: Dialect) -> Matcher:
    """Return the matcher of a pattern; the same one each time."""
    return Matcher(pattern, dialect)


def _two_digits(escape: re.Match[str]) -> str:
    """
    Write the number of a byte with two digits.

    The library takes `\\x` as JavaScript does, where nothing else is a number (PCRE2_ALT_BSUX).
    """
    if not escape.group().startswith(r"\x"):
        return escape.group()
    return rf"\x{(escape.group(1) or escape.group(2) or '0').zfill(2)}"


def _with_letters(pattern: str) -> str:
    """Write out what the tables for Latin-1 say, for a library that has those for ASCII."""
    return _TOKEN.sub(_written_out, pattern)


def _written_out(token: re.Match[str]) -> str:
    quoted, group, escape = token.groups()
    if quoted is not None:
        return token.group()
    if escape is not None:
        return _OUTSIDE.get(escape, escape)
    return _IN_CLASS.sub(_in_class, group)


def _in_class(token: re.Match[str]) -> str:
    name = token.group(1)
    if name is None:
        return _INSIDE.get(token.group(), token.group())
    return token.group() + _HIGH.get(name, "")


def _compiled(pattern: str | bytes, steps: int) -> pcre2.Pattern:
    """
    Compile a pattern, limited to `steps`.

    One that the library refuses matches nothing: the broker would not have stored it.
    """
    import pcre2

    limit = f"(*LIMIT_MATCH={steps})"
    try:
        if isinstance(pattern, bytes):
            return pcre2.compile(limit.encode() + pattern, jit=False)
        return pcre2.compile(limit + pattern, pcre2.ASCII, jit=False)
    except pcre2.LibraryError:
        return pcre2.compile(b"(*FAIL)", jit=False)


def _found(pattern: pcre2.Pattern, name: str | bytes) -> bool:
    import pcre2

    try:
        return pattern.search(name) is not None
    except pcre2.LibraryError:  # too many steps
        return False
