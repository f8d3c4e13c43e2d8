"""`rmqsync resume`: end the pause, or the pin, of a cluster."""

from __future__ import annotations

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import Common, common, session
from rmqsync.cli.options import lock_timeout as with_lock_timeout
from rmqsync.cli.output import out


@click.command("resume")
@click.argument("cluster")
@with_lock_timeout
@common
def command(shared: Common, cluster: str, lock_timeout: float) -> int:
    """End the pause, or the pin of a rollback, of CLUSTER."""
    from rmqsync.app.standstill import resume
    from rmqsync.cli.standing import target_of, waiting

    with session(shared) as opened:
        target = target_of(opened, cluster, shared)
        before = resume(target, waiting(shared, lock_timeout))
    stopped = before is not None and (before.paused or before.pinned)
    state = "goes on" if stopped else "was neither paused nor pinned"
    out(f"Cluster '{target.name}' {state}.\n")
    return Exit.DONE
