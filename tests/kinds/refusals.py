"""
Entries of which some are refused by some generations: what is an error here and there must agree.

An unknown name is left out where it is only a warning here, since a plugin may know it.
"""

from collections.abc import Iterator
from typing import Any

V = "/"
Case = tuple[str, dict[str, Any]]

_POLICY_VALUES: dict[str, list[Any]] = {
    "alternate-exchange": ["x", 1],
    "dead-letter-exchange": ["x", ""],
    "dead-letter-routing-key": ["x"],
    "dead-letter-strategy": ["at-least-once", "x"],
    "message-ttl": [0, -1, 1.5, 2**40],
    "expires": [1, 0],
    "max-length": [0, -1],
    "max-length-bytes": [0, -1],
    "max-in-memory-length": [0, -1],
    "max-in-memory-bytes": [1],
    "overflow": ["reject-publish", "reject-publish-dlx", "zz"],
    "delivery-limit": [3, -1, 1.5],
    "queue-mode": ["lazy", "default", "x"],
    "queue-version": [1, 2, 3],
    "max-age": ["7D", "7", "7W", "1h"],
    "stream-max-segment-size-bytes": [0, 3_000_000_000, 3_000_000_001],
    "stream-filter-size-bytes": [16, 15, 255, 256],
    "initial-cluster-size": [0, -1, 3],
    "queue-leader-locator": ["balanced", "client-local", "random", "least-leaders", "min-masters"],
    "queue-master-locator": ["min-masters", "client-local", "balanced", "least-leaders", "zz"],
    "consumer-timeout": [0, -1],
    "consumer-disconnected-timeout": [0, -1],
    "target-group-size": [1, 0],
    "federation-upstream": ["u", 1],
    "federation-upstream-set": ["all"],
    "federation-upstream-pattern": ["a.*", "("],
    "shards-per-node": [0, 1, 1.5, -1],
    "max-priority": [3],
    "single-active-consumer": [True],
    "ha-mode": ["all", "some"],
}
_DEFINITIONS: list[dict[str, Any]] = [
    {},
    {"routing-key": "1"},
    {"routing-key": "1", "shards-per-node": 2},
    {"federation-upstream": "a", "federation-upstream-set": "b"},
    {"federation-upstream": "a", "federation-upstream-pattern": "b"},
    {"delayed-retry-type": "all"},
    {"delayed-retry-type": "all", "delayed-retry-min": 5},
    {"delayed-retry-type": "disabled"},
    {"delayed-retry-type": "nope", "delayed-retry-min": 5},
    {"delayed-retry-min": 5, "delayed-retry-max": 4},
    {"delayed-retry-min": 5, "delayed-retry-max": 6},
    {"delayed-retry-min": 0},
    {"delayed-retry-max": 6},
    {"ha-sync-mode": "automatic"},
    {"ha-mode": "exactly"},
    {"ha-mode": "exactly", "ha-params": 2},
    {"ha-mode": "exactly", "ha-params": 0},
    {"ha-mode": "nodes"},
    {"ha-mode": "nodes", "ha-params": ["a@b"]},
    {"ha-mode": "nodes", "ha-params": []},
    {"ha-mode": "all", "ha-params": 1},
    *(
        {"ha-mode": "all", key: value}
        for key, value in (
            ("ha-sync-mode", "manual"),
            ("ha-sync-mode", "x"),
            ("ha-sync-batch-size", 1),
            ("ha-sync-batch-size", 0),
            ("ha-promote-on-shutdown", "always"),
            ("ha-promote-on-failure", "when-synced"),
            ("ha-promote-on-failure", "z"),
        )
    ),
]
_TARGETS = ["queues", "exchanges", "classic_queues", "quorum_queues", "streams"]


