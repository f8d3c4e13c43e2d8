"""Copies of remote repositories: what they hold, who gets the token, and what errors say."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rmqsync.config.secrets import SecretRef
from rmqsync.config.source import Source
from rmqsync.model.changes import Revision
from rmqsync.model.errors import SourceError, SourceUnavailable
from rmqsync.repo import command
from rmqsync.repo.checkout import RevisionCheckout
from rmqsync.repo.mirror import Mirror
from rmqsync.repo.remote import NotGiven, Remote
from rmqsync.repo.repository import Repository
from tests.fakes.program import put_program
from tests.repo.conftest import Repo
from tests.repo.forge import forge

TOKEN = "t0k en$(id)'\""
PROTOCOL_0 = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "protocol.version",
    "GIT_CONFIG_VALUE_0": "0",
}
"""Makes git speak as of old: no object is given by its name."""


def read_token(ref: SecretRef, what: str) -> str:
    assert (ref, what) == (SecretRef(env="T"), "source.token")
    return TOKEN


def mirror(tmp_path: Path, source: Source, timeout_s: float = 60) -> Mirror:
    return Mirror(source, str(tmp_path / "data"), read_token, timeout_s)


def error(call: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        call()
    return str(caught.value)


@contextmanager
def token_kept_nowhere(tmp_path: Path) -> Iterator[None]:
    """Fail if the data folder holds the token afterwards."""
    yield
    for folder, _, names in os.walk(tmp_path / "data"):
        for name in names:
            assert TOKEN.encode() not in Path(folder, name).read_bytes()


def test_a_branch_is_read_as_it_was_when_last_fetched(repo: Repo, tmp_path: Path) -> None:
    first = repo.commit(mq__base__x="1")
    remote = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    remote.fetch()
    second = repo.commit(mq__base__x="2")

    before = remote.checkout()
    remote.fetch()
    after = remote.checkout()

    assert (before.revision, after.revision) == (Revision(first), Revision(second))
    assert [(file.path, file.content) for file in before.files("base")] == [
        ("mq/base/x.yaml", b"1")
    ]
    assert remote.checkout(first).revision == Revision(first)
    assert (tmp_path / "data" / "git").stat().st_mode & 0o777 == 0o700


def test_a_branch_that_was_rewritten_or_removed_is_followed(repo: Repo, tmp_path: Path) -> None:
    repo.commit(base__x="1")
    repo.git("branch", "old")
    source = Source(git=f"file://{repo.path}")
    mirror(tmp_path, source).fetch()
    repo.git("branch", "-D", "old")
    repo.git("commit", "-q", "--amend", "-m", "other")

    mirror(tmp_path, source).fetch()

    head = repo.git("rev-parse", "HEAD")
    assert mirror(tmp_path, source).checkout().revision == Revision(head)
    assert error(mirror(tmp_path, replace(source, branch="old")).checkout) == (
        f"source.git: 'file://{repo.path}' has no branch or tag 'old'; it has the branches main"
    )


def copying(tmp_path: Path, source: Source) -> Mirror:
    return Mirror(source, str(tmp_path / "data"), read_token, copies_paths=True)


@pytest.mark.parametrize("is_left", ["nothing", "an empty folder"])
def test_the_copy_of_a_path_outlasts_it(repo: Repo, tmp_path: Path, is_left: str) -> None:
    first = repo.commit(base__x="1")
    source = Source(git=str(repo.path))
    copying(tmp_path, source).fetch()
    away = tmp_path / "away"
    repo.path.rename(away)
    if is_left == "an empty folder":
        repo.path.mkdir()
    copy = copying(tmp_path, source)

    missing = error(copy.fetch)
    kept = copy.checkout(first)
    repo.path.rmdir() if repo.path.exists() else None
    away.rename(repo.path)
    second = repo.commit(base__x="2")
    copy.fetch()

    assert f"'{repo.path}'" in missing
    assert [file.content for file in kept.files("base")] == [b"1"]
    assert copy.checkout().revision == Revision(second)


def test_a_path_that_is_a_shallow_clone_or_is_inside_of_a_repository_is_followed(
    repo: Repo, tmp_path: Path
) -> None:
    repo.commit(base__x="1", sub__base__x="1")
    head = repo.commit(base__x="2", sub__base__x="2")
    shallow = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(shallow))

    for place in (shallow, repo.path / "sub"):
        copy = copying(tmp_path, Source(git=str(place)))
        copy.fetch()
        checkout = copy.checkout()
        assert checkout.revision == Revision(head)
        assert [file.content for file in checkout.files("base")] == [b"2"]


def test_a_tag_is_followed_where_it_is_moved_to_unless_a_branch_has_its_name(
    repo: Repo, tmp_path: Path
) -> None:
    first = repo.commit(base__x="1")
    repo.git("tag", "-a", "-m", "one", "v1")
    second = repo.commit(base__x="2")
    source = Source(git=f"file://{repo.path}", branch="v1")
    copy = mirror(tmp_path, source)
    found = []

    for words in ((), ("tag", "-f", "v1", second), ("branch", "v1", first)):
        if words:
            repo.git(*words)
        copy.fetch()
        found.append(copy.checkout().revision)
    in_place = mirror(tmp_path, Source(git=str(repo.path), branch="v2"))

    assert found == [Revision(first), Revision(second), Revision(first)]
    assert error(in_place.checkout) == (
        f"source.git: '{repo.path}' has no branch or tag 'v2'; "
        "it has the branches main, v1 and the tags v1"
    )


def test_a_commit_that_no_branch_holds_can_be_fetched(repo: Repo, tmp_path: Path) -> None:
    repo.commit(base__x="1")
    lost = repo.commit(base__x="2")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    remote = mirror(tmp_path, Source(git=f"file://{repo.path}"))

    remote.fetch(lost)

    assert remote.checkout(lost).revision == Revision(lost)


def blobs_of(copy: Mirror) -> set[bytes]:
    """Contents of the files that a copy holds."""
    repo = Repository(copy.folder)
    answer = command.read(
        copy.folder, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"
    )
    lines = [line.split() for line in answer.decode().splitlines()]
    return set(repo.blobs(name for kind, name in lines if kind == "blob").values())


@pytest.fixture
def long(repo: Repo) -> list[str]:
    """Three commits, in a repository whose server can leave files out."""
    commits = [
        repo.commit(mq__base__x="old x", shop__y="old y"),
        repo.commit(mq__base__x="x"),
        repo.commit(shop__y="y"),
    ]
    repo.git("config", "uploadpack.allowFilter", "true")
    return commits


def test_a_copy_has_all_commits_but_only_files_that_were_read(
    repo: Repo, long: list[str], tmp_path: Path
) -> None:
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    copy.fetch()
    assert blobs_of(copy) == set()

    head = copy.checkout()
    assert [file.content for file in head.files("base")] == [b"x"]
    assert blobs_of(copy) == {b"x"}
    assert head.past.root_commit == long[0]
    assert head.past.descends_from(long[1])

    first = copy.checkout(long[0])
    applied = head.past.with_tree(first.tree(["base"]), "mq", ["base"], None)
    assert applied is not None
    assert applied.revision == Revision(long[0])
    assert [file.content for file in applied.files("base")] == [b"old x"]
    assert blobs_of(copy) == {b"x", b"old x"}


def test_files_come_one_by_one_from_a_server_that_has_collected_its_garbage(
    repo: Repo, long: list[str], tmp_path: Path
) -> None:
    """What `git gc` makes in bare repositories lets git take all files of a commit to be here."""
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    copy.fetch()
    repo.git("-c", "repack.writeBitmaps=true", "gc", "-q")
    assert list((repo.path / ".git" / "objects" / "pack").glob("*.bitmap"))

    assert [file.content for file in copy.checkout().files("base")] == [b"x"]
    copy.fetch()
    assert [file.content for file in copy.checkout(long[0]).files("base")] == [b"old x"]
    assert blobs_of(copy) == {b"x", b"old x"}


def test_what_was_read_is_read_again_without_the_server(
    repo: Repo, long: list[str], tmp_path: Path
) -> None:
    source = Source(git=f"file://{repo.path}", path="mq")
    copy = mirror(tmp_path, source)
    copy.fetch()
    copy.checkout().files("base")
    repo.path.rename(tmp_path / "gone")

    assert [file.content for file in copy.checkout(long[1]).files("base")] == [b"x"]
    assert "is no repository" in error(lambda: copy.checkout(long[0]).files("base"))


def lost(repo: Repo, remote: Mirror) -> tuple[str, str]:
    """Return a commit that no branch holds any longer, nor the copy, and the id of its files."""
    commit = repo.commit(mq__base__x="lost")
    tree = RevisionCheckout(str(repo.path), commit, "mq").tree(["base"])
    repo.git("reset", "-q", "--hard", "HEAD~1")
    remote.fetch()
    return commit, tree


def test_a_commit_that_cannot_be_asked_for_now_is_told_from_one_that_is_gone(
    repo: Repo, long: list[str], tmp_path: Path
) -> None:
    remote = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    commit, tree = lost(repo, remote)
    past = remote.checkout().past
    old = remote.checkout(long[0]).tree(["base"])

    assert past.with_tree(tree, "mq", ["base"], "ab" * 20) is None
    repo.path.rename(tmp_path / "away")
    with pytest.raises(SourceUnavailable):
        past.with_tree(tree, "mq", ["base"], commit)
    assert past.descends_from(commit) is None
    same = past.with_tree(old, "mq", ["base"], commit)
    assert same is not None
    assert same.revision == Revision(long[0])
    (tmp_path / "away").rename(repo.path)
    found = past.with_tree(tree, "mq", ["base"], commit)
    assert found is not None
    assert found.revision == Revision(commit)


def test_a_file_that_another_thread_got_meanwhile_is_read(
    repo: Repo, long: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git finds nothing missing then, though it has just failed for something that was."""
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    copy.fetch()
    head = copy.checkout()
    blob = repo.git("rev-parse", "HEAD:mq/base/x.yaml")
    real, words = shutil.which("git"), "fetch -q --filter=blob:none --no-write-fetch-head"
    other = f"{real} {words} file://{repo.path} {blob}"
    script = f'case "$*" in *--batch-all-objects*) {other};; esac\nexec {real} "$@"'
    put_program(tmp_path, monkeypatch, "git", script)

    assert [file.content for file in head.files("base")] == [b"x"]


