"""What is in the definitions and under `ignore` as well."""

from __future__ import annotations

import pytest

from rmqsync.model.address import Pattern
from rmqsync.model.definitions import Removed
from rmqsync.model.findings import Finding, Origin, Severity
from rmqsync.planning.ignored import declared_but_ignored
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost

FOUND = desired_of(
    rows(vhost(), exchange(), queue("b"), queue("a"), queue("c"), queue("d"), binding("e", "a")),
    absent={"queue": {("v", "gone"): Origin("base/b.yaml", 7)}},
    removed=(Removed("queue:v/old", source=Origin("base/c.yaml", 3)),),
)


def told(*patterns: str) -> list[Finding]:
    return list(declared_but_ignored(FOUND, [Pattern(text) for text in patterns]))


def test_it_is_a_warning_at_the_place_of_the_definition_with_the_rule() -> None:
    assert told("queue:v/a") == [
        Finding(
            "RMQ113",
            Severity.WARNING,
            "queue:v/a is in the definitions, and under `ignore` in the settings (queue:v/a): "
            "nothing of it is applied",
            Origin("base/a.yaml", 1),
            "queue:v/a",
            "take it out of the layers, or out of `ignore`",
        )
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("queue:v/[ab]", "queue:v/a, queue:v/b are in"),
        ("queue:*", "queue:v/a, queue:v/b, queue:v/c and 3 more are in"),
        ("queue:v/gone", "queue:v/gone is in"),
        ("queue:v/old", "queue:v/old is in"),
        ("*:v/e", "exchange:v/e is in"),
        ("*e:v/c", "queue:v/c is in"),
        ("binding:v/*", "binding:v/e/queue/a/ is in"),
    ],
)
def test_each_rule_names_what_it_covers(pattern: str, names: str) -> None:
    (found,) = told(pattern)

    assert found.message.startswith(names)


def test_what_must_not_exist_has_its_place_too() -> None:
    (found,) = told("queue:v/gone")

    assert found.source == Origin("base/b.yaml", 7)


def test_what_is_retired_has_its_place_too() -> None:
    (found,) = told("queue:v/o*")

    assert (found.source, found.address) == (Origin("base/c.yaml", 3), "queue:v/old")


def test_rules_that_name_nothing_declared_say_nothing() -> None:
    assert told("queue:v/other", "user:*", "queue:w/*") == []
    assert len(told("queue:v/a", "user:*", "queue:v/b")) == 2
