"""Which changes a plan holds, in which order, and which of them may run."""

from dataclasses import replace
from typing import Any

import pytest

from rmqsync.config.cluster import MaxDeletes, Prune, Scope
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.address import Pattern
from rmqsync.model.changes import ABSENT, Action, FieldChange, Loss, Ref
from rmqsync.model.definitions import Live, OnChangeRule, QueueFacts, Removed
from rmqsync.model.findings import Origin, Severity
from rmqsync.planning.rules import Rules, idle_targets
from tests.planning.builders import (
    BUSY,
    IDLE,
    binding,
    desired_of,
    exchange,
    plan_of,
    queue,
    rows,
    said,
    vhost,
)

NO_LIMIT = MaxDeletes(share=1.0)
ALL = Rules(prune=Prune.ALL, max_deletes=NO_LIMIT)
PAIR = ("exchange", "queue")
RIGHTS = ("configure", "write", "read")
FULL = rows(vhost(), exchange(), queue(), binding(key="a"))
QUEUE = Ref("queue", ("v", "q"))


def test_nothing_differs():
    plan = plan_of(FULL, FULL)

    assert said(plan) == []
    assert (plan.unchanged, plan.unmanaged) == (4, ())


def test_creations_follow_what_they_need():
    assert said(plan_of(FULL, {})) == [
        ("create", "vhost:v", None),
        ("create", "exchange:v/e", None),
        ("create", "queue:v/q", None),
        ("create", "binding:v/e/queue/q/a", None),
    ]


def test_a_move_of_a_binding_adds_before_it_removes():
    moved = rows(vhost(), exchange(), queue(), binding(key="b"))

    assert said(plan_of(moved, FULL, ALL)) == [
        ("create", "binding:v/e/queue/q/b", None),
        ("delete", "binding:v/e/queue/q/a", None),
    ]


def test_deletions_that_the_broker_makes_itself_are_implied():
    plan = plan_of(rows(vhost(), exchange()), FULL, ALL)

    (change,) = plan.changes
    assert change.ref == QUEUE
    assert [ref.kind for ref in change.impact.implied] == ["binding"]


@pytest.mark.parametrize(
    ("rules", "deleted"),
    [
        pytest.param(Rules(prune=Prune.NEVER), [], id="never"),
        pytest.param(Rules(prune=Prune.OWNED), [], id="owned, before there is ownership"),
        pytest.param(ALL, ["queue:v/q"], id="all"),
    ],
)
def test_what_is_pruned(rules: Rules, deleted: list[str]):
    live = rows(vhost(), queue(), ("user", {"name": "u", "tags": []}))

    plan = plan_of(rows(vhost()), live, rules)

    assert [address for _, address, _ in said(plan)] == deleted
    assert Ref("user", ("u",)) in plan.unmanaged


def test_prune_all_spares_what_comes_and_goes_by_itself():
    live = rows(vhost(), queue("tmp", auto_delete=True), queue("mqtt-subscription-1"))

    assert said(plan_of(rows(vhost()), live, ALL)) == []


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(
            [queue("mqtt-subscription-1qos1"), binding("amq.topic", "mqtt-subscription-1qos1")],
            id="a subscription",
        ),
        pytest.param([queue("tmp", auto_delete=True), binding("e", "tmp")], id="auto-delete"),
        pytest.param(
            [
                ("user", {"name": "u", "tags": []}),
                ("permission", {"vhost": "v", "user": "u"} | dict.fromkeys(RIGHTS, ".*")),
                ("user_limit", {"user": "u", "max-channels": 9}),
            ],
            id="a user",
        ),
        pytest.param([queue("theirs"), binding("e", "theirs")], id="an ignored queue"),
        pytest.param(
            [vhost("x"), exchange("e", "x"), queue("q", "x"), binding(vhost="x")],
            id="an ignored vhost",
        ),
    ],
)
def test_prune_all_takes_nothing_from_what_it_spares(held):
    """Unbound, a queue would get nothing any more and nobody would hear of it."""
    rules = replace(ALL, ignore=(Pattern("queue:v/theirs"), Pattern("vhost:x")))

    plan = plan_of(rows(vhost(), exchange()), rows(vhost(), exchange(), *held), rules)

    assert said(plan) == []


