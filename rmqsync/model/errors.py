"""
Errors that a user may see. Each message says where, what is wrong, the value, and what to do.

Adapters raise these `from` the library's own. `cli/main.py` turns them into exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.model.findings import Finding


class RmqsyncError(Exception):
    """Base of all errors that are the user's to mend, not ours."""


class UsageError(RmqsyncError):
    """Wrong usage: unknown cluster, flags that do not go together. Exit 64."""


class InvalidDefinitions(RmqsyncError):
    """Files that cannot be used, with every finding, not the first one only. Exit 1."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda finding: finding.order))
        super().__init__("\n".join(str(finding) for finding in self.findings))


class SourceError(RmqsyncError):
    """A repository, revision, folder or file that cannot be read. Exit 1."""


class SourceUnavailable(SourceError):
    """
    A repository that cannot be asked now; this may pass.

    It says nothing about what the repository holds: nothing may be judged by it.
    """


class BadLayer(SourceError):
    """A layer folder that cannot be used, as what was read says: it will say so again."""


class NoLayer(BadLayer):
    """A layer folder that is missing, or holds no definitions."""


class StalePlan(RmqsyncError):
    """A saved plan that no longer fits its cluster, is of another one, or was used. Exit 5."""


class Refused(RmqsyncError):
    """Not done, since a guard or a person said no. Exit 1."""


class BrokerError(RmqsyncError):
    """A cluster that could not be read or written. Exit 1, or 4 once something was done."""


class Unreachable(BrokerError):
    """No endpoint of the cluster answered as it should; this may pass."""

    def __init__(self, message: str, *, may_be_done: bool = False) -> None:
        super().__init__(message)
        self.may_be_done = may_be_done
        """It was sent, and whatever took it may still carry it out."""


class AccessDenied(BrokerError):
    """The broker does not let us: wrong password, missing tag or missing rights."""


class Rejected(BrokerError):
    """The broker said no to a request, and will say so again."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """The broker's own words, cut at 256 characters."""


class HistoryError(RmqsyncError):
    """A history of runs that cannot be read or written; it stops no run. Exit 1."""
