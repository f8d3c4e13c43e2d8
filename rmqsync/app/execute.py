"""
Send the changes of one plan to one cluster: in order, concurrently where the order allows.

A failing object stops only what depends on it. Creations go up in bulk where that pays; when the
broker refuses a bulk, its objects are sent one by one, so that every bad one is named. What a
replacement takes down is put back right after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from rmqsync.app.create import create, declarations, is_imported, resolved
from rmqsync.app.lock import LockLost
from rmqsync.app.ports import Broker, Lock, Progress
from rmqsync.app.prove import Prover
from rmqsync.app.put_back import put_back, taken_by, with_lost
from rmqsync.app.reliance import bereft, first_wave
from rmqsync.app.replace import delete, replace
from rmqsync.app.successors import removed_for
from rmqsync.app.unexpected import told
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind, Request
from rmqsync.kinds.context import Context, UnsetSecret
from rmqsync.loading.document_of import compile_document
from rmqsync.model.changes import Action, Change, ClusterPlan, Outcome, Ref, Result
from rmqsync.model.definitions import Rows
from rmqsync.model.errors import AccessDenied, BrokerError, Rejected, Unreachable
from rmqsync.model.values import Key, Row
from rmqsync.planning.draft import seen
from rmqsync.planning.needs import needs
from rmqsync.planning.order import steps
from rmqsync.planning.rules import Rules
from rmqsync.planning.turns import Turns, turns

BULK_FROM = 8
"""So many creations of one kind are cheaper as one import than as single calls."""
BULK_OBJECTS = 1_000
"""Objects in one import: a signal is heeded between two of them, and progress shows."""

INTERRUPTED = "interrupted before it was sent"

_DONE = Result(Outcome.APPLIED)


@dataclass(slots=True)
class Execution:
    """One run over one plan. `results` holds what became of each change, held ones skipped."""

    broker: Broker
    plan: ClusterPlan
    live: Rows
    context: Context
    parallelism: int = 8
    bulk: bool = True
    progress: Progress = lambda _what, _done, _total: None
    stop: threading.Event = field(default_factory=threading.Event)
    lock: Lock | None = None
    """Nothing is sent once it is lost; `None` where there is no lock."""
    prover: Prover | None = None
    rules: Rules = field(default_factory=Rules)
    """What the changes may cost: asked again where one fails that others rely on."""
    unlisted: Mapping[Key, Row] = field(default_factory=dict)
    """Queues in no rows: changes are judged by what they cost these as well."""
    results: dict[Ref, Result] = field(default_factory=dict)
    replaced: dict[Ref, Result] = field(default_factory=dict)
    """What became of each object that was to be deleted and made anew, without what hung on it."""
    kept: set[Ref] = field(default_factory=set)
    """Not changed, since another change that they rely on was not made."""
    by_ref: dict[Ref, Change] = field(init=False)
    """The changes of the plan."""
    imported: set[Ref] = field(default_factory=set)
    """Created by import: a 2xx says nothing about each of them."""
    _doubtful: set[Ref] = field(default_factory=set)
    """In an import that was refused: some of it may have been made before that."""
    unanswered: bool = False
    """Something was sent and not answered: it may still be carried out."""
    _lost: str | None = None
    """Why nothing can be sent any more."""
    _applicable: tuple[Change, ...] = field(init=False)
    _turns: Turns = field(init=False)
    _seen: Rows = field(init=False)

    def __post_init__(self) -> None:
        # Asked for with every object: a plan would go through all of its changes each time.
        self._applicable = self.plan.applicable
        self._seen = seen(self.live, self.unlisted)
        self.by_ref = {change.ref: change for change in self.plan.changes}
        self._turns = turns(self._applicable, self.live, self.context)

    def run(self) -> None:
        """Carry out all applicable changes; never raises."""
        for change in self.plan.held:
            assert change.hold is not None
            self.results[change.ref] = Result(Outcome.SKIPPED, change.hold.reason)
        with ThreadPoolExecutor(max_workers=self.parallelism) as pool:
            for step in steps(self._applicable, self.live, out_of_turn=self._turns):
                try:
                    self._run_waves(step, pool)
                except Exception as error:  # a bug of ours must not lose what was done
                    failed = Result(Outcome.FAILED, told(self.plan.name, error))
                    for change in step:
                        self.results.setdefault(change.ref, failed)

    def _run_waves(self, step: Sequence[Change], pool: ThreadPoolExecutor) -> None:
        for wave in self._waves(step):
            self._run_step(wave, pool)
            self._tell()

    def _waves(self, step: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Yield the changes of a step in groups that may go at once, each once the last is sent."""
        while step:
            wave = step
            if not self._is_over():
                applicable, results = self._applicable, self.results
                wave = first_wave(step, applicable, results, self._seen, self.context)
            yield wave
            step = [change for change in step if change.ref not in self.results]

    def _is_over(self) -> bool:
        """Tell whether nothing will be sent any more."""
        return self.stop.is_set() or self._is_lost()

    def _tell(self) -> None:
        total = len(self._applicable)
        held = len(self.plan.changes) - total
        self.progress("applying", len(self.results) - held, total)

    def _run_step(self, step: Sequence[Change], pool: ThreadPoolExecutor) -> None:
        ready = []
        forsaken = self._bereft(step)
        for change in step:
            reason = self._blocked(change)
            if reason is None and change.ref in forsaken:
                reason = forsaken[change.ref]
                self.kept.add(change.ref)
            if reason:
                self.results[change.ref] = Result(Outcome.SKIPPED, reason)
            else:
                ready.append(change)
        single = list(ready)
        if self.bulk:
            for batch in _batches(ready):
                if self._upload(batch):
                    single = [change for change in single if change.ref not in self.imported]
        self._each(single, pool, self._guarded(self._one))
        # Whatever happened meanwhile: without this the object is there, and useless.
        self._each([c for c in single if self._was_deleted(c)], pool, self._put_back)
        removed = removed_for(step, self._applicable, self.results, self.live)
        for unmade, change in removed.items():
            self._each([change], pool, partial(self._bring_back, unmade))

    def _was_deleted(self, change: Change) -> bool:
        """Tell whether a replacement got as far as deleting the object, well or not."""
        done = self.results[change.ref].outcome is not Outcome.SKIPPED
        return change.action is Action.REPLACE and done

    def _blocked(self, change: Change) -> str | None:
        if self.stop.is_set():
            return INTERRUPTED
        if self._is_lost():
            return f"not sent: {self._lost}"
        for needed in sorted(needs(change) | self._turns.late.get(change.ref, frozenset())):
            found = self.results.get(needed)
            if found is not None and found.outcome is not Outcome.APPLIED:
                before = self.by_ref.get(needed)
                if before is not None and before.action is Action.CREATE:
                    return f"needs {KINDS[needed.kind].sentence(needed.key)}, which was not made"
        return None

    def _bereft(self, step: Sequence[Change]) -> dict[Ref, str]:
        if self._is_over():
            return {}
        changes, results = self.plan.changes, self.results
        return bereft(step, changes, results, self._seen, self.context, self.rules, self.broker)

    def _each(
        self,
        changes: Sequence[Change],
        pool: ThreadPoolExecutor,
        work: Callable[[Change], Result],
    ) -> None:
        def safely(change: Change) -> Result:
            try:
                return work(change)
            except Exception as error:  # a bug of ours must not stop the other changes
                return Result(Outcome.FAILED, told(self.plan.name, error))

        for change, result in zip(changes, pool.map(safely, changes), strict=True):
            self.results[change.ref] = result
            self._tell()

    def _guarded(self, work: Callable[[Change], Result]) -> Callable[[Change], Result]:
        def run(change: Change) -> Result:
            if self.stop.is_set():
                return self._unsent(change, INTERRUPTED)
            if self._is_lost():
                return self._unsent(change, f"not sent: {self._lost}")
            try:
                return work(change)
            except UnsetSecret as error:
                return Result(Outcome.FAILED, f"secret '{error}' has no value")
            except Rejected as error:
                return Result(Outcome.FAILED, error.reason)
            except Unreachable as error:
                self._lose(error)
                return Result(Outcome.FAILED, str(error))
            except LockLost as error:
                self._lost = str(error)
                return self._unsent(change, f"not sent: {error}")
            except (AccessDenied, BrokerError) as error:
                return Result(Outcome.FAILED, str(error))

        return run

    def _unsent(self, change: Change, reason: str) -> Result:
        if change.ref in self._doubtful:
            return Result(
                Outcome.FAILED, f"an import with it was refused, and singly it was {reason}"
            )
        return Result(Outcome.SKIPPED, reason)

    def _lose(self, error: Unreachable) -> None:
        self._lost = str(error)
        self.unanswered = self.unanswered or error.may_be_done

    def _is_lost(self) -> bool:
        if self._lost is None and self.lock is not None and not self.lock.held():
            self._lost = f"the lock was lost: {self.lock.lost}"
        return self._lost is not None

    def _one(self, change: Change) -> Result:
        kind = KINDS[change.ref.kind]
        if change.action is Action.DELETE:
            return delete(self.broker, kind, change, self.prover)
        if change.action is Action.REPLACE:
            return replace(self.broker, kind, change, self.context, self.prover)
        assert change.after is not None
        if change.action is Action.CREATE:
            if create(self.broker, kind, change.after, self.context):
                self.imported.add(change.ref)
            return _DONE
        for request in declarations(kind, change.before, change.after, self.context):
            self.broker.send(request)
        return _DONE

    def _put_back(self, change: Change) -> Result:
        result = self.replaced[change.ref] = self.results[change.ref]
        rows = taken_by(change, self.by_ref, self.live)
        return with_lost(result, put_back(self.broker, rows, self.context, bulk=self.bulk))

    def _bring_back(self, unmade: Ref, change: Change) -> Result:
        """Make again what was deleted first for another that was not made after all."""
        wanted = self.by_ref[unmade].after
        assert change.before is not None
        assert wanted is not None
        kind = KINDS[change.ref.kind]
        (request,) = declarations(kind, None, change.before, self.context)
        reason = f"{kind.sentence(unmade.key)} is to take its place, and was not made"
        try:
            there = self.broker.get(Request("GET", request.path))
            if kind.handles(wanted, there):  # it was made, and nobody heard of it
                return self.results[change.ref]
            create(self.broker, kind, change.before, self.context)
        except BrokerError as error:
            return Result(Outcome.FAILED, f"{reason}; declaring it again failed as well: {error}")
        return Result(Outcome.FAILED, f"{reason}; it was declared again")

    def _upload(self, batch: Sequence[Change]) -> bool:
        """Import one batch; false where it was refused, or not sent, and is to go singly."""
        if self.stop.is_set() or self._is_lost():
            return False
        kind = KINDS[batch[0].ref.kind]
        rows: Rows = {kind.name: {}}
        for change in batch:
            row = _importable(kind, change, self.context)
            if row is not None:
                rows[kind.name][change.ref.key] = row
        if len(rows[kind.name]) < BULK_FROM:
            return False
        result = _DONE
        try:
            self.broker.upload(compile_document(rows))
        except Rejected:
            self._doubtful.update(change.ref for change in batch)
            return False
        except LockLost as error:
            self._lost = str(error)
            return False
        except BrokerError as error:
            # It may have been done all the same: what comes of it is seen when it is read again.
            if isinstance(error, Unreachable):
                self._lose(error)
            result = Result(Outcome.FAILED, str(error))
        for key in rows[kind.name]:
            self.results[Ref(kind.name, key)] = result
            self.imported.add(Ref(kind.name, key))
        self._tell()
        return True