def test_prune_all_takes_what_is_named_from_what_it_spares():
    right = {"vhost": "v", "user": "u"} | dict.fromkeys(RIGHTS, ".*")
    live = rows(vhost(), ("user", {"name": "u", "tags": []}), ("permission", right))
    rules = replace(ALL, prune_kinds=frozenset({"permission"}))

    assert said(plan_of(rows(vhost()), live, rules)) == [("delete", "permission:v/u", None)]


def test_state_absent_deletes_even_without_pruning():
    desired = desired_of(rows(vhost()), absent={"queue": {("v", "q"): Origin("base/a.yaml", 3)}})

    assert said(plan_of(desired, rows(vhost(), queue()))) == [("delete", "queue:v/q", None)]


def test_a_kept_object_is_never_pruned_nor_what_leads_to_it():
    desired = desired_of(rows(vhost(), exchange()), removed=(Removed("queue:v/q", keep=True),))

    assert said(plan_of(desired, FULL, ALL)) == []


@pytest.mark.parametrize(
    ("facts", "arguments", "loss", "hold"),
    [
        pytest.param({QUEUE: IDLE}, {}, Loss.ROUTING, None, id="empty and unused"),
        pytest.param({QUEUE: BUSY}, {}, Loss.MESSAGES, "loss", id="holds messages"),
        pytest.param({}, {}, Loss.MESSAGES, "loss", id="nobody knows"),
        pytest.param(
            {QUEUE: QueueFacts(0, None, 0)}, {}, Loss.MESSAGES, "loss", id="half of it unknown"
        ),
        pytest.param(
            {QUEUE: QueueFacts(0, 0, 1)}, {}, Loss.MESSAGES, "loss", id="somebody consumes"
        ),
        pytest.param({QUEUE: IDLE}, {"x-queue-type": "stream"}, Loss.MESSAGES, "loss", id="stream"),
        pytest.param(
            {QUEUE: IDLE}, {"x-queue-type": "quorum"}, Loss.MESSAGES, "loss", id="empty quorum"
        ),
    ],
)
def test_the_loss_of_deleting_a_queue(facts, arguments, loss, hold):
    live = rows(vhost(), queue(arguments=arguments))

    (change,) = plan_of(rows(vhost()), live, ALL, facts).changes

    assert (change.loss, change.hold and change.hold.code.value) == (loss, hold)


def test_an_empty_quorum_queue_may_go_where_amqp_lets_it_be_proven():
    live = rows(vhost(), queue(arguments={"x-queue-type": "quorum"}))
    with_amqp = replace(ALL, can_prove=True)

    (held,) = plan_of(rows(vhost()), live, ALL).changes
    (change,) = plan_of(rows(vhost()), live, with_amqp).changes
    (busy,) = plan_of(rows(vhost()), live, with_amqp, {QUEUE: BUSY}).changes

    assert held.hold is not None
    assert "without `amqp` in the settings" in held.hold.reason
    assert held.hold.override == "--allow-loss messages:queue:v/q"
    assert (change.loss, change.hold) == (Loss.ROUTING, None)
    assert busy.loss is Loss.MESSAGES


@pytest.mark.parametrize("kind", ["shovel", "federation_upstream"])
def test_what_lets_go_of_messages_before_it_hands_them_on_is_not_stopped_unseen(kind):
    ways = {
        "shovel": {"src-uri": "amqp://", "src-queue": "q", "dest-uri": "amqp://a/v"},
        "federation_upstream": {"uri": "amqp://a"},
    }

    def world(mode, delay):
        entry = {"vhost": "v", "name": "s", **ways[kind], "ack-mode": mode}
        return rows(vhost(), (kind, {**entry, "reconnect-delay": delay}))

    (held,) = plan_of(world("on-confirm", 2), world("no-ack", 1), ALL).changes
    (free,) = plan_of(world("no-ack", 2), world("on-confirm", 1), ALL).changes

    assert held.loss is Loss.MESSAGES
    assert held.hold is not None
    assert held.hold.reason.startswith("ack-mode no-ack: stopped, it loses what it has taken")
    assert (free.loss, free.hold) == (Loss.BEHAVIOUR, None)


def test_a_fence_that_a_killed_run_left_is_in_no_plan():
    fence = {
        "name": "rmqsync.fence.1",
        "vhost": "v",
        "pattern": "^q$",
        "definition": {"expires": 1},
    }

    assert KINDS["policy"].broker_owned(KINDS["policy"].complete(fence))


