"""A proxy on loopback between rmqsync and one node of a real broker, which harms one request."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rmqsync.broker.cluster import ManagementApi
from rmqsync.model.errors import Unreachable
from tests.broker.connect import Naps, to_broker
from tests.brokers import Broker
from tests.fakes.faults import Fault, Reply, Reset
from tests.fakes.server import Seen, Server
from tests.sweep.injections import Injection, Kill, Reach

_PASSED_ON = ("Accept", "Content-Type", "If-None-Match")
_PASSED_BACK = ("Content-Type", "ETag", "Location")


@dataclass
class Watch:
    """What the proxy sees of one run, and what it does to it."""

    injection: Injection | None = None
    number: int = 0
    """Of the request that is harmed first, from 1; or of the first that may be, with a `title`."""
    title: str = ""
    """What the method and target of the one that is harmed first begin with."""
    group: int = 0
    """Process group of the run, for injections that end it."""
    requests: list[str] = field(default_factory=list)
    """Method and target, in the order they came."""
    harmed: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def meets(self, title: str) -> Injection | None:
        """Note a request; return what is to happen to it."""
        self.requests.append(title)
        if self.injection is None:
            return None
        fits = len(self.requests) >= self.number and title.startswith(self.title)
        is_first = fits and not self.harmed
        met = {
            Reach.ONCE: is_first,
            Reach.SAME: is_first or title in self.harmed,
            Reach.ONWARDS: is_first or bool(self.harmed),
        }[self.injection.reach]
        if not met:
            return None
        self.harmed.append(title)
        return self.injection


def title_of(seen: Seen) -> str:
    """Method and target; of an import of one object also which, since all have one target."""
    title = f"{seen.method} {seen.target}"
    if title == "POST /api/definitions" and isinstance(seen.body, dict):
        objects = [(section, one) for section, found in seen.body.items() for one in found]
        if len(objects) == 1:
            ((section, one),) = objects
            ends = (one.get(end) for end in ("source", "destination", "routing_key"))
            return f"{title} {section} {one.get('name') or ' '.join(map(str, ends))}"
    return title


class Proxy:
    """One address for a node of a broker; fits `Backend`. Transparent but for a `Watch`."""

    prefix = ""

    def __init__(self, broker: Broker, node: int = 0) -> None:
        self._broker = broker
        self._port = broker.nodes[node].management_port
        self._lock = threading.Lock()
        self._watch = Watch()
        self.released = self._watch.released
        self._fates: dict[int, Injection | None] = {}
        self._connections = 0
        self._server = Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.drop_connections()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def watching(
        self, injection: Injection | None = None, number: int = 0, title: str = ""
    ) -> Iterator[Watch]:
        """Count the requests of one run, and harm it at request `number` or later."""
        watch = Watch(injection, number, title)
        self._begin(watch)
        try:
            yield watch
        finally:
            watch.released.set()
            self._begin(Watch())

    def _begin(self, watch: Watch) -> None:
        with self._lock:
            self._watch = watch
            self.released = watch.released

    def connected(self) -> int:
        with self._lock:
            self._connections += 1
            return self._connections - 1

    def note(self, seen: Seen) -> None:
        with self._lock:
            fate = self._watch.meets(title_of(seen))
            self._fates[threading.get_ident()] = fate

    def fault_for(self, method: str, path: str) -> Fault | None:
        fate = self._fates[threading.get_ident()]
        if fate is None:
            return None
        watch = self._watch
        return fate.fault or Kill(lambda: watch.group)

    def knows(self, name: str, password: str) -> bool:
        return (name, password) == (self._broker.username, self._broker.password)

    def answer(self, seen: Seen) -> Reply:
        """Ask the broker, but for a request that a fault keeps from it."""
        fate = self._fates[threading.get_ident()]
        if fate is not None and not fate.forwards:
            return Reply(502)
        return self._forward(seen, None if fate is None else fate.cut_s)

    def _forward(self, seen: Seen, cut_s: float | None) -> Reply:
        user = f"{self._broker.username}:{self._broker.password}"
        headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
        headers |= {name: seen.headers[name] for name in _PASSED_ON if name in seen.headers}
        body = None if seen.body is None else json.dumps(seen.body)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(seen.method, seen.target, body, headers)
            if cut_s is not None:
                time.sleep(cut_s)
                return Reply(502)
            response = connection.getresponse()
            found = response.read()
        except (OSError, http.client.HTTPException):
            return Reply(502)
        finally:
            connection.close()
        back = {name: value for name in _PASSED_BACK if (value := response.headers.get(name))}
        return Reply(response.status, found, back)


@contextmanager
def cut_off(broker: Broker) -> Iterator[Callable[[float, Callable[[ManagementApi], object]], None]]:
    """
    Give what has an API do something of which the broker loses the client, at every repetition.

    It takes after how many seconds, and what is to be done.
    """
    with Proxy(broker) as proxy:
        api = ManagementApi(to_broker(broker, endpoints=(proxy.url,)), pace=Naps().pace)

        def do(cut_s: float, work: Callable[[ManagementApi], object]) -> None:
            cut = Injection("cut", Reset(), True, Reach.ONWARDS, cut_s=cut_s)
            with proxy.watching(cut, 1), suppress(Unreachable):
                work(api)

        yield do
        api.close()
