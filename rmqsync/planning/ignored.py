"""What definitions say of objects that `ignore` names: the settings win, which is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.address import Pattern, is_pattern
from rmqsync.model.definitions import Desired
from rmqsync.model.findings import Finding, Origin, warning
from rmqsync.planning.foreign import some


def declared_but_ignored(
    desired: Desired, patterns: Collection[Pattern], kinds: Registry = KINDS
) -> Iterator[Finding]:
    """Yield a warning for each pattern of `ignore` that definitions say something of."""
    for pattern in patterns:
        found = dict(_named(desired, pattern, kinds))
        if not found:
            continue
        first = min(found)
        yield warning(
            "RMQ113",
            f"{some(sorted(found))} {'is' if len(found) == 1 else 'are'} in the definitions, and "
            f"under `ignore` in the settings ({pattern.text}): nothing of it is applied",
            found[first],
            address=first,
            hint="take it out of the layers, or out of `ignore`",
        )


def _named(
    desired: Desired, pattern: Pattern, kinds: Registry
) -> Iterator[tuple[str, Origin | None]]:
    head = pattern.text.partition(":")[0]
    for kind in kinds:
        if not is_pattern(head) and head != kind.name:
            continue  # spares making the address of each object
        origins = desired.origins.get(kind.name, {})
        absent = desired.absent.get(kind.name, {})
        for key in (*desired.rows.get(kind.name, ()), *absent):
            address = address_of(kind, key)
            if pattern.matches(address):
                yield address, absent[key] if key in absent else origins.get(key)
    for one in desired.removed:
        if pattern.matches(one.address):
            yield one.address, one.source
