"""Checks cron lines, and reads them. When one is due is left to the scheduler."""

from __future__ import annotations

import re

from rmqsync.model.counts import number_of

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
        return f"it has {number_of(len(fields), 'field')}, not {len(_FIELDS)}"
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if not _is_part(part, least, most, names):
                return f"'{part}' is no {name} ({least} to {most})"
    return None


def numbers(line: str) -> tuple[tuple[int, ...], ...]:
    """
    Return what each field of a right line means, sorted; days of the week from 0, Sunday, to 6.

    A step that is longer than its range leaves the first number alone. From `3/2` on it goes to
    the end, as from `3-59/2`.
    """
    return tuple(
        tuple(
            sorted({one for part in text.split(",") for one in _numbers(part, least, most, names)})
        )
        for text, (_, least, most, names) in zip(line.lower().split(), _FIELDS, strict=True)
    )


def _numbers(part: str, least: int, most: int, names: dict[str, int]) -> list[int]:
    bounds, _, step = part.partition("/")
    first, _, last = bounds.partition("-")
    low = least if first == "*" else _known(first, names)
    high = _known(last, names) if last else most if first == "*" or step else low
    found = range(low, high + 1, int(step or 1))
    return [one % 7 for one in found] if most == 7 else list(found)


def _known(text: str, names: dict[str, int]) -> int:
    found = _number(text, names)
    assert found is not None, "a line that was checked"
    return found


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
