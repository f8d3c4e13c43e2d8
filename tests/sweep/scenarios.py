"""The runs that the sweep disturbs: what was applied before, what git says now, who else acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.brokers.management import Management

Definitions = Mapping[str, Any]
Hands = Callable[[Management], None]

VHOST = "shop"
SECRET = "shop_password"
UNMANAGED = ("hand.work", "hand.sleep")
"""Queues in the managed vhost that nobody declares; they hold messages."""


def plant(api: Management) -> None:
    """Declare what is nobody's in git, in the midst of what is managed."""
    api.put("vhosts", VHOST, body={})
    api.put("permissions", VHOST, "admin", body={"configure": ".*", "write": ".*", "read": ".*"})
    for name in UNMANAGED:
        api.put("queues", VHOST, name, body={"durable": True})
    bound = {"routing_key": "hand.#", "arguments": {}}
    api.post("bindings", VHOST, "e", "amq.topic", "q", "hand.work", body=bound)
    api.put("users", "hand", body={"password": "by hand", "tags": "monitoring"})
    policy = {"pattern": "^hand[.]", "apply-to": "queues", "definition": {"max-length": 1000}}
    api.put("policies", VHOST, "hand", body=policy)


def nobody(api: Management) -> None:
    """Do nothing."""
    del api


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    after: Definitions
    """What git says when the run that is disturbed begins."""
    before: Definitions | None = None
    """What was committed and applied before; `None`: nothing was, ever."""
    is_applied: bool = False
    """So was `after`: the run that is disturbed comes after that."""
    hands: Hands = nobody
    """What people changed on the broker since."""
    verb: tuple[str, ...] = ("apply",)
    """`{before}` is the commit of what was applied before."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    amqp: bool = False
    filled: tuple[str, ...] = ()
    """Managed queues that hold messages, which they must keep."""
    runs: int = 1
    """How many runs it takes when nobody disturbs them."""
    mended: Definitions | None = None
    """What makes it whole, where the run cannot succeed as it is."""
    variants: int = 1
    """How many of its kind the trials take in turn, told apart by the name of the queue that goes:
    for some seconds statistics take a new queue for an old one of its name."""
    is_pinned: bool = False
    """The cluster stays where the run brought it, and a plan of git's state says so."""


def queue(name: str, **fields: Any) -> dict[str, Any]:
    return {"vhost": VHOST, "name": name, **fields}


def exchange(name: str, sort: str = "topic", **fields: Any) -> dict[str, Any]:
    return {"vhost": VHOST, "name": name, "type": sort, **fields}


def _replaced(sort: str) -> dict[str, Any]:
    return exchange("ex.0", sort, on_change="recreate")


def binding(source: str, to: str, key: str = "#", sort: str = "queue") -> dict[str, Any]:
    ends = {"vhost": VHOST, "source": source, "destination_type": sort, "destination": to}
    return {**ends, "routing_key": key}


def policy(name: str, **definition: Any) -> dict[str, Any]:
    pattern = {"pattern": f"^{name}[.]", "apply-to": "queues"}
    return {"vhost": VHOST, "name": name, **pattern, "definition": definition}


def user(name: str, *tags: str) -> dict[str, Any]:
    return {"name": name, "password": {"secret": SECRET}, "tags": list(tags)}


def permission(name: str, write: str) -> dict[str, Any]:
    return {"vhost": VHOST, "user": name, "configure": "", "write": write, "read": ".*"}


def topic_permission(name: str, read: str) -> dict[str, Any]:
    return {"vhost": VHOST, "user": name, "exchange": "ex.0", "write": ".*", "read": read}


def _limited(queues: int) -> dict[str, Any]:
    return {"name": VHOST, "limits": {"max-queues": queues}}


def shop(number: int) -> dict[str, Any]:
    """So many queues, each bound to one of two exchanges, and one each of the other kinds."""
    return {
        "vhosts": [_limited(1000), {"name": "depot", "description": "made by the first run"}],
        "users": [user("shop", "monitoring")],
        "permissions": [permission("shop", "^ex[.]")],
        "topic_permissions": [topic_permission("shop", "^a[.]")],
        "global_parameters": [{"name": "shop", "value": {"open": 8}}],
        "policies": [policy("qu", **{"max-length": 5000})],
        "exchanges": [exchange("ex.0"), exchange("ex.1", "fanout")],
        "queues": [queue(f"qu.{one}") for one in range(number)],
        "bindings": [binding(f"ex.{one % 2}", f"qu.{one}", f"k.{one}") for one in range(number)],
    }


