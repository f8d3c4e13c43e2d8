"""What is told of cycles besides the board: the drift log, notifications and the drift report."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rmqsync.daemon.documents import ClusterDetailDocument
from rmqsync.daemon.drifts import DriftLog, Noted
from rmqsync.daemon.happenings import happenings, run_happening
from rmqsync.daemon.notify import Notifier
from rmqsync.report.document import ChangeDocument, ClusterDocument
from rmqsync.wiring import now

LOG = logging.getLogger("rmqsync.daemon")


class Watch:
    """Thread-safe; never raises."""

    def __init__(self, log: DriftLog, notifier: Notifier) -> None:
        self._log = log
        self._notifier = notifier

    def noted(self, cluster: str, drifted: Sequence[ChangeDocument]) -> Noted:
        """Write down what has drifted now; return what is open, new and gone."""
        return self._log.note(cluster, drifted, now())

    def changed(
        self,
        before: ClusterDetailDocument,
        after: ClusterDetailDocument,
        noted: Noted | None,
    ) -> None:
        """Tell of what is another way now."""
        for one in happenings(before, after, noted):
            LOG.info("cluster %s: %s", one.cluster, one.title)
            self._notifier.tell(one)

    def ran(self, cluster: str, status: str, outcome: ClusterDocument, run: str) -> None:
        """Tell of a run that changed something."""
        found = run_happening(cluster, status, outcome, run)
        if found is not None:
            self._notifier.tell(found)
