"""What changes of policies may cost, by what they change and what queues hold."""

from typing import Any

import pytest

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.policy_losses import Threat, lost, threats
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import QueueFacts, Rows
from tests.analysis.test_federation import upstream
from tests.analysis.test_policies import NEW, OLD, operator, policy
from tests.planning.builders import BUSY, IDLE, binding, exchange, queue, rows

Q, E = Ref("queue", ("v", "q")), Ref("exchange", ("v", "q"))
REJECT = {"overflow": "reject-publish"}


def changes_of(before: Rows, after: Rows) -> list[Change]:
    """Every difference between policies, in no order that means anything."""
    found = []
    for kind in ("policy", "operator_policy"):
        mine, theirs = before.get(kind, {}), after.get(kind, {})
        for key in sorted(mine.keys() | theirs.keys(), reverse=True):
            old, new = mine.get(key), theirs.get(key)
            if old != new:
                action = Action.UPDATE
                action = Action.CREATE if old is None else action
                action = Action.DELETE if new is None else action
                found.append(Change(action, Ref(kind, key), old, new))
    return found


def found_by(before: Rows, after: Rows, context: Context = NEW) -> set[tuple[str, str, Any]]:
    """(name of the policy, danger, value) of each threat to the one object there is."""
    found = threats(changes_of(before, after), before, context)
    return {(one.change.key[1], one.danger.value, one.after) for one in found}


def dangers(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    kind: str = "classic",
    context: Context = NEW,
    **arguments: Any,
) -> set[tuple[str, Any]]:
    """What it means that the one policy of a queue becomes another."""
    given = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    there = (queue(arguments={"x-queue-type": kind, **given}), exchange(), binding())
    mine = rows(*there, *([] if before is None else [policy("p", before)]))
    theirs = rows(*there, *([] if after is None else [policy("p", after)]))
    return {(danger, value) for _, danger, value in found_by(mine, theirs, context)}


DEAD = {"dead-letter-exchange": "d"}
SURE = {**DEAD, "dead-letter-strategy": "at-least-once", **REJECT}


@pytest.mark.parametrize(
    ("before", "after", "arguments", "expected"),
    [
        pytest.param(None, {"expires": 5}, {}, {("expires", 5)}, id="expires"),
        pytest.param({"expires": 6}, {"expires": 5}, {}, {("expires", 5)}, id="sooner"),
        pytest.param({"expires": 5}, {"expires": 6}, {}, set(), id="later"),
        pytest.param({"expires": 5}, None, {}, set(), id="no more"),
        pytest.param(None, {"expires": 5}, {"expires": 4}, set(), id="argument is sooner"),
        pytest.param(None, {"expires": 5}, {"expires": 6}, {("expires", 5)}, id="argument later"),
        pytest.param(None, {"message-ttl": 1}, {}, set(), id="ttl is for what comes"),
        pytest.param(None, {"max-length": 5}, {}, {("max-length", 5)}, id="max-length"),
        pytest.param({"max-length": 5}, {"max-length": 5}, {}, set(), id="same"),
        pytest.param(
            {"max-length": 9}, {"max-length": 7}, {"max_length": 8}, {("max-length", 7)}, id="lower"
        ),
        pytest.param(
            {"max-length": 9}, {"max-length": 8}, {"max_length": 8}, set(), id="as the argument"
        ),
        pytest.param(
            None, {"max-length-bytes": 5}, {}, {("max-length-bytes", 5)}, id="max-length-bytes"
        ),
        pytest.param(
            None, {"max-length": 5, **REJECT}, {}, {("max-length", 5)}, id="classic sets it first"
        ),
        pytest.param(REJECT, {"max-length": 5, **REJECT}, {}, set(), id="classic that rejects"),
        pytest.param(
            None, {"max-length": 5}, {"overflow": "reject-publish"}, set(), id="by argument"
        ),
        pytest.param(
            None, {"max-length": 5}, {"overflow": "reject-publish-dlx"}, set(), id="by argument dlx"
        ),
        pytest.param(
            None,
            {"max-length": 5, "overflow": "drop-head"},
            {"overflow": "reject-publish"},
            set(),
            id="argument wins",
        ),
        pytest.param(
            {"max-length": 5, **REJECT},
            {"max-length": 5},
            {},
            {("max-length", 5), ("overflow", 5)},
            id="overflow",
        ),
        pytest.param(DEAD, None, {}, {("dead-letter-exchange", None)}, id="no dead letters"),
        pytest.param(DEAD, {"dead-letter-exchange": "e"}, {}, set(), id="other dead letters"),
        pytest.param(
            DEAD,
            {"dead-letter-exchange": "no"},
            {},
            {("dead-letter-exchange", "no")},
            id="dead letters to nobody",
        ),
        pytest.param(DEAD, {"dead-letter-exchange": ""}, {}, set(), id="the default exchange"),
        pytest.param(DEAD, None, {"dead_letter_exchange": "d"}, set(), id="argument keeps them"),
        pytest.param({"queue-mode": "lazy"}, None, {}, set(), id="nothing of the sort"),
    ],
)
def test_classic_queues(
    before: Any, after: Any, arguments: dict[str, Any], expected: set[tuple[str, Any]]
) -> None:
    assert dangers(before, after, **arguments) == expected


