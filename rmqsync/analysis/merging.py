"""
How definitions of policies go together: with operator policies, and with a queue's arguments.

Sources: rabbit_policies.erl, rabbit_quorum_queue.erl and rabbit_mirror_queue_misc.erl
`merge_policy_value/3`; rabbit_queue_type_util.erl `args_policy_lookup/3` and its callers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rmqsync.kinds.context import Context
from rmqsync.model.values import JsonValue

Definition = Mapping[str, JsonValue]

_LOWER = frozenset(
    {
        "message-ttl",
        "expires",
        "max-length",
        "max-length-bytes",
        "max-in-memory-length",
        "max-in-memory-bytes",
        "delayed-retry-max",
    }
)
_HIGHER = frozenset({"target-group-size", "delayed-retry-min"})
_MODES = ("nodes", "exactly", "all")
"""Of mirroring, weakest first."""
_ARGUMENT_WINS = frozenset(
    {"dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy"}
)
_DEFAULT_DELIVERY_LIMIT = 20
_MOMENT_MS = 60_000
"""Messages that come less often than that may never be met in a queue with such a time to live."""


def merged(policy: Definition, operator: Definition, context: Context) -> Definition:
    """Return what a policy and an operator policy say together."""
    if not operator:
        return policy
    if not policy:
        return operator
    found = {**policy, **operator}
    for key in policy.keys() & operator.keys():
        mine, theirs = policy[key], operator[key]
        if key in _LOWER:
            found[key] = _choose(min, mine, theirs)
        elif key in _HIGHER:
            found[key] = _choose(max, mine, theirs)
        elif key == "delivery-limit":
            is_unlimited = any(isinstance(one, int) and one < 0 for one in (mine, theirs))
            most = is_unlimited and not context.before(4, 0)
            found[key] = _choose(max if most else min, mine, theirs)
        elif key == "ha-mode":
            found[key] = max((mine, theirs), key=_strength)
        elif key == "ha-params":
            found[key] = _more_mirrors(mine, theirs)
    return found


def _choose(rule: Callable[..., Any], one: JsonValue, other: JsonValue) -> JsonValue:
    chosen: JsonValue = rule(one, other)
    return chosen


def _strength(mode: JsonValue) -> int:
    return _MODES.index(mode) if mode in _MODES else -1


def _more_mirrors(one: JsonValue, other: JsonValue) -> JsonValue:
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return one if len(one) >= len(other) else other
    return one if isinstance(one, int) else other


def in_force(
    queue_type: str, arguments: Definition, definition: Definition, context: Context
) -> dict[str, JsonValue]:
    """
    Return what a queue does in the end, by the names of policy keys.

    Only of what decides on the fate of messages. What no limit is set for is missing.
    """
    found = dict(definition)
    for key in ("expires", "message-ttl", "max-length", "max-length-bytes"):
        if key == "max-length-bytes" and queue_type == "stream":
            _fill(found, key, arguments)
            continue
        limits = [one for one in (found.get(key), _argument(arguments, key)) if _is_count(one)]
        if limits:
            found[key] = min(limits)  # type: ignore[type-var]
    for key in _ARGUMENT_WINS:
        if _argument(arguments, key) is not None:
            found[key] = _argument(arguments, key)
    overflow = _argument(arguments, "overflow")
    if overflow is not None and (queue_type == "classic" or "overflow" not in found):
        found["overflow"] = overflow
    _fill(found, "max-age", arguments)
    if context.at_least(4, 0):  # policies from before an upgrade stay, and mirror nothing
        found = {key: value for key, value in found.items() if not key.startswith("ha-")}
    if queue_type == "quorum":
        _limit_deliveries(found, arguments, context)
    return found


def passes_on(settings: Definition) -> bool:
    """
    Tell whether a queue that does this in the end keeps what it gets for a moment at most.

    That such a queue is empty does not show that nobody uses it.
    """
    ttl = settings.get("message-ttl")
    if isinstance(ttl, int) and ttl <= _MOMENT_MS:
        return True
    return any(settings.get(key) == 0 for key in ("max-length", "max-length-bytes"))


def _limit_deliveries(found: dict[str, JsonValue], arguments: Definition, context: Context) -> None:
    set_ones = (found.pop("delivery-limit", None), _argument(arguments, "delivery-limit"))
    known = [one for one in set_ones if isinstance(one, int) and not isinstance(one, bool)]
    limits = [one for one in known if one >= 0]
    if limits:
        found["delivery-limit"] = min(limits)
    elif not known and not context.before(4, 0):
        found["delivery-limit"] = _DEFAULT_DELIVERY_LIMIT


def _fill(found: dict[str, JsonValue], key: str, arguments: Definition) -> None:
    own = _argument(arguments, key)
    if key not in found and own is not None:
        found[key] = own


def _argument(arguments: Definition, key: str) -> JsonValue:
    return arguments.get(f"x-{key}")


def _is_count(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
