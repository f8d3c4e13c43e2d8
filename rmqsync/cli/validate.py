"""`rmqsync validate`: check definitions without any broker."""

from __future__ import annotations

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import (
    Common,
    choosing_clusters,
    common,
    emit,
    emit_findings,
    loading,
    option,
    session,
)
from rmqsync.cli.options import version as as_version
from rmqsync.cli.output import say


@click.command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH…]")
@choosing_clusters
@option("--revision", metavar="REV", help="Definitions of this revision.")
@loading
@common
def command(
    shared: Common,
    paths: tuple[str, ...],
    clusters: tuple[str, ...],
    revision: str | None,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
) -> int:
    """
    Check definitions offline: syntax, schema, references, regular expressions, version rules.

    Without PATH, the layers of every cluster in the settings; each PATH is a folder or a file that
    is checked by itself, in the order given as layers of one set.
    """
    from rmqsync.model.errors import InvalidDefinitions
    from rmqsync.model.findings import Finding
    from rmqsync.report.plan_json import findings_document
    from rmqsync.run_options import RunOptions
    from rmqsync.wiring_files import validate_clusters, validate_paths

    options = RunOptions(
        clusters=clusters,
        revision=revision,
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
    )
    found: tuple[Finding, ...]
    if paths:
        if clusters or revision:
            raise click.UsageError("PATH does not go with --cluster and --revision")
        found, what = validate_paths(paths, options)
    else:
        try:
            with session(shared) as opened:
                found, what = validate_clusters(opened, options)
        except InvalidDefinitions as error:  # of the settings themselves
            return emit_findings(shared, error)
    document = findings_document(found)
    emit(shared, document)
    failed = any(finding.is_error for finding in found)
    if what and not shared.quiet:
        say(f"checked {what}")
    return Exit.FAILED if failed else Exit.DONE
