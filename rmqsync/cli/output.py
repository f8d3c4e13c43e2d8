"""Where results, progress and questions go: data to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

import click

from rmqsync.report.colour import use_color

if TYPE_CHECKING:
    from rmqsync.app.ports import Progress

_LINE_EVERY_S = 10.0


def wants_color(flag: Literal["auto", "always", "never"], stream: TextIO) -> bool:
    """Tell whether a stream gets colour."""
    return use_color(flag, stream.isatty(), os.environ)


def out(text: str) -> None:
    """Write a result; raises `SourceError`. What cannot be encoded is escaped, not an error."""
    stream = sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        from rmqsync.model.errors import SourceError

        # What is in the buffer would fail again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        reason = (problem.strerror or str(problem)).lower()
        raise SourceError(f"standard output cannot be written: {reason}") from problem


def say(text: str) -> None:
    """Write a line for people."""
    click.echo(text, err=True)


def is_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreed(question: str) -> bool:
    """Ask a person; only "yes" is a yes. Raises `UsageError` where there is nobody to ask."""
    if not is_terminal():
        raise click.UsageError("there is nobody to ask here; use --auto-approve")
    say(f"{question}\n  Only 'yes' will be accepted to approve.\n")
    click.echo("  Enter a value: ", nl=False, err=True)
    return sys.stdin.readline().strip() == "yes"  # nothing at all at its end, which is no yes


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Show how far long work has come: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        yield _silent
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bar() as shown:
            yield shown
    else:
        yield _Lines()


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


class _Lines:
    """A line for each ten seconds of work: a log is read later, by people."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, what: str, done: int, total: int) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._last >= _LINE_EVERY_S:
                self._last = now
                say(f"{what}: {done} of {total}")


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}
        lock = threading.Lock()

        def show(what: str, done: int, total: int) -> None:
            with lock:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], completed=done, total=total)

        yield show
