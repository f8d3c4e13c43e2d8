"""A signal ends a run, whichever thread the system gives it to."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from rmqsync.app import apply
from rmqsync.app.apply import ApplyOptions, apply_clusters


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Set by a signal."""
    found = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: found.set())
    yield found
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_another_thread_gets_is_heard_while_a_run_goes_on(
    stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_planned: object, options: ApplyOptions) -> bool:
        options.stop.wait(0.5)  # the main thread waits for us by then
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return options.stop.wait(10)

    monkeypatch.setattr(apply, "_recorded", run)
    one: Any = object()

    assert apply_clusters([one], ApplyOptions(stop=stop)) == [True]
