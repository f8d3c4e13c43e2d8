"""YAML in the pages is right by the program itself."""

from itertools import groupby

import pytest

from rmqsync.cli.main import run
from rmqsync.config.read import read_settings
from rmqsync.kinds import KINDS
from tests.docs.pages import PAGES, ROOT, Block, blocks

YAML = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
SETTINGS = [block for block in YAML if "\nclusters:" in f"\n{block.text}"]


def file_of(block: Block) -> str:
    """The file that the first line of a block names: `# base/shop.yaml`."""
    first = block.text.partition("\n")[0]
    return first.removeprefix("# ") if first.endswith(".yaml") and "/" in first else ""


LAYERED = {
    section: list(group)
    for section, group in groupby((b for b in YAML if file_of(b)), lambda b: b.section)
}
ALONE = [block for block in YAML if block not in SETTINGS and not file_of(block)]


def test_there_is_something_to_check():
    assert SETTINGS
    assert LAYERED
    assert ALONE


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_settings_are_right(block):
    settings = read_settings("rmqsync.yaml", lambda _: block.text.encode(), "/", KINDS.names)

    assert settings.clusters


@pytest.mark.parametrize("block", ALONE, ids=str)
def test_definitions_are_right(block, tmp_path, capsys):
    file = tmp_path / "definitions.yaml"
    file.write_text(block.text)

    code = run(["validate", str(file)])

    assert (code, capsys.readouterr().out.strip()) == (0, "Success! The definitions are valid.")


@pytest.mark.parametrize("group", LAYERED.values(), ids=LAYERED.keys())
def test_layers_are_right(group, tmp_path, capsys):
    for block in group:
        path = tmp_path / file_of(block)
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text)
    layers = list(dict.fromkeys(str((tmp_path / file_of(block)).parent) for block in group))

    code = run(["validate", *layers])

    assert (code, capsys.readouterr().out.strip()) == (0, "Success! The definitions are valid.")


def test_layers_compile_to_what_the_page_says(tmp_path, monkeypatch, capsys):
    import json

    for block in LAYERED["Layers"]:
        path = tmp_path / file_of(block)
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text)
    (tmp_path / "rmqsync.yaml").write_text(
        'clusters: {a: {endpoints: ["file:live.json"], layers: [base, small-site]}}'
    )
    monkeypatch.chdir(tmp_path)

    run(["compile", "a"])

    found = json.loads(capsys.readouterr().out)
    assert {queue["name"]: queue["arguments"] for queue in found["queues"]} == {
        "billing": {"x-queue-type": "quorum", "x-max-length": 1000}
    }
    assert [binding["routing_key"] for binding in found["bindings"]] == ["order.#"]


def test_the_files_of_the_picture_are_right(monkeypatch, capsys):
    monkeypatch.chdir(ROOT / "docs/picture")

    code = run(["validate"])

    assert (code, capsys.readouterr().out.strip()) == (0, "Success! The definitions are valid.")
