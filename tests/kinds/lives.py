"""
Lives of objects: entries of one object one after the other, for each kind and every field.

What a generation lacks is left out of its lives by `since` and `before`. What must be there first
is in `needs`: entries by kind, in the order they are made.
"""

from dataclasses import dataclass
from typing import Any

V = "k_v"
SECRETS = {
    "first": "the first password",
    "second": "the second password",
    "uri_a": "amqp://me:pw@127.0.0.1:1/%2F",
    "uri_b": "amqp://me:other@127.0.0.1:1/%2F",
}
SHA512 = "rabbit_password_hashing_sha512"
MD5 = "rabbit_password_hashing_md5"
SHA256 = "rabbit_password_hashing_sha256"
HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
MD5_HASH = "AQIDBN4qdpi6Jz9WZ8PBw2TFod0="
SHA512_HASH = "AQIDBEs2" + "A" * 83 + "="

OLDEST, NEWEST = (0, 0, 0), (99, 0, 0)


@dataclass(frozen=True)
class Life:
    kind: str
    name: str
    steps: tuple[dict[str, Any], ...]
    """Each differs from the one before, by what the broker holds then."""
    needs: tuple[tuple[str, dict[str, Any]], ...] = ()
    since: tuple[int, ...] = OLDEST
    before: tuple[int, ...] = NEWEST
    by_import: bool = True
    """An import makes the same of the first step as the calls do."""


_VHOST = ("vhost", {"name": V})
_USER = ("user", {"name": "k_u", "tags": [], "password_hash": HASH})


def _life(kind: str, name: str, *steps: dict[str, Any], **more: Any) -> Life:
    return Life(kind, name, steps, **more)


def _in_vhost(kind: str, name: str, *steps: dict[str, Any], **more: Any) -> Life:
    needs = (_VHOST, *more.pop("needs", ()))
    whole = tuple({"vhost": V, "name": "k_one", **step} for step in steps)
    return Life(kind, name, whole, needs, **more)


_A = {"src-uri": "amqp://127.0.0.1:1", "dest-uri": "amqp://127.0.0.1:1"}
_QUEUES = {**_A, "src-queue": "k_a", "dest-queue": "k_b"}
_TEN = {
    **_A,
    "src-protocol": "amqp10",
    "src-address": "/queue/k_a",
    "dest-protocol": "amqp10",
    "dest-address": "/queue/k_b",
}
_P = {"pattern": "^k_none", "definition": {"max-length": 5}}

