"""What the sweep once found broken, each as it was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.sweep.injections import INJECTIONS
from tests.sweep.proxy import Proxy
from tests.sweep.scenarios import SCENARIOS
from tests.sweep.trial import Stage, try_one


@pytest.mark.parametrize(
    ("scenario", "injection", "request_title", "code"),
    [
        pytest.param(
            "first apply by single calls",
            "lost answer, again and again",
            "PUT /api/vhosts/depot",
            4,
            id="the first change was made, and nobody was told",
        ),
        pytest.param(
            "first apply in bulk",
            "lost answer, again and again",
            "POST /api/definitions",
            4,
            id="an import was done, and nobody was told",
        ),
    ],
)
def test_it_is_mended(
    r43: Broker, tmp_path: Path, scenario: str, injection: str, request_title: str, code: int
) -> None:
    (chosen,) = (one for one in SCENARIOS if one.name == scenario)
    (disturbing,) = (one for one in INJECTIONS if one.name == injection)
    with Proxy(r43) as proxy:
        stage = Stage(chosen, r43, proxy, tmp_path / "stage")
        found = try_one(stage, disturbing, stage.requests.index(request_title) + 1)

    assert found.harmed[0] == request_title
    assert (found.code, found.problem) == (code, None)
