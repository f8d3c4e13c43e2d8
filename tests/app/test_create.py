"""What the broker makes in steps is created by import, and by calls where an import is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from rmqsync.app.create import create
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.context import Context
from rmqsync.model.errors import AccessDenied, BrokerError, Rejected, Unreachable
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import binding, exchange, queue, rows, vhost

NO_RIGHT = AccessDenied("one: user 'ops' may not")
UNKNOWN_TYPE = Rejected("one: refused", 400, "unknown type")


@dataclass
class Recording(MemoryCluster):
    """Notes what it is sent, and fails as it is told."""

    import_fails: BrokerError | None = None
    call_fails: BrokerError | None = None
    sent: list[str] = field(default_factory=list)

    def send(self, request: Request) -> None:
        self.sent.append(f"{request.method} {request.path[0]}")
        if self.call_fails is not None:
            raise self.call_fails

    def upload(self, document: Mapping[str, Any]) -> None:
        self.sent.append(f"import {' '.join(document)}")
        if self.import_fails is not None:
            raise self.import_fails


POLICY = "policy", {"vhost": "v", "name": "p", "pattern": "^q", "definition": {"max-length": 1}}


def created(cluster: Recording, found: tuple[str, dict[str, Any]]) -> bool:
    """Create one object; whether it was imported."""
    name, _ = found
    (row,) = rows(found)[name].values()
    return create(cluster, KINDS[name], row, Context())


@pytest.mark.parametrize("found", [vhost(), exchange(), queue(), binding()], ids=lambda f: f[0])
def test_what_could_be_left_half_made_is_imported(found: tuple[str, dict[str, Any]]) -> None:
    cluster = Recording({})

    assert created(cluster, found)
    assert cluster.sent == [f"import {KINDS[found[0]].export_section}"]


def test_anything_else_is_sent_as_a_call() -> None:
    cluster = Recording({})

    assert not created(cluster, POLICY)
    assert cluster.sent == ["PUT policies"]


@pytest.mark.parametrize("refused", [UNKNOWN_TYPE, NO_RIGHT], ids=["broken", "not let in"])
def test_where_an_import_is_refused_it_is_a_call(refused: BrokerError) -> None:
    cluster = Recording({}, import_fails=refused)

    assert not created(cluster, exchange())
    assert cluster.sent == ["import exchanges", "PUT exchanges"]


@pytest.mark.parametrize(
    ("import_fails", "call_fails", "told"),
    [
        pytest.param(
            UNKNOWN_TYPE, Rejected("one: no", 400, "no such type 'x'"), "one: no", id="both"
        ),
        pytest.param(UNKNOWN_TYPE, NO_RIGHT, "one: refused", id="the call for want of rights"),
        pytest.param(NO_RIGHT, NO_RIGHT, "one: user 'ops' may not", id="both for want of rights"),
    ],
)
def test_the_reason_that_is_told(
    import_fails: BrokerError, call_fails: BrokerError, told: str
) -> None:
    cluster = Recording({}, import_fails=import_fails, call_fails=call_fails)

    with pytest.raises(BrokerError) as raised:
        created(cluster, exchange())

    assert str(raised.value) == told


def test_where_nobody_answers_nothing_else_is_sent() -> None:
    cluster = Recording({}, import_fails=Unreachable("one: no endpoint answers"))

    with pytest.raises(Unreachable):
        created(cluster, exchange())

    assert cluster.sent == ["import exchanges"]
