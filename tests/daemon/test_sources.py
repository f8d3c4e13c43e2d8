"""What becomes of a commit: in force, broken, or looked at again."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from rmqsync.daemon.board import Board
from rmqsync.daemon.sources import Sources, name_of
from rmqsync.model.errors import SourceError
from rmqsync.wiring import Session
from tests.daemon.daemons import Home, shop
from tests.daemon.signers import Signers
from tests.fakes.program import put_program


class Followed:
    """The sources of some settings, as the daemon follows them."""

    def __init__(self, home: Home) -> None:
        home.config.write_text(yaml.safe_dump(home.settings))
        self.session = Session(str(home.config), None, {**os.environ, **home.environ})
        Path(self.session.data_dir).mkdir(exist_ok=True)
        clusters = self.session.settings.clusters
        self.board = Board(
            self.session.settings, {name: name_of(one.source) for name, one in clusters.items()}
        )
        self.counted: list[str] = []
        self.sources = Sources(
            self.session, self.board, self.session.memory, lambda _, what: self.counted.append(what)
        )

    def update(self) -> Any:
        """Look for new commits of the only source; return what is known of it then."""
        (name,) = self.sources.names
        self.sources.update(name)
        return self.board.source(name)


def test_a_commit_whose_files_could_not_be_read_is_looked_at_again(
    empty_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = empty_home
    home.snapshot("one")
    first = home.push(shop("qu.a"))
    followed = Followed(home)
    assert followed.update()["commit"] == first
    second = home.push(shop("qu.a", "qu.b"))
    away = tmp_path / "away"
    away.touch()
    script = (
        f'case "$*" in *--stdin*) test -e {away} && echo "fatal: unable to access" >&2 && exit 128'
        f';; esac\nexec {shutil.which("git")} "$@"'
    )
    put_program(tmp_path, monkeypatch, "git", script)

    missed = followed.update()
    away.unlink()
    found = followed.update()

    assert (missed["commit"], missed["broken_commit"]) == (first, None)
    assert "cannot be reached; check the address and the network" in missed["error"]
    assert (found["commit"], found["broken_commit"], found["error"]) == (second, None, None)
    assert followed.counted == ["fetched", "failed", "fetched"]


def test_a_commit_without_a_layer_is_broken(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    first = home.push(shop("qu.a"))
    followed = Followed(home)
    followed.update()
    home.git("mv", "base", "other")
    home.git("commit", "-q", "-m", "no layer")
    home.git("push", "-q", "origin", "HEAD:main")

    found = followed.update()

    assert (found["commit"], found["broken_commit"]) == (first, home.git("rev-parse", "HEAD"))
    assert found["error"].startswith("layer folder 'base' does not exist")
    assert {**followed.update(), "fetched_at": ""} == {**found, "fetched_at": ""}


def test_what_was_fetched_from_a_path_stays_in_force_once_it_is_gone(empty_home: Home) -> None:
    home = empty_home
    home.settings["source"]["git"] = str(home.remote)
    home.snapshot("one")
    commit = home.push(shop("qu.a"))
    followed = Followed(home)
    assert followed.update()["commit"] == commit
    home.remote.rename(home.folder / "away.git")

    for daemon in (followed, Followed(home)):
        gone = daemon.update()
        checkout = daemon.sources.checkout("one")

        assert gone["error"] == f"source.git: folder '{home.remote}' does not exist"
        assert (gone["commit"], checkout.revision.commit) == (commit, commit)
        assert [file.path for file in checkout.files("base")] == ["base/all.yaml"]


def test_a_head_that_nobody_who_is_trusted_has_signed_is_broken(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    signers = Signers(home)
    first = signers.push("ann", shop("qu.a"))
    followed = Followed(home)
    assert followed.update()["commit"] == first

    wrong = signers.push("eve", shop("qu.a", "qu.b"))
    by_eve = followed.update()
    none = home.push("queues: [{")
    unsigned = followed.update()
    restarted = Followed(home)
    after = restarted.update()
    last = signers.push("ann", shop("qu.a", "qu.c"))
    signed = restarted.update()

    assert (by_eve["commit"], by_eve["broken_commit"]) == (first, wrong)
    assert (unsigned["commit"], unsigned["broken_commit"]) == (first, none)
    assert {**after, "fetched_at": ""} == {**unsigned, "fetched_at": ""}
    assert (signed["commit"], signed["broken_commit"], signed["findings"]) == (last, None, [])
    (finding,) = by_eve["findings"]
    assert f"commit {wrong[:12]} is not signed by anybody whom" in finding["message"]
    (finding,) = unsigned["findings"]
    assert f"commit {none[:12]} is not signed, and only what" in finding["message"]
    assert finding["hint"].startswith("have one of them push a signed commit on top")


def test_a_head_is_looked_at_again_once_others_are_trusted(empty_home: Home) -> None:
    home = empty_home
    home.snapshot("one")
    signers = Signers(home)
    commit = signers.push("eve", shop("qu.a"))
    followed = Followed(home)
    assert followed.update()["broken_commit"] == commit
    with pytest.raises(SourceError, match="cannot be used, and none before"):
        followed.sources.checkout("one")

    signers.trust("eve")
    trusted = followed.update()
    signers.file.unlink()
    unreadable = followed.update()

    assert (trusted["commit"], trusted["broken_commit"]) == (commit, None)
    assert unreadable["error"].startswith("source.trusted_signers: ")
    assert unreadable["commit"] == commit


def test_the_good_commits_of_sources_that_are_read_side_by_side_are_all_kept(
    empty_home: Home,
) -> None:
    home = empty_home
    commit = home.push(shop("qu.a"))
    places = [home.folder / f"r{number}.git" for number in range(8)]
    for place in places:
        place.symlink_to(home.remote)
        home.snapshot(place.stem, source={"git": place.as_uri()})

    for _ in range(5):
        followed = Followed(home)
        kept = Path(followed.session.data_dir, "good-commits.json")
        kept.unlink(missing_ok=True)
        with ThreadPoolExecutor(len(places)) as pool:
            list(pool.map(followed.sources.update, followed.sources.names))
        expected = {f"{place.as_uri()} (main)": commit for place in places}
        assert json.loads(kept.read_text()) == expected
