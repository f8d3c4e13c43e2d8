"""
Definitions that are hard to carry, through the command line and back, on every generation.

The trial: a broker takes a corpus by its own import; `export` writes it as YAML, after which `plan`
is empty; the same files, planned and applied against an empty broker of the same generation, in
bulk and by single calls, give an equal export.
"""

import pytest

from tests import corpora
from tests.brokers import Broker
from tests.cli.workspace import Workspace
from tests.conftest import BrokerSource


@pytest.mark.parametrize("bulk", ["auto", "never"])
@pytest.mark.parametrize(("generation", "corpus"), corpora.pairs())
def test_an_export_applied_to_an_empty_broker_gives_an_equal_export(
    workspace: Workspace,
    empty_broker: BrokerSource,
    generation: str,
    corpus: str,
    bulk: str,
) -> None:
    source, copy = empty_broker(generation), empty_broker(generation, 1)
    with source.management() as api:
        api.post("definitions", body=corpora.load(corpus))
    workspace.cluster("source", source)
    workspace.cluster("copy", copy)

    exported = workspace.run("export", "source", "--dir", "base")
    if (workspace.folder / "base.secrets").exists():
        workspace.settings["include"] = ["base.secrets/secrets.yaml"]
        workspace.save()
    same = workspace.plan("--cluster", "source", "--detailed-exitcode")
    applied = workspace.apply("--cluster", "copy", "--bulk", bulk, "--adopt")
    again = workspace.plan("--cluster", "copy", "--detailed-exitcode")

    assert exported.code == 0, exported.err
    assert (same.code, same.changes) == (0, []), same.err
    assert applied.code == 0, applied.err or [
        change for change in applied.cluster["changes"] if change["result"] != "applied"
    ]
    assert (again.code, again.changes) == (0, [])
    assert export_of(copy) == export_of(source)


def export_of(broker: Broker) -> dict[str, list[str]]:
    with broker.management() as api:
        return corpora.comparable(api.get("definitions"), broker.username)
