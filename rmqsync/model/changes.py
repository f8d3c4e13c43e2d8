"""What is to be done to a cluster: changes, holds, and the plan that lists them in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from rmqsync.model.findings import Finding, Origin
from rmqsync.model.values import JsonValue, Key, Row


class Action(Enum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"  # delete, then create: the broker cannot change it in place
    DELETE = "delete"


class Cause(Enum):
    """Whose change it is."""

    GIT = "git"
    DRIFT = "drift"
    BOTH = "both"
    UNKNOWN = "unknown"
    COMPLETED = "completed"


class Loss(IntEnum):
    """The worst that a change can cause; higher is worse."""

    NONE = 0
    BEHAVIOUR = 1
    ROUTING = 2
    ACCESS = 3
    MESSAGES = 4
    EVERYTHING = 5

    @property
    def word(self) -> str:
        return self.name.lower()


class HoldCode(Enum):
    """Why a change is shown but will not be applied. The values are part of the plan's format."""

    LOSS = "loss"
    ON_CHANGE = "on-change"
    PROTECTED = "protected"
    MAX_DELETES = "max-deletes"
    TAKES_FOREIGN = "takes-foreign"
    FOREIGN_MARKER = "foreign-marker"
    NOT_AHEAD = "not-ahead"
    ALTERED = "altered"
    ADOPTION = "adoption"
    NOT_PROVEN = "not-proven"
    UNHEALTHY = "unhealthy"
    DRIFT = "drift"
    PAUSED = "paused"
    UNSIGNED = "unsigned"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Hold:
    code: HoldCode
    reason: str
    override: str | None
    """The flag or the lines in git that allow it; `None` where there is none."""
    also: tuple[HoldCode, ...] = ()
    """What would hold the change once this is allowed; the reason tells of it."""

    @property
    def codes(self) -> tuple[HoldCode, ...]:
        return (self.code, *self.also)


class Absent(Enum):
    """A side of a field change that does not exist; `null` is a value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class FieldChange(NamedTuple):
    path: tuple[str | int, ...]
    before: JsonValue | Absent
    after: JsonValue | Absent
    forces_replacement: bool = False
    sensitive: bool = False
    """Both sides are shown as `(sensitive)`; the values here may be the real ones."""
    cause: Cause | None = None
    """Whose change this field is; `None` where nobody asked."""
    last: JsonValue | Absent = ABSENT
    """As applied last, where the cause is `both`."""


class Ref(NamedTuple):
    """One object: the name of its kind and its key."""

    kind: str
    key: Key


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change touches. Numbers are `None` where unknown."""

    messages: int | None = None
    """Ready and unacknowledged."""
    consumers: int | None = None
    implied: tuple[Ref, ...] = ()
    """Objects that go with it; a replacement puts them back in the same run, declared or not."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step from `before` (live) to `after` (desired)."""

    action: Action
    ref: Ref
    before: Row | None
    after: Row | None
    """Secrets are still references; the broker layer resolves them when sending."""
    fields: tuple[FieldChange, ...] = ()
    cause: Cause = Cause.UNKNOWN
    loss: Loss = Loss.NONE
    hold: Hold | None = None
    impact: Impact = field(default_factory=Impact)
    source: Origin | None = None
    """Where the desired side is written; `None` for deletions."""
    left: tuple[FieldChange, ...] = ()
    """Fields that somebody changed outside of rmqsync, and that keep their live value."""
    allowed: Loss = Loss.NONE
    """What was allowed for this object by name: by option, approval or definition."""

    def __post_init__(self) -> None:
        sides = (self.before is not None, self.after is not None)
        if sides != _SIDES[self.action]:
            raise ValueError(f"{self.action.value}: wrong sides {sides}")


_SIDES = {
    Action.CREATE: (False, True),
    Action.UPDATE: (True, True),
    Action.REPLACE: (True, True),
    Action.DELETE: (True, False),
}


class Status(Enum):
    OK = "ok"
    UNREACHABLE = "unreachable"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts for one cluster, or the sum of all. Held changes count in `held` and nowhere else."""

    create: int = 0
    update: int = 0
    replace: int = 0
    delete: int = 0
    held: int = 0
    unmanaged: int = 0
    unchanged: int = 0

    def __add__(self, other: Summary) -> Summary:
        return Summary(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))

    @property
    def changes(self) -> int:
        """Changes of any sort, held ones included."""
        return self.create + self.update + self.replace + self.delete + self.held


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """Ordered changes for one cluster. Holds no connection."""

    name: str
    status: Status = Status.OK
    error: str | None = None
    rabbitmq_version: str | None = None
    changes: tuple[Change, ...] = ()
    """In the order of application, held ones included."""
    unmanaged: tuple[Ref, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchanged: int = 0
    fingerprint: str | None = None
    last_commit: str | None = None
    """Applied last, where the marker names a commit."""
    last_at: str | None = None
    """When that was: UTC, ISO 8601."""
    approvals: tuple[str, ...] = ()
    """Ids of the approvals that let held changes go ahead; each counts for one run."""

    @property
    def applicable(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.hold is None)

    @property
    def held(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.hold is not None)

    @property
    def summary(self) -> Summary:
        counts = dict.fromkeys(Action, 0)
        for change in self.applicable:
            counts[change.action] += 1
        return Summary(
            create=counts[Action.CREATE],
            update=counts[Action.UPDATE],
            replace=counts[Action.REPLACE],
            delete=counts[Action.DELETE],
            held=len(self.held),
            unmanaged=len(self.unmanaged),
            unchanged=self.unchanged,
        )


class Revision(NamedTuple):
    """What the desired side was read from."""

    commit: str | None
    """40 hex digits; `None` for a folder that is in no repository."""
    dirty: bool = False
    """Files in the layer folders differ from the commit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run of `plan` found, all clusters."""

    created_at: str
    """UTC, ISO 8601 with `Z`."""
    revision: Revision
    clusters: tuple[ClusterPlan, ...]

    @property
    def summary(self) -> Summary:
        return total(cluster.summary for cluster in self.clusters)


def total(summaries: Iterable[Summary]) -> Summary:
    return sum(summaries, Summary())


class Outcome(Enum):
    """What became of one change in an apply."""

    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"


class Result(NamedTuple):
    outcome: Outcome
    error: str | None = None
    """Why it failed or was skipped, in the broker's own words where it has any."""
    hold: Hold | None = None
    """Set where a guard stepped in while applying: a proof that failed."""


@dataclass(frozen=True, slots=True)
class ClusterResult:
    """What an apply did to one cluster. `results` runs parallel to `plan.changes`."""

    plan: ClusterPlan
    results: tuple[Result, ...] = ()
    verified: bool | None = None
    """Read again and found as planned; `None` where nothing was sent."""
    interrupted: bool = False
    error: str | None = None
    remaining: tuple[str, ...] = ()
    """Addresses that still differ after the verifying read though they were reported as done."""
    gone: tuple[str, ...] = ()
    """Addresses of what was deleted to be replaced, and is not there after the verifying read."""
