"""
Federation upstreams: brokers that messages are taken from.

Deleting one deletes the queue that buffers its messages upstream, with what is in it, unless
`resource-cleanup-mode` is `never` (rabbit_federation_exchange_link.erl).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Kind, Problem
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.federation_fields import (
    OPTIONS,
    URI,
    upstream_meaning,
    uri_problems,
    version_problems,
)
from rmqsync.kinds.fields import NAME
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.settling import settle_by_meaning
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row

_COMPONENT = "federation-upstream"
_FIELDS = (URI, *OPTIONS, runtime.REST)


def _body(row: Row) -> Row:
    return {runtime.VALUE: runtime.value_of(row, _FIELDS)}


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from long_name_problems(row["name"], "name")
    yield from runtime.value_problems(row, _FIELDS, "federation upstream")
    yield from uri_problems(row, "uri")
    yield from version_problems(row, context)


def _to_export(row: Row) -> Row:
    return runtime.item(_COMPONENT, row, runtime.value_of(row, _FIELDS))


FEDERATION_UPSTREAM = Kind(
    name="federation_upstream",
    label="federation upstream",
    section="federation_upstreams",
    component=_COMPONENT,
    rank=75,
    in_vhost=True,
    identity=(NAME,),
    fields=_FIELDS,
    key=itemgetter("vhost", "name"),
    shape=runtime.lift(_FIELDS),
    settle=settle_by_meaning(upstream_meaning),
    check=_check,
    loses_in_flight=runtime.unacknowledged,
    loss=Loss.MESSAGES,
    declare=declare_at(runtime.path_of(_COMPONENT), _body),
    remove=remove_at(runtime.path_of(_COMPONENT)),
    to_export=_to_export,
    example={
        "vhost": "shop",
        "name": "site-b",
        "uri": {"secret": "site_b_uri"},
        "exchange": "orders",
        "queue": "billing",
        "consumer-tag": "from-site-b",
        "prefetch-count": 500,
        "reconnect-delay": 10,
        "ack-mode": "on-confirm",
        "trust-user-id": False,
        "max-hops": 2,
        "expires": 3600000,
        "message-ttl": 600000,
        "bind-nowait": False,
        "resource-cleanup-mode": "default",
        "channel-use-mode": "multiple",
        "queue-type": "classic",
        "ha-policy": "mirrored",
    },
    page="federation",
)
