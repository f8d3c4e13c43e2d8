"""
Create single objects so that each is whole or not there, whoever goes away meanwhile.

The broker carries out a call in a process that ends with the connection of its client. Some objects
it makes in several steps, and where the client was killed, or gave up waiting, between two of them,
what is left passes for whole and cannot be used. Seen on 3.10.8, 4.0.5 and 4.3.6: vhosts that stay
stopped or lack their `amq.` exchanges, quorum queues that confirm nothing, streams that stay down
(on 3.10.8 one makes every export fail), x-consistent-hash exchanges that drop what their bindings
should take. A second PUT answers success and mends nothing. An import is carried out by workers of
the broker, which go on: each of these objects was made as a whole, or not at all.
"""

from __future__ import annotations

from rmqsync.app.ports import Broker
from rmqsync.kinds.base import Kind, Request
from rmqsync.kinds.context import Context
from rmqsync.loading.document_of import compile_document
from rmqsync.model.errors import AccessDenied, Rejected
from rmqsync.model.values import Row


def resolved(kind: Kind, row: Row, context: Context) -> Row:
    """Return a row with its secrets put in; raises `UnsetSecret` for one without a value."""
    if not kind.holds_secrets:
        return row
    found: Row = context.resolve(row)
    return found


def declarations(
    kind: Kind, before: Row | None, after: Row, context: Context
) -> tuple[Request, ...]:
    """Return the calls that create or update an object; raises `UnsetSecret`."""
    return kind.declare(before, resolved(kind, after, context), context)


def create(broker: Broker, kind: Kind, row: Row, context: Context) -> bool:
    """
    Create one object; return whether by import, whose success says nothing of the object.

    Raises `UnsetSecret`, and what `Broker` does.
    """
    row = resolved(kind, row, context)
    refused: Rejected | AccessDenied | None = None
    if is_imported(kind, row):
        try:
            broker.upload(compile_document({kind.name: {kind.key(row): row}}))
        except (Rejected, AccessDenied) as error:
            refused = error  # the answer to a call says better why
        else:
            return True
    try:
        for request in kind.declare(None, row, context):
            broker.send(request)
    except AccessDenied:
        # An import needs no rights in the vhost: what it was refused for is the reason.
        if isinstance(refused, Rejected):
            raise refused from None
        raise
    return False


def is_imported(kind: Kind, row: Row) -> bool:
    """Tell whether `create` imports an object."""
    return kind.made_in_steps and kind.to_export(row) is not None
