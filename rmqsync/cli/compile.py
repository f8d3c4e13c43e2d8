"""`rmqsync compile`: the compiled set of a cluster as one definitions document."""

from __future__ import annotations

import json

import click

from rmqsync.cli.options import (
    Common,
    common,
    emit_findings,
    guard_option,
    loading,
    option,
    session,
)
from rmqsync.cli.options import version as as_version
from rmqsync.cli.output import out, say


@click.command("compile")
@click.argument("cluster")
@option("--revision", metavar="REV", help="Definitions of this revision.")
@guard_option("--out", "out_file", metavar="FILE", help="Write to a file, readable by you only.")
@guard_option("--with-secrets", is_flag=True, help="Put in the values of secrets, in clear.")
@loading
@common
def command(
    shared: Common,
    cluster: str,
    revision: str | None,
    out_file: str | None,
    with_secrets: bool,
    allow_plain_secrets: bool,
    vhost: str | None,
    rabbitmq_version: str | None,
) -> int | None:
    """
    Print the compiled set as one definitions.json, for boot-time loading and for reading.

    Secrets stay references, which a broker cannot load, unless --with-secrets is given.
    """
    from rmqsync.loading.compile import compile_layers
    from rmqsync.loading.document_of import compile_document
    from rmqsync.model.errors import InvalidDefinitions
    from rmqsync.run_options import RunOptions

    options = RunOptions(
        revision=revision,
        allow_plain_secrets=allow_plain_secrets,
        vhost=vhost,
        rabbitmq_version=as_version(rabbitmq_version),
    )
    with session(shared) as opened:
        target = opened.target(opened.name(cluster), options, offline=True)
        try:
            desired = compile_layers(target.files(), target.options)
        except InvalidDefinitions as error:
            return emit_findings(shared, error)
        rows = desired.rows
        if with_secrets:
            rows = opened.with_secrets(rows)
    text = json.dumps(compile_document(rows), ensure_ascii=False, indent=2) + "\n"
    if out_file is None:
        out(text)
    else:
        from rmqsync.repo.local import write_atomic

        write_atomic(out_file, text.encode("utf-8", "surrogatepass"), private=True)
        say(f"wrote {out_file}")
    return None