def test_an_override_counts_for_one_address():
    live = rows(vhost(), queue("q"), queue("r"))
    busy = {Ref("queue", ("v", name)): BUSY for name in "qr"}
    rules = Rules(
        prune=Prune.ALL,
        max_deletes=MaxDeletes(share=1.0),
        overrides={"queue:v/q": Loss.MESSAGES},
    )

    assert said(plan_of(rows(vhost()), live, rules, busy)) == [
        ("delete", "queue:v/q", None),
        ("delete", "queue:v/r", "loss"),
    ]


def test_deleting_a_vhost_takes_everything_and_is_held():
    (change,) = plan_of({}, FULL, ALL).changes

    assert (change.ref, change.loss) == (Ref("vhost", ("v",)), Loss.EVERYTHING)
    assert change.hold is not None
    assert change.hold.override == "--allow-loss everything:vhost:v"
    assert len(change.impact.implied) == 3


@pytest.mark.parametrize("rule", [None, OnChangeRule.REFUSE, OnChangeRule.MIGRATE])
def test_a_replacement_is_held_unless_the_definition_says_recreate(rule):
    desired = desired_of(
        rows(vhost(), queue(arguments={"x-max-length": 1})),
        on_change={QUEUE: rule} if rule else {},
    )

    (change,) = plan_of(desired, rows(vhost(), queue())).changes

    assert change.action is Action.REPLACE
    assert change.hold is not None
    assert change.hold.code.value == "on-change"
    assert change.fields == (
        FieldChange(("arguments", "x-max-length"), ABSENT, 1, forces_replacement=True),
    )


def test_recreate_lets_an_idle_queue_be_replaced():
    desired = desired_of(
        rows(vhost(), exchange(), queue(arguments={"x-max-length": 1}), binding(key="a")),
        on_change={QUEUE: OnChangeRule.RECREATE},
    )

    (change,) = plan_of(desired, FULL).changes

    assert (change.hold, change.loss) == (None, Loss.ROUTING)
    assert change.impact.implied == (Ref("binding", ("v", "e", "queue", "q", "a", "")),)


@pytest.mark.parametrize(("version", "implied"), [("3.10.8", False), ("4.3.6", True)])
def test_topic_permissions_go_with_their_exchange_on_khepri(version, implied):
    topic = {"vhost": "v", "user": "u", "exchange": "e", "write": "", "read": ""}
    live = rows(
        vhost(), exchange(), ("user", {"name": "u", "tags": []}), ("topic_permission", topic)
    )
    wanted = {**live, **rows(exchange(type="fanout"))}
    desired = desired_of(wanted, on_change={Ref("exchange", ("v", "e")): OnChangeRule.RECREATE})

    (change,) = plan_of(desired, live, version=version).changes

    assert (Ref("topic_permission", ("v", "u", "e")) in change.impact.implied) is implied


def test_protected_objects_are_neither_deleted_nor_replaced():
    rules = Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0), protect=(Pattern("queue:*"),))

    assert said(plan_of(rows(vhost()), rows(vhost(), queue()), rules)) == [
        ("delete", "queue:v/q", "protected")
    ]


def test_a_deletion_that_takes_down_what_is_not_ours_is_held():
    """A queue that must not exist still has a binding that nobody declared."""
    desired = desired_of(
        rows(vhost(), exchange()), absent={"queue": {("v", "q"): Origin("base/a.yaml", 3)}}
    )

    (change,) = plan_of(desired, FULL).changes

    assert change.hold is not None
    assert change.hold.code.value == "takes-foreign"
    assert "binding:v/e/queue/q/a" in change.hold.reason


@pytest.mark.parametrize("setting", ["ignore", "protect"])
@pytest.mark.parametrize("goes", [True, False], ids=["deleted", "replaced"])
def test_what_the_settings_keep_is_not_even_taken_down_for_a_moment(setting, goes):
    if goes:
        desired = desired_of(
            rows(vhost(), exchange()), absent={"queue": {("v", "q"): Origin("base/a.yaml", 3)}}
        )
    else:
        changed = rows(vhost(), exchange(), queue(arguments={"x-max-length": 1}))
        desired = desired_of(changed, on_change={QUEUE: OnChangeRule.RECREATE})
    rules = Rules(**{setting: (Pattern("binding:v/e/queue/q/*"),)})

    (change,) = plan_of(desired, FULL, rules).changes

    assert change.hold is not None
    assert (change.hold.code.value, change.hold.override) == ("takes-foreign", None)
    assert "binding:v/e/queue/q/a" in change.hold.reason


