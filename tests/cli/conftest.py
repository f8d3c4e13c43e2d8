"""A workspace to run the command line in."""

from pathlib import Path

import pytest

from tests.cli.workspace import GIT, Workspace


@pytest.fixture
def workspace(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:
    """An empty folder of its own; data goes to another one."""
    folder: Path = tmp_path_factory.mktemp("workspace")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    return Workspace(folder, capsys, monkeypatch)
