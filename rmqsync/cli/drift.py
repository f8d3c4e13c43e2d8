"""`rmqsync drift`: what changed on the clusters since the last apply. Writes nothing."""

from __future__ import annotations

import click

from rmqsync.cli.options import (
    Common,
    check_patterns,
    choosing,
    common,
    emit,
    emit_findings,
    loading,
    option,
    remember,
    session,
)
from rmqsync.cli.options import version as as_version
from rmqsync.cli.output import progress


@click.command("drift")
@choosing
@option("--detailed-exitcode", is_flag=True, help="End with 2 where anything drifted.")
@loading
@common
def command(
    shared: Common,
    clusters: tuple[str, ...],
    revision: str | None,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    detailed_exitcode: bool,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
) -> int:
    """Show only what changed on the clusters since the last apply."""
    from rmqsync.app.marking import now
    from rmqsync.app.plan import plan_clusters
    from rmqsync.cli.plan import exit_code
    from rmqsync.model.changes import Plan
    from rmqsync.model.errors import InvalidDefinitions
    from rmqsync.planning.drift import only_drift
    from rmqsync.report.plan_json import plan_document
    from rmqsync.run_options import RunOptions

    check_patterns(targets, excludes)
    options = RunOptions(
        clusters=clusters,
        revision=revision,
        targets=targets,
        excludes=excludes,
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
        timeout_s=shared.timeout,
    )
    try:
        with session(shared) as opened, progress(shared.quiet) as shown:
            chosen = opened.targets(options)
            planned = plan_clusters(chosen, opened.memory, progress=shown)
    except InvalidDefinitions as error:
        return emit_findings(shared, error)
    found = tuple(only_drift(one.plan, one.own) for one in planned)
    plan = Plan(now(), chosen[0].checkout.revision, found)
    emit(shared, plan_document(plan))
    remember(opened)
    return exit_code(plan, detailed=detailed_exitcode)
