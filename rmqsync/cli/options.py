"""Options that several verbs share, and the values they turn into."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.output import out, say, wants_color
from rmqsync.model.counts import number_of

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("text", "json", "ndjson", "markdown", "sarif", "junit", "html", "github")
_FOR_FORGES = frozenset({"markdown", "sarif", "junit", "github"})
"""What forges read, who know files by their path from the root of the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every verb understands."""

    config: str | None
    data_dir: str | None
    format: str
    color: Literal["auto", "always", "never"]
    verbose: int
    quiet: bool
    timeout: float
    reports: tuple[str, ...]


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return a click option that `RMQSYNC_…`, named after the flag, can set as well."""
    long = next(name for name in names if name.startswith("--"))
    variable = "RMQSYNC_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **attributes)


def guard_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return an option that loosens a guard: given by hand, run by run, never by a variable."""
    return click.option(*names, **attributes)


def common(function: F) -> F:
    """Add the options of every verb; the command gets them as one `Common`."""
    options = [
        option(
            "--config",
            metavar="FILE",
            help="Settings; by default rmqsync.yaml here.",
        ),
        option(
            "--data-dir",
            metavar="DIR",
            help="History, backups and caches; by default the XDG state folder.",
        ),
        option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="text",
            help="Of what goes to stdout.",
        ),
        option(
            "--report",
            "reports",
            multiple=True,
            metavar="FORMAT=PATH",
            help="Write this format to a file as well; may be repeated.",
        ),
        option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="NO_COLOR and FORCE_COLOR count as well.",
        ),
        option("-v", "--verbose", count=True, help="Fold nothing; twice: log requests."),
        option("-q", "--quiet", is_flag=True, help="No progress, only results and errors."),
        option(
            "--timeout",
            type=click.FloatRange(min=0.1),
            default=30.0,
            help="Seconds for one answer of a broker.",
        ),
    ]

    @functools.wraps(function)
    def wrapped(
        config: str | None,
        data_dir: str | None,
        form: str,
        reports: tuple[str, ...],
        color: Literal["auto", "always", "never"],
        verbose: int,
        quiet: bool,
        timeout: float,
        **others: Any,
    ) -> Any:
        _set_up_logging(verbose)
        shared = Common(
            config=config,
            data_dir=data_dir,
            format=form,
            color=color,
            verbose=verbose,
            quiet=quiet,
            timeout=timeout,
            reports=reports,
        )
        for report in reports:
            _split_report(report)
        return function(shared, **others)

    decorated: Any = wrapped
    for add in reversed(options):
        decorated = add(decorated)
    return decorated  # type: ignore[no-any-return]


def _set_up_logging(verbose: int) -> None:
    import logging

    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.getLogger("rmqsync").setLevel(level)


def loading(function: F) -> F:
    """Add the options that say how definitions are read."""
    options = [
        guard_option(
            "--allow-plain-secrets",
            is_flag=True,
            help="Load passwords, and URIs with passwords, that are written in definitions.",
        ),
        option("--vhost", help="Vhost of objects that name none, such as an export of one."),
        option(
            "--rabbitmq-version",
            metavar="X.Y.Z",
            help="Check against this version where no cluster tells its own.",
        ),
    ]
    for add in reversed(options):
        function = add(function)
    return function


def choosing_clusters(function: F) -> F:
    """Add the option that chooses clusters."""
    return option(
        "--cluster", "clusters", multiple=True, metavar="NAME", help="Default: all clusters."
    )(function)


def choosing(function: F) -> F:
    """Add the options that choose clusters, revisions and objects."""
    options = [
        choosing_clusters,
        option("--revision", metavar="REV", help="Definitions of this revision."),
        option("--target", "targets", multiple=True, metavar="GLOB", help="Only these addresses."),
        option("--exclude", "excludes", multiple=True, metavar="GLOB", help="Not these addresses."),
    ]
    for add in reversed(options):
        function = add(function)
    return function


def lock_timeout(function: F) -> F:
    """Add the option that says how long to wait for another run."""
    return option(
        "--lock-timeout",
        type=click.FloatRange(min=0),
        default=30.0,
        metavar="SECONDS",
        help="How long to wait for another run on the same cluster.",
        show_default=True,
    )(function)


def check_patterns(targets: Sequence[str], excludes: Sequence[str]) -> None:
    """Raise for a pattern that can match no address: it would choose nothing, silently."""
    from fnmatch import fnmatchcase

    from rmqsync.kinds import KINDS
    from rmqsync.text.nearest import did_you_mean

    for flag, patterns in (("--target", targets), ("--exclude", excludes)):
        for pattern in patterns:
            kind, colon, _ = pattern.partition(":")
            if not colon or not any(fnmatchcase(name, kind) for name in KINDS.names):
                hint = did_you_mean(kind, KINDS.names) or "an address is kind:vhost/name"
                raise click.BadParameter(f"{flag} {pattern}: '{kind}' is no kind; {hint}")


@contextmanager
def session(shared: Common, observe: Callable[[str, Any], None] | None = None) -> Iterator[Any]:
    """Open a `Session` for the length of a command; `observe` is told of requests to brokers."""
    from rmqsync.wiring import Session

    forms = {shared.format, *(_split_report(report)[0] for report in shared.reports)}
    from_root = not _FOR_FORGES.isdisjoint(forms)
    opened = Session(
        shared.config, shared.data_dir, os.environ, from_root=from_root, observe=observe
    )
    try:
        yield opened
    finally:
        opened.close()


def remember(opened: Any) -> None:
    """Keep what was compiled for the next command, without anybody waiting for it."""
    if opened.memory.has_unkept:
        from rmqsync.cli.aside import aside

        aside(opened.memory.keep)


def version(text: str | None) -> tuple[int, int, int] | None:
    """Return `--rabbitmq-version` as numbers."""
    if text is None:
        return None
    from rmqsync.planning.plan import parse_version

    found = parse_version(text)
    if found is None:
        raise click.BadParameter(f"'{text}' is no version such as 4.0 or 3.10.8")
    return found


def emit(shared: Common, document: Any, *, key: str = "default") -> None:
    """Print a document in the chosen format, and write the reports that were asked for."""
    import sys

    from rmqsync.report.formats import Format, render

    color = wants_color(shared.color, sys.stdout)
    for report in shared.reports:
        form, path = _split_report(report)
        _write(path, render(Format(form), document, verbose=True, key=key))
    out(render(Format(shared.format), document, color=color, verbose=shared.verbose > 0, key=key))


def emit_findings(shared: Common, error: Any, *, key: str = "default") -> int:
    """Show invalid definitions: as text on stderr, in every other format on stdout."""
    from rmqsync.report.plan_json import findings_document

    if shared.format == "text" and not shared.reports:
        raise error
    document = findings_document(error.findings)
    emit(shared, document, key=key)
    say(f"{number_of(len(error.findings), 'finding')}, nothing was done")
    return Exit.FAILED


def _split_report(report: str) -> tuple[str, str]:
    form, _, path = report.partition("=")
    if form not in FORMATS or not path:
        raise click.BadParameter(
            f"--report {report}: write FORMAT=PATH with one of {', '.join(FORMATS)}"
        )
    return form, path


def _write(path: str, text: str) -> None:
    from rmqsync.repo.local import write_atomic

    write_atomic(path, text.encode("utf-8", "backslashreplace"))
