"""Ports for brokers: chosen once, then theirs until taken down, also while a node is stopped."""

import random
import socket
from collections.abc import Collection

# below the range the kernel takes outgoing ports from: in it, any client could take the port of a
# node that is stopped
_LOWEST, _HIGHEST = 10_000, 30_000


def free_ports(count: int, taken: Collection[int]) -> list[int]:
    """`count` ports of loopback that nothing listens on and that are not `taken`."""
    found: list[int] = []
    candidates = random.sample(range(_LOWEST, _HIGHEST), k=2000)
    for port in candidates:
        if len(found) == count:
            return found
        if port not in taken and _is_free(port):
            found.append(port)
    raise RuntimeError("no free ports on loopback")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
