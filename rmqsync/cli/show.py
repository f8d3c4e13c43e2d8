"""`rmqsync show`: read a saved plan."""

from __future__ import annotations

import click

from rmqsync.cli.options import Common, common, emit
from rmqsync.cli.output import say


@click.command("show")
@click.argument("planfile")
@common
def command(shared: Common, planfile: str) -> None:
    """Show a saved plan, in any format."""
    from rmqsync.cli.planfile import CHANGED
    from rmqsync.repo.local import read_bytes
    from rmqsync.report.plan_json import read_plan
    from rmqsync.report.seal import is_whole

    document = read_plan(read_bytes(planfile), planfile)
    if not is_whole(document):
        say(f"warning: {planfile} {CHANGED}; apply refuses it")
    emit(shared, document)
