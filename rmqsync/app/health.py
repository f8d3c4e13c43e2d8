"""
The health gate: an unhealthy cluster is not changed, unless somebody says so.

One request, and only where there is something to change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from rmqsync.analysis.health import COLUMNS, health_problems, vhost_problems
from rmqsync.app.ports import Broker
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Hold, HoldCode
from rmqsync.model.definitions import Live
from rmqsync.model.errors import BrokerError

POLL_S = 1.0
_NAMED = 3
_NODES = Request("GET", ("nodes",), query=(("columns", ",".join(COLUMNS)),))


def unhealthy(broker: Broker, live: Live | None, expected: Sequence[str]) -> Hold | None:
    """Return why a cluster is not to be changed now; `None` where it is healthy."""
    try:
        found = health_problems(broker.get(_NODES), expected)
    except BrokerError as problem:
        found = [f"its health could not be read: {problem}"]
    if live is not None:
        found += vhost_problems(live.stopped_vhosts)
    if not found:
        return None
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    reason = f"the cluster is not healthy: {'; '.join(found[:_NAMED])}{more}"
    return Hold(HoldCode.UNHEALTHY, reason, "--ignore-health")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for health, and what tells and ends it."""

    timeout_s: float = 60.0
    tell: Callable[[str], None] = lambda _text: None
    """Takes a line when the waiting begins, and for every other reason."""
    stop: Event = field(default_factory=Event)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def wait_for_health(name: str, broker: Broker, expected: Sequence[str], patience: Patience) -> bool:
    """Wait until a cluster is healthy; return whether it is."""
    until = patience.clock() + patience.timeout_s
    told = ""
    while True:
        hold = unhealthy(broker, None, expected) or _not_serving(broker, expected)
        if hold is None:
            return True
        left_s = until - patience.clock()
        if left_s <= 0 or patience.stop.is_set():
            return False
        if hold.reason != told:
            told = hold.reason
            patience.tell(f"{name}: waiting, {told}")
        patience.sleep(min(POLL_S, left_s))


def _not_serving(broker: Broker, expected: Sequence[str]) -> Hold | None:
    """Look at the vhosts as well: a node runs before it has started them."""
    try:
        return unhealthy(broker, broker.read(), expected)
    except BrokerError as problem:
        reason = f"the cluster is not healthy: it cannot be read: {problem}"
        return Hold(HoldCode.UNHEALTHY, reason, "--ignore-health")