def test_git_that_is_killed_has_said_nothing(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit(base__x="1")
    found = Repository(str(repo.path))
    put_program(tmp_path, monkeypatch, "git", "kill -9 $$")

    with pytest.raises(SourceUnavailable, match="git rev-parse was killed by signal 9"):
        found.find_commit("HEAD")


def test_a_server_that_gives_no_file_by_its_name_gives_all(
    repo: Repo, long: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PROTOCOL_0.items():
        monkeypatch.setenv(name, value)
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    copy.fetch()
    assert blobs_of(copy) == set()

    assert [file.content for file in copy.checkout().files("base")] == [b"x"]
    assert blobs_of(copy) == {b"x", b"old x", b"y", b"old y"}
    repo.commit(shop__y="new y")
    copy.fetch()
    assert b"new y" in blobs_of(copy)


def asked_of(trace: Path) -> list[str]:
    """How git was started to fetch since this was last asked; `GIT_TRACE` names the file."""
    lines = trace.read_text().splitlines() if trace.exists() else []
    trace.unlink(missing_ok=True)
    return [line for line in lines if "trace: built-in: git fetch" in line]


def test_git_fetches_nothing_by_itself(
    repo: Repo, long: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would do so without a time limit, without credentials, and for whatever a marker names."""
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    copy.fetch()
    head = copy.checkout()
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))

    assert "unknown revision" in error(lambda: copy.checkout("ab" * 20))
    assert head.past.root_commit == long[0]
    assert copy.head("ab" * 20) is None
    assert asked_of(trace) == []
    head.files("base")
    (asked,) = asked_of(trace)  # ours
    assert "--quiet --no-write-fetch-head --filter=blob:none" in asked


def test_a_file_that_the_server_has_lost_is_asked_for_once(
    repo: Repo, long: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that the server has would bring it: the copy does not become whole for it."""
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    lost = repo.commit(mq__base__x="lost")
    copy.fetch()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    copy.fetch()
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))

    asked = []
    for _ in range(3):
        with pytest.raises(NotGiven, match="does not have what was asked for any longer"):
            copy.checkout(lost).files("base")
        asked.append(asked_of(trace))

    assert [len(found) > 0 for found in asked] == [True, False, False]
    assert "--refetch" not in "".join(asked[0])
    assert [file.content for file in copy.checkout().files("base")] == [b"x"]
    assert blobs_of(copy) == {b"x"}


def test_a_commit_that_the_server_has_lost_is_asked_for_once(
    repo: Repo, long: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    copy.fetch()
    past = copy.checkout().past
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))

    assert past.descends_from("ab" * 20) is None
    assert len(asked_of(trace)) > 0
    assert past.descends_from("ab" * 20) is None
    assert asked_of(trace) == []


