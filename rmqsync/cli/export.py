"""`rmqsync export`: live definitions to a tree of YAML that a person would have written."""

from __future__ import annotations

import click

from rmqsync.cli.options import Common, common, guard_option, option, session
from rmqsync.cli.output import progress, say
from rmqsync.model.counts import number_of

SCHEMA_URL = (
    "https://raw.githubusercontent.com/rmqsync/rmqsync/main/schemas/definitions.schema.json"
)


@click.command("export")
@click.argument("cluster")
@guard_option("--dir", "directory", required=True, metavar="DIR", help="A new or empty folder.")
@guard_option("--inline-hashes", is_flag=True, help="Leave password hashes in the files.")
@option(
    "--schema",
    default=SCHEMA_URL,
    metavar="URL",
    show_default=False,
    help="JSON Schema that each file names for editors; empty: none.",
)
@common
def command(shared: Common, cluster: str, directory: str, inline_hashes: bool, schema: str) -> None:
    """
    Write what a cluster has as a tidy tree of YAML; after it, `plan` is empty.

    Password hashes, and URIs with credentials, go to DIR.secrets/, which only you can read;
    `include:` takes DIR.secrets/secrets.yaml into rmqsync.yaml.
    """
    from rmqsync.app.export import export
    from rmqsync.loading.dump import TreeOptions
    from rmqsync.loading.scope import Scope
    from rmqsync.repo.export_writer import ExportWriter
    from rmqsync.run_options import RunOptions

    with session(shared) as opened, progress(shared.quiet) as shown:
        name = opened.name(cluster)
        reader = opened.broker(opened.settings.clusters[name], RunOptions(timeout_s=shared.timeout))
        shown("reading", 0, 1)
        live = reader.read()
        wanted = opened.settings.clusters[name].scope
        covers = Scope(wanted.vhosts, wanted.kinds).covers
        options = TreeOptions(schema=schema, covers=covers, inline_hashes=inline_hashes)
        done = export(live, directory, ExportWriter(), options)
    for finding in done.findings:
        say(f"{finding.severity.value}: {finding}")
    objects = sum(done.counts.values())
    files = number_of(len(done.files), "file")
    say(f"Exported {number_of(objects, 'object')} of cluster '{name}' to {directory} ({files}).")
    if done.secrets_file:
        secrets = number_of(len(done.secrets), "secret")
        say(
            f"{secrets} {'is' if len(done.secrets) == 1 else 'are'} in {done.secrets_file}; add it "
            "to `include:` in rmqsync.yaml, and do not commit that folder."
        )
