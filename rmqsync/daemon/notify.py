"""
Notifications, by apprise: told in the background, and never in the way of a run.

The addresses hold credentials, so nothing that apprise says of them gets into the log.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from rmqsync.config.settings import Notify
from rmqsync.daemon.happenings import Happening

LOG = logging.getLogger("rmqsync.daemon")
MOST_WAITING = 1000
GATHER_S = 1.0
"""What happens within this time is told in one message."""
PAUSES_S = (1.0, 5.0, 25.0)
"""Between attempts."""


class Notifier:
    """Thread-safe; `tell` returns at once."""

    def __init__(
        self,
        targets: Sequence[tuple[Notify, str]],
        count: Callable[[str], None] = lambda _result: None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """`targets`: who is told of what, and the address. `count` gets `sent` or `failed`."""
        self._targets = [(number, one, url) for number, (one, url) in enumerate(targets)]
        self._count = count
        self._pauses_s = pauses_s
        self._waiting: queue.Queue[Happening | None] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if targets:
            logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
            self._thread = threading.Thread(target=self._work, name="rmqsync-notify", daemon=True)
            self._thread.start()

    def tell(self, one: Happening) -> None:
        """Have it told to whoever wants to know."""
        if self._thread is None:
            return
        try:
            self._waiting.put_nowait(one)
        except queue.Full:
            self._count("failed")
            LOG.warning("a notification is lost: %d wait already", MOST_WAITING)

    def close(self, timeout_s: float) -> None:
        """Tell what waits, as far as that takes no longer."""
        if self._thread is None:
            return
        self._closing.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            found = self._gathered()
            if found is None:
                return
            for number, target, url in self._targets:
                wanted = [one for one in found if _wants(target, one)]
                if wanted:
                    self._send(number, url, wanted)

    def _gathered(self) -> list[Happening] | None:
        """Return what has happened, all of one moment; `None` at the end."""
        first = self._waiting.get()
        if first is None:
            return None
        found = [first]
        until = time.monotonic() + GATHER_S
        while not self._closing.is_set() or not self._waiting.empty():
            try:
                one = self._waiting.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                break
            if one is None:
                self._waiting.put(None)
                break
            found.append(one)
            if time.monotonic() >= until:
                break
        return found

    def _send(self, number: int, url: str, found: Sequence[Happening]) -> None:
        title, body = _message(found)
        for pause_s in (*self._pauses_s, None):
            if _notify(url, title, body):
                self._count("sent")
                return
            if pause_s is None or self._closing.wait(pause_s):
                break
        self._count("failed")
        LOG.warning("notify[%d] could not be told: %s", number, title)


def _notify(url: str, title: str, body: str) -> bool:
    import apprise

    try:
        target = apprise.Apprise()
        return bool(target.add(url)) and bool(target.notify(title=title, body=body))
    except Exception:  # whatever a plugin raises may name the address
        return False


def _wants(target: Notify, one: Happening) -> bool:
    return one.event in target.on and any(
        fnmatchcase(cluster, pattern)
        for cluster in (one.cluster, *one.others)
        for pattern in target.clusters
    )


def _message(found: Sequence[Happening]) -> tuple[str, str]:
    if len(found) == 1:
        return f"rmqsync: {found[0].title}", "\n".join(found[0].lines) or found[0].title
    parts = ["\n".join((one.title, *(f"  {line}" for line in one.lines))) for one in found]
    return f"rmqsync: {len(found)} things happened", "\n\n".join(parts)
