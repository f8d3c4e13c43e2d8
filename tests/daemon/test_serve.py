"""Where a daemon listens, and what is said where it cannot."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from rmqsync.config.settings import Settings
from rmqsync.daemon.serve import listener, server_of
from rmqsync.daemon.web.security import MOST_FAILURES
from rmqsync.model.errors import SourceError
from tests.daemon.web.fakes import FakeService
from tests.daemon.web.webs import application


def test_an_address_that_is_taken_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(SourceError) as caught:
            listener(bind, Settings(file="rmqsync.yaml"))

    assert str(caught.value) == (
        f"daemon.bind: cannot listen on {bind}: address already in use; end what listens there, "
        "perhaps another rmqsync, or choose another port"
    )


@contextmanager
def serving() -> Iterator[str]:
    """Serve the pages of a fake daemon as `serve` does; give their address."""
    sock = socket.create_server(("127.0.0.1", 0))
    server = server_of(application(FakeService()))
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def test_nobody_guesses_on_under_an_address_that_he_made_up() -> None:
    def guess(number: int) -> int:
        headers = {
            "Authorization": f"Bearer guess-{number}",
            "X-Forwarded-For": f"192.0.2.{number}",
        }
        return requests.get(f"{url}/api/v1/token", headers=headers, timeout=30).status_code

    with serving() as url:
        statuses = [guess(number) for number in range(MOST_FAILURES + 1)]

    assert statuses == [401] * MOST_FAILURES + [429]
