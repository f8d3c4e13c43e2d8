"""Windows bind every unattended run; the daemon looks at them by itself, and waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rmqsync.app.plan import Target
    from rmqsync.config.settings import Settings


def heeding(targets: Iterable[Target], settings: Settings) -> list[Target]:
    """Return clusters, each with why it is not to be changed now where no window is open."""
    return [_heeding(target, settings) for target in targets]


def _heeding(target: Target, settings: Settings) -> Target:
    windows = settings.clusters[target.name].windows
    if not windows or target.claim is None:
        return target
    from datetime import UTC, datetime

    from rmqsync.daemon.timing import Windows

    known, moment = Windows(windows), datetime.now(UTC)
    if known.is_open(moment):
        return target
    closed = f"the cluster is outside of its windows and waits {known.waits_for(moment)}"
    return replace(target, claim=replace(target.claim, closed=closed))
