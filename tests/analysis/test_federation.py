"""Which changes cost the buffers of federated exchanges; `test_drops.py` asks real brokers."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.analysis.federation import stopped
from rmqsync.model.changes import Action, Change, HoldCode, Loss, Ref
from rmqsync.model.definitions import Rows
from rmqsync.planning.rules import Rules
from tests.analysis.test_policies import NEW, policy
from tests.planning.builders import exchange, plan_of, rows, vhost

E = Ref("exchange", ("v", "e"))
NEVER = {"resource-cleanup-mode": "never"}


def upstream(name: str, vhost: str = "v", **fields: Any) -> tuple[str, dict[str, Any]]:
    return "federation_upstream", {"vhost": vhost, "name": name, "uri": "amqp://x", **fields}


def group(name: str, *members: Any, vhost: str = "v") -> tuple[str, dict[str, Any]]:
    found = [{"upstream": one} if isinstance(one, str) else one for one in members]
    return "federation_upstream_set", {"vhost": vhost, "name": name, "upstreams": found}


def federated(**definition: Any) -> Rows:
    """Return a vhost with one exchange that is federated by what a policy says."""
    keyed = {f"federation-{name}": value for name, value in definition.items()}
    return rows(
        vhost(),
        exchange(),
        upstream("u"),
        upstream("w"),
        group("s", "u"),
        policy("p", keyed, pattern="^e$"),
    )


def change(
    action: Action, one: tuple[str, dict[str, Any]], live: Rows | None = None
) -> tuple[Change, Rows]:
    """Return what is done to an object, and the live rows it is done to."""
    ((kind, found),) = rows(one).items()
    ((key, row),) = found.items()
    before = None if action is Action.CREATE else row
    after = None if action is Action.DELETE else row
    return Change(action, Ref(kind, key), before, after), live or federated(**{"upstream-set": "s"})


@pytest.mark.parametrize(
    ("definition", "hit"),
    [
        ({"upstream": "u"}, True),
        ({"upstream": "w"}, False),
        ({"upstream": "gone"}, False),
        ({"upstream-set": "s"}, True),
        ({"upstream-set": "gone"}, False),
        ({"upstream-set": "all"}, True),
        ({"upstream-pattern": "^u"}, True),
        ({"upstream-pattern": "^w"}, False),
        ({}, False),
    ],
)
def test_an_upstream_that_changes_stops_its_links(definition: dict[str, Any], hit: bool) -> None:
    one, live = change(Action.UPDATE, upstream("u"), federated(**definition))

    assert stopped([one], live, NEW) == ({one.ref: (E,)} if hit else {})


@pytest.mark.parametrize(
    ("action", "one", "hit"),
    [
        (Action.CREATE, group("other"), True),
        (Action.DELETE, group("s"), True),
        (Action.UPDATE, group("s", vhost="far"), True),
        (Action.CREATE, upstream("u", "far"), True),
        (Action.DELETE, upstream("u", "far"), False),
        (Action.CREATE, upstream("new"), False),
        (Action.DELETE, exchange(), True),
        (Action.REPLACE, exchange(), True),
        (Action.DELETE, exchange("other"), False),
        (Action.UPDATE, exchange(), False),
    ],
)
def test_what_stops_links(action: Action, one: tuple[str, dict[str, Any]], hit: bool) -> None:
    made, live = change(action, one)

    assert stopped([made], live, NEW) == ({made.ref: (E,)} if hit else {})


@pytest.mark.parametrize("where", ["upstream", "member"])
def test_a_buffer_that_outlives_its_link_is_not_lost(where: str) -> None:
    mine, member = (NEVER, {}) if where == "upstream" else ({}, NEVER)
    found = group("s", {"upstream": "u", **member})
    fed = policy("p", {"federation-upstream-set": "s"}, pattern="^e$")
    one, live = change(Action.DELETE, found, rows(exchange(), upstream("u", **mine), found, fed))

    assert stopped([one], live, NEW) == {}


def test_a_member_more_or_less_is_held() -> None:
    """The broker starts every link anew, and deletes the buffers of all of them."""
    live = federated(**{"upstream-set": "s"})
    for members in (("u", "w"), ()):
        (made,) = plan_of({**live, **rows(group("s", *members))}, live).changes

        assert made.loss is Loss.MESSAGES
        assert made.hold is not None
        assert made.hold.code is HoldCode.LOSS
        assert made.hold.override == "--allow-loss messages:federation_upstream_set:v/s"
        assert made.hold.reason.startswith("the links of exchange 'e' in vhost 'v' would stop")


def test_a_first_set_is_free() -> None:
    wanted = federated(**{"upstream-set": "s"})

    plan = plan_of(wanted, rows(vhost(), exchange()), Rules())

    assert plan.held == ()


def kept(**fields: Any) -> Rows:
    """Return a federated exchange whose buffer outlives its links."""
    live = federated(**{"upstream-set": "s"})
    live |= rows(upstream("u", **NEVER, expires=15_000), upstream("w"))
    return live | rows(group("s", {"upstream": "u", **fields}))


@pytest.mark.parametrize(
    ("one", "hit"),
    [
        (upstream("u", **NEVER, expires=20_000), True),
        (upstream("u", **NEVER), True),
        (upstream("u", **NEVER, expires=15_000, **{"message-ttl": 5}), True),
        (upstream("u", **NEVER, expires=15_000, **{"queue-type": "quorum"}), True),
        (upstream("u", **NEVER, expires=15_000, exchange="other"), True),
        (upstream("u", **NEVER, expires=15_000, **{"max-hops": 5}), False),
        (upstream("u", "far", **NEVER), False),
        (upstream("w", **NEVER), False),
        (group("s", {"upstream": "u", "exchange": "f"}), False),
        (group("s", {"upstream": "u", "exchange": "g"}), True),
        (group("s", {"upstream": "u", "exchange": "f"}, "w"), False),
        (group("s", "w"), True),
        (group("s", {"upstream": "u", "exchange": "g"}, vhost="far"), False),
    ],
)
def test_a_buffer_that_is_kept_is_lost_where_no_link_can_read_it(
    one: tuple[str, dict[str, Any]], hit: bool
) -> None:
    """Where its arguments differ the link stays down, until the buffer has expired."""
    live = kept(exchange="f")
    ((kind, found),) = rows(one).items()
    ((key, row),) = found.items()
    before = live[kind].get(key)
    made = Change(Action.UPDATE if before else Action.CREATE, Ref(kind, key), before, row)

    assert stopped([made], live, NEW) == ({made.ref: (E,)} if hit else {})


@pytest.mark.parametrize("one", [upstream("u"), exchange(), group("s")])
def test_a_buffer_that_is_kept_is_lost_with_what_it_is_for(
    one: tuple[str, dict[str, Any]],
) -> None:
    live = kept()
    ((kind, found),) = rows(one).items()
    ((key, _),) = found.items()
    gone = Change(Action.DELETE, Ref(kind, key), live[kind][key], None)

    assert stopped([gone], live, NEW) == {gone.ref: (E,)}
