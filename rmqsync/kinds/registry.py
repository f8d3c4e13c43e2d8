"""The kinds there are, and the ways of finding one: `Registry`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rmqsync.kinds.base import Kind


class Registry:
    """The kinds there are, and the ways of finding one."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        ordered = sorted(kinds, key=lambda kind: kind.rank)
        inside = frozenset(kind.name for kind in ordered if kind.in_vhost)
        self._kinds = {
            kind.name: replace(kind, takes_down=inside) if kind.hosts_vhost_kinds else kind
            for kind in ordered
        }
        self.by_section = {k.section: k for k in self._kinds.values() if k.section}
        self.by_component = {k.component: k for k in self._kinds.values() if k.component}

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def __iter__(self) -> Iterator[Kind]:
        """By rank: the order of creation."""
        return iter(self._kinds.values())

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._kinds)

    @property
    def host(self) -> Kind | None:
        """The kind that other objects live in: the vhost."""
        return next((kind for kind in self if kind.hosts_vhost_kinds), None)
