"""
What a value of settings may look like: a shape parses it, and describes it as JSON Schema.

A shape raises `Bad` once its finding is recorded; whoever holds several values goes on with the
next, so that one reading finds all errors. `texts.py` holds the shapes of single strings.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Generic, Protocol, TypeVar, cast, overload

from rmqsync.config.nodes import MISSING_KEY, UNKNOWN_KEY, Bad, Node
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


_OPTION = "option"


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One key of a mapping: its spelling in the file, its shape, and what it means."""

    name: str
    shape: Shape[object]
    doc: str


@overload
def option(shape: Shape[T], doc: str, *, name: str | None = None) -> T: ...
@overload
def option(shape: Shape[T], doc: str, default: T, *, name: str | None = None) -> T: ...
def option(
    shape: Shape[T], doc: str, default: object = dataclasses.MISSING, *, name: str | None = None
) -> T:
    """
    Declare a field of a settings class that is read from a file. Without `default` it must be set.

    `doc` gives meaning, unit and what the default does: it is the field's only description.
    """
    metadata = {_OPTION: Option(name or "", shape, doc)}
    if isinstance(default, Mapping):
        return cast(T, dataclasses.field(default_factory=lambda: default, metadata=metadata))
    return cast(T, dataclasses.field(default=default, metadata=metadata))


def options(cls: type) -> dict[str, tuple[Option, dataclasses.Field[object]]]:
    """Return the keys that `cls` is read from, by spelling, in the order of the class."""
    table = {}
    for item in dataclasses.fields(cls):
        found = item.metadata.get(_OPTION)
        if isinstance(found, Option):
            name = found.name or item.name.removesuffix("_s")
            table[name] = (dataclasses.replace(found, name=name), item)
    return table


class Table(Generic[T]):
    """
    A mapping with the keys of a settings class.

    `check` looks at keys together and records what is wrong, also where single keys are; `finish`
    fills in what follows from others.
    """

    def __init__(
        self,
        cls: type[T],
        check: Callable[[Node], None] | None = None,
        finish: Callable[[Node, T], T] | None = None,
    ) -> None:
        self.cls = cls
        self.options = options(cls)
        self._check = check
        self._finish = finish

    def parse(self, node: Node, **extra: object) -> T:
        value = self.cls(**self.values(node), **extra)
        return self._finish(node, value) if self._finish else value

    def values(self, node: Node, *, partly: bool = False) -> dict[str, object]:
        """Return the constructor's arguments; with `partly` no key is missed."""
        if not isinstance(node.value, Mapping):
            raise wrong(node, "a mapping", f"with keys such as {', '.join(list(self.options)[:3])}")
        values: dict[str, object] = {}
        failed = False
        for key, member in node.members():
            if key not in self.options:
                member.bad(
                    "unknown key",
                    did_you_mean(key, self.options) or f"known are {', '.join(self.options)}",
                    code=UNKNOWN_KEY,
                    key=True,
                )
                failed = True
            elif member.value is not None:
                try:
                    values[self.options[key][1].name] = self.options[key][0].shape.parse(member)
                except Bad:
                    failed = True
        before = len(node.file.findings)
        if not partly:
            self._check_together(node)
        if failed or len(node.file.findings) > before:
            raise Bad
        return values

    def _check_together(self, node: Node) -> None:
        for key, (_, item) in self.options.items():
            if _is_required(item) and key not in node:
                node.bad(f"key '{key}' is missing", code=MISSING_KEY, key=True)
        if self._check:
            self._check(node)

    def schema(self) -> dict[str, JsonValue]:
        properties: dict[str, JsonValue] = {}
        required: list[str] = []
        for key, (found, item) in self.options.items():
            entry: dict[str, JsonValue] = {"description": found.doc}
            if _is_required(item):
                required.append(key)
                entry |= found.shape.schema()
            else:
                entry |= _or_null(found.shape.schema())
                default = item.default
                if default is dataclasses.MISSING:
                    assert item.default_factory is not dataclasses.MISSING
                    default = item.default_factory()
                if default is not None and not dataclasses.is_dataclass(default):
                    entry["default"] = found.shape.show(default)
            properties[key] = entry
        schema: dict[str, JsonValue] = {"type": "object", "additionalProperties": False}
        if required:
            schema["required"] = required
        return schema | {"properties": properties}

    def show(self, value: object) -> JsonValue:
        return {
            key: found.shape.show(getattr(value, item.name))
            for key, (found, item) in self.options.items()
            if getattr(value, item.name) is not None
        }


class Partly(Generic[T]):
    """Any keys of a table, none of which is missed."""

    def __init__(self, table: Table[T]) -> None:
        self._table = table

    def parse(self, node: Node) -> dict[str, object]:
        return self._table.values(node, partly=True)

    def schema(self) -> dict[str, JsonValue]:
        schema = self._table.schema()
        schema.pop("required", None)
        return schema

    def show(self, value: object) -> JsonValue:
        assert not value
        return {}


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
            hint = f"write [{node.value}]" if isinstance(node.value, str) else None
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
    """A mapping from names to one sort of value; `named` parses with the name at hand."""

    def __init__(
        self,
        shape: Shape[T],
        *,
        keys: str = r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
        what: str = "letters, digits, _ . and -",
        named: Callable[[str, Node], T] | None = None,
    ) -> None:
        self.shape = shape
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
            "additionalProperties": self.shape.schema(),
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
        raise node.bad(f"{quoted(node.value)} is none of {known}", near)

    def schema(self) -> dict[str, JsonValue]:
        return {"enum": list(self._words)}

    def show(self, value: object) -> JsonValue:
        return next(word for word, known in self._words.items() if known == value)


def quoted(value: object) -> str:
    """Return a value as a message names it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), str(value))


def wrong(node: Node, wanted: str, hint: str | None = None) -> Bad:
    """Record that a value is of the wrong type."""
    return node.bad(f"must be {wanted}, is {quoted(node.value)}", hint)


def words(members: Iterable[T], word: Callable[[T], str]) -> dict[str, T]:
    return {word(member): member for member in members}


def enumeration(cls: type[E]) -> Choice[E]:
    """Return the choice among the values of an enum of strings."""
    return Choice(words(cls, lambda member: str(member.value)))


def _is_required(item: dataclasses.Field[object]) -> bool:
    missing = dataclasses.MISSING
    return item.default is missing and item.default_factory is missing


def _or_null(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a schema that also takes a key without value, which counts as left out."""
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return schema | {"type": [kind, "null"]}
    choices = schema.get("enum")
    if isinstance(choices, list) and len(schema) == 1:
        return {"enum": [*choices, None]}
    return {"anyOf": [schema, {"type": "null"}]}
