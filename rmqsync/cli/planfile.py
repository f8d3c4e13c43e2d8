"""
Saved plans: what `plan --out` keeps besides the plan, and whether it still fits its clusters.

A saved plan holds no secret and no desired rows: those are compiled again from the commit.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rmqsync.app.plan import Planned
from rmqsync.model.changes import Revision
from rmqsync.model.errors import Refused, SourceError, StalePlan
from rmqsync.model.values import JsonValue
from rmqsync.repo.local import make_private_folder, read_bytes, write_atomic
from rmqsync.report.plan_json import dumps, read_plan
from rmqsync.report.seal import is_whole

CHANGED = "was changed after it was written: it is not the plan that --out saved"
_NAMED = 5


def saved_keys(
    planned: Sequence[Planned], targets: Sequence[str], excludes: Sequence[str]
) -> tuple[dict[str, JsonValue], dict[str, Mapping[str, JsonValue]]]:
    """Return what a saved plan holds besides the plan, for the whole and by cluster."""
    clusters: dict[str, Mapping[str, JsonValue]] = {
        one.plan.name: {
            "tree": one.target.checkout.tree(one.target.layers),
            "layers": list(one.target.layers),
            "vars": dict(one.target.options.vars),
        }
        for one in planned
    }
    # Two plans of the same second and the same changes are still two plans.
    keys: dict[str, JsonValue] = {"id": str(uuid.uuid4())}
    return {**keys, "targets": list(targets), "excludes": list(excludes)}, clusters


def save(path: str, document: Mapping[str, Any], planned: Sequence[Planned]) -> None:
    """
    Write a plan, readable by its owner only.

    Raises `Refused` for definitions that no commit holds, or a cluster that could not be read.
    """
    for one in planned:
        revision: Revision = one.target.checkout.revision
        if revision.dirty:
            raise Refused(
                f"--out: the layers of cluster '{one.plan.name}' hold uncommitted changes, and a "
                "saved plan is compiled again from its commit; commit first, or plan without --out"
            )
    broken = [c["name"] for c in document["clusters"] if c["status"] != "ok"]
    if broken:
        raise Refused(f"--out: cluster {', '.join(broken)} could not be planned; nothing was saved")
    write_atomic(path, dumps(document).encode("utf-8") + b"\n", private=True)


def load(path: str, data_dir: str) -> Mapping[str, Any]:
    """
    Read a saved plan that is to be applied.

    Raises `StalePlan` for one that was applied already, `SourceError` for one that was changed
    since it was saved.
    """
    content = read_bytes(path)
    if os.path.exists(_mark(content, data_dir)):
        raise StalePlan(f"{path} was applied already; a plan can be used once, plan again")
    saved = read_plan(content, path)
    if not is_whole(saved):
        raise SourceError(f"{path} {CHANGED}; make the plan again")
    return saved


def mark_used(path: str, data_dir: str) -> None:
    """Remember that a plan was applied, whatever became of it."""
    mark = _mark(read_bytes(path), data_dir)
    make_private_folder(os.path.dirname(mark))
    write_atomic(mark, b"", private=True)


def _mark(content: bytes, data_dir: str) -> str:
    return os.path.join(data_dir, "used-plans", hashlib.sha256(content).hexdigest())


def revision_of(saved: Mapping[str, Any]) -> str | None:
    """Return the commit that a saved plan was made from."""
    commit = saved["revision"]["commit"]
    return str(commit) if commit else None


def check_fits(
    saved: Mapping[str, Any], now: Mapping[str, Any], planned: Sequence[Planned]
) -> None:
    """Raise `StalePlan`, naming what moved, where clusters, definitions or settings did."""
    moved: list[str] = []
    documents = {cluster["name"]: cluster for cluster in now["clusters"]}
    targets = {one.plan.name: one.target for one in planned}
    for cluster in saved["clusters"]:
        name = cluster["name"]
        if "layers" not in cluster:
            raise SourceError("this plan was not saved with --out and cannot be applied")
        target = targets[name]
        if cluster["layers"] != list(target.layers):
            moved.append(f"{name}: its layers are {', '.join(target.layers)} now")
        elif cluster["vars"] != dict(target.options.vars):
            moved.append(f"{name}: its vars are others now")
        elif cluster["tree"] != target.checkout.tree(target.layers):
            moved.append(f"{name}: the definitions are not those of the plan")
        elif documents[name]["status"] != "ok":
            moved.append(f"{name}: {documents[name]['error']}")
        elif cluster["fingerprint"] != documents[name]["fingerprint"]:
            moved.append(f"{name}: {_moved(cluster, documents[name])}")
    if moved:
        raise StalePlan(f"the plan no longer fits, nothing was done: {'; '.join(moved)}")


def check_same(shown: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise `StalePlan` where a plan, made again under the lock, is not the one that was shown."""
    before = {cluster["name"]: cluster for cluster in shown["clusters"]}
    moved = [
        f"{cluster['name']}: {cluster['error'] or _moved(before[cluster['name']], cluster)}"
        for cluster in now["clusters"]
        if cluster["fingerprint"] != before[cluster["name"]]["fingerprint"]
    ]
    if moved:
        raise StalePlan(f"the plan no longer fits, nothing was done: {'; '.join(moved)}")


def _moved(saved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Tell what differs: what moved, and what only a guard judges otherwise by now."""
    before = {change["address"]: change for change in saved["changes"]}
    after = {change["address"]: change for change in now["changes"]}
    moved: list[str] = []
    held: list[str] = []
    free: list[str] = []
    for address in sorted(before.keys() | after.keys()):
        one, other = before.get(address), after.get(address)
        if one is not None and other is not None and _what(one) == _what(other):
            if _hold(one) != _hold(other):
                (held if other["hold"] else free).append(address)
            elif one["loss"] != other["loss"]:
                moved.append(address)
        else:
            moved.append(address)
    told = [f"{_some(moved)} moved since it was made"] if moved else []
    if held:
        told.append(f"{_some(held)}: held now, {after[held[0]]['hold']['reason']}")
    if free:
        told.append(f"{_some(free)}: not held any more")
    return ", ".join(told) or "the order of changes moved since it was made"


def _some(addresses: Sequence[str]) -> str:
    rest = len(addresses) - _NAMED
    return f"{', '.join(addresses[:_NAMED])}{f' and {rest} more' if rest > 0 else ''}"


def _what(change: Mapping[str, Any]) -> tuple[Any, ...]:
    return (change["action"], change["fields"])


def _hold(change: Mapping[str, Any]) -> list[str]:
    hold = change["hold"]
    return [hold["code"], *hold.get("also", [])] if hold else []
