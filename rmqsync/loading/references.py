"""
What objects name, looked up in the compiled set.

Where a broker's export names something that it does not hold itself (a client's exclusive queue, an
internal exchange), the object that names it is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rmqsync.kinds.base import Kind, Reference
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.compiled import Compiled, finding_at, locate
from rmqsync.loading.files import Source
from rmqsync.loading.merge import Merger, Retraction
from rmqsync.loading.rows import is_default, unmet
from rmqsync.loading.scope import Scope
from rmqsync.model.changes import Ref
from rmqsync.model.findings import Finding, Severity, error, warning
from rmqsync.model.values import Key
from rmqsync.text.nearest import did_you_mean

DEFAULT_VHOST = "/"

_MOST_HINTS = 20
"""How many names are searched for the nearest one: among ten thousand that takes a tenth of a
second."""


class References:
    """One look at every reference of a compiled set; changes its rows."""

    def __init__(
        self,
        compiled: Compiled,
        merger: Merger,
        kinds: Registry,
        scope: Scope,
        sources: Sequence[Source],
    ) -> None:
        self.sources = sources
        self.compiled = compiled
        self.merger = merger
        self.kinds = kinds
        self.scope = scope
        self._hints_left = _MOST_HINTS
        self._unsure = self._unsure_kinds()

    def _unsure_kinds(self) -> frozenset[str]:
        """Return the kinds of which a name is unknown, since a variable in it is."""
        if not any(one.code == codes.VARIABLE for s in self.sources for one in s.findings):
            return frozenset()
        return frozenset(
            kind
            for kind, rows in self.compiled.rows.items()
            if any("${" in part for key in rows for part in key)
        )

    def findings(self) -> Iterator[Finding]:
        yield from self._vhosts()
        for kind in self.kinds:
            if not is_default(kind, "references"):
                yield from self._of_kind(kind)

    def _vhosts(self) -> Iterator[Finding]:
        """One finding for each missing vhost and file: the first object in it."""
        host = self.kinds.host
        if host is None:
            return
        known = self.compiled.rows[host.name]
        said: set[tuple[str, str]] = set()
        for kind in self.kinds:
            rows = self.compiled.rows[kind.name] if kind.in_vhost else {}
            missing = {name for name in {key[0] for key in rows} if (name,) not in known}
            for key in rows if missing else ():
                file = self.merger.tables[kind.name][key].source.file
                if key[0] in missing and (key[0], file) not in said:
                    said.add((key[0], file))
                    yield from self._no_vhost(host, kind, key)

    def _counts(self, kind: Kind, key: Key) -> bool:
        """Tell whether a missing object is an error: not what is outside, or broken."""
        return (
            self.scope.covers(kind, key)
            and (kind.name, key) not in self.merger.lost
            and kind.name not in self._unsure
        )

    def _hint(self, word: str, known: Iterable[str]) -> str | None:
        """Return the nearest known name; after some of them it would take too long."""
        self._hints_left -= 1
        return did_you_mean(word, known) if self._hints_left >= 0 else None

    def _no_vhost(self, host: Kind, kind: Kind, key: Key) -> Iterator[Finding]:
        if key[0] == DEFAULT_VHOST or not self._counts(host, key[:1]):
            reference = Reference(host.name, key[:1], ("vhost",))
            self.compiled.open_references.append((kind.name, key, reference))
            return
        slot = self.merger.tables[kind.name][key]
        known = [name for (name,) in self.compiled.rows[host.name]]
        is_part = slot.source.has_header and host.section not in slot.source.data
        make = warning if is_part else error  # an export of one vhost does not hold the vhost
        yield make(
            codes.UNDECLARED,
            f"vhost '{key[0]}' is not declared, and {kind.sentence(key)} is in it",
            locate(slot, ("vhost",)),
            address=kind.address(self.compiled.rows[kind.name][key]),
            hint=self._hint(key[0], known) or f"add it to {host.section}",
        )

    def _of_kind(self, kind: Kind) -> Iterator[Finding]:
        rows, every = self.compiled.rows[kind.name], self.compiled.rows
        for key, reference in unmet(kind, rows, every):
            if key in rows:
                yield from self._missing(kind, key, reference)

    def _missing(self, kind: Kind, key: Key, reference: Reference) -> Iterator[Finding]:
        target = self.kinds[reference.kind]
        slot = self.merger.tables[kind.name][key]
        if not self._counts(target, reference.key):
            if reference.strict:
                self.compiled.open_references.append((kind.name, key, reference))
            return
        if slot.source.has_header and kind.name in target.takes_down:
            gone: Any = self.merger.tables[target.name].get(reference.key)
            if gone is None or not isinstance(gone.entry, Retraction):
                del self.compiled.rows[kind.name][key]
                yield finding_at(
                    kind,
                    key,
                    slot,
                    reference.path,
                    codes.LEFT_OUT,
                    f"{kind.sentence(key)} is left out: the export does not hold "
                    f"{target.sentence(reference.key)}",
                    None,
                    Severity.WARNING,
                )
                return
        *place, name = reference.key
        known = (k[-1] for k in self.compiled.rows[target.name] if list(k[:-1]) == place)
        path = ".".join(str(step) for step in reference.path)
        finding = finding_at(
            kind,
            key,
            slot,
            reference.path,
            codes.UNDECLARED if reference.strict else codes.DANGLING,
            f"{target.sentence(reference.key)} is not declared, but {kind.sentence(key)} names it "
            f"as {path}",
            self._hint(name, known) or f"declare it under {target.section or target.name}",
            Severity.ERROR if reference.strict else Severity.WARNING,
        )
        if not reference.strict:
            self.compiled.dangling[finding] = Ref(reference.kind, reference.key)
        yield finding
