"""Approvals: a person's yes to held changes of one plan, for an unattended run to come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Counts for one run of one plan, until a time. Times are UTC, ISO 8601 with `Z`."""

    id: str
    """A UUID."""
    cluster: str
    fingerprint: str
    """Of the plan as it is without any approval."""
    addresses: tuple[str, ...]
    """Of the held changes that may go ahead."""
    who: str
    reason: str | None = None
    at: str
    until: str
