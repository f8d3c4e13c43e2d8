"""`rmqsync apply`: plan, show, ask, apply, verify by reading again."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from rmqsync.cli.codes import Exit, worst
from rmqsync.cli.keeping import Keeping, keeping
from rmqsync.cli.options import (
    Common,
    check_patterns,
    choosing,
    common,
    emit,
    emit_findings,
    guard_option,
    loading,
    option,
    session,
)
from rmqsync.cli.options import lock_timeout as with_lock_timeout
from rmqsync.cli.options import version as as_version
from rmqsync.cli.output import is_terminal, out, progress, say, wants_color

if TYPE_CHECKING:
    from rmqsync.app.journal import RunJournal
    from rmqsync.app.plan import Planned
    from rmqsync.model.changes import ClusterResult, Loss, Plan
    from rmqsync.wiring import RunOptions, Session


@click.command("apply")
@click.argument("planfile", required=False)
@choosing
@guard_option("--auto-approve", is_flag=True, help="Do not ask.")
@guard_option("--adopt", is_flag=True, help="Take over objects that were there before.")
@guard_option(
    "--allow-loss",
    "allowed",
    multiple=True,
    metavar="LEVEL[:ADDRESS]",
    help="The worst that this run, or the change of one object, may cause.",
)
@guard_option("--max-deletes", type=click.IntRange(min=0), help="Replaces the limits of settings.")
@guard_option("--allow-dirty", is_flag=True, help="Apply layers with uncommitted changes.")
@guard_option(
    "--allow-rewind", is_flag=True, help="Apply a revision that is not ahead of the last one."
)
@guard_option(
    "--take-over", is_flag=True, help="Replace a marker that another repository or cluster left."
)
@guard_option(
    "--forget-revision",
    is_flag=True,
    help="Give up what was applied last, where its commit cannot be read any more.",
)
@option(
    "--bulk",
    type=click.Choice(["auto", "never"]),
    default="auto",
    help="Whether creations go up as imports of definitions.",
)
@option(
    "--parallelism",
    type=click.IntRange(1, 64),
    default=8,
    help="Requests at once to one cluster.",
)
@with_lock_timeout
@keeping
@loading
@common
def command(
    shared: Common,
    planfile: str | None,
    clusters: tuple[str, ...],
    revision: str | None,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    auto_approve: bool,
    adopt: bool,
    allowed: tuple[str, ...],
    max_deletes: int | None,
    allow_dirty: bool,
    allow_rewind: bool,
    take_over: bool,
    forget_revision: bool,
    bulk: str,
    parallelism: int,
    lock_timeout: float,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
    keep: Keeping,
) -> int:
    """Bring clusters in line with their definitions, or carry out a saved plan."""
    from rmqsync.app.marking import due
    from rmqsync.cli.planfile import mark_used
    from rmqsync.model.changes import ClusterResult
    from rmqsync.model.errors import InvalidDefinitions
    from rmqsync.report.plan_json import plan_document
    from rmqsync.wiring import RunOptions

    check_patterns(targets, excludes)
    allow_loss, overrides = _losses(allowed)
    options = RunOptions(
        clusters=clusters,
        revision=revision,
        targets=targets,
        excludes=excludes,
        allow_loss=allow_loss,
        overrides=overrides,
        max_deletes=max_deletes,
        attended=not auto_approve and not planfile,
        adopt=adopt,
        allow_rewind=allow_rewind,
        take_over=take_over,
        forget_revision=forget_revision,
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
        timeout_s=shared.timeout,
        parallelism=parallelism,
    )
    if planfile and (clusters or revision or targets or excludes):
        raise click.UsageError("a saved plan has its own clusters, revision and targets")
    with session(shared) as opened:
        try:
            if planfile:
                planned = _planned_again(opened, planfile, options, shared)
            else:
                planned = _planned(opened, options, shared)
        except InvalidDefinitions as error:
            return emit_findings(shared, error)
        _check_clean(planned, allow_dirty)
        _check_secrets(planned)
        plan = _plan(planned)
        if not _go_ahead(shared, plan, auto_approve):
            return Exit.FAILED
        if shared.format == "text" and not _has_anything(plan) and not any(map(due, planned)):
            return apply_code([ClusterResult(one) for one in plan.clusters])
        journal = partial(keep.journal, opened, shared)
        sending = _Sending(parallelism, bulk == "auto", lock_timeout, journal)
        results, caught, kept = _apply(shared, planned, sending)
        if planfile and any(_was_sent(result) for result in results):
            mark_used(planfile, opened.data_dir)
    emit(shared, plan_document(plan, results, cluster_extra=kept))
    return _ended(results, caught)


def _has_anything(plan: Plan) -> bool:
    """Tell whether there is an outcome to tell of besides the plan that was shown."""
    return any(cluster.changes for cluster in plan.clusters)


def _was_sent(result: ClusterResult) -> bool:
    from rmqsync.model.changes import Outcome

    return any(one.outcome is not Outcome.SKIPPED for one in result.results)


def _losses(allowed: Sequence[str]) -> tuple[Loss | None, Mapping[str, Loss]]:
    from rmqsync.kinds import KINDS
    from rmqsync.loading.removed import address_problem
    from rmqsync.model.address import is_pattern
    from rmqsync.model.changes import Loss

    levels = {loss.word: loss for loss in Loss}
    everywhere: Loss | None = None
    overrides: dict[str, Loss] = {}
    for text in allowed:
        level, _, address = text.partition(":")
        if level not in levels:
            raise click.BadParameter(
                f"--allow-loss {text}: '{level}' is none of {', '.join(levels)}"
            )
        if is_pattern(address):
            raise click.BadParameter(f"--allow-loss {text}: name exactly one address, no pattern")
        problem = address_problem(address, KINDS) if address else None
        if problem:
            raise click.BadParameter(f"--allow-loss {text}: {problem[0]}; {problem[1] or ''}")
        if address:
            overrides[address] = levels[level]
        else:
            everywhere = levels[level]
    return everywhere, overrides


def _planned(opened: Session, options: RunOptions, shared: Common) -> list[Planned]:
    from rmqsync.app.plan import plan_clusters
    from rmqsync.model.errors import UsageError

    targets = opened.targets(options)
    for target in targets:
        if options.clusters and not target.writable:
            raise UsageError(
                f"cluster '{target.name}' is a file or has mode: report; it cannot be applied"
            )
    targets = [target for target in targets if target.writable]
    if not targets:
        raise UsageError("no cluster to apply to: all are files or have mode: report")
    with progress(shared.quiet) as shown:
        return plan_clusters(targets, progress=shown)


def _planned_again(
    opened: Session, planfile: str, options: RunOptions, shared: Common
) -> list[Planned]:
    """Plan what a saved plan was made for, and see that it comes out the same."""
    from rmqsync.app.plan import plan_clusters
    from rmqsync.cli.planfile import check_fits, load, revision_of
    from rmqsync.model.errors import StalePlan
    from rmqsync.report.plan_json import plan_document

    saved: Any = load(planfile, opened.data_dir)
    names = [cluster["name"] for cluster in saved["clusters"]]
    for name in names:
        if name not in opened.settings.clusters:
            raise StalePlan(f"{planfile} is for cluster '{name}', which is not in the settings")
    as_saved = replace(
        options,
        clusters=tuple(names),
        revision=revision_of(saved),
        targets=tuple(saved.get("targets", ())),
        excludes=tuple(saved.get("excludes", ())),
        allow_loss=None,
        overrides={},
        max_deletes=None,
        adopt=False,
        allow_rewind=False,
        take_over=False,
        forget_revision=False,
    )
    with progress(shared.quiet) as shown:
        planned = plan_clusters(opened.targets(as_saved), progress=shown)
        check_fits(saved, plan_document(_plan(planned)), planned)
        allowing = replace(
            as_saved,
            allow_loss=options.allow_loss,
            overrides=options.overrides,
            max_deletes=options.max_deletes,
            adopt=options.adopt,
            allow_rewind=options.allow_rewind,
            take_over=options.take_over,
            forget_revision=options.forget_revision,
        )
        if allowing != as_saved:
            planned = plan_clusters(opened.targets(allowing), progress=shown)
    return planned


def _plan(planned: Sequence[Planned]) -> Plan:
    from rmqsync.model.changes import Plan
    from rmqsync.wiring import now

    revision = planned[0].target.checkout.revision
    return Plan(now(), revision, tuple(one.plan for one in planned))


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
    from rmqsync.kinds import KINDS
    from rmqsync.kinds.base import address_of
    from rmqsync.model.errors import SourceError
    from rmqsync.planning.plan import unset_secrets

    lines: dict[str, None] = {}
    for one in planned:
        if one.desired is None or one.context is None:
            continue
        for name, refs in unset_secrets(one.desired, one.context).items():
            users = ", ".join(address_of(KINDS[ref.kind], ref.key) for ref in refs[:3])
            lines[f"secret '{name}' has no value; {users} needs it"] = None
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
    if not is_terminal():
        raise click.UsageError("there is nobody to ask here; use --auto-approve")
    say("Do you want to perform these actions?\n  Only 'yes' will be accepted to approve.\n")
    answer = click.prompt("  Enter a value", default="", show_default=False, err=True)
    if answer.strip() != "yes":
        say("\nApply cancelled.")
        return False
    return True


class _Sending(NamedTuple):
    """How a plan is sent."""

    parallelism: int
    bulk: bool
    lock_timeout_s: float
    journal: Callable[[Callable[[ClusterResult], int]], RunJournal]
    """Takes what tells the exit code of one cluster."""


def _apply(
    shared: Common, planned: Sequence[Planned], sending: _Sending
) -> tuple[list[ClusterResult], int | None, Mapping[str, Mapping[str, str | None]]]:
    """Return what became of it, the signal that came, and what the outcome says besides."""
    from rmqsync.app.apply import ApplyOptions, apply_clusters
    from rmqsync.cli.locking import locked

    with (
        _stoppable() as (stop, caught),
        locked(shared, planned, sending.lock_timeout_s, stop) as (current, locks),
        progress(shared.quiet) as shown,
    ):
        journal = sending.journal(lambda result: _ended([result], caught[0] if caught else None))
        options = ApplyOptions(
            parallelism=sending.parallelism,
            bulk=sending.bulk,
            progress=shown,
            stop=stop,
            locks=locks.held,
            refused=locks.refused,
            journal=journal,
        )
        results = apply_clusters(current, options)
        return results, (caught[0] if caught else None), journal.keys()


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


def _ended(results: Sequence[ClusterResult], caught: int | None) -> int:
    if caught is not None:
        return Exit.TERMINATED if caught == signal.SIGTERM else Exit.INTERRUPTED
    return apply_code(results)


def apply_code(results: Sequence[ClusterResult]) -> Exit:
    """Return the exit code of an apply; with several clusters, 4 if only some were done."""
    codes = [_code(result) for result in results]
    done = any(code is not Exit.FAILED for code in codes)
    if done:
        codes = [Exit.PARTIAL if code is Exit.FAILED else code for code in codes]
    return worst(codes)


def _code(result: ClusterResult) -> Exit:
    from rmqsync.model.changes import HoldCode, Outcome, Status

    if result.plan.status is not Status.OK:
        return Exit.FAILED
    outcomes = [one.outcome for one in result.results]
    failed = Outcome.FAILED in outcomes
    applied = Outcome.APPLIED in outcomes
    unsent = any(
        one.outcome is Outcome.SKIPPED and one.hold is None and change.hold is None
        for one, change in zip(result.results, result.plan.changes, strict=True)
    )
    if result.verified is False or (failed and applied):
        return Exit.PARTIAL
    if failed or unsent:
        return Exit.PARTIAL if applied else Exit.FAILED
    held = any(
        (one.hold or change.hold) is not None
        and (one.hold or change.hold).code is not HoldCode.DRIFT  # type: ignore[union-attr]
        for one, change in zip(result.results, result.plan.changes, strict=True)
    )
    return Exit.HELD if held else Exit.DONE
