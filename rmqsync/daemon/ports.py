"""What pages, API and webhooks ask of the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rmqsync.daemon.documents import (
    ClusterDetailDocument,
    DriftReportDocument,
    FleetDocument,
    ObjectDocument,
    TopologyDocument,
)
from rmqsync.model.approvals import Approval
from rmqsync.model.errors import RmqsyncError
from rmqsync.report.document import PlanDocument, RunsDocument

SHORT = 16
"""Characters of a token; one with fewer may be guessed, and is warned of."""


class Unknown(RmqsyncError):
    """There is no such cluster, object or run; the message says what there is."""


class Busy(RmqsyncError):
    """So many look at clusters now that one more has to come again."""


class Service(Protocol):
    """
    A running daemon. Thread-safe.

    Everything that names a cluster, an object or a run raises `Unknown` for one that is not there.
    """

    @property
    def version(self) -> int:
        """A number that grows whenever anything that is shown has changed."""

    def problems(self) -> Sequence[str]:
        """Return why it is not ready: settings, git never fetched, no history. Never a broker."""

    def is_alive(self) -> bool:
        """Tell whether the loop ticks."""

    def fleet(self) -> FleetDocument: ...

    def cluster(self, name: str) -> ClusterDetailDocument: ...

    def drift(self) -> DriftReportDocument:
        """Return what has drifted on all clusters, as they were last seen."""

    def topology(self, name: str) -> TopologyDocument:
        """Return what is there now, and what is declared. Raises `BrokerError` or `Busy` too."""

    def object(self, name: str, address: str) -> ObjectDocument:
        """Return one object, live and declared. Raises `BrokerError` or `Busy` too."""

    def runs(self, cluster: str | None = None, limit: int = 50) -> RunsDocument:
        """Return past runs, newest first. Raises `HistoryError` too."""

    def run(self, run: str) -> PlanDocument:
        """Return one run by its id, or the beginning of it. Raises `HistoryError` too."""

    def fetch(self, trigger: str) -> None:
        """Look for new commits now; returns at once."""

    def plan(self, name: str, who: str) -> None:
        """Compare a cluster now, and change nothing; returns at once."""

    def sync(self, name: str, who: str) -> str | None:
        """
        Run a cluster now, whatever it waits for but a window or a pause; returns at once.

        Where nothing will be applied, the answer is a sentence that says why. What was cancelled
        waits for its window again.
        """

    def cancel(self, name: str, who: str) -> bool:
        """Give up a run that waits for its window; return whether there was one."""

    def pause(self, name: str, reason: str, who: str, until: str | None = None) -> None:
        """Raises `BrokerError` or `Refused` too."""

    def resume(self, name: str, who: str) -> bool:
        """Return whether it was paused or pinned. Raises `BrokerError` or `Refused` too."""

    def approve(
        self,
        name: str,
        who: str,
        fingerprint: str,
        addresses: Sequence[str] = (),
        reason: str | None = None,
    ) -> Approval:
        """
        Allow held changes of the plan with this fingerprint; none named: all that can be allowed.

        It counts for a day, or until the next window is over where that is later. Raises `Refused`
        where the plan is another one by now or one of them cannot be approved, `BrokerError`,
        `Busy` and `HistoryError`.
        """
