"""What is told of cycles besides the board: the drift log, its reports, and notifications."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rmqsync.app.marking import now
from rmqsync.config.settings import Event
from rmqsync.daemon.documents import ClusterDetailDocument
from rmqsync.daemon.drifts import DriftLog, Noted
from rmqsync.daemon.happenings import Said, happenings, losses, run_happening
from rmqsync.daemon.notify import Notifier
from rmqsync.daemon.reports import Reports
from rmqsync.report.document import ChangeDocument, ClusterDocument

LOG = logging.getLogger("rmqsync.daemon")


class Watch:
    """Thread-safe, as long as no cluster is in two cycles at once; never raises."""

    def __init__(self, log: DriftLog, notifier: Notifier, reports: Reports) -> None:
        self._log = log
        self._notifier = notifier
        self._reports = reports
        self._told: dict[str, Said] = {}
        self._taken: dict[str, frozenset[str]] = {}

    def noted(self, cluster: str, drifted: Sequence[ChangeDocument]) -> Noted:
        """Write down what has drifted now; return what is open, new and gone."""
        return self._log.note(cluster, drifted, now())

    def changed(
        self, after: ClusterDetailDocument, noted: Noted | None, *, in_run: bool = False
    ) -> None:
        """Tell of what is another way now; `in_run` as in `happenings`."""
        name = after["name"]
        if noted is not None:
            self._reports.changed(after)
        told = self._told.get(name, Said())
        found, self._told[name] = happenings(told, after, noted, in_run=in_run)
        lost, self._taken[name] = losses(self._taken.get(name, frozenset()), after)
        for one in (*found, *lost):
            is_calm = one.is_good or one.event is Event.DRIFT
            level = logging.INFO if is_calm else logging.WARNING
            LOG.log(level, "%s%s", one.title, f": {'; '.join(one.lines)}" if one.lines else "")
            self._notifier.tell(one)

    def ran(self, cluster: str, status: str, outcome: ClusterDocument, run: str) -> None:
        """Tell of a run that changed something."""
        found = run_happening(cluster, status, outcome, run)
        if found is not None:
            self._notifier.tell(found)