@pytest.mark.parametrize(
    ("before", "after", "arguments", "expected"),
    [
        pytest.param(None, {"max-length": 5}, {}, {("max-length", 5)}, id="max-length"),
        pytest.param(None, {"max-length": 5, **REJECT}, {}, set(), id="rejects"),
        pytest.param(
            None,
            {"max-length": 5, "overflow": "reject-publish-dlx"},
            {},
            {("max-length", 5)},
            id="falls back to dropping",
        ),
        pytest.param(
            None,
            {"max-length": 5, "overflow": "drop-head"},
            {"overflow": "reject-publish"},
            {("max-length", 5), ("overflow", 5)},
            id="policy wins",
        ),
        pytest.param(
            None, {"max-length": 5}, {"overflow": "reject-publish"}, set(), id="argument rejects"
        ),
        pytest.param(
            {"max-length": 5, **REJECT},
            {"max-length": 5},
            {},
            {("max-length", 5), ("overflow", 5)},
            id="overflow",
        ),
        pytest.param(
            SURE,
            {**DEAD, **REJECT},
            {},
            {("dead-letter-strategy", None)},
            id="at least once no more",
        ),
        pytest.param(
            SURE,
            {**SURE, "overflow": "drop-head"},
            {},
            {("dead-letter-strategy", "at-least-once")},
            id="falls back to at most once",
        ),
        pytest.param({"delivery-limit": 9}, {"delivery-limit": 5}, {}, {("delivery-limit", 5)}),
        pytest.param({"delivery-limit": 5}, {"delivery-limit": 9}, {}, set()),
        pytest.param({"delivery-limit": -1}, None, {}, {("delivery-limit", 20)}, id="the default"),
        pytest.param(None, {"delivery-limit": -1}, {}, set(), id="unlimited"),
        pytest.param(None, {"delivery-limit": 30}, {}, set(), id="more than the default"),
    ],
)
def test_quorum_queues(
    before: Any, after: Any, arguments: dict[str, Any], expected: set[tuple[str, Any]]
) -> None:
    assert dangers(before, after, "quorum", **arguments) == expected


def test_before_4_0_deliveries_are_unlimited() -> None:
    assert dangers(None, {"delivery-limit": 30}, "quorum", OLD) == {("delivery-limit", 30)}
    assert dangers({"delivery-limit": 30}, None, "quorum", OLD) == set()


