"""What is said of objects, changes and counts, the same in every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rmqsync.kinds import KINDS
from rmqsync.model.address import decode
from rmqsync.model.counts import number_of
from rmqsync.model.values import JsonValue, canonical
from rmqsync.report.document import (
    SENSITIVE,
    ChangeDocument,
    ClusterDocument,
    FieldDocument,
    NamedDocument,
    PlanDocument,
    RemarkDocument,
    SourceDocument,
    SummaryDocument,
)
from rmqsync.report.escape import path, value, visible

NO_CHANGES = "No changes. Your infrastructure matches the configuration."
"""Terraform's own words: wrappers look for them."""

_DONE = {
    "create": "created",
    "update": "updated in-place",
    "replace": "replaced",
    "delete": "destroyed",
}
_DIFFERS = {
    "create": "is only in {to}",
    "update": "differs",
    "replace": "differs in what cannot be changed in-place",
    "delete": "is only in {from}",
}
_CAUSES = {
    "drift": "changed by hand on the cluster since the last apply",
    "both": "changed in git and by hand on the cluster",
    "completed": "gone by itself, as it was declared to",
}


def sentence(address: str, arguments: Mapping[str, JsonValue] | None = None) -> str:
    """
    Name an object as the broker does, given its address. Not escaped for anything.

    `arguments` are those that the address holds a digest of.
    """
    name, _, rest = address.partition(":")
    if name not in KINDS:
        return f"{name} '{decode(rest)}'"
    kind = KINDS[name]
    plain, _, digest = rest.partition("~")
    parts = tuple(decode(part) for part in plain.split("/"))
    if kind.to_address is not None:
        parts = (*parts, canonical(arguments) if arguments else digest and f"~{digest}")
    try:
        return kind.sentence(parts)
    except (ValueError, IndexError):  # a saved plan may have been edited
        return f"{kind.label} '{decode(rest)}'"


def subject(change: ChangeDocument) -> str:
    """Name the object of a change as the broker does, safe to print."""
    arguments: dict[str, JsonValue] = {}
    if "~" in change["address"]:
        for field in change["fields"]:
            if len(field["path"]) == 2 and field["path"][0] == "arguments":
                item = field.get("after", field.get("before"))
                if item != SENSITIVE:
                    arguments[str(field["path"][1])] = item
    return visible(sentence(change["address"], arguments))


def verb(change: ChangeDocument, document: PlanDocument) -> str:
    """Say what becomes of the object of a change, or became of it."""
    action = change["action"]
    sides = document.get("sides")
    if sides is not None:
        named = {side: visible(str(name)) for side, name in sides.items()}
        return _DIFFERS[action].format(**named)
    result = change.get("result")
    if result is not None:
        return f"{'was' if result == 'applied' else 'was not'} {_DONE[action]}"
    if change["hold"] is not None:
        return f"would be {_DONE[action]}"
    return "must be replaced" if action == "replace" else f"will be {_DONE[action]}"


def cause(change: ChangeDocument) -> str | None:
    """Say whose change it is where that is worth a line."""
    return _CAUSES.get(change["cause"])


def drifted(change: ChangeDocument) -> list[str]:
    """Return what somebody did to an object outside of rmqsync, a line each."""
    left = change.get("left", [])
    if change["cause"] not in ("drift", "both") and not left:
        return []
    name = subject(change)
    if change["action"] == "create":
        return [f"{name} was deleted"]
    fields = [
        one
        for one in (*change["fields"], *left)
        if one.get("cause", change["cause"]) in ("drift", "both")
    ]
    if change["action"] == "delete":  # lists all fields: those that a hand changed have a cause
        fields = [one for one in fields if "cause" in one]
        if not fields:
            return [f"{name} was {'made' if change['cause'] == 'drift' else 'changed'}"]
    secret = [one for one in fields if _is_secret(one)]
    lines = [
        f"{name}: {_moved(one, one.get('cause', change['cause']), change['action'])}"
        for one in fields
        if one not in secret
    ]
    if secret:
        lines.append(
            f"{name}: {', '.join(path(one['path']) for one in secret)} changed (sensitive)"
        )
    return lines


def _moved(field: FieldDocument, cause: str, action: str) -> str:
    """Return what became of a field that somebody changed; of both sides where git did as well."""
    found, now = path(field["path"]), _side(field, "before")
    if cause == "drift":
        return f"{found} was {_side(field, 'after')}, now {now}"
    declared = "not declared any more"
    if action != "delete":
        declared = f"declared {_side(field, 'after')}"
    return f"{found} was {_side(field, 'last')}, now {now}, {declared}"


def _is_secret(field: FieldDocument) -> bool:
    return SENSITIVE in (field.get("before"), field.get("after"), field.get("last"))


def since(cluster: ClusterDocument) -> str:
    """
    Say which run the state is compared with.

    What was there before that run, and was left alone by it, cannot be told from what came after.
    """
    last = cluster.get("last_applied")
    if last is None:
        return "since the last apply"
    commit = f"of commit {visible(last['commit'])[:12]} " if last["commit"] else ""
    return f"since the run {commit}at {visible(last['at'])}, or left as it was by that"


