"""Whose change it is, case by case; what holds in general is in `test_ownership_properties`."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.model.changes import (
    ABSENT,
    Cause,
    ClusterPlan,
    FieldChange,
    Hold,
    HoldCode,
    Plan,
    Revision,
)
from rmqsync.model.definitions import Live, Rows
from rmqsync.model.marker import Entry, Marker, digest_of
from rmqsync.planning.draft import draft
from rmqsync.planning.drift import only_drift
from rmqsync.planning.ownership import Ownership, Past, secret_part
from rmqsync.planning.plan import context_of, finish
from rmqsync.planning.rules import Rules
from rmqsync.report import plan_json
from tests.planning.builders import PLACE, desired_of, exchange, queue, rows, vhost

APPLIED = Entry("a" * 40, "a" * 40, ".", ("base",))
PATTERN = {"vhost": "v", "name": "p", "pattern": "^zz"}
SHA256 = "rabbit_password_hashing_sha256"


def plan_of(
    last: Rows,
    desired: Rows,
    live: Rows,
    *,
    secret: str | None = None,
    left: Rows | None = None,
    types: dict[str, str] | None = None,
    **stance: Any,
) -> tuple[ClusterPlan, Ownership]:
    """
    Plan an adopted cluster.

    `left` is the live side as the last run left it, for its secrets; `types` are the default queue
    types of live vhosts.
    """
    digests = {
        kind.address(row): digest_of(secret_part(kind, row), PLACE.salt)
        for kind in KINDS
        for row in (left or {}).get(kind.name, {}).values()
        if kind.holds_secrets
    }
    marker = Marker("1", "one", adopted=True, applied=APPLIED, secrets=digests)
    own = Ownership(is_judged=True, marker=marker, past=lambda _: Past(last), **stance)
    wanted = desired_of(desired)
    there = Live(live, version="3.10.8", default_queue_types=types or {})
    context = context_of(wanted, there, Context(secret=lambda _: secret))
    found = draft(wanted, there, context, Rules(), own=own)
    return finish("one", found, wanted, there, {}, Rules(), own=own), own


def causes(fields: tuple[FieldChange, ...]) -> dict[str, str | None]:
    return {".".join(map(str, one.path)): one.cause and one.cause.value for one in fields}


def policy(**definition: Any) -> tuple[str, dict[str, Any]]:
    return "policy", {**PATTERN, "definition": definition}


def upstream(**options: Any) -> tuple[str, dict[str, Any]]:
    return "federation_upstream", {"vhost": "v", "name": "u", "uri": "amqp://x", **options}


@pytest.mark.parametrize(
    ("applied", "now", "cause"),
    [
        pytest.param(policy(a=1), policy(a=1, b=2), "drift", id="a key of a policy"),
        pytest.param(queue(), queue(arguments={"x-max-length": 1}), "drift", id="an argument"),
        pytest.param(
            exchange(), exchange(arguments={"alternate-exchange": "x"}), "drift", id="another"
        ),
        pytest.param(policy(a=1), policy(a=2), "drift", id="a value"),
        pytest.param(upstream(), upstream(**{"max-hops": 2}), "unknown", id="a field of the kind"),
    ],
)
def test_only_what_normal_form_touches_is_unknown_after_an_upgrade(
    applied: tuple[str, dict[str, Any]], now: tuple[str, dict[str, Any]], cause: str
) -> None:
    """A new version may read fields that the old one did not; keys inside of one are people's."""
    last, live = rows(vhost(), applied), rows(vhost(), now)

    plan, _ = plan_of(last, last, live, is_upgraded=True)

    (change,) = plan.changes
    assert change.cause.value == cause


