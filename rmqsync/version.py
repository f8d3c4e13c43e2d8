"""The version of rmqsync; read by the packaging and by `rmqsync --version`."""

__version__ = "0.1.0"
