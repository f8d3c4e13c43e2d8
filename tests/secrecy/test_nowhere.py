"""A secret is in no output, log, report, plan, error, history, cache or marker, however written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.cli.conftest import workspace
from tests.cli.workspace import Workspace
from tests.secrecy.estate import FORMATS, Estate

__all__ = ["workspace"]


@pytest.fixture
def estate(workspace: Workspace, r43: Broker, tmp_path: Path) -> Iterator[Estate]:
    made = Estate(workspace, r43, tmp_path / "data")
    made.workspace.define(made.definitions())
    made.workspace.commit()
    yield made
    leaks = [f"{what}: {', '.join(sorted(places))}" for what, places in made.leaks.items()]
    assert not leaks, "\n".join(leaks)


def test_secrets_are_nowhere_in_the_life_of_a_cluster(estate: Estate, tmp_path: Path) -> None:
    folder = estate.workspace.folder

    # what is made
    estate.in_all_formats("validate")
    estate.in_all_formats("plan", "--out", "first.plan")
    for form in FORMATS:
        estate.run("show", "first.plan", "--format", form)
    assert estate.in_all_formats("apply", "--auto-approve", "--adopt", "-v").code == 0
    first = estate.workspace.git("rev-parse", "HEAD")
    estate.learn()
    estate.look_at_marker()

    # what people changed
    estate.by_hand(1)
    estate.in_all_formats("plan")
    estate.in_all_formats("drift")
    estate.in_all_formats("diff", "cluster:one", f"rev:{first}")
    estate.in_all_formats("diff", f"rev:{first}", "cluster:one")
    assert estate.spawn("apply", "--auto-approve", "-vv", "--format", "json") == 0
    estate.look_at_marker()

    # what is secret by another value, what is so no more, and what is not declared any more
    estate.workspace.secret("user", estate.planted.password("user, rotated"))
    estate.workspace.secret("upstream", estate.uri("upstream, rotated"))
    estate.workspace.secret("quiet", estate.planted.password("quiet parameter, rotated"))
    estate.in_all_formats("plan")
    assert estate.in_all_formats("apply", "--auto-approve", "-v").code == 0
    estate.learn()
    estate.workspace.define(estate.definitions(global_parameters=[
        {"name": "quiet", "value": {"deep": [{"apple": "no secret"}], "size": 2}},
        {"name": "bare", "value": "no secret"},
    ]))  # fmt: skip
    estate.in_all_formats("plan")
    estate.workspace.define({name: estate.definitions()[name] for name in ("vhosts", "queues")})
    estate.workspace.commit()
    estate.in_all_formats("plan", "--out", "last.plan")
    estate.in_all_formats("show", "last.plan")
    estate.by_hand(2)
    estate.in_all_formats("plan")
    estate.in_all_formats("drift")
    assert estate.run("apply", "last.plan", "--auto-approve").code == 5
    estate.in_all_formats("apply", "--auto-approve", "--allow-loss", "everything")
    estate.look_at_marker()

    # the way back
    estate.run("rollback", "one", first, "--auto-approve", "--adopt")
    for form in ("text", "json", "ndjson", "markdown"):
        estate.run("history", "--format", form)
    for one in estate.workspace.run("history", "--format", "json").document["runs"]:
        estate.in_all_formats("history", one["run"])
    (backups,) = (estate.data / "backups").iterdir()
    estate.in_all_formats("diff", "cluster:one", f"file:{next(backups.iterdir())}")
    estate.in_all_formats("diff", f"file:{next(backups.iterdir())}", "cluster:one")
    estate.run("compile", "one")
    estate.run("export", "one", "--dir", str(tmp_path / "tree"))
    estate.look_below("export", tmp_path / "tree")

    estate.look_at_data()
    for path in folder.glob("*.plan"):
        estate.look(path.name, path.read_bytes())
    assert os.path.exists(estate.data / "compiled")
