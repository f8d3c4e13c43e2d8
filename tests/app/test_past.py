"""What was applied last, compiled again from git: the same rows, whatever came since."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.app.claim import Claim
from rmqsync.app.past import current_entry, past_of
from rmqsync.loading.compile import Options, compile_layers
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key
from rmqsync.repo.checkout import FolderCheckout
from tests.cli.workspace import GIT

names = st.text("ab.${}é", min_size=1, max_size=4).filter(
    lambda name: "$" not in name and name.strip(".")
)
queues = st.dictionaries(
    names, st.sampled_from([{}, {"type": "quorum"}, {"arguments": {"x-max-length": 5}}]), max_size=4
)
policies = st.dictionaries(names, st.integers(1, 9), max_size=3)
absent = st.sets(st.sampled_from(["gone.a", "gone.b"]))


@dataclass(frozen=True)
class Commit:
    """Two layers, what the settings say of them, and whether they are in a folder of their own."""

    base: Mapping[str, Any]
    site: Mapping[str, Any]
    policies: Mapping[str, int]
    absent: AbstractSet[str]
    """Queues that must not exist."""
    layers: tuple[str, ...]
    region: str

    def documents(self) -> dict[str, dict[str, Any]]:
        return {
            "base": {
                "vhosts": [{"name": "shop"}, {"name": "in-${region}"}],
                "queues": _named(self.base),
                "policies": [
                    {
                        "vhost": "shop",
                        "name": name,
                        "pattern": "^${region}",
                        "priority": number,
                        "definition": {"max-length": number},
                    }
                    for name, number in self.policies.items()
                ],
            },
            "site": {
                "vhosts": [{"name": "shop"}],
                "queues": _named(
                    {**self.site, **{name: {"state": "absent"} for name in sorted(self.absent)}}
                ),
            },
        }


def _named(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"vhost": "shop", "name": name, **body} for name, body in found.items()]


commits = st.builds(
    Commit,
    queues,
    queues,
    policies,
    absent,
    st.sampled_from([("base",), ("base", "site")]),
    st.sampled_from(["sh", "eu"]),
)


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "-q", "-b", "main")

    def commit(self, commit: Commit) -> None:
        for layer, document in commit.documents().items():
            file = self.folder / layer / "all.yaml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "change")

    def compiled(self, commit: Commit) -> tuple[FolderCheckout, Options, Any]:
        options = Options(vars={"region": commit.region})
        checkout = FolderCheckout(str(self.folder), commit.layers)
        files = [(layer, checkout.files(layer)) for layer in commit.layers]
        return checkout, options, compile_layers(files, options)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, env={**os.environ, **GIT}, check=True)


def _filled(rows: Rows) -> dict[str, Any]:
    return {kind: dict(found) for kind, found in rows.items() if found}


def _keys(absent: Mapping[str, Collection[Key]]) -> dict[str, set[Key]]:
    return {kind: set(found) for kind, found in absent.items() if found}


@settings(max_examples=25)
@given(first=commits, later=st.lists(commits, min_size=1, max_size=2))
def test_it_is_what_was_compiled_then(first: Commit, later: list[Commit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder))
        repository.commit(first)
        checkout, options, desired = repository.compiled(first)
        applied = current_entry(checkout, first.layers, options)
        then = _filled(desired.rows)
        gone = _keys(desired.absent)
        for commit in later:
            repository.commit(commit)
        checkout, options, desired = repository.compiled(later[-1])
        current = current_entry(checkout, later[-1].layers, options)

        past = past_of(checkout, current, desired, options, Claim())(applied)

    assert past is not None
    assert _filled(past.rows) == then
    assert _keys(past.absent) == gone
