"""What goes by itself is not made again until git changes it; what somebody deleted is."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
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
