"""`rmqsync plan`: what would change on each cluster. Writes nothing to any of them."""

from __future__ import annotations

import re
from dataclasses import replace

import click

from rmqsync.cli.codes import Exit, worst
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
from rmqsync.cli.output import out, progress


@click.command("plan")
@choosing
@option("--base", metavar="REV", help="Compare with this revision instead of the clusters.")
@option("--out", "out_file", metavar="FILE", help="Save the plan for `apply FILE`.")
@option("--detailed-exitcode", is_flag=True, help="End with 2 where there are changes.")
@option("--comment-key", default="default", help="Tells apart the comments on one pull request.")
@loading
@common
def command(
    shared: Common,
    clusters: tuple[str, ...],
    revision: str | None,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    base: str | None,
    out_file: str | None,
    detailed_exitcode: bool,
    comment_key: str,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
) -> int:
    """Show what would change on each cluster."""
    from rmqsync.app.marking import now
    from rmqsync.app.plan import plan_clusters
    from rmqsync.cli.planfile import save, saved_keys
    from rmqsync.model.changes import Plan
    from rmqsync.model.errors import InvalidDefinitions
    from rmqsync.report.plan_json import plan_document
    from rmqsync.report.seal import sealed
    from rmqsync.run_options import RunOptions
    from rmqsync.wiring_history import Approvals

    check_patterns(targets, excludes)
    if out_file and base:
        raise click.UsageError("--out saves a plan for clusters; it does not go with --base")
    options = RunOptions(
        clusters=clusters,
        revision=revision,
        base=base,
        targets=targets,
        excludes=excludes,
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
        timeout_s=shared.timeout,
    )
    try:
        with session(shared) as opened, progress(shared.quiet) as shown:
            chosen = opened.targets(replace(options, approvals=Approvals(opened)))
            planned = plan_clusters(chosen, opened.memory, progress=shown)
            plan = Plan(now(), chosen[0].checkout.revision, tuple(one.plan for one in planned))
            if out_file:
                extra, by_cluster = saved_keys(planned, targets, excludes)
                document = sealed(plan_document(plan, extra=extra, cluster_extra=by_cluster))
                save(out_file, document, planned)
            else:
                sides = _sides(base, revision) if base else None
                document = plan_document(plan, sides=sides)
    except InvalidDefinitions as error:
        return emit_findings(shared, error, key=comment_key)
    emit(shared, document, key=comment_key)
    remember(opened)
    if out_file and shared.format == "text":
        out(
            f"\nSaved the plan to: {out_file}\n\nTo perform exactly these actions, run:\n"
            f'    rmqsync apply "{out_file}"\n'
        )
    return exit_code(plan, detailed=detailed_exitcode)


def _sides(base: str, revision: str | None) -> tuple[str, str]:
    """Return what is compared, as people call it."""
    short = base[:12] if re.fullmatch("[0-9a-f]{40}", base) else base
    return f"revision {short}", revision or "the working folder"


def exit_code(plan: object, *, detailed: bool) -> Exit:
    """Return the exit code of a plan: never 3."""
    from rmqsync.model.changes import Plan, Status

    assert isinstance(plan, Plan)
    codes = [Exit.DONE]
    for cluster in plan.clusters:
        if cluster.status is not Status.OK:
            codes.append(Exit.FAILED)
        elif detailed and cluster.summary.changes:
            codes.append(Exit.CHANGES)
    return worst(codes)
