"""What a cluster is reached with is rotated while the daemon runs: it is read again each time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rmqsync.daemon.targets import Targets
from rmqsync.repo.checkout import FolderCheckout
from rmqsync.wiring import Session
from tests.brokers.certificates import make_certificates

SETTINGS = """
source: {path: .}
clusters:
  prod:
    endpoints: ["https://mq.example.com"]
    username: rmqsync
    password: {file: password}
    amqp: [{file: amqp}]
    tls: {ca: ca.pem, cert: client.pem, key: client.key}
    layers: [base]
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of certificates that have nothing to do with each other."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("old", "new"):
        make_certificates(folder / name)
    return folder


@pytest.fixture
def home(certificates: Path, tmp_path: Path) -> Path:
    for name in ("ca.pem", "client.pem", "client.key"):
        shutil.copy(certificates / "old" / name, tmp_path / name)
    (tmp_path / "password").write_text("old")
    (tmp_path / "amqp").write_text("amqps://lock:old@mq.example.com")
    (tmp_path / "rmqsync.yaml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def targets(home: Path) -> Iterator[Targets]:
    session = Session(str(home / "rmqsync.yaml"), None, {})
    sources: Any = SimpleNamespace(checkout=lambda _: FolderCheckout(str(home), ("base",), None))
    memory: Any = None
    approvals: Any = None
    yield Targets(session, sources, memory, approvals)
    session.close()


@pytest.mark.parametrize("rotated", ["password", "amqp", "ca.pem", "client.pem and client.key"])
def test_what_was_rotated_makes_new_connections(
    targets: Targets, home: Path, certificates: Path, rotated: str
) -> None:
    before, same = targets.get("prod"), targets.get("prod")

    for name in rotated.split(" and "):
        new = certificates / "new" / name
        (home / name).write_text(new.read_text() if new.exists() else "amqps://lock:new@mq")
    after = targets.get("prod")

    assert (before.reader, before.amqp) == (same.reader, same.amqp)
    assert before.reader is not after.reader
    assert before.amqp is not after.amqp
    assert targets.get("prod").reader is after.reader


def test_an_address_over_amqp_that_cannot_be_read_keeps_nobody_from_comparing(
    targets: Targets, home: Path
) -> None:
    (home / "amqp").unlink()

    before = targets.get("prod")
    (home / "amqp").write_text("amqps://lock:new@mq.example.com")

    assert targets.get("prod").amqp is not before.amqp


def test_a_certificate_of_which_half_was_read_is_read_again(targets: Targets, home: Path) -> None:
    whole = (home / "client.pem").read_text()

    (home / "client.pem").write_text(whole[:40])
    half = targets.get("prod")
    (home / "client.pem").unlink()
    gone = targets.get("prod")
    (home / "client.pem").write_text(whole)

    assert len({id(one.reader) for one in (half, gone, targets.get("prod"))}) == 3