def test_all_files_are_fetched_once_and_no_more(
    repo: Repo, long: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PROTOCOL_0.items():
        monkeypatch.setenv(name, value)
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}", path="mq"))
    lost = [repo.commit(mq__base__x=f"lost {number}") for number in range(2)]
    copy.fetch()
    repo.git("reset", "-q", "--hard", "HEAD~2")
    copy.fetch()
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))

    for commit in lost:
        error(lambda commit=commit: copy.checkout(commit).files("base"))  # type: ignore[misc]

    assert "".join(asked_of(trace)).count("--refetch") == 1


def test_a_path_is_used_where_it_is(repo: Repo, tmp_path: Path) -> None:
    commit = repo.commit(base__x="1")
    repo.write("base/x.yaml", "not committed")
    remote = mirror(tmp_path, Source(git=str(repo.path)))

    remote.fetch()

    assert [file.content for file in remote.checkout().files("base")] == [b"1"]
    assert remote.checkout().revision == Revision(commit)
    assert not (tmp_path / "data").exists()


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert error(mirror(tmp_path, Source(git="/no/such")).fetch) == (
        "source.git: folder '/no/such' does not exist"
    )


def test_a_repository_without_commits_has_no_branch(repo: Repo, tmp_path: Path) -> None:
    remote = mirror(tmp_path, Source(git=f"file://{repo.path}"))
    remote.fetch()

    assert error(remote.checkout) == (
        f"source.git: 'file://{repo.path}' has no branch or tag 'main'; it has no commits yet"
    )