def _policies() -> Iterator[Case]:
    definitions = [{key: value} for key, values in _POLICY_VALUES.items() for value in values]
    for kind in ("policy", "operator_policy"):
        base = {"vhost": V, "name": "k_p", "pattern": "k_none"}
        for definition in (*definitions, *_DEFINITIONS):
            yield kind, {**base, "definition": definition}
        for target in _TARGETS:
            yield kind, {**base, "definition": {"max-length": 1}, "apply-to": target}
        for pattern in ("(", "a{2,1}", "(?<!a)b", "", "^\\Q.\\E", "[[:alpha:]]", "\\p{L}"):
            yield kind, {**base, "definition": {"max-length": 1}, "pattern": pattern}


_SHOVEL_091 = {
    "src-uri": "amqp://127.0.0.1:1",
    "src-queue": "k_a",
    "dest-uri": "amqp://127.0.0.1:1",
    "dest-queue": "k_b",
}
_SHOVEL_10 = {
    "src-protocol": "amqp10",
    "src-uri": "amqp://127.0.0.1:1",
    "src-address": "/queue/k_a",
    "dest-protocol": "amqp10",
    "dest-uri": "amqp://127.0.0.1:1",
    "dest-address": "/queue/k_b",
}
_SHOVEL_LOCAL = {**_SHOVEL_091, "src-protocol": "local", "dest-protocol": "local"}
_SHOVEL_FIELDS: list[dict[str, Any]] = [
    {},
    {"src-exchange-key": "k"},
    {"src-queue-args": {"x-queue-type": "classic"}},
    {"src-queue-args": {"x-queue-type": "quorum", "x-delivery-limit": 5}},
    {"dest-queue-args": {"x-max-length": 5, "x-consumer-timeout": 5}},
    {"src-prefetch-count": 5},
    {"src-prefetch-count": -1},
    {"src-prefetch-count": "5"},
    {"prefetch-count": 5},
    {"delete-after": "never"},
    *({"src-delete-after": after} for after in ("never", "queue-length", 10, -1, "x", 1.5)),
    {"src-delete-after": 5, "ack-mode": "no-ack"},
    {"src-delete-after": "queue-length", "ack-mode": "no-ack"},
    {"src-delete-after-duration": 100000},
    {"src-consumer-args": {"x-priority": 1}},
    {"src-consumer-name": "me"},
    {"src-predeclared": False},
    {"dest-predeclared": False},
    {"dest-queue-args": {"x-queue-type": "classic"}},
    {"dest-exchange-key": "k"},
    {"dest-add-forward-headers": True},
    {"dest-add-forward-headers": "true"},
    {"add-forward-headers": True},
    {"dest-add-timestamp-header": True},
    {"add-timestamp-header": True},
    {"dest-publish-properties": {"delivery_mode": 2}},
    {"dest-publish-properties": {"delivery_mode": "2"}},
    {"dest-publish-properties": {"headers": {"a": 1}}},
    {"publish-properties": {"app_id": "x"}},
    {"dest-properties": {"user_id": "x"}},
    {"dest-application-properties": {"a": "b"}},
    {"dest-application-properties": {"a": 1}},
    {"dest-message-annotations": {"a": "b"}},
    {"ack-mode": "no-ack"},
    {"ack-mode": "zz"},
    {"reconnect-delay": 1.5},
    {"reconnect-delay": -1},
    {"internal": False},
    {"internal_owner": {}},
    {"src-address": "/queue/x"},
    {"dest-address": "/queue/x"},
    {"src-queue": "k_a"},
    {"dest-queue": "k_b"},
    {"src-queue": 5},
    {"src-exchange": "amq.topic"},
    {"dest-exchange": "amq.topic"},
    {"src-uri": ["amqp://127.0.0.1:1"]},
    {"src-uri": []},
    {"src-uri": ""},
    {"src-uri": 5},
    {"src-uri": "http://x"},
    {"src-uri": "AMQP://127.0.0.1:1"},
    {"src-protocol": "amqp091"},
    {"dest-protocol": "amqp091"},
    {"src-protocol": "zz"},
]


def _shovels() -> Iterator[Case]:
    for base in (_SHOVEL_091, _SHOVEL_10, _SHOVEL_LOCAL):
        for more in _SHOVEL_FIELDS:
            yield "shovel", {"vhost": V, "name": "k_s", **base, **more}
        for name in ("src-queue", "dest-queue", "src-address", "dest-address"):
            less = {field: value for field, value in base.items() if field != name}
            yield "shovel", {"vhost": V, "name": "k_s", **less}