LIVES = (
    _life(
        "vhost",
        "all fields",
        {"name": V},
        {"name": V, "description": "订单 & more"},
        {"name": V, "tags": ["b", "a"]},
        {"name": V, "tags": "c, a"},
        {"name": V, "tracing": True},
        {"name": V, "description": "", "tags": [], "tracing": False},
        {"name": V, "metadata": {"description": "from metadata", "tags": ["x"], "unknown": 1}},
    ),
    _life(
        "vhost",
        "default queue type, made with it",
        {"name": V, "default_queue_type": "quorum", "description": "d", "tags": ["a"]},
        {"name": V, "description": "e"},
    ),
    _life(
        "vhost",
        "default queue type, changed",
        {"name": V, "default_queue_type": "quorum", "description": "d", "tags": ["a"]},
        {"name": V, "description": "e"},
        {"name": V, "metadata": {"default_queue_type": "stream"}},
        since=(3, 11),
    ),
    _life(
        "vhost",
        "protection",
        {"name": V, "protected_from_deletion": True, "description": "d"},
        {"name": V, "description": "e"},
        {"name": V, "protected_from_deletion": False, "default_queue_type": "stream"},
        since=(4, 0, 6),
    ),
    _life(
        "vhost", "odd name", {"name": "k/ü %2F#?&+~"}, {"name": "k/ü %2F#?&+~", "description": "x"}
    ),
    _life(
        "vhost_limit",
        "each limit",
        {"vhost": V, "max-connections": 5},
        {"vhost": V, "max-connections": 0, "max-queues": 7},
        {"vhost": V, "max-queues": 7},
        {"vhost": V, "value": {"max-connections": 1, "max-queues": -1}},
        needs=(_VHOST,),
    ),
    _life(
        "user",
        "passwords by secret",
        {"name": "k_u", "tags": "monitoring, management", "password": {"secret": "first"}},
        {"name": "k_u", "tags": ["management"], "password": {"secret": "first"}},
        {"name": "k_u", "tags": ["management"], "password": {"secret": "second"}},
        {"name": "k_u", "tags": ["administrator", "own"], "password": {"secret": "unset"}},
        {"name": "k_u", "tags": []},
    ),
    _life(
        "user",
        "hashes",
        {"name": "k_u", "tags": [], "password_hash": HASH},
        {"name": "k_u", "tags": [], "password_hash": MD5_HASH, "hashing_algorithm": MD5},
        {"name": "k_u", "tags": ["a"], "password_hash": SHA512_HASH, "hashing_algorithm": SHA512},
        {"name": "k_u", "tags": ["a", "b"]},
        {"name": "k_u", "tags": ["a", "b"], "password_hash": ""},
        {"name": "k_u", "tags": ["b"], "password_hash": ""},
        {"name": "k_u", "tags": ["b"], "password": {"secret": "first"}},
    ),
    _life(
        "user_limit",
        "each limit",
        {"user": "k_u", "max-connections": 5},
        {"user": "k_u", "max-connections": 0, "max-channels": 7},
        {"user": "k_u", "max-channels": 7},
        {"user": "k_u", "max-connections": 3, "max-channels": -1},
        needs=(_USER,),
        by_import=False,
    ),
    _life(
        "permission",
        "each right",
        {"vhost": V, "user": "k_u", "configure": "", "write": "^a", "read": ".*"},
        {"vhost": V, "user": "k_u", "configure": "^(?!b)", "write": "", "read": "订"},
        needs=(_VHOST, _USER),
    ),
    _life(
        "topic_permission",
        "own exchange",
        {"vhost": V, "user": "k_u", "exchange": "k_x", "write": "^a", "read": ""},
        {"vhost": V, "user": "k_u", "exchange": "k_x", "write": "", "read": "{username}"},
        needs=(_VHOST, _USER, ("exchange", {"vhost": V, "name": "k_x", "type": "topic"})),
    ),
    _life(
        "topic_permission",
        "predeclared exchange",
        {"vhost": V, "user": "k_u", "exchange": "amq.topic", "write": "^a", "read": "^b"},
        {"vhost": V, "user": "k_u", "exchange": "amq.topic", "write": "^a", "read": "^c"},
        needs=(_VHOST, _USER),
    ),
    *(
        _life(
            "global_parameter",
            f"value {value!r}",
            {"name": "k_g", "value": value},
            {"name": "k_g", "value": {"uri": {"secret": "uri_a"}, "list": [1, 1.5, {}]}},
            {"name": "k_g", "value": {"uri": {"secret": "uri_b"}, "list": [1, 1.5, {}]}},
        )
        for value in (True, 0, 2**70, -1.5, "", [], {}, ["a", {"b": []}])
    ),
    _life(
        "global_parameter",
        "name of the cluster",
        {"name": "cluster_name", "value": "one"},
        {"name": "cluster_name", "value": "two"},
    ),
    _in_vhost(
        "policy",
        "all fields",
        _P,
        {**_P, "pattern": "^订|(?<!a)b"},
        {**_P, "apply-to": "queues"},
        {**_P, "apply-to": "exchanges", "definition": {"alternate-exchange": "ü"}},
        {**_P, "priority": 7},
        {**_P, "priority": -1.5},
        {**_P, "priority": 3.0, "definition": {"max-length": 5, "message-ttl": 0}},
    ),
    _in_vhost(
        "policy",
        "types of queues",
        {**_P, "apply-to": "classic_queues"},
        {**_P, "apply-to": "quorum_queues"},
        {**_P, "apply-to": "streams", "definition": {"max-age": "7D"}},
        since=(3, 12),
    ),
    _in_vhost(
        "policy",
        "mirrors",
        {**_P, "definition": {"ha-mode": "all"}},
        {**_P, "definition": {"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"}},
        {**_P, "definition": {"ha-mode": "nodes", "ha-params": ["rabbit@a"]}},
        before=(4, 0),
    ),
    _in_vhost(
        "operator_policy",
        "all fields",
        _P,
        {**_P, "apply-to": "queues", "priority": 2},
        {"value": {**_P, "definition": {"expires": 1000}, "priority": 1.5, "apply-to": "all"}},
    ),
    _in_vhost(
        "exchange",
        "topic",
        {"type": "topic", "arguments": {"alternate-exchange": "amq.fanout"}},
    ),
    _in_vhost("exchange", "internal", {"type": "fanout", "internal": True, "durable": False}),
    _in_vhost(
        "exchange",
        "consistent hash",
        {"type": "x-consistent-hash", "arguments": {"hash-header": "h"}, "auto_delete": True},
    ),
    _in_vhost("exchange", "sharding", {"type": "x-modulus-hash"}),
    _in_vhost("exchange", "local random", {"type": "x-local-random"}, since=(4, 0)),
    _in_vhost("queue", "untyped", {}),
    _in_vhost(
        "queue",
        "classic",
        {
            "durable": True,
            "auto_delete": True,
            "arguments": {"x-queue-type": "classic", "x-max-priority": 5, "x-expires": 2**31},
        },
    ),
    _in_vhost(
        "queue",
        "quorum",
        {"arguments": {"x-queue-type": "quorum", "x-single-active-consumer": True, "own": [1.0]}},
    ),
    _in_vhost("queue", "stream", {"type": "stream", "arguments": {"x-max-age": "7D"}}),
    *(
        Life(
            "binding",
            name,
            ({"vhost": V, "source": "amq.headers", **binding},),
            (
                _VHOST,
                ("queue", {"vhost": V, "name": "k_q"}),
                ("exchange", {"vhost": V, "name": "k_x", "type": "fanout"}),
            ),
        )
        for name, binding in (
            ("plain", {"destination": "k_q"}),
            ("odd key", {"destination": "k_q", "routing_key": "a/ ~%2F+ü.#"}),
            ("null", {"destination": "k_q", "routing_key": "null"}),
            (
                "undefined and arguments",
                {"destination": "k_q", "routing_key": "undefined", "arguments": {"n": 1}},
            ),
            (
                "arguments",
                {"destination": "k_q", "arguments": {"x-match": "any", "n": 1, "f": 1.5}},
            ),
            (
                "nested arguments",
                {"destination": "k_q", "routing_key": "k", "arguments": {"t": {"a": [True, "x"]}}},
            ),
            ("exchange", {"destination_type": "exchange", "destination": "k_x"}),
        )
    ),
    _in_vhost(
        "federation_upstream",
        "one by one",
        {"uri": {"secret": "uri_a"}},
        {"uri": {"secret": "uri_b"}},
        {"uri": ["amqp://127.0.0.1:1", {"secret": "uri_a"}]},
        *(
            {"uri": "amqp://127.0.0.1:1", **one}
            for one in (
                {"exchange": "e", "queue": "q"},
                {"consumer-tag": "me", "prefetch-count": 5},
                {"reconnect-delay": 1.5, "ack-mode": "no-ack"},
                {"trust-user-id": True, "max-hops": 2},
                {"expires": 3600000, "message-ttl": 0},
                {"bind-nowait": True, "resource-cleanup-mode": "never"},
                {"channel-use-mode": "single"},
                {"value": {"ack-mode": "on-publish"}},
            )
        ),
    ),
    _in_vhost(
        "federation_upstream",
        "type of the buffer",
        {"uri": "amqp://127.0.0.1:1", "queue-type": "quorum"},
        {"uri": "amqp://127.0.0.1:1"},
        since=(3, 13, 1),
    ),
    _in_vhost(
        "federation_upstream",
        "mirrored buffer",
        {"uri": "amqp://127.0.0.1:1", "ha-policy": "all"},
        {"uri": "amqp://127.0.0.1:1"},
        before=(3, 13, 1),
    ),
    _in_vhost(
        "federation_upstream_set",
        "members",
        {"upstreams": [{"upstream": "a"}]},
        {"upstreams": [{"upstream": "b", "max-hops": 3}, {"upstream": "a"}]},
        {"upstreams": [{"upstream": "a"}, {"upstream": "b", "max-hops": 3}]},
        {"value": [{"upstream": "a", "ack-mode": "no-ack", "exchange": "x"}]},
        {"upstreams": []},
    ),
    _in_vhost(
        "shovel",
        "queues",
        _QUEUES,
        {**_QUEUES, "src-uri": {"secret": "uri_a"}, "dest-uri": [{"secret": "uri_b"}]},
        {**_QUEUES, "src-uri": {"secret": "uri_b"}, "dest-uri": [{"secret": "uri_b"}]},
        {**_QUEUES, "src-prefetch-count": 5, "src-delete-after": 7},
        {**_QUEUES, "prefetch-count": 6, "delete-after": "queue-length"},
        {**_QUEUES, "ack-mode": "on-publish", "reconnect-delay": 1.5},
        {**_QUEUES, "src-queue-args": {"x-queue-type": "quorum"}, "dest-queue-args": {}},
        {**_QUEUES, "src-consumer-args": {"x-priority": 1}},
        {**_QUEUES, "dest-add-forward-headers": True, "dest-add-timestamp-header": True},
        {**_QUEUES, "dest-publish-properties": {"delivery_mode": 2, "expiration": "5"}},
        {**_QUEUES, "publish-properties": {"app_id": "x"}, "src-protocol": "amqp091"},
    ),
    _in_vhost(
        "shovel",
        "exchanges",
        {**_A, "src-exchange": "amq.topic", "src-exchange-key": "a.#"},
        {**_A, "src-exchange": "amq.topic", "dest-exchange": "amq.fanout"},
        {**_A, "src-exchange": "amq.topic", "dest-exchange": "", "dest-exchange-key": "k"},
    ),
    _in_vhost(
        "shovel",
        "AMQP 1.0",
        _TEN,
        {**_TEN, "src-prefetch-count": 5, "dest-add-forward-headers": True},
        {**_TEN, "dest-application-properties": {"a": "b"}, "dest-properties": {"subject": "x"}},
        {**_TEN, "dest-message-annotations": {"a": "b"}, "src-delete-after": 100},
        {**_TEN, "dest-add-timestamp-header": True},
    ),
    _in_vhost(
        "shovel",
        "predeclared",
        {**_QUEUES, "src-predeclared": True, "dest-predeclared": True},
        _QUEUES,
        since=(4, 0),
    ),
    _in_vhost(
        "shovel",
        "local",
        {**_QUEUES, "src-protocol": "local", "dest-protocol": "local"},
        {**_QUEUES, "src-consumer-name": "me", "src-delete-after-duration": 100000},
        since=(4, 3, 5),
    ),
    # No component but the typed ones takes parameters here: one of them in its raw form.
    _in_vhost(
        "parameter",
        "raw",
        {"component": "federation-upstream", "value": {"uri": {"secret": "uri_a"}}},
        {"component": "federation-upstream", "value": {"uri": {"secret": "uri_b"}}},
        {"component": "federation-upstream", "value": {"uri": "amqp://x", "max-hops": 2}},
    ),
)
