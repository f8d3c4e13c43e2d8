"""`python -m rmqsync`."""

from rmqsync.cli.main import entry

entry()
