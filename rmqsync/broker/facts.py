"""
What queues hold right now, for those that a change would touch.

Two listings for each vhost, whatever the number of queues. Seen on 3.10.8, 4.0.5 and 4.3.6:

- `disable_stats=true&enable_queue_totals=true` counts classic queues as they are, quorum queues up
  to 5 s late, and gives `"totals": null` for streams; it never has `consumers`.
- The listing with statistics, and the page of a single queue, count quorum queues no sooner. Where
  a low number lets a change through that would drop messages, whoever asks waits `LATE_S` and reads
  again: what was confirmed before the first reading is in the second. AMQP is no way around that:
  a passive declare tells at once what is ready, but neither what clients hold nor what waits to be
  dead-lettered at least once. `/queues/quorum/VHOST/NAME/status` has indexes of the log, which are
  no numbers of messages, and 3.10.8 answers it with 404.
- `/api/consumers/VHOST` has every consumer about one statistics interval (5 s) after it began; the
  listing with statistics tells those of a quorum queue several seconds later still. A broker
  without statistics answers it with 400: then consumers are unknown.
- Streams are counted by the listing with statistics alone, seconds late. There 0 proves nothing and
  is told as unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rmqsync.broker.client import Client
from rmqsync.kinds.base import Request
from rmqsync.model.definitions import QueueFacts
from rmqsync.model.errors import BrokerError
from rmqsync.model.values import Key

LATE_S = 6.0
"""
After this a count of a quorum queue is of no moment before.

Its leader tells it every 5 s (rabbit_quorum_queue.erl `tick_interval`); up to 4.64 s were seen.
"""
_TOTALS = (
    ("disable_stats", "true"),
    ("enable_queue_totals", "true"),
    ("columns", "name,messages,messages_unacknowledged"),
)
_STATISTICS = (("columns", "name,messages"),)
_CONSUMERS = (("columns", "queue.name"),)


def queue_facts(client: Client, queues: Iterable[Key]) -> dict[Key, QueueFacts]:
    """Return what `queues`, keys of vhost and name, hold; those that are gone are missing."""
    wanted: dict[str, list[Key]] = {}
    for key in queues:
        wanted.setdefault(key[0], []).append(key)
    found: dict[Key, QueueFacts] = {}
    for vhost, keys in wanted.items():
        found.update(_facts(client, vhost, keys))
    return found


def _facts(client: Client, vhost: str, keys: list[Key]) -> dict[Key, QueueFacts]:
    totals = _queues(client, vhost, _TOTALS)
    present = [key for key in keys if key[1] in totals]
    if not present:
        return {}
    consumers = _consumers(client, vhost)
    late: Mapping[str, Any] = {}
    if any(_number(totals[key[1]], "messages") is None for key in present):
        late = _queues(client, vhost, _STATISTICS)
    facts = {}
    for key in present:
        name = key[1]
        messages = _number(totals[name], "messages")
        if messages is None:
            messages = _number(late.get(name, {}), "messages") or None
        facts[key] = QueueFacts(
            messages=messages,
            unacknowledged=_number(totals[name], "messages_unacknowledged"),
            consumers=None if consumers is None else consumers[name],
        )
    return facts


def _queues(
    client: Client, vhost: str, query: tuple[tuple[str, str], ...]
) -> dict[str, dict[str, Any]]:
    answer = client.get(Request("GET", ("queues", vhost), query=query))
    return {queue["name"]: queue for queue in answer or ()}


def _consumers(client: Client, vhost: str) -> Counter[str] | None:
    try:
        answer = client.get(Request("GET", ("consumers", vhost), query=_CONSUMERS))
    except BrokerError as error:
        if "disabled" in str(error):
            return None
        raise
    return Counter(consumer["queue"]["name"] for consumer in answer or ())


def _number(queue: Mapping[str, Any], name: str) -> int | None:
    value = queue.get(name)
    return value if isinstance(value, int) else None
