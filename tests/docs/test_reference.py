"""The tables of the reference are those of the program."""

import pytest

from tests.docs.reference import MADE, ROOT, WHOLE, with_made

PARTS = [(file, name) for file, parts in MADE.items() for name in parts]


@pytest.mark.parametrize(("file", "name"), PARTS)
def test_what_is_made_is_not_stale(file, name):
    text = (ROOT / file).read_text()

    fresh = with_made(text, name, MADE[file][name]())

    assert text == fresh, "run python -m tests.docs"


@pytest.mark.parametrize("file", WHOLE)
def test_files_that_are_made_are_not_stale(file):
    assert (ROOT / file).read_text() == WHOLE[file](), "run python -m tests.docs"
