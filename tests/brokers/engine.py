"""What runs a command of a broker: a root folder in namespaces of its own, or a container.

Either way the command finds the broker's folder as `/srv`, is on a host called `localhost`, and
shares the machine's loopback, so that everything above this module is the same for both.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path

from tests.brokers.generations import Generation
from tests.brokers.roots import Unavailable, root_of

_PATH = "/usr/lib/rabbitmq/bin:/opt/rabbitmq/sbin:/opt/erlang/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""RabbitMQ's own scripts come first: Debian's wrappers of them insist on Debian's user."""

_ENTER = (
    'mount -t proc proc "$1/proc" && mount --bind "$2" "$1/srv" && hostname localhost'
    ' && cd / && root=$1 && shift 2 && exec chroot "$root" "$@"'
)


class Engine(Enum):
    """The two ways to run a command with a RabbitMQ of a certain generation."""

    CHROOT = "chroot"
    DOCKER = "docker"


@cache
def engine() -> Engine:
    """The engine of this machine; raises Unavailable where there is none."""
    if _docker_answers():
        return Engine.DOCKER
    if reason := _chroot_lacks():
        raise Unavailable(f"no RabbitMQ to test with: no Docker engine answers, and {reason}")
    return Engine.CHROOT


def unavailable() -> str | None:
    """Why brokers cannot be run here, in one line; None where they can."""
    try:
        engine()
    except Unavailable as error:
        return str(error)
    return None


def provision(generation: Generation) -> None:
    """Fetch what brokers of `generation` run from, unless it is there; may raise Unavailable."""
    match engine():
        case Engine.CHROOT:
            root_of(generation.suite)
        case Engine.DOCKER:
            pull = ["docker", "pull", "--quiet", generation.image]
            done = subprocess.run(pull, capture_output=True, text=True)
            if done.returncode != 0:
                raise Unavailable(f"no image {generation.image}: {done.stderr.strip()}")


def command(
    chosen: Engine,
    generation: Generation,
    folder: Path,
    label: str,
    words: tuple[str, ...],
    env: Mapping[str, str],
) -> list[str]:
    """The command line that runs `words` with a RabbitMQ of `generation`.

    It must itself be run with `env`. `label` names the container, if there is one.
    """
    if chosen is Engine.DOCKER:
        return docker_command(generation.image, folder, label, words, env)
    return chroot_command(root_of(generation.suite), folder, words)


def chroot_command(root: Path, folder: Path, words: tuple[str, ...]) -> list[str]:
    """`words` inside `root`, in namespaces: its mounts and all its children end with it."""
    enter = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
    enter += ["--propagation", "private"]
    return [*enter, "sh", "-c", _ENTER, "sh", str(root), str(folder), *words]


def docker_command(
    image: str, folder: Path, label: str, words: tuple[str, ...], env: Mapping[str, str]
) -> list[str]:
    """`words` in a container of `image` on the machine's own network, removed when it ends."""
    run = ["docker", "run", "--rm", "--init", f"--name={label}", "--network=host"]
    run += ["--hostname=localhost", f"--user={os.getuid()}:{os.getgid()}"]
    run += [f"--volume={folder}:/srv"]
    run += [f"--env={name}={value}" for name, value in sorted(env.items()) if name != "PATH"]
    return [*run, f"--entrypoint={words[0]}", image, *words[1:]]


def remove_container(label: str) -> None:
    """End and remove the container called `label`: killing the client that runs it would not."""
    subprocess.run(["docker", "rm", "--force", label], capture_output=True)


def base_env() -> dict[str, str]:
    """The environment every command gets: nothing of the caller's own leaks into a broker."""
    return {"PATH": _PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/srv/home"}


def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    asked = ["docker", "info", "--format", "{{.ServerVersion}}"]
    try:
        return subprocess.run(asked, capture_output=True, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _chroot_lacks() -> str | None:
    if os.geteuid() != 0:
        return "making a root folder takes root"
    for tool in ("apt-get", "unshare", "setpriv", "chroot"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    tried = ["unshare", "--mount", "--uts", "--pid", "--fork", "--propagation", "private", "true"]
    if subprocess.run(tried, capture_output=True).returncode != 0:
        return "namespaces cannot be made"
    return None
