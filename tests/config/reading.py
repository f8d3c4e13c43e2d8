"""Reads settings from texts instead of files."""

from __future__ import annotations

from textwrap import dedent

import pytest

from rmqsync.config.read import read_settings
from rmqsync.config.settings import Settings
from rmqsync.model.errors import InvalidDefinitions, SourceError

FILE = "rmqsync.yaml"
KINDS = ("vhost", "user", "queue", "policy", "federation_upstream", "shovel")


def settings(text: str, **more: str) -> Settings:
    """Read `text` as `rmqsync.yaml` in `/etc/mq`; `more` are files beside it (`a_yaml=…`)."""
    files = {FILE: text} | {name.replace("_yaml", ".yaml"): body for name, body in more.items()}

    def read(name: str) -> bytes:
        if name not in files:
            raise SourceError(f"'{name}' cannot be read: no such file or directory")
        return dedent(files[name]).encode()

    return read_settings(FILE, read, "/etc/mq", KINDS)


def errors(text: str, **more: str) -> list[str]:
    """Return the findings of settings that are wrong, as people see them."""
    with pytest.raises(InvalidDefinitions) as caught:
        settings(text, **more)
    return [str(finding) for finding in caught.value.findings]


def cluster_errors(lines: str) -> list[str]:
    """Return the findings of one otherwise right cluster `c`, without the place."""
    body = "\n".join(f"    {line}" for line in dedent(lines).strip().splitlines())
    base = {
        "endpoints": "[http://h]",
        "username": "u",
        "password": "{env: P}",
        "layers": "[base]",
    }
    given = {line.split(":")[0].strip() for line in dedent(lines).splitlines()}
    rest = "\n".join(f"    {key}: {value}" for key, value in base.items() if key not in given)
    return [
        finding.split("clusters.c", 1)[1].lstrip(".: ")
        for finding in errors(f"clusters:\n  c:\n{body}\n{rest}\n")
    ]
