"""Where a daemon listens, and what is said where it cannot."""

from __future__ import annotations

import socket

import pytest

from rmqsync.config.settings import Settings
from rmqsync.daemon.serve import listener
from rmqsync.model.errors import SourceError


def test_an_address_that_is_taken_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(SourceError) as caught:
            listener(bind, Settings(file="rmqsync.yaml"))

    assert str(caught.value) == (
        f"daemon.bind: cannot listen on {bind}: address already in use; end what listens there, "
        "perhaps another rmqsync, or choose another port"
    )
