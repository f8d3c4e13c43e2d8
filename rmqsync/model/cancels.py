"""Cancellations: a person's no to a plan that waits, for as long as it is the same plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The last one of a cluster."""

    cluster: str
    fingerprint: str
    """Of the plan as it is without any approval."""
    who: str
    at: str
    """UTC, ISO 8601 with `Z`."""