def test_what_nobody_declared_is_put_back_after_a_replacement():
    changed = rows(vhost(), exchange(), queue(arguments={"x-max-length": 1}))
    desired = desired_of(changed, on_change={QUEUE: OnChangeRule.RECREATE})

    (change,) = plan_of(desired, FULL).changes

    assert change.hold is None


@pytest.mark.parametrize("goes", [True, False], ids=["deleted", "replaced"])
def test_bindings_that_only_clients_can_make_again_count_as_messages(goes):
    live = rows(vhost(), exchange())
    wanted = rows(vhost()) if goes else rows(vhost(), exchange(type="fanout"))
    absent = {"exchange": {("v", "e"): Origin("a.yaml", 1)}} if goes else {}
    ref = Ref("exchange", ("v", "e"))
    tied = [("v", "e", "queue", name, "") for name in ("amq.gen-1", "amq.gen-2")]
    desired = desired_of(wanted, absent=absent, on_change={ref: OnChangeRule.RECREATE})

    (free,) = plan_of(desired, live).changes
    (held,) = plan_of(desired, live, hanging={ref: tied}).changes

    assert (free.hold, free.loss) == (None, Loss.ROUTING)
    assert held.hold is not None
    assert (held.hold.code.value, held.loss) == ("loss", Loss.MESSAGES)
    assert held.hold.reason.startswith("2 bindings to clients' exclusive queues")
    assert held.hold.override == "--allow-loss messages:exchange:v/e"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["federation: e -> b A"], "1 binding of federation links would go"),
        (
            ["federation: e -> b A", "amq.gen-1"],
            "1 binding of federation links and 1 binding to clients' exclusive queues or to what",
        ),
    ],
)
def test_bindings_of_federation_links_are_called_so(names, words):
    ref = Ref("exchange", ("v", "e"))
    absent = {"exchange": {("v", "e"): Origin("a.yaml", 1)}}
    tied = [("v", "e", "exchange", name, "") for name in names]

    (held,) = plan_of(
        desired_of(rows(vhost()), absent=absent), rows(vhost(), exchange()), hanging={ref: tied}
    ).changes

    assert held.hold is not None
    assert held.hold.reason.startswith(words)


def test_one_object_counts_once_for_max_deletes():
    """A binding goes with its queue and with its exchange."""
    live = rows(vhost(), exchange(), queue(), *(binding(key=f"k{n}") for n in range(3)))
    desired = desired_of(
        rows(vhost()), absent={kind: {("v", kind[0]): Origin("a.yaml", 1)} for kind in PAIR}
    )
    rules = Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0, bindings=3))

    assert {hold for _, _, hold in said(plan_of(desired, live, rules))} == {None}


def test_what_the_deletion_of_a_user_does_to_clients_is_told():
    live = rows(*(("user", {"name": name, "tags": []}) for name in "abcde"))
    absent = {"user": dict.fromkeys([(name,) for name in "abcd"], Origin("base/a.yaml", 3))}

    plan = plan_of(desired_of({}, absent=absent), live)
    none = plan_of(desired_of({}, absent={"user": {("x",): Origin("base/a.yaml", 3)}}), live)

    (found,) = plan.findings
    assert (found.code, found.severity) == ("RMQ115", Severity.NOTE)
    assert found.message.startswith(
        "user:a, user:b, user:c and 1 more: deleting a user closes its connections"
    )
    assert none.findings == ()


def test_the_rights_of_a_user_are_part_of_it():
    desired = desired_of(rows(vhost()), absent={"user": {("guest",): Origin("base/a.yaml", 3)}})
    right = {"vhost": "v", "user": "guest", "configure": "", "write": "", "read": ""}
    live = rows(vhost(), ("user", {"name": "guest", "tags": []}), ("permission", right))

    assert said(plan_of(desired, live)) == [("delete", "user:guest", None)]


@pytest.mark.parametrize(
    ("limits", "count", "held"),
    [
        pytest.param(MaxDeletes(share=1.0, objects=20), 20, False, id="at the limit"),
        pytest.param(MaxDeletes(share=1.0, objects=20), 21, True, id="one more"),
        pytest.param(MaxDeletes(share=0.3, objects=99), 9, False, id="too few to judge a share"),
    ],
)
def test_max_deletes(limits, count, held):
    live = rows(vhost(), *(queue(f"q{number}") for number in range(count)))
    rules = Rules(prune=Prune.ALL, max_deletes=limits)

    codes = {hold for _, _, hold in said(plan_of(rows(vhost()), live, rules))}

    assert codes == ({"max-deletes"} if held else {None})


