"""What happens to branches, how they are fetched, and whose commits count."""

from __future__ import annotations

import pytest

from tests.brokers import Broker
from tests.brokers.certificates import make_certificates
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home, names, shop
from tests.daemon.forges import https_forge, ssh_server
from tests.daemon.signers import Signers

TOKEN = "t0ken-of-the-forge"


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r40")


def test_a_revert_is_applied_and_a_branch_that_goes_back_is_held_and_told(
    home: Home, broker: Broker
) -> None:
    home.push(shop("qu.a"))
    second = home.push(shop("qu.a", "qu.b"))
    with home.running() as daemon:
        daemon.until_cluster("one", "two commits", sync="in-sync", commit=second)
        home.git("revert", "--no-edit", "HEAD")
        home.git("push", "-q", "origin", "HEAD:main")
        reverted = home.git("rev-parse", "HEAD")
        daemon.until_cluster("one", "the revert", sync="in-sync", commit=reverted)
        assert names(broker) == {"qu.a"}

        home.git("reset", "-q", "--hard", second)
        home.git("push", "-q", "--force", "origin", "HEAD:main")
        held = daemon.until_cluster("one", "it went back", sync="held", commit=second)
        holds = [one["hold"] for one in held["plan"]["changes"]]
        assert [(one["code"], one["override"]) for one in holds] == [
            ("not-ahead", "--allow-rewind")
        ]
        assert held["applied"]["commit"] == reverted
        (told,) = daemon.messages("cluster one: changes are held")
        assert "qu.b" in told
        assert reverted[:12] in told
        assert names(broker) == {"qu.a"}

        home.git("reset", "-q", "--hard", reverted)
        ahead = home.push(shop("qu.a", "qu.c"))
        daemon.until_cluster("one", "ahead again", sync="in-sync", commit=ahead)
        assert names(broker) == {"qu.a", "qu.c"}


def test_a_rebased_branch_is_held_until_a_person_lets_it_go_ahead(
    home: Home, broker: Broker
) -> None:
    root = home.push(shop("qu.a"))
    home.push(shop("qu.a", "qu.x"))
    second = home.push(shop("qu.a", "qu.b"))
    with home.running() as daemon:
        daemon.until_cluster("one", "all commits", sync="in-sync", commit=second)
        home.git("tag", "release", second)
        home.git("push", "-q", "origin", "release")
        home.git("reset", "-q", "--hard", root)
        same = home.push(shop("qu.a", "qu.b"), "--force")
        daemon.until_cluster("one", "the same files", sync="in-sync", commit=same)

        home.git("tag", "-f", "release", same)
        home.git("push", "-q", "--force", "origin", "release")
        rebased = home.push(shop("qu.a", "qu.b", "qu.c"), "--force")
        held = daemon.until_cluster("one", "held", sync="held", commit=rebased)
        assert {one["hold"]["code"] for one in held["plan"]["changes"]} == {"not-ahead"}

        apply_by_hand(home, "--allow-rewind")
        daemon.until_cluster("one", "allowed", sync="in-sync", commit=rebased)
        assert names(broker) == {"qu.a", "qu.b", "qu.c"}
        assert daemon.source()["error"] is None


def apply_by_hand(home: Home, *options: str) -> None:
    done = home.run("apply", "--auto-approve", *options)
    assert done.returncode == 0, done.stderr


