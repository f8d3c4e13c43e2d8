"""Generated policies, and objects for them to be in effect for."""

from __future__ import annotations

from typing import Any

import pcre2
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.policy_keys import POLICY_KEYS
from rmqsync.model.values import Row
from tests.kinds.cluster import errors

TYPES = ("classic", "quorum", "stream")
NAMES = (
    ("qu.order.crm", "qu.order.erp", "dlq", "订单.付款", "x"),
    ("QU.Order", "qu order", "Éclair", "événement_1", "订单"),
    ("qu.a.b.c", "ha.qu", "crm", "naïve", "a" * 200),
    ("qu-order", "ärger.crm", "ex$", "(x)", "💡.qu"),
)
"""By vhost. A queue of each type, and an exchange, have each of these names."""

_WHOLE = (
    ".*",
    "",
    r"^qu\.",
    r"^(?!qu|x).*",
    r"^(?=.*order).*\.erp$",
    r"(?<!d)lq$",
    "订单",
    "^(订|É)",
    r"^\w+$",
    r"^\W",
    r"\bcrm\b",
    r"\B\.",
    "^[[:alpha:]]+$",
    "[[:punct:]]",
    "(?i)éclair|ORDER",
    "(?i)É",
    "^.{4}$",
    "^.{5,9}$",
    r"\s",
    r"^[^\W.]+$",
    r"\Q(x)\E",
    r"^ex\$$",
    r"\x{e8}",
    r"^(a|aa)+$",
)
PARTS = (
    *("^", "$", "|", ".", ".*", "a*", "qu", r"\.", "order", "[a-z]+", "[^a]", r"\w", r"\w+?"),
    *(r"\d", "(x)", "(?:crm|erp)", "(?!q)", "(?=.*r)", "é", "订", "(?i)", r"[\w.]", r"\b", r"[\W]"),
)

_COUNTS = st.sampled_from([0, 1, 5, 60000])
# Nothing of federation: 3.10 keeps the link of a federated stream when its vhost goes, and refuses
# every upstream from then on with `no_such_vhost`.
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "overflow": st.sampled_from(["drop-head", "reject-publish", "reject-publish-dlx"]),
    "delivery-limit": st.sampled_from([-7, -1, 0, 3, 9]),
    "dead-letter-exchange": st.sampled_from(["", "dead", "死"]),
    "dead-letter-routing-key": st.just("key"),
    "dead-letter-strategy": st.sampled_from(["at-most-once", "at-least-once"]),
    "queue-mode": st.sampled_from(["default", "lazy"]),
    "queue-version": st.sampled_from([1, 2]),
    "max-age": st.sampled_from(["7D", "1h"]),
    "stream-max-segment-size-bytes": st.just(5_000_000),
    "stream-filter-size-bytes": st.just(16),
    "queue-leader-locator": st.sampled_from(["client-local", "balanced"]),
    "queue-master-locator": st.sampled_from(["min-masters", "random"]),
    "target-group-size": st.sampled_from([1, 3]),
    "alternate-exchange": st.just("unrouted"),
    "ha-mode": st.just("all"),
    "ha-sync-mode": st.sampled_from(["manual", "automatic"]),
    "ha-promote-on-shutdown": st.just("always"),
    "ha-sync-batch-size": st.just(50),
    "delayed-retry-type": st.sampled_from(["all", "failed", "disabled"]),
    "expires": st.sampled_from([86_400_000, 90_000_000]),
    "delayed-retry-min": st.sampled_from([1, 5]),
    "delayed-retry-max": st.sampled_from([5, 7]),
    **dict.fromkeys(
        ("message-ttl", "max-length", "max-length-bytes", "initial-cluster-size"), _COUNTS
    ),
    **dict.fromkeys(("max-in-memory-length", "max-in-memory-bytes", "consumer-timeout"), _COUNTS),
}


def is_pattern(text: str) -> bool:
    try:
        pcre2.compile(text.encode())
    except pcre2.LibraryError:
        return False
    return True


_PATTERNS = st.one_of(
    st.sampled_from(_WHOLE),
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join).filter(is_pattern),
)


def _keys(context: Context, *, operator: bool) -> list[str]:
    found = []
    for name, key in POLICY_KEYS.items():
        if name not in _VALUES or (operator and key.operator_since is None):
            continue
        if operator and key.operator_since and context.before(*key.operator_since):
            continue
        if (key.since and context.before(*key.since)) or (
            key.until and context.at_least(*key.until)
        ):
            continue
        if name == "queue-master-locator" and (operator or context.at_least(4, 3)):
            continue  # without a rule for merging; denied
        found.append(name)
    return found


def _definitions(context: Context, *, operator: bool) -> st.SearchStrategy[Row]:
    keys = _keys(context, operator=operator)
    usual = [key for key in keys if key in ("max-length", "message-ttl", "delivery-limit")]
    few = st.lists(st.sampled_from([*keys, *usual * 3]), min_size=1, max_size=4, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({n: _VALUES[n] for n in names}))


def policies(vhost: str, kind: str, count: int, context: Context) -> st.SearchStrategy[list[Row]]:
    """So many policies of a vhost that the broker takes, each of a priority of its own."""
    targets = ["all", "queues", "exchanges"]
    if not context.before(3, 12):
        targets += ["classic_queues", "quorum_queues", "streams"]
    name = "p" if kind == "policy" else "o"

    def rows(parts: list[tuple[str, str, Row]], priorities: list[float]) -> list[Row]:
        return [
            KINDS[kind].complete(
                {
                    "vhost": vhost,
                    "name": f"{name}{number}",
                    "pattern": pattern,
                    "apply-to": target,
                    "definition": definition,
                    "priority": priority,
                }
            )
            for number, ((pattern, target, definition), priority) in enumerate(
                zip(parts, priorities, strict=True)
            )
        ]

    one = st.tuples(
        _PATTERNS,
        st.sampled_from(targets),
        _definitions(context, operator=kind == "operator_policy").filter(
            lambda definition: (
                not errors(
                    KINDS[kind],
                    KINDS[kind].complete(
                        {"vhost": "v", "name": "p", "pattern": "", "definition": definition}
                    ),
                    context,
                )
            )
        ),
    )
    return st.builds(
        rows,
        st.lists(one, min_size=count, max_size=count),
        st.permutations([-3, -0.5, 0, 1, 2.5, 10, 1000][:count]),
    )


def objects(vhost: str, names: tuple[str, ...]) -> list[tuple[str, Row]]:
    """A queue of each type and an exchange by each name, as (kind, row)."""
    found: list[tuple[str, Row]] = []
    for name in names:
        for kind in TYPES:
            entry = {"vhost": vhost, "name": f"{name}"[: 255 - 2], "arguments": {}}
            entry |= {"name": _queue(name, kind), "arguments": {"x-queue-type": kind}}
            found.append(("queue", KINDS["queue"].complete(entry)))
        entry = {"vhost": vhost, "name": name, "type": "topic"}
        found.append(("exchange", KINDS["exchange"].complete(entry)))
    return found


def _queue(name: str, kind: str) -> str:
    """Names of queues are unique in a vhost, whatever their type; patterns see mostly the name."""
    return {"classic": name, "quorum": f"{name}.", "stream": f"-{name}"}[kind]
