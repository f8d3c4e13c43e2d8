"""A workspace, as the tests of the command line have it."""

from tests.cli.conftest import workspace

__all__ = ["workspace"]
