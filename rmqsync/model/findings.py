"""Findings: what is wrong or doubtful, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Origin(NamedTuple):
    """Where a value was written. `line` and `column` count from 1; 0 is unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on definitions or settings. An error keeps anything from being planned."""

    code: str
    """Stable: `RMQ` and three digits. Groups: 0xx text, schema and references; 1xx and up lint."""
    severity: Severity
    message: str
    """What is wrong and the value, lower case, no full stop, never a secret."""
    source: Origin | None = None
    address: str | None = None
    hint: str | None = None
    """What to do: the nearest known key, the place of the other definition …"""

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: by place, then code."""
        source = self.source or Origin("")
        return (source.file, source.line, source.column, self.code, self.message)


def error(
    code: str,
    message: str,
    source: Origin | None = None,
    *,
    address: str | None = None,
    hint: str | None = None,
) -> Finding:
    return Finding(code, Severity.ERROR, message, source, address, hint)


def warning(
    code: str,
    message: str,
    source: Origin | None = None,
    *,
    address: str | None = None,
    hint: str | None = None,
) -> Finding:
    return Finding(code, Severity.WARNING, message, source, address, hint)


def note(
    code: str,
    message: str,
    source: Origin | None = None,
    *,
    address: str | None = None,
    hint: str | None = None,
) -> Finding:
    return Finding(code, Severity.NOTE, message, source, address, hint)
