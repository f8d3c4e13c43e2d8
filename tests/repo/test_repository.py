"""Questions to a repository: revisions, ancestors, roots, and what cannot be answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rmqsync.model.errors import SourceError
from rmqsync.repo import command, repository
from rmqsync.repo.repository import Repository
from tests.repo.conftest import Repo

Make = Callable[[str], Repo]


def error(call: Callable[..., object], *arguments: str) -> str:
    with pytest.raises(SourceError) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_revision_is_whatever_git_takes(repo: Repo) -> None:
    first = repo.commit()
    second = repo.commit()
    repo.git("tag", "-a", "v1", "-m", "one", first)
    found = Repository(str(repo.path))

    assert [found.resolve(name) for name in ("v1", "HEAD~1", first[:10], first)] == [first] * 4
    assert [found.resolve(name) for name in ("main", "refs/heads/main", "@")] == [second] * 3


@pytest.mark.parametrize(
    "name", ["gone", "", "--all", "-1", "a b", "HEAD\0", "HEAD:x", "HEAD^{tree}"]
)
def test_an_unknown_revision_is_an_error(repo: Repo, name: str) -> None:
    repo.commit(x="1")

    assert error(Repository(str(repo.path)).resolve, name) == (
        f"unknown revision '{name}' in '{repo.path}'; check the name, or get it with git fetch"
    )


def test_a_shallow_clone_says_that_it_is_one(repo: Repo, make_repo: Make, tmp_path: Path) -> None:
    first = repo.commit()
    repo.commit()
    repo.git("branch", "old", first)
    make_repo("x").git("clone", "-q", "--depth=1", f"file://{repo.path}", str(tmp_path / "shallow"))
    shallow = Repository(str(tmp_path / "shallow"))

    assert error(shallow.resolve, first) == (
        f"revision '{first}' is not in '{tmp_path}/shallow', which is a shallow clone; get the "
        "rest with git fetch --unshallow, or set the depth of the checkout to 0"
    )
    assert shallow.root_commit("HEAD") is None


def test_the_merge_base_is_where_two_revisions_went_apart(repo: Repo) -> None:
    base = repo.commit(x="1")
    repo.git("checkout", "-qb", "topic")
    repo.commit(y="1")
    repo.git("checkout", "-q", "main")
    main = repo.commit(z="1")
    found = Repository(str(repo.path))

    assert found.merge_base("main", "topic") == base
    assert found.is_ancestor(base, main)
    assert found.is_ancestor(main, main)
    assert not found.is_ancestor(main, base)


def test_revisions_without_a_common_commit_are_an_error(repo: Repo) -> None:
    repo.commit(x="1")
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit(y="1")

    assert error(Repository(str(repo.path)).merge_base, "main", "other") == (
        "revisions 'main' and 'other' have no commit in common; name a base that it descends from"
    )


def test_a_folder_outside_any_repository_is_an_error(tmp_path: Path) -> None:
    assert repository.find(str(tmp_path)) is None
    assert error(Repository, str(tmp_path)) == (
        f"'{tmp_path}' is not in a git repository; name a folder that is, or leave out the revision"
    )


def test_a_folder_is_found_in_its_repository_also_through_a_link(
    repo: Repo, tmp_path: Path
) -> None:
    repo.write("a b/ü/x.yaml")
    (tmp_path / "link").symlink_to(repo.path / "a b")

    assert repository.find(str(repo.path)) == (str(repo.path), "")
    assert repository.find(str(repo.path / "a b" / "ü")) == (str(repo.path), "a b/ü")
    assert repository.find(str(tmp_path / "link" / "ü")) == (str(repo.path), "a b/ü")


def test_a_bare_repository_is_its_own_root(repo: Repo, tmp_path: Path) -> None:
    commit = repo.commit()
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))

    assert repository.find(str(tmp_path / "bare.git")) == (str(tmp_path / "bare.git"), "")
    assert Repository(str(tmp_path / "bare.git")).resolve("main") == commit


def test_a_missing_object_is_an_error(repo: Repo) -> None:
    repo.commit(x="1")

    assert error(Repository(str(repo.path)).blobs, ["0" * 40]) == (  # type: ignore[arg-type]
        f"object {'0' * 40} is missing in '{repo.path}': the clone is partial or damaged; get it "
        "again with git fetch --refetch"
    )


def test_a_repository_of_somebody_else_says_how_to_trust_it(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    assert error(Repository, str(repo.path)) == (
        f"git does not trust '{repo.path}', which belongs to another user; allow it with "
        f"git config --global --add safe.directory '{repo.path}'"
    )


def test_a_repository_cannot_make_git_run_its_programs(repo: Repo, tmp_path: Path) -> None:
    repo.commit(x="1")
    repo.git("config", "core.fsmonitor", f"touch {tmp_path}/ran; false")

    command.read(str(repo.path), "status", "--porcelain")

    assert not (tmp_path / "ran").exists()


def test_a_call_that_takes_too_long_is_ended(repo: Repo) -> None:
    with pytest.raises(SourceError, match=r"^git hang did not end within 0\.2 s$"):
        command.run(
            str(repo.path), "hang", config=["alias.hang=!sleep 60 & sleep 60"], timeout_s=0.2
        )


def test_without_git_there_is_a_hint(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit()
    monkeypatch.setenv("PATH", str(repo.path))

    assert error(Repository, str(repo.path)) == (
        "git cannot be run; install it, as with apt-get install git"
    )


@pytest.mark.parametrize(
    ("err", "expected"),
    [
        ("warning: x\nfatal: not so: good\nhint: y", "not so: good"),
        ("remote: first\nERROR: no access\nfatal: could not read", "no access"),
        ("only this", "only this"),
        ("", "it gave no reason"),
        ("fatal: " + "x" * 300, "x" * 256),
    ],
)
def test_the_line_that_says_most_is_shown(err: str, expected: str) -> None:
    assert command.said(err) == expected


@pytest.mark.parametrize("ask", [Repository.blobs, Repository.sizes])
def test_a_file_that_was_left_out_is_brought_where_git_tells_it_and_does_not_fail(
    repo: Repo, ask: Callable[[Repository, list[str]], dict[str, object]]
) -> None:
    """As git 2.47 does in a partial clone, and any git in one that is damaged."""
    repo.commit(x="1", y="one is missing\n")
    here, away = repo.git("rev-parse", "HEAD:y.yaml"), repo.git("rev-parse", "HEAD:x.yaml")
    file = repo.path / ".git/objects" / away[:2] / away[2:]
    content = file.read_bytes()
    file.unlink()
    brought: list[str] = []

    def bring(blobs: Sequence[str]) -> None:
        brought.extend(blobs)
        file.write_bytes(content)

    found = Repository(str(repo.path), bring)

    assert set(ask(found, [here])) == {here}
    assert brought == []
    assert set(ask(found, [here, away])) == {here, away}
    assert brought == [away]
