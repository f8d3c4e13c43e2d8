"""Plans by hand: one of the kind a reviewer sees, and one of the names that break reports."""

from __future__ import annotations

from rmqsync.model.changes import (
    ABSENT,
    Action,
    Cause,
    Change,
    ClusterPlan,
    ClusterResult,
    FieldChange,
    Hold,
    HoldCode,
    Impact,
    Loss,
    Outcome,
    Plan,
    Ref,
    Result,
    Revision,
    Status,
)
from rmqsync.model.findings import Finding, Origin, Severity
from rmqsync.model.values import Key, Row

COMMIT = "5c2d89bf0d3c1f7e6a4b2c8d9e0f1a2b3c4d5e6f"
CREATED = "2024-05-01T12:00:00Z"

_SIDES: dict[Action, tuple[Row | None, Row | None]] = {
    Action.CREATE: (None, {}),
    Action.UPDATE: ({}, {}),
    Action.REPLACE: ({}, {}),
    Action.DELETE: ({}, None),
}


def change(
    action: Action,
    kind: str,
    key: Key,
    *fields: FieldChange,
    cause: Cause = Cause.GIT,
    loss: Loss = Loss.BEHAVIOUR,
    hold: Hold | None = None,
    impact: Impact | None = None,
    source: Origin | None = None,
) -> Change:
    before, after = _SIDES[action]
    return Change(
        action, Ref(kind, key), before, after, fields, cause, loss, hold, impact or Impact(), source
    )


def queue(action: Action, name: str, *fields: FieldChange, **more: object) -> Change:
    return change(action, "queue", ("common", name), *fields, **more)  # type: ignore[arg-type]


def binding(
    action: Action, exchange: str, destination: str, key: str, arguments: str = "", **more: object
) -> Change:
    parts = ("common", exchange, "queue", destination, key, arguments)
    return change(action, "binding", parts, **more)  # type: ignore[arg-type]


def added(*path: str | int, to: object) -> FieldChange:
    return FieldChange(path, ABSENT, to)  # type: ignore[arg-type]


def gone(*path: str | int, was: object) -> FieldChange:
    return FieldChange(path, was, ABSENT)  # type: ignore[arg-type]


def became(*path: str | int, was: object, to: object, forces: bool = False) -> FieldChange:
    return FieldChange(path, was, to, forces)  # type: ignore[arg-type]


def secret(*path: str | int, was: object = ABSENT, to: object = ABSENT) -> FieldChange:
    return FieldChange(path, was, to, False, True)  # type: ignore[arg-type]


def plan(*clusters: ClusterPlan, revision: Revision | None = None) -> Plan:
    return Plan(CREATED, revision or Revision(COMMIT), clusters)


def bound(key: str) -> Ref:
    return Ref("binding", ("common", "ex.order.topic", "queue", "qu.order.crm", key, ""))


LOSES_MESSAGES = Hold(
    HoldCode.LOSS,
    "deleting it loses 14203 messages; this run may cause access at worst",
    "--allow-loss messages:queue:common/qu.order.old",
)
ON_CHANGE = Hold(
    HoldCode.ON_CHANGE,
    "x-queue-type cannot be changed in place",
    "on_change: recreate\non the queue in base/order.yaml",
)
UNHEALTHY = Hold(HoldCode.UNHEALTHY, "a memory alarm is set on rabbit@mq2", None)

SHANGHAI_CHANGES = (
    change(
        Action.UPDATE,
        "permission",
        ("common", "order-svc"),
        became("write", was="^ex\\.order\\..*", to="^ex\\.(order|refund)\\..*"),
        loss=Loss.ACCESS,
        source=Origin("base/users.yaml", 8, 5),
    ),
    change(
        Action.CREATE,
        "exchange",
        ("common", "ex.refund.topic"),
        added("type", to="topic"),
        added("arguments", "alternate-exchange", to="ex.unrouted"),
        source=Origin("base/refund.yaml", 3, 3),
    ),
    queue(
        Action.CREATE,
        "qu.refund.crm",
        added("arguments", "x-dead-letter-exchange", to="ex.dead"),
        added("arguments", "x-max-length", to=100000),
        added("arguments", "x-queue-type", to="quorum"),
        source=Origin("base/refund.yaml", 12, 3),
    ),
    queue(
        Action.REPLACE,
        "qu.order.crm",
        became("arguments", "x-max-length", was=10000, to=20000, forces=True),
        gone("arguments", "x-message-ttl", was=60000)._replace(forces_replacement=True),
        loss=Loss.ROUTING,
        impact=Impact(0, 3, (bound("order.#"), bound("#.delivery.*"))),
        source=Origin("base/order.yaml", 14, 3),
    ),
    queue(
        Action.REPLACE,
        "qu.order.audit",
        became("arguments", "x-queue-type", was="classic", to="quorum", forces=True),
        loss=Loss.MESSAGES,
        hold=ON_CHANGE,
        impact=Impact(52, 0),
        source=Origin("base/order.yaml", 30, 3),
    ),
    binding(
        Action.CREATE,
        "ex.refund.topic",
        "qu.refund.crm",
        "refund.#",
        source=Origin("base/refund.yaml", 17, 7),
    ),
    change(
        Action.UPDATE,
        "exchange",
        ("common", "ex.headers"),
        became("auto_delete", was=True, to=False),
        cause=Cause.DRIFT,
        source=Origin("base/order.yaml", 50, 3),
    ),
    binding(Action.DELETE, "ex.order.topic", "qu.order.old", "order.#", loss=Loss.ROUTING),
    queue(
        Action.DELETE,
        "qu.order.old",
        gone("arguments", "x-queue-type", was="classic"),
        loss=Loss.MESSAGES,
        hold=LOSES_MESSAGES,
        impact=Impact(14203, 0),
    ),
)

