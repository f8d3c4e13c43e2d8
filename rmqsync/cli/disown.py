"""`rmqsync disown`: remove the marker of a cluster."""

from __future__ import annotations

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import Common, common, guard_option, option, session
from rmqsync.cli.options import lock_timeout as with_lock_timeout
from rmqsync.cli.output import agreed, out


@click.command("disown")
@click.argument("cluster")
@option("--owner", metavar="NAME", help="Left out: the owner in the settings.")
@guard_option("--auto-approve", is_flag=True, help="Do not ask.")
@with_lock_timeout
@common
def command(
    shared: Common, cluster: str, owner: str | None, auto_approve: bool, lock_timeout: float
) -> int:
    """
    Remove the marker from CLUSTER: its objects stay, and are managed by nobody then.

    A daemon that has the cluster in its settings makes a new marker in its next cycle: take it out
    of those first, and name the settings of before with --config.
    """
    from rmqsync.app.standstill import disown, ended_with
    from rmqsync.cli.standing import target_of, waiting

    with session(shared) as opened:
        target = target_of(opened, cluster, shared)
        assert target.claim is not None
        name = owner or target.claim.owner
        ends = " and ".join(ended_with(target, name))
        loss = f" With it ends {ends}: later runs apply what git says." if ends else ""
        question = f"Remove the marker of owner '{name}' from cluster '{target.name}'?{loss}"
        if not auto_approve and not agreed(question):
            return Exit.FAILED
        found = disown(target, name, waiting(shared, lock_timeout))
    state = f"is removed; its objects are unmanaged now.{loss}" if found else "is not there."
    out(f"The marker of owner '{name}' on cluster '{target.name}' {state}\n")
    return Exit.DONE
