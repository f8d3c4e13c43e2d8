"""An error that nobody expected: told for a report, with an exit code, and without any value."""

from __future__ import annotations

from typing import NoReturn

import pytest

from rmqsync.cli import main as cli
from rmqsync.cli.codes import Exit


def fail(**_values: object) -> NoReturn:
    password = "pl4nted"
    try:
        raise KeyError(password)
    except KeyError as error:
        raise RuntimeError(f"nothing for {password}") from error


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    command = cli.main.get_command(None, "validate")  # type: ignore[arg-type]
    assert command is not None
    monkeypatch.setattr(command, "callback", fail)


def test_a_defect_is_told_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RMQSYNC_TRACEBACK")

    code = cli.run(["validate"])

    said = capsys.readouterr().err
    assert code == Exit.FAILED
    assert said.startswith("error: this is a defect in rmqsync: RuntimeError\nhint: please report")
    assert said.index("  KeyError\n") < said.index("  RuntimeError\n")
    assert "rmqsync/cli/main.py:" in said
    assert "test_defects.py:" in said
    assert "pl4nted" not in said


def test_who_looks_for_it_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMQSYNC_TRACEBACK", "1")

    with pytest.raises(RuntimeError, match="pl4nted"):
        cli.run(["validate"])
