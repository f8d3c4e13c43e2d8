"""What the use cases need from outside. Adapters in `broker` and `repo` fit these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rmqsync.kinds.base import Request
from rmqsync.loading.files import SourceFile
from rmqsync.model.approvals import Approval
from rmqsync.model.cancels import Cancel
from rmqsync.model.changes import ClusterResult, Revision
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.drifts import Told
from rmqsync.model.runs import RunRecord
from rmqsync.model.values import JsonValue, Key

if TYPE_CHECKING:
    from rmqsync.app.plan import Planned


class Broker(Protocol):
    """One cluster. Every method tries all endpoints before it raises `Unreachable`."""

    @property
    def name(self) -> str:
        """The cluster's name in the settings."""

    def read(self) -> Live:
        """
        Read everything with a fixed number of requests.

        Raises `Unreachable`, `AccessDenied` or `BrokerError`; never half a result.
        """

    def export(self, *, again: bool) -> bytes:
        """
        Return the definitions export as the broker gave it, secrets and all.

        That of the last reading, without a request, or asked `again`. Raises as `read` does.
        """

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        """
        Return what these queues hold now; a queue that is not there is missing.

        What quorum queues hold may be that of some seconds ago.
        """

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        """Return the same, with nothing of before the call: waits some seconds for it."""

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        """Return the commands that grant what our user lacks for these calls."""

    def get(self, request: Request) -> JsonValue:
        """Answer a GET; `None` for 404."""

    def send(self, request: Request) -> None:
        """
        Carry out one call, retried when it is safe to send twice.

        Raises `Rejected` with the broker's reason, `Unreachable`, or `AccessDenied`. A DELETE that
        finds nothing counts as done.
        """

    def upload(self, document: Mapping[str, Any]) -> None:
        """POST a definitions document. Raises as `send` does; some of it may have been stored."""

    def close(self) -> None:
        """Drop the connections."""


class Lock(Protocol):
    """What keeps other runs off a cluster, while it is held."""

    def held(self) -> bool:
        """Tell whether it is held now. Asked before every write; costs nothing."""

    @property
    def lost(self) -> str | None:
        """Why it is not held any more."""

    def release(self) -> None:
        """Give it up."""


class Count(Protocol):
    """What a queue holds at this moment."""

    @property
    def ready(self) -> int: ...

    @property
    def consumers(self) -> int:
        """Clients that consume, and those that hold messages they got."""


class Taken(Protocol):
    """A message that was fetched and not acknowledged yet."""

    @property
    def sentinel(self) -> str | None:
        """The id of one of ours; `None` for anybody else's message."""

    @property
    def redelivered(self) -> bool: ...

    @property
    def left(self) -> int:
        """Ready messages that remain."""

    @property
    def tag(self) -> int: ...


class QueueProbe(Protocol):
    """An exact look at one queue, over AMQP. All of it raises `BrokerError` or `Unreachable`."""

    def count(self) -> Count | None:
        """Return what is in it now; `None` where there is no such queue."""

    def put(self, ids: Sequence[str]) -> bool:
        """Put sentinels in, all at once; tell whether all are in. Some may be, also on an error."""

    def try_one(self, one: str) -> bool:
        """Publish one more; tell whether it got in. It may have on an error."""

    def take(self) -> Taken | None:
        """Fetch the first message, without acknowledging it."""

    def settle(self, remove: Sequence[int], give_back: Sequence[int]) -> None:
        """Acknowledge some of what was taken, and put the rest back where it was."""

    def delete(self) -> int:
        """Delete the queue, whatever it holds; return how many ready messages went with it."""

    def close(self) -> None:
        """Drop the connection."""


class Amqp(Protocol):
    """One cluster over AMQP."""

    def lock(self) -> Lock | None:
        """
        Return the cluster's lock, held; `None` while somebody else holds it.

        Raises `Refused` where waiting for it is in vain.
        """

    def holder(self) -> str:
        """Return who holds it, as well as the cluster can tell."""

    def is_held_by(self, lock: Lock) -> bool:
        """Tell whether that lock, had by whatever name of the cluster, is the one it has now."""

    def queue(self, vhost: str, name: str, expiration_ms: int | None = None) -> QueueProbe:
        """
        Return an exact look at one queue; close it in the end.

        After `expiration_ms` sentinels vanish by themselves.
        """


