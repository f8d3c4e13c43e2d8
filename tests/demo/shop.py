"""What people and services do to the clusters while the demo runs, over the management API."""

from typing import Any
from urllib.parse import quote

import requests

from tests.brokers import Broker
from tests.demo.workplace import VHOST

TIMEOUT_S = 30


def publish(broker: Broker, exchange: str, routing_key: str, payload: str) -> bool:
    """Publish one event; tells whether it came to a queue."""
    body = {
        "properties": {"delivery_mode": 2},
        "routing_key": routing_key,
        "payload": payload,
        "payload_encoding": "string",
    }
    answer = _call(broker, "POST", f"exchanges/{VHOST}/{exchange}/publish", body)
    return bool(answer.json()["routed"])


def messages(broker: Broker) -> dict[str, int]:
    """How many messages lie in each queue that has any: as it is now, not as of the statistics."""
    listing = _call(broker, "GET", f"queues/{VHOST}?disable_stats=true&enable_queue_totals=true")
    return {queue["name"]: queue["messages"] for queue in listing.json() if queue.get("messages")}


def delete_binding(broker: Broker, exchange: str, queue: str, routing_key: str) -> None:
    """Take away a binding that has no arguments."""
    path = f"bindings/{VHOST}/e/{exchange}/q/{queue}/{_twice(routing_key)}"
    _call(broker, "DELETE", path)


def change_policy(broker: Broker, name: str, **changed: Any) -> None:
    """Set keys in the definition of a policy."""
    path = f"policies/{VHOST}/{name}"
    policy = _call(broker, "GET", path).json()
    definition = policy["definition"] | {key.replace("_", "-"): changed[key] for key in changed}
    body = {name: policy[name] for name in ("pattern", "apply-to", "priority")}
    _call(broker, "PUT", path, body | {"definition": definition})


def _twice(routing_key: str) -> str:
    # the broker's name for a binding is its routing key, escaped; and it stands in a path
    return quote(quote(routing_key, safe=""), safe="")


def _call(broker: Broker, method: str, path: str, body: object = None) -> requests.Response:
    answer = requests.request(
        method,
        f"{broker.management_url}/api/{path}",
        json=body,
        auth=(broker.username, broker.password),
        timeout=TIMEOUT_S,
    )
    answer.raise_for_status()
    return answer
