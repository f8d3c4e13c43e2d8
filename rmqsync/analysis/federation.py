"""
Which changes set up the links of federated exchanges anew, and so lose what their buffers hold.

A link has a queue in its upstream that keeps messages while it is down. Unless the upstream says
`resource-cleanup-mode: never`, the broker deletes that queue when it stops the link, also where it
starts the same link again at once. Seen on 3.10.8, 4.0.5 and 4.3.6, and held to that in
`tests/analysis/test_federation_live.py`:

- Whatever is done to any upstream set of any vhost stops every link of the cluster, be it that a
  member is added, or that a set is made which nobody names.
- A new or changed upstream stops the links to upstreams by that name, in other vhosts as well. One
  that is deleted stops those of its own vhost.
- Any change of the policy in effect stops the links of its exchange (`dangers.py`).
- An exchange that is deleted takes its links along. Their buffers are deleted, or nobody reads them
  any more.
- A buffer that is kept (`never`) is declared again with the arguments of before: where the upstream
  has others the link stays down (406), and the buffer goes with what is in it once it `expires`.

Federated queues have no buffer: what is in their upstream stays there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from rmqsync.analysis.patterns import dialect, matcher
from rmqsync.analysis.policies import EXCHANGE, PolicyIndex
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import JsonValue, Row

UPSTREAM, UPSTREAM_SET = "federation_upstream", "federation_upstream_set"
ALL = "all"
"""The set of all upstreams of a vhost, whether or not one is declared by this name."""
_KEEPS = ("resource-cleanup-mode", "never")
_OF_BUFFERS = ("exchange", "expires", "message-ttl", "queue-type", "ha-policy")
"""What a buffer is declared with; a `uri` may change in its password alone, and is not among it."""


class Buffer(NamedTuple):
    """What a link keeps upstream, and loses when it is stopped."""

    exchange: Ref
    """Downstream: the one that is federated."""
    upstream: str
    is_kept: bool = False
    """It outlives its link."""
    expires: bool = False
    """It goes some time after no link reads it any more."""


def buffers(live: Rows, context: Context) -> tuple[Buffer, ...]:
    """Return the buffers of all federated exchanges."""
    if not live.get(UPSTREAM):
        return ()
    federated = PolicyIndex(live, context).all({EXCHANGE: live.get(EXCHANGE, {})}, live=True)
    return tuple(
        Buffer(
            ref,
            name,
            options.get(_KEEPS[0]) == _KEEPS[1],
            options.get("expires") is not None,
        )
        for ref, effective in sorted(federated.items(), key=lambda one: one[0])
        for name, options in _upstreams(ref.key[0], effective.definition, live, context)
    )


def stopped(changes: Iterable[Change], live: Rows, context: Context) -> dict[Ref, tuple[Ref, ...]]:
    """Return for each change that costs buffers the exchanges whose buffers go; policies apart."""
    able = [one for one in changes if _may_stop(one)]
    known = buffers(live, context) if able else ()
    found = {}
    for change in able if known else ():
        hit = dict.fromkeys(one.exchange for one in known if _stops(change, one))
        if hit:
            found[change.ref] = tuple(hit)
    return found


def _may_stop(change: Change) -> bool:
    if change.ref.kind == EXCHANGE:
        return change.action in (Action.DELETE, Action.REPLACE)
    return change.ref.kind in (UPSTREAM, UPSTREAM_SET)


def _stops(change: Change, buffer: Buffer) -> bool:
    if buffer.is_kept:
        return _strands(change, buffer)
    if change.ref.kind == EXCHANGE:
        return change.ref == buffer.exchange
    if change.ref.kind == UPSTREAM_SET:
        return True
    is_near = change.ref.key[0] == buffer.exchange.key[0]
    return change.ref.key[1] == buffer.upstream and (is_near or change.action is not Action.DELETE)


def _strands(change: Change, buffer: Buffer) -> bool:
    """Tell whether no link can read a kept buffer any more, or it expires before one does."""
    if change.ref.kind == EXCHANGE:
        is_gone = change.action is Action.DELETE and change.ref == buffer.exchange
        return is_gone and buffer.expires
    if change.ref.key[0] != buffer.exchange.key[0]:
        return False
    if change.ref.kind == UPSTREAM:
        mine = change.ref.key[1] == buffer.upstream
        before, after = (row if mine else None for row in (change.before, change.after))
    else:
        members = (_members(row) for row in (change.before, change.after))
        before, after = (found.get(buffer.upstream) for found in members)
    if before is None:
        return False
    if after is None:
        return buffer.expires
    return any(before.get(name) != after.get(name) for name in _OF_BUFFERS)


def _members(group: Row | None) -> dict[str, Row]:
    members = group.get("upstreams") if group is not None else None
    return {
        member["upstream"]: member
        for member in (members if isinstance(members, list) else ())
        if isinstance(member, dict) and isinstance(member.get("upstream"), str)
    }


def _upstreams(
    vhost: str, definition: Mapping[str, JsonValue], live: Rows, context: Context
) -> Iterator[tuple[str, Row]]:
    """Yield the upstreams that a policy names and that are there, with what is said of each."""
    there = {key[1]: row for key, row in live[UPSTREAM].items() if key[0] == vhost}
    for name, options in named(vhost, definition, there, live, context):
        if name in there:
            yield name, {**there[name], **options}


def named(
    vhost: str,
    definition: Mapping[str, JsonValue],
    there: Collection[str],
    rows: Rows,
    context: Context,
) -> Iterator[tuple[str, Row]]:
    """
    Yield the upstreams that a policy names, there or not, and what a set says of each.

    `there` are those of the vhost.
    """
    name = definition.get("federation-upstream")
    if isinstance(name, str):
        yield name, {}
    pattern = definition.get("federation-upstream-pattern")
    if isinstance(pattern, str):
        yield from ((one, {}) for one in matcher(pattern, dialect(context)).select(there))
    group = definition.get("federation-upstream-set")
    if group == ALL:
        yield from ((one, {}) for one in there)
    elif isinstance(group, str):
        row = rows.get(UPSTREAM_SET, {}).get((vhost, group), {})
        yield from _members(row).items()
