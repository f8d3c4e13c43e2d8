"""What is done to the requests of a run: faults, and the end of the process that sent them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from tests.fakes.faults import Channel, Fault, Reply, Reset, Silent


class Reach(Enum):
    """Which requests a fault meets, once it met its first."""

    ONCE = "once"
    SAME = "same"
    """That one and every later one of the same method and target: repeating does not help."""
    ONWARDS = "onwards"
    """That one and all later ones: the broker is gone."""


@dataclass(frozen=True, slots=True)
class Torn:
    """Half of the usual body, then the connection is closed."""

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        body = usual.body or b"{}"
        channel.reply(Reply(usual.status, body, usual.headers), cut=len(body) // 2)


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for the whole process group of the run."""

    group: Callable[[], int]

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.group(), signal.SIGKILL)
        channel.hang_up(reset=True)


@dataclass(frozen=True, slots=True)
class Injection:
    """One way to disturb a run, from some request on."""

    name: str
    fault: Fault | None
    """`None`: the process is killed."""
    forwards: bool
    """The broker gets the request, and does what it asks."""
    reach: Reach = Reach.ONCE
    timeout_s: float = 1.0
    """`--timeout` of the run: it also bounds how long repetitions go on."""
    cut_s: float | None = None
    """The broker loses its client so long after it got the request; `None`: it may answer."""

    @property
    def kills(self) -> bool:
        return self.fault is None


def _error(status: int, **headers: str) -> Reply:
    error = Reply.of({"error": "internal_server_error", "reason": "an injected fault"}, status)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(error.status, error.body, {**error.headers, **named})


_FAULTS: tuple[tuple[str, Fault, bool], ...] = (
    ("500", _error(500), False),
    ("503", _error(503, Retry_After="1"), False),
    ("reset", Reset(), False),
    ("timeout", Silent(), False),
    ("truncated", Torn(), True),
    ("lost answer", Reset(), True),
)
_SHORT_S = 0.3
"""Timeout where a fault lasts: no longer than that is a request repeated."""

INJECTIONS: tuple[Injection, ...] = (
    *(
        Injection(name, fault, does, timeout_s=_SHORT_S if name == "timeout" else 1.0)
        for name, fault, does in _FAULTS
    ),
    *(
        Injection(f"{name}, again and again", fault, does, Reach.SAME, _SHORT_S)
        for name, fault, does in _FAULTS
    ),
    Injection("broker gone", Reset(), False, Reach.ONWARDS, _SHORT_S),
    Injection("killed before", None, forwards=False),
    Injection("killed after", None, forwards=True),
)
