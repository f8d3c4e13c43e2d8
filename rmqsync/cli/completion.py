"""`rmqsync completion`: scripts for shells."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script: `rmqsync completion bash > …/completions/rmqsync`."""
    from click.shell_completion import get_completion_class

    from rmqsync.cli.main import main

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "rmqsync", "_RMQSYNC_COMPLETE").source())
