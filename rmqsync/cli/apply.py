"""`rmqsync apply`: plan, show, ask, apply, verify by reading again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from rmqsync.cli.carry_out import Sending, carry_out, plan_of
from rmqsync.cli.keeping import Keeping, keeping
from rmqsync.cli.options import (
    Common,
    check_patterns,
    choosing,
    common,
    emit_findings,
    guard_option,
    loading,
    option,
    session,
)
from rmqsync.cli.options import lock_timeout as with_lock_timeout
from rmqsync.cli.options import version as as_version
from rmqsync.cli.output import progress, say
from rmqsync.cli.windows import heeding

if TYPE_CHECKING:
    from rmqsync.app.plan import Planned
    from rmqsync.model.changes import Loss
    from rmqsync.run_options import RunOptions
    from rmqsync.wiring import Session


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
@guard_option("--ignore-health", is_flag=True, help="Change clusters that are not healthy.")
@option(
    "--health-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    metavar="SECONDS",
    help="How long to wait for a cluster to be healthy.",
    show_default=True,
)
@option(
    "--bulk",
    type=click.Choice(["auto", "never"]),
    default="auto",
    help="Whether many creations go up in one import of definitions; never: each by itself.",
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
    ignore_health: bool,
    health_timeout: float,
    bulk: str,
    parallelism: int,
    lock_timeout: float,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
    keep: Keeping,
) -> int:
    """Bring clusters in line with their definitions, or carry out a saved plan."""
    from rmqsync.cli.planfile import mark_used
    from rmqsync.model.errors import InvalidDefinitions
    from rmqsync.run_options import RunOptions
    from rmqsync.wiring_history import Approvals

    check_patterns(targets, excludes)
    allow_loss, overrides = losses(allowed)
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
        ignore_health=ignore_health,
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
        timeout_s=shared.timeout,
        parallelism=parallelism,
    )
    if planfile and (clusters or revision or targets or excludes):
        raise click.UsageError("a saved plan has its own clusters, revision and targets")
    sending = Sending(keep, auto_approve, allow_dirty, parallelism, bulk == "auto", lock_timeout)
    with session(shared) as opened:
        options = replace(options, approvals=Approvals(opened))
        try:
            if planfile:
                planned = _planned_again(opened, planfile, options, shared, auto_approve)
            else:
                planned = _planned(opened, options, shared, auto_approve)
                planned = _when_healthy(planned, opened, shared, health_timeout)
        except InvalidDefinitions as error:
            return emit_findings(shared, error)
        used = partial(mark_used, planfile, opened.data_dir) if planfile else _nothing
        return carry_out(shared, opened, planned, sending, used)


def _nothing() -> None:
    pass


def losses(allowed: Sequence[str]) -> tuple[Loss | None, Mapping[str, Loss]]:
    """Return what `--allow-loss` allows everywhere, and for single addresses."""
    from rmqsync.kinds import KINDS
    from rmqsync.loading.removed import address_problem
    from rmqsync.model.address import is_pattern
    from rmqsync.model.changes import Loss

    levels = {loss.word: loss for loss in Loss}
    everywhere: Loss | None = None
    overrides: dict[str, Loss] = {}
    for text in allowed:
        level, colon, address = text.partition(":")
        if level not in levels:
            raise click.BadParameter(
                f"--allow-loss {text}: '{level}' is none of {', '.join(levels)}"
            )
        if colon and not address:
            raise click.BadParameter(
                f"--allow-loss {text}: no address after the colon; without one, {level} is "
                "allowed everywhere"
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


def _planned(
    opened: Session, options: RunOptions, shared: Common, auto_approve: bool
) -> list[Planned]:
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
    if auto_approve:
        targets = heeding(targets, opened.settings)
    with progress(shared.quiet) as shown:
        return plan_clusters(targets, opened.memory, progress=shown)


def _when_healthy(
    planned: list[Planned], opened: Session, shared: Common, timeout_s: float
) -> list[Planned]:
    """Wait for the clusters whose changes are held since they are not healthy; plan these again."""
    from rmqsync.app.health import Patience, wait_for_health
    from rmqsync.app.plan import plan_clusters
    from rmqsync.model.changes import HoldCode

    found: list[Planned] = []
    for one in planned:
        claim, hold = one.target.claim, one.own.refusal
        waits = timeout_s > 0 and hold is not None and hold.code is HoldCode.UNHEALTHY
        if waits and claim is not None:
            patience = Patience(timeout_s, say)
            if wait_for_health(one.plan.name, one.target.reader, claim.members, patience):
                with progress(shared.quiet) as shown:
                    (one,) = plan_clusters([one.target], opened.memory, progress=shown)
        found.append(one)
    return found


def _planned_again(
    opened: Session, planfile: str, options: RunOptions, shared: Common, auto_approve: bool
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
        ignore_health=False,
    )
    with progress(shared.quiet) as shown:
        targets = opened.targets(as_saved)
        planned = plan_clusters(targets, opened.memory, progress=shown)
        check_fits(saved, plan_document(plan_of(planned)), planned)
        allowing = replace(
            as_saved,
            allow_loss=options.allow_loss,
            overrides=options.overrides,
            max_deletes=options.max_deletes,
            adopt=options.adopt,
            allow_rewind=options.allow_rewind,
            take_over=options.take_over,
            forget_revision=options.forget_revision,
            ignore_health=options.ignore_health,
        )
        allowed = opened.targets(allowing) if allowing != as_saved else targets
        if auto_approve:
            allowed = heeding(allowed, opened.settings)
        if allowed != targets:
            planned = plan_clusters(allowed, opened.memory, progress=shown)
    return planned