def _upstreams() -> Iterator[Case]:
    values: list[tuple[str, list[Any]]] = [
        ("exchange", ["e", "", 5]),
        ("queue", ["q"]),
        ("consumer-tag", ["t"]),
        ("prefetch-count", [5, 5.0, -5, "5"]),
        ("reconnect-delay", [1, 0, -1]),
        ("ack-mode", ["on-publish", "z"]),
        ("trust-user-id", [True, "true"]),
        ("max-hops", [2, 0, -1]),
        ("expires", [1, 0]),
        ("message-ttl", [0, "0"]),
        ("bind-nowait", [True]),
        ("resource-cleanup-mode", ["never", "z"]),
        ("channel-use-mode", ["single", "z"]),
        ("queue-type", ["quorum", "stream"]),
        ("ha-policy", ["all"]),
        ("uri", [["amqp://", "amqps://h"], [], "", 5, "http://"]),
    ]
    for name, found in values:
        for value in found:
            whole = {"vhost": V, "name": "k_f", "uri": "amqp://127.0.0.1:1", name: value}
            yield "federation_upstream", whole
            if name != "uri":
                member = {"upstream": "k_f", name: value}
                yield "federation_upstream_set", _set([member])
    for members in ([], [{"upstream": 5}], [{}], [{"upstream": "a", "uri": "amqp://"}], ["a"]):
        yield "federation_upstream_set", _set(members)


def _set(members: list[Any]) -> dict[str, Any]:
    return {"vhost": V, "name": "k_f", "upstreams": members}


_ARGUMENT_VALUES: dict[str, list[Any]] = {
    "x-message-ttl": [0, -1, 315_360_000_000, 315_360_000_001, "5", 1.5],
    "x-expires": [1, 0, 315_360_000_001],
    "x-max-length": [0, -1, 1.5, "1", 2**63],
    "x-max-length-bytes": [0, -1],
    "x-overflow": ["drop-head", "reject-publish", "reject-publish-dlx", "z"],
    "x-dead-letter-exchange": ["", "a", 5],
    "x-dead-letter-routing-key": ["a"],
    "x-dead-letter-strategy": ["at-most-once", "at-least-once", "z"],
    "x-max-priority": [0, 255, 256, -1],
    "x-single-active-consumer": [True, False, "true"],
    "x-queue-mode": ["lazy", "default", "z"],
    "x-queue-version": [1, 2, 3],
    "x-queue-master-locator": ["min-masters", "client-local", "random", "zz", "balanced"],
    "x-queue-leader-locator": [
        "client-local",
        "balanced",
        "random",
        "least-leaders",
        "min-masters",
        "zz",
    ],
    "x-delivery-limit": [5, -1, "a"],
    "x-quorum-initial-group-size": [1, 0],
    "x-quorum-target-group-size": [1, "a"],
    "x-max-in-memory-length": [0, -1],
    "x-max-in-memory-bytes": [0],
    "x-max-age": ["7D", "7", "7W", 5],
    "x-stream-max-segment-size-bytes": [0, 1, 3_000_000_000, 3_000_000_001, -1],
    "x-stream-filter-size-bytes": [16, 255, 15, 256],
    "x-initial-cluster-size": [1, 0],
    "x-consumer-timeout": [0, 5, -1, "a"],
    "x-consumer-disconnected-timeout": [0, -1, "a"],
    "x-delayed-retry-type": ["all", "zz", "disabled"],
    "x-delayed-retry-min": [1, 0, "a"],
    "x-delayed-retry-max": [1],
    "own": [{"a": 1}, [1, "a"], 1.5, None],
}


