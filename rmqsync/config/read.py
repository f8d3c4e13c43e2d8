"""
Reads settings files to a `Settings`: includes, defaults, and every error at once.

Files are read by the function that is passed in. Of several files, mappings are put together key by
key (`clusters` and `secrets`: by name) and lists one after the other; the same key in two files is
an error. `defaults` are put under each cluster: of `vars`, `tls`, `lock`, `max_deletes`, `scope`
and `source` single keys, of all others the whole value; a key without a value takes a default away.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Mapping

from rmqsync.config.nodes import TWICE, UNREADABLE, Bad, File, Node, assembled, merged
from rmqsync.config.settings import SETTINGS, Settings
from rmqsync.config.shapes import wrong
from rmqsync.model.errors import InvalidDefinitions, SourceError
from rmqsync.model.findings import Finding
from rmqsync.text.document import parse

_DEEP = ("vars", "tls", "lock", "max_deletes", "scope")
_SCHEDULES = ("every", "cron")


def read_settings(
    file: str, read: Callable[[str], bytes], folder: str = "", kinds: Iterable[str] = ()
) -> Settings:
    """
    Return the settings in `file` and in all that it includes.

    `file` is shown in messages as it is given. Relative paths become absolute if `folder`, the
    working folder, is. `read` returns a file's content or raises `SourceError`, which is passed on
    for `file` itself. `kinds` are the names of kinds that patterns may be about; none: not checked.
    Raises `InvalidDefinitions` with all errors of all files.
    """
    findings: list[Finding] = []
    files = _collect(file, read, folder, findings, tuple(kinds))
    settings = None
    if files:
        try:
            settings = SETTINGS.parse(_with_defaults(_together(files)), file=file)
        except Bad:
            settings = None
    if findings or settings is None:
        raise InvalidDefinitions(dict.fromkeys(findings))
    return settings


def _collect(
    file: str,
    read: Callable[[str], bytes],
    folder: str,
    findings: list[Finding],
    kinds: tuple[str, ...],
) -> list[Node]:
    """Return the top mappings of `file` and all it includes, each once, in the order of naming."""
    tops: list[Node] = []
    waiting: list[tuple[str, Node | None]] = [(file, None)]
    seen = set()
    while waiting:
        name, entry = waiting.pop(0)
        place = os.path.normpath(os.path.join(folder, name))
        if place in seen:
            continue
        seen.add(place)
        try:
            content = read(name)
        except SourceError as problem:
            if entry is None:
                raise
            entry.bad(str(problem), code=UNREADABLE)
            continue
        try:
            document = parse(name, content)
        except InvalidDefinitions as invalid:
            findings.extend(invalid.findings)
            continue
        data = {} if document.data is None else document.data
        top = Node(File(document, os.path.dirname(place), findings, kinds), (), data)
        if not isinstance(data, Mapping):
            wrong(top, "a mapping", "with keys such as clusters")
            continue
        tops.append(top)
        included = top.get("include")
        if included is not None and isinstance(included.value, list):
            waiting += [
                (os.path.normpath(os.path.join(os.path.dirname(name), node.value)), node)
                for node in included.elements()
                if isinstance(node.value, str)
            ]
    return tops


def _together(tops: list[Node]) -> Node:
    """Return one mapping of what all files say."""
    result = dict(tops[0].members())
    for top in tops[1:]:
        for key, node in top.members():
            before = result.get(key)
            if before is None or before.value is None:
                result[key] = node
            elif isinstance(before.value, Mapping) and isinstance(node.value, Mapping):
                result[key] = _joined(before, node)
            elif isinstance(before.value, list) and isinstance(node.value, list):
                result[key] = before.followed_by(node)
            elif node.value is not None:
                _twice(node, before)
    return assembled(tops[0], result)


def _joined(before: Node, after: Node) -> Node:
    members = dict(before.members())
    for name, node in after.members():
        if name in members:
            _twice(node, members[name])
        else:
            members[name] = node
    return assembled(before, members)


def _twice(node: Node, before: Node) -> None:
    first = before.file.document.locate(before.path, key=True)
    node.bad(f"is set here and at {first}", "keep one of them", code=TWICE, key=True)


def _with_defaults(top: Node) -> Node:
    """Return the mapping with `source` and `defaults` put under every cluster."""
    members = dict(top.members())
    source = members.get("source")
    if source is None or source.value is None:
        source = members["source"] = Node(top.file, ("source",), {})
    defaults = members.get("defaults")
    if defaults is not None and "source" in defaults:
        own = {**dict(defaults.members()), "source": _source(source, defaults["source"])}
        defaults = members["defaults"] = assembled(defaults, own)
    clusters = members.get("clusters")
    if clusters is not None and isinstance(clusters.value, Mapping):
        members["clusters"] = assembled(
            clusters,
            {
                name: _cluster(source, defaults, node) if _is_map(node) else node
                for name, node in clusters.members()
            },
        )
    return assembled(top, members)


def _cluster(source: Node, defaults: Node | None, node: Node) -> Node:
    own = node
    if defaults is not None and _is_map(defaults):
        below = dict(defaults.members())
        if any(key in node for key in _SCHEDULES):
            below = {key: member for key, member in below.items() if key not in _SCHEDULES}
        node = merged(assembled(defaults, below), own)
        node = _deepened(node, defaults, own)
        source = defaults.get("source") or source
    if "source" in own:
        source = _source(source, own["source"])
    return assembled(node, {**dict(node.members()), "source": source})


def _deepened(node: Node, defaults: Node, own: Node) -> Node:
    members = dict(node.members())
    for key in _DEEP:
        if key in defaults and key in own:
            members[key] = merged(defaults[key], own[key])
    return assembled(own, members)


def _source(lower: Node, upper: Node) -> Node:
    """A repository of one's own takes nothing over, least of all the token of another."""
    return upper if "git" in upper else merged(lower, upper)


def _is_map(node: Node) -> bool:
    return isinstance(node.value, Mapping)
