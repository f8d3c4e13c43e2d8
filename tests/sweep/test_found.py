"""What the sweep once found broken, each as it was found."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rmqsync.app.prove import WINDOW_S
from tests.brokers import Broker
from tests.sweep.injections import INJECTIONS
from tests.sweep.proxy import Proxy
from tests.sweep.scenarios import SCENARIOS
from tests.sweep.trial import Stage, try_one

_STATISTICS_S = 5
"""They come so late at most."""


@pytest.mark.parametrize(
    ("scenario", "injection", "request_title", "code"),
    [
        pytest.param(
            "first apply by single calls",
            "lost answer, again and again",
            "POST /api/definitions vhosts depot",
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
        pytest.param(
            "bad object in a bulk",
            "broker gone",
            "POST /api/definitions exchanges ex.10",
            4,
            id="an import was refused, but part of it was done",
        ),
        pytest.param(
            "adoption",
            "503, again and again",
            "POST /api/definitions exchanges ex.1",
            4,
            id="what a replacement took down was not put back since another object failed",
        ),
        pytest.param(
            "adoption",
            "broker gone",
            "PUT /api/users/shop",
            4,
            id="what a broken run did not come to was taken for drift",
        ),
        pytest.param(
            "deletion of an empty quorum queue",
            "500, again and again",
            "DELETE /api/policies/shop/rmqsync.fence.",
            4,
            id="a fence was left, and nobody was told",
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
        if chosen.variants > 1:  # the undisturbed run had its proof: it looks like a client
            time.sleep(WINDOW_S + 2 * _STATISTICS_S)
        found = try_one(stage, disturbing, 1, request_title)

    assert found.harmed, f"no request begins with {request_title}: exit code {found.code}"
    assert (found.code, found.problem) == (code, None)
