"""One trial: a run of rmqsync that is disturbed at one request, and what must be true after it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rmqsync.cli.main import run
from rmqsync.kinds.policy import FENCE
from tests.brokers import Broker
from tests.cli.workspace import GIT
from tests.sweep.injections import Injection
from tests.sweep.looks import Snapshot, fill, held, leading_on, said_of, snapshot, ways_out
from tests.sweep.proxy import Proxy, Watch
from tests.sweep.scenarios import SECRET, UNMANAGED, VHOST, Definitions, Scenario, plant

MESSAGES = 3
"""In each queue that holds any."""
KILLED = -9
_DESIGNED = {0, 1, 3, 4, 5}
_NOT_PROVEN_S = 40
"""A proof fails for some seconds after one that was killed: it looks like a client."""


class Broken(AssertionError):
    """A promise that a trial found broken."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def cluster(self) -> dict[str, Any]:
        """What the report says of the one cluster; empty where there is no report."""
        if not self.out.strip():
            return {}
        (found,) = json.loads(self.out)["clusters"]
        return dict(found)

    @property
    def changes(self) -> list[dict[str, Any]]:
        return list(self.cluster.get("changes", ()))

    def __str__(self) -> str:
        lines = [f"exit code {self.code}"]
        if self.cluster:
            told = {name: self.cluster.get(name) for name in ("error", "verified", "remaining")}
            lines.append(str(told))
        for one in self.changes:
            words = [one["action"], one["address"], one.get("result"), one.get("error")]
            lines.append(" ".join(str(word) for word in [*words, (one["hold"] or {}).get("code")]))
        return "\n".join([*lines, self.err])


