"""One address on loopback behind which another server can take the place of one."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Switch:
    """Forwards connections to a port of loopback; `to` ends those that there are."""

    def __init__(self, listening: socket.socket, to: int) -> None:
        self._listening = listening
        self._to = to
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.port: int = listening.getsockname()[1]

    def to(self, port: int) -> None:
        """Forward to another port from now on."""
        with self._lock:
            self._to = port
        self.end_connections()

    def end_connections(self) -> None:
        with self._lock:
            ends = list(self._open)
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:  # it was closed
                break
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            pair = threading.Thread(target=self._carry, args=(near, far))
            pair.start()
            self._threads.append(pair)
        self.end_connections()
        for thread in self._threads:
            thread.join()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=_copy, args=(far, near))
        back.start()
        _copy(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def switch(to: int) -> Iterator[Switch]:
    """Listen on a port of its own, and forward to another one."""
    listening = socket.create_server(("127.0.0.1", 0))
    made = Switch(listening, to)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
