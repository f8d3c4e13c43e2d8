"""
What settings of a queue or an exchange may cost messages that are there now, once they replace
others.

Seen on 3.10.8, 4.0.5 and 4.3.6, and held to that in `tests/analysis/test_drops.py`:

- A lower `max-length` or `max-length-bytes` drops the excess at once. `overflow: reject-publish`
  prevents that on a quorum queue, on a classic one only where it was in force before as well: the
  limit is set before the overflow is. `reject-publish-dlx` prevents it on classic queues alone.
- A queue that is full and refuses what comes drops from its head from the moment that `overflow`
  says so.
- A new or lower `message-ttl` takes nothing that a queue holds: the time a message has is fixed
  when it arrives. It is no threat.
- `expires` deletes an unused queue with all it holds.
- A quorum queue that leaves at-least-once dead-lettering deletes what waits to be dead-lettered
  (rabbit_fifo_dlx.erl `switch_from`).
- A federated exchange loses its buffers in the upstreams at once when another policy takes effect,
  or the same one changed, whatever in it (`federation.py`).
- Streams count no message as safe: they drop whole segments, some time later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from rmqsync.model.values import JsonValue

Settings = Mapping[str, JsonValue]
"""What is in force for an object, by the names of policy keys."""


class Danger(Enum):
    """What a change does to an object."""

    EXPIRES = "expires"
    MAX_LENGTH = "max-length"
    MAX_BYTES = "max-length-bytes"
    OVERFLOW = "overflow"
    """A full queue that refused others drops what it holds for them."""
    MAX_AGE = "max-age"
    DELIVERIES = "delivery-limit"
    DEAD_LETTERS = "dead-letter-exchange"
    DEAD_LETTER_STRATEGY = "dead-letter-strategy"
    ALTERNATE = "alternate-exchange"
    DEAD_END = "dead-end"
    """What it hands on to leads nowhere any more."""
    MIRRORS = "ha-mode"
    FEDERATION = "federation-upstream"


class Rule(NamedTuple):
    danger: Danger
    keys: frozenset[str]
    """What a policy says that has a part in it."""
    threatens: Callable[[str, Settings, Settings], bool]
    """(queue type, before, after)"""
    at_once: bool
    """A moment is enough."""
    value: Callable[[Settings], JsonValue]
    by_any: bool = False
    """Any other policy does it, or a change of the same one, whatever `keys` are in both."""


def _is_lower(key: str) -> Callable[[str, Settings, Settings], bool]:
    def threatens(_: str, before: Settings, after: Settings) -> bool:
        limit, previous = after.get(key), before.get(key)
        if not isinstance(limit, int):
            return False
        return not isinstance(previous, int) or limit < previous

    return threatens


def _caps(key: str) -> Callable[[str, Settings, Settings], bool]:
    is_lower = _is_lower(key)

    def threatens(sort: str, before: Settings, after: Settings) -> bool:
        if not isinstance(after.get(key), int):
            return False
        if sort == "stream":
            return is_lower(sort, before, after)
        if sort == "quorum":
            if _rejects(sort, after):
                return False
            return is_lower(sort, before, after) or _rejects(sort, before)
        # A classic queue drops while either is in force: the limit is set first.
        if _rejects(sort, before):
            return not _rejects(sort, after)
        return is_lower(sort, before, after)

    return threatens


def _rejects(sort: str, settings: Settings) -> bool:
    """Tell whether a queue that is full refuses messages rather than to drop what it holds."""
    overflow = settings.get("overflow")
    return overflow == "reject-publish" or (sort != "quorum" and overflow == "reject-publish-dlx")


def _drops_for_others(sort: str, before: Settings, after: Settings) -> bool:
    if sort == "stream" or not isinstance(after.get("max-length"), int):
        return False
    return _rejects(sort, before) and not _rejects(sort, after)


def _ages(sort: str, before: Settings, after: Settings) -> bool:
    if sort != "stream":
        return False
    limit, previous = _seconds(after.get("max-age")), _seconds(before.get("max-age"))
    return limit is not None and (previous is None or limit < previous)


_UNITS_S = {"Y": 31_536_000, "M": 2_592_000, "D": 86_400, "h": 3_600, "m": 60, "s": 1}


def _seconds(age: JsonValue) -> int | None:
    """Return an age such as 7D in seconds; `None` for none (rabbit_amqqueue.erl)."""
    if not isinstance(age, str) or age[-1:] not in _UNITS_S or not age[:-1].isdecimal():
        return None
    return int(age[:-1]) * _UNITS_S[age[-1]]


def _takes_dead_letters(sort: str, before: Settings, after: Settings) -> bool:
    key = "dead-letter-exchange"
    return sort != "stream" and before.get(key) is not None and after.get(key) is None


def _forgets_dead_letters(sort: str, before: Settings, after: Settings) -> bool:
    return sort == "quorum" and _is_at_least_once(before) and not _is_at_least_once(after)


def _is_at_least_once(settings: Settings) -> bool:
    # It needs all three, else the queue quietly falls back (rabbit_quorum_queue.erl).
    return (
        settings.get("dead-letter-strategy") == "at-least-once"
        and settings.get("dead-letter-exchange") is not None
        and settings.get("overflow") == "reject-publish"
    )


def _takes_alternate(_: str, before: Settings, after: Settings) -> bool:
    key = "alternate-exchange"
    return before.get(key) is not None and after.get(key) is None


_MIRRORS = ("ha-mode", "ha-params")
_FEDERATION = (
    "federation-upstream",
    "federation-upstream-set",
    "federation-upstream-pattern",
)


def _moves_mirrors(sort: str, before: Settings, after: Settings) -> bool:
    if sort != "classic" or before.get("ha-mode") is None:
        return False  # the first mirrors take nothing away
    return any(before.get(key) != after.get(key) for key in _MIRRORS)


def _stops_federation(_: str, before: Settings, after: Settings) -> bool:
    del after
    return any(before.get(key) is not None for key in _FEDERATION)


def _rule(
    danger: Danger,
    threatens: Callable[[str, Settings, Settings], bool],
    *keys: str,
    at_once: bool = False,
    by_any: bool = False,
) -> Rule:
    name = danger.value
    keyed = frozenset({name, *keys})
    return Rule(danger, keyed, threatens, at_once, lambda a: a.get(name), by_any)


_DEAD_LETTERS = ("dead-letter-exchange", "overflow")
QUEUE_RULES = (
    _rule(Danger.EXPIRES, _is_lower("expires"), at_once=True),
    _rule(Danger.MAX_LENGTH, _caps("max-length"), "overflow", at_once=True),
    _rule(Danger.MAX_BYTES, _caps("max-length-bytes"), "overflow", at_once=True),
    Rule(
        Danger.OVERFLOW,
        frozenset({"overflow", "max-length"}),
        _drops_for_others,
        at_once=True,
        value=lambda after: after.get("max-length"),
    ),
    _rule(Danger.MAX_AGE, _ages, at_once=True),
    _rule(Danger.DELIVERIES, _is_lower("delivery-limit")),
    _rule(Danger.DEAD_LETTERS, _takes_dead_letters, "dead-letter-routing-key"),
    _rule(Danger.DEAD_LETTER_STRATEGY, _forgets_dead_letters, *_DEAD_LETTERS, at_once=True),
    _rule(Danger.MIRRORS, _moves_mirrors, *_MIRRORS, at_once=True),
)
EXCHANGE_RULES = (
    _rule(Danger.ALTERNATE, _takes_alternate),
    _rule(Danger.FEDERATION, _stops_federation, *_FEDERATION, at_once=True, by_any=True),
)
