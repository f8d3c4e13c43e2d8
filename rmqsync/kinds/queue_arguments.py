"""
The arguments that queues take: by type of queue, with range, and since and until which version.

Source: rabbit_amqqueue.erl, rabbit_{classic,quorum,stream}_queue.erl of 3.10 to 4.3, and live
checks. An argument known to some type but not to this one is refused by the broker; one that no
type knows is stored and ignored, so that a typing error survives: that is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from rmqsync.kinds.base import Problem
from rmqsync.kinds.context import Context, Version
from rmqsync.model.findings import Severity
from rmqsync.model.values import JsonValue, Row

C, Q, S = "classic", "quorum", "stream"
_TYPE = "x-queue-type"
_TEN_YEARS_MS = 315_360_000_000
_LATEST: Version = (99, 0, 0)


class Argument(NamedTuple):
    types: tuple[str, ...]
    """Types of queue that take it."""
    accepts: Callable[[JsonValue], bool]
    wants: str
    """What a value must be, for the message."""
    since_for: dict[str, Version] = {}
    """Types that take it only from a version on."""
    judged_by: tuple[str, ...] = (C, Q, S)
    """Types that look at the value; others store whatever it is."""
    judged_since: Version = (0, 0, 0)
    judged_until: Version = _LATEST
    """The first version that stores any value again."""


def _integer(low: int, high: int | None = None) -> Callable[[JsonValue], bool]:
    def accepts(value: JsonValue) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value >= low and (high is None or value <= high)

    return accepts


def _one_of(*words: str) -> Callable[[JsonValue], bool]:
    return lambda value: isinstance(value, str) and value in words


def _is_string(value: JsonValue) -> bool:
    return isinstance(value, str)


def _is_boolean(value: JsonValue) -> bool:
    return isinstance(value, bool)


def _is_age(value: JsonValue) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]+[YMDhms]", value) is not None


def _anything(value: JsonValue) -> bool:
    del value
    return True


_COUNT = (_integer(0), "an integer, 0 or more")
_STRING = (_is_string, "a string")

ARGUMENTS: dict[str, Argument] = {
    "x-queue-type": Argument((C, Q, S), _one_of(C, Q, S), "classic, quorum or stream"),
    "x-message-ttl": Argument((C, Q), _integer(0, _TEN_YEARS_MS), "milliseconds, 10 years at most"),
    "x-expires": Argument(
        (C, Q), _integer(1, _TEN_YEARS_MS), "milliseconds, 1 or more, 10 years at most"
    ),
    "x-max-length": Argument((C, Q), *_COUNT),
    "x-max-length-bytes": Argument((C, Q, S), *_COUNT),
    "x-overflow": Argument(
        (C, Q),
        _one_of("drop-head", "reject-publish", "reject-publish-dlx"),
        "drop-head, reject-publish or reject-publish-dlx",
    ),
    "x-dead-letter-exchange": Argument((C, Q), *_STRING),
    "x-dead-letter-routing-key": Argument((C, Q), *_STRING),
    "x-dead-letter-strategy": Argument(
        (Q,), _one_of("at-most-once", "at-least-once"), "at-most-once or at-least-once"
    ),
    "x-max-priority": Argument((C,), _integer(0, 255), "an integer, 0 to 255"),
    "x-single-active-consumer": Argument((C, Q), _is_boolean, "true or false"),
    "x-queue-mode": Argument(
        (C,), _one_of("default", "lazy"), "default or lazy", judged_until=(4, 3, 0)
    ),
    "x-queue-version": Argument((C,), _integer(1, 2), "1 or 2"),
    "x-queue-master-locator": Argument(
        (C,),
        _one_of("min-masters", "client-local", "random"),
        "min-masters, client-local or random",
        judged_until=(4, 0, 0),
    ),
    "x-queue-leader-locator": Argument(
        (C, Q, S),
        _one_of("client-local", "balanced", "random", "least-leaders", "min-masters"),
        "client-local or balanced",
        since_for={C: (4, 0, 0)},
    ),
    "x-delivery-limit": Argument((Q,), _anything, ""),
    "x-quorum-initial-group-size": Argument((Q,), _integer(1), "an integer, 1 or more"),
    "x-quorum-target-group-size": Argument((C, Q, S), _anything, ""),
    "x-max-in-memory-length": Argument((Q,), *_COUNT),
    "x-max-in-memory-bytes": Argument((Q,), *_COUNT),
    "x-max-age": Argument((S,), _is_age, "a number and one of Y M D h m s, such as 7D"),
    "x-stream-max-segment-size-bytes": Argument(
        (S,), _integer(0, 3_000_000_000), "an integer, 3000000000 at most"
    ),
    "x-stream-filter-size-bytes": Argument(
        (C, Q, S),
        _integer(16, 255),
        "an integer, 16 to 255",
        judged_by=(S,),
        judged_since=(3, 13, 0),
    ),
    "x-initial-cluster-size": Argument((S,), _integer(1), "an integer, 1 or more"),
    "x-consumer-timeout": Argument(
        (C, Q, S), _integer(0), "milliseconds, 0 or more", judged_since=(4, 3, 0)
    ),
    "x-consumer-disconnected-timeout": Argument(
        (C, Q, S), _integer(0), "milliseconds, 0 or more", judged_since=(4, 3, 0)
    ),
    "x-delayed-retry-type": Argument((C, Q, S), _anything, ""),
    "x-delayed-retry-min": Argument((C, Q, S), _anything, ""),
    "x-delayed-retry-max": Argument((C, Q, S), _anything, ""),
}

# Late patches take these from the types that never made use of them.
_ONLY_FROM: dict[str, tuple[tuple[str, ...], Version]] = {
    "x-stream-filter-size-bytes": ((S,), (4, 2, 3)),
    "x-consumer-timeout": ((Q,), (4, 3, 0)),
    "x-consumer-disconnected-timeout": ((Q,), (4, 3, 0)),
    "x-delayed-retry-type": ((Q,), (4, 3, 0)),
    "x-delayed-retry-min": ((Q,), (4, 3, 0)),
    "x-delayed-retry-max": ((Q,), (4, 3, 0)),
}


_BY_VERSION = ("x-queue-leader-locator", "x-queue-version", "x-queue-master-locator")
# Where the version is no matter, a value that fits is settled without asking for it.
_TIMELESS = ARGUMENTS.keys() - _ONLY_FROM.keys() - set(_BY_VERSION)


def argument_problems(queue_type: str, arguments: Row, context: Context) -> Iterable[Problem]:
    """Yield what the broker refuses, or silently ignores, in the arguments of a queue."""
    if queue_type not in (C, Q, S):
        yield Problem(
            "RMQ057",
            ("arguments", "x-queue-type"),
            f"there is no queue type '{queue_type}'",
            "classic, quorum or stream",
        )
        return
    for name, value in arguments.items():
        known = ARGUMENTS.get(name)
        if known is None:
            yield from _unknown(name)
        elif value is None:
            continue  # reported as null
        elif name in _TIMELESS and queue_type in known.types and known.accepts(value):
            continue
        else:
            yield from _known(name, value, known, queue_type, context)
    if "x-dead-letter-routing-key" in arguments and "x-dead-letter-exchange" not in arguments:
        yield Problem(
            "RMQ052",
            ("arguments", "x-dead-letter-routing-key"),
            "x-dead-letter-routing-key without x-dead-letter-exchange",
        )


def _unknown(name: str) -> Iterable[Problem]:
    from difflib import get_close_matches

    close = get_close_matches(name, ARGUMENTS, n=1)
    if name.startswith("x-") or close:
        yield Problem(
            "RMQ050",
            ("arguments", name),
            f"no type of queue knows the argument {name}: the broker stores and ignores it",
            f"did you mean {close[0]}?" if close else None,
            Severity.WARNING,
        )


def _known(
    name: str, value: JsonValue, known: Argument, queue_type: str, context: Context
) -> Iterable[Problem]:
    path = ("arguments", name)
    types, since = _ONLY_FROM.get(name, (known.types, _LATEST))
    if not context.at_least(*since):
        types = known.types
    wanted_since = known.since_for.get(queue_type)
    if queue_type not in types:
        yield Problem(
            "RMQ051", path, f"a {queue_type} queue does not take {name}", f"{_list(types)} do"
        )
    elif wanted_since and context.before(*wanted_since):
        version = ".".join(map(str, wanted_since[:2]))
        yield Problem("RMQ051", path, f"{name} on a {queue_type} queue needs RabbitMQ {version}")
    elif not known.accepts(value) and not (value == "" and name == _TYPE and _any_type(context)):
        is_judged = (
            queue_type in known.judged_by
            and not context.before(*known.judged_since)
            and not context.at_least(*known.judged_until)
        )
        yield Problem(
            "RMQ053",
            path,
            f"{name} is {value!r}, must be {known.wants}",
            None if is_judged else "this version of RabbitMQ stores it all the same",
            Severity.ERROR if is_judged else Severity.WARNING,
        )
    yield from _by_version(name, value, context)


def _any_type(context: Context) -> bool:
    """Tell whether an empty type of queue counts as none given: 4.3, and it is stored."""
    return not context.before(4, 3)


def _by_version(name: str, value: JsonValue, context: Context) -> Iterable[Problem]:
    path = ("arguments", name)
    if name == "x-queue-leader-locator" and value == "min-masters" and context.before(4, 0):
        yield Problem("RMQ053", path, "x-queue-leader-locator min-masters needs RabbitMQ 4.0")
    if not context.at_least(4, 3):
        return
    if name == "x-queue-version" and value == 1:
        yield Problem("RMQ054", path, "x-queue-version 1 is refused by RabbitMQ 4.3", "use 2")
    if name == "x-queue-master-locator" and not context.permits("queue_master_locator"):
        yield Problem(
            "RMQ054",
            path,
            "x-queue-master-locator is refused by RabbitMQ 4.3",
            "use x-queue-leader-locator",
        )


def _list(types: tuple[str, ...]) -> str:
    return " and ".join(f"{one} queues" for one in types)