class Checkout(Protocol):
    """The definitions repository at one revision, or a folder as it stands."""

    @property
    def revision(self) -> Revision: ...

    def files(self, layer: str) -> Sequence[SourceFile]:
        """Return the definition files below a layer folder, sorted. Raises `SourceError`."""

    def tree(self, layers: Iterable[str]) -> str:
        """Return an id of all that these layers hold: equal for equal files, 40 hex digits."""

    @property
    def base(self) -> str:
        """The folder of the layers, from the root of its repository."""

    def unsigned(self, signers: str) -> str | None:
        """
        Return why this is not what one of the signers in that file has signed; `None` where it is.

        Raises `SourceError` where that cannot be told.
        """

    @property
    def past(self) -> Past | None:
        """The commits behind this one; `None` outside of a repository."""


class Past(Protocol):
    """The history of a checkout's repository. Raises `SourceError` where git fails."""

    @property
    def root_commit(self) -> str | None:
        """The first commit of this line; `None` where the clone is shallow."""

    def descends_from(self, commit: str, *, at_hand: bool = False) -> bool | None:
        """
        Tell whether this is that commit or a later one; `None` where it cannot be told.

        With `at_hand` nothing is fetched for it.
        """

    def with_tree(
        self, tree: str, base: str, layers: Sequence[str], commit: str | None
    ) -> Checkout | None:
        """
        Return a revision in which these layers hold just this tree: `commit`, or any other.

        `None` where no commit at hand does.
        """


class CompiledStore(Protocol):
    """Compiled sets of earlier runs: for the next one, and for when a commit cannot be read."""

    @property
    def build(self) -> str:
        """What tells this state of the program's code from any other."""

    def load(self, key: str) -> str | None:
        """Return what was kept under a key; `None` where there is nothing, or nothing sound."""

    def save(self, key: str, text: str) -> None:
        """Keep a text; never raises, since it is a spare."""


class RunStore(Protocol):
    """The history of runs. Every method raises `HistoryError` where it cannot be had."""

    def begin(self, record: RunRecord) -> None:
        """Write the row of a run that begins."""

    def end(self, record: RunRecord, keep_s: float) -> None:
        """Write how a run ended, whether or not `begin` worked, and drop older runs."""

    def clusters(self) -> Sequence[str]:
        """Return the names of all clusters there are runs of."""

    def runs(
        self,
        *,
        clusters: Iterable[str] | None = None,
        since: str | None = None,
        limit: int | None = None,
    ) -> Sequence[RunRecord]:
        """Return runs without their documents, newest first. `since` is a time, inclusive."""

    def find(self, beginning: str) -> Sequence[RunRecord]:
        """Return the runs whose id begins so, with their documents, newest first."""

    def ids(self) -> Sequence[str]:
        """Return the ids of all runs, newest first."""


class ApprovalStore(Protocol):
    """What people have approved beforehand. Raises `HistoryError` where it cannot be had."""

    def add(self, approval: Approval) -> None:
        """Write an approval down."""

    def open(self, cluster: str, fingerprint: str | None = None) -> Sequence[Approval]:
        """Return those of a cluster, or of one plan, that nobody used and no time has ended."""

    def spend(self, ids: Iterable[str]) -> bool:
        """Use approvals up: all of them, or none where one is not open any more."""

    def revoke(self, cluster: str) -> int:
        """Take back all approvals of a cluster that are open; return how many there were."""


class CancelStore(Protocol):
    """Which plans people have called off. Raises `HistoryError` where it cannot be had."""

    def put(self, cancel: Cancel) -> None:
        """Write a cancellation down, in place of the one before."""

    def find(self, cluster: str) -> Cancel | None:
        """Return the cancellation of a cluster."""

    def forget(self, cancel: Cancel) -> None:
        """Drop a cancellation, but no other that took its place."""


class DriftStore(Protocol):
    """What has drifted, and how often. Raises `HistoryError` where it cannot be had."""

    def look(self, cluster: str, causes: Mapping[str, str], at: str) -> Told:
        """Write down what is drifted now (address to cause) and return what came of it."""


class BackupStore(Protocol):
    """Where exports from before a run are kept."""

    def keep(self, cluster: str, run: str, content: bytes) -> str:
        """Keep an export for good, return its path. Raises `SourceError` where it cannot be."""


class Journal(Protocol):
    """What a run leaves for later: a backup, and its rows in the history."""

    @property
    def run(self) -> str | None:
        """Id of the run; `None` where nothing is written down."""

    def before_first_write(self, planned: Planned, *, fresh: bool) -> None:
        """
        Keep what the cluster has, and write down that the run begins.

        `fresh`: nobody was waited for since the cluster was read, so that reading will do.
        Raises `Refused` where nothing may be written, since no backup could be kept.
        """

    def finished(self, planned: Planned, result: ClusterResult) -> ClusterResult:
        """Write down how the run ended; return the result. Raises nothing."""


Progress = Callable[[str, int, int], None]
"""(what is being done, how many are done, how many there are); called often, from any thread."""