@pytest.mark.parametrize(
    ("limits", "bindings", "reason"),
    [
        (MaxDeletes(share=1.0, objects=0), 0,
         "1 deletion is more than max_deletes.objects, 0"),
        (MaxDeletes(share=1.0, bindings=0), 1,
         "1 deleted binding is more than 0, max_deletes"),
        (MaxDeletes(share=0.0), 0, "1 deletion of 11 objects is more than 0%"),
        (MaxDeletes(share=0.0), 2, "3 deletions of 11 objects are more than 0%"),
    ],
)  # fmt: skip
def test_one_deletion_too_many_is_worded_as_one(limits, bindings, reason):
    stays = (vhost(), exchange(), *(queue(f"stays{number}") for number in range(9)))
    live = rows(*stays, queue(), *(binding(key=f"k{number}") for number in range(bindings)))
    rules = Rules(prune=Prune.ALL, max_deletes=limits)

    (change,) = plan_of(rows(*stays), live, rules, {QUEUE: IDLE}).changes

    assert change.hold is not None
    assert change.hold.reason == reason


@pytest.mark.parametrize(("number", "reason"), [(1, "1 message would"), (2, "2 messages would")])
def test_one_message_is_worded_as_one(number, reason):
    live = rows(vhost(), queue())
    facts = {QUEUE: QueueFacts(number, 0, 0)}

    (change,) = plan_of(rows(vhost()), live, ALL, facts).changes

    assert change.hold is not None
    assert change.hold.reason == f"{reason} be lost; allowed loss is access"


def test_what_is_yet_to_be_made_is_no_reason_to_delete_more():
    """The share is one of what is there: a commit that adds much may not delete all that is."""
    stays = (vhost(), *(queue(f"stays{number}") for number in range(10)))
    goes = rows(*(queue(f"goes{number}") for number in range(8)))
    comes = (queue(f"comes{number}") for number in range(50))
    absent = {"queue": dict.fromkeys(goes["queue"], Origin("base/a.yaml", 3))}
    live = rows(*stays)
    live["queue"].update(goes["queue"])

    rules = Rules(max_deletes=MaxDeletes(share=0.3))
    plan = plan_of(desired_of(rows(*stays, *comes), absent=absent), live, rules)

    codes = {code for action, _, code in said(plan) if action == "delete"}
    assert codes == {"max-deletes"}


def test_implied_deletions_count_for_max_deletes():
    live = rows(vhost(), exchange(), queue(), *(binding(key=f"k{n}") for n in range(6)))
    rules = Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0, bindings=5))

    assert said(plan_of(rows(vhost(), exchange()), live, rules)) == [
        ("delete", "queue:v/q", "max-deletes")
    ]


def test_what_is_outside_the_scope_is_not_seen():
    live = rows(vhost(), vhost("other"), queue(), queue("q", "other"))
    rules = Rules(prune=Prune.ALL, scope=Scope(vhosts=("v",)))

    plan = plan_of(rows(vhost(), queue()), live, rules)

    assert (said(plan), plan.unmanaged) == ([], ())


def test_ignored_objects_are_not_seen():
    live = rows(vhost(), queue("tmp.1"), queue())
    rules = Rules(prune=Prune.ALL, ignore=(Pattern("queue:v/tmp.*"),))

    plan = plan_of(rows(vhost(), queue()), live, rules)

    assert (said(plan), plan.unmanaged) == ([], ())


def test_the_fingerprint_covers_what_is_done_and_nothing_that_moves():
    base = plan_of(rows(vhost()), rows(vhost(), queue()), ALL)
    more_unmanaged = plan_of(
        rows(vhost()),
        rows(vhost(), queue(), ("user", {"name": "x", "tags": []})),
        ALL,
    )
    other_counts = plan_of(rows(vhost()), rows(vhost(), queue()), ALL, {QUEUE: QueueFacts(0, 0, 0)})
    held = plan_of(rows(vhost()), rows(vhost(), queue()), ALL, {QUEUE: BUSY})
    other_field = plan_of(rows(vhost()), rows(vhost(), queue(arguments={"x": 1})), ALL)

    assert base.fingerprint == more_unmanaged.fingerprint == other_counts.fingerprint
    assert len({base.fingerprint, held.fingerprint, other_field.fingerprint}) == 3


