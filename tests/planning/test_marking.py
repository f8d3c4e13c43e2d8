"""When a marker says anything new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmqsync.model.marker import Entry, Marker
from rmqsync.planning.marking import is_due

BEFORE = Marker(
    "1", "one", members=("a", "b"), applied=Entry("0" * 40, "0" * 40, ".", ("base",), at="then")
)


@pytest.mark.parametrize(
    ("nodes", "due"),
    [
        pytest.param(("a", "b"), False, id="the same"),
        pytest.param(("b",), False, id="one is down: it still is a member"),
        pytest.param(("b", "c"), True, id="one was replaced"),
        pytest.param(("a", "b", "c"), True, id="one was added"),
    ],
)
def test_a_node_that_joined_is_written_down(nodes: tuple[str, ...], due: bool) -> None:
    """Else a cluster whose nodes are replaced one by one is taken for another in the end."""
    assert is_due(BEFORE, replace(BEFORE, members=nodes)) == due
