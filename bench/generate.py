"""
Definitions of any size and a realistic shape, as layers of YAML and as one document for the broker.

A company with a few vhosts, in each of them business entities with their exchanges, hundreds of
queues of consuming services, and four bindings to a queue; a second layer changes some of it for
one site. The same size gives the same definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.yamltext import yaml_text

Item = dict[str, Any]

VHOSTS = ("common", "sales", "logistics", "finance", "service", "partners", "audit", "archive")
ENTITIES = (
    "order",
    "invoice",
    "delivery",
    "payment",
    "customer",
    "product",
    "stock",
    "shipment",
    "return",
    "price",
    "account",
    "contract",
    "ticket",
    "message",
    "document",
    "event",
)
SERVICES = ("crm", "erp", "mail", "search", "billing", "warehouse", "reports", "webshop")
BLOCK = 500
"""Queues and bindings of one entity in one vhost, and so in one file."""
BINDINGS = 4
"""To each queue."""
LAYERS = ("base", "sites/north")

# salted SHA-256 hashes of different words, as the broker would store them
_HASHES = (
    "zLFc5Kkxo7HUFIqrqxDjnKRYDXIuY8UVYoyNPDHwE9xkBfUD",
    "1u3hUgmdZEuAyZ3xm2m9TvVr0Yd8p7Vtf0wPpJXbKDgw2Gdl",
)


@dataclass(slots=True)
class Generated:
    """One set of definitions, written in two ways."""

    files: dict[str, str] = field(default_factory=dict)
    """YAML by path, in the folders of `LAYERS`."""
    document: dict[str, list[Item]] = field(default_factory=dict)
    """What the files compile to, every field written out, as `POST /api/definitions` takes it."""

    @property
    def objects(self) -> int:
        return sum(map(len, self.document.values()))

    @property
    def yaml_bytes(self) -> int:
        return sum(len(text.encode()) for text in self.files.values())


def generate(objects: int) -> Generated:
    """Return definitions with `objects` queues and bindings, and what goes with them."""
    made = Generated(document={section: [] for section in _SECTIONS})
    queues = objects // (1 + BINDINGS)
    blocks = max(1, round(objects / BLOCK))
    vhosts = VHOSTS[: max(1, min(len(VHOSTS), blocks // 4))]
    _vhosts(made, vhosts)
    _users(made, vhosts)
    _policies(made, vhosts)
    overrides: dict[str, list[Item]] = {vhost: [] for vhost in vhosts}
    for number in range(blocks):
        vhost = vhosts[number % len(vhosts)]
        turn, which = divmod(number // len(vhosts), len(ENTITIES))
        entity = ENTITIES[which] + (str(turn + 1) if turn else "")
        first, end = number * queues // blocks, (number + 1) * queues // blocks
        _block(made, vhost, entity, range(first, end), overrides[vhost], nested=number % 2 == 1)
    for vhost, found in overrides.items():
        _site(made, vhost, found)
    return made


# in an order in which a broker can take them one after the other
_SECTIONS = (
    "vhosts",
    "users",
    "permissions",
    "parameters",
    "policies",
    "exchanges",
    "topic_permissions",
    "queues",
    "bindings",
)


def _vhosts(made: Generated, vhosts: tuple[str, ...]) -> None:
    entries = []
    for name in vhosts:
        about = {"description": f"Everything of {name}", "tags": [name]}
        entries.append({"name": name, **about, "limits": {"max-connections": 5000}})
        made.document["vhosts"].append({"name": name, **about, "metadata": about})
        limits = {"component": "vhost-limits", "name": "limits", "vhost": name}
        made.document["parameters"].append({**limits, "value": {"max-connections": 5000}})
    made.files["base/vhosts.yaml"] = yaml_text({"vhosts": entries})


def _users(made: Generated, vhosts: tuple[str, ...]) -> None:
    entries = []
    for vhost in vhosts:
        for number, service in enumerate(SERVICES):
            name = f"{vhost}-{service}"
            user = {
                "name": name,
                "password_hash": _HASHES[number % 2],
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["monitoring"] if number == 0 else [],
            }
            rights = {"configure": "", "write": r"^ex\.", "read": rf"^qu\.[a-z0-9]+\.{service}\."}
            topic = {"exchange": "ex.order.topic", "write": r"^order\.", "read": ".*"}
            entry = {**user, "permissions": [{"vhost": vhost, **rights}]}
            made.document["users"].append({**user, "limits": {}})
            made.document["permissions"].append({"user": name, "vhost": vhost, **rights})
            if number % 2:
                entry["topic_permissions"] = [{"vhost": vhost, **topic}]
                made.document["topic_permissions"].append({"user": name, "vhost": vhost, **topic})
            entries.append(entry)
    made.files["base/users.yaml"] = yaml_text({"users": entries})


def _policies(made: Generated, vhosts: tuple[str, ...]) -> None:
    for vhost in vhosts:
        policies = [
            {
                "name": f"{service}-backlog",
                "pattern": rf"^qu\.[a-z0-9]+\.{service}\.",
                "apply-to": "queues",
                "definition": {"max-length": 200_000, "overflow": "reject-publish"},
                "priority": number,
            }
            for number, service in enumerate(SERVICES)
        ]
        operator = {
            "name": "no-endless-queues",
            "pattern": ".*",
            "apply-to": "queues",
            "definition": {"max-length-bytes": 2_000_000_000},
            "priority": 0,
        }
        made.document["policies"] += [{"vhost": vhost, **policy} for policy in policies]
        value = {n: v for n, v in operator.items() if n != "name"}
        made.document["parameters"].append(
            {
                "component": "operator_policy",
                "vhost": vhost,
                "name": operator["name"],
                "value": value,
            }
        )
        made.files[f"base/{vhost}/policies.yaml"] = yaml_text(
            {"vhost": vhost, "policies": policies, "operator_policies": [operator]}
        )


def _block(
    made: Generated,
    vhost: str,
    entity: str,
    numbers: range,
    overrides: list[Item],
    *,
    nested: bool,
) -> None:
    """One entity in one vhost; `nested` says where its bindings are written."""
    topic, dead, headers = (f"ex.{entity}.{role}" for role in ("topic", "dead", "headers"))
    exchanges: list[Item] = [
        {"name": topic, "type": "topic"},
        {"name": dead, "type": "fanout"},
        {"name": headers, "type": "headers", "arguments": {"alternate-exchange": dead}},
    ]
    queues: list[Item] = []
    bindings: list[Item] = []
    for number in numbers:
        service = SERVICES[number % len(SERVICES)]
        queue: Item = {"name": f"qu.{entity}.{service}.{number:04}"}
        arguments = _arguments(number, dead)
        own = [
            {"source": source, "destination": queue["name"], **binding}
            for source, binding in _bindings(entity, service, number, topic, headers)
        ]
        if arguments:
            queue["arguments"] = arguments
        if nested:
            queue["bindings"] = [_under_queue(binding) for binding in own]
        queues.append(queue)
        bindings += own
        merged = dict(arguments)
        if number % 20 == 0:
            overrides.append({"name": queue["name"], "arguments": {"x-max-length": 50_000}})
            merged["x-max-length"] = 50_000
        made.document["queues"].append(_whole(vhost, {**queue, "arguments": merged}))
    made.document["exchanges"] += [
        {"internal": False, **_whole(vhost, exchange)} for exchange in exchanges
    ]
    made.document["bindings"] += [
        {"vhost": vhost, "destination_type": "queue", "routing_key": "", "arguments": {}, **binding}
        for binding in bindings
    ]
    content: Item = {"vhost": vhost, "exchanges": exchanges, "queues": queues}
    if not nested:
        content["bindings"] = bindings
    made.files[f"base/{vhost}/{entity}.yaml"] = yaml_text(content)


def _arguments(number: int, dead: str) -> Item:
    if number % 100 == 99:
        return {"x-queue-type": "quorum", "x-delivery-limit": 5}
    return (
        {},
        {"x-message-ttl": 86_400_000},
        {"x-dead-letter-exchange": dead, "x-max-length": 100_000},
        {},
    )[number % 4]


def _bindings(
    entity: str, service: str, number: int, topic: str, headers: str
) -> Iterator[tuple[str, Item]]:
    """Yield the source and the rest of each binding to one queue."""
    yield topic, {"routing_key": f"{entity}.#"}
    yield topic, {"routing_key": f"*.vip{entity}.#"}
    yield topic, {"routing_key": f"#.delivery.{service}.{number % 7}"}
    if number % 5:
        yield topic, {"routing_key": f"{entity}.vip{entity}.#"}
    else:
        yield headers, {"arguments": {"x-match": "all", "service": service, "region": number % 9}}


def _under_queue(binding: Item) -> Item:
    return {name: value for name, value in binding.items() if name != "destination"}


def _whole(vhost: str, item: Mapping[str, Any]) -> Item:
    """An exchange or a queue with all its fields."""
    plain = {name: value for name, value in item.items() if name != "bindings"}
    return {"vhost": vhost, "durable": True, "auto_delete": False, "arguments": {}, **plain}


def _site(made: Generated, vhost: str, queues: list[Item]) -> None:
    """The second layer: longer queues here, and the link to the other site."""
    upstream = {"name": "south", "uri": "amqp://south.example.com", "ack-mode": "on-confirm"}
    value = {n: v for n, v in upstream.items() if n != "name"}
    made.document["parameters"].append(
        {"component": "federation-upstream", "vhost": vhost, "name": "south", "value": value}
    )
    made.files[f"sites/north/{vhost}.yaml"] = yaml_text(
        {"vhost": vhost, "federation_upstreams": [upstream], "queues": queues}
    )
