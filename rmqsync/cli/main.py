"""
The command `rmqsync`: its verbs, and how errors become exit codes.

Verbs are loaded when they are called, so that `--version` and completion answer at once.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.output import wants_color
from rmqsync.version import __version__

if TYPE_CHECKING:
    from rmqsync.model.errors import InvalidDefinitions

_VERBS = {
    "validate": "Check definitions offline.",
    "plan": "Show what would change on each cluster.",
    "apply": "Bring clusters in line with their definitions.",
    "rollback": "Bring a cluster back to an earlier revision or a backup, and pin it.",
    "drift": "Show what changed on the clusters since the last apply.",
    "pause": "Keep every run off a cluster.",
    "resume": "End the pause, or the pin, of a cluster.",
    "approve": "Let held changes of a cluster go ahead in the next unattended run.",
    "disown": "Remove the marker of a cluster: its objects become unmanaged.",
    "run": "Keep clusters in line with git until told to stop: the daemon.",
    "diff": "Compare two of cluster:NAME, rev:REV and file:PATH.",
    "export": "Write what a cluster has as a tidy tree of YAML.",
    "compile": "Print the compiled definitions of a cluster as one JSON document.",
    "show": "Show a saved plan.",
    "history": "List past runs, or show one with all its changes.",
    "schema": "Print or write the JSON Schemas of the files.",
    "hash-password": "Hash a password as RabbitMQ stores it.",
    "completion": "Print the completion script for a shell.",
}


class _Verbs(click.Group):
    """Commands by name, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"rmqsync.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS:
            from rmqsync.text.nearest import did_you_mean

            hint = did_you_mean(args[0], _VERBS)
            raise click.UsageError(
                f"there is no command '{args[0]}'" + (f"; {hint}" if hint else ""), ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="rmqsync")
def main() -> None:
    """
    GitOps for RabbitMQ: definitions in git, validated, planned, applied and watched.

    Each flag can be set by a variable as well, --data-dir by RMQSYNC_DATA_DIR, but for those that
    loosen a guard.
    """


class _Terminated(BaseException):
    """SIGTERM outside of an apply."""


def _on_term(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise _Terminated


def entry() -> None:
    """
    Run the command line and end the process with the designed exit code.

    Without the collector of cycles: what a command reads is in use to its end and holds none, and
    going through it again and again takes a third of a large plan. A service turns it on again.
    """
    gc.disable()
    signal.signal(signal.SIGTERM, _on_term)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `rmqsync plan | head`: whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.DONE
    # At once: taking apart what a large plan has left behind costs as much as comparing it did.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; what went wrong is said on stderr."""
    try:
        result: Any = main.main(arguments or ["--help"], prog_name="rmqsync", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.Abort:
        return _fail("interrupted", Exit.INTERRUPTED)
    except click.ClickException as error:
        usage = (
            error.ctx.get_usage() + "\n"
            if isinstance(error, click.UsageError) and error.ctx
            else ""
        )
        return _fail(f"{usage}error: {error.format_message()}", Exit.USAGE)
    except KeyboardInterrupt:
        return _fail("interrupted", Exit.INTERRUPTED)
    except _Terminated:
        return _fail("terminated", Exit.TERMINATED)
    except Exception as error:
        return _known(error)
    return int(result) if isinstance(result, int) else Exit.DONE


def _known(error: Exception) -> int:
    from rmqsync.model.errors import InvalidDefinitions, RmqsyncError, StalePlan, UsageError

    if isinstance(error, InvalidDefinitions):
        return _fail(_findings(error), Exit.FAILED)
    if isinstance(error, UsageError):
        return _fail(f"error: {error}", Exit.USAGE)
    if isinstance(error, StalePlan):
        return _fail(f"error: {error}", Exit.STALE)
    if isinstance(error, RmqsyncError):
        return _fail(f"error: {error}", Exit.FAILED)
    from rmqsync.model.defects import WHOLE, told

    if os.environ.get(WHOLE):
        raise error
    return _fail(told(error), Exit.FAILED)


def _findings(error: InvalidDefinitions) -> str:
    """Return findings as `validate` shows them: errors and warnings told apart."""
    from rmqsync.report.formats import Format, render
    from rmqsync.report.plan_json import findings_document

    color = wants_color("auto", sys.stderr)
    shown = render(Format.TEXT, findings_document(error.findings), color=color)
    return f"{shown.rstrip()} Nothing was done."


def _fail(text: str, code: int) -> int:
    click.echo(text, err=True)
    return code
