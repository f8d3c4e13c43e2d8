"""jsonschema's errors as findings: plain words, the exact place, the value unless it is secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rmqsync.model.findings import Finding, error
from rmqsync.text.document import Document
from rmqsync.text.known import known_keys, one_of
from rmqsync.text.nearest import did_you_mean, nearest
from rmqsync.text.scalars import shorten

_SECRET_KEY = re.compile(r"pass(word|wd|phrase)|secret|token|credential|uri\b|^uris$|^value$", re.I)
_USER_INFO = re.compile(r"://[^/\s]*@")

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "a string",
}

Problem = Any
"""A `jsonschema.ValidationError`; the library is imported late, and has loose types."""

Step = str | int
Path = tuple[Step, ...]


class _Case:
    """One error, and what is needed to talk about it."""

    def __init__(self, problem: Problem, base: Path, is_secret: bool) -> None:
        self.problem = problem
        self.path: Path = (*base, *problem.relative_path)
        self.keyword: str = problem.validator
        self.wanted: Any = problem.validator_value
        self.value: Any = problem.instance
        self.schema: Any = problem.schema if isinstance(problem.schema, dict) else {}
        self.is_secret = (
            is_secret
            or self.schema.get("writeOnly") is True
            or any(isinstance(step, str) and _SECRET_KEY.search(step) for step in self.path)
        )

    @property
    def is_key(self) -> bool:
        """Whether the error is about a key itself, which `propertyNames` judges."""
        way = list(self.problem.schema_path)
        return any(
            step == "propertyNames" and (not at or way[at - 1] != "properties")
            for at, step in enumerate(way)
        )

    @property
    def name(self) -> str:
        """What the value is called: its key, or its number in the list under a key."""
        if self.is_key:
            return f"the key '{shorten(str(self.value))}'"
        if not self.path:
            return "the file"
        step = self.path[-1]
        if isinstance(step, str):
            return f"'{shorten(step)}'"
        above = self.path[-2] if len(self.path) > 1 else None
        inside = f" of '{shorten(above)}'" if isinstance(above, str) else ""
        return f"entry {step + 1}{inside}"

    @property
    def shown(self) -> str:
        return show(self.value, is_secret=self.is_secret)


def show(value: Any, *, is_secret: bool = False) -> str:
    """Return a value in words, short; of mappings, lists and secrets only what they are."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "(hidden)" if is_secret else str(value).lower()
    kind = "string" if isinstance(value, str) else "number"
    if is_secret or (isinstance(value, str) and _USER_INFO.search(value)):
        return f"a {kind} (hidden)"
    text = shorten(str(value))
    return f"the string '{text}'" if kind == "string" else text


def explain(
    problems: Iterable[Problem], root: dict[str, Any], document: Document, code: str
) -> Iterator[Finding]:
    """Turn errors into findings, one for each thing that somebody has to mend."""
    for case in _leaves(problems, root, (), False):
        if case.keyword == "required":
            for key in case.wanted:
                if key not in case.value:
                    yield _missing(case, key, root, document, code)
        elif case.keyword in ("additionalProperties", "unevaluatedProperties"):
            yield from _unknown(case, root, document, code)
        else:
            words = _WORDS.get(case.keyword, _other)
            hint = _hint(case)
            step = (str(case.value),) if case.is_key else ()
            where = document.locate((*case.path, *step), key=case.is_key)
            yield error(code, f"{case.name} {words(case)}", where, hint=hint)


def _leaves(
    problems: Iterable[Problem], root: dict[str, Any], base: Path, is_secret: bool
) -> Iterator[_Case]:
    """Go into `anyOf` and `oneOf` by the branch that was probably meant."""
    for problem in problems:
        case = _Case(problem, base, is_secret)
        if case.keyword in ("anyOf", "oneOf") and problem.context:
            branch = _best_branch(problem)
            if branch:
                yield from _leaves(branch, root, case.path, case.is_secret)
                continue
        yield case


def _best_branch(problem: Problem) -> list[Problem]:
    """
    Return the errors of the branch that fits best, none when the value fits no branch at all.

    A branch that wants another type, or another constant in a key the value has, was not meant.
    """
    branches: dict[int, list[Problem]] = {}
    for inner in problem.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    meant = {
        number: inner
        for number, inner in branches.items()
        if not any(
            not e.relative_path and e.validator in ("type", "const", "enum", "not") for e in inner
        )
    }
    if not meant:
        return []
    return min(meant.values(), key=_distance)


def _distance(problems: list[Problem]) -> tuple[int, int]:
    """How far a value is from a branch: other constants weigh most, then the number of errors."""
    wrong = sum(e.validator in ("const", "enum", "type") for e in problems)
    missing = sum(e.validator in ("required", "additionalProperties") for e in problems)
    return wrong + 2 * missing, len(problems)


def _missing(case: _Case, key: str, root: dict[str, Any], document: Document, code: str) -> Finding:
    known = known_keys(case.schema, root)
    unknown = [k for k in case.value if k not in known]
    close = nearest(key, unknown)
    hint = f"is '{shorten(close)}' meant to be it?" if close else f"add '{key}'"
    if not case.path:
        return error(code, f"the key '{key}' is missing", document.locate(()), hint=hint)
    where = document.locate(case.path)
    return error(code, f"{case.name} lacks the key '{key}'", where, hint=hint)


