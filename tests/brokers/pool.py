"""The brokers of one test session: leased when first asked for, given out empty and whole."""

import os
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from tests.brokers.broker import Broker
from tests.brokers.lifecycle import lease
from tests.brokers.roots import Unavailable


class Pool:
    """Brokers by generation and number; all are given back when the pool closes."""

    def __init__(self) -> None:
        self._leases = ExitStack()
        self._brokers: dict[tuple[str, int], Broker] = {}
        self._unavailable: Unavailable | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leases.close()

    def broker(self, generation: str, number: int = 0) -> Broker:
        """The broker of that `generation` and `number`, as the last test left it.

        Raises Unavailable where there can be none, without trying again each time.
        """
        if self._unavailable is not None:
            raise self._unavailable
        if (generation, number) not in self._brokers:
            try:
                leased = self._leases.enter_context(_lease(generation))
            except Unavailable as error:
                self._unavailable = error
                raise
            self._brokers[generation, number] = leased
        return self._brokers[generation, number]

    def empty_broker(self, generation: str, number: int = 0) -> Broker:
        """The same, with all its nodes running and nothing in it."""
        broker = self.broker(generation, number)
        broker.start_missing_nodes()
        broker.reset()
        return broker


def are_required() -> bool:
    """Whether it is a failure that there are no brokers; else tests that need one are skipped."""
    return os.environ.get("RMQSYNC_REQUIRE_BROKERS") == "1"


def _lease(generation: str) -> AbstractContextManager[Broker]:
    return lease(generation, keep=os.environ.get("RMQSYNC_BROKERS_KEEP") == "1")
