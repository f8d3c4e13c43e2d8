"""What goes wrong names the thing and the next step, ends as designed, and does nothing else."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace
from tests.fakes.faults import Reply
from tests.fakes.management import PASSWORD, USERNAME, FakeBroker

SHOP = {"vhosts": [{"name": "shop"}], "queues": [{"vhost": "shop", "name": "qu"}]}


def faked(workspace: Workspace, fake: FakeBroker) -> None:
    workspace.monkeypatch.setenv("FAKE_PASSWORD", PASSWORD)
    workspace.cluster(
        "fake", endpoints=[fake.url], username=USERNAME, password={"env": "FAKE_PASSWORD"}
    )
    workspace.define(SHOP)


def test_wrong_password(workspace: Workspace, r310: Broker) -> None:
    workspace.cluster("one", r310)
    workspace.define(SHOP)
    workspace.monkeypatch.setenv("PASSWORD_ONE", "wrong-secret")

    planned = workspace.plan()

    assert planned.code == 1
    assert "PASSWORD_ONE" in planned.cluster["error"]
    assert "wrong-secret" not in planned.out + planned.err


def test_a_user_without_the_administrator_tag(workspace: Workspace, broker: Broker) -> None:
    with broker.management() as api:
        api.put("users", "watcher", body={"password": "x1", "tags": "monitoring"})
    workspace.cluster("one", broker, username="watcher")
    workspace.monkeypatch.setenv("PASSWORD_ONE", "x1")
    workspace.define(SHOP)

    planned = workspace.plan()

    assert planned.code == 1
    assert "administrator" in planned.cluster["error"]
    assert "watcher" in planned.cluster["error"]


def test_missing_rights_are_listed_as_commands_and_nothing_is_done(
    workspace: Workspace, broker: Broker
) -> None:
    with broker.management() as api:
        api.put("users", "deployer", body={"password": "x1", "tags": "administrator"})
        api.put("vhosts", "shop", body={})
        api.put("queues", "shop", "old", body={"durable": True})
    workspace.cluster("one", broker, username="deployer")
    workspace.monkeypatch.setenv("PASSWORD_ONE", "x1")
    policy = {"vhost": "shop", "name": "p", "pattern": "^x", "definition": {"max-length": 1}}
    gone = {"vhost": "shop", "name": "old", "state": "absent"}
    workspace.define(SHOP | {"policies": [policy], "queues": [gone]})

    applied = workspace.apply("--adopt")

    assert applied.code == 1
    assert "rabbitmqctl set_permissions" in applied.cluster["error"]
    with broker.management() as api:
        assert api.get("policies", "shop") == []


def test_an_answer_that_is_no_json(workspace: Workspace) -> None:
    with FakeBroker() as fake:
        faked(workspace, fake)
        page = Reply(200, b"<html>login please</html>", {"Content-Type": "text/html"})
        fake.fail(page, path="definitions", times=9)

        planned = workspace.plan()

    assert planned.code == 1
    assert "text/html" in planned.cluster["error"]


def test_what_was_done_though_the_answer_says_no_is_found_done(workspace: Workspace) -> None:
    with FakeBroker() as fake:
        faked(workspace, fake)
        refused = Reply(400, b'{"error":"bad_request","reason":"no room"}')
        fake.fail(refused, method="PUT", path="queues")

        first = workspace.apply()
        second = workspace.apply()

    outcome = {c["address"]: (c["result"], c["error"]) for c in first.cluster["changes"]}
    assert first.code == 0
    assert outcome["queue:shop/qu"] == ("applied", None)
    assert second.code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["plan", "--cluster", "onne"], 64, "did you mean 'one'", id="cluster"),
        pytest.param(["plann"], 64, "did you mean 'plan'", id="verb"),
        pytest.param(["plan", "--no-such"], 64, "--no-such", id="flag"),
        pytest.param(["plan", "--config", "no.yaml"], 1, "no.yaml", id="config"),
        pytest.param(["apply", "--allow-loss", "all"], 64, "messages", id="level"),
        pytest.param(["apply", "--allow-loss", "messages:"], 64, "no address", id="no address"),
        pytest.param(
            ["apply", "--allow-loss", "messages:queue:*/x"], 64, "exactly one", id="pattern"
        ),
        pytest.param(["plan", "--target", "queu:*"], 64, "did you mean 'queue'", id="target"),
        pytest.param(
            ["apply", "--allow-loss", "messages:qu.order"], 64, "start with a kind", id="address"
        ),
        pytest.param(["show", "no.plan"], 1, "no.plan", id="plan file"),
        pytest.param(["show", "base/all.yaml"], 1, "not a saved plan", id="no plan"),
        pytest.param(["apply", "--cluster", "snapshot"], 64, "snapshot", id="file cluster"),
        pytest.param(["plan", "--revision", "v9", "--cluster", "one"], 1, "v9", id="revision"),
        pytest.param(["diff", "this", "file:that"], 64, "cluster:NAME", id="side"),
        pytest.param(["validate", "nowhere"], 1, "nowhere", id="path"),
    ],
)
def test_wrong_usage(workspace: Workspace, arguments: list[str], code: int, words: str) -> None:
    workspace.monkeypatch.setenv("PASSWORD_ONE", "x")
    workspace.cluster(
        "one",
        endpoints=["http://127.0.0.1:9"],
        username="u",
        password={"env": "PASSWORD_ONE"},
    )
    workspace.write("snapshot.json", "{}")
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"])
    workspace.define(SHOP)
    workspace.commit()

    found = workspace.run(*arguments)

    assert found.code == code
    assert words in found.err


def test_an_unset_password_names_its_variable(workspace: Workspace) -> None:
    workspace.cluster(
        "one", endpoints=["http://127.0.0.1:9"], username="u", password={"env": "NOT_THERE"}
    )
    workspace.define(SHOP)

    planned = workspace.run("plan")

    assert planned.code == 1
    assert "NOT_THERE" in planned.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("{name: q, type: quorm}", "did you mean 'quorum'", id="type"),
        pytest.param(
            "{name: q, type: quorum, arguments: {x-queue-type: classic}}",
            "no queue type 'quorum and classic at once'",
            id="two types",
        ),
        pytest.param(
            "{name: q, arguments: {x-queue-type: foo, x-max-length: 1}}",
            "there is no queue type 'foo'",
            id="type by argument",
        ),
        pytest.param("{name: q, omit: true, state: absent}", "both omitted", id="contradiction"),
        pytest.param(
            "{name: q, bindings: [{source: hash, routing_key: abc}]}",
            "'abc' is no weight",
            id="weight",
        ),
    ],
)
def test_what_cannot_be_meant(workspace: Workspace, text: str, said: str) -> None:
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"])
    exchanges = "exchanges: [{name: hash, type: x-consistent-hash}]"
    workspace.write("base/a.yaml", f"vhost: /\n{exchanges}\nqueues:\n  - {text}\n")

    checked = workspace.run("validate")

    assert checked.code == 1
    assert said in checked.out


def test_one_of_a_kind_is_not_worded_as_several(workspace: Workspace) -> None:
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"])
    workspace.write("base/a.yaml", "vhosts: [{name: shop}]\n")
    checked = workspace.run("validate")
    workspace.write("base/a.yaml", "vhosts: [{name: shop, tracin: true}]\n")
    broken = workspace.run("plan", "--format", "json")

    assert checked.err == "checked 1 cluster, 1 object\n"
    assert broken.err == "1 finding, nothing was done\n"


def test_both_spellings_of_a_routing_key_count(workspace: Workspace) -> None:
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"])
    workspace.write("snapshot.json", '{"vhosts": [{"name": "/"}]}')
    keys = "{source: amq.topic, routing_key: a, routing_keys: [b, a]}"
    workspace.write("base/a.yaml", f"vhost: /\nqueues: [{{name: q, bindings: [{keys}]}}]\n")

    planned = workspace.plan()

    assert [address for _, address in planned.changes if address.startswith("binding")] == [
        "binding:%2F/amq.topic/queue/q/a",
        "binding:%2F/amq.topic/queue/q/b",
    ]


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_layer_that_is_missing_or_empty(workspace: Workspace, folder: str) -> None:
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"], layers=[folder])
    workspace.write("snapshot.json", "{}")
    (workspace.folder / "empty").mkdir()

    planned = workspace.run("plan")

    assert planned.code == 1
    assert f"'{folder}'" in planned.err


def test_all_errors_of_all_files_at_once(workspace: Workspace) -> None:
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"])
    workspace.write("snapshot.json", "{}")
    workspace.write("base/a.yaml", "queues:\n  - {vhost: shop, nam: x}\n")
    workspace.write("base/b.yaml", "vhosts: [\n")
    workspace.write(
        "base/c.yaml", "vhosts: [{name: shop}]\nexchanges:\n  - {vhost: shop, name: e}\n"
    )

    planned = workspace.run("plan")

    assert planned.code == 1
    places = {line.split(":")[0] for line in planned.err.splitlines() if line.startswith("base/")}
    assert places == {"base/a.yaml", "base/b.yaml", "base/c.yaml"}
    assert "did you mean 'name'" in planned.err


def test_findings_come_in_the_format_asked_for(workspace: Workspace) -> None:
    workspace.cluster("snapshot", endpoints=["file:snapshot.json"])
    workspace.write("snapshot.json", "{}")
    workspace.write("base/a.yaml", "queues:\n  - {vhost: shop, nam: x}\n")

    annotated = workspace.run("plan", "--format", "github", "--report", "sarif=out.sarif")

    assert annotated.code == 1
    assert annotated.out.startswith("::error file=base/a.yaml,line=2")
    assert json.loads((workspace.folder / "out.sarif").read_text())["version"] == "2.1.0"


def test_ctrl_c_ends_with_a_report_and_a_second_run_converges(
    workspace: Workspace, r40: Broker
) -> None:
    queues = [{"vhost": "shop", "name": f"qu.{number}"} for number in range(600)]
    workspace.cluster("one", r40)
    workspace.define({"vhosts": [{"name": "shop"}], "queues": queues})
    command = [sys.executable, "-m", "rmqsync", "apply", "--auto-approve", "--bulk", "never"]
    running = subprocess.Popen(
        [*command, "--format", "json", "--parallelism", "2"],
        cwd=workspace.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with r40.management() as api:
        for _ in range(600):
            if len(api.get("queues")) > 20:
                break
            time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)

    assert out, err
    document = json.loads(out)
    done = [c for c in document["clusters"][0]["changes"] if c["result"] == "applied"]
    assert running.returncode == 130
    assert 20 < len(done) < 600
    with r40.management() as api:
        assert len(api.get("queues")) == len(done) - 1  # the vhost is one of them
    assert workspace.apply().code == 0
    assert workspace.plan().changes == []


@pytest.mark.parametrize("target", ["/etc/hostname", "gone.yaml"])
@pytest.mark.parametrize("verb", [("validate",), ("validate", "base"), ("plan",)])
def test_a_link_that_cannot_be_read_hides_no_other_error(
    workspace: Workspace, target: str, verb: tuple[str, ...]
) -> None:
    workspace.cluster(
        "one", endpoints=["http://127.0.0.1:9"], username="u", password={"env": "HOME"}
    )
    workspace.write("base/a.yaml", "queus: []\n")
    workspace.write("base/b.yaml", "vhost: s\nqueues: [{name: 7}]\n")
    (workspace.folder / "base" / "link.yaml").symlink_to(target)

    told = workspace.run(*verb, "--format", "json")

    places = [(one["source"]["file"], one["code"]) for one in told.document["findings"]]
    assert told.code == 1
    assert [file for file, _ in places] == ["base/a.yaml", "base/b.yaml", "base/link.yaml"]
    assert places[-1][1] == "RMQ095"
