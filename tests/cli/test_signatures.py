"""`source.trusted_signers`: only what a trusted person has signed is applied."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace

BASE = {"vhosts": [{"name": "shop"}], "queues": [{"vhost": "shop", "name": "qu.order"}]}


class Signers:
    """Keys of several people, and a file that trusts `ann` alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("ann", "eve"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name],
                check=True,
            )
        public = (folder / "ann.pub").read_text()
        self.file = folder / "allowed_signers"
        self.file.write_text(f"ann@example.com {public}")

    def commit(self, workspace: Workspace, name: str) -> str:
        workspace.git("add", "-A")
        workspace.git(
            *("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.folder / name}"),
            *("commit", "-q", "-S", "--allow-empty", "-m", f"signed by {name}"),
        )
        return workspace.git("rev-parse", "HEAD")


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    return Signers(tmp_path)


@pytest.fixture
def trusting(workspace: Workspace, signers: Signers, r43: Broker) -> Workspace:
    workspace.settings["source"] = {"trusted_signers": {"file": str(signers.file)}}
    workspace.cluster("one", r43)
    workspace.define(BASE)
    workspace.write(".gitignore", "ignored\n")
    workspace.commit("not signed")
    return workspace


def hold(found: Any) -> tuple[str, str]:
    (code,) = {one["hold"]["code"] for one in found.cluster["changes"]}
    return code, found.cluster["changes"][0]["hold"]["reason"]


def vhosts(broker: Broker) -> list[str]:
    with broker.management() as api:
        return sorted(one["name"] for one in api.get("vhosts"))


def test_what_nobody_signed_is_planned_and_not_applied(trusting: Workspace, r43: Broker) -> None:
    planned = trusting.plan()
    applied = trusting.apply()

    assert planned.code == 0
    assert hold(planned)[0] == "unsigned"
    assert "is not signed" in hold(planned)[1]
    assert applied.code == 3
    assert vhosts(r43) == ["/"]


def test_what_a_trusted_person_signed_is_applied(
    trusting: Workspace, signers: Signers, r43: Broker
) -> None:
    signers.commit(trusting, "ann")

    applied = trusting.apply()

    assert applied.code == 0, applied.err
    assert vhosts(r43) == ["/", "shop"]


def test_a_signature_of_somebody_else_is_none(
    trusting: Workspace, signers: Signers, r43: Broker
) -> None:
    signers.commit(trusting, "eve")

    applied = trusting.apply()

    assert applied.code == 3
    assert hold(applied)[0] == "unsigned"
    assert "allows" in hold(applied)[1]
    assert vhosts(r43) == ["/"]


def test_a_signed_commit_under_changed_files_does_not_count(
    trusting: Workspace, signers: Signers, r43: Broker
) -> None:
    signers.commit(trusting, "ann")
    trusting.define({**BASE, "vhosts": [{"name": "shop"}, {"name": "more"}]})

    applied = trusting.apply("--allow-dirty")

    assert applied.code == 3
    assert "uncommitted" in hold(applied)[1]
    assert vhosts(r43) == ["/"]


def test_a_later_commit_without_signature_is_left_where_the_signed_one_stands(
    trusting: Workspace, signers: Signers, r43: Broker
) -> None:
    commit = signers.commit(trusting, "ann")
    trusting.apply()
    trusting.define({**BASE, "vhosts": [{"name": "shop"}, {"name": "more"}]})
    trusting.commit("not signed")

    held = trusting.apply()
    back = trusting.apply("--revision", commit)

    assert held.code == 3
    assert back.code == 0, back.err
    assert vhosts(r43) == ["/", "shop"]


def test_the_repository_cannot_choose_what_checks_it(
    trusting: Workspace, signers: Signers, r43: Broker, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\necho 'Good \"git\" signature'\n")
    evil.chmod(0o755)
    signers.commit(trusting, "eve")
    for key in ("gpg.ssh.program", "gpg.program", "gpg.x509.program"):
        trusting.git("config", key, str(evil))
    trusting.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "eve.pub"))
    trusting.git("config", "gpg.minTrustLevel", "never")

    applied = trusting.apply()

    assert applied.code == 3
    assert not (tmp_path / "was-run").exists()
    assert vhosts(r43) == ["/"]


def test_a_cloned_source_is_checked_as_well(
    trusting: Workspace, signers: Signers, r43: Broker
) -> None:
    trusting.settings["source"] |= {"git": str(trusting.folder)}
    trusting.save()

    unsigned = trusting.apply()
    signers.commit(trusting, "ann")
    signed = trusting.apply()

    assert unsigned.code == 3
    assert signed.code == 0, signed.err
    assert vhosts(r43) == ["/", "shop"]


def test_a_file_of_signers_that_is_missing_stops_everything(
    trusting: Workspace, signers: Signers, r43: Broker
) -> None:
    signers.commit(trusting, "ann")
    signers.file.unlink()

    applied = trusting.apply()

    assert applied.code == 1
    assert "source.trusted_signers" in applied.err
    assert vhosts(r43) == ["/"]
