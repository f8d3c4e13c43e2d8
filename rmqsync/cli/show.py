"""`rmqsync show`: read a saved plan."""

from __future__ import annotations

import click

from rmqsync.cli.options import Common, common, emit


@click.command("show")
@click.argument("planfile")
@common
def command(shared: Common, planfile: str) -> None:
    """Show a saved plan, in any format."""
    from rmqsync.repo.local import read_bytes
    from rmqsync.report.plan_json import read_plan

    emit(shared, read_plan(read_bytes(planfile), planfile))
