"""`rmqsync diff A B`: two of a cluster, a revision and an export file."""

from __future__ import annotations

import os

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import Common, common, emit, loading, option, session
from rmqsync.cli.options import version as as_version
from rmqsync.cli.output import progress
from rmqsync.cli.plan import exit_code


@click.command("diff")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@option(
    "--cluster", metavar="NAME", help="Whose layers a revision is compiled for; default: the only."
)
@option("--detailed-exitcode", is_flag=True, help="End with 2 where there are differences.")
@loading
@common
def command(
    shared: Common,
    one: str,
    other: str,
    cluster: str | None,
    detailed_exitcode: bool,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
) -> int:
    """
    Show what would make A equal to B; each is cluster:NAME, rev:REV or file:PATH.

    A file is a broker's export, or a folder of definitions. Nothing is written anywhere.
    """
    from rmqsync.app.diff import diff_sides
    from rmqsync.app.marking import now
    from rmqsync.model.changes import Plan, Revision
    from rmqsync.report.plan_json import plan_document
    from rmqsync.run_options import RunOptions

    options = RunOptions(
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
        timeout_s=shared.timeout,
    )
    only_files = all(side.startswith("file:") for side in (one, other))
    with progress(shared.quiet) as shown:
        shown("reading", 0, 2)
        if only_files and shared.config is None and not os.path.exists("rmqsync.yaml"):
            from rmqsync.wiring_files import file_side

            sides = [file_side(text, options) for text in (one, other)]
            plan = diff_sides(*sides)
        else:
            from rmqsync.wiring_files import side

            with session(shared) as opened:
                sides = [side(opened, text, cluster, options) for text in (one, other)]
                plan = diff_sides(*sides)
    whole = Plan(now(), Revision(None), (plan,))
    emit(shared, plan_document(whole, sides=(one, other)))
    return exit_code(whole, detailed=detailed_exitcode) if detailed_exitcode else Exit.DONE
