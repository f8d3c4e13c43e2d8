"""
What a desired row means beside a live one: fields left as they are, secrets compared by value.

A secret stands in a settled row as the live value where the two are equal or the secret is not
known, else still as `{secret: NAME}`: a plan never holds a secret that the cluster does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rmqsync.kinds.context import Context, UnsetSecret
from rmqsync.kinds.fields import OPTIONAL, Field
from rmqsync.model.values import Row, is_secret_reference, same

_NOT_THERE = object()


def keep_optional(desired: Row, live: Row, names: Iterable[str]) -> Row:
    """Return `desired` with the live value of every field in `names` that it does not have."""
    kept = {name: live[name] for name in names if name not in desired and name in live}
    return {**desired, **kept} if kept else desired


def settle_secrets(desired: Any, live: Any, context: Context) -> Any:
    """Return `desired` with every secret replaced that is equal to the live value, or unset."""
    if is_secret_reference(desired):
        if live is _NOT_THERE:
            return desired
        try:
            value = context.resolve(desired)
        except UnsetSecret:
            return live
        return live if same(value, live) else desired
    if isinstance(desired, dict):
        others = live if isinstance(live, dict) else {}
        return {
            name: settle_secrets(value, others.get(name, _NOT_THERE), context)
            for name, value in desired.items()
        }
    if isinstance(desired, list):
        items = live if isinstance(live, list) else []
        padded = [*items, *[_NOT_THERE] * (len(desired) - len(items))]
        return [settle_secrets(*pair, context) for pair in zip(desired, padded, strict=False)]
    return desired


def settle_by_meaning(
    meaning: Callable[[Row], Row],
) -> Callable[[Row, Row, Context], Row]:
    """Return a `settle` that compares secrets by value and then what `meaning` makes of rows."""

    def settle(desired: Row, live: Row, context: Context) -> Row:
        plain = meaning(live)
        # First what each means, so that a secret meets its value however the two are written.
        if same(settle_secrets(meaning(desired), plain, context), plain):
            return live
        settled: Row = settle_secrets(desired, live, context)
        return settled

    return settle


def settle_values(desired: Row, live: Row, context: Context) -> Row:
    """Settle a kind whose only trait is that its values may hold secrets."""
    settled: Row = settle_secrets(desired, live, context)
    return live if same(settled, live) else settled


def optional_names(fields: Iterable[Field]) -> tuple[str, ...]:
    """Return the names of the fields that keep their live value when they are not declared."""
    return tuple(field.name for field in fields if field.default is OPTIONAL)
