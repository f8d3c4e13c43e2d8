"""
Mappings with known keys: a settings class is the table that both its parser and its schema read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar, cast, overload

from rmqsync.config.nodes import MISSING_KEY, UNKNOWN_KEY, Bad, Node
from rmqsync.config.shapes import Shape, or_null, wrong
from rmqsync.model.values import JsonValue
from rmqsync.text.nearest import did_you_mean

T = TypeVar("T")

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

    def schema(self, *, partly: bool = False) -> dict[str, JsonValue]:
        properties: dict[str, JsonValue] = {}
        required: list[str] = []
        for key, (found, item) in self.options.items():
            entry: dict[str, JsonValue] = {"description": found.doc}
            if _is_required(item) and not partly:
                required.append(key)
                entry |= found.shape.schema()
            else:
                entry |= or_null(found.shape.schema())
                default = _default(item)
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
        return self._table.schema(partly=True)

    def show(self, value: object) -> JsonValue:
        assert not value
        return {}


def _is_required(item: dataclasses.Field[object]) -> bool:
    missing = dataclasses.MISSING
    return item.default is missing and item.default_factory is missing


def _default(item: dataclasses.Field[object]) -> object:
    """Return the default of a key; `None` where there is none."""
    if item.default is not dataclasses.MISSING:
        return item.default
    return None if _is_required(item) else cast("Callable[[], object]", item.default_factory)()
