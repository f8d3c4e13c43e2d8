"""
References to secrets, and which addresses may use them.

Nothing here knows a secret's value: `repo/secrets.py` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from rmqsync.config.nodes import Node
from rmqsync.config.shapes import ListOf
from rmqsync.config.tables import Table, option
from rmqsync.config.texts import Glob, Path, Text
from rmqsync.model.address import Pattern
from rmqsync.model.values import JsonValue

R = TypeVar("R", bound="SecretRef")

_VARIABLE = Text("[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret value is read from: exactly one of the two."""

    env: str | None = option(_VARIABLE, "Environment variable that holds the value.", None)
    file: str | None = option(
        Path(),
        "File that holds the value, relative to this file; one trailing newline is cut.",
        None,
    )

    def __post_init__(self) -> None:
        if (self.env is None) is (self.file is None):
            raise ValueError("a secret needs env or file, and not both")

    def __str__(self) -> str:
        """As a message names it."""
        return f"file '{self.file}'" if self.env is None else f"environment variable {self.env}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource(SecretRef):
    """A secret that definitions may name."""

    patterns: tuple[str, ...] = option(
        ListOf(Glob(), least=1),
        "Addresses that may use this secret, as patterns: 'user:order-svc', "
        "'federation_upstream:*/*'.",
        name="for",
    )

    def allows(self, address: str) -> bool:
        """Tell whether the object at `address` may use this secret."""
        return allowed(self.patterns, address)


def allowed(patterns: Iterable[str], address: str) -> bool:
    """Tell whether one of `patterns` matches the whole of `address`."""
    return any(Pattern(text).matches(address) for text in patterns)


def _check(node: Node) -> None:
    if ("env" in node) is ("file" in node):
        node.bad("needs either env or file", "write {env: NAME} or {file: PATH}")


class Ref(Generic[R]):
    """A reference to a secret. The secret itself is an error, and is not repeated in it."""

    def __init__(self, cls: type[R]) -> None:
        self._table = Table(cls, check=_check)

    def parse(self, node: Node) -> R:
        if not isinstance(node.value, Mapping):
            raise node.bad(
                "must not be written here", "refer to it with {env: NAME} or {file: PATH}"
            )
        return self._table.parse(node)

    def schema(self) -> dict[str, JsonValue]:
        either: list[JsonValue] = [
            {"required": [key], "properties": {key: {"type": "string"}}} for key in ("env", "file")
        ]
        return self._table.schema() | {"oneOf": either}

    def show(self, value: object) -> JsonValue:
        return self._table.show(value)