@pytest.fixture
def served(repo: Repo, tmp_path: Path) -> Path:
    """A folder with `r.git`, one commit on `main`, ready to be served."""
    repo.commit(base__x="1")
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "served" / "r.git"))
    Repo.git(repo, "-C", str(tmp_path / "served" / "r.git"), "update-server-info")
    return tmp_path / "served"


def test_the_token_is_sent_and_kept_nowhere(served: Path, tmp_path: Path) -> None:
    with forge(served, wanted=f"bot:{TOKEN}") as server, token_kept_nowhere(tmp_path):
        source = Source(git=f"{server.url}/r.git", username="bot", token=SecretRef(env="T"))
        remote = mirror(tmp_path, source)

        remote.fetch()

        assert [file.content for file in remote.checkout().files("base")] == [b"1"]
        assert f"bot:{TOKEN}" in server.seen


def test_the_token_is_in_no_argument(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    with forge(served, wanted=f"x-access-token:{TOKEN}") as server:
        source = Source(git=f"{server.url}/r.git", token=SecretRef(env="T"))

        mirror(tmp_path, source).fetch()

    trace = (tmp_path / "trace").read_text()
    assert "git fetch" in trace
    assert "t0k" not in trace


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once the user's own credential helper was asked."""
    (tmp_path / "config").write_text(
        f'[credential]\n\thelper = "!touch {tmp_path}/asked; echo username=u; echo password=p; :"\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    return tmp_path / "asked"


def test_a_token_goes_to_no_other_host_and_brings_no_helper_of_the_user(
    served: Path, tmp_path: Path, asked: Path
) -> None:
    with forge(served, wanted="nobody:x") as thief, forge(served, to=thief.url) as server:
        source = Source(git=f"{server.url}/r.git", token=SecretRef(env="T"))

        error(mirror(tmp_path, source).fetch)

    assert set(thief.seen) == {None}
    assert len(thief.seen) > 0
    assert not asked.exists()


def test_a_wrong_token_is_not_followed_by_a_helper_of_the_user(
    served: Path, tmp_path: Path, asked: Path
) -> None:
    with forge(served, wanted="nobody:x") as server:
        source = Source(git=f"{server.url}/r.git", token=SecretRef(env="T"))

        error(mirror(tmp_path, source).fetch)

    assert not asked.exists()


def test_without_a_token_the_helper_of_the_user_is_asked(
    served: Path, tmp_path: Path, asked: Path
) -> None:
    with forge(served, wanted="u:p") as server:
        mirror(tmp_path, Source(git=f"{server.url}/r.git")).fetch()

    assert asked.exists()


@pytest.mark.parametrize(
    ("wanted", "name", "token", "expected"),
    [
        (
            "u:right",
            "r.git",
            SecretRef(env="T"),
            "denies access; check source.token for https, source.ssh_key for ssh",
        ),
        (
            "u:right",
            "r.git",
            None,
            "denies access; check source.token for https, source.ssh_key for ssh",
        ),
        (
            None,
            "gone.git",
            None,
            "is no repository, or one that these credentials may not see; check the address",
        ),
    ],
    ids=["wrong token", "no token", "no repository"],
)
def test_what_a_forge_refuses(
    served: Path,
    tmp_path: Path,
    wanted: str | None,
    name: str,
    token: SecretRef | None,
    expected: str,
) -> None:
    with forge(served, wanted=wanted) as server:
        url = f"{server.url}/{name}"

        message = error(mirror(tmp_path, Source(git=url, token=token)).fetch)

    assert message.startswith(f"source.git: '{url}' {expected} (")
    assert "t0k" not in message


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/r.git"

        message = error(mirror(tmp_path, Source(git=url)).fetch)

    assert message.startswith(
        f"source.git: '{url}' cannot be reached; check the address and the network ("
    )


def test_a_server_that_does_not_answer(served: Path, tmp_path: Path) -> None:
    with forge(served, slow_s=1) as server:
        remote = mirror(tmp_path, Source(git=f"{server.url}/r.git"), timeout_s=0.3)

        assert error(remote.fetch) == "git fetch did not end within 0.3 s"


def test_a_failed_fetch_leaves_the_copy_as_it_was(repo: Repo, tmp_path: Path) -> None:
    commit = repo.commit(base__x="1")
    remote = mirror(tmp_path, Source(git=f"file://{repo.path}"))
    remote.fetch()
    repo.path.rename(tmp_path / "moved")

    error(remote.fetch)

    assert remote.checkout().revision == Revision(commit)


def left_behind(copy: Mirror, name: str, age_s: float) -> Path:
    """Put a lock file into a copy, as a git does that is killed."""
    file = Path(copy.folder, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (time.time() - age_s,) * 2)
    return file


@pytest.mark.parametrize(
    "name",
    ["packed-refs.lock", "refs/heads/main.lock", "refs/heads/a/b.lock", "shallow.lock", "HEAD.lock",
     "config.lock", "objects/maintenance.lock"],
)  # fmt: skip
def test_what_a_killed_git_left_is_taken_away(repo: Repo, tmp_path: Path, name: str) -> None:
    repo.commit(base__x="1")
    repo.git("branch", "gone")
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}"))
    copy.fetch()
    repo.git("pack-refs", "--all")
    repo.git("branch", "-D", "gone")
    commit = repo.commit(base__x="2")
    file = left_behind(copy, name, age_s=31)

    copy.fetch()

    assert copy.checkout().revision == Revision(commit)
    assert not file.exists()


def test_the_lock_file_of_a_git_at_work_stays(repo: Repo, tmp_path: Path) -> None:
    repo.commit(base__x="1")
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}"))
    copy.fetch()
    repo.commit(base__x="2")
    file = left_behind(copy, "refs/heads/main.lock", age_s=1)

    assert "File exists" in error(copy.fetch)
    assert file.exists()


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "wb")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_let_finish_with_the_copy(repo: Repo, tmp_path: Path) -> None:
    repo.commit(base__x="1")
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}"))
    copy.fetch()
    file = left_behind(copy, "packed-refs.lock", age_s=31)
    words = [sys.executable, "-c", HOLD, f"{copy.folder}.lock"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with ThreadPoolExecutor() as pool:
            fetching = pool.submit(copy.fetch)
            with pytest.raises(TimeoutError):
                fetching.result(timeout=0.5)
            assert file.exists()
            other.communicate()
            fetching.result()

    assert not file.exists()


def test_a_copy_that_cannot_be_made_says_nothing_of_the_repository(
    repo: Repo, tmp_path: Path
) -> None:
    copy = mirror(tmp_path, Source(git=f"file://{repo.path}"))
    Path(copy.folder).parent.mkdir(parents=True)
    Path(copy.folder).touch()
    with pytest.raises(SourceUnavailable):
        copy.fetch()

    shutil.rmtree(Path(copy.folder).parent)
    Path(copy.folder).parent.touch()
    with pytest.raises(SourceUnavailable):
        copy.fetch()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Host key verification failed.",
            "is not known by its host key; add it to the file that source.known_hosts names "
            "(Host key verification failed.)",
        ),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n"
            "Offending ED25519 key in /keys/known hosts:1\nHost key verification failed.",
            "shows another host key than the one it is known by, which may be an attack: ask "
            "those who run it for the new key, and only then replace the old one "
            "(Offending ED25519 key in /keys/known hosts:1)",
        ),
        (
            "Permissions 0644 for '/keys/my key' are too open.\n"
            "git@h: Permission denied (publickey).",
            "was not asked: ssh takes no key that others may read; chmod 600 the file of "
            "source.ssh_key (Permissions 0644 for '/keys/my key' are too open.)",
        ),
        (
            "git@h: Permission denied (publickey).",
            "denies access; check source.token for https, source.ssh_key for ssh "
            "(git@h: Permission denied (publickey).)",
        ),
        (
            "ssh: Could not resolve hostname h: Name or service not known",
            "cannot be reached; check the address and the network "
            "(ssh: Could not resolve hostname h: Name or service not known)",
        ),
    ],
)
def test_ssh_checks_host_keys_and_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: str
) -> None:
    put_ssh(tmp_path, monkeypatch, said)
    source = Source(
        git="git@h:mq/r.git",
        ssh_key=SecretRef(file="/keys/my key"),
        known_hosts=SecretRef(file="/keys/known hosts"),
    )

    message = error(mirror(tmp_path, source).fetch)

    assert message == f"source.git: 'git@h:mq/r.git' {expected}"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:12] == [
        *("-i", "/keys/my key"),
        *("-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "ConnectTimeout=15"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", 'UserKnownHostsFile="/keys/known hosts"'),
    ]


