"""A cluster and a repository with a password in every place that can hold one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rmqsync.kinds.passwords import hash_password
from tests.brokers import Broker
from tests.brokers.management import Management
from tests.cli.workspace import Outcome, Workspace
from tests.secrecy.planted import Planted

FORMATS = ("text", "json", "ndjson", "markdown", "sarif", "junit", "html", "github")
HASH = "rabbit_password_hashing_sha256"
IN_GIT = ("hash in git",)
"""What the repository itself shows: it may be kept with what was compiled, and nowhere else."""

_BREAKING = """
import http.client
real = http.client.HTTPConnection.endheaders
def breaking(self, *arguments, **named):
    if self._method == "{}":
        raise RuntimeError("nobody expects this")
    return real(self, *arguments, **named)
http.client.HTTPConnection.endheaders = breaking
"""


class Estate:
    """Definitions with secrets, applied to a broker that people changed by hand as well."""

    def __init__(self, workspace: Workspace, broker: Broker, data: Path) -> None:
        self.workspace, self.broker, self.data = workspace, broker, data
        self.planted = Planted()
        self.leaks: dict[str, set[str]] = {}
        self.management = self.planted.password("management")
        with broker.management() as api:
            api.put("users", "operator", body=_user(self.management, "administrator"))
        workspace.settings["daemon"] = {"data_dir": str(data)}
        workspace.cluster(
            "one",
            broker,
            username="operator",
            amqp=[{"env": "AMQP_ONE"}],
            max_deletes={"share": 1.0, "objects": 99, "bindings": 99},
            on_drift="heal",
        )
        workspace.monkeypatch.setenv("PASSWORD_ONE", self.management)
        self.amqp = broker.amqp_url.partition("@")[2] or broker.amqp_url.partition("//")[2]
        workspace.monkeypatch.setenv("AMQP_ONE", self.amqp_url(self.management))
        workspace.monkeypatch.setenv("UNUSED_ONE", self.planted.password("environment"))
        self._plant()

    def amqp_url(self, password: str) -> str:
        return f"amqp://operator:{quote(password, safe='')}@{self.amqp}"

    def _plant(self) -> None:
        planted, secret = self.planted, self.workspace.secret
        secret("user", planted.password("user by secret"))
        secret("hash", planted.add("hash by secret", hash_password("x1", b"abcd")))
        secret("upstream", self.uri("upstream by secret"))
        secret("upstream_two", self.uri("second upstream by secret"))
        secret("source", self.uri("shovel source by secret"))
        secret("goal", self.uri("shovel goal by secret"))
        secret("telling", planted.password("telling parameter by secret"))
        secret("quiet", planted.password("quiet parameter by secret"))
        planted.add("hash in git", hash_password("x2", b"efgh"))

    def uri(self, place: str) -> str:
        return f"amqp://u:{quote(self.planted.password(place), safe='')}@127.0.0.1:1"

    def definitions(self, **more: Any) -> dict[str, Any]:
        uris = [{"secret": "upstream"}, {"secret": "upstream_two"}]
        shovel = {
            "src-uri": {"secret": "source"},
            "src-queue": "qu",
            "dest-uri": [{"secret": "goal"}],
            "dest-queue": "qu",
        }
        return {
            "vhosts": [{"name": "shop"}],
            "users": [
                {"name": "by-secret", "password": {"secret": "user"}},
                {"name": "by-hash-secret", "password_hash": {"secret": "hash"}},
                {"name": "by-hash", "password_hash": self.planted.values["hash in git"]},
            ],
            "queues": [{"vhost": "shop", "name": "qu"}],
            "federation_upstreams": [{"vhost": "shop", "name": "up", "value": {"uri": uris}}],
            "shovels": [{"vhost": "shop", "name": "to", "value": shovel}],
            "global_parameters": [
                {"name": "telling", "value": {"api_token": {"secret": "telling"}, "size": 1}},
                {"name": "quiet", "value": {"deep": [{"apple": {"secret": "quiet"}}]}},
                {"name": "bare", "value": {"secret": "quiet"}},
            ],
            **more,
        }

    def by_hand(self, number: int) -> None:
        """Change all that holds a secret past git, and make more that nobody declared."""
        planted = self.planted
        with self.broker.management() as api:
            for name in ("by-secret", "by-hash-secret", "by-hash", "hand"):
                live = planted.add(
                    f"{name} by hand {number}", hash_password(f"{name}{number}", b"a1b2")
                )
                api.put(
                    "users",
                    name,
                    body={"password_hash": live, "hashing_algorithm": HASH, "tags": ""},
                )
            for name in ("up", "hand"):
                value = {"uri": self.uri(f"upstream {name} by hand {number}")}
                _parameter(api, "federation-upstream", name, value)
            for name in ("to", "hand"):
                value = {
                    "src-uri": self.uri(f"shovel source {name} by hand {number}"),
                    "src-queue": "qu",
                    "dest-uri": self.uri(f"shovel goal {name} by hand {number}"),
                    "dest-queue": "qu",
                }
                _parameter(api, "shovel", name, value)
            value: Any = {"api_token": planted.password(f"telling parameter by hand {number}")}
            _global(api, "telling", value)
            _global(api, "hand", value)
            apple = planted.password(f"quiet parameter by hand {number}")
            _global(api, "quiet", {"deep": [{"apple": apple}]})
            _global(api, "bare", planted.password(f"bare parameter by hand {number}"))
        self.learn()

    def learn(self) -> None:
        """Look for the hashes that the broker has made as well."""
        with self.broker.management() as api:
            for user in api.get("users"):
                live = user["password_hash"]
                is_new = live and live not in self.planted.values.values()
                if is_new and user["name"] != self.broker.username:
                    self.planted.add(f"live hash {live[:4]} of {user['name']}", live)

    def run(self, *words: str, but: Iterable[str] = ()) -> Outcome:
        """Run a command here, and look at what it says."""
        found = self.workspace.run(*words)
        self.look(" ".join(words), found.out + found.err, but)
        return found

    def spawn(self, *words: str, breaks_at: str | None = None) -> int:
        """
        Run a command as people do, and look at all that it says and logs.

        `breaks_at` is an HTTP method: a request with it raises what nobody expects.
        """
        environ = dict(os.environ)
        if breaks_at is not None:
            folder = self.data.parent / f"breaks at {breaks_at}"
            folder.mkdir(exist_ok=True)
            (folder / "sitecustomize.py").write_text(_BREAKING.format(breaks_at))
            environ["PYTHONPATH"] = str(folder)
        done = subprocess.run(
            [sys.executable, "-m", "rmqsync", *words],
            cwd=self.workspace.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (b"a defect" in said or b"Traceback" in said) is (breaks_at is not None), said
        self.look(f"{' '.join(words)} as a process, breaks at {breaks_at}", said)
        return done.returncode

    def in_all_formats(self, *words: str) -> Outcome:
        """Run a command once, and look at what it says in each format."""
        self.data.parent.joinpath("reports").mkdir(exist_ok=True)
        reports = [(one, self.data.parent / "reports" / one) for one in FORMATS]
        found = self.run(*words, "-v", *(f"--report={one}={path}" for one, path in reports))
        for one, path in reports:
            assert path.exists(), f"{words}: {found.err}"
            self.look(f"{' '.join(words)} as {one}", path.read_bytes())
            path.unlink()
        return found

    def look(self, what: str, content: str | bytes, but: Iterable[str] = ()) -> None:
        places = self.planted.found_in(content, but)
        if places:
            self.leaks[what] = places

    def look_below(self, what: str, folder: Path, but: Iterable[str] = ()) -> None:
        for name, places in self.planted.found_below(folder, but).items():
            self.leaks[f"{what}: {name}"] = places

    def look_at_data(self) -> None:
        """Everything in the data folder, but what backups hold: they are for going back."""
        for path in sorted(self.data.rglob("*")):
            name = str(path.relative_to(self.data))
            self.look(f"name of {name}", name)
            if path.is_file() and not name.startswith("backups/"):
                self.look(f"file {name}", path.read_bytes(), IN_GIT)
            mode = path.stat().st_mode & 0o077
            assert not mode, f"{name} can be read by others"

    def look_at_marker(self) -> None:
        with self.broker.management() as api:
            markers = [
                one for one in api.get("global-parameters") if one["name"].startswith("rmqsync.")
            ]
        assert markers
        self.look("marker", str(markers))


def _user(password: str, tags: str = "") -> dict[str, str]:
    return {"password": password, "tags": tags}


def _parameter(api: Management, component: str, name: str, value: object) -> None:
    body = {"vhost": "shop", "component": component, "name": name, "value": value}
    api.put("parameters", component, "shop", name, body=body)


def _global(api: Management, name: str, value: object) -> None:
    api.put("global-parameters", name, body={"name": name, "value": value})