def hash_of(password: str, salt: bytes = b"salt") -> str:
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def user(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "user", {"name": "u", "tags": [], **fields}


DECLARED = rows(user(password={"secret": "S"}))


def with_password(password: str, **fields: Any) -> Rows:
    return rows(user(password_hash=hash_of(password), **fields))


def test_a_rotated_password_is_a_change_of_git_in_all_its_fields() -> None:
    there = with_password("old")

    plan, own = plan_of(DECLARED, DECLARED, there, secret="new", left=there)

    (change,) = plan.changes
    assert change.hold is None
    assert change.left == ()
    assert causes(change.fields) == dict.fromkeys(
        ("password", "password_hash", "hashing_algorithm"), "git"
    )
    assert only_drift(plan, own).changes == ()


def test_a_password_that_somebody_changed_is_drift_in_all_its_fields() -> None:
    plan, _ = plan_of(
        DECLARED, DECLARED, with_password("by hand"), secret="old", left=with_password("old")
    )

    (change,) = plan.changes
    assert change.hold is not None
    assert set(causes(change.fields).values()) == {"drift"}


HASHED = with_password("old")


@pytest.mark.parametrize(
    ("last", "there", "left", "hold"),
    [
        pytest.param(HASHED, HASHED, None, None, id="a hash as declared"),
        pytest.param(HASHED, with_password("other"), None, "altered", id="another hash"),
        pytest.param(rows(user()), HASHED, None, None, id="none declared"),
        pytest.param(DECLARED, HASHED, HASHED, None, id="a secret that was rotated since"),
        pytest.param(
            DECLARED, HASHED, with_password("other"), "altered", id="a secret, changed by hand"
        ),
        pytest.param(
            DECLARED, with_password("old", tags=["x"]), HASHED, "altered", id="a secret, and tags"
        ),
    ],
)
def test_a_user_that_is_declared_no_more_goes_only_as_it_was_applied(
    last: Rows, there: Rows, left: Rows | None, hold: str | None
) -> None:
    wanted = rows(vhost())
    live = {**wanted, **there}

    plan, _ = plan_of({**wanted, **last}, wanted, live, secret="rotated", left=left)

    (change,) = plan.changes
    assert (change.hold.code.value if change.hold else None) == hold


def test_a_parameter_whose_secret_was_rotated_goes_as_well() -> None:
    wanted = rows(vhost())
    last = rows(vhost(), upstream(uri={"secret": "S"}))
    live = rows(vhost(), upstream(uri="amqp://me:old@x"))

    plan, _ = plan_of(last, wanted, live, secret="amqp://me:new@x", left=live)

    (change,) = plan.changes
    assert change.cause.value == "git"


QUORUM = {"arguments": {"x-queue-type": "quorum"}}


def default(kind: str | None) -> tuple[str, dict[str, Any]]:
    return vhost("v", **({} if kind is None else {"default_queue_type": kind}))


@pytest.mark.parametrize(
    ("then", "now", "live", "cause"),
    [
        pytest.param("quorum", "classic", "quorum", "git", id="git says another"),
        pytest.param("quorum", None, "classic", "git", id="git says none any more"),
        pytest.param(None, "classic", "quorum", "git", id="git says one by now"),
        pytest.param("classic", "classic", "classic", "drift", id="the queue was made by hand"),
    ],
)
def test_another_default_for_queues_without_a_type_is_told_from_drift(
    then: str | None, now: str | None, live: str, cause: str
) -> None:
    """What such a queue means goes by its vhost, of which git says something else since."""
    last, desired = rows(default(then), queue()), rows(default(now), queue())

    plan, _ = plan_of(last, desired, rows(default(live), queue(**QUORUM)), types={"v": live})

    (found,) = [one for one in plan.changes if one.ref.kind == "queue"]
    assert causes(found.fields) == {"arguments.x-queue-type": cause}


def test_a_queue_that_goes_with_its_default_is_as_it_was_left() -> None:
    last, desired = rows(default("quorum"), queue()), rows(default("classic"))

    plan, _ = plan_of(
        last, desired, rows(default("quorum"), queue(**QUORUM)), types={"v": "quorum"}
    )

    (found,) = [one for one in plan.changes if one.ref.kind == "queue"]
    assert (found.action.value, found.cause.value) == ("delete", "git")


PAUSED = Hold(HoldCode.PAUSED, "the cluster is paused: upgrade", "rmqsync resume one")
BEHIND = Hold(HoldCode.NOT_AHEAD, "it is behind", "--allow-rewind")
LEFT = (
    "the cluster is paused: upgrade; it is held once that is over as well: somebody changed it "
    "outside of rmqsync, and on_drift: report leaves that alone"
)


@pytest.mark.parametrize(
    ("stance", "desired", "held"),
    [
        pytest.param({"refusal": PAUSED}, 1, replace(PAUSED, reason=LEFT), id="drift"),
        pytest.param({"refusal": PAUSED}, 3, replace(PAUSED, reason=LEFT), id="both"),
        pytest.param({"refusal": PAUSED, "heals": True}, 1, PAUSED, id="drift to heal"),
        pytest.param({"refusal": PAUSED, "is_attended": True}, 1, PAUSED, id="a person looks on"),
        pytest.param({"refusal": BEHIND}, 1, BEHIND, id="another refusal"),
    ],
)
def test_what_a_pause_holds_and_drift_would_says_so_and_stays_held_by_the_pause(
    stance: dict[str, Any], desired: int, held: Hold
) -> None:
    last, live = rows(vhost(), policy(a=1)), rows(vhost(), policy(a=2))

    (change,) = plan_of(last, rows(vhost(), policy(a=desired)), live, **stance)[0].changes

    assert change.hold == held


def test_what_a_pause_alone_holds_does_not_speak_of_drift() -> None:
    last, desired = rows(vhost(), policy(a=1)), rows(vhost(), policy(a=2))

    (change,) = plan_of(last, desired, last, refusal=PAUSED)[0].changes

    assert change.hold == PAUSED


@pytest.mark.parametrize(
    ("last", "live", "told"),
    [
        pytest.param(
            {"max-length": 9}, {"max-length": 3}, [("max-length", 3, ABSENT, 9)], id="changed"
        ),
        pytest.param(
            {"max-length": 9},
            {"max-length": 9, "expires": 5},
            [("expires", 5, ABSENT, ABSENT)],
            id="added",
        ),
        pytest.param(
            {"max-length": 9, "expires": 5},
            {"max-length": 9},
            [("expires", ABSENT, ABSENT, 5)],
            id="taken away",
        ),
    ],
)
def test_what_a_hand_did_to_an_object_that_git_gave_up_is_told(
    last: dict[str, int], live: dict[str, int], told: list[tuple[Any, ...]]
) -> None:
    before, after = (
        rows(vhost(), ("policy", {**PATTERN, "definition": found})) for found in (last, live)
    )

    plan, _ = plan_of(before, rows(vhost()), after)

    (change,) = plan.changes
    assert change.hold is not None
    assert change.hold.code is HoldCode.ALTERED
    fields = [one for one in change.fields if one.cause is not None]
    assert [(one.path[-1], one.before, one.after, one.last) for one in fields] == told
    assert {one.cause for one in fields} == {Cause.BOTH}


def test_of_a_secret_no_side_is_shown_then() -> None:
    live = {**rows(vhost()), **with_password("other", tags=["x"])}

    plan, _ = plan_of({**rows(vhost()), **HASHED}, rows(vhost()), live)

    (change,) = plan.changes
    told = {one.path[0]: one for one in change.fields if one.cause is not None}
    assert set(told) == {"password_hash", "tags"}
    assert told["password_hash"].sensitive
    assert not told["tags"].sensitive
    shown = plan_json.dumps(plan_json.plan_document(Plan("now", Revision(None), (plan,))))
    for found in (HASHED, live):
        (row,) = found["user"].values()
        assert str(row["password_hash"]) not in shown
