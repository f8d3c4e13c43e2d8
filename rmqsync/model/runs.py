"""Runs as the history keeps them: who changed which cluster, when, from what, with what outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class RunStatus(Enum):
    """How a run ended on one cluster. The values are part of the history's format."""

    RUNNING = "running"
    APPLIED = "applied"
    HELD = "held"
    """Something was held back by a guard; what did not depend on it was done."""
    PARTIAL = "partial"
    """Some of it was done and some failed, or the result could not be verified."""
    FAILED = "failed"
    """Tried, and nothing was done."""
    REFUSED = "refused"
    """Not even tried: no lock, no rights, no backup."""
    INTERRUPTED = "interrupted"
    """Told to stop, or gone without a word, before all of it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """Who runs, from where, and why: the same for all clusters of a run."""

    run: str
    """A UUID, the same for all clusters of one run."""
    who: str
    """A person or token: by default the user of the system, `user@host`."""
    host: str
    process: str
    """Tells this process from all others, on this host and later ones: see `Processes`."""
    trigger: str = "cli"
    """What started it: `cli`, or a trigger of the daemon."""
    action: str = "apply"
    """`apply` or `rollback`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run on one cluster. Times are UTC, ISO 8601 with `Z`. Holds no secret."""

    run: str
    cluster: str
    started_at: str
    ended_at: str | None = None
    """`None` while it runs, and where it was killed."""
    trigger: str
    who: str
    host: str
    process: str
    action: str
    status: RunStatus
    exit_code: int | None = None
    """What the command would end with for this cluster alone; `None` while it runs."""
    commit: str | None = None
    """40 hex digits; `None` for a folder that is in no repository."""
    tree: str | None = None
    """Of the layer folders, as saved plans have it."""
    dirty: bool = False
    summary: Mapping[str, int] = field(default_factory=dict)
    """Counts of the plan document, and how many changes were `applied`, `failed`, `skipped`."""
    verified: bool | None = None
    """`None` while it runs, and where nothing was sent."""
    error: str | None = None
    backup: str | None = None
    """Path of the export from before the run; `None` where none was kept."""
    rmqsync_version: str
    document: str | None = field(default=None, repr=False)
    """
    Outcome as `apply --format json` gives it, of this cluster only, as JSON text.

    While it runs: the plan. `None` where it was not asked for.
    """