def _unknown(case: _Case, root: dict[str, Any], document: Document, code: str) -> Iterator[Finding]:
    known = known_keys(case.schema, root)
    patterns = case.schema.get("patternProperties", {})
    for key in case.value:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        hint = did_you_mean(key, [k for k in known if k not in case.value] or known)
        if hint is None and known:
            hint = f"known keys are {one_of(sorted(known), 'and')}"
        where = document.locate((*case.path, key), key=True)
        inside = f" in {case.name}" if case.path else ""
        yield error(code, f"the key '{shorten(key)}' is unknown{inside}", where, hint=hint)


def _type(case: _Case) -> str:
    wanted = [case.wanted] if isinstance(case.wanted, str) else case.wanted
    return f"must be {' or '.join(_TYPES.get(t, t) for t in wanted)}, is {case.shown}"


def _choice(case: _Case) -> str:
    allowed = [show_allowed(value) for value in case.wanted]
    return f"must be {one_of(allowed, 'or')}, is {case.shown}"


def _branches(case: _Case) -> str:
    """Name the types or values of all branches, since the value fits none of them."""
    if not case.problem.context:
        return f"fits more than one of the forms it may have, is {case.shown}"
    wanted: list[str] = []
    for inner in case.problem.context:
        if inner.validator == "type" and not inner.relative_path:
            types = inner.validator_value
            wanted += [_TYPES.get(t, t) for t in ([types] if isinstance(types, str) else types)]
        elif inner.validator == "const" and not inner.relative_path:
            wanted.append(show_allowed(inner.validator_value))
        elif inner.validator == "enum" and not inner.relative_path:
            wanted += [show_allowed(value) for value in inner.validator_value]
    if not wanted:
        return f"has none of the forms it may have, is {case.shown}"
    return f"must be {one_of(list(dict.fromkeys(wanted)), 'or')}, is {case.shown}"


def show_allowed(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else show(value)


def _count(least: str, things: str) -> Callable[[_Case], str]:
    def words(case: _Case) -> str:
        unit = things if case.wanted != 1 else things.replace("ies", "y").removesuffix("s")
        if case.is_secret:
            return f"must have {least} {case.wanted} {unit}"
        if case.wanted == 1 and least == "at least":
            return f"must not be empty, is {case.shown}"
        return f"must have {least} {case.wanted} {unit}, has {len(case.value)}"

    return words


def _bound(words: str) -> Callable[[_Case], str]:
    return lambda case: f"must be {words.format(case.wanted)}, is {case.shown}"


def _other(case: _Case) -> str:
    return f"does not fit the schema ({case.keyword}), is {case.shown}"


_WORDS: dict[str, Callable[[_Case], str]] = {
    "type": _type,
    "enum": _choice,
    "const": lambda case: f"must be {show_allowed(case.wanted)}, is {case.shown}",
    "anyOf": _branches,
    "oneOf": _branches,
    "pattern": lambda case: f"must match {case.wanted}, is {case.shown}",
    "minimum": _bound("{} or more"),
    "maximum": _bound("{} or less"),
    "exclusiveMinimum": _bound("more than {}"),
    "exclusiveMaximum": _bound("less than {}"),
    "multipleOf": _bound("a multiple of {}"),
    "minLength": _count("at least", "characters"),
    "maxLength": _count("at most", "characters"),
    "minItems": _count("at least", "entries"),
    "maxItems": _count("at most", "entries"),
    "minProperties": _count("at least", "keys"),
    "maxProperties": _count("at most", "keys"),
    "uniqueItems": lambda _: "holds the same entry twice",
    "contains": lambda _: "lacks an entry that it must have",
    "not": lambda case: f"must not be as it is: {case.shown}",
    "dependentRequired": lambda case: (
        "lacks keys that go with the others: "
        + one_of(
            [
                f"'{key}'"
                for present, keys in case.wanted.items()
                if present in case.value
                for key in keys
                if key not in case.value
            ],
            "and",
        )
    ),
}


def _hint(case: _Case) -> str | None:
    if case.keyword == "enum" and isinstance(case.value, str):
        return did_you_mean(case.value, [v for v in case.wanted if isinstance(v, str)])
    wanted = [case.wanted] if isinstance(case.wanted, str) else case.wanted
    if case.keyword == "type" and "string" in wanted and isinstance(case.value, (int, float)):
        return "put it in quotes"
    if case.keyword == "type" and isinstance(case.value, str) and not case.is_secret:
        return _unquote(case.value, wanted)
    if case.keyword in ("pattern", "not") and isinstance(case.schema.get("description"), str):
        return str(case.schema["description"])
    return None


def _unquote(text: str, wanted: list[str]) -> str | None:
    is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None
    if is_number and ("number" in wanted or ("integer" in wanted and "." not in text)):
        return f"write {shorten(text)} without quotes"
    if "boolean" in wanted:
        word = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower())
        if word or text.lower() in ("true", "false"):
            return f"write {word or text.lower()}" + ("" if word else " without quotes")
    return None
