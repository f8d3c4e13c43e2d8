"""Shapes of single strings: addresses, durations, schedules, folders, names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from rmqsync.config import cron
from rmqsync.config.nodes import Node
from rmqsync.config.shapes import quoted, wrong
from rmqsync.model.address import Pattern
from rmqsync.model.values import JsonValue
from rmqsync.text.nearest import did_you_mean


class Text:
    """A string that is not empty, and matches `pattern` whole; `what` says so in words."""

    def __init__(self, pattern: str | None = None, what: str | None = None) -> None:
        self.pattern = pattern
        self._what = what
        self._regex = re.compile(pattern) if pattern else None

    def parse(self, node: Node) -> str:
        value = node.value
        if not isinstance(value, str):
            hint = "put it in quotes" if isinstance(value, (bool, int, float)) else None
            raise wrong(node, "a string", hint)
        if not value:
            raise node.bad("is empty")
        if self._regex and not self._regex.fullmatch(value):
            raise node.bad(f"{quoted(value)} is not {self._what}")
        return value

    def schema(self) -> dict[str, JsonValue]:
        schema: dict[str, JsonValue] = {"type": "string", "minLength": 1}
        if self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema

    def show(self, value: object) -> JsonValue:
        return str(value)


class AnyText(Text):
    """A string, also an empty one."""

    def parse(self, node: Node) -> str:
        return "" if node.value == "" else super().parse(node)

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "string"}


class Path(Text):
    """A path of the operator's machine; made absolute from the folder of the file it is in."""

    def parse(self, node: Node) -> str:
        return node.absolute(super().parse(node))


class Folder(Text):
    """A folder inside a repository: relative, without `..`; made plain (`a//b/` is `a/b`)."""

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        plain = posixpath.normpath(value)
        if value.startswith("/") or ".." in value.split("/"):
            raise node.bad(f"'{value}' must be a relative folder without '..'")
        if plain == ".":
            raise node.bad(f"'{value}' must name a folder", "move the files into one")
        return plain


_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class Duration(Text):
    """A time as `60s`, `5m`, `2h` or `1d`; parsed to seconds."""

    def __init__(self) -> None:
        super().__init__("[1-9][0-9]{0,8}[smhd]", "a duration: a number and s, m, h or d, as in 5m")

    def parse(self, node: Node) -> int:  # type: ignore[override]
        value = super().parse(node)
        return int(value[:-1]) * _UNITS[value[-1]]

    def show(self, value: object) -> JsonValue:
        assert isinstance(value, int)
        if value == 60:
            return "60s"
        unit = next(unit for unit, length in _UNITS.items() if value % length == 0)
        return f"{value // _UNITS[unit]}{unit}"


class Cron(Text):
    """A cron line of five fields."""

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        problem = cron.problem(value)
        if problem:
            raise node.bad(f"'{value}' is no cron line: {problem}", "write it as in '*/10 * * * *'")
        return " ".join(value.split())


class TimeZone(Text):
    """
    The name of a time zone, as the tz database of this machine has it.

    Where there is none, any name may be right.
    """

    def __init__(self) -> None:
        super().__init__(
            r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", "a time zone such as Asia/Shanghai"
        )

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        if not _is_zone(value):
            from zoneinfo import available_timezones

            known = sorted(available_timezones())
            if known:
                near = did_you_mean(value, known) or "name one such as Asia/Shanghai"
                raise node.bad(f"there is no time zone '{value}' in the tz database", near)
        return value


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class Glob(Text):
    """A glob over addresses, `kind:vhost/name`."""

    def __init__(self) -> None:
        super().__init__(
            r"\*|[a-z_*?\[\]!]+:.+",
            "a pattern over addresses, as in 'queue:shop/*' or 'vhost:*'",
        )

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        _check_kind(node, value.partition(":")[0])
        return value


class KindGlob(Text):
    """A glob over the names of kinds; with `plain` a name."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__(
            "[a-z_]+" if plain else r"[a-z_*?\[\]!]+", "a kind, as in 'queue' or 'user'"
        )

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        _check_kind(node, value)
        return value


def _check_kind(node: Node, pattern: str) -> None:
    """A pattern that can match nothing would protect nothing."""
    kinds = node.file.kinds
    if kinds and not any(Pattern(pattern).matches(kind) for kind in kinds):
        near = did_you_mean(pattern, kinds)
        raise node.bad(f"there is no kind '{pattern}'", near or f"kinds are {', '.join(kinds)}")


class Url(Text):
    """
    A URL with one of `schemes`, a host and nothing secret.

    `check` looks at the rest and returns the plain form, or raises.
    """

    def __init__(self, schemes: tuple[str, ...], check: Callable[[Node, SplitResult], str]) -> None:
        super().__init__()
        self._schemes = schemes
        self._check = check

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            raise node.bad(f"{_shown(value)} has no valid host and port") from None
        if parts.scheme not in self._schemes:
            raise node.bad(
                f"{_shown(value)} is no address for this", f"it starts with {self._starts}"
            )
        if parts.scheme != "file" and (not _is_host(parts.hostname) or port == 0):
            raise node.bad(f"{_shown(value)} has no valid host and port")
        return self._check(node, parts)

    @property
    def _starts(self) -> str:
        return " or ".join(f"{s}:" if s == "file" else f"{s}://" for s in self._schemes)

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "string", "pattern": f"^(?:{'|'.join(self._schemes)}):"}


_HOST = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]+"
)


def _is_host(host: str | None) -> bool:
    return bool(host and _HOST.fullmatch(host))


def _shown(url: str) -> str:
    """Quote what may be no URL at all, without what may be user and password."""
    before, at, rest = url.rpartition("@")
    return quoted(f"…@{rest}" if at and before else url)
