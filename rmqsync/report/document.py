"""
The plan as JSON knows it: the one source that every format is rendered from.

`plan_json` makes it from a plan, `--out` keeps it, `show` renders it again. The shape is part of
what users rely on: it grows, nothing in it changes or goes away.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from rmqsync.model.values import JsonValue

SENSITIVE = "(sensitive)"
"""Stands for either side of a secret."""

ActionWord: TypeAlias = Literal["create", "update", "replace", "delete"]

ACTIONS: tuple[ActionWord, ...] = ("create", "update", "replace", "delete")

CountName: TypeAlias = Literal[
    "create", "update", "replace", "delete", "held", "unmanaged", "unchanged"
]
COUNTS: tuple[CountName, ...] = (*ACTIONS, "held", "unmanaged", "unchanged")


class SourceDocument(TypedDict):
    file: str
    line: int
    column: NotRequired[int]
    """Of findings only, where it is known."""


class FieldDocument(TypedDict):
    """A side that is absent is left out, since null is a value."""

    path: list[str | int]
    before: NotRequired[JsonValue]
    after: NotRequired[JsonValue]
    forces_replacement: bool
    cause: NotRequired[str]
    """Whose change this field is, where that was asked."""
    last: NotRequired[JsonValue]
    """As applied last, where git and somebody else changed the field."""


class HoldDocument(TypedDict):
    code: str
    reason: str
    override: str | None
    also: NotRequired[list[str]]
    """Codes of what would hold the change once this is allowed; the reason tells of it."""


class ImpactDocument(TypedDict):
    messages: int | None
    consumers: int | None
    implied: list[str]


class NamedDocument(TypedDict):
    kind: str
    vhost: str | None
    name: str
    address: str


class ChangeDocument(NamedDocument):
    action: ActionWord
    fields: list[FieldDocument]
    cause: str
    loss: str
    hold: HoldDocument | None
    impact: ImpactDocument
    source: SourceDocument | None
    left: NotRequired[list[FieldDocument]]
    """Fields that drifted, and keep their live value."""
    result: NotRequired[Literal["applied", "failed", "skipped"]]
    error: NotRequired[str | None]


class FindingDocument(TypedDict):
    code: str
    severity: str
    message: str
    address: str | None
    source: SourceDocument | None


class SummaryDocument(TypedDict):
    create: int
    update: int
    replace: int
    delete: int
    held: int
    unmanaged: int
    unchanged: int


class LastDocument(TypedDict):
    """What a cluster was brought in line with last."""

    commit: str | None
    at: str


class ClusterDocument(TypedDict):
    name: str
    status: str
    error: str | None
    rabbitmq_version: str | None
    summary: SummaryDocument
    fingerprint: str | None
    last_applied: NotRequired[LastDocument]
    changes: list[ChangeDocument]
    unmanaged: list[NamedDocument]
    findings: list[FindingDocument]
    verified: NotRequired[bool]
    interrupted: NotRequired[bool]
    remaining: NotRequired[list[str]]
    gone: NotRequired[list[str]]
    run: NotRequired[str]
    backup: NotRequired[str | None]


class RevisionDocument(TypedDict):
    commit: str | None
    dirty: bool


class RunDocument(TypedDict):
    """One run on one cluster, as the history lists it. Times are UTC."""

    run: str
    cluster: str
    status: str
    action: str
    trigger: str
    who: str
    started_at: str
    ended_at: str | None
    exit_code: int | None
    commit: str | None
    tree: str | None
    dirty: bool
    summary: dict[str, int]
    verified: bool | None
    error: str | None
    backup: str | None
    rmqsync_version: str


class RunsDocument(TypedDict):
    """Past runs, newest first."""

    format_version: str
    rmqsync_version: str
    runs: list[RunDocument]


SidesDocument = TypedDict("SidesDocument", {"from": str, "to": str})


class PlanDocument(TypedDict):
    format_version: str
    rmqsync_version: str
    created_at: str
    revision: RevisionDocument
    summary: SummaryDocument
    clusters: list[ClusterDocument]
    sides: NotRequired[SidesDocument]
    """What `diff` and `plan --base` compare, in words; a plan has none."""
    digest: NotRequired[str]
    """Of a saved plan: stands for all else in its file."""
    runs: NotRequired[list[RunDocument]]
    """Of a past run: what the history knows of it besides, for each cluster."""


class PlaceDocument(TypedDict):
    file: str
    line: int
    column: int


class RemarkDocument(TypedDict):
    """A finding of `validate`, with all that is known of it."""

    code: str
    severity: str
    message: str
    hint: str | None
    address: str | None
    source: PlaceDocument | None


class RemarkCounts(TypedDict):
    error: int
    warning: int
    note: int


class FindingsDocument(TypedDict):
    format_version: str
    rmqsync_version: str
    summary: RemarkCounts
    findings: list[RemarkDocument]


def is_apply(document: PlanDocument) -> bool:
    """Tell whether the document says what an apply did, not what one would do."""
    return any("verified" in cluster for cluster in document["clusters"])
