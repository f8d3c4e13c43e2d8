"""Fields that somebody changed are left alone, and go on to be; all else of an object is git's."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Cause, Ref
from rmqsync.model.definitions import Live, Rows
from rmqsync.model.marker import Entry, Marker, digest_of, is_digest_of
from rmqsync.planning.draft import draft
from rmqsync.planning.marking import ended
from rmqsync.planning.ownership import Ownership, Past, secret_part
from rmqsync.planning.rules import Rules
from tests.app.test_marker_kept import Story
from tests.planning.builders import PLACE, desired_of, exchange, rows, vhost

Fields = dict[str, int | None]
POLICY = Ref("policy", ("v", "p"))


def policy(name: str = "p", **fields: int | None) -> tuple[str, dict[str, Any]]:
    definition = {key.replace("_", "-"): value for key, value in fields.items() if value}
    entry = {"vhost": "v", "name": name, "pattern": "^zz", "definition": definition}
    return "policy", {**entry, "definition": {"expires": 9_000, **definition}}


def world(*more: tuple[str, dict[str, Any]], **fields: int | None) -> Rows:
    return rows(vhost(), policy(**fields), *more)


def definition(story: Story) -> Any:
    return story.cluster.state[POLICY]["definition"]


def drifted(story: Story, wanted: Rows) -> list[tuple[str, ...]]:
    """Return the fields of the policy that count as changed by somebody."""
    (change,) = story.plan(wanted, is_attended=True).plan.changes
    return [one.path[1:] for one in change.fields if one.cause is Cause.DRIFT]


def test_later_commits_to_other_fields_are_applied_while_one_is_left_alone() -> None:
    story = Story(world(max_length=5, message_ttl=1_000))
    story.by_hand(policy(max_length=7, message_ttl=1_000))

    for ttl in (2_000, 3_000, 4_000):
        wanted = world(max_length=5, message_ttl=ttl)
        story.apply(wanted)

        assert definition(story) == {"expires": 9_000, "max-length": 7, "message-ttl": ttl}
        assert drifted(story, wanted) == [("max-length",)]


def test_it_is_left_alone_also_while_nobody_can_read_what_was_applied_last() -> None:
    """The marker keeps to that then; what is known of this object is known all the same."""
    story = Story(world(max_length=5, message_ttl=1_000))
    story.by_hand(policy(max_length=7, message_ttl=1_000))
    story.apply(world(exchange("n"), max_length=4, message_ttl=1_000))
    assert [one.addresses for one in story.marker.outstanding] == [("policy:v/p",)]
    story.repository.unread.add(1)

    for ttl in (2_000, 3_000, 4_000):
        story.apply(world(exchange("n"), max_length=4, message_ttl=ttl))

        assert definition(story) == {"expires": 9_000, "max-length": 7, "message-ttl": ttl}


KEYS = ("max_length", "message_ttl", "max_length_bytes")
BY_GIT, BY_HAND = st.sampled_from([None, 1, 2]), st.sampled_from([8, 9])
by_git = st.fixed_dictionaries(dict.fromkeys(KEYS, BY_GIT))


class Turn(NamedTuple):
    hand: Fields
    desired: Fields
    attended: bool


turns = st.builds(
    Turn,
    st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, BY_HAND)),
    by_git,
    st.sampled_from([False, False, False, True]),
)


@given(first=by_git, story=st.lists(turns, min_size=1, max_size=5))
def test_whatever_git_and_hands_do_each_field_is_who_changed_it_last(
    first: Fields, story: list[Turn]
) -> None:
    told = Story(world(**first))
    live, touched = dict(first), set[str]()
    for number, turn in enumerate(story):
        live |= turn.hand
        touched |= turn.hand.keys()
        told.by_hand(policy(**live))
        if turn.attended:
            touched = set()
        live |= {key: value for key, value in turn.desired.items() if key not in touched}

        told.apply(world(exchange(f"n{number}"), **turn.desired), is_attended=turn.attended)

        assert definition(told) == policy(**live)[1]["definition"]


def user(tag: str, password_hash: object) -> Rows:
    return rows(("user", {"name": "u", "tags": [tag], "password_hash": password_hash}))


@pytest.mark.parametrize(
    ("by_hand", "after", "left"),
    [
        pytest.param(("by hand", "one"), ("by hand", "two"), "tags", id="the password is made"),
        pytest.param(("tag", "other"), ("new", "other"), "password_hash", id="it is left"),
    ],
)
def test_the_digest_of_a_secret_is_of_what_a_run_wrote_and_of_nothing_else(
    by_hand: tuple[str, str], after: tuple[str, str], left: str
) -> None:
    """Else the next rotation would be drift, or what somebody set would count as set by a run."""
    kind, ref = KINDS["user"], Ref("user", ("u",))
    secret = {"secret": "S"}
    digest = digest_of(secret_part(kind, user("tag", "one")["user"][ref.key]), "11" * 8)
    then, now = (Entry(letter * 40, letter * 40, ".", ("base",)) for letter in "ab")
    marker = Marker("1", "one", adopted=True, applied=then, secrets={"user:u": digest})
    desired = desired_of(user("new", secret))
    past = {then.tree: Past(user("tag", secret)), now.tree: Past(desired.rows)}
    own = Ownership(is_judged=True, marker=marker, current=now, past=lambda entry: past[entry.tree])
    context = Context(secret=lambda _: "two")
    (change,) = draft(desired, Live(user(*by_hand), "3.10.8"), context, Rules(), own=own).changes
    assert [one.path for one in change.left] == [(left,)]

    found = ended(own, PLACE, desired, user(*after), [ref], adopted=True, partly=[change])

    assert found.outstanding == ()
    written = "one" if left == "password_hash" else "two"
    value = secret_part(kind, user("tag", written)["user"][ref.key])
    assert is_digest_of(found.secrets["user:u"], value)
