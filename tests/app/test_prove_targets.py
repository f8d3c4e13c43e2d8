"""Which queues may dead-letter into a queue: routing keys of bindings are not looked at."""

import pytest

from rmqsync.app.prove_targets import dead_lettering_into


def queue(name, policy=None, **arguments):
    return {
        "name": name,
        "policy": policy,
        "arguments": {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()},
    }


def bound(source, destination, sort="queue"):
    return {"source": source, "destination": destination, "destination_type": sort}


def sources(queues, bindings=(), policies=(), exchanges=()):
    answers = {
        "queues": queues,
        "bindings": list(bindings),
        "policies": list(policies),
        "exchanges": list(exchanges),
    }

    def ask(request):
        section, vhost = request.path
        assert vhost == "v"
        return answers[section]

    return dead_lettering_into(("v", "q"), ask)


POLICY = {"name": "dl", "definition": {"dead-letter-exchange": "dlx"}}


@pytest.mark.parametrize(
    ("queues", "bindings", "policies", "exchanges", "expected"),
    [
        pytest.param([queue("q"), queue("a")], [], [], [], [], id="nobody dead-letters"),
        pytest.param(
            [queue("a", dead_letter_exchange="dlx")], [bound("dlx", "q")], [], [], ["a"], id="bound"
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="dlx")],
            [bound("dlx", "r")],
            [],
            [],
            [],
            id="elsewhere",
        ),
        pytest.param(
            [queue("a", "dl")], [bound("dlx", "q")], [POLICY], [], ["a"], id="by its policy"
        ),
        pytest.param(
            [queue("a", "dl", dead_letter_exchange="other")],
            [bound("dlx", "q")],
            [POLICY],
            [],
            [],
            id="an argument wins over the policy",
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="one")],
            [bound("one", "two", "exchange"), bound("two", "q")],
            [],
            [],
            ["a"],
            id="through another exchange",
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="one")],
            [bound("two", "q")],
            [],
            [{"name": "one", "arguments": {"alternate-exchange": "two"}}],
            ["a"],
            id="through an alternate exchange",
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="", dead_letter_routing_key="q")],
            [],
            [],
            [],
            ["a"],
            id="through the default exchange",
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="", dead_letter_routing_key="r")],
            [],
            [],
            [],
            [],
            id="through the default exchange to another",
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="")],
            [],
            [],
            [],
            ["a"],
            id="through the default exchange by the key of each message",
        ),
        pytest.param(
            [queue("q", dead_letter_exchange="dlx")], [bound("dlx", "q")], [], [], [], id="itself"
        ),
        pytest.param(
            [queue("a", dead_letter_exchange="one")],
            [bound("one", "two", "exchange"), bound("two", "one", "exchange"), bound("two", "q")],
            [],
            [],
            ["a"],
            id="exchanges in a circle",
        ),
    ],
)
def test_who_may_dead_letter_into_it(queues, bindings, policies, exchanges, expected):
    assert sources(queues, bindings, policies, exchanges) == expected
