"""The image that the Dockerfile makes: built, and run so that it can write nothing but its data."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from rmqsync.version import __version__
from tests.ci.checkout import PROJECT
from tests.ci.forge import OURS, Forge, running
from tests.ci.test_revisions import AFTER, BEFORE, UNREACHABLE
from tests.cli.workspace import GIT
from tests.packaging.image import Container, Image

T = TypeVar("T")

LARGEST_BYTES = 400_000_000
"""With git, ssh and a Debian of 120 MB."""
LONGEST_S = 60.0
"""However busy the machine is, the daemon has answered by then."""
COMPARED = 'rmqsync_cluster_sync{cluster="prod",state="pending"} 1.0'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder, as a volume that belongs to the user of the image."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, 10001, 10001)
    return folder


def test_it_runs_rmqsync(built: Image) -> None:
    done = built.run("--version")

    assert (done.returncode, done.stdout) == (0, f"rmqsync, version {__version__}\n"), done.stderr


def test_it_checks_the_example_from_a_mount_that_is_not_its_own(built: Image) -> None:
    done = built.run("validate", mounts={PROJECT / "examples": "/work"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "checked 2 clusters" in done.stderr


def test_its_user_is_nobody_special_and_only_the_data_folder_can_be_written(
    built: Image, data: Path
) -> None:
    script = (
        "id -u; grep -E '^Cap(Prm|Eff|Bnd)|^NoNewPrivs' /proc/self/status; echo $HOME; "
        "for place in / /opt/rmqsync /work /tmp /etc /usr/bin ~; do"
        " (: > $place/probe) 2>/dev/null && echo writable $place; done; echo end"
    )

    done = built.run("-c", script, data=data, entrypoint=["sh"])

    none = "0000000000000000"
    assert done.stdout.split("\n") == [
        "10001",
        f"CapPrm:\t{none}",
        f"CapEff:\t{none}",
        f"CapBnd:\t{none}",
        "NoNewPrivs:\t1",
        "/var/lib/rmqsync",
        "writable /var/lib/rmqsync",
        "end",
        "",
    ], done.stderr


def test_without_any_mount_its_own_files_cannot_be_written_by_its_user(built: Image) -> None:
    own = [
        file.relative_to(built.root)
        for file in built.root.rglob("*")
        if not file.is_symlink()
        and (file.lstat().st_uid == 10001 or file.lstat().st_mode & 0o1002 == 0o0002)
        and not str(file.relative_to(built.root)).startswith(("proc/", "dev/", "sys/"))
    ]

    assert own == [Path("var/lib/rmqsync")]


@pytest.mark.parametrize("program", ["git", "ssh", "bash"])
def test_it_has_what_reads_repositories(built: Image, program: str) -> None:
    done = built.run("-c", f"command -v {program}", entrypoint=["sh"])

    assert done.returncode == 0


@pytest.mark.parametrize("program", ["pip", "pip3", "gcc", "cc", "make"])
def test_it_has_nothing_that_builds(built: Image, program: str) -> None:
    done = built.run("-c", f"command -v {program} || echo none", entrypoint=["sh"])

    assert done.stdout == "none\n"


def test_it_is_small_and_keeps_nothing_of_its_making(built: Image) -> None:
    left = [
        name
        for name in ("build", "run/secrets", "etc/pip.conf", "root/.cache")
        if (built.root / name).exists() and any((built.root / name).glob("*"))
    ]

    assert left == []
    assert not any((built.root / "var/lib/apt/lists").glob("*"))
    assert built.size_bytes < LARGEST_BYTES


def test_what_pip_was_told_is_nowhere_in_it(built: Image) -> None:
    found = subprocess.run(
        ["grep", "-rlI", "/run/secrets/ca.pem", "opt", "etc", "var/lib/rmqsync"],
        cwd=built.root,
        capture_output=True,
        text=True,
    )

    assert found.stdout == ""
    assert "secret" not in built.history


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings with definitions beside them and a cluster that is a file: all that run needs."""
    folder = tmp_path / "settings"
    (folder / "base").mkdir(parents=True)
    (folder / "base/all.yaml").write_text(yaml.safe_dump(BEFORE))
    (folder / "live.json").write_text(json.dumps({"rabbitmq_version": "4.1.0", "users": []}))
    cluster = {"endpoints": ["file:live.json"], "layers": ["base"], "every": "1s"}
    secrets = {"app": {"env": "APP", "for": ["user:app"]}}
    (folder / "rmqsync.yaml").write_text(
        yaml.safe_dump({"secrets": secrets, "clusters": {"prod": cluster}})
    )
    return folder


def address_of(container: Container) -> str:
    """Where the daemon in it listens, once it does."""

    def listening() -> str | None:
        for line in container.log.read_text().splitlines():
            message = json.loads(line)["message"] if line.startswith("{") else ""
            if message.startswith("listening on http://"):
                return str(message.removeprefix("listening on http://"))
        return None

    return until(container, listening)


def until(container: Container, found: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        assert container.poll() is None, container.log.read_text()
        value = found()
        if value is not None:
            return value
        time.sleep(0.1)
    raise AssertionError(f"nothing within {LONGEST_S} s: {container.log.read_text()}")


def asked(url: str) -> tuple[int, str] | None:
    """The answer of a probe; `None` where it says no, or nothing answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=LONGEST_S) as answer:
            return answer.status, answer.read().decode()
    except OSError:
        return None


def test_the_daemon_in_it_answers_probes_and_ends_well_when_told_to(
    built: Image, settings: Path, data: Path, tmp_path: Path
) -> None:
    check = built.config["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    with built.running(
        *("run", "--bind", "127.0.0.1:0"),
        log=tmp_path / "log",
        mounts={settings: "/work"},
        data=data,
    ) as container:
        address = address_of(container)

        alive = until(container, lambda: asked(f"http://{address}/healthz"))
        ready = until(container, lambda: asked(f"http://{address}/readyz"))
        health = built.run(variables={"RMQSYNC_BIND": address}, entrypoint=check[1:])
        compared = until(container, lambda: found_in(f"http://{address}/metrics", COMPARED))
        container.send_signal(signal.SIGTERM)
        code = container.wait(LONGEST_S)

    assert (alive, ready) == ((200, "alive\n"), (200, "ready\n"))
    assert (health.returncode, health.stdout, health.stderr) == (0, "", "")
    assert compared
    assert code == 0, container.log.read_text()


def found_in(url: str, words: str) -> bool | None:
    answer = asked(url)
    return True if answer is not None and words in answer[1] else None


def test_its_health_check_fails_where_nothing_answers(built: Image) -> None:
    check = built.config["Healthcheck"]["Test"]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = built.run(variables={"RMQSYNC_BIND": f":{port}"}, entrypoint=check[1:])

    assert done.returncode == 1


def test_it_says_what_it_is(built: Image) -> None:
    labels = built.config["Labels"]

    assert built.config["Entrypoint"] == ["rmqsync"]
    assert built.config["User"] == "10001:10001"
    assert built.config["Volumes"] == {"/var/lib/rmqsync": {}}
    assert labels["org.opencontainers.image.title"] == "rmqsync"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.revision"] == "0123456789"


@pytest.fixture
def clone(tmp_path: Path) -> tuple[Path, str]:
    """A clone of definitions that belongs to somebody else, and the commit before its last."""
    folder = tmp_path / "clone"
    (folder / "base").mkdir(parents=True)

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, **GIT},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    settings = {
        "secrets": {"app": {"env": "APP", "for": ["user:app"]}},
        "clusters": {"prod": {**UNREACHABLE, "layers": ["base"]}},
    }
    (folder / "rmqsync.yaml").write_text(yaml.safe_dump(settings))
    git("init", "-q", "-b", "main")
    for definitions in (BEFORE, AFTER):
        (folder / "base/all.yaml").write_text(yaml.safe_dump(definitions))
        git("add", "-A")
        git("commit", "-q", "-m", "change")
    return folder, git("rev-parse", "HEAD~1")


def test_it_compares_revisions_of_a_clone_of_somebody_else(
    built: Image, clone: tuple[Path, str]
) -> None:
    folder, base = clone

    done = built.run("plan", "--base", base, mounts={folder: "/work"})

    assert done.returncode == 0, done.stderr
    assert "Plan: 2 to add, 1 to change, 2 to destroy." in done.stdout


def test_a_job_of_gitlab_can_run_in_it(built: Image, clone: tuple[Path, str], data: Path) -> None:
    folder, base = clone
    job = yaml.safe_load((PROJECT / "ci/gitlab/rmqsync.gitlab-ci.yml").read_text())[".rmqsync"]
    script = "\n".join(job["script"]).replace("rmqsync-reports", "/var/lib/rmqsync/reports")
    with running(Forge(user=OURS)) as forge:
        variables = {
            **job["variables"],
            "GITLAB_CI": "true",
            "CI_API_V4_URL": forge.url,
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "5",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
            "RMQSYNC_GITLAB_TOKEN": forge.token,
        }

        done = built.run(
            *("-e", "-o", "pipefail", "-c", script),
            mounts={folder: "/work"},
            data=data,
            variables=variables,
            entrypoint=["bash"],
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 to add, 1 to change, 2 to destroy" in forge.bodies[0]
