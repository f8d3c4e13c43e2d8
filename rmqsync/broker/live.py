"""
The state of a cluster, in at most five requests.

1. the overview: version, name, exchange types; it also finds an endpoint that answers
2. the definitions export
3. 4. listings that say more than the export: vhosts and exchanges (`Kind.listing`)
5. deprecated features, from 3.13

All but the first run side by side. What was read last is kept: when the bytes of every answer are
the same again, or the broker says 304 (4.3.5 and up, Khepri), nothing is parsed a second time. A
304 speaks of everything but the tracing of vhosts, which is no metadata: so those are read anyway.

The export is kept as it was sent, compressed where the broker compresses: what a backup is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from rmqsync.broker.client import Client, Fetched
from rmqsync.broker.rows import (
    Rights,
    default_queue_types,
    fences,
    foreign,
    markers,
    own_rights,
    without_user,
)
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind, Request
from rmqsync.kinds.registry import Registry
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.definitions import Live
from rmqsync.model.errors import BrokerError

_OVERVIEW = Request("GET", ("overview",), query=(("disable_stats", "true"),))
_DEFINITIONS = Request("GET", ("definitions",))
_FEATURES = Request("GET", ("deprecated-features",))
_FEATURES_SINCE = (3, 13)
_VHOSTS = "vhost"
_NODES = "cluster_state"
"""Of a vhost: the running nodes, which saves asking for nodes."""


class _Overview(NamedTuple):
    version: str
    cluster_name: str | None
    exchange_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Read:
    """Everything that one reading got, to compare the next one with."""

    overview: _Overview
    export: Fetched
    listings: Mapping[str, Fetched]
    features: frozenset[str]
    live: Live
    rights: Rights


class LiveReader:
    """Reads one cluster again and again. Not for several threads at once."""

    def __init__(self, client: Client, kinds: Registry = KINDS) -> None:
        self._client = client
        self._kinds = kinds
        self._last: _Read | None = None

    @property
    def rights(self) -> Rights:
        """Permissions of our own user by vhost, as of the last reading."""
        return self._last.rights if self._last is not None else {}

    def read(self) -> Live:
        """
        Return the state; the same rows as before when nothing changed, so leave them alone.

        Raises `Unreachable`, `AccessDenied` or `BrokerError`.
        """
        before = self._client.requests
        overview = _overview(self._client.get(_OVERVIEW), self._client.connection.name)
        last = self._last
        if last is not None and last.overview != overview:
            last = None
        with ThreadPoolExecutor(2, thread_name_prefix="rmqsync-read") as pool:
            found = self._read(pool, overview, last)
        self._last = found
        return replace(found.live, requests=self._client.requests - before)

    def forget(self) -> None:
        """Give up what was read; the next reading is a first one."""
        self._last = None

    def export(self, *, again: bool) -> bytes:
        """
        Return the definitions export as the broker gave it: of the last reading, or asked `again`.

        Raises as `read` does.
        """
        known = self._last.export if self._last is not None else None
        if known is None or again:
            known = self._client.fetch(_DEFINITIONS, known=known, patient=True)
        assert known.answer is not None
        return known.answer.content()

    def _read(self, pool: ThreadPoolExecutor, overview: _Overview, last: _Read | None) -> _Read:
        vhosts = pool.submit(self._listing, self._kinds[_VHOSTS], last)
        others: dict[str, Future[Fetched]] = {}
        is_conditional = last is not None and last.export.etag is not None
        if not is_conditional:
            others = self._start(pool, last)
        features = pool.submit(self._features, overview, last)
        known = last.export if last is not None else None
        export = self._client.fetch(_DEFINITIONS, known=known, patient=True)
        if last is not None and not export.is_new and not vhosts.result().is_new:
            unchanged = not any(listing.result().is_new for listing in others.values())
            if is_conditional or unchanged:
                return last
        others = others or self._start(pool, last)
        found = {name: listing.result() for name, listing in others.items()}
        found[_VHOSTS] = vhosts.result()
        if not export.is_new:
            export = self._client.fetch(_DEFINITIONS, patient=True)
        return self._put_together(overview, export, found, features.result())

    def _start(self, pool: ThreadPoolExecutor, last: _Read | None) -> dict[str, Future[Fetched]]:
        kinds = [kind for kind in self._kinds if kind.listing and kind.name != _VHOSTS]
        return {kind.name: pool.submit(self._listing, kind, last) for kind in kinds}

    def _listing(self, kind: Kind, last: _Read | None) -> Fetched:
        known = last.listings.get(kind.name) if last is not None else None
        # Without its tag: those of 4.3.5 are for the export.
        known = known._replace(etag=None) if known is not None else None
        found = self._client.fetch(_listing_request(kind), known=known)
        return found._replace(answer=None)

    def _features(self, overview: _Overview, last: _Read | None) -> frozenset[str]:
        if last is not None:
            return last.features
        if version_of(overview.version)[:2] < _FEATURES_SINCE:
            return frozenset()
        return _permitted(self._client.get(_FEATURES))

    def _put_together(
        self,
        overview: _Overview,
        export: Fetched,
        listings: Mapping[str, Fetched],
        features: frozenset[str],
    ) -> _Read:
        document = export.document
        connection = self._client.connection
        if not isinstance(document, dict):
            raise BrokerError(f"{connection.name}: the definitions export is no object")
        items = {name: listing.document for name, listing in listings.items()}
        try:
            rows = rows_of_export(document, self._kinds, listings=items)
        except BrokerError as error:
            raise BrokerError(f"{connection.name}: {error}") from error
        live = Live(
            rows=without_user(rows, connection.username, self._kinds),
            version=overview.version,
            cluster_name=overview.cluster_name,
            nodes=tuple(sorted({node for vhost in items[_VHOSTS] for node in vhost[_NODES]})),
            stopped_vhosts=tuple(
                (vhost["name"], node, str(state))
                for vhost in items[_VHOSTS]
                for node, state in sorted(vhost[_NODES].items())
                if state != "running"
            ),
            exchange_types=overview.exchange_types,
            default_queue_types=default_queue_types(items[_VHOSTS]),
            features=features,
            own_user=connection.username,
            markers=markers(document),
            fences=fences(document),
            foreign=foreign(document, items, self._kinds, connection.username),
        )
        return _Read(
            overview,
            export._replace(document=None),
            listings,
            features,
            live,
            own_rights(document, connection.username),
        )


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: `4.3.0-rc.1` is (4, 3, 0)."""
    numbers = []
    for part in text.split("-")[0].split("+")[0].split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _listing_request(kind: Kind) -> Request:
    assert kind.listing is not None
    columns = kind.listing.columns
    if kind.name == _VHOSTS:
        columns = (*columns, _NODES)
    query = (("disable_stats", "true"), ("columns", ",".join(columns)))
    return Request("GET", (kind.listing.path,), query=query)


def _overview(answer: Any, cluster: str) -> _Overview:
    if not isinstance(answer, dict) or "rabbitmq_version" not in answer:
        raise BrokerError(
            f"{cluster}: GET /api/overview is not RabbitMQ's: it names no rabbitmq_version; "
            "check the endpoint and its path prefix"
        )
    types = answer.get("exchange_types") or ()
    return _Overview(
        str(answer["rabbitmq_version"]),
        answer.get("cluster_name"),
        frozenset(one["name"] for one in types if one.get("enabled", True)),
    )


def _permitted(answer: Any) -> frozenset[str]:
    """`state` came with 4.1.3 and 4.2.0; before that only the default is known."""
    return frozenset(
        one["name"]
        for one in answer or ()
        if one.get("state", "").startswith("permitted")
        or ("state" not in one and one.get("deprecation_phase") == "permitted_by_default")
    )
