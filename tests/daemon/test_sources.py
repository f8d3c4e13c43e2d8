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
from rmqsync.wiring import Session
from tests.daemon.daemons import Home, shop
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