def put_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Let `ssh` be a program that says this and fails; `asked` has its arguments."""
    script = f'printf "%s\\n" "$@" >{tmp_path}/asked\necho "{said}" >&2\nexit 255'
    put_program(tmp_path, monkeypatch, "ssh", script)


@pytest.mark.parametrize(
    "said",
    [
        "fatal: remote error: upload-pack: not our ref 1234",
        "error: Server does not allow request for unadvertised object 1234",
        "fatal: bad revision '1234'",
        "error: git@h:mq/r.git did not send all necessary objects",
    ],
)
def test_what_a_server_does_not_give_is_told_from_a_server_that_cannot_be_asked(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    put_ssh(tmp_path, monkeypatch, said)
    remote = Remote(Source(git="git@h:mq/r.git"), read_token, 60)

    with pytest.raises(NotGiven):
        remote.ask(str(repo.path), "fetch", (), ("main",))


def test_two_sources_have_two_copies(
    repo: Repo, make_repo: Callable[[str], Repo], tmp_path: Path
) -> None:
    other = make_repo("deep/repo")
    other.commit(base__x="other")
    repo.commit(base__x="one")
    copies = [mirror(tmp_path, Source(git=f"file://{place.path}")) for place in (repo, other)]
    for copy in copies:
        copy.fetch()

    assert [copy.checkout().files("base")[0].content for copy in copies] == [b"one", b"other"]
