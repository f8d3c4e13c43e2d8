"""
The cases, each a function from a `Bench` to figures. Targets are those of the design.

A ratio's two sides take turns, so that whatever else the machine does meets both; medians are
compared. What commands print is looked at, too: a fast plan that finds changes is none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench.bare import Api
from bench.generate import Generated, generate
from bench.report import Figure, middle, spread
from bench.workspace import Workspace
from tests.brokers import Broker

LARGE, SMALL, FIRST = 50_000, 1_000, 10_000
_NOTHING = "No changes."
_MB = 1_000_000


@dataclass(slots=True)
class Bench:
    """A broker, and workspaces for it by number of objects."""

    broker: Broker
    folder: Path
    rounds: int = 5
    say: Callable[[str], None] = print
    _workspaces: dict[int, Workspace] = field(default_factory=dict)
    _loaded: int | None = None

    def workspace(self, objects: int) -> Workspace:
        if objects not in self._workspaces:
            made = generate(objects)
            self._workspaces[objects] = Workspace(self.folder / str(objects), self.broker, made)
            self.say(f"  generated {about(made)}")
        return self._workspaces[objects]

    def loaded(self, objects: int) -> Workspace:
        """Return a workspace whose definitions the broker has, put there by the broker itself."""
        workspace = self.workspace(objects)
        if self._loaded != objects:
            self.empty()
            seconds = workspace.module("bare", "load", str(workspace.document))["seconds"]
            self._loaded = objects
            self.say(f"  the broker imported them in {seconds:.1f} s")
            plan = workspace.rmqsync("plan")
            if _NOTHING not in plan.out:
                raise RuntimeError(f"definitions and broker differ:\n{plan.out[-2000:]}")
        return workspace

    def empty(self) -> None:
        self._loaded = None
        # `reset` waits half a minute for each; with thousands of queues in it that may not do
        api = Api(self.broker.management_url, self.broker.username, self.broker.password)
        for vhost in json.loads(api.call("GET", "vhosts?columns=name")):
            if vhost["name"] != "/":
                api.call("DELETE", f"vhosts/{quote(vhost['name'], safe='')}")
        self.broker.reset()


def about(made: Generated) -> str:
    counts = {name: len(items) for name, items in made.document.items()}
    return (
        f"{made.objects} objects ({counts['queues']} queues, {counts['bindings']} bindings, "
        f"{counts['exchanges']} exchanges) in {len(made.files)} files, "
        f"{made.yaml_bytes / _MB:.1f} MB of YAML"
    )


def plan(bench: Bench) -> Iterator[Figure]:
    """A plan without changes, in a process of its own: of new files, and of known ones."""
    workspace = bench.loaded(LARGE)
    yield from _plan(bench, workspace, "files known")
    yield from _plan(bench, workspace, "files new", forget=workspace.forget)


def _plan(
    bench: Bench, workspace: Workspace, what: str, forget: Callable[[], None] = lambda: None
) -> Iterator[Figure]:
    bare, ours, parts, runs = [], [], [], []
    for _ in range(bench.rounds):
        told = workspace.module("bare", "plan", str(workspace.folder))
        bare.append(told["seconds"])
        parts.append(told["parts"])
        forget()
        run = workspace.rmqsync("plan")
        if _NOTHING not in run.out:
            raise RuntimeError(f"a plan without changes has some:\n{run.out[-2000:]}")
        ours.append(run.seconds)
        runs.append(run)
    shares = ", ".join(f"{name} {middle([p[name] for p in parts]):.2f} s" for name in parts[0])
    cpu = middle([run.cpu_seconds for run in runs])
    detail = f"rmqsync plan {spread(ours)}, CPU {cpu:.2f} s; bare {spread(bare)}: {shares}"
    case = f"no-op plan, {LARGE:,} objects, {what}"
    yield Figure(case, "× bare GET + parse", middle(ours) / middle(bare), 3.0, "×", detail)
    peak = max(run.peak_bytes for run in runs) / _MB
    yield Figure(case, "peak memory", peak, 400, "MB", f"{len(runs)} runs")


def cycles(bench: Bench) -> Iterator[Figure]:
    """The same in one process, again and again."""
    workspace = bench.loaded(LARGE)
    told = workspace.module("cycles")
    first = f"the first took {told['first']['seconds']:.2f} s"
    for name, target in (("unchanged", 0.15), ("changed", 1.0)):
        found = told[name]
        if any(one["changes"] for one in found):
            raise RuntimeError(f"cycles found changes: {found}")
        seconds = [one["seconds"] for one in found]
        what = f"client CPU, export {name}"
        detail = f"{len(found)} cycles {spread(seconds)}; {first}"
        yield Figure(f"cycle, {LARGE:,} objects", what, middle(seconds), target, "s", detail)


def apply(bench: Bench) -> Iterator[Figure]:
    """All creations at once, on an empty broker, up to the second reading."""
    workspace = bench.workspace(FIRST)
    bare, ours = [], []
    for _ in range(3):
        bench.empty()
        bare.append(workspace.module("bare", "apply", str(workspace.document))["seconds"])
        bench.empty()
        run = workspace.rmqsync("apply", "--auto-approve")
        if "Apply complete!" not in run.out:
            raise RuntimeError(f"an apply did not end well:\n{run.out[-2000:]}\n{run.err[-2000:]}")
        ours.append(run.seconds)
    bench.empty()
    detail = f"rmqsync apply {spread(ours)}; bare {spread(bare)}"
    case = f"first apply, {FIRST:,} objects"
    yield Figure(case, "× bare POST + GET", middle(ours) / middle(bare), 1.35, "×", detail)


def change(bench: Bench) -> Iterator[Figure]:
    """One object changed in git."""
    workspace = bench.loaded(LARGE)
    before = workspace.rmqsync("plan", "-vv")
    path = "sites/north/change.yaml"
    workspace.write(path, _CHANGED)
    workspace.commit()
    run = workspace.rmqsync("apply", "--auto-approve", "-vv")
    if "1 added, 0 changed, 0 destroyed" not in run.out:
        raise RuntimeError(f"one change was not what apply did:\n{run.out[-2000:]}")
    (workspace.folder / path).unlink()
    workspace.commit()
    bench.broker.management().delete("queues", "common", "qu.order.bench")
    beyond = len(run.requests) - len(before.requests)
    exports = run.exports - before.exports
    case = f"one object changed among {LARGE:,}"
    detail = f"plan {len(before.requests)}, plan and apply {len(run.requests)}"
    yield Figure(case, "requests beyond the plan", beyond, 8, "", detail)
    yield Figure(case, "exports beyond the plan", exports, 2, "", f"{run.seconds:.2f} s in all")


_CHANGED = "vhost: common\nqueues:\n  - name: qu.order.bench\n"


def requests(bench: Bench) -> Iterator[Figure]:
    """Requests of a plan without changes, at two sizes."""
    for objects in (LARGE, SMALL):
        run = bench.loaded(objects).rmqsync("plan", "-vv")
        case = f"no-op plan, {objects:,} objects"
        yield Figure(case, "requests", len(run.requests), 5, "", f"exports: {run.exports}")


def version(bench: Bench) -> Iterator[Figure]:
    """How soon the program answers at all: what else the machine does can only add to that."""
    taken, empty = [], []
    for _ in range(max(bench.rounds, 9)):
        taken.append(_seconds("-m", "rmqsync", "--version") * 1000)
        empty.append(_seconds("-c", "pass") * 1000)
    detail = f"median {middle(taken):.0f} ms; an empty Python {min(empty):.0f} ms"
    what = f"wall time, fastest of {len(taken)}"
    yield Figure("rmqsync --version", what, min(taken), 150, "ms", detail)


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


CASES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "version": version,
    "apply": apply,
    "plan": plan,
    "cycles": cycles,
    "change": change,
    "requests": requests,
}
"""In the order in which the broker has to be filled least often."""
