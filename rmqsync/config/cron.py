"""Checks cron lines. When one is due is left to the scheduler."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)

_PART = re.compile(r"(?P<first>\*|[0-9a-z]+)(-(?P<last>[0-9a-z]+))?(/(?P<step>[0-9]+))?")


def problem(line: str) -> str | None:
    """
    Return what is wrong with a cron line; `None` if it is right.

    Five fields, each a list of `*`, `3`, `1-5`, `*/10`, `8-18/2`; months and days of the week also
    by name. Sunday is 0 or 7, as in crontab(5). The broker of this line must keep to that.
    """
    fields = line.lower().split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields, not {len(_FIELDS)}"
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if not _is_part(part, least, most, names):
                return f"'{part}' is no {name} ({least} to {most})"
    return None


def _is_part(part: str, least: int, most: int, names: dict[str, int]) -> bool:
    match = _PART.fullmatch(part)
    if not match:
        return False
    if match["step"] and not 1 <= int(match["step"]) <= most:
        return False
    if match["first"] == "*":
        return match["last"] is None
    bounds = [_number(text, names) for text in (match["first"], match["last"]) if text is not None]
    known = [bound for bound in bounds if bound is not None]
    return (
        len(known) == len(bounds)
        and known == sorted(known)
        and least <= known[0]
        and known[-1] <= most
    )


def _number(text: str, names: dict[str, int]) -> int | None:
    return int(text) if text.isdigit() else names.get(text)
