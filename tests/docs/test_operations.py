"""The operations guide has a place for every metric and every alert, and what it tells works."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.datastructures import Headers

from rmqsync.daemon.web.webhooks import MOST_BODY, MOST_DELIVERIES, REPLAY_S, _generic
from tests.brokers import Broker
from tests.cli.workspace import Workspace
from tests.deploy.exported import families
from tests.docs.pages import ROOT, blocks, table_with, tokens

PAGE = "docs/operations.md"
METRICS = {row[0].strip("`"): row[1:] for row in table_with(PAGE, "`rmqsync_build_info`")}


def headings(level: str) -> list[str]:
    found = tokens(PAGE)
    return [
        found[number + 1].content
        for number, token in enumerate(found)
        if token.type == "heading_open" and token.tag == level
    ]


def test_the_table_of_metrics_is_what_the_daemon_exports() -> None:
    assert set(METRICS) == {one.name for one in families()}


@pytest.mark.parametrize("family", families(), ids=lambda one: str(one.name))
def test_a_metric_has_the_labels_that_the_table_names(family: Any) -> None:
    named = set(re.findall(r"`([a-z]+)`", METRICS[family.name][0]))

    assert named == set().union(*family.series.values()) - {"le"}


def test_a_histogram_is_called_one() -> None:
    called = {name for name, row in METRICS.items() if row[1].startswith("Histogram")}

    assert called == {one.name for one in families() if one.kind == "histogram"}


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    groups = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yaml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"]]

    assert [title for title in headings("h3") if title.startswith("Rmqsync")] == alerts


def test_every_forge_is_told_of() -> None:
    from rmqsync.daemon.web.webhooks import _VERIFY

    rows = table_with(PAGE, "GitHub")

    assert [row[1].strip("`") for row in rows] == [f"/webhooks/{forge}" for forge in _VERIFY]


def test_the_bounds_of_webhooks_are_those_of_the_program() -> None:
    text = " ".join((ROOT / PAGE).read_text().split())

    assert (REPLAY_S, MOST_BODY, MOST_DELIVERIES) == (300, 5_000_000, 60)
    assert "five minutes old at most" in text
    assert "413 above 5 MB; 429 above 60 a minute" in text


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_the_webhook_that_the_guide_signs_is_taken(tmp_path: Path) -> None:
    (shown,) = (one for one in blocks(PAGE) if "openssl" in one.text)
    (tmp_path / "webhook_secret").write_text("s3cret\n")
    (tmp_path / "curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "curl").chmod(0o755)

    def sent() -> str:
        done = subprocess.run(
            ["sh", "-euc", shown.text],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        _, body, _, header, _ = done.stdout.splitlines()
        name, _, value = header.partition(": ")
        assert _generic(Headers({name: value}), body.encode(), b"s3cret", time.time())
        json.loads(body)
        return body

    assert sent() != sent()  # else the second of two pushes within a second would be a replay


def test_the_copy_of_the_history_that_the_guide_makes_is_whole(tmp_path: Path) -> None:
    import sqlite3

    (shown,) = (one for one in blocks(PAGE) if "sqlite3" in one.text)
    with sqlite3.connect(tmp_path / "history.sqlite") as made:
        made.execute("CREATE TABLE runs (run TEXT)")
    made.close()

    subprocess.run(["sh", "-euc", shown.text], cwd=tmp_path, check=True)

    copy = sqlite3.connect(tmp_path / "history.copy")
    assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]
    copy.close()


@pytest.fixture
def limited(
    r43: Broker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:
    """A folder whose settings log in as `limited`, a user without permissions in any vhost."""
    work = Workspace(tmp_path, capsys, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMITED", "secret")
    cluster = {
        "endpoints": [r43.management_url],
        "username": "limited",
        "password": {"env": "LIMITED"},
        "amqp": [r43.amqp_url],
        "lock": {"required": True},
        "layers": ["base"],
    }
    (tmp_path / "rmqsync.yaml").write_text(yaml.safe_dump({"clusters": {"prod": cluster}}))
    (tmp_path / "base").mkdir()
    (tmp_path / "base/all.yaml").write_text(
        yaml.safe_dump({"vhosts": [{"name": "new"}], "queues": [{"vhost": "new", "name": "qu"}]})
    )
    return work


def tagged(broker: Broker, tag: str) -> None:
    with broker.management() as api:
        api.put("users", "limited", body={"password": "secret", "tags": tag})


def test_an_administrator_without_permissions_can_look(limited: Workspace, r43: Broker) -> None:
    tagged(r43, "administrator")

    done = limited.run("plan", "--format", "json")

    assert done.code == 0, done.err
    assert json.loads(done.out)["summary"]["create"] == 2


def test_the_tag_monitoring_is_not_enough_to_look(limited: Workspace, r43: Broker) -> None:
    tagged(r43, "monitoring")

    done = limited.run("plan")

    assert done.code == 1
    assert "set_user_tags limited administrator" in done.out + done.err


def test_the_lock_takes_the_permissions_that_the_guide_grants(
    limited: Workspace, r43: Broker
) -> None:
    """And a vhost that a run makes takes none."""
    tagged(r43, "administrator")
    text = (ROOT / PAGE).read_text()
    (patterns,) = re.findall(r"set_permissions -p / rmqsync (.*)$", text, re.MULTILINE)
    configure, write, read = re.findall(r"'([^']*)'", patterns)
    refused = limited.run("apply", "--auto-approve")
    with r43.management() as api:
        body = {"configure": configure, "write": write, "read": read}
        api.put("permissions", "/", "limited", body=body)

    done = limited.run("apply", "--auto-approve")

    assert refused.code == 1, refused.out + refused.err
    assert done.code == 0, done.out + done.err
