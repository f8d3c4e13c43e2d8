"""`rmqsync history`: past runs, and what one of them did."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from rmqsync.cli.options import Common, choosing_clusters, common, emit, option, session

_AGO = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.command("history")
@click.argument("run", required=False)
@choosing_clusters
@option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="So many runs at most.",
)
@option("--since", metavar="TIME", help="From then on: 2026-11-24, 2026-11-24T08:00Z, or 7d ago.")
@common
def command(
    shared: Common, run: str | None, clusters: tuple[str, ...], limit: int, since: str | None
) -> None:
    """
    List past runs, newest first; with RUN, show every change of that one and its result.

    The beginning of an id is enough where no other begins so.
    """
    from rmqsync.app.history import find_run, list_runs
    from rmqsync.report.runs import past_run, runs_document
    from rmqsync.wiring_history import open_history

    if run is not None and (clusters or since):
        raise click.UsageError("--cluster and --since choose from the list, RUN is one of it")
    start = None if since is None else _start(since, datetime.now(UTC))
    with session(shared) as opened:
        store = open_history(opened)
        if run is not None:
            emit(shared, past_run(find_run(store, run)))
            return
        found = list_runs(store, opened.settings.clusters, clusters, start, limit)
    emit(shared, runs_document(found))


def _start(text: str, now: datetime) -> str:
    """Return the time that `--since` means, as the history writes times."""
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            start = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            start = datetime.fromisoformat(text)
            # Without a zone it is UTC, as all times that are shown.
            start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"--since {text}: write a date, a time such as 2026-11-24T08:00Z, or how long ago: 7d"
        ) from None
    return start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
