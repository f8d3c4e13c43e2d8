"""What can go wrong with an answer of `FakeBroker`."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self


class Channel(Protocol):
    """The way back to the client."""

    def reply(self, reply: "Reply", *, cut: int | None = None) -> None: ...

    def hang_up(self, *, reset: bool) -> None: ...


class Fault(Protocol):
    """Takes the place of an answer. What was asked is done already; `usual` would say so."""

    def happen(self, channel: Channel, usual: "Reply", released: threading.Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """Another answer than the usual one."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Self:
        """A JSON answer."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def happen(self, channel: Channel, usual: "Reply", released: threading.Event) -> None:
        channel.reply(self)


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset instead of an answer."""

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        channel.hang_up(reset=True)


@dataclass(frozen=True, slots=True)
class HangUp:
    """The connection is closed instead of an answer, as a kept one that was idle too long."""

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        channel.hang_up(reset=False)


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer until the test is over."""

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        released.wait()
        channel.hang_up(reset=False)


@dataclass(frozen=True, slots=True)
class Cut:
    """The usual answer breaks off after so many bytes of its body, and the connection is closed."""

    after: int = 10

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        channel.reply(usual, cut=self.after)


@dataclass(frozen=True, slots=True)
class BrokenJson:
    """Status 200 and half a JSON document: an export that fails on the way, 4.2.9 and up."""

    after: int = 10

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        channel.reply(Reply(usual.status, usual.body[: self.after], usual.headers))
