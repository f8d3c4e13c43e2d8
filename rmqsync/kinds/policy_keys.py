"""
The keys a policy may have: value, version, and which queues and exchanges they are for.

Source: the policy validators of RabbitMQ 3.10 to 4.3 (rabbit_policies.erl,
rabbit_mirror_queue_misc.erl, rabbit_quorum_queue.erl, rabbit_federation_parameters.erl,
rabbit_sharding_policy_validator.erl), and live checks. A key that one type of queue is known not to
support disqualifies the whole policy for queues of that type (rabbit_queue_type.erl
`is_policy_applicable`); exchanges accept any.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from rmqsync.kinds.context import Context, Version
from rmqsync.kinds.patterns import compile_error
from rmqsync.model.values import JsonValue

C, Q, S = "classic", "quorum", "stream"
_SEGMENT_LIMIT = 3_000_000_000


class PolicyKey(NamedTuple):
    accepts: Callable[[JsonValue], bool]
    wants: str
    """What a value must be, for the message."""
    unsupported: tuple[str, ...] = ()
    """Types of queue for which it disqualifies the policy."""
    since: Version | None = None
    until: Version | None = None
    """The first version that refuses it."""
    operator_since: Version | None = None
    """From when on an operator policy may have it; `None`: never."""
    for_exchanges: bool = False
    """It does something for exchanges."""
    for_queues: bool = True
    replaced_by: str | None = None
    """What to use where it is gone."""


def _integer(low: int | None, high: int | None = None) -> Callable[[JsonValue], bool]:
    def accepts(value: JsonValue) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (low is None or value >= low) and (high is None or value <= high)

    return accepts


def _one_of(*words: str) -> Callable[[JsonValue], bool]:
    return lambda value: isinstance(value, str) and value in words


def _is_string(value: JsonValue) -> bool:
    return isinstance(value, str)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_version(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in (1, 2)


def _is_age(value: JsonValue) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]+[YMDhms]", value) is not None


def _is_pattern(value: JsonValue) -> bool:
    return isinstance(value, str) and compile_error(value) is None


def _anything(value: JsonValue) -> bool:
    del value
    return True


_ALWAYS: Version = (0, 0, 0)
_NO_MIRRORS: Version = (4, 0, 0)
_COUNT = (_integer(0), "an integer, 0 or more")
_MS = (_integer(0), "milliseconds, 0 or more")
_STRING = (_is_string, "a string")
_MIRRORS = "mirroring is gone from RabbitMQ 4.0: use quorum queues"


def _mirror(
    accepts: Callable[[JsonValue], bool],
    wants: str,
    unsupported: tuple[str, ...] = (Q, S),
    operator_since: Version | None = None,
) -> PolicyKey:
    return PolicyKey(
        accepts,
        wants,
        unsupported,
        until=_NO_MIRRORS,
        operator_since=operator_since,
        replaced_by=_MIRRORS,
    )


def _exchange_only(accepts: Callable[[JsonValue], bool], wants: str) -> PolicyKey:
    return PolicyKey(accepts, wants, for_exchanges=True, for_queues=False)


POLICY_KEYS: dict[str, PolicyKey] = {
    "alternate-exchange": _exchange_only(*_STRING),
    "dead-letter-exchange": PolicyKey(*_STRING, (S,)),
    "dead-letter-routing-key": PolicyKey(*_STRING, (S,)),
    "dead-letter-strategy": PolicyKey(
        _one_of("at-most-once", "at-least-once"), "at-most-once or at-least-once", (C, S)
    ),
    "message-ttl": PolicyKey(*_MS, (S,), operator_since=_ALWAYS),
    "expires": PolicyKey(_integer(1), "milliseconds, 1 or more", (S,), operator_since=_ALWAYS),
    "max-length": PolicyKey(*_COUNT, (S,), operator_since=_ALWAYS),
    "max-length-bytes": PolicyKey(*_COUNT, operator_since=_ALWAYS),
    "max-in-memory-length": PolicyKey(*_COUNT, (C, S), operator_since=_ALWAYS),
    "max-in-memory-bytes": PolicyKey(*_COUNT, (C, S), operator_since=_ALWAYS),
    "overflow": PolicyKey(
        _one_of("drop-head", "reject-publish", "reject-publish-dlx"),
        "drop-head, reject-publish or reject-publish-dlx",
        (S,),
        operator_since=(3, 12, 7),
    ),
    "delivery-limit": PolicyKey(_integer(None), "an integer", (C, S), operator_since=_ALWAYS),
    "queue-mode": PolicyKey(_one_of("default", "lazy"), "default or lazy", (Q, S)),
    "queue-version": PolicyKey(_is_version, "1 or 2", operator_since=(3, 11, 24)),
    "max-age": PolicyKey(_is_age, "a number and one of Y M D h m s, such as 7D", (C, Q)),
    "stream-max-segment-size-bytes": PolicyKey(
        _integer(0, _SEGMENT_LIMIT), f"an integer, {_SEGMENT_LIMIT} at most", (C, Q)
    ),
    "stream-filter-size-bytes": PolicyKey(
        _integer(16, 255), "an integer, 16 to 255", since=(3, 13, 0)
    ),
    "initial-cluster-size": PolicyKey(*_COUNT, (C, Q)),
    "queue-leader-locator": PolicyKey(
        _one_of("client-local", "balanced", "random", "least-leaders"),
        "client-local or balanced",
        (C,),
    ),
    "queue-master-locator": PolicyKey(
        _one_of("min-masters", "client-local", "random", "balanced", "least-leaders"),
        "min-masters, client-local or random",
        (Q, S),
        operator_since=(4, 0, 0),
        replaced_by="use queue-leader-locator",
    ),
    "consumer-timeout": PolicyKey(*_MS, since=(3, 12, 0)),
    "consumer-disconnected-timeout": PolicyKey(*_MS, since=(4, 3, 0)),
    "target-group-size": PolicyKey(
        _integer(1),
        "an integer, 1 or more",
        (C, S),
        since=(3, 13, 0),
        operator_since=(3, 13, 0),
    ),
    "delayed-retry-type": PolicyKey(
        _one_of("all", "failed", "returned", "disabled"),
        "all, failed, returned or disabled",
        since=(4, 3, 0),
        operator_since=(4, 3, 0),
    ),
    "delayed-retry-min": PolicyKey(
        _integer(1), "an integer, 1 or more", since=(4, 3, 0), operator_since=(4, 3, 0)
    ),
    "delayed-retry-max": PolicyKey(
        _integer(1), "an integer, 1 or more", since=(4, 3, 0), operator_since=(4, 3, 0)
    ),
    "federation-upstream": PolicyKey(*_STRING, for_exchanges=True),
    "federation-upstream-set": PolicyKey(*_STRING, for_exchanges=True),
    "federation-upstream-pattern": PolicyKey(
        _is_pattern, "a regular expression", for_exchanges=True
    ),
    "shards-per-node": _exchange_only(_is_number, "a number, 0 or more"),
    "routing-key": _exchange_only(*_STRING),
    "ha-mode": _mirror(
        _one_of("all", "exactly", "nodes"), "all, exactly or nodes", operator_since=(3, 11, 10)
    ),
    "ha-params": _mirror(_anything, "an integer or a list of nodes", operator_since=(3, 11, 10)),
    "ha-sync-mode": _mirror(
        _one_of("manual", "automatic"), "manual or automatic", operator_since=(3, 11, 10)
    ),
    "ha-sync-batch-size": _mirror(_integer(1), "an integer, 1 or more", ()),
    "ha-promote-on-shutdown": _mirror(_one_of("when-synced", "always"), "when-synced or always"),
    "ha-promote-on-failure": _mirror(_one_of("when-synced", "always"), "when-synced or always"),
}

_TYPE_SINCE: dict[tuple[str, str], Version] = {
    # Not on the list of what classic queues cannot do before these.
    ("max-in-memory-length", C): (3, 12, 0),
    ("max-in-memory-bytes", C): (3, 12, 0),
    ("target-group-size", C): (3, 12, 0),
}
_TYPE_UNTIL: dict[tuple[str, str], Version] = {
    ("queue-leader-locator", C): (4, 0, 0),
}


def disqualifies(key: str, queue_type: str, context: Context) -> bool:
    """
    Tell whether a policy with this key can never be that of a queue of this type.

    Where the version is not known, what holds for the newest one is answered.
    """
    known = POLICY_KEYS.get(key)
    if known is None or queue_type not in known.unsupported:
        return False
    since = _TYPE_SINCE.get((key, queue_type))
    if since is not None and context.before(*since):
        return False
    until = _TYPE_UNTIL.get((key, queue_type))
    return until is None or context.before(*until)