def _changed(number: int) -> dict[str, Any]:
    """The same after an update of every kind that has one."""
    return {
        **shop(number),
        "vhosts": [_limited(2000), {"name": "depot", "description": "of all goods"}],
        "users": [user("shop", "management")],
        "permissions": [permission("shop", "^(ex|hand)[.]")],
        "topic_permissions": [topic_permission("shop", "^b[.]")],
        "global_parameters": [{"name": "shop", "value": {"open": 9}}],
        "policies": [policy("qu", **{"max-length": 6000})],
    }


def _without(document: Definitions, **names: tuple[str, ...]) -> dict[str, Any]:
    """The same without what has these names, and without the bindings of it."""
    gone = {name for found in names.values() for name in found}
    found = {key: list(value) for key, value in document.items()}
    for kind, left_out in names.items():
        found[kind] = [one for one in found[kind] if one["name"] not in left_out]
    found["bindings"] = [
        one for one in found["bindings"] if gone.isdisjoint((one["source"], one["destination"]))
    ]
    return found


def _more(document: Definitions, **entries: Any) -> dict[str, Any]:
    return {
        **document,
        **{kind: [*document.get(kind, ()), *found] for kind, found in entries.items()},
    }


def _drift(api: Management) -> None:
    """Change a policy, unbind a queue and delete an exchange, past git."""
    changed = {"pattern": "^qu[.]", "apply-to": "queues", "definition": {"max-length": 9000}}
    api.put("policies", VHOST, "qu", body=changed)
    api.delete("bindings", VHOST, "e", "ex.0", "q", "qu.0", "k.0")
    api.delete("exchanges", VHOST, "ex.1")
    api.put("permissions", VHOST, "shop", body={"configure": ".*", "write": ".*", "read": ".*"})


def _made_first(api: Management) -> None:
    """Make some of what git will declare, and unlike it."""
    other = {"pattern": "^qu[.]", "apply-to": "queues", "definition": {"max-length": 4000}}
    api.put("policies", VHOST, "qu", body=other)
    api.put("exchanges", VHOST, "ex.0", body={"type": "direct", "durable": True})
    api.put("queues", VHOST, "qu.0", body={"durable": True})
    bound = {"routing_key": "k.0", "arguments": {}}
    api.post("bindings", VHOST, "e", "ex.0", "q", "qu.0", body=bound)
    api.put("users", "shop", body={"password": "another one", "tags": ""})


def _strays(api: Management) -> None:
    """Make what nobody declares and what `prune: all` is to take away."""
    for number in range(2):
        api.put("queues", VHOST, f"stray.{number}", body={"durable": True})
        api.put("exchanges", VHOST, f"stray.{number}", body={"type": "fanout", "durable": True})
        path = ("bindings", VHOST, "e", f"stray.{number}", "q", f"stray.{number}")
        api.post(*path, body={"routing_key": "", "arguments": {}})
    stray = {"pattern": "^none$", "apply-to": "queues", "definition": {"max-length": 1}}
    api.put("policies", VHOST, "stray", body=stray)


_KEPT = ("qu.0", "qu.1")
_HANDS = (("queue", "*/hand.*"), ("policy", "*/hand"), ("binding", "*hand.*"), ("vhost", "%2F"))
_NO_FUSES = {"max_deletes": {"share": 1.0, "objects": 100, "bindings": 100}}
_BOUND = [binding("ex.0", "qu.old", "old.1"), binding("ex.1", "qu.old", "old.2")]

_VARIANTS = 25


def _quorum(variant: int) -> Scenario:
    name = f"qu.old.{variant}"
    bound = [binding("ex.0", name, "old.1"), binding("ex.1", name, "old.2")]
    return Scenario(
        name="deletion of an empty quorum queue",
        before=_more(shop(4), queues=[queue(name, type="quorum")], bindings=bound),
        after=shop(4),
        settings=_NO_FUSES,
        amqp=True,
        filled=_KEPT,
        variants=_VARIANTS,
    )


def variant_of(scenario: Scenario, number: int) -> Scenario:
    """The scenario under another name of the queue that goes."""
    return scenario if scenario.variants == 1 else _quorum(number % scenario.variants)


