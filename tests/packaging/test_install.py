"""What `pip install .` gives: built from a clean copy, installed into an empty environment."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from rmqsync.version import __version__
from tests.ci.checkout import copy_project


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a fresh clone has it."""
    return copy_project(tmp_path_factory.mktemp("source") / "rmqsync")


@pytest.fixture(scope="session")
def environment(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with rmqsync and what it asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(source)]
    done = subprocess.run([str(folder / "bin/python"), *install], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def clean(environment: Path, **more: str) -> dict[str, str]:
    """Variables of a user who has just this program on the path."""
    wanted = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return {**wanted, "PATH": f"{environment}/bin:/usr/bin:/bin", **more}


def run(
    environment: Path, *command: str, cwd: Path, text: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=clean(environment, **variables),
        input=text,
        capture_output=True,
        text=True,
    )


def test_the_installed_command_tells_its_version(environment: Path, tmp_path: Path) -> None:
    done = run(environment, "rmqsync", "--version", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"rmqsync, version {__version__}\n")


def test_all_that_it_needs_came_along(environment: Path, tmp_path: Path) -> None:
    done = run(environment, "python", "-m", "pip", "check", cwd=tmp_path)

    assert done.returncode == 0, done.stdout


def test_it_finds_the_example_valid(environment: Path, source: Path, tmp_path: Path) -> None:
    config = str(source / "examples/rmqsync.yaml")

    done = run(environment, "rmqsync", "validate", "--config", config, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "checked 2 clusters" in done.stderr


def test_every_command_can_be_loaded(environment: Path, tmp_path: Path) -> None:
    listed = run(environment, "rmqsync", "--help", cwd=tmp_path).stdout.partition("Commands:")[2]
    verbs = re.findall(r"^  (\S+)", listed, re.MULTILINE)

    for verb in verbs:
        done = run(environment, "rmqsync", verb, "--help", cwd=tmp_path)
        assert done.returncode == 0, f"{verb}: {done.stderr}"
    assert {"validate", "plan", "apply", "export"} <= set(verbs)


def test_schemas_are_written_as_they_lie_in_the_repository(
    environment: Path, source: Path, tmp_path: Path
) -> None:
    done = run(environment, "rmqsync", "schema", "--write", str(tmp_path), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert written == {file.name: file.read_text() for file in (source / "schemas").iterdir()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(environment: Path, tmp_path: Path, shell: str) -> None:
    done = run(environment, "rmqsync", "completion", shell, cwd=tmp_path)

    assert done.returncode == 0
    assert "_RMQSYNC_COMPLETE" in done.stdout
    if shell == "bash":
        read = run(environment, "bash", "-n", cwd=tmp_path, text=done.stdout)
        assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rmqsync va", {"validate"}),
        ("rmqsync plan --bas", {"--base"}),
        ("rmqsync plan --format s", {"sarif"}),
        ("rmqsync completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(environment: Path, tmp_path: Path, line: str, expected: set[str]) -> None:
    """The script is sourced, and its function called as bash does when somebody presses Tab."""
    script = (
        'eval "$(rmqsync completion bash)"\n'
        "COMP_LINE=$1; COMP_WORDS=($1); [ \"${1%' '}\" = \"$1\" ] || COMP_WORDS+=('')\n"
        "COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))\n"
        "$(complete -p rmqsync | sed 's/.*-F \\([^ ]*\\).*/\\1/') rmqsync\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )

    done = run(environment, "bash", "-c", script, "bash", line, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == expected


@pytest.fixture(scope="session")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    pip = ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [sys.executable, *pip, "--wheel-dir", str(folder), str(source)]
    subprocess.run(command, check=True)
    return folder


def test_the_wheel_holds_all_modules_and_nothing_else(built: Path, source: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in names if ".dist-info/" in name}
    package = source / "rmqsync"
    modules = {str(file.relative_to(source)) for file in package.rglob("*.py")}
    web = package / "daemon" / "web"
    served = {
        str(file.relative_to(source))
        for file in (*(web / "templates").iterdir(), *(web / "static").iterdir())
    }

    assert served
    assert names - about == modules | served | {"rmqsync/py.typed"}


def test_the_wheel_says_that_the_code_is_typed_and_what_it_is_licensed_as(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (about,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(about).decode()

    assert "Requires-Python: >=3.11" in metadata
    assert "Classifier: Typing :: Typed" in metadata
    assert "Apache-2.0" in metadata


def test_a_source_distribution_builds_the_same_wheel(
    built: Path, source: Path, tmp_path: Path
) -> None:
    script = (
        "import os, sys; from setuptools import build_meta; "
        "os.chdir(sys.argv[1]); print(build_meta.build_sdist(sys.argv[2]))"
    )
    tools = tmp_path / "tools"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(tools), "setuptools>=68"], check=True)
    made = [sys.executable, "-W", "ignore", "-c", script, str(source), str(tmp_path)]
    subprocess.run(
        made, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(tools)}
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheels = tmp_path / "wheels"
    wheel = ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([sys.executable, *wheel, "--wheel-dir", str(wheels), str(unpacked)], check=True)

    (ours,), (theirs,) = built.glob("*.whl"), wheels.glob("*.whl")
    assert zipfile.ZipFile(ours).namelist() == zipfile.ZipFile(theirs).namelist()