def test_an_untyped_queue_equals_what_the_broker_made_of_it():
    live = rows(vhost(default_queue_type="quorum"), queue(arguments={"x-queue-type": "quorum"}))

    assert said(plan_of(rows(vhost(), queue()), live)) == [("replace", "queue:v/q", "on-change")]
    assert said(plan_of(rows(vhost(default_queue_type="quorum"), queue()), live)) == []


def test_numbers_of_another_type_are_another_value():
    live = rows(vhost(), exchange(arguments={"n": 1.0}))

    (change,) = plan_of(rows(vhost(), exchange(arguments={"n": 1})), live).changes

    assert change.fields == (FieldChange(("arguments", "n"), 1.0, 1, forces_replacement=True),)


def test_every_kind_that_can_be_taken_down_stands_later_in_the_order():
    for kind in KINDS:
        for name in kind.takes_down:
            assert KINDS[name].rank > kind.rank


def test_a_difference_that_the_broker_cannot_lose_is_left_and_said():
    desired = rows(vhost(default_queue_type="quorum"))
    live = rows(vhost(default_queue_type="classic"))

    old, new = plan_of(desired, live, version="3.10.8"), plan_of(desired, live, version="4.0.5")

    assert (said(old), [finding.code for finding in old.findings]) == ([], ["RMQ065"])
    assert (said(new), new.findings) == ([("update", "vhost:v", None)], ())


def test_a_limit_that_limits_nothing_is_no_object():
    limits = rows(vhost(), ("vhost_limit", {"vhost": "v", "max-connections": -1}))

    assert said(plan_of(limits, rows(vhost()))) == []
    assert said(plan_of(rows(vhost()), limits, ALL)) == []


@pytest.mark.parametrize("prune", [Prune.OWNED, Prune.ALL])
def test_rights_in_the_vhosts_of_another_repository_keep_a_user(prune):
    """They are part of the user, but not ours to lose."""
    right = {"vhost": "theirs", "user": "u", "configure": "", "write": "", "read": ""}
    user = ("user", {"name": "u", "tags": []})
    live = rows(vhost(), vhost("theirs"), user, ("permission", right))
    desired = desired_of(rows(vhost()), absent={"user": {("u",): Origin("base/a.yaml", 3)}})
    rules = Rules(prune=prune, scope=Scope(vhosts=("v",), kinds=("*", "user")))

    (change,) = plan_of(desired, live, rules).changes

    assert change.hold is not None
    assert (change.hold.code.value, change.hold.override) == ("takes-foreign", None)
    assert "permission:theirs/u" in change.hold.reason


def test_bindings_of_another_repository_keep_an_exchange_though_all_is_pruned():
    scope = Scope(kinds=("vhost", "exchange", "queue"))
    desired = desired_of(rows(vhost(), queue()))

    plan = plan_of(desired, FULL, Rules(prune=Prune.ALL, scope=scope))

    assert said(plan) == [("delete", "exchange:v/e", "takes-foreign")]


@pytest.mark.parametrize(
    ("setting", "held"),
    [
        ("ignore", [("delete", "exchange:v/e", "takes-foreign")]),
        ("protect", [("delete", "queue:v/q", "protected"),
                     ("delete", "exchange:v/e", "takes-foreign")]),
    ],
)  # fmt: skip
def test_what_leads_to_a_queue_that_stays_is_not_pruned_with_an_exchange(setting, held):
    """A queue without its bindings gets nothing any more."""
    rules = Rules(**{"prune": Prune.ALL, "max_deletes": NO_LIMIT, setting: (Pattern("queue:*"),)})

    plan = plan_of(rows(vhost()), FULL, rules)

    assert said(plan) == held


def test_a_protected_queue_that_is_declared_keeps_no_exchange_that_is_not():
    """Which bindings it has is for git to say."""
    rules = Rules(prune=Prune.ALL, max_deletes=NO_LIMIT, protect=(Pattern("queue:*"),))

    plan = plan_of(rows(vhost(), queue()), FULL, rules)

    assert said(plan) == [("delete", "exchange:v/e", None)]