FINDINGS = (
    Finding(
        "RMQ201",
        Severity.WARNING,
        "policy 'mirror-all' matches every queue",
        Origin("regions/shanghai/policies.yaml", 4, 12),
        "policy:common/mirror-all",
        "name the queues it is for",
    ),
    Finding("RMQ310", Severity.NOTE, "plugin rabbitmq_shovel is not enabled"),
)

SHANGHAI = ClusterPlan(
    "shanghai",
    rabbitmq_version="3.10.8",
    changes=SHANGHAI_CHANGES,
    unmanaged=(
        Ref("queue", ("common", "qu.tmp")),
        Ref("exchange", ("/", "ex.test")),
    ),
    findings=FINDINGS,
    unchanged=412,
    fingerprint="sha256:" + "a" * 64,
)
FRANKFURT = ClusterPlan(
    "frankfurt", rabbitmq_version="4.3.1", unchanged=398, fingerprint="sha256:" + "b" * 64
)
DR = ClusterPlan("dr", Status.UNREACHABLE, "mq1.dr:15671: connection refused")

FLEET = plan(SHANGHAI, FRANKFURT, DR)
ONE = plan(SHANGHAI)
NOTHING = plan(FRANKFURT)

FAILED = Result(
    Outcome.FAILED,
    "400 Bad Request: PRECONDITION_FAILED - inequivalent arg 'type' for exchange "
    "'ex.refund.topic' in vhost 'common': received 'topic' but current is 'fanout'",
)
DEPENDS = Result(Outcome.SKIPPED, "depends on exchange:common/ex.refund.topic, which failed")
NOT_PROVEN = Result(
    Outcome.SKIPPED,
    None,
    Hold(
        HoldCode.NOT_PROVEN,
        "a consumer came back while it was being proven unused",
        "--allow-loss messages:queue:common/qu.order.crm",
    ),
)
DONE = Result(Outcome.APPLIED)
HELD = Result(Outcome.SKIPPED)

PARTIAL = (
    ClusterResult(
        SHANGHAI, (DONE, FAILED, DONE, NOT_PROVEN, HELD, DEPENDS, DONE, DONE, HELD), verified=True
    ),
    ClusterResult(FRANKFURT),
    ClusterResult(DR, error="mq1.dr:15671: connection refused"),
)
CREATES = ClusterPlan(
    "shanghai",
    rabbitmq_version="3.10.8",
    changes=tuple(c for c in SHANGHAI_CHANGES if c.action is Action.CREATE),
)

# What a broker takes for a name, and what a report must not stumble over.
STRANGE = (
    "a/b@c%d#e",
    'it\'s "quoted"',
    "订单队列",
    "two\nlines\r\n::error::forged",
    "\x1b[31mred\x1b[0m\x9b2J\x07",
    "<script>alert(1)</script>",
    "`tick` ```fence``` |pipe| @octocat #1 [x](http://evil) **b** <!-- -->",
    "\u202eesrever\u200b",
    "</details></pre>&amp;",
    "*",
    "half \ud800 of a pair",
)
STRANGE_CLUSTER = ClusterPlan(
    "odd|<b>@octocat",
    rabbitmq_version="4.3.1",
    changes=tuple(
        queue(
            action,
            name,
            FieldChange(("arguments", name), *sides),
            loss=Loss.ROUTING,
            hold=hold,
            source=source,
        )
        for number, name in enumerate(STRANGE)
        for action, sides, hold, source in [
            [
                (Action.CREATE, (ABSENT, name), None, Origin(f"odd/{name}.yaml", 3, 1)),
                (Action.UPDATE, (None, name), None, Origin("odd.yaml", 4, 1)),
                (Action.REPLACE, (name, None), None, None),
                (Action.DELETE, (name, ABSENT), Hold(HoldCode.LOSS, name, f"--x {name}"), None),
            ][number % 4]
        ]
    ),
    unmanaged=tuple(Ref("queue", (name, name)) for name in STRANGE),
    findings=tuple(
        Finding("RMQ010", Severity.ERROR, f"bad {name}", Origin(name, 1, 2), hint=name)
        for name in STRANGE
    ),
)
ODD = plan(
    STRANGE_CLUSTER,
    ClusterPlan("broken", Status.ERROR, STRANGE[4] + STRANGE[6]),
    revision=Revision(None),
)

REMARKS = (
    Finding(
        "RMQ010",
        Severity.ERROR,
        "unknown key 'durabel'",
        Origin("base/order.yaml", 14, 5),
        "queue:common/qu.order.crm",
        "did you mean 'durable'?",
    ),
    Finding(
        "RMQ201", Severity.WARNING, "policy 'all' matches every queue", Origin("a,b:c.yaml", 2)
    ),
    Finding("RMQ900", Severity.NOTE, "layer 'regions/x' has no files"),
    *STRANGE_CLUSTER.findings,
)
