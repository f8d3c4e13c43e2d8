"""
The steps of README's "A first repository", run in a shell against a real broker, as written.

What README shows of the output is compared by paragraphs, in order: it may leave some out.
"""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.brokers import Broker
from tests.docs.pages import ROOT, blocks

SECTION = "A first repository"
ADDRESS = "http://localhost:15672"


def steps():
    """Commands, each with the output that README shows for them."""
    found = []
    for block in blocks("README.md"):
        if block.section == SECTION and block.language == "sh":
            found.append((block.text, ""))
        elif block.section == SECTION and block.language == "text":
            found[-1] = (found[-1][0], block.text)
    return found


@pytest.fixture
def grown(r43: Broker) -> Broker:
    """What README says that there is."""
    with r43.management() as api:
        api.put("vhosts", "common", body={})
        api.put("permissions", "common", r43.username, body=dict.fromkeys(RIGHTS, ".*"))
        api.put("users", "order-svc", body={"password": "secret", "tags": ""})
        api.put("exchanges", "common", "ex.order.topic", body={"type": "topic"})
    return r43


RIGHTS = ("configure", "write", "read")


@pytest.fixture
def shell(grown, tmp_path):
    """
    A function that runs commands one after the other and returns all that they print.

    `rmqsync` is this one, and says yes; `rabbitmqctl` talks to the broker.
    """
    tools = tmp_path / "tools"
    tools.mkdir()
    python, root = shlex.quote(sys.executable), shlex.quote(str(ROOT))
    scripts = {
        "rmqsync": f'[ "$1" != apply ] || set -- "$@" --auto-approve\n'
        f'PYTHONPATH={root} exec {python} -m rmqsync "$@"\n',
        "rabbitmqctl": f'cd {root} && exec {python} -m tests.brokers ctl {grown.name} "$@"\n',
    }
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}")
        (tools / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@example.com"))
    }
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("RMQSYNC_CONFIG", "GIT_"))},
        **identity,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def run(script):
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_first_repository_works_as_told(shell, grown):
    told = steps()
    mark = "-- end of step --"
    script = "".join(f"{commands}echo '{mark}'\n" for commands, _ in told)
    script = script.replace(ADDRESS, grown.management_url)

    done = shell(script)

    assert done.returncode == 0, done.stdout + done.stderr
    shown = [plain(text) for text in done.stdout.split(mark)]
    assert len(told) >= 6
    for (_, expected), found in zip(told, shown, strict=False):
        rest = found
        for paragraph in filter(None, plain(expected).strip().split("\n\n")):
            assert paragraph in rest
            rest = rest.partition(paragraph)[2]
    assert "base.secrets" not in shell("cd mq && git ls-files").stdout


def plain(text: str) -> str:
    """Output without the version of the broker, which moves."""
    return re.sub(r"RabbitMQ [0-9.]+", "RabbitMQ", text)
