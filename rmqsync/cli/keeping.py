"""Options of verbs that write: where the backup goes, and who the history says it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rmqsync.cli.options import Common, F, guard_option, option
from rmqsync.cli.output import say

if TYPE_CHECKING:
    from rmqsync.app.journal import RunJournal
    from rmqsync.model.changes import ClusterResult
    from rmqsync.wiring import Session


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a verb that writes leaves for later."""

    backup: str | None
    """A folder, or `none`."""
    who: str | None

    def journal(
        self,
        opened: Session,
        shared: Common,
        exit_code: Callable[[ClusterResult], int],
        action: str = "apply",
    ) -> RunJournal:
        """Return the journal of a run that begins now; raises `SourceError`."""
        from rmqsync.wiring_history import open_journal, starter

        def warn(text: str) -> None:
            say(f"warning: {text}")

        return open_journal(opened, starter(self.who, action=action), self.backup, exit_code, warn)


def keeping(function: F) -> F:
    """Add `--backup` and `--who`; the command gets them as one `Keeping`."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, backup: str | None, who: str | None, **others: Any) -> Any:
        return function(*arguments, keep=Keeping(backup, who), **others)

    decorated: Any = wrapped
    for add in (
        option("--who", metavar="NAME", help="Who the history says it was; default: user@host."),
        guard_option(
            "--backup",
            metavar="DIR|none",
            help="Where the export from before the run is kept; default: the data folder.",
        ),
    ):
        decorated = add(decorated)
    return decorated  # type: ignore[no-any-return]
