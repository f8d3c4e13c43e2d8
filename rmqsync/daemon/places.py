"""
Where a URI of a shovel or an upstream leads, and the ids of what is there. Pure.

The URI may hold a password, also where nobody would look for one: of it no more than host and port
ever leaves this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from rmqsync.config.cluster import ClusterSettings
from rmqsync.kinds import KINDS
from rmqsync.model.address import decode, encode

ELSEWHERE = "elsewhere"
"""The name of what nobody can tell the place of: a secret that the cluster does not show."""
DEFAULT_EXCHANGE = "(default exchange)"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_STANDARD = {"amqp": 5672, "amqps": 5671}


class Uri(NamedTuple):
    host: str | None
    """In lower case; `None` where the URI has none: the broker means itself."""
    port: int
    vhost: str | None
    """`None` where the URI does not say."""

    @property
    def shown(self) -> str:
        """Host, and port where it is not a usual one."""
        host = self.host or ""
        host = f"[{host}]" if ":" in host else host
        return host if self.port in _STANDARD.values() else f"{host}:{self.port}"


class Place(NamedTuple):
    """Where something is."""

    cluster: str | None
    """As the settings call it; `None` where it is on none of them."""
    host: str
    """What stands for it where it is on no cluster."""
    vhost: str | None = None
    """`None` where the URI does not say."""
    is_here: bool = False


class Places:
    """The clusters of the settings, by where they listen, as one of them sees it."""

    def __init__(self, own: str, addresses: Mapping[str, Iterable[str]] | None = None) -> None:
        """`addresses` are URLs of each cluster, of its API and of AMQP."""
        self._own = own
        self._hosts: dict[str, dict[str, set[int]]] = {}
        """Clusters by host, each with the ports at which AMQP is known to be there."""
        for cluster, urls in (addresses or {}).items():
            for scheme, found in ((url.partition(":")[0], parsed(url)) for url in urls):
                if found is not None and found.host is not None:
                    known = self._hosts.setdefault(_one_name(found.host), {})
                    ports = known.setdefault(cluster, set())
                    if scheme in _STANDARD:
                        ports.add(found.port)

    def of(self, uris: object) -> Place:
        """
        Return where a URI leads, or a list of them: the first that leads to a cluster counts.

        Secrets, and what is no URI, lead `ELSEWHERE`.
        """
        found = [uri for one in _listed(uris) if (uri := parsed(one)) is not None]
        places = [self._place(uri) for uri in found]
        known = next((place for place in places if place.cluster is not None), None)
        return known or (places[0] if places else Place(None, ELSEWHERE))

    def _place(self, uri: Uri) -> Place:
        if uri.host is None:
            return Place(self._own, self._own, uri.vhost, is_here=True)
        there = self._hosts.get(_one_name(uri.host), {})
        if uri.host in _LOOPBACK and self._own not in there:
            # The broker looks from where it is: it means itself, whoever else we reach that way.
            return Place(self._own, self._own, uri.vhost, is_here=True)
        fitting = [name for name, ports in there.items() if uri.port in ports]
        fitting = fitting or [name for name, ports in there.items() if _may_be(uri.port, ports)]
        if len(fitting) != 1:  # of none, or of several on one host that say nothing of AMQP
            return Place(None, uri.shown, uri.vhost)
        (name,) = fitting
        return Place(name, name, uri.vhost, is_here=name == self._own)


def addresses_of(clusters: Mapping[str, ClusterSettings]) -> dict[str, list[str]]:
    """Return the URLs of each cluster that the settings show; those that are secrets are not."""
    return {
        name: [*one.endpoints, *(url for url in one.amqp if isinstance(url, str))]
        for name, one in clusters.items()
    }


def parsed(uri: object) -> Uri | None:
    """Return what is known of a URI; `None` for a secret, and for what cannot be told apart."""
    if not isinstance(uri, str) or "://" not in uri:
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port or _STANDARD.get(parts.scheme, 0)
    except ValueError:
        return None
    # A password with a sign that ends the host, as in amqp://user:12/34@host.
    if "@" in parts.path + parts.query + parts.fragment:
        return None
    path = parts.path
    return Uri(parts.hostname, port, unquote(path[1:]) if path.startswith("/") else None)


def cluster_id(place: Place, address: str | None = None) -> str:
    """Return the id of an object that is not on this cluster, or of where it would be."""
    kind, name = ("outside", place.host) if place.cluster is None else ("cluster", place.cluster)
    return f"{kind}:{encode(name)}" + (f"/{address}" if address is not None else "")


class Named(NamedTuple):
    """What an id says."""

    kind: str
    name: str
    vhost: str | None
    cluster: str | None = None
    """Another cluster that it is on."""
    address: str | None = None
    """Of the object, on `cluster` or on this one; `None` where there is no page of it."""


def named(id_: str) -> Named:
    """Return what the id of a node says of it, for people."""
    kind, _, rest = id_.partition(":")
    if kind not in ("cluster", "outside"):
        vhost, slash, name = rest.partition("/")
        if not slash:
            return Named(kind, decode(rest), None, address=id_)
        return Named(kind, decode(name) or DEFAULT_EXCHANGE, decode(vhost), address=id_)
    place, _, address = rest.partition("/")
    where = decode(place)
    cluster = where if kind == "cluster" else None
    if not address:
        return Named("cluster", where, None, cluster)
    inner = named(address)
    page = address if cluster is not None and inner.kind in KINDS.names else None
    return Named("cluster", f"{where}: {inner.name}", None, cluster, page)


def _listed(uris: object) -> list[Any]:
    return list(uris) if isinstance(uris, list | tuple) else [uris]


def _one_name(host: str) -> str:
    return "localhost" if host in _LOOPBACK else host


def _may_be(port: int, ports: set[int]) -> bool:
    usual = set(_STANDARD.values())
    return not ports or (port in usual and bool(ports & usual))
