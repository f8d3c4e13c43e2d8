"""`rmqsync rollback`: the way back to an earlier revision or a backup, as a plan like any other."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from rmqsync.cli.apply import losses
from rmqsync.cli.carry_out import Sending, carry_out
from rmqsync.cli.keeping import Keeping, keeping
from rmqsync.cli.options import Common, common, emit_findings, guard_option, session
from rmqsync.cli.options import lock_timeout as with_lock_timeout
from rmqsync.cli.output import progress, say
from rmqsync.cli.windows import heeding

if TYPE_CHECKING:
    from rmqsync.app.plan import Target

_LONGEST = 400


@click.command("rollback")
@click.argument("cluster")
@click.argument("to")
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
@guard_option("--ignore-health", is_flag=True, help="Change a cluster that is not healthy.")
@with_lock_timeout
@keeping
@common
def command(
    shared: Common,
    cluster: str,
    to: str,
    auto_approve: bool,
    adopt: bool,
    allowed: tuple[str, ...],
    max_deletes: int | None,
    ignore_health: bool,
    lock_timeout: float,
    keep: Keeping,
) -> int:
    """
    Bring CLUSTER back to TO, and pin it there until `resume`.

    TO is a revision of the definitions, or the path of a backup as `history` shows it. The way back
    is planned, guarded, shown and asked for as every other one is.
    """
    from rmqsync.app.plan import plan_clusters
    from rmqsync.model.errors import InvalidDefinitions, UsageError
    from rmqsync.run_options import RunOptions
    from rmqsync.wiring_history import starter

    allow_loss, overrides = losses(allowed)
    is_backup = os.path.isfile(to)
    with session(shared) as opened:
        name = opened.name(cluster)
        options = RunOptions(
            clusters=(name,),
            revision=None if is_backup else to,
            backup=to if is_backup else None,
            allow_loss=allow_loss,
            overrides=overrides,
            max_deletes=max_deletes,
            attended=not auto_approve,
            adopt=adopt,
            allow_rewind=True,
            ignore_health=ignore_health,
            pin=f"rolled back to {_named(to)}",
            who=starter(keep.who).who,
            timeout_s=shared.timeout,
        )
        (target,) = opened.targets(options)
        if not target.writable:
            raise UsageError(f"cluster '{name}' is a file or has mode: report; it stays as it is")
        target = _pinned_by_commit(target, to)
        if auto_approve:
            (target,) = heeding([target], opened.settings)
        try:
            with progress(shared.quiet) as shown:
                planned = plan_clusters([target], opened.memory, progress=shown)
        except InvalidDefinitions as error:
            return emit_findings(shared, error)
        sending = Sending(keep, auto_approve, lock_timeout_s=lock_timeout, action="rollback")
        code = carry_out(shared, opened, planned, sending)
        refusal = planned[0].own.refusal
        if refusal is not None:
            say(f"cluster '{name}' is not pinned, since nothing was written: {refusal.reason}")
        return code


def _named(to: str) -> str:
    """Cut the path of a backup that is longer than a marker has room for."""
    return to if len(to) <= _LONGEST else f"…{to[-_LONGEST:]}"


def _pinned_by_commit(target: Target, to: str) -> Target:
    """Have the pin name the commit: what `HEAD~1` means is another one soon."""
    commit, claim = target.checkout.revision.commit, target.claim
    if commit is None or claim is None or claim.pin is None or commit.startswith(to):
        return target
    pin = replace(claim.pin, reason=f"rolled back to {_named(to)}, commit {commit[:12]}")
    return replace(target, claim=replace(claim, pin=pin))