def single_calls(execution: Execution) -> Iterator[Request]:
    """Yield the calls that need rights: not imports, nor what is in vhosts that the run makes."""
    host = KINDS.host
    applicable = execution.plan.applicable
    made = {c.ref.key[0] for c in applicable if host and c.ref.kind == host.name}
    in_bulk: set[Ref] = set()
    if execution.bulk:
        in_bulk = {change.ref for batch in _batches(applicable) for change in batch}
    for change in applicable:
        kind = KINDS[change.ref.kind]
        if change.ref in in_bulk or (kind.in_vhost and change.ref.key[0] in made):
            continue
        is_new = change.action is not Action.UPDATE
        if change.before is not None and is_new:
            yield from kind.remove(change.before, ())
        if change.after is not None and not (is_new and is_imported(kind, change.after)):
            yield from kind.declare(change.before, change.after, execution.context)


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Split the creations of one step by kind, and into imports of a bounded size."""
    by_kind: dict[str, list[Change]] = {}
    for change in changes:
        if change.action is Action.CREATE:
            by_kind.setdefault(change.ref.kind, []).append(change)
    for found in by_kind.values():
        if len(found) >= BULK_FROM:
            for start in range(0, len(found), BULK_OBJECTS):
                yield found[start : start + BULK_OBJECTS]


def _importable(kind: Kind, change: Change, context: Context) -> Row | None:
    """Return the row to import with its secrets resolved; `None` where import cannot carry it."""
    assert change.after is not None
    if kind.to_export(change.after) is None:
        return None
    try:
        return resolved(kind, change.after, context)
    except UnsetSecret:
        return None
