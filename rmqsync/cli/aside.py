"""Work that nobody has to wait for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress


def aside(work: Callable[[], None]) -> None:
    """
    Do something in a process of its own, which outlives this one; here, where there can be none.

    For the end of a command, when its threads are gone. The other process has no input or output,
    so that whoever reads ours does not wait for it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        is_parent = os.fork()
    except OSError:
        work()
        return
    if is_parent:
        return
    try:
        with suppress(Exception):
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            os.setsid()
            work()
    finally:
        os._exit(0)
