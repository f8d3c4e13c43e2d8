"""The example as rmqsync compiles it."""

from functools import cache

from rmqsync.kinds.context import Version
from rmqsync.loading.compile import compile_layers
from rmqsync.model.definitions import Desired
from rmqsync.model.values import Row
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session
from tests.demo.workplace import SETTINGS

SITES = ("shanghai", "hangzhou")


@cache
def compiled(site: str, version: Version | None = None) -> Desired:
    """The definitions of a site, checked as for a cluster of `version`."""
    opened = Session(str(SETTINGS), None, {})
    target = opened.target(site, RunOptions(rabbitmq_version=version), offline=True)
    return compile_layers(target.files(), target.options)


def rows(site: str, kind: str) -> list[Row]:
    """All objects of one kind of a site."""
    return list(compiled(site).rows.get(kind, {}).values())