def test_only_a_signed_head_is_applied_and_the_rest_is_told(home: Home, broker: Broker) -> None:
    signers = Signers(home)
    signed = signers.push("ann", shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the signed commit", sync="in-sync", commit=signed)
        unsigned = home.push(shop("qu.a", "qu.b"))

        daemon.until(lambda: daemon.source()["broken_commit"] == unsigned, "the unsigned one")
        told = daemon.until(lambda: daemon.messages(f"commit {unsigned[:12]} is not"), "told")
        assert "is not signed" in told[0]
        assert "push a signed commit on top" in told[0]
        source = daemon.source()["name"]
        assert f'rmqsync_git_broken{{source="{source}"}} 1.0' in daemon.get("/metrics")
        assert "is not signed" in daemon.get("/")
        assert not daemon.messages(f"source {source}: commit {unsigned} is in force")
        found = daemon.cluster("one")
        assert (found["sync"], found["commit"]) == ("in-sync", signed)
        assert names(broker) == {"qu.a"}
    with home.running() as daemon:
        daemon.until_cluster("one", "after a restart", sync="in-sync", commit=signed)
        assert daemon.source()["broken_commit"] == unsigned

        again = signers.push("ann", shop("qu.a", "qu.c"))
        daemon.until_cluster("one", "signed again", sync="in-sync", commit=again)
        assert names(broker) == {"qu.a", "qu.c"}
        assert daemon.source()["broken_commit"] is None


def test_a_token_is_taken_anew_once_it_is_right_and_never_shown(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    make_certificates(home.folder / "tls")
    token = home.folder / "token"
    token.write_text("wr0ng-of-the-forge\n")
    first = home.push(shop("qu.a"))
    home.git("gc", "-q", at=home.remote)  # as forges do, with bitmaps
    with https_forge(home.folder, home.folder / "tls", f"x-access-token:{TOKEN}") as url:
        home.environ["GIT_SSL_CAINFO"] = str(home.folder / "tls" / "ca.pem")
        home.settings["source"].update(git=f"{url}/remote.git", token={"file": str(token)})
        with home.running("-v") as daemon:
            refused = daemon.until(lambda: daemon.source()["error"], "the wrong token is told")
            assert "denies access; check source.token" in refused
            told = daemon.until_cluster("one", "so is the cluster", sync="failed")
            assert "denies access" in told["error"]

            token.write_text(f"{TOKEN}\n")
            daemon.until(lambda: daemon.source()["commit"] == first, "the right token is taken")
            daemon.until_cluster("one", "compared", sync="pending", commit=first)
            assert daemon.source()["error"] is None
            shown = daemon.text + str(daemon.get("/api/v1/fleet")) + str(daemon.cluster("one"))
            for secret in ("wr0ng-of-the-forge", TOKEN):
                assert secret not in shown
            assert len(daemon.messages(f"source {daemon.source()['name']}: source.git")) == 1
        token.write_text("wr0ng-of-the-forge\n")
        with home.running() as daemon:
            found = daemon.until_cluster("one", "the last good one", sync="pending")
            assert found["commit"] == first
            assert "denies access" in daemon.source()["error"]


def test_ssh_goes_only_to_hosts_whose_key_is_known(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    first = home.push(shop("qu.a"))
    home.git("gc", "-q", at=home.remote)
    known = home.folder / "known_hosts"
    known.touch()
    with ssh_server(home.folder / "ssh") as server:
        home.settings["source"].update(
            git=f"ssh://{server.user}@127.0.0.1:{server.port}{home.remote}",
            ssh_key=home.secret(server.client_key),
            known_hosts={"file": str(known)},
        )
        with home.running() as daemon:
            refused = daemon.until(lambda: daemon.source()["error"], "the unknown host is told")
            assert "is not known by its host key" in refused
            assert known.read_text() == ""
            assert daemon.source()["name"].startswith(f"ssh://{server.user}@127.0.0.1:")

            other = server.client_key.with_suffix(".pub").read_text().split()[1]
            known.write_text(f"{server.known_hosts.rpartition(' ')[0]} {other}\n")
            daemon.until(
                lambda: f"Offending ED25519 key in {known}:1" in daemon.source()["error"],
                "another key is told",
            )
            assert "which may be an attack" in daemon.source()["error"]

            known.write_text(server.known_hosts)
            daemon.until(lambda: daemon.source()["commit"] == first, "the known host is asked")
            daemon.until_cluster("one", "compared", sync="pending", commit=first)
