"""
A compiled set as text, and back: what a later process need not parse and merge again.

The text holds what planning asks for where nothing differs. Where something is written in the
files is asked for seldom; then the files are compiled after all. What was compiled is believed by
the digests of its files, so nothing here is ever judged a second time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Reference
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading.compiled import Compiled
from rmqsync.loading.options import Options
from rmqsync.model.changes import Loss, Ref
from rmqsync.model.definitions import Desired, OnChangeRule, Removed, When
from rmqsync.model.findings import Finding, Origin, Severity
from rmqsync.model.values import JsonValue, canonical
from rmqsync.version import __version__

FORMAT = 1
"""Of the text; another one is never read."""

V = TypeVar("V")


def key_of(files: tuple[tuple[int, str, str], ...], options: Options, build: str) -> str:
    """
    Return what a set is remembered under: equal only for what compiles to the same.

    `files` are number of the layer, path and digest; `build` tells one state of this program's
    code from another.
    """
    secrets = options.secrets
    value: list[Any] = [
        FORMAT,
        __version__,
        build,
        [list(one) for one in files],
        dict(options.vars),
        options.default_vhost,
        options.version,
        None if secrets is None else {name: [p.text for p in ps] for name, ps in secrets.items()},
        options.scope_vhosts,
        options.scope_kinds,
        options.own_user,
    ]
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def text_of(compiled: Compiled) -> str:
    """Return a compiled set as text, with a digest to know it by."""
    context = compiled.context
    document = {
        "rows": {kind: list(rows.values()) for kind, rows in compiled.rows.items()},
        "absent": {
            kind: [[list(key), list(origin)] for key, origin in found.items()]
            for kind, found in compiled.absent.items()
        },
        "on_change": [
            [ref.kind, list(ref.key), rule.value] for ref, rule in compiled.on_change.items()
        ],
        "removed": [
            [one.address, one.when.value, one.allow_loss, one.keep, one.source]
            for one in compiled.removed
        ],
        "findings": [_finding_document(one) for one in compiled.findings],
        "extra": compiled.extra,
        "open": [
            [kind, list(key), one.kind, list(one.key), list(one.path), one.strict]
            for kind, key, one in compiled.open_references
        ],
        "dangling": [
            [_finding_document(one), ref.kind, list(ref.key)]
            for one, ref in compiled.dangling.items()
        ],
        "context": [context.version, dict(context.default_queue_types)],
        "asks": sorted(compiled.asks_context),
    }
    text = json.dumps(document, separators=(",", ":"))
    return f"{_digest(text)}\n{text}"


def remembered(
    text: str, compile_again: Callable[[], Desired], kinds: Registry = KINDS
) -> Compiled | None:
    """Return the set that a text holds; `None` for a text that is damaged."""
    digest, _, body = text.partition("\n")
    if digest != _digest(body):
        return None
    try:
        return _restored(json.loads(body), _Whole(compile_again), kinds)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii", "replace")).hexdigest()


def _restored(document: Any, whole: _Whole, kinds: Registry) -> Compiled:
    version, default_queue_types = document["context"]
    return Compiled(
        rows={
            name: {kinds[name].key(row): row for row in rows}
            for name, rows in document["rows"].items()
        },
        origins=cast("dict[str, Any]", Late(lambda: whole.compiled.origins)),
        absent={
            kind: {tuple(key): Origin(*origin) for key, origin in found}
            for kind, found in document["absent"].items()
        },
        on_change={
            Ref(kind, tuple(key)): OnChangeRule(rule) for kind, key, rule in document["on_change"]
        },
        removed=tuple(
            Removed(
                address,
                When(when),
                None if loss is None else Loss(loss),
                keep,
                None if source is None else Origin(*source),
            )
            for address, when, loss, keep, source in document["removed"]
        ),
        findings=tuple(_finding(*one) for one in document["findings"]),
        extra=document["extra"],
        tables=cast("dict[str, Any]", Late(lambda: whole.compiled.tables)),
        open_references=[
            (kind, tuple(key), Reference(other, tuple(named), tuple(path), strict))
            for kind, key, other, named, path, strict in document["open"]
        ],
        dangling={_finding(*one): Ref(kind, tuple(key)) for one, kind, key in document["dangling"]},
        context=Context(
            version=None if version is None else tuple(version),
            default_queue_types=default_queue_types,
        ),
        asks_context=set(document["asks"]),
    )


def _finding_document(one: Finding) -> list[JsonValue]:
    source: list[JsonValue] | None = None if one.source is None else list(one.source)
    return [one.code, one.severity.value, one.message, source, one.address, one.hint]


def _finding(
    code: str,
    severity: str,
    message: str,
    source: list[Any] | None,
    address: str | None,
    hint: str | None,
) -> Finding:
    origin = None if source is None else Origin(*source)
    return Finding(code, Severity(severity), message, origin, address, hint)


class _Whole:
    """The set compiled from its files after all, once."""

    def __init__(self, compile_again: Callable[[], Desired]) -> None:
        self._compile_again = compile_again

    @cached_property
    def compiled(self) -> Compiled:
        found = self._compile_again()
        assert isinstance(found, Compiled)
        return found


class Late(Mapping[str, Mapping[Any, V]]):
    """Mappings by kind that are had only when one of their members is asked for."""

    def __init__(self, get: Callable[[], Mapping[str, Mapping[Any, V]]]) -> None:
        self._get = get

    def __getitem__(self, kind: str) -> Mapping[Any, V]:
        return _Later(lambda: self._get()[kind])

    def get(self, kind: str, default: Any = None) -> Any:
        """Return the mapping of a kind, whether there is one or not: that is not known yet."""
        return _Later(lambda: self._get().get(kind, default if default is not None else {}))

    def __iter__(self) -> Iterator[str]:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())


class _Later(Mapping[Any, V]):
    def __init__(self, get: Callable[[], Mapping[Any, V]]) -> None:
        self._get = get

    def __getitem__(self, key: Any) -> V:
        return self._get()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())
