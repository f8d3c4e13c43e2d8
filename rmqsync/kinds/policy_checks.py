"""What is wrong with a policy or an operator policy, key by key and taken together."""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Problem, Reference
from rmqsync.kinds.context import Context, Version
from rmqsync.kinds.names import is_predeclared, long_name_problems
from rmqsync.kinds.patterns import pattern_problems
from rmqsync.kinds.policy_keys import POLICY_KEYS, PolicyKey, disqualifies
from rmqsync.kinds.values import closest
from rmqsync.model.findings import Severity
from rmqsync.model.values import JsonValue, Row

DEFINITION = "definition"
_OF_TYPE = {"classic_queues": "classic", "quorum_queues": "quorum", "streams": "stream"}
_ARGUMENTS_ONLY = frozenset({"max-priority", "single-active-consumer"})
_FEDERATION = ("federation-upstream", "federation-upstream-set", "federation-upstream-pattern")


def policy_problems(row: Row, context: Context, *, operator: bool) -> Iterable[Problem]:
    yield from long_name_problems(row["name"], "name")
    pattern, target, definition = row["pattern"], row["apply-to"], row[DEFINITION]
    if isinstance(pattern, str):
        yield from pattern_problems(pattern, ("pattern",), context)
    if target in _OF_TYPE and context.before(3, 12):
        yield Problem(
            "RMQ076",
            ("apply-to",),
            f"apply-to {target} needs RabbitMQ 3.12",
            "use queues, and a pattern that matches only those",
        )
    if not isinstance(definition, dict):
        return
    if not definition:
        yield Problem("RMQ070", (DEFINITION,), "the definition is empty, the broker refuses that")
    for key, value in definition.items():
        yield from _key_problems(key, value, target, context, operator=operator)
    yield from _mirror_problems(definition)
    yield from _combination_problems(definition)


def policy_references(row: Row) -> Iterable[Reference]:
    """Yield what a definition names; none of it needs to exist."""
    vhost, definition = row["vhost"], row[DEFINITION]
    if not isinstance(definition, dict):
        return
    for key in ("dead-letter-exchange", "alternate-exchange"):
        name = definition.get(key)
        if isinstance(name, str) and not is_predeclared(name):
            yield Reference("exchange", (vhost, name), (DEFINITION, key), strict=False)
    for key, kind in (
        ("federation-upstream", "federation_upstream"),
        ("federation-upstream-set", "federation_upstream_set"),
    ):
        name = definition.get(key)
        if isinstance(name, str) and (key, name) != ("federation-upstream-set", "all"):
            yield Reference(kind, (vhost, name), (DEFINITION, key), strict=False)


def _key_problems(
    key: str, value: JsonValue, target: str, context: Context, *, operator: bool
) -> Iterable[Problem]:
    path = (DEFINITION, key)
    known = POLICY_KEYS.get(key)
    if key in _ARGUMENTS_ONLY:
        yield Problem(
            "RMQ071",
            path,
            f"{key} is no policy key, the broker refuses it",
            f"give queues the argument x-{key}",
        )
        return
    if known is None:
        close = closest(key, POLICY_KEYS)
        yield Problem(
            "RMQ071",
            path,
            f"RabbitMQ and its usual plugins have no policy key '{key}'",
            f"did you mean {close}?" if close else "the broker refuses it unless a plugin knows it",
            Severity.WARNING,
        )
        return
    yield from _version_problems(key, known, context, operator=operator)
    if not known.accepts(value) or _is_not_yet(key, value, context):
        yield Problem("RMQ073", path, f"{key} is {value!r}, must be {known.wants}")
    yield from _target_problems(key, known, target, context)


def _is_not_yet(key: str, value: JsonValue, context: Context) -> bool:
    """Tell whether a value is one that only RabbitMQ 4.0 and later take."""
    if not context.before(4, 0):
        return False
    if key == "delivery-limit":  # a negative one is none at all
        return isinstance(value, int) and value < 0
    return key == "queue-master-locator" and value in ("balanced", "least-leaders")


