"""The example of `examples/` made ready for real brokers: a repository, settings, secrets."""

import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.brokers import Broker

EXAMPLE = Path(__file__).parents[2] / "examples"
DEFINITIONS = EXAMPLE / "definitions"
SETTINGS = EXAMPLE / "rmqsync.yaml"
VHOST = "common"

_PASSWORD = "RMQSYNC_{}_PASSWORD"
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@example.com",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


def make_repository(folder: Path, environ: Mapping[str, str]) -> str:
    """Make `folder` a git repository that holds the example's definitions; returns its commit."""
    shutil.copytree(DEFINITIONS, folder / "definitions")
    _git(folder, environ, "init", "--quiet", "--initial-branch", "main")
    _git(folder, environ, "add", ".")
    _git(folder, environ, "commit", "--quiet", "--message", "Definitions of the shop")
    return _git(folder, environ, "rev-parse", "HEAD").strip()


def settings_for(brokers: Mapping[str, Broker], source: Mapping[str, str]) -> dict[str, Any]:
    """The example's rmqsync.yaml, its clusters at `brokers` and its definitions at `source`.

    `brokers` is by name of a cluster; what the example knows of a cluster beside how to reach it
    stays.
    """
    settings: dict[str, Any] = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    settings["source"] = dict(source)
    defaults = settings["defaults"]
    del defaults["tls"]
    defaults["on_drift"] = "heal"
    settings["clusters"] = {
        name: settings["clusters"][name]
        | {
            "endpoints": [node.management_url for node in broker.nodes],
            "username": broker.username,
            "password": {"env": _PASSWORD.format(name.upper())},
        }
        for name, broker in brokers.items()
    }
    return settings


def secrets_for(brokers: Mapping[str, Broker]) -> dict[str, str]:
    """Environment variables for every secret of `settings_for`, passwords made anew."""
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    names = [secret["env"] for secret in settings["secrets"].values()]
    environ = {name: secrets.token_hex(12) for name in names}
    link = f"site-link:{environ['SITE_LINK_PASSWORD']}"
    for name in settings["clusters"]:
        # a site without a broker here is one that does not answer
        port = brokers[name].nodes[0].amqp_port if name in brokers else 1
        environ[f"{name.upper()}_URI"] = f"amqp://{link}@127.0.0.1:{port}/{VHOST}"
    for name, broker in brokers.items():
        environ[_PASSWORD.format(name.upper())] = broker.password
    return environ


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings as a file that people can read."""
    path.write_text(yaml.safe_dump(dict(settings), sort_keys=False), encoding="utf-8")


def _git(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**environ, **_AUTHOR},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout
