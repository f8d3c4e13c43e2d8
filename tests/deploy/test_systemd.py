"""The unit of systemd: right by systemd itself where it is there, and closed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from rmqsync.cli.codes import Exit
from rmqsync.cli.main import main
from rmqsync.config.settings import Daemon
from tests.deploy.places import DATA, DEPLOY, ROOT, most_threads, seconds

UNIT = DEPLOY / "systemd/rmqsync.service"
HARDENING = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "UMask": "0077",
}
EXPOSED_AT_MOST = 20
"""Of 100, as `systemd-analyze security` counts."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze"
)


def keys() -> dict[str, list[str]]:
    """What each key of the unit is set to; a key that is set twice has two."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if match := re.fullmatch(r"([A-Z][A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
        else:
            assert re.fullmatch(r"|#.*|\[(Unit|Service|Install)\]", line), line
    return found


def analyzed(tmp_path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Ask systemd about the unit, with a program in it that is there."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/rmqsync/bin/rmqsync", sys.executable))
    command = ["systemd-analyze", *words, str(unit)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    done = analyzed(tmp_path, "verify", "--man=no")

    about_it = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, about_it) == (0, []), done.stderr


@needs_systemd
def test_systemd_calls_it_little_exposed(tmp_path: Path) -> None:
    done = analyzed(tmp_path, "security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}")

    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd does not judge files")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_it_writes_its_data_folder_only() -> None:
    found = keys()

    assert {key: found[key] for key in HARDENING} == {k: [v] for k, v in HARDENING.items()}
    assert f"/var/lib/{found['StateDirectory'][0]}" == DATA
    assert found["StateDirectoryMode"] == ["0700"]
    assert "ReadWritePaths" not in found


def test_it_calls_a_verb_with_flags_and_variables_that_exist() -> None:
    (line,) = keys()["ExecStart"]
    program, verb, *flags = line.split()
    command = main.get_command(click.Context(main), verb)
    assert command is not None
    known = {name for one in command.params for name in one.opts}
    variables = {name.partition("=")[0] for text in keys()["Environment"] for name in text.split()}

    assert program.endswith("/rmqsync")
    assert {flag for flag in flags if flag.startswith("--")} <= known
    assert {name for name in variables if name.startswith("RMQSYNC_")} <= {
        str(one.envvar) for one in command.params
    }


def test_the_grace_of_a_run_fits_into_that_of_the_unit() -> None:
    assert seconds(keys()["TimeoutStopSec"][0]) >= Daemon().grace_s + 10


def test_all_threads_of_the_daemon_fit_into_its_bounds() -> None:
    assert int(keys()["TasksMax"][0]) >= most_threads()


def test_only_wrong_usage_keeps_it_from_being_started_again() -> None:
    assert keys()["Restart"] == ["on-failure"]
    assert keys()["RestartPreventExitStatus"] == [str(int(Exit.USAGE))]


def test_its_user_and_folders_are_made_by_the_files_beside_it() -> None:
    (user,) = keys()["User"]
    lines = (UNIT.parent / "rmqsync.sysusers").read_text().splitlines()
    folders = (UNIT.parent / "rmqsync.tmpfiles").read_text().splitlines()

    assert [line.split()[:2] for line in lines if line[:1] not in "#"] == [["u", user]]
    assert [line.split() for line in folders if line[:1] not in "#"] == [
        ["d", "/etc/rmqsync", "0750", "root", user, "-"],
        ["d", "/etc/rmqsync/secrets", "0750", "root", user, "-"],
    ]


def test_the_image_is_not_made_of_it() -> None:
    assert "deploy" not in (ROOT / ".dockerignore").read_text()
