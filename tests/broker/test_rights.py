"""Which commands grant what is missing. That needs are the broker's is proven in test_access."""

import pytest

from rmqsync.broker.rights import missing
from rmqsync.broker.rows import Permission
from rmqsync.kinds.base import Request

ALL = Permission(".*", ".*", ".*")


def put(vhost: str, name: str) -> Request:
    return Request("PUT", ("queues", vhost, name), {"durable": True})


def test_one_command_for_each_vhost_in_which_something_is_missing() -> None:
    rights = {"shop": ALL, "b": Permission("", ".*", ".*")}
    calls = [put("shop", "q"), put("b", "q"), put("b", "r"), put("a b", "q"), put("it's", "q")]

    assert missing("ops", rights, calls) == (
        "rabbitmqctl set_permissions -p 'a b' ops '.*' '.*' '.*'",
        "rabbitmqctl set_permissions -p b ops '.*' '.*' '.*'",
        """rabbitmqctl set_permissions -p 'it'"'"'s' ops '.*' '.*' '.*'""",
    )


@pytest.mark.parametrize(
    ("pattern", "name", "enough"),
    [
        (".*", "q", True),
        ("", "q", False),
        ("^$", "q", False),
        ("rder", "order", True),
        ("^order$", "orders", False),
        (r"^(?!amq\.)", "order", True),
        (r"^\p{Han}+$", "订单", True),
        ("(", "q", False),
    ],
)
def test_patterns_are_searched_for_anywhere_as_the_broker_does(
    pattern: str, name: str, enough: bool
) -> None:
    rights = {"/": Permission(pattern, "", "")}

    assert (missing("ops", rights, [put("/", name)]) == ()) is enough


@pytest.mark.parametrize(
    "call",
    [
        Request("GET", ("queues", "/", "q")),
        Request("PUT", ("users", "crm"), {}),
        Request("PUT", ("policies", "/", "p"), {}),
        Request("DELETE", ("vhosts", "/")),
        Request("PUT", ("parameters", "shovel", "/", "s"), {}),
    ],
    ids=lambda call: "/".join(call.path),
)
def test_what_an_administrator_may_do_anyway_needs_no_rights(call: Request) -> None:
    assert missing("ops", {}, [call]) == ()
