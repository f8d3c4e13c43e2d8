"""`rmqsync schema`: the JSON Schemas that editors complete and check with."""

from __future__ import annotations

import os

import click

from rmqsync.cli.output import out, say


@click.command("schema")
@click.argument("name", required=False)
@click.option("--write", "folder", metavar="DIR", help="Write all of them into this folder.")
def command(name: str | None, folder: str | None) -> None:
    """Print one JSON Schema (definitions or rmqsync), or write all of them into a folder."""
    from rmqsync.loading.schema import schema_files

    if folder:
        from rmqsync.repo.local import write_atomic

        for file, text in schema_files().items():
            write_atomic(os.path.join(folder, file), text.encode())
            say(f"wrote {os.path.join(folder, file)}")
        return
    known = {file.partition(".")[0]: text for file, text in schema_files().items()}
    wanted = name or "definitions"
    if wanted not in known:
        raise click.UsageError(f"there is no schema '{wanted}', only {', '.join(known)}")
    out(known[wanted])
