"""Times as markers, plans, history and pages have them."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """Return a time in UTC, ISO 8601, to the second; as texts they sort like the times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
