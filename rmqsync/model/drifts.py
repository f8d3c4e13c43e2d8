"""Drift over time: which objects somebody changed past git, since when, and how often it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One object that drifted at least once. Times are UTC, ISO 8601 with `Z`."""

    cluster: str
    address: str
    cause: str
    """`drift` or `both`."""
    since: str
    """First seen, this time."""
    times: int
    """How often it has come, 1 for the first time."""
    gone_at: str | None = None
    """`None` while it lasts."""


class Told(NamedTuple):
    """What came of looking once."""

    open: tuple[DriftRow, ...]
    new: tuple[DriftRow, ...]
    """Of `open`: not there when it was last looked."""
    gone: tuple[DriftRow, ...]
    known: frozenset[str]
    """Addresses that had drifted before, whether or not they still did."""


def looked(known: Iterable[DriftRow], cluster: str, causes: Mapping[str, str], at: str) -> Told:
    """Return what is to be known after a look that found these drifted (address to cause)."""
    rows = {one.address: one for one in known}
    found: list[DriftRow] = []
    new: list[DriftRow] = []
    for address, cause in causes.items():
        row = rows.get(address)
        if row is not None and row.gone_at is None:
            found.append(replace(row, cause=cause))
            continue
        times = 1 if row is None else row.times + 1
        fresh = DriftRow(cluster=cluster, address=address, cause=cause, since=at, times=times)
        found.append(fresh)
        new.append(fresh)
    gone = [
        replace(row, gone_at=at)
        for address, row in rows.items()
        if row.gone_at is None and address not in causes
    ]
    return Told(tuple(found), tuple(new), tuple(gone), frozenset(rows))
