"""
Notifications, by apprise: told in the background, and never in the way of a run.

The addresses hold credentials, and apprise names them: of what it says only known words get into
the log.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

from rmqsync.config.settings import Notify
from rmqsync.daemon.happenings import Happening

LOG = logging.getLogger("rmqsync.daemon")
MOST_WAITING = 1000
GATHER_S = 1.0
"""What happens within this time is told in one message."""
PAUSES_S = (1.0, 5.0, 25.0)
"""Between attempts."""
_MOST_TITLES = 20
_APPRISE = logging.getLogger("apprise")
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_KNOWN = re.compile(
    "connection refused|name or service not known|temporary failure in name resolution"
    "|no route to host|network is unreachable|timed out|connection reset|certificate verify failed"
    "|certificate has expired|authentication failed|connection error",
    re.IGNORECASE,
)


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
            LOG.warning("a notification is lost, %d wait already: %s", MOST_WAITING, one.title)

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
            reason = _notify(url, title, body)
            if reason is None:
                self._count("sent")
                return
            if pause_s is None or self._closing.wait(pause_s):
                break
        self._count("failed")
        titles = [one.title for one in found[:_MOST_TITLES]]
        if len(found) > _MOST_TITLES:
            titles.append(f"and {len(found) - _MOST_TITLES} more")
        lost = "; ".join(titles)
        LOG.warning("notify[%d] could not be told (%s): %s", number, reason, lost)


class _Said(logging.Handler):
    """Keeps what apprise says while it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[_Said]:
    """Keep to us what apprise says: nothing else may get to know it."""
    said = _Said()
    _APPRISE.propagate = False
    _APPRISE.setLevel(logging.DEBUG)
    _APPRISE.addHandler(said)
    try:
        yield said
    finally:
        _APPRISE.removeHandler(said)


def is_known(url: str) -> bool:
    """Tell whether apprise can use an address. Nobody is asked: it may still be in vain."""
    import apprise

    with _listening():
        try:
            return bool(apprise.Apprise().add(url))
        except Exception:  # whatever a plugin raises may name the address
            return False


def _notify(url: str, title: str, body: str) -> str | None:
    """Return why it was not sent, in words that name no address; `None` where it was."""
    import apprise

    with _listening() as said:
        try:
            target = apprise.Apprise()
            if not target.add(url):
                return "apprise does not know such an address"
            return None if target.notify(title=title, body=body) else _reason(said.lines)
        except Exception as problem:  # whatever a plugin raises may name the address
            return f"apprise failed with {type(problem).__name__}"


def _reason(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    if status := _STATUS.search(text):
        return f"it answers {status[1]}"
    found = [one.lower() for one in _KNOWN.findall(text)]
    found.sort(key=lambda one: one == "connection error")  # which says least
    return found[0] if found else "apprise gave no reason"


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
