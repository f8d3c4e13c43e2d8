"""
The policy that is a fence around a queue: put up, waited for, and taken away so that all may enter.

A quorum queue that is over its limit tells each channel that publishes to refuse, and tells it to
go on once it is under four fifths of the limit, but that only while it rejects (rabbit_fifo.erl
`evaluate_limit`). Where the fence just went and left another limit, or on 3.10 none at all, a
channel that was refused would be so until it is closed. So a second policy, on top of the fence,
first sets the limit out of reach and goes on rejecting: then channels are told, at the moment when
it takes effect. Seen on 3.10.8, 4.0.5 and 4.3.6, with a message in the queue and with none.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rmqsync.app.ports import Broker
from rmqsync.kinds.base import Request
from rmqsync.model.errors import BrokerError
from rmqsync.model.values import Key

logger = logging.getLogger(__name__)

LENGTH, BYTES, OVERFLOW = "max-length", "max-length-bytes", "overflow"
REJECT = "reject-publish"
OUT_OF_REACH = 2**31 - 1
EFFECTIVE_S = 10.0
"""A policy that is not in effect after this will not be."""
LOOK_S = 0.05
_APPLIED_S = 0.1
"""From when the cluster lists a policy for a queue until the queue itself has it."""
_OPEN = ".open"
"""What the name of the second policy ends with."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A fence that stands, or may."""

    vhost: str
    queue: str
    name: str
    body: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    """The definition that was in effect without it; empty where that is not known."""

    @property
    def path(self) -> tuple[str, ...]:
        return ("policies", self.vhost, self.name)


def fence_policy(
    queue: str, current: Mapping[str, Any], policies: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the policy that keeps publishers out of `queue` and changes nothing else."""
    priorities = [policy.get("priority", 0) for policy in policies]
    return {
        "pattern": f"^{escaped(queue)}$",
        "apply-to": "queues",
        "priority": math.floor(max((0, *priorities))) + 1,
        "definition": {**current, LENGTH: 0, OVERFLOW: REJECT},
    }


def open_policy(fence: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes on top of a fence before it goes; `before` is as in `Standing`."""
    kept = {k: v for k, v in fence["definition"].items() if k not in (LENGTH, BYTES)}
    limits = {k: before[k] for k in (LENGTH, BYTES) if k in before}
    if not limits or before.get(OVERFLOW) != REJECT:
        limits = {LENGTH: OUT_OF_REACH}
    return {
        "pattern": fence["pattern"],
        "apply-to": "queues",
        "priority": fence.get("priority", 0) + 1,
        "definition": {**kept, **limits, OVERFLOW: REJECT},
    }


def lift(
    broker: Broker,
    fence: Standing,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """
    Let publishers in again, and take the fence away. Raises as `Broker.send` does.

    That publishers cannot be told is no reason to keep it up.
    """
    above = Request("PUT", _above(fence.path), open_policy(fence.body, fence.before))
    try:
        if look(broker, (fence.vhost, fence.queue)):
            broker.send(above)
            if not is_in_effect(broker, (fence.vhost, fence.queue), above.path[-1], sleep, clock):
                _warn(fence, f"policy '{above.path[-1]}' did not come into effect")
    except BrokerError as error:
        _warn(fence, str(error))
    broker.send(Request("DELETE", fence.path))
    broker.send(Request("DELETE", above.path))


def is_above(name: str) -> bool:
    """Tell by its name whether a fence is the policy that goes on top of one."""
    return name.endswith(_OPEN)


def _above(path: tuple[str, ...]) -> tuple[str, ...]:
    return (*path[:-1], path[-1] + _OPEN)


def _warn(fence: Standing, reason: str) -> None:
    logger.warning(
        "publishers that were refused may be so until they open another channel queue=%s policy=%s:"
        " %s",
        (fence.vhost, fence.queue),
        fence.name,
        reason,
    )


def is_in_effect(
    broker: Broker,
    key: Key,
    name: str,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> bool:
    """Wait until a policy is in effect on a queue; tell whether it is, or the queue is gone."""
    until = clock() + EFFECTIVE_S
    while (found := look(broker, key)) and found.get("policy") != name:
        if clock() > until:
            return False
        sleep(LOOK_S)
    sleep(_APPLIED_S)
    return True


def look(broker: Broker, key: Key) -> Mapping[str, Any]:
    """Return what the cluster lists of one queue, without statistics; empty where it is gone."""
    vhost, name = key
    query = (
        ("disable_stats", "true"),
        ("columns", "name,policy,type"),
        ("page", "1"),
        ("page_size", "500"),
        ("use_regex", "true"),
        ("name", f"^{escaped(name)}$"),
    )
    answer: Any = broker.get(Request("GET", ("queues", vhost), query=query)) or {}
    items = answer.get("items", ()) if isinstance(answer, Mapping) else answer
    return next((item for item in items if item["name"] == name), {})


def escaped(name: str) -> str:
    """Return a regular expression that matches `name` and nothing else."""
    return re.sub(r"([^A-Za-z0-9_\x80-\U0010ffff])", r"\\\1", name)


def unescaped(pattern: str) -> str:
    """Return the name that `fence_policy` made a pattern for."""
    return re.sub(r"\\(.)", r"\1", pattern.removeprefix("^").removesuffix("$"), flags=re.DOTALL)
