"""
The journal of a run: a backup before the first write, and a row in the history for each cluster.

Without a backup nothing is written. The history is a record and no state: that it is locked, gone
or broken is told, and stops nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from rmqsync.app.plan import Planned
from rmqsync.app.ports import BackupStore, RunStore
from rmqsync.loading.export_part import part_of_export
from rmqsync.loading.scope import Scope
from rmqsync.model.changes import ClusterResult, HoldCode, Outcome
from rmqsync.model.errors import BrokerError, HistoryError, Refused, SourceError
from rmqsync.model.runs import RunRecord, RunStatus, Starter
from rmqsync.version import __version__


class Written(NamedTuple):
    """An outcome, or the plan while there is none, as the history keeps it."""

    document: str
    """JSON text."""
    summary: Mapping[str, int]
    error: str | None


_NOT_YET = "the history does not have this run yet, it is written again when that ends"
_NO_END = "how this run ended is missing in the history"
_MISSING = "this run is missing in the history"

Writer = Callable[[Planned, ClusterResult | None, Mapping[str, str | None]], Written]
"""The mapping holds keys to add to the cluster in the document."""


class Unrecorded:
    """Fits `Journal`: leaves nothing."""

    run: str | None = None

    def before_first_write(self, planned: Planned, *, fresh: bool) -> None:
        del planned, fresh

    def finished(self, planned: Planned, result: ClusterResult) -> ClusterResult:
        del planned
        return result


@dataclass(slots=True)
class RunJournal:
    """Fits `Journal`. For one run over several clusters, each in a thread of its own."""

    starter: Starter
    history: RunStore | None
    """`None` where there can be none; whoever made this has said why."""
    backups: BackupStore | None
    """`None` where none are wanted."""
    keep_s: float
    """How long runs stay in the history."""
    write: Writer
    exit_code: Callable[[ClusterResult], int]
    """What the command would end with for this cluster alone."""
    warn: Callable[[str], None] = lambda _text: None
    records: dict[str, RunRecord] = field(default_factory=dict)
    """By the name of the cluster, without documents; grows."""
    _warned: set[str] = field(default_factory=set)
    _begun: set[str] = field(default_factory=set)
    """Clusters of which the history has the run since it began."""

    @property
    def run(self) -> str:
        return self.starter.run

    def keys(self) -> dict[str, dict[str, str | None]]:
        """Return what the outcome says of each cluster that was recorded."""
        return {name: _keys(record) for name, record in self.records.items()}

    def before_first_write(self, planned: Planned, *, fresh: bool) -> None:
        if not planned.plan.applicable:
            return
        backup = None if self.backups is None else self._back_up(self.backups, planned, fresh)
        record = replace(self._record(planned, RunStatus.RUNNING), backup=backup)
        self.records[planned.plan.name] = record
        written = self.write(planned, None, _keys(record))
        if self._tell(lambda history: history.begin(_with(record, written)), _NOT_YET):
            self._begun.add(planned.plan.name)

    def finished(self, planned: Planned, result: ClusterResult) -> ClusterResult:
        if not planned.plan.changes:
            return result
        before = self.records.get(planned.plan.name) or self._record(planned, RunStatus.RUNNING)
        record = replace(
            before,
            status=status_of(result),
            exit_code=self.exit_code(result),
            ended_at=_now(),
            verified=result.verified,
        )
        self.records[planned.plan.name] = record
        written = self.write(planned, result, _keys(record))
        trouble = _NO_END if planned.plan.name in self._begun else _MISSING
        self._tell(lambda history: history.end(_with(record, written), self.keep_s), trouble)
        return result

    def _back_up(self, backups: BackupStore, planned: Planned, fresh: bool) -> str:
        name = planned.plan.name
        try:
            content = planned.target.reader.export(again=not fresh)
            return backups.keep(name, self.starter.run, _in_scope(content, planned))
        except (SourceError, BrokerError) as error:
            raise Refused(
                f"no backup could be kept: {error}; mend that, or go without with --backup none, "
                "as a daemon with daemon.backups: 0"
            ) from error

    def _record(self, planned: Planned, status: RunStatus) -> RunRecord:
        checkout, starter = planned.target.checkout, self.starter
        return RunRecord(
            run=starter.run,
            cluster=planned.plan.name,
            started_at=_now(),
            trigger=starter.trigger,
            who=starter.who,
            host=starter.host,
            process=starter.process,
            action=starter.action,
            status=status,
            commit=checkout.revision.commit,
            tree=checkout.tree(planned.target.layers),
            dirty=checkout.revision.dirty,
            rmqsync_version=__version__,
        )

    def _tell(self, write: Callable[[RunStore], None], trouble: str) -> bool:
        """Write to the history and return whether that worked; warn once where it did not."""
        try:
            if self.history is not None:
                write(self.history)
        except HistoryError as error:
            text = f"{trouble}: {error}"
            if text not in self._warned:
                self._warned.add(text)
                self.warn(text)
            return False
        return True


def status_of(result: ClusterResult) -> RunStatus:
    """Return how a run ended on one cluster. Held is what a person has to look at, not drift."""
    pairs = list(zip(result.plan.changes, result.results, strict=False))
    outcomes = {one.outcome for _, one in pairs}
    holds = [one.hold or change.hold for change, one in pairs if one.outcome is Outcome.SKIPPED]
    unsent = any(hold is None for hold in holds) or len(pairs) < len(result.plan.changes)
    done, failed = Outcome.APPLIED in outcomes, Outcome.FAILED in outcomes
    if result.interrupted and unsent:
        return RunStatus.INTERRUPTED
    if done:
        clean = not failed and not unsent and result.verified is not False
        if not clean:
            return RunStatus.PARTIAL
    elif failed or result.verified is False:
        return RunStatus.FAILED
    elif unsent:
        return RunStatus.REFUSED
    held = any(hold is not None and hold.code is not HoldCode.DRIFT for hold in holds)
    return RunStatus.HELD if held else RunStatus.APPLIED


def _in_scope(content: bytes, planned: Planned) -> bytes:
    """Return an export as it is, or without what this repository does not manage at all."""
    options = planned.target.options
    scope = Scope(options.scope_vhosts, options.scope_kinds)
    if scope.everything:
        return content
    part = part_of_export(json.loads(content), scope)
    return json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _keys(record: RunRecord) -> dict[str, str | None]:
    return {"run": record.run, "backup": record.backup}


def _with(record: RunRecord, written: Written) -> RunRecord:
    return replace(record, document=written.document, summary=written.summary, error=written.error)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
