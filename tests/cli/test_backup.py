"""The backup before a run, taken from real brokers."""

import json
import logging
import resource
import stat
import subprocess
import sys
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Outcome, Workspace

BASE = {
    "vhosts": [{"name": "shop"}, {"name": "other"}],
    "users": [{"name": "crm", "password": {"secret": "crm"}}],
    "queues": [{"vhost": "shop", "name": "qu.order.crm"}, {"vhost": "other", "name": "q"}],
    "federation_upstreams": [
        {"vhost": "shop", "name": "up", "value": {"uri": {"secret": "uri"}}},
    ],
}
URI = "amqp://site:s3cret-uri@127.0.0.1:1"


@pytest.fixture
def shop(workspace: Workspace, broker: Broker) -> Workspace:
    """The definitions above, applied."""
    ready(workspace, broker)
    return workspace


@pytest.fixture
def shop40(workspace: Workspace, r40: Broker) -> Workspace:
    ready(workspace, r40)
    return workspace


def ready(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    workspace.secret("crm", "s3cret", "user:crm")
    workspace.secret("uri", URI, "federation_upstream:*/*")
    workspace.define(BASE)
    applied = workspace.apply()
    assert applied.code == 0, applied.out
    with_queue(workspace, "new")


def with_queue(workspace: Workspace, name: str) -> None:
    queue = {"vhost": "shop", "name": name}
    workspace.define(BASE | {"queues": [*BASE["queues"], queue]})


def export(broker: Broker) -> bytes:
    """What the broker itself answers, byte for byte."""
    request = urllib.request.Request(f"{broker.management_url}/api/definitions")
    user = f"{broker.username}:{broker.password}"
    request.add_header("Authorization", "Basic " + b64encode(user.encode()).decode())
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
    return content


def backup_of(outcome: Outcome) -> Path:
    return Path(outcome.cluster["backup"])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_backup_is_the_export_from_before_the_run(shop: Workspace, broker: Broker) -> None:
    before = export(broker)

    applied = shop.apply()

    kept = backup_of(applied)
    assert applied.code == 0
    assert kept.read_bytes() == before
    assert export(broker) != before
    assert URI in kept.read_text()
    assert kept.name.endswith(f"Z-{applied.cluster['run']}.json")
    assert [mode(path) for path in (kept, kept.parent, kept.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]


def test_it_costs_no_request_where_nobody_was_waited_for(
    shop: Workspace, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """Only while somebody is asked, and there is no lock, anything may happen."""

    def apply() -> tuple[Outcome, int]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="rmqsync.broker.client"):
            applied = shop.apply("-vv")
        lines = [record.getMessage() for record in caplog.records]
        return applied, sum(" method=GET target=definitions " in line for line in lines)

    _, unlocked = apply()  # plan, verify
    before = export(broker)
    with_queue(shop, "newer")
    shop.cluster("one", broker, amqp=[broker.amqp_url])
    applied, locked = apply()  # plan, plan under the lock, verify

    assert (unlocked, locked) == (2, 3)
    assert backup_of(applied).read_bytes() == before


def test_a_backup_says_the_way_back(shop: Workspace, broker: Broker) -> None:
    """Besides our own user, who is in no live set."""
    kept = backup_of(shop.apply())

    back = shop.run("diff", "cluster:one", f"file:{kept}", "--format", "json")

    ours = f"/{broker.username}", f"user:{broker.username}"
    rest = [(action, address) for action, address in back.changes if not address.endswith(ours)]
    assert rest == [("delete", "queue:shop/new")]


def test_what_has_nothing_to_do_keeps_nothing(shop40: Workspace) -> None:
    kept = backup_of(shop40.apply()).parent
    number = len(list(kept.iterdir()))

    again = shop40.apply()

    assert "run" not in again.cluster
    assert "backup" not in again.cluster
    assert len(list(kept.iterdir())) == number


def test_only_the_last_are_kept(shop40: Workspace) -> None:
    shop40.settings["daemon"] = {"backups": 2}
    shop40.save()
    outcomes = []
    for number in range(3):
        with_queue(shop40, f"new.{number}")
        outcomes.append(backup_of(shop40.apply()))

    assert sorted(outcomes[0].parent.iterdir()) == sorted(outcomes[1:])


def test_another_folder_or_none(shop40: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "mine"

    chosen = backup_of(shop40.apply("--backup", str(folder)))
    with_queue(shop40, "second")
    none = shop40.apply("--backup", "none")
    shop40.settings["daemon"] = {"backups": 0}
    shop40.save()
    with_queue(shop40, "third")
    unwanted = shop40.apply()

    assert chosen.parent == folder / "one"
    assert [none.code, none.cluster["backup"]] == [0, None]
    assert [unwanted.code, unwanted.cluster["backup"]] == [0, None]


def test_no_variable_goes_without(shop40: Workspace) -> None:
    shop40.monkeypatch.setenv("RMQSYNC_BACKUP", "none")

    assert backup_of(shop40.apply()).exists()


def test_where_no_backup_can_be_kept_nothing_is_done(shop: Workspace, broker: Broker) -> None:
    before = json.loads(export(broker))
    kept = shop.folder.parent / f"{shop.folder.name}.kept"
    kept.write_text("a file in the place of the folder")

    refused = shop.apply("--backup", str(kept))
    row = json.loads(shop.run("history", "--format", "json").out)["runs"][0]

    (change,) = refused.cluster["changes"]
    assert refused.code == 1
    assert change["result"] == "skipped"
    assert f"folder '{kept}' cannot be made" in refused.cluster["error"]
    assert "--backup none" in refused.cluster["error"]
    assert json.loads(export(broker)) == before
    assert (row["status"], row["exit_code"], row["backup"]) == ("refused", 1, None)
    assert shop.apply("--backup", "none").code == 0


def test_of_a_narrowed_scope_only_that_is_kept(shop40: Workspace, r40: Broker) -> None:
    """Password hashes of users that another repository manages stay where they are."""
    shop40.cluster("one", r40, scope={"vhosts": ["shop"]})
    shop40.define({"queues": [{"vhost": "shop", "name": "new"}], "vhosts": [{"name": "shop"}]})
    before = json.loads(export(r40))

    applied = shop40.apply()

    kept = json.loads(backup_of(applied).read_text())
    assert applied.code == 0, applied.out
    assert kept["users"] == []
    assert [vhost["name"] for vhost in kept["vhosts"]] == ["shop"]
    assert kept["queues"] == [queue for queue in before["queues"] if queue["vhost"] == "shop"]
    assert kept["rabbitmq_version"] == before["rabbitmq_version"]


def on_a_full_disk(workspace: Workspace, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Apply in a process that can write a hundred bytes to a file and no more."""
    command = [sys.executable, "-m", "rmqsync", "apply", "--auto-approve", *arguments]
    return subprocess.run(
        command,
        cwd=workspace.folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        capture_output=True,
        text=True,
    )


def test_a_disk_that_is_full_stops_a_run_for_its_backup_only(
    shop40: Workspace, r40: Broker
) -> None:
    folder = shop40.folder.parent / f"{shop40.folder.name}.full"
    before = json.loads(export(r40))

    refused = on_a_full_disk(shop40, "--backup", str(folder))
    untouched = json.loads(export(r40))
    without = on_a_full_disk(shop40, "--backup", "none")

    assert refused.returncode == 1, refused.stderr
    assert "cannot be written: file too large" in refused.stdout
    assert untouched == before
    assert list((folder / "one").iterdir()) == []
    assert without.returncode == 0, without.stderr
    assert "warning: this run is missing in the history" in without.stderr
