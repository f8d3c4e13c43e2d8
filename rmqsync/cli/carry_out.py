"""What happens to a plan that is to be applied: shown, asked for, locked, sent, reported."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from rmqsync.cli.codes import Exit
from rmqsync.cli.keeping import Keeping
from rmqsync.cli.options import Common, emit, remember
from rmqsync.cli.outcome import apply_code, end_code
from rmqsync.cli.output import agreed, out, progress, say, wants_color

if TYPE_CHECKING:
    from rmqsync.app.journal import RunJournal
    from rmqsync.app.lock import Locks
    from rmqsync.app.plan import Planned
    from rmqsync.model.changes import ClusterResult, Plan
    from rmqsync.wiring import Session


class Sending(NamedTuple):
    """How a plan is applied."""

    keep: Keeping
    auto_approve: bool = False
    allow_dirty: bool = False
    parallelism: int = 8
    bulk: bool = True
    lock_timeout_s: float = 30.0
    action: str = "apply"
    """What the history calls it."""


def carry_out(
    shared: Common,
    opened: Session,
    planned: Sequence[Planned],
    sending: Sending,
    sent: Callable[[], None] = lambda: None,
) -> int:
    """
    Show a plan, ask, apply and report; return the exit code. `sent` is called once anything was.

    Raises `Refused`, `SourceError` or `StalePlan` where nothing was done.
    """
    from rmqsync.app.marking import has_to_write
    from rmqsync.model.changes import ClusterResult
    from rmqsync.model.errors import SourceError
    from rmqsync.report.plan_json import plan_document

    _check_clean(planned, sending.allow_dirty)
    _check_secrets(planned)
    plan = plan_of(planned)
    if not _go_ahead(shared, plan, sending.auto_approve):
        return Exit.FAILED
    if shared.format == "text" and not _has_anything(plan) and not any(map(has_to_write, planned)):
        return apply_code([ClusterResult(one) for one in plan.clusters])
    journal = partial(sending.keep.journal, opened, shared, action=sending.action)
    results, caught, kept = _apply(shared, planned, sending, journal)
    was_sent = any(_was_sent(result) for result in results)
    if was_sent:
        sent()
    remember(opened)
    try:
        emit(shared, plan_document(plan, results, cluster_extra=kept))
    except SourceError as problem:
        say(f"error: {problem}")
        return Exit.PARTIAL if was_sent else Exit.FAILED
    return end_code(results, caught)


def plan_of(planned: Sequence[Planned]) -> Plan:
    """Return the plan of several clusters."""
    from rmqsync.app.marking import now
    from rmqsync.model.changes import Plan

    revision = planned[0].target.checkout.revision
    return Plan(now(), revision, tuple(one.plan for one in planned))


def _has_anything(plan: Plan) -> bool:
    """Tell whether there is an outcome to tell of besides the plan that was shown."""
    return any(cluster.changes for cluster in plan.clusters)


def _was_sent(result: ClusterResult) -> bool:
    from rmqsync.model.changes import Outcome

    return any(one.outcome is not Outcome.SKIPPED for one in result.results)


def _check_clean(planned: Sequence[Planned], allow_dirty: bool) -> None:
    from rmqsync.model.errors import Refused

    dirty = [one.plan.name for one in planned if one.target.checkout.revision.dirty]
    if dirty and not allow_dirty:
        raise Refused(
            f"the layers of {', '.join(dirty)} hold uncommitted changes; commit them, or use "
            "--allow-dirty"
        )


def _check_secrets(planned: Sequence[Planned]) -> None:
    """Raise for secrets without a value: what is to be sent cannot be known."""
    from rmqsync.loading.unset import unset_secrets
    from rmqsync.model.errors import SourceError

    lines = {
        str(finding): None
        for one in planned
        if one.desired is not None and one.context is not None
        for finding in unset_secrets(one.desired, one.context, one.target.missing)
    }
    if lines:
        raise SourceError("\n".join(lines))


def _go_ahead(shared: Common, plan: Plan, auto_approve: bool) -> bool:
    """Show the plan, and ask where there is something to do and a person to ask."""
    from rmqsync.report.formats import Format, render
    from rmqsync.report.plan_json import plan_document

    waits = not auto_approve and any(cluster.applicable for cluster in plan.clusters)
    if shared.format == "text" or waits:
        stream, write = (sys.stdout, out) if shared.format == "text" else (sys.stderr, say)
        color = wants_color(shared.color, stream)
        write(render(Format.TEXT, plan_document(plan), color=color, verbose=shared.verbose > 0))
    if not waits:
        return True
    if agreed("Do you want to perform these actions?"):
        return True
    say("\nApply cancelled.")
    return False


def _apply(
    shared: Common,
    planned: Sequence[Planned],
    sending: Sending,
    journal_for: Callable[[Callable[[ClusterResult], int]], RunJournal],
) -> tuple[list[ClusterResult], int | None, Mapping[str, Mapping[str, str | None]]]:
    """Return what became of it, the signal that came, and what the outcome says besides."""
    from rmqsync.app.apply import ApplyOptions, apply_clusters
    from rmqsync.cli.locking import in_turn

    with _stoppable() as (stop, caught):

        @cache  # made once the locks are had
        def journal() -> RunJournal:
            return journal_for(lambda result: end_code([result], caught[0] if caught else None))

        def apply(current: Sequence[Planned], locks: Locks) -> Sequence[ClusterResult]:
            with progress(shared.quiet) as shown:
                options = ApplyOptions(
                    parallelism=sending.parallelism,
                    bulk=sending.bulk,
                    progress=shown,
                    stop=stop,
                    locks=locks.held,
                    refused=locks.refused,
                    journal=journal(),
                )
                return apply_clusters(current, options)

        results = in_turn(shared, planned, sending.lock_timeout_s, stop, apply)
        return results, (caught[0] if caught else None), journal().keys()


@contextmanager
def _stoppable() -> Iterator[tuple[threading.Event, list[int]]]:
    """Let the first signal finish the requests in flight; the second one ends at once."""
    stop, caught = threading.Event(), list[int]()

    def on_signal(signum: int, frame: object) -> None:
        del frame
        if caught:
            raise KeyboardInterrupt
        caught.append(signum)
        stop.set()
        say("\nstopping: finishing the requests in flight; once more to end at once")

    before = {one: signal.signal(one, on_signal) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, caught
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