def _ways_out(dead: str, unrouted: str) -> dict[str, Any]:
    """The shop, with exchanges for dead and unrouted messages that policies name."""
    names = {"pattern": "^ex[.]1$", "apply-to": "exchanges"}
    alternate = {"vhost": VHOST, "name": "ex", **names}
    return _more(
        {**shop(4), "policies": [policy("qu", **{"dead-letter-exchange": dead})]},
        policies=[{**alternate, "definition": {"alternate-exchange": unrouted}}],
        exchanges=[exchange(dead, "fanout"), exchange(unrouted, "fanout")],
        queues=[queue("dead"), queue("unrouted")],
        bindings=[binding(dead, "dead"), binding(unrouted, "unrouted")],
    )


_DRAINED: dict[str, Any] = {
    "before": _more(shop(4), queues=[queue("qu.old")], bindings=_BOUND),
    "after": _more(shop(4), removed=[{"address": f"queue:{VHOST}/qu.old", "when": "drained"}]),
    "settings": _NO_FUSES,
    "filled": _KEPT,
}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="first apply in bulk", after=shop(12)),
    Scenario(name="first apply by single calls", after=shop(4), verb=("apply", "--bulk", "never")),
    Scenario(name="update of many kinds", before=shop(4), after=_changed(4), filled=_KEPT),
    Scenario(
        name="replacement of an exchange",
        before=_more(shop(4), bindings=[binding("ex.1", "ex.0", "all", "exchange")]),
        after=_more(
            {**shop(4), "exchanges": [_replaced("direct"), exchange("ex.1", "fanout")]},
            bindings=[binding("ex.1", "ex.0", "all", "exchange")],
        ),
        filled=_KEPT,
    ),
    Scenario(
        name="deletions",
        before=_more(shop(4), queues=[queue("qu.old")], bindings=_BOUND),
        after=_without(shop(4), exchanges=("ex.1",), policies=("qu",)),
        settings=_NO_FUSES,
        filled=("qu.0",),
    ),
    Scenario(
        name="ways out moved",
        before=_ways_out("dead.1", "unrouted.1"),
        after=_ways_out("dead.2", "unrouted.2"),
        settings=_NO_FUSES,
        filled=(*_KEPT, "dead", "unrouted"),
    ),
    _quorum(0),
    Scenario(
        name="adoption",
        after={**shop(3), "exchanges": [_replaced("topic"), exchange("ex.1", "fanout")]},
        hands=_made_first,
        verb=("apply", "--adopt"),
        filled=("qu.0",),
    ),
    Scenario(
        name="drift healed",
        before=shop(4),
        after=shop(4),
        hands=_drift,
        settings={"on_drift": "heal"},
        filled=_KEPT,
    ),
    Scenario(
        name="prune of everything",
        before=shop(4),
        after=_without(shop(4), queues=("qu.3",)),
        hands=_strays,
        settings={
            **_NO_FUSES,
            "prune": "all",
            "ignore": [f"{kind}:{name}" for kind, name in _HANDS],
        },
        filled=_KEPT,
    ),
    Scenario(name="removed: drained, unbound", runs=2, **_DRAINED),
    Scenario(name="removed: drained, deleted", is_applied=True, **_DRAINED),
    Scenario(
        name="rollback",
        before=shop(4),
        after=_without(_changed(6), exchanges=("ex.1",)),
        is_applied=True,
        verb=("rollback", "one", "{before}"),
        settings=_NO_FUSES,
        filled=("qu.0", "qu.2"),
        is_pinned=True,
    ),
    Scenario(
        name="targeted apply",
        before=shop(3),
        after=_more(_changed(6), policies=[policy("more", **{"max-length": 5})]),
        verb=("apply", "--target", "queue:*", "--target", "policy:*"),
        filled=_KEPT,
    ),
    Scenario(
        name="bad object in a bulk",
        before=shop(3),
        after=_more(
            shop(12),
            exchanges=[exchange(f"ex.{one}") for one in range(2, 11)]
            + [exchange("ex.bad", "x-nothing")],
            bindings=[binding("ex.bad", "qu.0")],
        ),
        mended=_more(shop(12), exchanges=[exchange(f"ex.{one}") for one in range(2, 11)]),
        filled=_KEPT,
    ),
)
