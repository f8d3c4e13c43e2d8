from pathlib import Path

import pytest

from tests.demo.stage import NotAsTold, Stage, wants_color
from tests.demo.workplace import EXAMPLE


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(False, tmp_path, {"PYTHONPATH": str(EXAMPLE.parent)})


def test_a_command_is_shown_as_in_a_shell_with_what_it_said(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run("--version", told=("rmqsync",))

    assert capsys.readouterr().out.startswith("\n$ rmqsync --version\n  rmqsync, version ")


def test_long_output_is_cut_in_the_middle(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    whole = stage.run("apply", "--help", most=6).strip("\n").split("\n")

    shown = capsys.readouterr().out.strip("\n").split("\n")[1:]
    assert len(shown) == 7
    assert shown[3] == f"  ⋮  {len(whole) - 6} lines more"
    assert shown[-1].strip() == whole[-1].strip()


def test_another_exit_code_than_told_is_an_error(stage: Stage) -> None:
    with pytest.raises(NotAsTold, match="rmqsync validate ended with 1, not 0"):
        stage.run("validate")


def test_output_without_what_was_told_is_an_error(stage: Stage) -> None:
    with pytest.raises(NotAsTold, match="did not say: No changes"):
        stage.run("--version", told=("No changes",))


@pytest.mark.parametrize(
    ("environ", "wanted"), [({}, False), ({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False)]
)
def test_nothing_is_painted_off_a_terminal_unless_asked_for(
    environ: dict[str, str], wanted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wants_color(environ) is wanted
