"""What a kind may ask about the cluster it is for: `Context`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rmqsync.model.values import is_secret_reference

Version: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Context:
    """What a kind may ask about the cluster it is for."""

    version: Version | None = None
    """Of RabbitMQ; `None` where it is not known (offline, no `--rabbitmq-version`)."""
    default_queue_types: Mapping[str, str] = field(default_factory=dict)
    """Of the vhosts of the cluster, live ones overridden by declared ones."""
    live_queue_types: Mapping[str, str] = field(default_factory=dict)
    """The live ones alone: what they were before anything declared here was applied."""
    secret: Callable[[str], str | None] = lambda _: None
    """The value of a secret by name; `None` where it is unset: unknown, not compared."""
    features: frozenset[str] = frozenset()
    """Names of deprecated features that the cluster permits, where it tells (3.13 and up)."""
    exchange_types: frozenset[str] = frozenset()
    """Types of exchange that the cluster has; empty where it is not known."""

    def at_least(self, *version: int) -> bool:
        """Tell whether the broker is known to be of `version` or newer."""
        return self.version is not None and self.version >= version

    def before(self, *version: int) -> bool:
        """Tell whether the broker is known to be older than `version`."""
        return self.version is not None and self.version < version

    def permits(self, feature: str) -> bool:
        """Tell whether the cluster said that it permits a deprecated feature."""
        return feature in self.features

    def resolve(self, value: Any) -> Any:
        """
        Return `value` with every `{secret: NAME}` in it replaced.

        Raises `UnsetSecret` for a secret without a value.
        """
        if is_secret_reference(value):
            found = self.secret(value["secret"])
            if found is None:
                raise UnsetSecret(value["secret"])
            return found
        if isinstance(value, dict):
            return {name: self.resolve(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value


class UnsetSecret(Exception):
    """A secret that a row names has no value; `str()` is its name."""
