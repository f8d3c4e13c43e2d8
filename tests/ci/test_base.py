"""What a request is compared with: where its merge starts from, fetched where a clone lacks it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from ci.base import NoBase, find
from tests.cli.workspace import Workspace


class History:
    """
    An origin with a pull request that went its own way while main went on::

        first --- main (M)
             \\        \\
              head (H) -- merge
    """

    def __init__(self, workspace: Workspace, tmp_path: Path) -> None:
        self.origin, self._tmp, self._workspace = workspace, tmp_path, workspace
        self.first = self._commit("base.yaml", "first")
        workspace.git("checkout", "-q", "-b", "topic")
        self.head = self._commit("head.yaml", "head")
        workspace.git("checkout", "-q", "main")
        self.main = self._commit("main.yaml", "main")
        workspace.git("checkout", "-q", "-b", "merged")
        workspace.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
        self.merge = workspace.git("rev-parse", "HEAD")
        workspace.git("checkout", "-q", "main")

    def _commit(self, name: str, text: str) -> str:
        self._workspace.write(name, text)
        return self._workspace.commit(text)

    def clone(self, branch: str, *arguments: str) -> str:
        folder = str(self._tmp / "clone")
        url = f"file://{self.origin.folder}"
        command = ["git", "clone", "-q", "--branch", branch, *arguments, url, folder]
        subprocess.run(command, check=True)
        return folder

    def event(self, **content: object) -> Mapping[str, str]:
        path = self._tmp / "event.json"
        path.write_text(json.dumps(content))
        return {"GITHUB_EVENT_PATH": str(path), "GITHUB_EVENT_NAME": "an_event"}

    def request(self, base: str) -> Mapping[str, str]:
        return self.event(
            pull_request={"number": 5, "base": {"sha": base}, "head": {"sha": self.head}}
        )


@pytest.fixture
def history(workspace: Workspace, tmp_path: Path) -> History:
    return History(workspace, tmp_path)


DEPTHS = pytest.mark.parametrize("depth", [(), ("--depth=1",)], ids=["whole", "shallow"])


@DEPTHS
def test_of_the_merge_that_github_makes_it_is_the_first_parent(
    history: History, depth: tuple[str, ...]
) -> None:
    """The event may name an older commit: main went on since it was sent."""
    clone = history.clone("merged", *depth)

    assert find(history.request(base=history.first), clone) == history.main


@DEPTHS
def test_of_the_branch_itself_it_is_where_it_left_main(
    history: History, depth: tuple[str, ...]
) -> None:
    """Else what others added to main meanwhile would look deleted."""
    clone = history.clone("topic", *depth)

    assert find(history.request(base=history.main), clone) == history.first


@DEPTHS
def test_of_a_push_it_is_what_was_there_before(history: History, depth: tuple[str, ...]) -> None:
    clone = history.clone("main", *depth)

    assert find(history.event(before=history.first), clone) == history.first


def test_of_a_merge_queue_it_is_the_base_of_the_group(history: History) -> None:
    clone = history.clone("merged", "--depth=1")

    assert find(history.event(merge_group={"base_sha": history.main}), clone) == history.main


@pytest.mark.parametrize(
    "content", [{}, {"before": "0" * 40}, {"before": "--upload-pack=sh"}, {"before": None}]
)
def test_an_event_without_one_is_told_what_to_set(
    history: History, content: dict[str, object]
) -> None:
    with pytest.raises(NoBase, match="set `base` to a revision"):
        find(history.event(**content), str(history.origin.folder))


def test_a_commit_that_cannot_be_had_is_told_with_the_depth_to_set(history: History) -> None:
    clone = history.clone("main", "--depth=1")

    with pytest.raises(NoBase, match="fetch-depth: 0"):
        find(history.event(before="1" * 40), clone)


@DEPTHS
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": "first"}, "first"),
        (
            {
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": "first",
                "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "main",
            },
            "main",
        ),
        ({"CI_COMMIT_BEFORE_SHA": "first"}, "first"),
    ],
    ids=["merge request", "merged results", "push"],
)
def test_gitlab_says_it_in_variables(
    history: History, depth: tuple[str, ...], variables: dict[str, str], expected: str
) -> None:
    clone = history.clone("topic", *depth)
    environ = {name: getattr(history, value) for name, value in variables.items()}

    assert find({"GITLAB_CI": "true", **environ}, clone) == getattr(history, expected)


def test_the_first_push_to_a_branch_in_gitlab_has_none(history: History) -> None:
    environ = {"GITLAB_CI": "true", "CI_COMMIT_BEFORE_SHA": "0" * 40, "CI_PIPELINE_SOURCE": "push"}

    with pytest.raises(NoBase, match="pipeline by 'push'"):
        find(environ, str(history.origin.folder))
