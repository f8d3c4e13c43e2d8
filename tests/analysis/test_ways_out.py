"""An exchange that queues in use dead-letter to, or another one names, does not go unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.changes import ClusterPlan, Loss, Ref
from rmqsync.model.definitions import Live, OnChangeRule, QueueFacts
from rmqsync.planning.draft import draft
from rmqsync.planning.plan import touched
from rmqsync.planning.rules import Rules
from tests.analysis.test_policies import operator, policy
from tests.brokers import Broker
from tests.cli.conftest import workspace
from tests.cli.workspace import Workspace
from tests.planning.builders import (
    BUSY,
    IDLE,
    binding,
    desired_of,
    exchange,
    plan_of,
    queue,
    rows,
    vhost,
)

__all__ = ["workspace"]

ALL = Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0))
DEAD = {"dead-letter-exchange": "e"}
X_DEAD = {"x-dead-letter-exchange": "e"}
OTHER = {"alternate-exchange": "e"}
E = Ref("exchange", ("v", "e"))
Entry = tuple[str, dict[str, Any]]


def planned(
    before: list[Entry],
    after: list[Entry],
    facts: QueueFacts | None = BUSY,
    rules: Rules = ALL,
) -> ClusterPlan:
    """Plan the deletion of exchange `e`, with what else changes."""
    live = rows(vhost(), exchange(), *before)
    known = {} if facts is None else {Ref("queue", key): facts for key in live.get("queue", {})}
    return plan_of(rows(vhost(), *after), live, rules, known, version="4.0.5")


def verdict(plan: ClusterPlan) -> tuple[Loss, str | None]:
    (change,) = (one for one in plan.changes if one.ref == E)
    return change.loss, change.hold.reason if change.hold else None


FREE = (Loss.ROUTING, None)
DEAD_LETTERS = (
    Loss.MESSAGES,
    "queue 'q' in vhost 'v' is in use and would lose its dead-letter exchange; "
    "allowed loss is access",
)
ALTERNATE = (
    Loss.MESSAGES,
    "exchange 'f' in vhost 'v' would lose its alternate exchange; allowed loss is access",
)


def same(*entries: Entry) -> tuple[list[Entry], list[Entry]]:
    return list(entries), list(entries)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        pytest.param(same(queue()), FREE, id="nobody names it"),
        pytest.param(same(queue(arguments=X_DEAD)), DEAD_LETTERS, id="argument"),
        pytest.param(same(queue(), policy("p", DEAD)), DEAD_LETTERS, id="policy"),
        pytest.param(same(queue(), operator("p", DEAD)), DEAD_LETTERS, id="operator policy"),
        pytest.param(
            same(queue(arguments={"x-dead-letter-exchange": "f"}), policy("p", DEAD)),
            FREE,
            id="the argument wins",
        ),
        pytest.param(
            same(queue(), policy("p", DEAD), policy("q", {"max-length": 99}, priority=1)),
            FREE,
            id="another policy wins",
        ),
        pytest.param(
            same(queue(), policy("p", DEAD), policy("a", {"max-length": 99})),
            DEAD_LETTERS,
            id="nobody knows which policy wins",
        ),
        pytest.param(
            same(queue(arguments={"x-queue-type": "stream"}), policy("p", DEAD)), FREE, id="stream"
        ),
        pytest.param(same(exchange("f", arguments=OTHER)), ALTERNATE, id="alternate"),
        pytest.param(
            same(exchange("f"), policy("p", OTHER, pattern="^f$")), ALTERNATE, id="by policy"
        ),
        pytest.param(
            ([queue(), policy("p", DEAD)],
             [queue(), policy("p", {"dead-letter-exchange": "f"}), exchange("f"), binding("f")]),
            FREE,
            id="the policy names another one now",
        ),
        pytest.param(
            ([queue(arguments=X_DEAD)], []), DEAD_LETTERS, id="the queue is to go, and is held"
        ),
        pytest.param(
            ([exchange("f", arguments=OTHER)], []), FREE, id="the one that names it goes as well"
        ),
    ],
)  # fmt: skip
def test_what_is_held(sides: tuple[list[Entry], list[Entry]], expected: Any) -> None:
    assert verdict(planned(*sides)) == expected


def test_a_queue_that_holds_nothing_and_is_not_used_loses_nothing() -> None:
    assert verdict(planned(*same(queue(arguments=X_DEAD)), facts=IDLE)) == FREE


LIMITED = queue(arguments={**X_DEAD, "x-max-length": 0})


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([LIMITED], id="an argument"),
        pytest.param([queue(), policy("p", {**DEAD, "message-ttl": 60_000})], id="a policy"),
        pytest.param(
            [queue(arguments=X_DEAD), operator("p", {"max-length-bytes": 0})], id="operator policy"
        ),
    ],
)
def test_that_a_queue_which_keeps_nothing_is_empty_says_nothing(found: list[Entry]) -> None:
    reason = DEAD_LETTERS[1].replace("is in use", "keeps nothing for long")

    assert verdict(planned(*same(*found), facts=IDLE)) == (Loss.MESSAGES, reason)


def test_what_would_have_met_a_message_in_a_minute_is_believed() -> None:
    slow = queue(arguments={**X_DEAD, "x-message-ttl": 60_001, "x-max-length": 1})

    assert verdict(planned(*same(slow), facts=IDLE)) == FREE


def test_a_policy_that_takes_the_way_out_of_what_keeps_nothing_is_held() -> None:
    there = (
        vhost(),
        exchange(),
        queue(arguments={"x-max-length": 0}),
        queue("t"),
        binding("e", "t"),
    )
    idle = {Ref("queue", ("v", name)): IDLE for name in ("q", "t")}

    plan = plan_of(rows(*there), rows(*there, policy("p", DEAD)), ALL, idle, version="4.0.5")

    (change,) = plan.held
    assert (change.ref.kind, change.loss) == ("policy", Loss.MESSAGES)


def test_what_a_queue_holds_and_nobody_knows_counts() -> None:
    assert verdict(planned(*same(queue(arguments=X_DEAD)), facts=None))[0] is Loss.MESSAGES


def test_the_queues_are_asked_for_what_they_hold() -> None:
    """Also those that dead-letter to it now, and not once the policy is another one."""
    entries = [vhost(), exchange(), queue("q"), queue("r", arguments=X_DEAD), queue("s")]
    live = Live(rows(*entries, policy("p", DEAD, pattern="^q$")), version="4.0.5")
    to_f = policy("p", {"dead-letter-exchange": "f"}, pattern="^q$")
    desired = desired_of(rows(*entries, to_f))
    del desired.rows["exchange"]

    found = draft(desired, live, Context(), ALL)

    assert set(touched(found)) == {Ref("queue", ("v", name)) for name in "qr"}


def test_it_stays_while_the_policy_that_names_it_is_held() -> None:
    """Without its policy the queue would dead-letter nowhere: nor does it without the exchange."""
    plan = planned([queue(), policy("p", DEAD)], [queue()])

    assert [one.hold.code.value for one in plan.held if one.hold] == ["loss", "loss"]


@pytest.mark.parametrize("rules", [
    Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0), allow_loss=Loss.MESSAGES),
    Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0),
          overrides={"exchange:v/e": Loss.MESSAGES}),
])  # fmt: skip
def test_a_loss_that_is_allowed(rules: Rules) -> None:
    assert verdict(planned(*same(queue(arguments=X_DEAD)), rules=rules)) == (Loss.MESSAGES, None)


TARGET = [queue("t"), exchange("f"), binding("f", "t")]
INTO_F = {"x-dead-letter-exchange": "f"}
BY_NAME = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "t"}


@pytest.mark.parametrize(
    ("sides", "is_held"),
    [
        pytest.param(same(queue()), False, id="nobody dead-letters"),
        pytest.param(same(queue(arguments=INTO_F)), True, id="argument"),
        pytest.param(same(queue(arguments=BY_NAME)), True, id="default exchange"),
        pytest.param(same(queue(arguments=X_DEAD)), False, id="elsewhere"),
        pytest.param(
            same(queue(arguments=X_DEAD), binding("e", "f", destination_type="exchange")),
            True,
            id="over another exchange",
        ),
        pytest.param(
            same(queue(arguments=X_DEAD), policy("p", {"alternate-exchange": "f"}, pattern="^e$")),
            True,
            id="over an alternate exchange",
        ),
        pytest.param(
            same(queue(), policy("p", {"dead-letter-exchange": "f"})), True, id="policy"
        ),
        pytest.param(([queue(arguments=INTO_F)], []), False, id="the other queue goes as well"),
        pytest.param(
            ([queue(), policy("p", {"dead-letter-exchange": "f"})], [queue()]),
            False,
            id="the policy goes first",
        ),
        pytest.param(
            ([queue(), operator("p", {"dead-letter-exchange": "f"})], [queue()]),
            True,
            id="the operator policy goes later",
        ),
        pytest.param(
            ([queue(), policy("p", {"dead-letter-exchange": "f"})],
             [queue(), policy("p", {"dead-letter-exchange": "x"})]),
            False,
            id="the policy is another one first",
        ),
    ],
)  # fmt: skip
def test_a_queue_into_which_others_dead_letter_is_held(
    sides: tuple[list[Entry], list[Entry]], is_held: bool
) -> None:
    before, after = sides
    live = rows(vhost(), exchange(), *TARGET, *before)
    idle = {Ref("queue", key): IDLE for key in live["queue"]}

    plan = plan_of(rows(vhost(), exchange(), exchange("f"), *after), live, ALL, idle, "4.0.5")

    (change,) = (one for one in plan.changes if one.ref == Ref("queue", ("v", "t")))
    if is_held:
        assert change.loss is Loss.MESSAGES
        assert change.hold is not None
        assert change.hold.override == "--allow-loss messages:queue:v/t"
        assert change.hold.reason.startswith("queue 'q' may dead-letter into it")
    else:
        assert (change.loss, change.hold) == (Loss.ROUTING, None)


def shovel(**fields: Any) -> Entry:
    row = {"vhost": "v", "name": "s", "src-uri": "amqp://", "src-queue": "q", "dest-queue": "t"}
    return "shovel", {**row, "dest-uri": "amqp:///v", **fields}


@pytest.mark.parametrize(
    ("fields", "is_held"),
    [
        pytest.param({}, True, id="by vhost"),
        pytest.param({"dest-uri": "amqp://"}, True, id="its own vhost, or the default one"),
        pytest.param({"dest-uri": ["amqp://elsewhere", "amqp://localhost/v"]}, True, id="of many"),
        pytest.param({"dest-uri": "local", "dest-protocol": "local"}, True, id="local"),
        pytest.param({"dest-uri": "amqp:///w"}, False, id="another vhost"),
        pytest.param({"dest-uri": "amqp://elsewhere/v"}, False, id="another broker"),
        pytest.param({"dest-queue": "u"}, False, id="another queue"),
    ],
)
def test_a_queue_into_which_a_shovel_moves_messages_is_held(
    fields: dict[str, Any], is_held: bool
) -> None:
    """What comes right after it was proven empty would have nowhere to go."""
    both = [vhost(), queue(), shovel(**fields)]
    live = rows(*both, queue("t"))
    idle = {Ref("queue", key): IDLE for key in live["queue"]}

    (held,) = plan_of(rows(*both), live, ALL, idle, "4.0.5").changes
    gone = plan_of(rows(*both[:2]), live, ALL, idle, "4.0.5").changes

    assert (held.hold is not None) == is_held
    assert held.hold is None or held.hold.reason.startswith("shovel 's' may move messages into it")
    assert [one.hold for one in gone] == [None, None]


def test_what_is_allowed_by_name_is_proven_as_far_as_it_can_be() -> None:
    live = rows(vhost(), *TARGET, queue(arguments=INTO_F))
    rules = replace(ALL, overrides={"queue:v/t": Loss.MESSAGES})
    wanted = rows(vhost(), exchange("f"), queue(arguments=INTO_F))

    (change,) = plan_of(wanted, live, rules).changes

    assert (change.loss, change.allowed, change.hold) == (Loss.ROUTING, Loss.MESSAGES, None)


def test_an_exchange_that_dead_letters_come_by_stays(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    keep = {"vhost": "shop", "name": "qu.order", "arguments": {"x-dead-letter-exchange": "ex.dead"}}
    dead = {
        "exchanges": [{"vhost": "shop", "name": "ex.dead", "type": "fanout"}],
        "bindings": [{"vhost": "shop", "source": "ex.dead", "destination": "qu.dead"}],
    }
    both = {"vhosts": [{"name": "shop"}], "queues": [keep, {"vhost": "shop", "name": "qu.dead"}]}
    workspace.define(both | dead)
    workspace.commit()
    assert workspace.apply().code == 0
    with broker.management() as api:
        published = {"properties": {}, "payload": "m", "payload_encoding": "string"}
        path = ("exchanges", "shop", "amq.default", "publish")
        assert api.post(*path, body={**published, "routing_key": "qu.order"})["routed"]
    workspace.define(both)
    workspace.commit()

    held = workspace.apply("--max-deletes", "9")
    allowed = workspace.apply(
        "--max-deletes", "9", "--allow-loss", "messages:exchange:shop/ex.dead"
    )

    (change,) = held.cluster["changes"]
    assert (held.code, change["hold"]["code"], change["loss"]) == (3, "loss", "messages")
    assert change["hold"]["override"] == "--allow-loss messages:exchange:shop/ex.dead"
    assert change["impact"]["messages"] == 1
    assert (allowed.code, allowed.cluster["verified"]) == (0, True), allowed.out


DEAD_END = "queue 'q' in vhost 'v' hands on to exchange 'e', from which not all would lead on"
THERE = (queue(arguments=X_DEAD), queue("t"), exchange())


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        pytest.param([binding("e", "t")], [], ["binding:v/e/queue/t/"], id="the only binding"),
        pytest.param(
            [binding("e", "t"), binding("e", "t", "k")], [binding("e", "t")], [], id="one of two"
        ),
        pytest.param([binding("e", "t")], [binding("e", "t", "k")], [], id="another in its place"),
        pytest.param(
            [exchange("f"), binding("e", "f", destination_type="exchange"), binding("f", "t")],
            [exchange("f"), binding("e", "f", destination_type="exchange")],
            ["binding:v/f/queue/t/"],
            id="what comes after it",
        ),
        pytest.param(
            [exchange("f"), binding("e", "f", destination_type="exchange"), binding("f", "t")],
            [],
            ["exchange:v/f"],
            id="the exchange after it",
        ),
        pytest.param([], [], [], id="it led nowhere before"),
    ],
)  # fmt: skip
def test_what_leads_on_from_dead_letters_is_held(
    before: list[Entry], after: list[Entry], held: list[str]
) -> None:
    live, wanted = rows(vhost(), *THERE, *before), rows(vhost(), *THERE, *after)
    facts = {Ref("queue", ("v", "q")): BUSY, Ref("queue", ("v", "t")): IDLE}

    plan = plan_of(wanted, live, ALL, facts)

    found = {address_of(KINDS[one.ref.kind], one.ref.key): one.hold for one in plan.held}
    assert sorted(found) == held
    assert all(one is not None and one.reason.startswith(DEAD_END) for one in found.values())


def test_a_replacement_of_what_dead_letters_go_to_is_held() -> None:
    """It is away for a moment, in which they are dropped."""
    live = rows(vhost(), *THERE, binding("e", "t"))
    changed = exchange(type="fanout")
    wanted = rows(vhost(), *THERE[:2], changed, binding("e", "t"))
    key = ("v", "e")
    facts = {Ref("queue", ("v", "q")): BUSY, Ref("queue", ("v", "t")): IDLE}
    desired = desired_of(wanted, on_change={Ref("exchange", key): OnChangeRule.RECREATE})

    (change,) = plan_of(desired, live, ALL, facts).changes

    assert change.hold is not None
    assert change.hold.override == "--allow-loss messages:exchange:v/e"


KEYED = {**X_DEAD, "x-dead-letter-routing-key": "dead.q"}


@pytest.mark.parametrize(
    ("sort", "left", "is_held"),
    [
        pytest.param("direct", binding("e", "u", "other"), True, id="what is left has another key"),
        pytest.param("direct", binding("e", "u", "dead.q"), False, id="the key is bound again"),
        pytest.param("topic", binding("e", "u", "dead.*"), False, id="a pattern takes it"),
        pytest.param("topic", binding("e", "u", "alive.*"), True, id="no pattern takes it"),
        pytest.param("fanout", binding("e", "u", "other"), False, id="keys do not count"),
        pytest.param("x-consistent-hash", binding("e", "u", "2"), False, id="nobody knows"),
    ],
)
def test_the_key_of_dead_letters_decides_what_leads_on(
    sort: str, left: Entry, is_held: bool
) -> None:
    there = (vhost(), queue(arguments=KEYED), queue("t"), queue("u"), exchange(type=sort))
    live, wanted = rows(*there, binding("e", "t", "dead.q")), rows(*there, left)
    facts = {Ref("queue", ("v", name)): BUSY if name == "q" else IDLE for name in "qtu"}

    held = plan_of(wanted, live, ALL, facts).held

    assert [one.ref.kind for one in held] == (["binding"] if is_held else [])
    assert all(one.hold is not None and one.hold.reason.startswith(DEAD_END) for one in held)


OWN_KEYS = [
    ("topic", "topic", "order.#", "order.#", "orders.#", True),
    ("topic", "topic", "order.created", "order.#", "order.*", False),
    ("topic", "topic", "order.a.b", "order.#", "order.*", True),
    ("topic", "topic", "order.*", "order.#", "#", False),
    ("topic", "topic", "order.#", "order.*.x", "#.x", False),
    ("topic", "topic", "order.#", "stock.#", "other", False),
    ("topic", "topic", "#", "order.created", "order.*", False),
    ("topic", "topic", "#", "order.created", "stock.*", True),
    ("topic", "topic", "a.*.b.*.c", "a.#", "a.#.c", False),
    ("topic", "topic", "a.*.b.*.c", "a.#", "a.b.#", True),
    ("topic", "topic", "a", "#", "a.#", True),  # by the default exchange
    ("direct", "topic", "order.a", "order.#", "order.b", True),
    ("direct", "topic", "order.a", "order.#", "*.a", False),
    ("direct", "direct", "order.a", "order.a", "order.b", True),
    ("direct", "direct", "order.a", "order.b", "order.c", False),
    ("fanout", "direct", "", "order.b", "order.c", True),
    ("fanout", "fanout", "", "order.b", "order.c", False),
    ("topic", "direct", "order.*", "order.b", "order.c", True),
    ("topic", "direct", "stock.*", "order.b", "order.c", False),
    ("topic", "direct", "stock.*", "q", "order.c", True),  # by the default exchange
]


@pytest.mark.parametrize(("source", "sort", "filling", "old", "new", "is_held"), OWN_KEYS)
def test_the_keys_that_dead_letters_may_have_decide_what_leads_on(
    source: str, sort: str, filling: str, old: str, new: str, is_held: bool
) -> None:
    there = (vhost(), queue(arguments=X_DEAD), queue("t"), exchange(type=sort))
    there = (*there, exchange("in", type=source), binding("in", "q", filling))
    facts = {Ref("queue", ("v", name)): BUSY if name == "q" else IDLE for name in "qt"}

    plan = plan_of(
        rows(*there, binding("e", "t", new)), rows(*there, binding("e", "t", old)), ALL, facts
    )

    assert [one.ref.key[4] for one in plan.held] == ([old] if is_held else [])


def test_the_keys_of_new_bindings_count_for_dead_letters_as_well() -> None:
    there = (vhost(), queue(arguments=X_DEAD), queue("t"), exchange(type="direct"), exchange("in"))
    there = (*there, binding("e", "t", "other"))
    wanted = rows(*there, binding("in", "q", "a"))
    facts = {Ref("queue", ("v", name)): BUSY if name == "q" else IDLE for name in "qt"}

    plan = plan_of(wanted, rows(*there, binding("e", "t", "a")), ALL, facts)

    assert [one.ref.key[4] for one in plan.held] == ["a"]


def test_an_alternate_exchange_takes_what_no_key_does() -> None:
    other = exchange(type="direct", arguments={"alternate-exchange": "f"})
    there = (vhost(), queue(arguments=KEYED), queue("t"), queue("u"), other, exchange("f"))
    there = (*there, binding("e", "u", "other"), binding("f", "u"))
    facts = {Ref("queue", ("v", name)): BUSY if name == "q" else IDLE for name in "qtu"}

    live = rows(*there, binding("e", "t", "dead.q"))

    assert plan_of(rows(*there), live, ALL, facts).held == ()


def test_a_policy_that_is_held_goes_on_to_need_what_leads_on_by_its_key() -> None:
    """It would dead-letter by another key, and drop what is there as well: for that it is held."""
    way = {"dead-letter-exchange": "e"}
    there = (vhost(), queue(), queue("t"), exchange(type="direct"))
    old = policy("p", {**way, "dead-letter-routing-key": "old"})
    new = policy("p", {**way, "dead-letter-routing-key": "new", "max-length": 1})
    facts = {Ref("queue", ("v", "q")): BUSY, Ref("queue", ("v", "t")): IDLE}

    plan = plan_of(
        rows(*there, new, binding("e", "t", "new")),
        rows(*there, old, binding("e", "t", "old")),
        ALL,
        facts,
        version="4.0.5",
    )

    assert sorted(one.ref.kind for one in plan.held) == ["binding", "policy"]
    assert [one.ref.key[4] for one in plan.held if one.ref.kind == "binding"] == ["old"]
