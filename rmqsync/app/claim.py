"""What settings and command line say about ownership of one cluster."""

from __future__ import annotations

from dataclasses import dataclass

from rmqsync.app.ports import CompiledStore
from rmqsync.model.marker import Stop


@dataclass(frozen=True, slots=True)
class Claim:
    """What the settings and the command line say about ownership of one cluster."""

    owner: str = "main"
    heals: bool = False
    """`on_drift: heal`."""
    attended: bool = False
    """A person sees the plan and says yes."""
    adopt: bool = False
    allow_rewind: bool = False
    take_over: bool = False
    forget_revision: bool = False
    ignore_health: bool = False
    members: tuple[str, ...] = ()
    """Nodes that the settings expect."""
    closed: str | None = None
    """Why nothing is to be changed now: no window of the cluster is open, and nobody is asked."""
    pin: Stop | None = None
    """The cluster is to stay where this run brings it."""
    store: CompiledStore | None = None