@pytest.mark.parametrize(
    ("before", "after", "arguments", "expected"),
    [
        pytest.param(None, {"max-age": "7D"}, {}, {("max-age", "7D")}, id="max-age"),
        pytest.param({"max-age": "7D"}, {"max-age": "24h"}, {}, {("max-age", "24h")}, id="less"),
        pytest.param({"max-age": "24h"}, {"max-age": "7D"}, {}, set(), id="more"),
        pytest.param({"max-age": "1D"}, {"max-age": "24h"}, {}, set(), id="as much"),
        pytest.param(
            {"max-age": "7D"}, None, {"max_age": "1D"}, {("max-age", "1D")}, id="argument is left"
        ),
        pytest.param(
            None, {"max-age": "7D"}, {"max_age": "1D"}, set(), id="policy wins over argument"
        ),
        pytest.param(
            {"max-length-bytes": 9},
            {"max-length-bytes": 5},
            {},
            {("max-length-bytes", 5)},
            id="max-length-bytes",
        ),
        pytest.param(None, {"max-length": 5}, {}, set(), id="key it does not take"),
    ],
)
def test_streams(
    before: Any, after: Any, arguments: dict[str, Any], expected: set[tuple[str, Any]]
) -> None:
    assert dangers(before, after, "stream", **arguments) == expected


TWO = {"ha-mode": "exactly", "ha-params": 2}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(TWO, {**TWO, "ha-params": 3}, {("ha-mode", "exactly")}, id="more"),
        pytest.param(TWO, {"max-length-bytes": 9**9}, {("ha-mode", None)}, id="none"),
        pytest.param(None, TWO, set(), id="the first"),
        pytest.param(TWO, {**TWO, "ha-sync-mode": "automatic"}, set(), id="how"),
    ],
)
def test_mirrors(before: Any, after: Any, expected: set[tuple[str, Any]]) -> None:
    mine = dangers(before, after, context=OLD) - {("max-length-bytes", 9**9)}

    assert mine == expected
    assert not {one for one in dangers(before, after) if one[0] == "ha-mode"}, "gone from 4.0"


FED = {"federation-upstream": "u"}


@pytest.mark.parametrize(
    ("before", "after", "arguments", "expected"),
    [
        pytest.param(
            {"alternate-exchange": "a"}, None, {}, {("alternate-exchange", None)}, id="alternate"
        ),
        pytest.param(
            {"alternate-exchange": "a"}, None, {"alternate-exchange": "b"}, set(), id="argument"
        ),
        pytest.param(FED, None, {}, {("federation-upstream", None)}, id="federation"),
        pytest.param(
            FED,
            {"federation-upstream-set": "all"},
            {},
            {("federation-upstream", None)},
            id="other federation",
        ),
        pytest.param(
            FED,
            {**FED, "alternate-exchange": "x"},
            {},
            {("federation-upstream", "u")},
            id="another setting beside federation",
        ),
        pytest.param(None, FED, {}, set(), id="new federation"),
        pytest.param({"federation-upstream": "never"}, None, {}, set(), id="no buffer to lose"),
        pytest.param({"max-length": 9}, {"max-length": 5}, {}, set(), id="for queues"),
    ],
)
def test_exchanges(
    before: Any, after: Any, arguments: dict[str, Any], expected: set[tuple[str, Any]]
) -> None:
    there = exchange("q", arguments=arguments)
    keeps = upstream("never", **{"resource-cleanup-mode": "never"})
    mine = rows(there, upstream("u"), keeps, *([] if before is None else [policy("p", before)]))
    theirs = rows(there, *([] if after is None else [policy("p", after)]))

    found = {(danger, value) for _, danger, value in found_by(mine, theirs)}

    assert found == expected