def test_an_override_of_nothing_is_told():
    rules = Rules(overrides={"queue:v/q": Loss.MESSAGES, "queue:v/typo": Loss.MESSAGES})

    found = idle_targets(rules, desired_of(rows(vhost())), Live(FULL, version=None))

    assert [one.message.partition(" matches")[0] for one in found] == [
        "--allow-loss messages:queue:v/typo"
    ]


def test_an_exchange_whose_replacement_is_held_keeps_its_bindings():
    """What takes the place of `a.b` takes nothing as long as the exchange is direct."""
    one, other = exchange(type="direct"), exchange(type="topic")
    apart = (exchange("f"), binding("f", key="gone"))
    live = rows(vhost(), queue(), one, binding(key="a.b"), *apart)
    wanted = rows(vhost(), queue(), other, binding(key="a.*"), apart[0])

    held = {one.ref: one.hold for one in plan_of(wanted, live, Rules(prune=Prune.ALL)).held}

    exchange_hold = held[Ref("exchange", ("v", "e"))]
    assert {ref.key[1:5] for ref in held if ref.kind == "binding"} == {("e", "queue", "q", "a.b")}
    (hold,) = (hold for ref, hold in held.items() if ref.kind == "binding")
    assert hold.reason.startswith("it waits for the replacement of exchange 'e' in vhost 'v': ")
    assert (hold.code, hold.override) == (exchange_hold.code, exchange_hold.override)


@pytest.mark.parametrize("ack", [{}, {"ack-mode": "on-confirm"}, {"ack-mode": "no-ack"}])
@pytest.mark.parametrize("source", ["src-exchange", "src-queue"])
def test_a_shovel_with_a_queue_of_its_own_is_held(source, ack):
    """It goes with all that it holds, when the shovel is stopped."""
    row = {"vhost": "v", "name": "s", "src-uri": "amqp://", "dest-uri": "amqp://", **ack}
    row |= {source: "e", "dest-queue": "t"}
    live = rows(vhost(), ("shovel", row))
    plans = [
        plan_of(rows(vhost(), ("shovel", {**row, "reconnect-delay": 9})), live),
        plan_of(rows(vhost()), live, Rules(prune=Prune.ALL)),
    ]

    is_held = source == "src-exchange" or ack.get("ack-mode") == "no-ack"
    for plan in plans:
        (change,) = plan.changes
        assert (change.hold is not None, change.loss is Loss.MESSAGES) == (is_held, is_held)


def policy(name: str, pattern: str, priority: int = 0, **definition: Any):
    entry = {"vhost": "v", "name": name, "pattern": pattern, "priority": priority}
    return "policy", {**entry, "definition": definition}


DEAD = {"dead-letter-exchange": "dlx"}
LED_ON = (exchange("dlx"), queue("dead"), binding("dlx", "dead", "#"))
HELD = policy("p", "^[qr]$", **DEAD, **{"max-length": 1})
"""Held where `q` holds more; what `r` dead-letters by."""


def held_with_busy(wanted: Any, live: Any) -> dict[str, tuple[str, str]]:
    facts = {Ref("queue", key): IDLE for key in live["queue"]} | {QUEUE: BUSY}
    plan = plan_of(wanted, live, Rules(prune=Prune.ALL), facts)
    return {
        address_of(KINDS[c.ref.kind], c.ref.key): (c.hold.code.value, c.hold.reason)
        for c in plan.held
    }


@pytest.mark.parametrize("is_new", [True, False])
def test_what_relies_on_a_held_policy_for_its_dead_letters_gets_no_messages(is_new: bool):
    there = (vhost(), exchange(), queue(), *LED_ON)
    new = queue("r")
    live = rows(*there, binding(key="#"), *(() if is_new else (new,)))

    held = held_with_busy(rows(*there, new, binding("e", "r", "#"), HELD), live)

    asked = "queue:v/r" if is_new else "binding:v/e/queue/r/%23"
    assert {"policy:v/p", asked} <= held.keys()
    assert held[asked][0] == "loss"
    assert " no way out without policy 'p' in vhost 'v': max-length 1 would drop" in held[asked][1]


