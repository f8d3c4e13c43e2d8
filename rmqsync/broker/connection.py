"""How a cluster is reached: plain values, so that this layer needs no settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """How the broker's certificate is checked, and ours shown. All are paths of PEM files."""

    ca: str | None = None
    """Certificates to trust; `None`: those of the system."""
    cert: str | None = None
    key: str | None = None
    """`None`: it is in the file of `cert`."""
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConnection:
    """One cluster, and who we are to it."""

    name: str
    endpoints: tuple[str, ...]
    """Management API of each node, with a path prefix where it has one; tried in turn."""
    username: str
    password: str = field(repr=False)
    password_from: str = ""
    """Where the password is read from, in words for people: "environment variable X"."""
    tls: TlsFiles = field(default_factory=TlsFiles)
    timeout_s: float = 30.0
    """For one answer. Exports and uploads get ten times as long."""
    parallelism: int = 4
    """Calls at the same time, at most."""
    secrets: Callable[[], Iterable[str]] = field(default=tuple, repr=False)
    """Values that no message may show besides those that the request itself tells of."""
