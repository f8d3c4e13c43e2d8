"""How each cluster stands: what cycles found, told once on the board, in the log and to people."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rmqsync.app import marking
from rmqsync.app.plan import Planned
from rmqsync.daemon.board import Board
from rmqsync.daemon.cancels import Cancels
from rmqsync.daemon.outlook import View, view_of
from rmqsync.daemon.timing import back_off_s
from rmqsync.daemon.watch import Watch
from rmqsync.model.changes import Status

LOG = logging.getLogger("rmqsync.daemon")


@dataclass(slots=True)
class Trouble:
    """What keeps a cluster back."""

    failures: int = 0
    """Cycles in a row that failed, those too that could not read it."""
    failed_runs: int = 0
    """Runs in a row that failed; what could not be read between them was none."""
    retry_at: float = 0.0
    """On the monotonic clock; 0 where the last run did not fail."""
    error: str | None = None
    """What the last run ended with."""
    warned: str | None = None
    """What was last said of its lock."""
    behind: tuple[str, str | None] | None = None
    """Why the commit in force was found to be behind, and that commit."""


class Standing:
    """What each cluster's cycles found. Thread-safe while no cluster is in two of them at once."""

    def __init__(self, board: Board, watch: Watch, cancels: Cancels) -> None:
        self.board = board
        self.watch = watch
        self._cancels = cancels
        self._trouble = {one["name"]: Trouble() for one in board.clusters()}

    def trouble(self, name: str) -> Trouble:
        return self._trouble[name]

    def warn(self, name: str, warnings: Sequence[str]) -> None:
        """Log what is said of the lock of a cluster, each once while it is the same."""
        for warning in warnings:
            if warning != self._trouble[name].warned:
                self._trouble[name].warned = warning
                LOG.warning("%s", warning)

    def show(self, name: str, planned: Planned, *, failed: bool = False) -> View:
        """Put what was found on the board, and tell who wants to know."""
        before, trouble = self.board.cluster(name), self._trouble[name]
        is_open = planned.plan.status is Status.OK and has_to_write(planned)
        failed = failed or (is_open and trouble.retry_at > 0)  # until another run has not failed
        view = view_of(planned, failed=failed)
        drifts = before["drifts"]
        noted = None
        if planned.plan.status is Status.OK:
            noted = self.watch.noted(name, view.drifted)
            drifts = noted.open
        found: dict[str, Any] = {**view.keys, "drifts": drifts, "drifted": len(drifts)}
        if planned.plan.status is Status.OK:
            found["checked_at"] = marking.now()
        if failed:
            found["error"] = trouble.error
        if not is_open:
            found["waits"] = None  # else it stays as it is until that is decided
        after = self.board.set_cluster(name, **found)
        self.watch.changed(after, noted, in_run=failed)
        return view

    def settled(self, name: str, view: View) -> None:
        """Say that a cycle left nothing to do, or nothing that it may do."""
        self.worked(name)
        self._trouble[name].failures = 0
        changes: dict[str, Any] = {"failures": 0}
        if view.keys["sync"] == "in-sync":
            changes["last_success_at"] = marking.now()
            self._cancels.over(name)
        self.board.set_cluster(name, **changes)

    def worked(self, name: str) -> None:
        """Say that nothing has to be tried again."""
        self._trouble[name].failed_runs = 0
        self._trouble[name].retry_at = 0.0

    def failed(self, name: str, error: str) -> None:
        """Say that a cycle came to no plan, or broke off in its run."""
        self.count_failure(name, hammers=False)
        after = self.board.set_cluster(name, sync="failed", error=error)
        self.watch.changed(after, None, in_run=after["running"] == "applying")

    def count_failure(self, name: str, *, hammers: bool) -> None:
        """Count a cycle that failed; `hammers`: trying again at once would send it all again."""
        trouble = self._trouble[name]
        trouble.failures += 1
        if hammers:
            trouble.failed_runs += 1
            trouble.retry_at = time.monotonic() + back_off_s(trouble.failed_runs)
        self.board.set_cluster(name, failures=trouble.failures)

    def cancelled(self, name: str, fingerprint: str, who: str) -> None:
        """Say that somebody called off a plan that waited."""
        self._cancels.add(name, fingerprint, who)
        self.is_cancelled(name, fingerprint)

    def taken_back(self, name: str, fingerprint: str | None) -> bool:
        """Say that it is to be applied after all; return whether that could be written down."""
        return self._cancels.take_back(name, fingerprint)

    def is_cancelled(self, name: str, fingerprint: str | None) -> bool:
        """Tell whether a plan was called off, and by whom on the board where it was."""
        who = None if fingerprint is None else self._cancels.by(name, fingerprint)
        if who is None:
            return False
        text = (
            f"{who} cancelled what waited for its window: it is not applied until "
            "the plan is another one, or somebody syncs it"
        )
        self.waits(name, "cancelled", None, text)
        return True

    def waits(self, name: str, reason: str, until: str | None, text: str) -> None:
        """Say what its changes wait for: `reason` as in `WaitDocument`."""
        self.board.set_cluster(name, waits={"reason": reason, "until": until, "text": text})


def has_to_write(planned: Planned) -> bool:
    """Tell whether a run would write, and may at all: `mode: report` never does."""
    return planned.target.writable and marking.has_to_write(planned)
