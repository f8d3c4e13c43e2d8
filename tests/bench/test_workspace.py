"""What is read from the log of a command."""

from __future__ import annotations

from bench.workspace import Run

_LOG = """\
DEBUG request cluster=bench endpoint=http://[::1]:1 method=GET target=overview?disable_stats=true
DEBUG request cluster=bench endpoint=http://[::1]:1 method=GET target=definitions status=200
INFO no request at all
DEBUG request cluster=bench endpoint=http://[::1]:1 method=POST target=definitions status=204
"""


def test_requests_are_counted_from_the_log_and_exports_among_them() -> None:
    run = Run(1.0, 0.5, 1, 0, "", _LOG)

    assert run.requests == [("GET", "overview"), ("GET", "definitions"), ("POST", "definitions")]
    assert run.exports == 1