def _version_problems(
    key: str, known: PolicyKey, context: Context, *, operator: bool
) -> Iterable[Problem]:
    path = (DEFINITION, key)
    if known.since and context.before(*known.since):
        yield Problem("RMQ072", path, f"{key} needs RabbitMQ {_text(known.since)}")
    if known.until and context.at_least(*known.until):
        yield Problem(
            "RMQ072",
            path,
            f"{key} is refused by RabbitMQ {_text(known.until)} and later",
            known.replaced_by,
        )
    if (
        key == "queue-master-locator"
        and context.at_least(4, 3)
        and not context.permits("queue_master_locator")
    ):
        yield Problem("RMQ072", path, f"{key} is refused by RabbitMQ 4.3", known.replaced_by)
    if operator and known.operator_since is None:
        yield Problem(
            "RMQ074", path, f"an operator policy cannot have {key}", "use an ordinary policy"
        )
    elif operator and known.operator_since and context.before(*known.operator_since):
        version = _text(known.operator_since)
        yield Problem("RMQ074", path, f"{key} in an operator policy needs RabbitMQ {version}")


def _target_problems(
    key: str, known: PolicyKey, target: str, context: Context
) -> Iterable[Problem]:
    path = (DEFINITION, key)
    queue_type = _OF_TYPE.get(target)
    if queue_type and disqualifies(key, queue_type, context):
        yield Problem(
            "RMQ075",
            path,
            f"a {queue_type} queue does not take {key}: the whole policy applies to nothing",
            f"leave {key} out, or change apply-to",
            Severity.WARNING,
        )
    elif target == "exchanges" and not known.for_exchanges:
        yield Problem("RMQ075", path, f"{key} does nothing for exchanges", None, Severity.WARNING)
    elif target not in ("exchanges", "all") and not known.for_queues:
        yield Problem("RMQ075", path, f"{key} does nothing for queues", None, Severity.WARNING)


def _mirror_problems(definition: Row) -> Iterable[Problem]:
    mode, params = definition.get("ha-mode"), definition.get("ha-params")
    path = (DEFINITION, "ha-params")
    if mode is None:
        for key in definition:
            if key.startswith("ha-"):
                yield Problem("RMQ077", (DEFINITION, key), f"{key} without ha-mode")
    elif mode == "all" and params is not None:
        yield Problem("RMQ077", path, "ha-mode all takes no ha-params", "leave it out")
    elif mode == "exactly" and not (
        isinstance(params, int) and not isinstance(params, bool) and params >= 1
    ):
        yield Problem(
            "RMQ077",
            path if params is not None else (DEFINITION, "ha-mode"),
            f"ha-mode exactly wants ha-params: how many nodes, 1 or more; it is {params!r}",
        )
    elif mode == "nodes" and not (
        isinstance(params, list) and params and all(isinstance(one, str) for one in params)
    ):
        yield Problem(
            "RMQ077",
            path if params is not None else (DEFINITION, "ha-mode"),
            f"ha-mode nodes wants ha-params: a list of names of nodes; it is {params!r}",
        )


def _combination_problems(definition: Row) -> Iterable[Problem]:
    federation = [key for key in _FEDERATION if key in definition]
    for key in federation[1:]:
        yield Problem(
            "RMQ077", (DEFINITION, key), f"{federation[0]} and {key} exclude each other", "keep one"
        )
    if "routing-key" in definition and "shards-per-node" not in definition:
        yield Problem("RMQ077", (DEFINITION, "routing-key"), "routing-key without shards-per-node")
    retry, low = definition.get("delayed-retry-type"), definition.get("delayed-retry-min")
    if retry not in (None, "disabled") and low is None:
        yield Problem(
            "RMQ077",
            (DEFINITION, "delayed-retry-type"),
            f"delayed-retry-type {retry} wants delayed-retry-min",
        )
    high = definition.get("delayed-retry-max")
    if isinstance(low, int) and isinstance(high, int) and high < low:
        yield Problem(
            "RMQ077",
            (DEFINITION, "delayed-retry-max"),
            f"delayed-retry-max {high} is less than delayed-retry-min {low}",
        )


def _text(version: Version) -> str:
    major, minor, patch = version
    return f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"