def _side(field: FieldDocument, name: str) -> str:
    if name == "last":
        return value(field["last"]) if "last" in field else "not set"
    if name == "before":
        return value(field["before"]) if "before" in field else "not set"
    return value(field["after"]) if "after" in field else "not set"


def override(hold_override: str) -> list[str]:
    """Return the lines that say how to allow a held change."""
    first, *more = [visible(line) for line in hold_override.split("\n")]
    intro = "to allow it"
    if first.startswith("--"):
        intro = "allow it with"
    elif first.startswith("rmqsync "):
        intro = "to allow it, run"
    elif is_written(first):
        intro = "to allow it, write"
    return [f"{intro}: {first}", *(f"  {line}" for line in more)]


def place(source: SourceDocument | None) -> str:
    if source is None:
        return ""
    line = f":{source['line']}" if source["line"] else ""
    column = f":{source['column']}" if line and source.get("column") else ""
    return f"{visible(source['file'])}{line}{column}"


def exact_place(remark: RemarkDocument) -> str:
    """Return file:line:column of a finding, as far as they are known."""
    source = remark["source"]
    if source is None:
        return ""
    column = f":{source['column']}" if source["line"] and source["column"] else ""
    line = f":{source['line']}" if source["line"] else ""
    return f"{visible(source['file'])}{line}{column}"


def by_kind(entries: Iterable[NamedDocument]) -> str:
    """Return how many there are of each kind: `2 queues, 1 policy`."""
    counts = Counter(entry["kind"] for entry in entries)
    return ", ".join(number_of(n, _label(kind), _plural(kind)) for kind, n in counts.most_common())


def _label(kind: str) -> str:
    return KINDS[kind].label if kind in KINDS else visible(kind)


def _plural(kind: str) -> str:
    label = _label(kind)
    return f"{label[:-1]}ies" if label.endswith("y") else f"{label}s"


def plan_counts(summary: SummaryDocument) -> str:
    """Return Terraform's counts: a replacement is one added and one destroyed."""
    replace = summary["replace"]
    return (
        f"{summary['create'] + replace} to add, {summary['update']} to change, "
        f"{summary['delete'] + replace} to destroy"
    )


def apply_counts(document: PlanDocument) -> str:
    """Return Terraform's counts of what was done, half done replacements as destroyed."""
    done = Counter(c["action"] for c in all_changes(document) if c.get("result") == "applied")
    return (
        f"{done['create'] + done['replace']} added, {done['update']} changed, "
        f"{done['delete'] + done['replace'] + len(gone(document))} destroyed"
    )


def gone(document: PlanDocument) -> list[str]:
    """Return what was deleted to be replaced, and is not there."""
    return [address for cluster in document["clusters"] for address in cluster.get("gone", ())]


def all_changes(document: PlanDocument) -> Iterable[ChangeDocument]:
    for cluster in document["clusters"]:
        yield from cluster["changes"]


def has_changes(summary: SummaryDocument) -> bool:
    return any(summary[name] for name in ("create", "update", "replace", "delete", "held"))


def unusable(document: PlanDocument) -> list[ClusterDocument]:
    """Return the clusters that could not be planned."""
    return [cluster for cluster in document["clusters"] if cluster["status"] != "ok"]


def no_changes(document: PlanDocument) -> str:
    """Say that there is nothing to do, for a document of which that is true."""
    sides = document.get("sides")
    if sides is None:
        return NO_CHANGES
    return f"No changes. {visible(sides['from'])} and {visible(sides['to'])} are alike."


def impact(document: PlanDocument) -> str | None:
    """Say what the queues hold that the changes touch, held ones included; `None` for nothing."""
    touched = [
        (change["impact"]["messages"] or 0, change["impact"]["consumers"] or 0)
        for change in all_changes(document)
    ]
    queues = sum(1 for messages, consumers in touched if messages or consumers)
    messages = sum(one for one, _ in touched)
    consumers = sum(one for _, one in touched)
    if not queues:
        return None
    parts = [number_of(messages, "message")] if messages else []
    parts += [number_of(consumers, "consumer")] if consumers else []
    holds = ("holds" if queues == 1 else "hold") if messages else "has" if queues == 1 else "have"
    return f"Impact: {number_of(queues, 'queue')} {holds} {', '.join(parts)}"


def held_codes(document: PlanDocument) -> str:
    """Return why changes are held and how many for each: `2 loss, 1 on-change`."""
    counts = Counter(
        change["hold"]["code"] for change in all_changes(document) if change["hold"] is not None
    )
    return ", ".join(f"{number} {visible(code)}" for code, number in counts.most_common())


def title(cluster: ClusterDocument) -> str:
    """Name a cluster: `shanghai (RabbitMQ 3.10.8)`."""
    version = cluster["rabbitmq_version"]
    return visible(cluster["name"]) + (f" (RabbitMQ {visible(version)})" if version else "")


def is_written(hold_override: str) -> bool:
    """Tell whether an override is a line of YAML, such as `on_drift: heal`; else it is said."""
    return hold_override.partition(" ")[0].endswith(":")