@dataclass(slots=True)
class Stage:
    """One scenario on one broker, prepared once: its commits, and what is true without faults."""

    scenario: Scenario
    broker: Broker
    proxy: Proxy
    folder: Path
    commits: dict[str, str] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)
    """Export of the broker as the disturbed run finds it, the marker included."""
    vhosts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Description and tags by name, as it finds them."""
    before: Snapshot = field(default_factory=dict)
    after: Snapshot = field(default_factory=dict)
    """As a run without faults leaves it."""
    owned: frozenset[str] = frozenset()
    """Deleted by a plan, once git declares nothing but the vhosts."""
    requests: tuple[str, ...] = ()
    """Of the run, undisturbed."""
    code: int = 0
    """Of the run, undisturbed."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        scenario = self.scenario
        cluster: dict[str, Any] = {
            "layers": ["base"],
            "endpoints": [self.proxy.url],
            "username": self.broker.username,
            "password": {"env": "SWEEP_PASSWORD"},
            **scenario.settings,
        }
        if scenario.amqp:
            cluster["amqp"] = [self.broker.amqp_url]
        settings = {
            "clusters": {"one": cluster},
            "secrets": {SECRET: {"env": "SWEEP_SECRET", "for": ["*"]}},
        }
        (self.folder / "rmqsync.yaml").write_text(yaml.safe_dump(settings))
        self._git("init", "-q", "-b", "main")
        wanted: dict[str, Definitions | None] = {
            "before": scenario.before,
            "after": scenario.after,
            "mended": scenario.mended,
            "nothing": {"vhosts": scenario.after["vhosts"]},
        }
        for name, document in wanted.items():
            if document is not None:
                self.commits[name] = self._commit(document)
        self._prepare()

    @property
    def keeping(self) -> list[tuple[str, str]]:
        return [(VHOST, name) for name in (*UNMANAGED, *self.scenario.filled)]

    def set_out(self) -> None:
        """Bring the broker and git to where the disturbed run begins."""
        self.broker.reset()
        with self.broker.management() as api:
            api.post("definitions", body=self.start)
            for name, said in self.vhosts.items():  # 3.10 exports no descriptions
                api.put("vhosts", name, body=said)
        fill(self.broker, self.keeping, MESSAGES)
        self.check_out("after")

    def check_out(self, name: str) -> None:
        self._git("checkout", "-q", "--detach", self.commits[name])

    def run(self, *arguments: str) -> Ended:
        """Run a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            _environment(self._environment()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(list(arguments))
        return Ended(code, out.getvalue(), err.getvalue())

    def spawn(self, watch: Watch, *arguments: str) -> Ended:
        """Run a command in a process group of its own, for somebody to kill."""
        process = subprocess.Popen(
            [sys.executable, "-m", "rmqsync", *arguments],
            cwd=self.folder,
            env={**os.environ, **self._environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        watch.group = process.pid
        out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err)

    def words(self, timeout_s: float = 30.0) -> tuple[str, ...]:
        """The command of the scenario."""
        verb = (word.format(**self.commits) for word in self.scenario.verb)
        form = ("--auto-approve", "--format", "json", "-q", "--timeout", str(timeout_s))
        # A cluster whose nodes cannot be read is waited for.
        wait = ("--health-timeout", "1") if self.scenario.verb[0] == "apply" else ()
        return (*verb, *form, *wait)

    def plan(self, *arguments: str) -> Ended:
        return self.run("plan", "--format", "json", "-q", *arguments)

    def _prepare(self) -> None:
        """Run it all without faults, and remember what is true then."""
        scenario = self.scenario
        self.broker.reset()
        with self.broker.management() as api:
            plant(api)
        if scenario.before is not None:
            self._arrange("before")
        if scenario.is_applied:
            self._arrange("after")
        with self.broker.management() as api:
            scenario.hands(api)
            self.start = api.get("definitions")
            self.vhosts = {one["name"]: said_of(one) for one in api.get("vhosts")}
        self.set_out()
        self.before = snapshot(self.broker)
        with self.proxy.watching() as watch:
            done = self.run(*self.words())
        self.requests = tuple(watch.requests)
        self.code = done.code
        _expect(done.code in (0, 3, 4), f"undisturbed, it ends with {done.code}: {done}")
        finish(self)
        self.after = snapshot(self.broker)
        self.owned = deletes(self)

    def _arrange(self, name: str) -> None:
        self.check_out(name)
        done = self.run("apply", "--auto-approve", "--adopt", "--format", "json")
        _expect(done.code in (0, 3), f"the run before does not end well: {done}")

    def _commit(self, document: Definitions) -> str:
        file = self.folder / "base" / "all.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(dict(document), sort_keys=False))
        self._git("add", "base")
        self._git("commit", "-q", "--allow-empty", "-m", "change")
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **GIT},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        return {
            **GIT,
            "SWEEP_PASSWORD": self.broker.password,
            "SWEEP_SECRET": "a secret of the shop",
            "XDG_STATE_HOME": str(self.folder.parent / f"{self.folder.name}.state"),
        }


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Any:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _expect(is_so: bool, problem: str) -> None:
    if not is_so:
        raise Broken(problem)


@dataclass(frozen=True, slots=True)
class Found:
    """What one trial came to."""

    code: int
    """Of the disturbed run."""
    harmed: tuple[str, ...]
    """Requests that a fault met; none where the run was shorter than usual."""
    problem: str | None = None


def try_one(stage: Stage, injection: Injection, number: int, title: str = "") -> Found:
    """
    Disturb request `number`, or the first after it that begins with `title`.

    What is found broken is told, not raised.
    """
    stage.set_out()
    with stage.proxy.watching(injection, number, title) as watch:
        if injection.kills:
            ended = stage.spawn(watch, *stage.words())
        else:
            ended = stage.run(*stage.words(injection.timeout_s))
    harmed = tuple(watch.harmed)
    problem = None
    try:
        _check_end(stage, ended, was_killed=injection.kills and bool(harmed))
        _check_kept(stage)
        _check_ways_out(snapshot(stage.broker))
        _remove_told(stage, ended)
        finish(stage)
        _check_same(stage.after, snapshot(stage.broker))
        _check_kept(stage)
        owned = deletes(stage)
        _expect(owned == stage.owned, f"ownership differs: {sorted(owned ^ stage.owned)}")
    except Broken as error:
        problem = f"{error}\nthe disturbed run: {ended}"
    return Found(ended.code, harmed, problem)


def _check_end(stage: Stage, ended: Ended, *, was_killed: bool) -> None:
    """The exit code is a designed one, and what is told of the broker is so."""
    if was_killed:
        _expect(ended.code == KILLED, f"killed, and yet it ends with {ended.code}")
        return
    _expect(ended.code in _DESIGNED, f"exit code {ended.code} is not designed")
    now = snapshot(stage.broker)
    told = {change["address"]: change for change in ended.changes}
    moved = {
        one for one in stage.before.keys() | now.keys() if stage.before.get(one) != now.get(one)
    }
    if ended.code in (1, 5):
        _expect(not moved, f"it says that nothing was done, but these moved: {sorted(moved)}")
    implied = {
        one
        for change in told.values()
        if change.get("result") != "skipped"
        for one in change["impact"]["implied"]
    }
    fences = {one for one in moved if FENCE in one and one.partition("/")[2] in _error(ended)}
    for one in sorted(moved - implied - fences):
        _expect(one in told, f"{one} moved, and nobody says so")
        _expect(told[one]["result"] != "skipped", f"{one} moved, and is told as skipped")
    for one, change in told.items():
        if change["result"] == "applied" and ended.cluster["verified"]:
            _expect(_is_done(change, stage, now), f"{one} is told as applied, and is not so")
    if ended.code == 0:
        _expect(ended.cluster.get("verified", True), "exit 0, and not verified")


def _remove_told(stage: Stage, ended: Ended) -> None:
    """Remove the fences that the report says are left: a run without changes does not."""
    with stage.broker.management() as api:
        for policy in api.get("policies", VHOST):
            if policy["name"].startswith(FENCE) and policy["name"] in _error(ended):
                api.delete("policies", VHOST, policy["name"])


def _error(ended: Ended) -> str:
    return ended.cluster.get("error") or ""


def _is_done(change: Mapping[str, Any], stage: Stage, now: Snapshot) -> bool:
    address = change["address"]
    if change["action"] == "delete":
        return address not in now
    return bool(now.get(address) == stage.after.get(address, now.get(address))) and address in now


def _check_kept(stage: Stage) -> None:
    """All messages are there."""
    found = held(stage.broker, stage.keeping)
    lost = {queue: number for queue, number in found.items() if number != MESSAGES}
    _expect(not lost, f"messages were lost: {lost}")


def _check_ways_out(found: Snapshot) -> None:
    """Dead and unrouted messages have somewhere to go: else the broker drops them."""
    missing = ways_out(found) - leading_on(found)
    _expect(not missing, f"policies send messages to what leads nowhere: {sorted(missing)}")


def finish(stage: Stage) -> None:
    """Run again without faults: it converges, and says so."""
    scenario = stage.scenario
    for _ in range(scenario.runs):
        _until_proven(lambda: stage.run(*stage.words()), stage)
    if scenario.mended is not None:
        stage.check_out("mended")
        _until_proven(lambda: stage.run(*stage.words()), stage)
    if scenario.is_pinned:
        again = stage.run(*stage.words())
    else:
        targets = scenario.verb[1:] if "--target" in scenario.verb else ()
        again = stage.plan("--detailed-exitcode", *targets)
    _expect(again.code == 0 and not again.changes, f"it has not converged: {again}")


def _until_proven(again: Callable[[], Ended], stage: Stage) -> None:
    deadline = time.monotonic() + _NOT_PROVEN_S
    while True:
        ended = again()
        if ended.code == 0 or stage.scenario.runs > 1 or stage.scenario.mended is not None:
            return
        holds = {(change["hold"] or {}).get("code") for change in ended.changes}
        waits = ended.code == 3 and holds <= {None, "not-proven"} and time.monotonic() < deadline
        _expect(waits, f"the run after it ends with {ended.code}: {ended}")
        time.sleep(2)


def deletes(stage: Stage) -> frozenset[str]:
    """Return what a plan would delete, if git declared nothing but the vhosts."""
    stage.check_out("nothing")
    if stage.scenario.is_pinned:
        stage.run("resume", "one", "-q")
    planned = stage.plan()
    _expect(planned.code == 0, f"the plan of nothing ends with {planned.code}: {planned.err}")
    return frozenset(one["address"] for one in planned.changes if one["action"] == "delete")


def _check_same(wanted: Snapshot, found: Snapshot) -> None:
    differing = [
        f"{one}: {found.get(one)} instead of {wanted.get(one)}"
        for one in sorted(wanted.keys() | found.keys())
        if wanted.get(one) != found.get(one)
    ]
    _expect(not differing, "not where it ends without faults:\n" + "\n".join(differing))
