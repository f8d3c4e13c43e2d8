"""What the settings of a cluster say about loading its definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rmqsync.kinds.context import Version
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Ref


@dataclass(frozen=True, slots=True)
class Options:
    """The defaults are for files of which no settings are known."""

    vars: Mapping[str, str] = field(default_factory=dict)
    """Values for `${name}`."""
    default_vhost: str | None = None
    """`--vhost`: of objects that neither say theirs nor stand in a file that does."""
    allow_plain_secrets: bool = False
    version: Version | None = None
    """RabbitMQ that the definitions are for; `None` where it is not known."""
    secrets: Mapping[str, tuple[Pattern, ...]] | None = None
    """Addresses that may use each secret, by its name; `None`: nobody knows, so no check."""
    scope_vhosts: tuple[str, ...] = ("*",)
    scope_kinds: tuple[str, ...] = ("*",)
    is_backup: bool = False
    """
    The definitions are an export that rmqsync kept of this very cluster. Nobody wrote it by hand:
    what is left out of it is left out without a word.
    """
    own_user: str | None = None
    """The user that rmqsync logs in as: it and its rights are in no desired set."""

    @property
    def own(self) -> Ref | None:
        return None if self.own_user is None else Ref("user", (self.own_user,))
