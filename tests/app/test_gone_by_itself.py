"""What goes by itself is not made again until git changes it; what somebody deleted is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from tests.app.runs import OWNER
from tests.app.test_marker_kept import Story
from tests.planning.builders import binding, exchange, queue, rows, vhost

GONE = "goes by itself, and has gone since it was made"


def policy(definition: dict[str, Any], kind: str = "policy") -> tuple[str, dict[str, Any]]:
    row = {"vhost": "v", "name": "p", "pattern": "^q", "apply-to": "queues"}
    return kind, {**row, "definition": definition}


def without(first: Rows, *gone: Ref) -> Story:
    """Return a story in which some objects are gone, and what cannot be without them."""
    story = Story(first)
    for ref in gone:
        del story.cluster.state[ref]
    names = {ref.key[-1] for ref in gone}
    for ref in list(story.cluster.state):
        if ref.kind == "binding" and names & set(ref.key):
            del story.cluster.state[ref]
    return story


def notes(story: Story, wanted: Rows) -> list[str]:
    found = story.plan(wanted).plan.findings
    return [one.message for one in found if one.code == "RMQ099"]


@pytest.mark.parametrize(
    ("first", "gone"),
    [
        pytest.param([queue(auto_delete=True)], Ref("queue", ("v", "q")), id="auto-delete queue"),
        pytest.param(
            [queue(arguments={"x-expires": 60_000})], Ref("queue", ("v", "q")), id="x-expires"
        ),
        pytest.param(
            [queue(), policy({"expires": 60_000})], Ref("queue", ("v", "q")), id="by policy"
        ),
        pytest.param(
            [queue(), policy({"expires": 60_000}, "operator_policy")],
            Ref("queue", ("v", "q")),
            id="by operator policy",
        ),
        pytest.param(
            [queue("mqtt-subscription-x")],
            Ref("queue", ("v", "mqtt-subscription-x")),
            id="subscription",
        ),
        pytest.param(
            [exchange(auto_delete=True)], Ref("exchange", ("v", "e")), id="auto-delete exchange"
        ),
    ],
)
def test_what_went_by_itself_is_not_made_again(
    first: list[tuple[str, dict[str, Any]]], gone: Ref
) -> None:
    declared = rows(vhost(), *first)
    story = without(declared, gone)

    assert story.changes(declared) == []
    assert len(notes(story, declared)) == 1
    assert GONE in notes(story, declared)[0]


@pytest.mark.parametrize(
    ("first", "gone"),
    [
        pytest.param([exchange(internal=True)], Ref("exchange", ("v", "e")), id="internal"),
        pytest.param(
            [("user", {"name": "u", "tags": ["protected"], "password_hash": ""})],
            Ref("user", ("u",)),
            id="protected user",
        ),
        pytest.param(
            [queue("other"), policy({"expires": 60_000})],
            Ref("queue", ("v", "other")),
            id="a queue of which the policy is not",
        ),
    ],
)
def test_what_is_only_never_pruned_is_made_again(
    first: list[tuple[str, dict[str, Any]]], gone: Ref
) -> None:
    declared = rows(vhost(), *first)
    story = without(declared, gone)

    assert [(one.ref, one.cause.value) for one in story.plan(declared).plan.changes] == [
        (gone, "drift")
    ]
    assert notes(story, declared) == []


BOUND = rows(vhost(), exchange(), queue("tmp", auto_delete=True), binding("e", "tmp", "k"))
TMP = Ref("queue", ("v", "tmp"))


@pytest.mark.parametrize("more", [[], [binding("e", "tmp", "new")]], ids=["as it was", "one more"])
def test_bindings_of_a_queue_that_went_by_itself_wait_for_it(
    more: list[tuple[str, dict[str, Any]]],
) -> None:
    """The broker would answer 404, every time."""
    story = without(BOUND, TMP)
    wanted = rows(vhost(), exchange(), queue("tmp", auto_delete=True), binding("e", "tmp", "k"))
    wanted["binding"] |= rows(*more).get("binding", {})

    assert story.changes(wanted) == []
    told = "needs queue 'tmp' in vhost 'v', which has gone by itself"
    assert sum(told in one for one in notes(story, wanted)) == len(wanted["binding"])

    story.apply(wanted)
    story.by_hand(queue("tmp", auto_delete=True))

    assert {action for action, _, _ in story.changes(wanted)} == {"create"}
    assert len(story.changes(wanted)) == len(wanted["binding"])


def test_a_queue_that_git_changes_is_made_again_with_its_bindings() -> None:
    story = without(BOUND, TMP)
    changed = queue("tmp", auto_delete=True, arguments={"x-max-length": 5})

    assert [
        address
        for _, address, _ in story.changes(
            rows(vhost(), exchange(), changed, binding("e", "tmp", "k"))
        )
    ] == ["queue:v/tmp", "binding:v/e/queue/tmp/k"]


def shovel(source: str = "a", **more: Any) -> tuple[str, dict[str, Any]]:
    row = {"vhost": "v", "name": "s", "src-uri": "amqp://", "dest-uri": "amqp://"}
    ways = {"src-queue": source, "dest-queue": "b", "src-delete-after": "queue-length"}
    return "shovel", {**row, **ways, **more}


MOVES = rows(vhost(), shovel())
DONE = Ref("shovel", ("v", "s"))
ENDLESS = {"src-delete-after": "never"}


def shovel_change(story: Story, wanted: Rows, **stance: Any) -> tuple[str, str, str | None]:
    (change,) = (one for one in story.plan(wanted, **stance).plan.changes if one.ref == DONE)
    return change.action.value, change.loss.word, change.hold.code.value if change.hold else None


@pytest.mark.parametrize("stance", [{}, {"is_attended": True}, {"heals": True}])
def test_a_shovel_that_is_done_runs_again_only_with_a_yes_to_the_loss(
    stance: dict[str, Any],
) -> None:
    """It would copy the messages once more."""
    story = without(MOVES, DONE)

    change = shovel_change(story, rows(vhost(), shovel("c")), **stance)

    assert change == ("create", "messages", "loss")


def test_a_shovel_at_work_that_deletes_itself_does_not_start_over_without_a_yes() -> None:
    story = Story(MOVES)

    assert shovel_change(story, rows(vhost(), shovel("c"))) == ("update", "messages", "loss")


def test_a_shovel_that_may_be_done_does_not_run_again_without_a_yes() -> None:
    """What was applied last cannot be read: it is a folder without git, say."""
    story = without(MOVES, DONE)
    marker = story.marker
    assert marker.applied is not None
    folder = replace(marker, applied=replace(marker.applied, commit=None))
    story.cluster.markers[OWNER] = folder.document()
    story.repository.unread.add(0)
    wanted = rows(vhost(), shovel(), exchange("another"))

    assert shovel_change(story, wanted) == ("create", "messages", "loss")
    story.apply(wanted)
    assert shovel_change(story, wanted) == ("create", "messages", "loss")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param([], shovel(), id="a new one"),
        pytest.param([shovel(**ENDLESS)], shovel(), id="one that never ended before"),
    ],
)
def test_a_shovel_that_never_did_its_work_is_made_as_all_else(
    first: list[tuple[str, dict[str, Any]]], then: tuple[str, dict[str, Any]]
) -> None:
    story = Story(rows(vhost(), *first))
    story.cluster.state.pop(DONE, None)

    assert shovel_change(story, rows(vhost(), then)) == ("create", "behaviour", None)


def test_a_cluster_without_a_marker_gets_its_first_shovel() -> None:
    story = Story(rows(vhost()))
    del story.cluster.markers[OWNER]

    assert shovel_change(story, MOVES) == ("create", "behaviour", None)


@pytest.mark.parametrize(
    ("first", "then"), [(shovel(), shovel(**ENDLESS)), (shovel(**ENDLESS), shovel())]
)
def test_a_shovel_without_an_end_on_either_side_is_changed_as_all_else(
    first: tuple[str, dict[str, Any]], then: tuple[str, dict[str, Any]]
) -> None:
    assert shovel_change(Story(rows(vhost(), first)), rows(vhost(), then)) == (
        "update",
        "behaviour",
        None,
    )
