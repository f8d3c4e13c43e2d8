"""
Definitions that a broker's own import takes, with everything in them that is hard to carry.

A document named after a generation is for that one only, the others are for all. Names, texts and
values that people, YAML, JSON, shells and file systems could stumble over; every kind of object.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading.compile import LayerFile, Options, compile_layers
from rmqsync.loading.dump import ExportTree
from rmqsync.model.address import Pattern
from rmqsync.model.definitions import Desired, Rows

GENERATIONS = ("r310", "r40", "r43")
_OF_CLUSTER = ("cluster_name", "cluster_tags", "internal_cluster_id")
_FOLDER = Path(__file__).parent


def names(generation: str) -> list[str]:
    """The corpora that a broker of `generation` takes."""
    found = sorted(path.stem for path in _FOLDER.glob("*.json"))
    return [name for name in found if name not in GENERATIONS or name == generation]


def pairs() -> list[tuple[str, str]]:
    """Every generation with each of its corpora."""
    return [(generation, name) for generation in GENERATIONS for name in names(generation)]


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


def compiled(tree: ExportTree, kinds: Registry = KINDS, **options: Any) -> Desired:
    """What the files of an exported tree compile to; raises for every error in them."""
    files = [
        LayerFile(path, text.encode(), digest=str(number))
        for number, (path, text) in enumerate(sorted(tree.files.items()))
    ]
    allowed = {name: (Pattern(secret.address),) for name, secret in tree.secrets.items()}
    return compile_layers([("base", files)], Options(secrets=allowed, **options), kinds)


def resolved(rows: Rows, tree: ExportTree) -> Rows:
    """Rows with the values of their secrets."""
    values = {name: secret.value for name, secret in tree.secrets.items()}
    context = Context(secret=values.get)
    return {
        kind: {key: context.resolve(row) for key, row in found.items()}
        for kind, found in rows.items()
        if found
    }


def comparable(document: Mapping[str, Any], own_user: str) -> dict[str, list[str]]:
    """
    An export as sorted texts by section, so that those of two brokers can be compared.

    Without what differs between any two: the user that tests log in as, parameters that belong to
    the one cluster, markers, the queues that sharding names after its node. What means the same
    reads alike.
    """
    found = {}
    for section, items in document.items():
        if isinstance(items, list):
            kept = [_plain(section, item) for item in items if not _is_own(item, own_user)]
            found[section] = sorted(json.dumps(one, sort_keys=True) for one in kept if one)
    return found


def _is_own(item: Mapping[str, Any], own_user: str) -> bool:
    names = [str(item.get(key, "")) for key in ("name", "user", "destination")]
    if "component" not in item and names[0] in _OF_CLUSTER:
        return True
    if "component" not in item and names[0].startswith("rmqsync."):
        return True  # a marker says which cluster it is on
    return own_user in names[:2] or any(name.startswith("sharding: ") for name in names)


def _plain(section: str, item: dict[str, Any]) -> dict[str, Any]:
    """An item without defaults; empty where it says nothing."""
    for inner in (item, item.get("metadata", {})):
        if "tags" in inner:
            inner["tags"].sort()
    if section == "queues":
        item["arguments"].setdefault("x-queue-type", "classic")
    if "limits" in item:
        item["limits"] = _real_limits(item["limits"])
    if item.get("component") == "operator_policy":
        item["value"].setdefault("apply-to", "all")
    if item.get("component") == "vhost-limits":
        item["value"] = _real_limits(item["value"])
        return item if item["value"] else {}
    return item


def _real_limits(limits: Any) -> dict[str, int]:
    """A negative limit is none."""
    return {name: limit for name, limit in dict(limits).items() if limit >= 0}
