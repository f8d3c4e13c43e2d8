"""Builds what a run leaves, backups and history, from settings. The other half of `wiring`."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rmqsync.app.journal import RunJournal, Written
from rmqsync.app.marking import now
from rmqsync.app.plan import Planned
from rmqsync.app.ports import ApprovalStore, BackupStore, CancelStore, DriftStore, RunStore
from rmqsync.model.approvals import Approval
from rmqsync.model.changes import ClusterResult, Plan
from rmqsync.model.errors import HistoryError, SourceError
from rmqsync.model.runs import Starter
from rmqsync.report.plan_json import dumps, plan_document
from rmqsync.wiring import Session

if TYPE_CHECKING:
    from rmqsync.report.document import ClusterDocument

NO_BACKUP = "none"
_UNMANAGED = 1_000
"""So many unmanaged objects the history names; the summary counts them all."""


def starter(who: str | None = None, *, trigger: str = "cli", action: str = "apply") -> Starter:
    """Return who begins a run now, with a new id; `who` is the user of the system by default."""
    from rmqsync.history import processes

    host = socket.gethostname()
    return Starter(
        run=str(uuid.uuid4()),
        who=who or f"{_user()}@{host}",
        host=host,
        process=processes.current(),
        trigger=trigger,
        action=action,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def open_history(opened: Session) -> RunStore:
    """Return the history of the settings. Raises `HistoryError` or `SourceError`; opens nothing."""
    from rmqsync.history.runs import RunHistory

    return RunHistory(_history_url(opened))


def open_drifts(opened: Session) -> DriftStore | None:
    """Return the drift log of the settings; `None` where there can be none. Opens nothing."""
    from rmqsync.history.drifts import DriftHistory

    try:
        return DriftHistory(_history_url(opened), float(opened.settings.daemon.keep_runs_s))
    except (HistoryError, SourceError):
        return None


def open_cancels(opened: Session) -> CancelStore | None:
    """Return what was called off; `None` where it can be kept nowhere. Opens nothing."""
    from rmqsync.history.cancels import CancelHistory

    try:
        return CancelHistory(_history_url(opened))
    except (HistoryError, SourceError):
        return None


class Approvals:
    """Fits `ApprovalStore`: that of the settings, opened when it is first asked."""

    def __init__(self, opened: Session) -> None:
        self._opened = opened

    @cached_property
    def _store(self) -> ApprovalStore:
        from rmqsync.history.approvals import ApprovalHistory

        try:
            return ApprovalHistory(_history_url(self._opened))
        except SourceError as error:
            raise HistoryError(str(error)) from error

    def add(self, approval: Approval) -> None:
        self._store.add(approval)

    def open(self, cluster: str, fingerprint: str | None = None) -> Sequence[Approval]:
        return self._store.open(cluster, fingerprint)

    def spend(self, ids: Iterable[str]) -> bool:
        return self._store.spend(ids)

    def revoke(self, cluster: str) -> int:
        return self._store.revoke(cluster)


def _history_url(opened: Session) -> str:
    chosen = opened.settings.daemon.history
    if chosen is None:
        return f"sqlite:///{os.path.join(opened.data_dir, 'history.sqlite')}"
    if isinstance(chosen, str):
        return chosen
    return opened.secrets.read_ref(chosen, "daemon.history")


def open_backups(opened: Session, chosen: str | None) -> BackupStore | None:
    """
    Return where backups go: `chosen` is a folder or `none`, by default it is as settings say.

    Raises `SourceError` where there is no data folder.
    """
    number = opened.settings.daemon.backups
    if chosen == NO_BACKUP or (chosen is None and number == 0):
        return None
    from rmqsync.history.backups import Backups
    from rmqsync.repo.local import make_private_folder, write_atomic

    def write(path: str, content: bytes) -> None:
        write_atomic(path, content, private=True)

    folder = chosen or os.path.join(opened.data_dir, "backups")
    return Backups(folder, number, write, make_private_folder)


def open_journal(
    opened: Session,
    begun: Starter,
    backup: str | None,
    exit_code: Callable[[ClusterResult], int],
    warn: Callable[[str], None],
) -> RunJournal:
    """
    Return the journal of one run. Without a history it says so and goes on.

    `backup` is a folder or `none`, by default it is as settings say. Raises `SourceError` where
    backups are wanted and there is no folder for them.
    """
    backups = open_backups(opened, backup)
    history: RunStore | None = None
    try:
        history = open_history(opened)
    except (HistoryError, SourceError) as error:
        warn(f"this run is missing in the history: {error}")
    keep_s = float(opened.settings.daemon.keep_runs_s)
    return RunJournal(begun, history, backups, keep_s, _written, exit_code, warn)


def _written(
    planned: Planned, result: ClusterResult | None, keys: Mapping[str, str | None]
) -> Written:
    plan = Plan(now(), planned.target.checkout.revision, (planned.plan,))
    results = None if result is None else [result]
    document = plan_document(plan, results, cluster_extra={planned.plan.name: dict(keys)})
    (cluster,) = document["clusters"]
    del cluster["unmanaged"][_UNMANAGED:]
    return Written(dumps(document, indent=None), _summary(cluster), cluster["error"])


def _summary(cluster: ClusterDocument) -> dict[str, int]:
    counts = Counter(change["result"] for change in cluster["changes"] if "result" in change)
    return {**cluster["summary"], **counts}  # type: ignore[dict-item]
