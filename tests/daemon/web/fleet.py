"""An example fleet: a cluster in every state, and names that were chosen to break pages."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote

from rmqsync.daemon.documents import (
    SYNCS,
    ClusterDetailDocument,
    DriftDocument,
    ObjectDocument,
    SourceStatusDocument,
    Sync,
    TopologyDocument,
    TopologyLinkDocument,
    TopologyNodeDocument,
)
from rmqsync.daemon.places import named
from rmqsync.model.address import address
from rmqsync.report.document import (
    ChangeDocument,
    ClusterDocument,
    FieldDocument,
    PlanDocument,
    RunDocument,
    SummaryDocument,
)

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    SCRIPT,
    "a/b",
    "100%",
    "%2F",
    "two  spaces ",
    "订单队列",
    "\"quoted\" & 'so'",
    "{{ 7 * 7 }}",
    "../../etc",
    "?all=1#top",
    "queue:x",
    "☃\u202esdrawkcab",
    "x" * 255,
)
"""Names that a broker takes."""
AT = "2026-01-02T03:04:05Z"
COMMIT = "c0ffee0123456789c0ffee0123456789c0ffee01"
RUN = "0a1b2c3d-1111-4222-8333-444455556666"
FINGERPRINT = "f1f2f3f4f5f6f7f8"
SOURCE = "https://git.example.com/mq/definitions.git main"


def exchange(name: str, vhost: str = "/") -> str:
    return address("exchange", (vhost, name))


def queue(name: str, vhost: str = "/") -> str:
    return address("queue", (vhost, name))


def policy(name: str, vhost: str = "/") -> str:
    return address("policy", (vhost, name))


HELD = queue("qu.order.crm")
"""Its deletion is held, and can be approved."""
DRIFTED = queue("qu.drifted")
"""Somebody changed it; what would bring it back is held."""
PROTECTED = exchange("ex.protected")
"""Its deletion is held, and nothing approves it."""


def change(name: str, action: str = "create", **more: Any) -> ChangeDocument:
    """Return what is to be done about a queue, or about the object of the address `name`."""
    where = name if name.startswith(("queue:", "exchange:")) else queue(name)
    kind, _, rest = where.partition(":")
    found = {
        "action": action,
        "kind": kind,
        "vhost": "/",
        "name": rest.partition("/")[2],
        "address": where,
        "fields": [],
        "cause": "commit",
        "loss": "none",
        "hold": None,
        "impact": {"messages": None, "consumers": None, "implied": []},
        "source": {"file": "base/queues.yaml", "line": 7},
        **more,
    }
    return cast(ChangeDocument, found)


def hold(code: str, override: str | None) -> dict[str, Any]:
    return {"code": code, "reason": f"it is held for {SCRIPT}", "override": override}


FIELD: FieldDocument = {
    "path": ["arguments", SCRIPT, 0],
    "before": {"<b>": 1},
    "after": "%&\"'",
    "forces_replacement": True,
    "cause": "drift",
}


def summary(**counts: int) -> SummaryDocument:
    names = ("create", "update", "replace", "delete", "held", "unmanaged", "unchanged")
    return cast(SummaryDocument, {name: counts.get(name, 0) for name in names})


def plan(name: str, changes: list[ChangeDocument], unmanaged: int = 0) -> ClusterDocument:
    counts = {word: sum(one["action"] == word for one in changes) for word in ("create", "update")}
    held = sum(one["hold"] is not None for one in changes)
    return {
        "name": name,
        "status": "ok",
        "error": None,
        "rabbitmq_version": "4.0.5",
        "summary": summary(**counts, held=held, unmanaged=unmanaged),
        "fingerprint": FINGERPRINT,
        "changes": changes,
        "unmanaged": [
            {"kind": "queue", "vhost": "/", "name": f"u{n}", "address": queue(f"u{n}")}
            for n in range(unmanaged)
        ],
        "findings": [
            {
                "code": "dead-letter",
                "severity": "warning",
                "message": f"{SCRIPT} leads nowhere",
                "address": None,
                "source": {"file": "base/queues.yaml", "line": 3},
            }
        ],
    }


def cluster(name: str, sync: Sync = "in-sync", **more: Any) -> ClusterDetailDocument:
    found = {
        "name": name,
        "sync": sync,
        "error": None,
        "mode": "apply",
        "on_drift": "report",
        "source": SOURCE,
        "commit": COMMIT,
        "applied": {"commit": COMMIT, "at": AT},
        "rabbitmq_version": "4.0.5",
        "nodes": ["rabbit@mq1", "rabbit@mq2"],
        "checked_at": AT,
        "next_at": "2099-01-02T03:04:05Z",
        "last_success_at": AT,
        "running": None,
        "waits": None,
        "paused": None,
        "pinned": None,
        "summary": summary(unchanged=120),
        "drifted": 0,
        "drift_known": True,
        "held": 0,
        "failures": 0,
        "last_run": RUN,
        "plan": plan(name, []),
        "drifts": [],
        "blocked": None,
        **more,
    }
    return cast(ClusterDetailDocument, found)


def drift(name: str, **more: Any) -> DriftDocument:
    found = change(name, "update", cause="drift", fields=[FIELD], **more)
    return {
        "address": found["address"],
        "kind": found["kind"],
        "cause": "drift",
        "since": AT,
        "times": 3,
        "change": found,
    }


def shanghai() -> ClusterDetailDocument:
    """A cluster with something of everything."""
    allow = "rmqsync apply --cluster shanghai --allow-loss messages:"
    held = hold("drift", f"rmqsync approve shanghai --address {DRIFTED}")
    changes = [
        *(change(name) for name in HOSTILE),
        change(HELD, "delete", loss="messages", hold=hold("loss", allow + HELD)),
        change(PROTECTED, "delete", loss="routing", hold=hold("protected", None)),
        change(DRIFTED, "update", cause="drift", fields=[FIELD], hold=held),
        change("qu.left", "update", cause="both", fields=[FIELD], left=[FIELD]),
    ]
    changes[13]["impact"] = {"messages": 42, "consumers": 2, "implied": [exchange(SCRIPT)]}
    found = plan("shanghai", changes, unmanaged=3)
    return cluster(
        "shanghai",
        "held",
        plan=found,
        summary=found["summary"],
        drifts=[drift(DRIFTED), drift(SCRIPT)],
        drifted=2,
        held=2,
    )


def clusters() -> list[ClusterDetailDocument]:
    """Return a cluster in each state, and one that has never been looked at."""
    stop = {"reason": SCRIPT, "by": "ops & co", "since": AT, "until": "2099-01-01T00:00:00Z"}
    waits = {"reason": "window", "until": AT, "text": f"waits for its window {SCRIPT}"}
    others = [
        cluster(f"site-{sync}", sync, error=f"{SCRIPT} answers 100%" if sync == "failed" else None)
        for sync in SYNCS
        if sync != "unknown"
    ]
    new = cluster("new", "unknown", plan=None, summary=None, applied=None, commit=None,
                  rabbitmq_version=None, nodes=[], checked_at=None, next_at=None,
                  drift_known=False)  # fmt: skip
    stopped = cluster("stopped", paused=stop, pinned=stop, running="comparing", failures=2)
    waiting = cluster("waiting", "pending", waits=waits)
    return [shanghai(), *others, stopped, waiting, new]


def sources() -> list[SourceStatusDocument]:
    return [
        {
            "name": SOURCE,
            "commit": COMMIT,
            "fetched_at": AT,
            "error": f"cannot fetch: {SCRIPT}",
            "broken_commit": "bad" + COMMIT[3:],
            "findings": [
                {
                    "code": "unknown-key",
                    "severity": "error",
                    "message": f"unknown key '{SCRIPT}'",
                    "hint": "did you mean 'type'?",
                    "address": None,
                    "source": {"file": "base/<b>.yaml", "line": 3, "column": 9},
                }
            ],
        },
        {"name": "folder", "commit": None, "fetched_at": None, "error": None,
         "broken_commit": None, "findings": []},
    ]  # fmt: skip


def node(where: str, state: Any = "managed") -> TopologyNodeDocument:
    kind, _, rest = where.partition(":")
    return {
        "id": where,
        "kind": cast(Any, kind),
        "vhost": "/",
        "name": unquote(rest.partition("/")[2]),
        "type": "topic" if kind == "exchange" else "quorum",
        "state": state,
        "policy": None,
        "operator_policy": None,
        "cluster": None,
        "address": where,
    }


def away(where: str, cluster: str | None) -> TopologyNodeDocument:
    """Return what is not on this cluster, by its id."""
    found = named(where)
    return {
        **node(where, "elsewhere"),
        "kind": "cluster",
        "vhost": None,
        "name": found.name,
        "cluster": cluster,
        "address": found.address,
    }


def link(source: str, target: str, label: str, kind: Any = "binding") -> TopologyLinkDocument:
    return {"source": source, "target": target, "kind": kind, "label": label}


ORDERS, BILLING, DEAD, DEAD_QUEUE = (
    exchange("ex.order.topic"), queue("qu.order.billing"), exchange("ex.dead"), queue("qu.dead"),
)  # fmt: skip
EXPIRY, CEILING = address("policy", ("/", "expiry")), address("operator_policy", ("/", "ceiling"))
SHOVEL, UPSTREAM = address("shovel", ("/", "mail")), address("federation_upstream", ("/", "south"))
THERE, OUTSIDE = f"cluster:site-drifted/{DEAD_QUEUE}", "outside:mq.far.example"


def topology() -> TopologyDocument:
    names = [node(queue(name)) for name in HOSTILE]
    return {
        "cluster": "shanghai",
        "at": AT,
        "vhosts": ["/", "two  spaces ", SCRIPT],
        "nodes": [
            node(ORDERS),
            node(HELD, "held"),
            {**node(BILLING), "policy": "expiry", "operator_policy": "ceiling"},
            node(DEAD, "unmanaged"),
            node(DEAD_QUEUE, "missing"),
            node(DRIFTED, "drifted"),
            {**node(queue("elsewhere", "two  spaces ")), "vhost": "two  spaces "},
            *names,
            {**node(EXPIRY), "type": "queues"},
            {**node(CEILING), "type": "queues"},
            node(SHOVEL),
            {**node(UPSTREAM), "kind": "upstream", "type": "mq.far.example"},
            away(THERE, "site-drifted"),
            away(OUTSIDE, None),
        ],
        "links": [
            link(ORDERS, HELD, "*.viporder.#"),
            link(ORDERS, BILLING, "order.paid"),
            link(ORDERS, BILLING, "order.refunded"),
            link(BILLING, DEAD, "", "dead-letter"),
            link(DEAD, DEAD_QUEUE, "#"),
            link(BILLING, SHOVEL, "mail", "shovel"),
            link(SHOVEL, THERE, "mail", "shovel"),
            link(OUTSIDE, UPSTREAM, "", "federation"),
            link(UPSTREAM, ORDERS, "south", "federation"),
            *(link(ORDERS, one["id"], one["name"]) for one in names),
        ],
    }


def thing(where: str) -> ObjectDocument:
    place = {"file": "base/queues.yaml", "line": 7}
    found = {
        "kind": where.partition(":")[0],
        "vhost": "/",
        "name": where,
        "address": where,
        "cluster": "shanghai",
        "is_declared": True,
        "is_live": True,
        "fields": [
            {"path": ["durable"], "declared": True, "live": True, "source": place,
             "layer": "base", "differs": False},
            {"path": ["arguments", SCRIPT], "declared": SCRIPT, "live": [1, None], "source": place,
             "layer": "regions/<b>", "differs": True},
            {"path": ["auto_delete"], "live": False, "source": None, "layer": None,
             "differs": False},
        ],
        "policy": SCRIPT,
        "change": change(where, "update", fields=[FIELD], hold=hold("loss", "--allow-loss x")),
        "links": [one for one in topology()["links"] if where in (one["source"], one["target"])],
        "policies": [
            {"kind": "policy", "vhost": "/", "name": SCRIPT, "address": policy(SCRIPT)}
        ] if where.startswith("queue:") else [],
        "in_force_for": [
            {"kind": "queue", "vhost": "/", "name": "qu.order.billing", "address": BILLING}
        ] if where == EXPIRY else [],
    }  # fmt: skip
    return cast(ObjectDocument, found)


def past_run(name: str = "shanghai") -> RunDocument:
    return {
        "run": RUN,
        "cluster": name,
        "status": "failed",
        "action": "apply",
        "trigger": "operator",
        "who": SCRIPT,
        "started_at": AT,
        "ended_at": AT,
        "exit_code": 1,
        "commit": COMMIT,
        "tree": None,
        "dirty": False,
        "summary": {"applied": 1, "failed": 1, "held": 1},
        "verified": False,
        "error": f"it ended by {SCRIPT}",
        "backup": "/var/lib/rmqsync/backups/<b>.json",
        "rmqsync_version": "1.0",
    }


def outcome() -> PlanDocument:
    """Return what a run told when it ended, and, of a second cluster, when it had only planned."""
    ended = plan("shanghai", [
        change(SCRIPT, result="applied", error=None),
        change("qu.refused", "update", fields=[FIELD], result="failed", error=f"400 {SCRIPT}"),
    ])  # fmt: skip
    ended.update(verified=False, run=RUN, backup="/var/lib/<b>.json", error=f"ended: {SCRIPT}")
    return {
        "format_version": "1.0",
        "rmqsync_version": "1.0",
        "created_at": AT,
        "revision": {"commit": COMMIT, "dirty": False},
        "summary": ended["summary"],
        "clusters": [ended, plan("site-pending", [change("qu.planned")])],
        "runs": [past_run()],
    }