def test_a_binding_stays_where_the_one_in_its_place_is_held():
    there = (vhost(), exchange(), queue(), queue("s"), exchange("f"), *LED_ON)
    apart = (binding("f", "s", "apart"),)
    live = rows(*there, binding("e", "s", "#"), *apart)

    held = held_with_busy(rows(*there, queue("r"), binding("e", "r", "#"), HELD), live)

    asked = "binding:v/e/queue/s/%23"
    assert asked in held
    assert "binding:v/f/queue/s/apart" not in held
    assert held[asked][1].startswith(
        "binding from exchange 'e' to queue 'r' with key '#' in vhost 'v' is to take its place, "
        "and is held: what it leads to has no way out without policy 'p'"
    )


def test_an_exchange_with_a_new_name_does_not_go_before_what_is_bound_to_the_new_one():
    there = (vhost(), queue(), *LED_ON)
    live = rows(*there, exchange("old"), queue("s"), binding("old", "s", "#"))
    wanted = rows(*there, exchange("new"), queue("r"), binding("new", "r", "#"), HELD)

    held = held_with_busy(wanted, live)

    going = {"exchange:v/old", "queue:v/s"}
    assert held.keys() == {"policy:v/p", "queue:v/r", "binding:v/new/queue/r/%23", *going}
    said = "binding from exchange 'new' to queue 'r' with key '#' in vhost 'v' may be to take its"
    assert all(held[one][1].startswith(said) for one in going)


def test_what_cannot_be_made_without_what_is_held_is_held_with_it():
    there = (vhost(), queue(), *LED_ON, exchange("e"))
    held_one = policy("p", "^(q|f)$", **{"max-length": 1, "alternate-exchange": "dlx"})
    wanted = rows(*there, exchange("f"), binding("f", "q", "#"), held_one)

    held = held_with_busy(wanted, rows(*there))

    assert held.keys() == {"policy:v/p", "exchange:v/f", "binding:v/f/queue/q/%23"}
    assert held["binding:v/f/queue/q/%23"][1].startswith(
        "it needs exchange 'f' in vhost 'v': it has no way out without policy 'p'"
    )


def test_an_exchange_goes_where_nothing_that_is_new_is_held():
    there = (vhost(), queue(), *LED_ON, exchange("there"))
    live = rows(*there, exchange("old"), queue("s"), binding("old", "s", "#"))
    wanted = rows(*there, queue("r"), binding("there", "r", "#"), HELD)

    assert held_with_busy(wanted, live).keys() == {
        "policy:v/p",
        "queue:v/r",
        "binding:v/there/queue/r/%23",
    }


def test_what_has_a_way_out_without_the_held_policy_is_made():
    there = (vhost(), exchange(), queue(), *LED_ON)
    own = queue("r", arguments={"x-dead-letter-exchange": "dlx"})
    other = policy("other", "^r$", 9, **DEAD)
    for found in (
        (own,),
        (queue("r"), other),
        (queue("s"),),
        (queue("r", arguments={"x-queue-type": "stream"}),),
    ):
        wanted = rows(*there, *found, binding("e", found[0][1]["name"], "#"), HELD)
        held = held_with_busy(wanted, rows(*there, binding(key="#")))

        assert held.keys() == {"policy:v/p"}


def test_an_exchange_without_its_alternate_gets_no_messages():
    there = (vhost(), exchange(), queue(), *LED_ON)
    held_one = policy("p", "^(q|f)$", **{"max-length": 1, "alternate-exchange": "dlx"})
    wanted = rows(
        *there, exchange("f"), binding("e", "f", "#", destination_type="exchange"), held_one
    )

    held = held_with_busy(wanted, rows(*there, binding(key="#")))

    assert "exchange:v/f" in held


def test_a_binding_to_what_leads_to_a_queue_without_its_dead_letters_waits():
    there = (
        vhost(),
        exchange(),
        exchange("f"),
        queue(),
        queue("r"),
        binding("f", "r", "#"),
        *LED_ON,
    )
    wanted = rows(*there, binding("e", "f", "#", destination_type="exchange"), HELD)

    held = held_with_busy(wanted, rows(*there, binding(key="#")))

    assert held.keys() >= {"policy:v/p", "binding:v/e/exchange/f/%23"}


def test_a_queue_is_made_once_the_policy_it_needs_is_allowed():
    there = (vhost(), exchange(), queue(), *LED_ON)
    facts = {QUEUE: BUSY, Ref("queue", ("v", "dead")): IDLE}
    rules = Rules(overrides={"policy:v/p": Loss.MESSAGES})

    plan = plan_of(rows(*there, queue("r"), HELD), rows(*there), rules, facts)

    assert not plan.held
