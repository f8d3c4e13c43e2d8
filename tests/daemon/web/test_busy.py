"""However many people look at a cluster that does not answer, probes and other pages answer."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from rmqsync.daemon.documents import TopologyDocument
from rmqsync.daemon.ports import Busy
from rmqsync.daemon.service import Daemon
from rmqsync.daemon.turns import Turns
from tests.daemon.web.fakes import FakeService
from tests.daemon.web.webs import HERE, Web

TOPOLOGY = "/clusters/shanghai/topology"
BOUND_S = 30.0
"""However busy the machine is, what answers at all has answered by then."""


class Hanging(FakeService):
    """A daemon one of whose clusters does not answer before a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()

    def topology(self, name: str) -> TopologyDocument:
        self.answers.wait(2 * BOUND_S)
        return super().topology(name)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_answer_though_every_thread_of_the_pages_waits_for_a_broker(path: str) -> None:
    service = Hanging()
    web = Web(service)

    async def ask() -> int:
        transport = httpx.ASGITransport(web.app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as session:

            async def get(where: str) -> int:
                return (await session.get(where, timeout=None)).status_code

            pages = [asyncio.ensure_future(get(TOPOLOGY)) for _ in range(50)]
            await asyncio.sleep(0.1)  # so that they have the threads first
            try:
                return await asyncio.wait_for(get(path), BOUND_S)
            finally:
                service.answers.set()
                await asyncio.gather(*pages)

    assert asyncio.run(ask()) == 200


def test_who_would_be_one_too_many_to_wait_is_refused_at_once() -> None:
    turns = Turns(at_once=1, most_waiting=0)

    with turns.take(), pytest.raises(Busy, match="ask again"), turns.take():
        pass
    with turns.take():
        pass


def test_nobody_waits_for_ever() -> None:
    turns = Turns(at_once=1, most_waiting=1, wait_s=0.01)

    for _ in range(2):
        with turns.take(), pytest.raises(Busy, match="ask again"), turns.take():
            pass


def test_who_comes_while_there_is_room_to_wait_has_his_turn() -> None:
    turns = Turns(at_once=1, most_waiting=1)
    had = threading.Event()

    def look() -> None:
        with turns.take():
            had.set()

    with turns.take():
        waiting = threading.Thread(target=look)
        waiting.start()
    waiting.join(BOUND_S)

    assert had.is_set()


def test_looks_at_clusters_and_approvals_have_their_turns_apart() -> None:
    class Targets:
        def get(self, name: str) -> Any:
            """Look again, which is one too many."""
            with daemon._approvals.take():
                daemon.topology(name)

    cycles: Any = SimpleNamespace(
        board=SimpleNamespace(cluster=lambda _: {"plan": None}), targets=Targets()
    )
    one: Any = None
    daemon = Daemon(cycles, one, one, one, one, one, Turns(1, 0), Turns(1, 0))

    with pytest.raises(Busy):
        daemon.topology("shanghai")


def test_too_many_looks_are_told_as_such() -> None:
    web = Web()
    web.service.error = Busy("too many look; ask again in a minute")

    answer = web.get(f"/api/v1{TOPOLOGY}")

    assert answer.status_code == 503
    assert answer.json()["error"] == "too many look; ask again in a minute"
