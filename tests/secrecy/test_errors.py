"""What goes wrong is told without the secret that was in it, however unexpected it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.brokers import Broker
from tests.cli.conftest import workspace
from tests.cli.workspace import Workspace
from tests.secrecy.estate import FORMATS, Estate
from tests.secrecy.planted import Planted

__all__ = ["workspace"]


@pytest.fixture
def estate(workspace: Workspace, broker: Broker, tmp_path: Path) -> Iterator[Estate]:
    made = Estate(workspace, broker, tmp_path / "data")
    made.workspace.define(made.definitions())
    made.workspace.commit()
    yield made
    leaks = [f"{what}: {', '.join(sorted(places))}" for what, places in made.leaks.items()]
    assert not leaks, "\n".join(leaks)


def test_what_a_broker_refuses_is_told_without_secrets(estate: Estate) -> None:
    """Brokers repeat the values that they refuse."""
    bad = estate.uri("refused shovel").replace("127.0.0.1:1", "[no-host:port")
    estate.workspace.secret("source", bad)
    estate.workspace.secret("upstream", bad.replace("amqp:", "http:"))
    other = [{"vhost": "shop", "component": "x", "name": "y", "value": {"a": {"secret": "quiet"}}}]
    estate.workspace.define(estate.definitions(parameters=other))
    estate.workspace.commit()

    single = estate.run("apply", "--auto-approve", "--bulk", "never", "-vv", "--format", "json")
    bulk = estate.in_all_formats("apply", "--auto-approve")

    errors = {one["address"] for one in single.cluster["changes"] if one["result"] == "failed"}
    assert {"federation_upstream:shop/up", "parameter:shop/x/y"} <= errors
    assert single.code == 4
    assert bulk.code in (1, 4)
    assert estate.spawn("apply", "--auto-approve", "-vv") in (1, 4)
    estate.run("history", "--format", "json")
    estate.look_at_data()


def test_an_unexpected_error_is_told_without_secrets(estate: Estate) -> None:
    estate.spawn("plan", "-vv", breaks_at="GET")
    estate.spawn("apply", "--auto-approve", "-vv", breaks_at="PUT")
    estate.spawn("apply", "--auto-approve", "-vv")
    estate.by_hand(1)
    estate.spawn("drift", "-vv", breaks_at="GET")
    estate.spawn("rollback", "one", "HEAD", "--auto-approve", "-vv", breaks_at="PUT")
    estate.look_at_data()


def test_a_wrong_password_is_told_without_it(estate: Estate) -> None:
    wrong = estate.planted.password("wrong password")
    estate.workspace.monkeypatch.setenv("PASSWORD_ONE", wrong)
    assert estate.in_all_formats("plan").code == 1
    assert estate.spawn("apply", "--auto-approve", "-vv") == 1

    estate.workspace.monkeypatch.setenv("PASSWORD_ONE", estate.management)
    estate.workspace.monkeypatch.setenv("AMQP_ONE", estate.amqp_url(wrong))
    assert "user or password is wrong" in estate.in_all_formats("apply", "--auto-approve").err
    estate.workspace.define(estate.definitions(policies=[]))
    for url in (f"amqp://u:{quote(wrong)}@127.0.0.1:1", f"amqp://u:{wrong}@[x", f"amqps:{wrong}"):
        estate.workspace.monkeypatch.setenv("AMQP_ONE", url)
        estate.run("apply", "--auto-approve", "--allow-dirty")
        estate.spawn("apply", "--auto-approve", "--allow-dirty", "-vv")
    estate.look_at_data()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{}@127.0.0.1:1/history",
        "postgresql://u:{}@/history?host=/nowhere",
        "mysql://u:{}@127.0.0.1:1/history",
        "{}",
    ],
)
def test_a_history_out_of_reach_is_told_without_its_password(
    workspace: Workspace, tmp_path: Path, url: str
) -> None:
    planted = Planted()
    password = planted.password("history")
    workspace.monkeypatch.setenv("HISTORY", url.format(quote(password, safe="")))
    workspace.settings["daemon"] = {"data_dir": str(tmp_path), "history": {"env": "HISTORY"}}
    workspace.save()

    found = workspace.run("history")

    assert found.code == 1
    assert "history" in found.err
    assert planted.found_in(found.out + found.err) == set()


def test_a_git_token_that_is_refused_is_told_without_it(workspace: Workspace) -> None:
    planted = Planted()
    workspace.monkeypatch.setenv("TOKEN", planted.add("token", "ghp_kw9Secret"))
    workspace.settings["source"] = {"git": "https://127.0.0.1:1/mq.git", "token": {"env": "TOKEN"}}
    workspace.cluster("one", endpoints=["file:none.json"])

    found = workspace.run("plan", "-vv")

    assert found.code == 1
    assert "https://127.0.0.1:1/mq.git" in found.err
    assert planted.found_in(found.out + found.err) == set()


IN_SETTINGS: dict[str, Any] = {
    "password": {"clusters": {"one": {"layers": ["a"], "endpoints": ["http://h"],
                 "username": "u", "password": "{}"}}},
    "endpoint": {"clusters": {"one": {"layers": ["a"], "endpoints": ["http://u:{}@h"],
                 "username": "u", "password": {"env": "X"}}}},
    "amqp": {"clusters": {"one": {"layers": ["a"], "endpoints": ["http://h"],
             "username": "u", "password": {"env": "X"}, "amqp": ["amqp://u:{}@h"]}}},
    "endpoint with an odd password": {"clusters": {"one": {"layers": ["a"],
        "endpoints": ["http://u:{}/1@h"], "username": "u", "password": {"env": "X"}}}},
    "amqp with an odd password": {"clusters": {"one": {"layers": ["a"], "endpoints": ["http://h"],
        "username": "u", "password": {"env": "X"}, "amqp": ["amqp://u:{}/1@h"]}}},
    "amqp of another sort": {"clusters": {"one": {"layers": ["a"], "endpoints": ["http://h"],
        "username": "u", "password": {"env": "X"}, "amqp": ["stomp://u:{}@h"]}}},
    "git with an odd password": {"source": {"git": "https://u:{}/1@h/x.git"}},
    "history with an odd password": {"daemon": {"history": "postgresql://u:{}/1@h/d"}},
    "git": {"source": {"git": "https://u:{}@h/x.git"}},
    "token": {"source": {"git": "https://h/x.git", "token": "{}"}},
    "history": {"daemon": {"history": "postgresql://u:{}@h/d"}},
    "tokens": {"daemon": {"tokens": {"ops": "{}"}}},
    "webhooks": {"daemon": {"webhooks": {"github": "{}"}}},
    "notify": {"notify": [{"url": "json://u:{}@h"}]},
    "secret": {"secrets": {"x": "{}"}},
    "secret with a value": {"secrets": {"x": {"value": "{}", "for": ["*"]}}},
}  # fmt: skip


@pytest.mark.parametrize("document", IN_SETTINGS.values(), ids=IN_SETTINGS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_in_settings_is_an_error_that_does_not_repeat_it(
    workspace: Workspace, document: dict[str, Any], form: str
) -> None:
    planted = Planted()
    text = yaml.safe_dump(document).replace("{}", planted.add("settings", "kw9SecretInSettings"))
    workspace.write("rmqsync.yaml", text)

    found = workspace.run("validate", "--format", form)

    assert found.code == 1
    assert planted.found_in(found.out + found.err) == set()


IN_DEFINITIONS = {
    "password": "users: [{{name: u, password: {0}}}]",
    "password in a list": "users: [{{name: u, password: [{0}]}}]",
    "reference with more": "users: [{{name: u, password: {{secret: x, other: {0}}}}}]",
    "hash and password": "users: [{{name: u, password_hash: {0}, password: {0}}}]",
    "algorithm": "users: [{{name: u, password_hash: {0}, hashing_algorithm: 1}}]",
    "upstream": "federation_upstreams: [{{vhost: /, name: u, value: {{uri: 'amqp://u:{0}@h'}}}}]",
    "shovel": "shovels: [{{vhost: /, name: u, value: {{src-uri: ['amqp://u:{0}@h']}}}}]",
    "upstream at its top": "federation_upstreams: [{{vhost: /, name: u, uri: 'amqp://u:{0}@h'}}]",
    "shovel by parameter":
        "parameters: [{{vhost: /, component: shovel, name: u, value: {{src-uri: 'amqp://u:{0}@h'}}}}]",
    "parameter": "global_parameters: [{{name: u, value: 'amqp://u:{0}@h'}}]",
    "argument": "queues: [{{vhost: /, name: q, arguments: {{x: 'amqp://u:{0}@h'}}}}]",
    "twice": "users: [{{name: u, password: {0}}}, {{name: u, password: {0}}}]",
    "broken YAML": "users: [{{name: u, password: {0}}}",
    "a password that begins with @": "users: [{{name: u, password: @{0}}}]",
    "an unknown tag": "users: [{{name: u, password: !x {0}}}]",
    "an unknown alias": "users: [{{name: u, password: *{0}}}]",
    "unknown key": "users: [{{name: u, pasword: {0}}}]",
}  # fmt: skip
OF_THE_TEXT = ("an unknown alias",)
"""An alias is a name: nobody writes a password there."""


@pytest.mark.parametrize("case", [one for one in IN_DEFINITIONS if one not in OF_THE_TEXT])
def test_a_secret_in_definitions_is_an_error_that_does_not_repeat_it(
    workspace: Workspace, case: str, tmp_path: Path
) -> None:
    planted = Planted()
    text = IN_DEFINITIONS[case].format(planted.add("definitions", "kw9SecretInAFile"))
    workspace.write("base/a.yaml", text)
    workspace.cluster("one", endpoints=["file:none.json"])
    reports = [f"--report={one}={tmp_path}/{one}" for one in FORMATS]

    found = [workspace.run("validate"), workspace.run("validate", *reports)]

    assert [one.code for one in found] == [1, 1]
    assert [planted.found_in(one.out + one.err) for one in found] == [set(), set()]
    assert planted.found_below(tmp_path) == {}


def test_plain_secrets_that_are_allowed_are_kept_nowhere_but_in_their_file(
    workspace: Workspace, r40: Broker, tmp_path: Path
) -> None:
    planted = Planted()
    workspace.settings["daemon"] = {"data_dir": str(tmp_path / "data"), "backups": 0}
    workspace.cluster("one", r40)
    uri = f"amqp://u:{planted.add('upstream', 'kw9PlainUpstream')}@127.0.0.1:1"
    workspace.define(
        {
            "vhosts": [{"name": "shop"}],
            "users": [{"name": "u", "password": planted.add("password", "kw9PlainPassword")}],
            "federation_upstreams": [{"vhost": "shop", "name": "up", "value": {"uri": uri}}],
        }
    )
    workspace.commit()

    planned = workspace.run("plan", "--allow-plain-secrets", "--out", "x.plan", "-v")
    applied = workspace.run("apply", "--auto-approve", "--allow-plain-secrets", "-v")

    assert (planned.code, applied.code) == (0, 0)
    said = planned.out + planned.err + applied.out + applied.err
    assert planted.found_in(said + (workspace.folder / "x.plan").read_text()) == set()
    assert planted.found_below(tmp_path / "data") == {}
    with r40.management() as api:
        markers = [one for one in api.get("global-parameters") if "rmqsync." in one["name"]]
    assert planted.found_in(str(markers)) == set()
