"""A folder and a revision: what files they give, and what they refuse."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rmqsync.model.changes import Revision
from rmqsync.model.errors import InvalidDefinitions, SourceError
from rmqsync.repo.checkout import FolderCheckout, RevisionCheckout
from rmqsync.repo.files import SourceFile
from rmqsync.repo.layers import Layers
from tests.repo.conftest import Repo

Open = Callable[..., Layers]


@pytest.fixture(params=["folder", "revision"])
def open_repo(request: pytest.FixtureRequest, repo: Repo) -> Open:
    """Opens what was written to `repo`, in either way; paths are shown from its root."""

    def give(path: str = "") -> Layers:
        if request.param == "folder":
            return FolderCheckout(str(repo.path / path), cwd=str(repo.path))
        repo.commit()
        return RevisionCheckout(str(repo.path), "HEAD", path or ".")

    return give


def findings(checkout: Layers, layer: str) -> list[str]:
    """What is wrong with files of a layer, of which no id is given then."""
    found = [str(file.problem) for file in checkout.files(layer) if file.problem is not None]
    if isinstance(checkout, FolderCheckout) or "links to" in found[0]:
        with pytest.raises(InvalidDefinitions):
            checkout.tree([layer])
    return found


def test_every_definition_file_below_a_layer_is_given_in_sorted_order(
    repo: Repo, open_repo: Open
) -> None:
    for name in ("b.yaml", "a/z.yml", "a.json", "a/deep/er/x.yaml", "B.yaml", "ä ß.yaml"):
        repo.write(f"base/{name}", name)
    for name in (
        "README.md",
        "x.yaml.bak",
        "yaml",
        ".hidden.yaml",
        ".github/ci.yaml",
        "a/.x/y.yml",
    ):
        repo.write(f"base/{name}")
    repo.write("other/x.yaml")

    files = open_repo().files("base")

    assert [(file.path, file.content.decode(), file.layer) for file in files] == [
        ("base/B.yaml", "B.yaml", "base"),
        ("base/a.json", "a.json", "base"),
        ("base/a/deep/er/x.yaml", "a/deep/er/x.yaml", "base"),
        ("base/a/z.yml", "a/z.yml", "base"),
        ("base/b.yaml", "b.yaml", "base"),
        ("base/ä ß.yaml", "ä ß.yaml", "base"),
    ]


def test_a_digest_is_the_id_of_the_blob(repo: Repo, open_repo: Open) -> None:
    content = b"a: 1\r\n\xff\x00"
    repo.write("base/x.yaml", content)

    files = open_repo().files("base")

    blob = repo.git("hash-object", "--no-filters", "base/x.yaml")
    assert list(files) == [SourceFile("base/x.yaml", content, blob, "base")]


def test_a_layer_may_be_deep_below_the_source_path(repo: Repo, open_repo: Open) -> None:
    repo.write("mq/defs/regions/sh/x.yaml")

    files = open_repo("mq/defs").files("regions/sh")

    assert [file.path for file in files] == ["mq/defs/regions/sh/x.yaml"]


def test_the_source_path_may_begin_with_a_dot(repo: Repo, open_repo: Open) -> None:
    repo.write(".mq/base/x.yaml")

    checkout = open_repo(".mq")

    assert [file.path for file in checkout.files("base")] == [".mq/base/x.yaml"]
    assert checkout.base == ".mq"


def test_links_inside_the_repository_are_followed(repo: Repo, open_repo: Open) -> None:
    repo.write("shared/one.yaml", "one")
    repo.write("shared/sub/two.yaml", "two")
    repo.write("texts/plain.txt", "plain")
    repo.link("texts/again", "../texts/plain.txt")
    repo.link("base/folder", "../shared")
    repo.link("base/file.yaml", "../texts/again")
    repo.link("base/no-definition", "../texts/plain.txt")
    repo.link("base/way", "../base/folder/sub/../one.yaml")

    files = open_repo().files("base")

    assert [(file.path, file.content) for file in files] == [
        ("base/file.yaml", b"plain"),
        ("base/folder/one.yaml", b"one"),
        ("base/folder/sub/two.yaml", b"two"),
    ]


def test_a_layer_may_be_a_link(repo: Repo, open_repo: Open) -> None:
    repo.write("base/x.yaml")
    repo.link("prod", "base")

    assert [file.path for file in open_repo().files("prod")] == ["prod/x.yaml"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/etc/hostname", "which is outside the repository; copy the file into the repository"),
        ("../../x", "which is outside the repository; copy the file into the repository"),
        ("gone", "which does not exist; remove the link"),
        ("y.yaml/z", "which does not exist; remove the link"),
        ("link.yaml", "which does not exist; remove the link"),
        (".", "which this layer reads already; remove the link"),
        ("..", "which this layer reads already; remove the link"),
        ("sub", "which this layer reads already; remove the link"),
    ],
)
def test_bad_links_are_findings(repo: Repo, open_repo: Open, target: str, expected: str) -> None:
    repo.write("base/y.yaml")
    repo.write("base/sub/z.yaml")
    repo.link("base/link.yaml", target)

    assert findings(open_repo(), "base") == [f"base/link.yaml: links to '{target}', {expected}"]


def test_links_that_double_at_each_level_are_refused_at_once(repo: Repo, open_repo: Open) -> None:
    for level in range(40):
        repo.write(f"levels/{level}/x.yaml")
        for side in ("a", "b"):
            repo.link(f"levels/{level}/{side}", f"../{level + 1}" if level < 39 else "x.yaml")
    repo.link("base/start", "../levels/0")
    checkout = open_repo()
    started_s = time.monotonic()

    found = findings(checkout, "base")

    assert len(found) == 39
    assert time.monotonic() - started_s < 2


def test_all_bad_files_are_found_at_once(repo: Repo, open_repo: Open) -> None:
    repo.write("base/ok.yaml")
    repo.link("base/a.yaml", "/etc/hostname")
    repo.link("base/b", "gone")
    inner = Repo(repo.path / "base" / "inner")
    inner.commit(x="a: 1\n")

    checkout = open_repo()

    assert [file.path for file in checkout.files("base") if file.problem is None] == [
        "base/ok.yaml"
    ]
    assert sorted(findings(checkout, "base")) == [
        "base/a.yaml: links to '/etc/hostname', which is outside the repository; copy the file "
        "into the repository",
        "base/b: links to 'gone', which does not exist; remove the link",
        "base/inner: is a repository of its own, whose files have no place in this one's "
        "revisions; copy its files, or name it as the source of a cluster",
    ]


def test_a_file_that_is_too_long_is_not_read(repo: Repo, open_repo: Open) -> None:
    with open(repo.write("base/x.yaml", ""), "r+b") as file:
        file.truncate(50_000_001)
    repo.write("base/y.yaml")

    checkout = open_repo()

    assert [file.path for file in checkout.files("base")] == ["base/x.yaml", "base/y.yaml"]
    assert findings(checkout, "base") == [
        "base/x.yaml: is 50000001 bytes long, more than 50000000; split it"
    ]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("regions/shangai", "does not exist in {}; did you mean 'regions/shanghai'?"),
        ("shanghai", "does not exist in {}; did you mean 'regions/shanghai'?"),
        ("zzz", "does not exist in {}; its folders are base, docs, regions"),
        ("base/x.yaml/y", "does not exist in {}; its folders are base, docs, regions"),
    ],
)
def test_a_missing_layer_is_an_error_that_names_the_nearest(
    repo: Repo, open_repo: Open, layer: str, expected: str
) -> None:
    for name in ("base/x.yaml", "regions/shanghai/x.yaml", "docs/x.md", ".git-x/y.yaml"):
        repo.write(f"mq/{name}")
    checkout = open_repo("mq")
    where = f"'{repo.path}/mq'" if isinstance(checkout, FolderCheckout) else "'mq' of revision HEAD"

    with pytest.raises(SourceError) as caught:
        checkout.files(layer)

    assert str(caught.value) == f"layer folder '{layer}' {expected.format(where)}"


def test_a_layer_without_definitions_is_an_error(repo: Repo, open_repo: Open) -> None:
    repo.write("base/x.md")
    checkout = open_repo()
    where = f"'{repo.path}'" if isinstance(checkout, FolderCheckout) else "'.' of revision HEAD"

    with pytest.raises(SourceError) as caught:
        checkout.files("base")

    assert str(caught.value) == (
        f"layer folder 'base' in {where} holds no definitions (*.yaml, *.yml, *.json)"
    )


@pytest.mark.parametrize(
    ("target", "expected"),
    [("x.yaml", "is a file, not a folder"), ("../..", "links out of the repository")],
)
def test_a_layer_must_be_a_folder_of_the_repository(
    repo: Repo, open_repo: Open, target: str, expected: str
) -> None:
    repo.write("x.yaml")
    repo.link("base", target)

    with pytest.raises(SourceError, match=rf"^layer (folder )?'base' in .* {expected}$"):
        open_repo().files("base")


def test_paths_are_shown_from_the_working_folder_or_in_full(repo: Repo, tmp_path: Path) -> None:
    repo.write("mq/base/x.yaml")
    folder = repo.path / "mq"

    def shown(cwd: Path) -> str:
        return FolderCheckout(str(folder), cwd=str(cwd)).files("base")[0].path

    assert shown(tmp_path) == "repo/mq/base/x.yaml"
    assert shown(repo.path) == "mq/base/x.yaml"
    assert shown(folder) == "base/x.yaml"
    assert shown(folder / "base") == f"{folder}/base/x.yaml"


def test_a_name_that_is_no_utf8_is_shown_escaped(repo: Repo, open_repo: Open) -> None:
    os.makedirs(repo.path / "base")
    with open(os.fsencode(repo.path) + b"/base/a\xff.yaml", "wb") as file:
        file.write(b"a: 1\n")

    assert [file.path for file in open_repo().files("base")] == ["base/a\\xff.yaml"]


def test_a_pipe_and_a_folder_named_like_a_file_do_no_harm(repo: Repo) -> None:
    repo.write("base/dir.yaml/x.yaml")
    os.mkfifo(repo.path / "base" / "pipe.yaml")

    assert findings(FolderCheckout(str(repo.path), cwd=str(repo.path)), "base") == [
        "base/pipe.yaml: cannot be read: it is no regular file"
    ]


def test_a_file_that_cannot_be_read_is_a_finding(repo: Repo) -> None:
    gone = repo.write("base/x.yaml")
    checkout = FolderCheckout(str(repo.path), cwd=str(repo.path))
    checkout.walk("base")
    gone.unlink()

    assert findings(checkout, "base") == ["base/x.yaml: cannot be read: no such file or directory"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        FolderCheckout(str(tmp_path / "gone"))

    assert str(caught.value) == (
        f"folder '{tmp_path}/gone' does not exist; source.path names the folder of the layers"
    )


def test_a_folder_without_repository_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "x.yaml").write_text("a: 1\n")

    checkout = FolderCheckout(str(tmp_path), ["base"])

    assert len(checkout.files("base")) == 1
    assert checkout.revision == Revision(None)
    assert checkout.past is None


def test_a_mounted_folder_of_links_is_read(tmp_path: Path) -> None:
    """A Kubernetes volume: `x.yaml` leads through `..data` to a hidden folder with a date."""
    (tmp_path / "base" / "..2026").mkdir(parents=True)
    (tmp_path / "base" / "..2026" / "x.yaml").write_text("a: 1\n")
    (tmp_path / "base" / "..data").symlink_to("..2026")
    (tmp_path / "base" / "x.yaml").symlink_to("..data/x.yaml")

    files = FolderCheckout(str(tmp_path), cwd=str(tmp_path)).files("base")

    assert [(file.path, file.content) for file in files] == [("base/x.yaml", b"a: 1\n")]


def test_a_repository_without_commits_is_all_uncommitted(repo: Repo) -> None:
    repo.write("base/x.yaml")

    assert FolderCheckout(str(repo.path), ["base"]).revision == Revision(None, dirty=True)


CHANGES: list[tuple[str, Callable[[Repo], object], bool]] = [
    ("nothing", lambda repo: repo.path, False),
    ("a file changed", lambda repo: repo.write("mq/base/x.yaml", "b: 1\n"), True),
    ("in the index", lambda repo: [repo.write("mq/base/x.yaml"), repo.git("add", ".")], True),
    ("a new file", lambda repo: repo.write("mq/base/new.yaml"), True),
    ("a new file that is ignored", lambda repo: repo.write("mq/base/ignored.yaml"), True),
    ("a file removed", lambda repo: (repo.path / "mq/base/x.yaml").unlink(), True),
    ("a file renamed", lambda repo: repo.git("mv", "mq/base/x.yaml", "mq/base/y.yaml"), True),
    ("a layer removed", lambda repo: repo.git("rm", "-qr", "mq/base"), True),
    ("what a link leads to", lambda repo: repo.write("mq/shared/s.yaml", "b: 1\n"), True),
    ("a layer of another cluster", lambda repo: repo.write("mq/other/x.yaml", "b: 1\n"), False),
    ("no definition", lambda repo: repo.write("mq/base/README.md"), False),
    ("outside", lambda repo: repo.write("x.yaml"), False),
    ("only the time", lambda repo: os.utime(repo.path / "mq/base/x.yaml", (1, 1)), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "dirty"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_dirty_is_what_the_layers_hold_that_is_not_committed(
    repo: Repo, change: Callable[[Repo], object], dirty: bool
) -> None:
    repo.write(".gitignore", "ignored.yaml\n")
    repo.link("mq/base/link", "../shared")
    commit = repo.commit(mq__base__x="old", mq__other__x="a: 1\n", mq__shared__s="a: 1\n")
    change(repo)

    revision = FolderCheckout(str(repo.path / "mq"), ["base"]).revision

    assert revision == Revision(commit, dirty)


def test_a_revision_is_read_without_touching_the_work_tree(repo: Repo) -> None:
    first = repo.commit(base__x="a: 1\n")
    second = repo.commit(base__x="a: 2\n")
    repo.write("base/x.yaml", "a: 3\n")
    repo.write("base/y.yaml")
    before = repo.git("status", "--porcelain")

    old = RevisionCheckout(str(repo.path), "HEAD~1")

    assert [file.content for file in old.files("base")] == [b"a: 1\n"]
    assert old.revision == Revision(first)
    assert RevisionCheckout(str(repo.path), "main").revision == Revision(second)
    assert repo.git("status", "--porcelain") == before


def test_a_revision_is_read_from_the_folder_that_is_named(repo: Repo) -> None:
    repo.commit(mq__base__x="a: 1\n", base__x="a: 2\n")

    inside = RevisionCheckout(str(repo.path / "mq"), "HEAD")

    assert [(file.path, file.content) for file in inside.files("base")] == [
        ("mq/base/x.yaml", b"a: 1\n")
    ]


def test_the_tree_stands_for_what_the_layers_hold(repo: Repo) -> None:
    repo.write("x/y.md")
    first = repo.commit(a__x="1", b__x="2")
    repo.write("a/README.md")
    same = repo.commit(c__x="3")
    other = repo.commit(a__x="2")
    swapped = repo.commit(a__x="2", b__x="1")

    def tree(commit: str, *layers: str) -> str:
        return RevisionCheckout(str(repo.path), commit).tree(layers)

    assert tree(first, "a", "b") == tree(same, "a", "b")
    assert FolderCheckout(str(repo.path)).tree(["a", "b"]) == tree(swapped, "a", "b")
    different = [tree(first, "a", "b"), tree(first, "b", "a"), tree(first, "a")]
    different += [tree(other, "a", "b"), tree(swapped, "a", "b")]
    assert len(set(different)) == 5


def test_the_root_commit_is_the_first_of_the_line(repo: Repo) -> None:
    first = repo.commit(base__x="1")
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit(base__y="1")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--allow-unrelated-histories", "--no-edit", "other")

    assert RevisionCheckout(str(repo.path), "HEAD").past.root_commit == first
    past = FolderCheckout(str(repo.path), ["base"]).past
    assert past is not None
    assert past.root_commit == first


def test_a_thousand_files_are_read_in_well_under_a_second(repo: Repo) -> None:
    for number in range(1000):
        repo.write(f"base/{number % 10}/{number}.yaml", f"a: {number}\n" * 100)
    repo.commit()
    started_s = time.monotonic()

    files = RevisionCheckout(str(repo.path), "HEAD").files("base")

    assert time.monotonic() - started_s < 1
    assert len(files) == 1000
