"""The tables of the reference are those of the program."""

import re

import pytest

from rmqsync.config.settings import SETTINGS
from rmqsync.config.shapes import MapOf
from rmqsync.config.tables import Table
from tests.docs.reference import MADE, NOT_YET, ROOT, WHOLE, with_made

PARTS = [(file, name) for file, parts in MADE.items() for name in parts]
HOLDERS = "settings|cluster|source|daemon"


@pytest.mark.parametrize(("file", "name"), PARTS)
def test_what_is_made_is_not_stale(file, name):
    text = (ROOT / file).read_text()

    fresh = with_made(text, name, MADE[file][name]())

    assert text == fresh, "run python -m tests.docs"


@pytest.mark.parametrize("file", WHOLE)
def test_files_that_are_made_are_not_stale(file):
    assert (ROOT / file).read_text() == WHOLE[file](), "run python -m tests.docs"


@pytest.mark.parametrize("place", sorted(NOT_YET))
def test_a_key_that_is_called_unused_exists(place):
    table = SETTINGS
    *above, key = place.split(".")

    for name in above:
        shape = table if name == "NAME" else table.options[name][0].shape
        table = shape.shape if isinstance(shape, MapOf) else shape
        assert isinstance(table, Table)

    assert key in table.options


@pytest.mark.parametrize("place", sorted(NOT_YET))
def test_a_key_that_is_called_unused_is_read_nowhere(place):
    key = place.rpartition(".")[2]
    reads = re.compile(rf"\b(?:{HOLDERS})\.{key}(?:_s)?\b")

    readers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "rmqsync").rglob("*.py")
        if path.parent.name != "config" and reads.search(path.read_text())
    ]

    assert readers == []
