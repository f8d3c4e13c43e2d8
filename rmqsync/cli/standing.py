"""What `pause`, `resume` and `disown` share."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from rmqsync.app.lock import Waiting
from rmqsync.app.plan import Target
from rmqsync.cli.options import Common
from rmqsync.cli.output import say
from rmqsync.model.errors import UsageError
from rmqsync.model.times import stamp
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session


def target_of(opened: Session, cluster: str, shared: Common) -> Target:
    """Return one cluster that may be written; raises `UsageError` for any other."""
    name = opened.name(cluster)
    target = opened.target(name, RunOptions(timeout_s=shared.timeout))
    if target.claim is None or opened.settings.clusters[name].snapshot is not None:
        raise UsageError(f"cluster '{name}' is a file: it has no marker")
    if not target.writable:
        raise UsageError(f"cluster '{name}' has mode: report in the settings: it is never written")
    return target


def waiting(shared: Common, timeout_s: float) -> Waiting:
    """Return how to wait for the lock."""
    del shared
    return Waiting(timeout_s, say)


def user() -> str:
    """Return who runs this, as others know them: user@host."""
    from rmqsync.wiring_history import starter

    return starter().who


def end_of(length: str | None) -> str | None:
    """Return when a time from now is over: UTC, ISO 8601. Raises for what is no duration."""
    if length is None:
        return None
    found = re.fullmatch(r"([0-9]+)([smhd])", length)
    if found is None or int(found[1]) == 0 or len(found[1]) > 6:
        raise click.BadParameter(f"--for {length}: write a number and s, m, h or d, such as 2h")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    end = datetime.now(UTC) + timedelta(**{unit: int(found[1])})
    return stamp(end)
