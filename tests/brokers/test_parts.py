"""The parts of `tests/brokers` that need no broker."""

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.brokers import processes
from tests.brokers.engine import chroot_command, docker_command
from tests.brokers.folders import locked, try_locked
from tests.brokers.generations import GENERATIONS, check_version, generation_of
from tests.brokers.ports import free_ports
from tests.brokers.roots import archive_in


@pytest.mark.parametrize("name", ["r40", "r40-2", "r40-export-trial"])
def test_a_name_begins_with_its_generation(name: str) -> None:
    assert generation_of(name) is GENERATIONS["r40"]


@pytest.mark.parametrize("name", ["", "r99", "r40-", "r40/../..", "r40-A", "r402"])
def test_a_name_without_a_generation_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="c310"):
        generation_of(name)


@pytest.mark.parametrize("version", ["4.3.0", "4.3.6", "4.10.1"])
def test_the_newest_generation_may_be_newer(version: str) -> None:
    check_version(GENERATIONS["r43"], version)


@pytest.mark.parametrize(
    ("name", "version"), [("r43", "4.2.9"), ("r40", "4.1.0"), ("r310", "3.9.13"), ("r40", "")]
)
def test_a_broker_of_another_generation_is_refused(name: str, version: str) -> None:
    with pytest.raises(RuntimeError, match=name):
        check_version(GENERATIONS[name], version)


def test_a_lock_is_held_by_one_and_leaves_no_file(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"

    with locked(lock), try_locked(lock) as second:
        assert not second
    with try_locked(lock) as after:
        assert after

    assert not lock.exists()


def test_free_ports_are_distinct_and_neither_taken_nor_in_use() -> None:
    with ExitStack() as stack:
        in_use = set()
        for _ in range(5):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            in_use.add(listening.getsockname()[1])
        taken = set(free_ports(200, set()))

        found = free_ports(200, taken)

    assert len(set(found)) == 200
    assert not set(found) & (taken | in_use)


def test_a_process_is_found_again_and_ended_with_its_children(tmp_path: Path) -> None:
    pid_file, console = tmp_path / "pid", tmp_path / "console"
    command = ["sh", "-c", "echo started; sleep 60 & sleep 60"]

    processes.spawn(command, {"PATH": "/usr/bin:/bin"}, console, pid_file)
    was_alive = processes.is_alive(pid_file)
    processes.kill(pid_file)

    assert was_alive
    assert not processes.is_alive(pid_file)


def test_a_process_that_does_not_heed_is_ended_all_the_same(tmp_path: Path) -> None:
    pid_file, console = tmp_path / "pid", tmp_path / "console"
    heedless = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"

    processes.spawn([sys.executable, "-c", heedless], {}, console, pid_file)
    processes.terminate(pid_file, timeout_s=0.2)

    assert not processes.is_alive(pid_file)


def test_a_later_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text('{"pid": 1, "started": "not then"}', encoding="utf-8")

    assert not processes.is_alive(pid_file)
    processes.kill(pid_file)


def test_the_mirror_is_debians_own_archive() -> None:
    told = (
        "Debian-Security main http://mirror.example/debian-security/\n"
        "Debian contrib http://mirror.example/contrib/\n"
        "Debian main http://mirror.example/debian/\n"
    )

    assert archive_in(told) == "http://mirror.example/debian/"
    assert archive_in("nodistro main http://other.example/\n") is None


def test_a_container_runs_on_loopback_with_the_brokers_folder_and_environment() -> None:
    env = {"PATH": "/not/passed", "ERL_EPMD_PORT": "1234", "HOME": "/srv/home"}

    command = docker_command(
        "rabbitmq:4.0-management", Path("/run/r40"), "rmqsync-r40-node0", ("epmd", "-port"), env
    )

    assert command[:2] == ["docker", "run"]
    assert command[-3:] == ["--entrypoint=epmd", "rabbitmq:4.0-management", "-port"]
    options = set(command[2:-3])
    assert {"--rm", "--network=host", "--name=rmqsync-r40-node0"} < options
    assert {"--volume=/run/r40:/srv", "--env=ERL_EPMD_PORT=1234"} < options
    assert not any("PATH" in option for option in options)


def test_a_chroot_ends_its_mounts_and_children_with_itself() -> None:
    command = chroot_command(Path("/root-folder"), Path("/run/r40"), ("rabbitmqctl", "version"))

    assert {"--mount", "--pid", "--kill-child"} < set(command[: command.index("sh")])
    assert command[-4:] == ["/root-folder", "/run/r40", "rabbitmqctl", "version"]
