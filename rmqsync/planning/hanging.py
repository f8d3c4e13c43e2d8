"""What hangs on an object and is in no rows, in words: whose it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.kinds.names import is_of_federation
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.counts import number_of
from rmqsync.model.values import Key

Hanging: TypeAlias = Mapping[Ref, Sequence[Key]]
"""By what goes: the keys of what only clients or plugins can make again."""

_OTHERS = "clients' exclusive queues or to what a plugin made"


def whose(tied: Sequence[Key], kinds: Registry) -> str:
    """Return the bindings in words, those of federation links by their names."""
    label = kinds[BINDING].label
    links = [key for key in tied if is_of_federation(key[3])]
    others = len(tied) - len(links)
    found = [f"{number_of(len(links), label)} of federation links"] if links else []
    found += [f"{number_of(others, label)} to {_OTHERS}"] if others else []
    return " and ".join(found)