HELD = queue(arguments={"x-queue-type": "classic"})
TOP = {"priority": 9}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            [policy("a", {"max-length": 9}, **TOP), policy("b", {"max-length": 5})],
            [policy("b", {"max-length": 5})],
            {("a", "max-length", 5)},
            id="what was hidden wins",
        ),
        pytest.param(
            [policy("a", DEAD)],
            [policy("a", DEAD), policy("b", {"queue-mode": "lazy"}, **TOP)],
            {("b", "dead-letter-exchange", None)},
            id="what hides it lacks a key",
        ),
        pytest.param(
            [policy("a", {"max-length": 9})], [policy("b", {"max-length": 9})], set(), id="renamed"
        ),
        pytest.param(
            [policy("a", DEAD)],
            [policy("b", {"max-length": 5})],
            {
                ("a", "dead-letter-exchange", None),
                ("b", "dead-letter-exchange", None),
                ("b", "max-length", 5),
                ("a", "max-length", 5),
            },
            id="two have a part in it",
        ),
        pytest.param(
            [policy("a", {"max-length": 9}), operator("o", {"max-length": 8})],
            [policy("a", {"max-length": 10}), operator("o", {"max-length": 7})],
            {("o", "max-length", 7), ("a", "max-length", 7)},
            id="both say it",
        ),
        pytest.param(
            [policy("a", {"max-length": 9}), operator("o", {"expires": 8})],
            [policy("a", {"max-length": 5}), operator("o", {"expires": 9})],
            {("a", "max-length", 5)},
            id="only one has a part in it",
        ),
        pytest.param(
            [policy("a", {"max-length": 9}, **TOP), policy("b", {"max-length": 5})],
            [policy("a", {"max-length": 9}, pattern="^x", **TOP), policy("b", {"max-length": 10})],
            {("a", "max-length", 5)},
            id="for a moment the old one wins",
        ),
        pytest.param(
            [policy("a", {"max-length": 9}, **TOP), policy("b", {"max-length": 5})],
            [policy("b", {"max-length": 9})],
            set(),
            id="deletions come last",
        ),
        pytest.param(
            [policy("a", DEAD, **TOP), policy("b", {"queue-mode": "lazy"})],
            [policy("a", DEAD, pattern="^x", **TOP), policy("b", DEAD)],
            set(),
            id="for a moment nothing is lost but what takes longer",
        ),
        pytest.param(
            [policy("a", DEAD), policy("b", {"queue-mode": "lazy"})],
            [policy("b", {"queue-mode": "lazy"})],
            {("a", "dead-letter-exchange", None)},
            id="of two equal ones the right one may win",
        ),
        pytest.param(
            [policy("a", DEAD), policy("b", {"queue-mode": "lazy"})],
            [
                policy("a", DEAD),
                policy("b", {"queue-mode": "lazy"}),
                policy("c", DEAD, priority=-1),
            ],
            set(),
            id="of two equal ones none is touched",
        ),
        pytest.param(
            [policy("a", {"expires": 9}, vhost="w")],
            [policy("a", {"expires": 5}, vhost="w")],
            set(),
            id="other vhost",
        ),
        pytest.param([], [policy("a", {"expires": 9}, pattern="x")], set(), id="no match"),
    ],
)
def test_which_change_is_responsible(
    before: list[Any], after: list[Any], expected: set[tuple[str, str, Any]]
) -> None:
    assert found_by(rows(HELD, *before), rows(HELD, *after)) == expected