def _queues() -> Iterator[Case]:
    base = {"vhost": V, "name": "k_q"}
    for kind in ("classic", "quorum", "stream"):
        for name, values in _ARGUMENT_VALUES.items():
            for value in values:
                yield "queue", {**base, "arguments": {"x-queue-type": kind, name: value}}
        for more in ({"durable": False}, {"auto_delete": True}):
            yield "queue", {**base, "arguments": {"x-queue-type": kind}, **more}
    for kind in ("zz", ""):
        yield "queue", {**base, "arguments": {"x-queue-type": kind}}
    dead = {"x-dead-letter-exchange": "a", "x-dead-letter-routing-key": "b"}
    yield "queue", {**base, "arguments": dead}
    for name in ("q" * 255, "q" * 256, "amq.k"):
        yield "queue", {**base, "name": name}


def _exchanges() -> Iterator[Case]:
    base = {"vhost": V, "name": "k_e"}
    for kind in ("direct", "fanout", "topic", "headers", "x-random", "x-local-random", ""):
        yield "exchange", {**base, "type": kind}
    for kind, arguments in (
        ("x-consistent-hash", {"hash-header": "a"}),
        ("x-consistent-hash", {"hash-property": "message_id"}),
        ("x-consistent-hash", {"hash-property": "zz"}),
        ("x-consistent-hash", {"hash-header": "a", "hash-property": "message_id"}),
        ("x-consistent-hash", {"hash-header": 5}),
        ("x-recent-history", {"x-recent-history-length": 1}),
        ("x-recent-history", {"x-recent-history-length": 0}),
        ("x-recent-history", {"x-recent-history-length": "a"}),
        ("topic", {"alternate-exchange": "x"}),
        ("topic", {"alternate-exchange": ""}),
        ("topic", {"alternate-exchange": 5}),
        ("topic", {"own": None}),
        ("topic", {"own": 1}),
    ):
        yield "exchange", {**base, "type": kind, "arguments": arguments}
    yield "exchange", {**base, "name": "amq.k", "type": "topic"}


def _bindings() -> Iterator[Case]:
    base = {"vhost": V, "destination": "amq.fanout", "destination_type": "exchange"}
    for match in ("all", "any", "all-with-x", "any-with-x", "zz", 5):
        yield "binding", {**base, "source": "amq.headers", "arguments": {"x-match": match}}
    for arguments in ({"own": None}, {"own": [1]}):
        yield "binding", {**base, "source": "amq.headers", "arguments": arguments}
    yield "binding", {**base, "source": ""}


def _access() -> Iterator[Case]:
    hashed = {"name": "k_u", "tags": [], "password_hash": ""}
    for more in (
        {},
        {"tags": ["x"] * 2},
        {"tags": [f"t{number}" for number in range(33)]},
        {"hashing_algorithm": "rabbit_password_hashing_sha512"},
        {"password_hash": "AAAA"},
        {"password_hash": "AAAA", "hashing_algorithm": "my_hashing"},
        {"password_hash": "plain", "hashing_algorithm": "my_hashing"},
        {"password_hash": "a b"},
    ):
        yield "user", {**hashed, **more}
    for pattern in ("(", "", "a{2,1}", "^(?!a)", "x" * 1024, "x" * 1025):
        rights = {"configure": pattern, "write": "", "read": ""}
        yield "permission", {"vhost": V, "user": "admin", **rights}
        topic = {"exchange": "amq.topic", "write": "", "read": pattern}
        yield "topic_permission", {"vhost": V, "user": "admin", **topic}


def _vhosts() -> Iterator[Case]:
    for default in ("classic", "quorum", "stream"):
        yield "vhost", {"name": "k_w", "default_queue_type": default}
    yield "vhost", {"name": "k_w", "protected_from_deletion": True}
    yield "vhost_limit", {"vhost": V, "max-connections": 0, "max-queues": 2**31}


CASES: dict[str, list[Case]] = {
    "policies": list(_policies()),
    "shovels": list(_shovels()),
    "upstreams": list(_upstreams()),
    "queues": list(_queues()),
    "exchanges": list(_exchanges()),
    "bindings": list(_bindings()),
    "access": list(_access()),
    "vhosts": list(_vhosts()),
}
