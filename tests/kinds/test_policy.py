"""What no broker refuses and is a finding all the same; the rest is in test_refusals."""

from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Reference
from rmqsync.kinds.context import Context
from rmqsync.kinds.policy_keys import POLICY_KEYS, disqualifies
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row
from tests.kinds.cluster import row_of

POLICY, OPERATOR = KINDS["policy"], KINDS["operator_policy"]
BASE: Row = {"vhost": "v", "name": "p", "pattern": "^a"}


def _policy(definition: Row, **more: Any) -> Row:
    return row_of(POLICY, {**BASE, "definition": definition, **more})


@pytest.mark.parametrize(("written", "kept"), [(1.0, 1), (1.5, 1.5), (None, 0), (-2, -2)])
def test_a_whole_priority_is_an_integer(written: Any, kept: Any) -> None:
    row = _policy({"max-length": 1}, priority=written)

    assert (row["priority"], type(row["priority"])) == (kept, type(kept))


@pytest.mark.parametrize(
    ("definition", "target", "message", "hint"),
    [
        pytest.param(
            {"max-lenght": 5},
            "all",
            "RabbitMQ and its usual plugins have no policy key 'max-lenght'",
            "did you mean max-length?",
            id="a typing error",
        ),
        pytest.param(
            {"tanzu-thing": 5},
            "all",
            "RabbitMQ and its usual plugins have no policy key 'tanzu-thing'",
            "the broker refuses it unless a plugin knows it",
            id="a plugin's, perhaps",
        ),
        pytest.param(
            {"message-ttl": 5},
            "streams",
            "a stream queue does not take message-ttl: the whole policy applies to nothing",
            "leave message-ttl out, or change apply-to",
            id="disqualifies",
        ),
        pytest.param(
            {"max-length": 5},
            "exchanges",
            "max-length does nothing for exchanges",
            None,
            id="queues only",
        ),
        pytest.param(
            {"alternate-exchange": "x"},
            "queues",
            "alternate-exchange does nothing for queues",
            None,
            id="exchanges only",
        ),
    ],
)
def test_warnings(definition: Row, target: str, message: str, hint: str | None) -> None:
    row = _policy(definition, **{"apply-to": target})

    (problem,) = POLICY.check(row, Context(version=(4, 3, 0)))

    assert (problem.severity, problem.message, problem.hint) == (Severity.WARNING, message, hint)
    assert problem.path == ("definition", next(iter(definition)))


@pytest.mark.parametrize("target", ["all", "queues", "exchanges"])
def test_federation_is_for_queues_and_exchanges(target: str) -> None:
    row = _policy({"federation-upstream-set": "all"}, **{"apply-to": target})

    assert list(POLICY.check(row, Context())) == []


def test_every_error_is_found() -> None:
    row = row_of(
        OPERATOR,
        {**BASE, "pattern": "(", "definition": {"ha-mode": "exactly", "max-age": 7}},
    )

    found = [problem.code for problem in OPERATOR.check(row, Context(version=(4, 0, 0)))]

    assert found == ["RMQ025", "RMQ072", "RMQ074", "RMQ073", "RMQ077"]


def test_mirrors_are_fine_while_the_version_is_not_known() -> None:
    assert list(POLICY.check(_policy({"ha-mode": "all"}), Context())) == []


def test_a_raw_operator_policy_is_the_same_row() -> None:
    value = {"pattern": "^a", "definition": {"expires": 5}, "priority": 2.0, "apply-to": "queues"}

    raw = row_of(OPERATOR, {"vhost": "v", "name": "p", "value": value})

    assert raw == row_of(OPERATOR, {"vhost": "v", "name": "p", **value})
    assert raw["priority"] == 2


def test_what_a_definition_names_need_not_exist() -> None:
    row = _policy(
        {
            "dead-letter-exchange": "dead",
            "alternate-exchange": "amq.fanout",
            "federation-upstream": "up",
        }
    )

    assert list(POLICY.references(row)) == [
        Reference("exchange", ("v", "dead"), ("definition", "dead-letter-exchange"), strict=False),
        Reference(
            "federation_upstream", ("v", "up"), ("definition", "federation-upstream"), strict=False
        ),
    ]


def test_the_set_of_all_upstreams_is_always_there() -> None:
    assert not list(POLICY.references(_policy({"federation-upstream-set": "all"})))
    (found,) = POLICY.references(_policy({"federation-upstream-set": "some"}))
    assert found.kind == "federation_upstream_set"


OLD, NEW = Context(version=(3, 10, 0)), Context(version=(4, 3, 0))


@pytest.mark.parametrize(
    ("key", "queue_type", "context", "expected"),
    [
        ("message-ttl", "stream", OLD, True),
        ("message-ttl", "quorum", OLD, False),
        ("queue-leader-locator", "classic", OLD, True),
        ("queue-leader-locator", "classic", NEW, False),
        ("max-in-memory-length", "classic", OLD, False),
        ("max-in-memory-length", "classic", NEW, True),
        ("stream-filter-size-bytes", "classic", NEW, False),
        ("ha-sync-batch-size", "quorum", OLD, False),
        ("ha-mode", "quorum", OLD, True),
        ("unheard-of", "classic", NEW, False),
    ],
)
def test_which_key_disqualifies(
    key: str, queue_type: str, context: Context, expected: bool
) -> None:
    assert disqualifies(key, queue_type, context) is expected


def test_a_plain_definition_is_fine_for_each_key_alone() -> None:
    """The table's own words are not refused by its own rules."""
    assert {name for name, key in POLICY_KEYS.items() if not key.wants} == set()
