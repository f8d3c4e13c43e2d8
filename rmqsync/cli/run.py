"""`rmqsync run`: the daemon."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import Common, common, option, session
from rmqsync.cli.output import out

if TYPE_CHECKING:
    from rmqsync.daemon.documents import SourceStatusDocument


_WEAK = (
    "daemon.tokens.%s has fewer than %d characters and might be guessed; take 32 random bytes, as "
    "of head -c 32 /dev/urandom | base64"
)


@click.command("run")
@option("--bind", metavar="HOST:PORT", help="Address of pages, API and metrics; as daemon.bind.")
@option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="Of the log on stderr; by default text on a terminal, else json.",
)
@option("--check", is_flag=True, help="Read settings, fetch definitions, check both, and end.")
@common
def command(shared: Common, bind: str | None, log_format: str | None, check: bool) -> int:
    """Keep clusters in line with git, and serve pages, API and metrics, until told to stop."""
    if check and shared.format not in ("text", "json"):
        raise click.UsageError(f"run --check tells as text or json, not as {shared.format}")
    from rmqsync.cli.outcome import end_code
    from rmqsync.daemon.logs import set_up
    from rmqsync.daemon.metrics import Metrics
    from rmqsync.daemon.ports import SHORT
    from rmqsync.daemon.serve import listener, serve
    from rmqsync.daemon.start import Running, secrets_of, weak_tokens
    from rmqsync.repo.local import make_private_folder

    kept: list[Metrics] = []

    def observe(cluster: str, sent: object) -> None:
        if kept:
            kept[0].sent(cluster, sent)  # type: ignore[arg-type]

    def metrics(board: object) -> Metrics:
        kept.append(Metrics(board))  # type: ignore[arg-type]
        return kept[0]

    with session(shared, observe=observe) as opened:
        form = log_format or ("text" if sys.stderr.isatty() else "json")
        set_up(form, secrets_of(opened).values(), verbose=shared.verbose > 0)
        for token in weak_tokens(opened):
            logging.getLogger("rmqsync.daemon").warning(_WEAK, token, SHORT)
        make_private_folder(opened.data_dir)
        running = Running(opened, metrics, lambda result: end_code([result], None))
        if check:
            return _check(running, shared)
        sock, is_loopback = listener(bind or opened.settings.daemon.bind, opened.settings)
        with sock:
            return serve(running, sock, loopback=is_loopback)


def _check(running: object, shared: Common) -> int:
    from rmqsync.daemon.start import Running

    assert isinstance(running, Running)
    for name in running.sources.names:
        running.sources.update(name)
    running.notifier.close(0.5)
    sources = running.board.sources()
    if shared.format == "json":
        from rmqsync.report.plan_json import dumps

        out(dumps({"sources": sources}) + "\n")
    else:
        for source in sources:
            out("".join(f"{line}\n" for line in _lines(source)))
    bad = any(source["error"] or source["broken_commit"] for source in sources)
    return Exit.FAILED if bad else Exit.DONE


def _lines(source: SourceStatusDocument) -> list[str]:
    from rmqsync.daemon.tales import reasons

    name, broken = source["name"], source["broken_commit"]
    if broken is not None:
        return [f"{name}: commit {broken} cannot be used", *reasons(source)]
    if source["error"] is not None:
        return [f"{name}: {source['error']}"]
    return [f"{name}: commit {source['commit'] or 'none'} can be used"]
