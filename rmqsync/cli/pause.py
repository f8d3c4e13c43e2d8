"""`rmqsync pause`: keep every run off a cluster, wherever it starts."""

from __future__ import annotations

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import Common, common, option, session
from rmqsync.cli.options import lock_timeout as with_lock_timeout
from rmqsync.cli.output import out


@click.command("pause")
@click.argument("cluster")
@option("--reason", required=True, help="Shown to everybody whose run it holds.")
@option("--for", "length", metavar="DURATION", help="Such as 2h or 3d; left out: until resume.")
@option("--who", metavar="NAME", help="Who pauses; default: user@host.")
@with_lock_timeout
@common
def command(
    shared: Common,
    cluster: str,
    reason: str,
    length: str | None,
    who: str | None,
    lock_timeout: float,
) -> int:
    """Hold every change of every run on CLUSTER until `resume`, or the time is over."""
    from rmqsync.app.standstill import pause, stop_of
    from rmqsync.cli.standing import end_of, target_of, user, waiting

    until = end_of(length)
    stop = stop_of(reason, user() if who is None else who, until)
    with session(shared) as opened:
        target = target_of(opened, cluster, shared)
        pause(target, stop, waiting(shared, lock_timeout))
    out(f"Cluster '{target.name}' is paused {f'until {until}' if until else 'until resume'}.\n")
    return Exit.DONE
