"""Changes sorted by what a reviewer must see first, for the formats that are made for reviewing."""

from __future__ import annotations

from typing import NamedTuple

from rmqsync.report.document import ChangeDocument, ClusterDocument, PlanDocument, is_apply


class Group(NamedTuple):
    name: str
    title: str
    parts: list[tuple[ClusterDocument, list[ChangeDocument]]]
    """By cluster; a cluster without such changes is missing."""

    @property
    def size(self) -> int:
        return sum(len(changes) for _, changes in self.parts)


_PLANNED = {
    "danger": "Destroyed or replaced",
    "held": "Held back",
    "update": "Updated in place",
    "create": "Created",
}
_DONE = {"failed": "Failed", "skipped": "Skipped", **_PLANNED}


def groups(document: PlanDocument) -> list[Group]:
    """Return the groups that have changes, worst first."""
    titles = _DONE if is_apply(document) else _PLANNED
    found = {name: Group(name, title, []) for name, title in titles.items()}
    for cluster in document["clusters"]:
        here: dict[str, list[ChangeDocument]] = {}
        for change in cluster["changes"]:
            here.setdefault(_group(change), []).append(change)
        for name, changes in here.items():
            found[name].parts.append((cluster, changes))
    return [group for group in found.values() if group.parts]


def _group(change: ChangeDocument) -> str:
    if change.get("result") == "failed":
        return "failed"
    if change["hold"] is not None:
        return "held"
    if change.get("result") == "skipped":
        return "skipped"
    action = change["action"]
    return "danger" if action in ("delete", "replace") else action
