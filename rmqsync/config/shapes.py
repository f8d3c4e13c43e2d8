"""
What a value of settings may look like: a shape parses it, and describes it as JSON Schema.

A shape raises `Bad` once its finding is recorded; whoever holds several values goes on with the
next, so that one reading finds all errors. Shapes of single strings are in `texts.py`, of mappings
with known keys in `tables.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Generic, Protocol, TypeVar, cast

from rmqsync.config.nodes import Bad, Node
from rmqsync.model.values import JsonValue
from rmqsync.text.nearest import did_you_mean

T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E", bound=Enum)
T_co = TypeVar("T_co", covariant=True)


class Shape(Protocol[T_co]):
    """One sort of value."""

    def parse(self, node: Node) -> T_co: ...

    def schema(self) -> dict[str, JsonValue]: ...

    def show(self, value: object) -> JsonValue:
        """Return a parsed value as people would write it; for defaults."""
        ...


class Either(Generic[T, U]):
    """A string of one shape, or a mapping of another."""

    def __init__(self, text: Shape[T], mapping: Shape[U]) -> None:
        self._text = text
        self._mapping = mapping

    def parse(self, node: Node) -> T | U:
        is_mapping = isinstance(node.value, Mapping)
        return self._mapping.parse(node) if is_mapping else self._text.parse(node)

    def schema(self) -> dict[str, JsonValue]:
        return {"anyOf": [self._text.schema(), self._mapping.schema()]}

    def show(self, value: object) -> JsonValue:
        return self._text.show(value) if isinstance(value, str) else self._mapping.show(value)


class ListOf(Generic[T]):
    """A list of one sort of value; the same value twice is an error."""

    def __init__(self, shape: Shape[T], *, least: int = 0) -> None:
        self.shape = shape
        self.least = least

    def parse(self, node: Node) -> tuple[T, ...]:
        if not isinstance(node.value, list):
            hint = "put it in [ ]" if isinstance(node.value, str) else None
            raise wrong(node, "a list", hint)
        values: list[T] = []
        failed = False
        for element in node.elements():
            try:
                value = self.shape.parse(element)
            except Bad:
                failed = True
                continue
            if value in values:
                element.bad(f"{quoted(element.value)} is listed twice", "remove one")
                failed = True
            values.append(value)
        if failed:
            raise Bad
        if len(values) < self.least:
            raise node.bad("the list is empty", f"name at least {self.least}")
        return tuple(values)

    def schema(self) -> dict[str, JsonValue]:
        schema: dict[str, JsonValue] = {"type": "array", "items": self.shape.schema()}
        if self.least:
            schema["minItems"] = self.least
        return schema | {"uniqueItems": True}

    def show(self, value: object) -> JsonValue:
        assert isinstance(value, tuple)
        return [self.shape.show(element) for element in value]


class MapOf(Generic[T]):
    """
    A mapping from names to one sort of value.

    `named` parses with the name at hand; with `gaps` a name without value counts as left out.
    """

    def __init__(
        self,
        shape: Shape[T],
        *,
        keys: str = r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
        what: str = "letters, digits, _ . and -",
        named: Callable[[str, Node], T] | None = None,
        gaps: bool = False,
    ) -> None:
        self.shape = shape
        self._gaps = gaps
        self._keys = re.compile(keys)
        self._what = what
        self._named = named

    def parse(self, node: Node) -> dict[str, T]:
        if not isinstance(node.value, Mapping):
            raise wrong(node, "a mapping", "of names to values")
        values: dict[str, T] = {}
        failed = False
        for key, member in node.members():
            if not self._keys.fullmatch(key):
                member.bad(f"'{key}' is no name", f"use {self._what}", key=True)
                failed = True
            if self._gaps and member.value is None:
                continue
            try:
                values[key] = self._named(key, member) if self._named else self.shape.parse(member)
            except Bad:
                failed = True
        if failed:
            raise Bad
        return values

    def schema(self) -> dict[str, JsonValue]:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{self._keys.pattern}$"},
            "additionalProperties": or_null(self.shape.schema())
            if self._gaps
            else self.shape.schema(),
        }

    def show(self, value: object) -> JsonValue:
        assert isinstance(value, Mapping)
        return {key: self.shape.show(member) for key, member in value.items()}


class Flag:
    """`true` or `false`."""

    def parse(self, node: Node) -> bool:
        if not isinstance(node.value, bool):
            raise wrong(node, "true or false")
        return node.value

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "boolean"}

    def show(self, value: object) -> JsonValue:
        return bool(value)


class Number(Generic[T]):
    """A number from `least` to `most`, whole if `cls` is `int`."""

    def __init__(self, cls: Callable[[int | float], T], least: T, most: T | None = None) -> None:
        self._whole = cls is int
        self._cls = cls
        self._least: float = cast(float, least)
        self._most = cast("float | None", most)

    def parse(self, node: Node) -> T:
        value = node.value
        kinds = int if self._whole else (int, float)
        what = "a whole number" if self._whole else "a number"
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise wrong(node, what)
        if not self._least <= value or (self._most is not None and value > self._most):
            wanted = f"{self._least} or more" if self._most is None else self._between
            raise node.bad(f"must be {wanted}, is {value}")
        return self._cls(value)

    @property
    def _between(self) -> str:
        return f"from {self._least} to {self._most}"

    def schema(self) -> dict[str, JsonValue]:
        schema: dict[str, JsonValue] = {"type": "integer" if self._whole else "number"}
        schema["minimum"] = self._least
        if self._most is not None:
            schema["maximum"] = self._most
        return schema

    def show(self, value: object) -> JsonValue:
        return cast(float, value)


class Choice(Generic[T]):
    """One of a few words, each of which stands for a value."""

    def __init__(self, words: Mapping[str, T]) -> None:
        self._words = dict(words)

    def parse(self, node: Node) -> T:
        if isinstance(node.value, str) and node.value in self._words:
            return self._words[node.value]
        near = did_you_mean(node.value, self._words) if isinstance(node.value, str) else None
        known = ", ".join(self._words)
        raise node.bad(f"must be one of {known}, is {quoted(node.value)}", near)

    def schema(self) -> dict[str, JsonValue]:
        return {"enum": list(self._words)}

    def show(self, value: object) -> JsonValue:
        return next(word for word, known in self._words.items() if known == value)


def quoted(value: object) -> str:
    """Return a value as a message may show it: of URLs without what stands before an `@`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        start, sign, rest = value.partition("://")
        host, slash, path = rest.partition("/")
        if "@" in host:
            host = "…" + host[host.rindex("@") :]
        return f"'{start}{sign}{host}{slash}{path}'"
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), str(value))


def wrong(node: Node, wanted: str, hint: str | None = None) -> Bad:
    """Record that a value is of the wrong type."""
    return node.bad(f"must be {wanted}, is {quoted(node.value)}", hint)


def words(members: Iterable[T], word: Callable[[T], str]) -> dict[str, T]:
    return {word(member): member for member in members}


def enumeration(cls: type[E]) -> Choice[E]:
    """Return the choice among the values of an enum of strings."""
    return Choice(words(cls, lambda member: str(member.value)))


def or_null(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a schema that also takes a key without value, which counts as left out."""
    kind = schema.get("type")
    if isinstance(kind, str) and "oneOf" not in schema:
        return schema | {"type": [kind, "null"]}
    choices = schema.get("enum")
    if isinstance(choices, list) and len(schema) == 1:
        return {"enum": [*choices, None]}
    return {"anyOf": [schema, {"type": "null"}]}