@pytest.mark.parametrize(
    ("danger", "after", "facts", "expected"),
    [
        pytest.param(Danger.MAX_LENGTH, 5, BUSY, 2, id="the excess"),
        pytest.param(Danger.MAX_LENGTH, 7, BUSY, 0, id="no excess"),
        pytest.param(Danger.OVERFLOW, 8, BUSY, 0, id="not full"),
        pytest.param(Danger.OVERFLOW, 7, BUSY, None, id="full"),
        pytest.param(Danger.OVERFLOW, 7, None, None, id="perhaps full"),
        pytest.param(Danger.MAX_LENGTH, 5, None, None, id="nobody knows"),
        pytest.param(Danger.MAX_LENGTH, 5, QueueFacts(None, None, 0), None, id="count unknown"),
        pytest.param(Danger.MAX_BYTES, 5, BUSY, 7, id="at most all"),
        pytest.param(Danger.EXPIRES, 5, BUSY, 7, id="all"),
        pytest.param(Danger.EXPIRES, 5, QueueFacts(0, 0, 3), 0, id="empty"),
        pytest.param(Danger.MAX_AGE, "1D", QueueFacts(None, None, 0), None, id="stream"),
        pytest.param(Danger.DEAD_LETTERS, None, IDLE, 0, id="not in use"),
        pytest.param(Danger.DEAD_LETTERS, None, QueueFacts(0, 0, 1), None, id="in use"),
        pytest.param(Danger.DEAD_LETTERS, None, QueueFacts(0, 0, None), None, id="perhaps in use"),
    ],
)
def test_what_a_queue_holds_decides(
    danger: Danger, after: Any, facts: QueueFacts | None, expected: int | None
) -> None:
    assert lost(Threat(Ref("policy", ("v", "p")), Q, danger, after), facts) == expected


def test_nothing_is_known_of_exchanges() -> None:
    threat = Threat(Ref("policy", ("v", "p")), E, Danger.ALTERNATE, None)

    assert (threat.needs_facts, lost(threat, None)) == (False, None)


def test_other_changes_cost_nothing() -> None:
    before = rows(queue(), policy("p", {"expires": 5}))
    change = Change(Action.DELETE, Q, before["queue"]["v", "q"], None)

    assert threats([change], before, NEW) == ()


WAY = {"dead-letter-exchange": "d", "dead-letter-routing-key": "k"}
LOST = {("dead-letter-exchange", "d")}


@pytest.mark.parametrize(
    ("sort", "after", "expected"),
    [
        pytest.param("direct", {**WAY, "dead-letter-routing-key": "typo"}, LOST, id="a typo"),
        pytest.param("direct", {**WAY, "dead-letter-routing-key": "l"}, set(), id="is bound"),
        pytest.param("fanout", {**WAY, "dead-letter-routing-key": "typo"}, set(), id="fanout"),
        pytest.param("direct", {"dead-letter-exchange": "d"}, LOST, id="by keys of their own"),
        pytest.param("topic", {"dead-letter-exchange": "d"}, LOST, id="which no pattern takes all"),
        pytest.param("fanout", {"dead-letter-exchange": "d"}, set(), id="whatever keys"),
        pytest.param(
            "direct",
            {"dead-letter-exchange": "", "dead-letter-routing-key": "nobody"},
            {("dead-letter-exchange", "")},
            id="no such queue",
        ),
        pytest.param(
            "direct",
            {"dead-letter-exchange": "", "dead-letter-routing-key": "t"},
            set(),
            id="straight to a queue",
        ),
    ],
)
def test_a_key_of_dead_letters_that_leads_nowhere(
    sort: str, after: dict[str, Any], expected: set[tuple[str, Any]]
) -> None:
    there = [queue(), queue("t"), exchange("d", type=sort), binding("d", "t", "k")]
    there.append(binding("d", "t", "l"))
    before = rows(*there, policy("p", WAY, pattern="^q$"))
    wanted = rows(*there, policy("p", after, pattern="^q$"))

    assert {(danger, value) for _, danger, value in found_by(before, wanted)} == expected


def test_a_key_that_the_same_run_binds_is_no_threat() -> None:
    there = [queue(), queue("t"), exchange("d", type="direct"), binding("d", "t", "k")]
    before = rows(*there, policy("p", WAY, pattern="^q$"))
    new = {**WAY, "dead-letter-routing-key": "new"}
    changes = changes_of(before, rows(*there, policy("p", new, pattern="^q$")))
    bound = rows(binding("d", "t", "new"))["binding"]
    made = [Change(Action.CREATE, Ref("binding", key), None, row) for key, row in bound.items()]

    assert threats(changes, before, NEW)
    assert threats([*changes, *made], before, NEW) == ()
