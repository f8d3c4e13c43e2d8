"""Secrets without a value: which, from where, and where they are named first."""

from __future__ import annotations

from rmqsync.kinds.context import Context
from rmqsync.loading.unset import unset_secrets
from tests.loading.files import compiled
from tests.planning.builders import desired_of, rows

USERS = "users:\n  - {name: joe, password: {secret: one}}\n"
SHOVEL = (
    "vhosts: [{name: shop}]\nvhost: shop\nshovels:\n  - name: s\n    src-queue: q\n"
    "    src-uri: ['amqp://', {secret: one}]\n    dest-uri: {secret: two}\n"
)


def missing(name: str) -> str:
    return f"secret '{name}': environment variable {name.upper()} is not set"


def told(text: str, **values: str) -> list[str]:
    found = unset_secrets(compiled(text), Context(secret=values.get), missing)
    return [str(one) for one in found]


def test_it_names_the_variable_and_the_exact_place() -> None:
    assert told(USERS) == [
        "base/a.yaml:2:36: secret 'one': environment variable ONE is not set; user:joe names it, "
        "is not compared, and cannot be applied; give it a value where rmqsync runs"
    ]


def test_of_several_uses_the_first_in_the_files_counts() -> None:
    first, second = told(SHOVEL + USERS)

    assert first.startswith("base/a.yaml:6:35: secret 'one': ")
    assert "; shovel:shop/s and 1 more name it, are not compared" in first
    assert second.startswith("base/a.yaml:7:24: secret 'two': ")


def test_one_with_a_value_is_not_told() -> None:
    assert told(USERS, one="x") == []


def test_what_no_file_says_has_the_place_of_its_object() -> None:
    desired = desired_of(rows(("user", {"name": "joe", "password": {"secret": "one"}})))

    (found,) = unset_secrets(desired, Context(), missing)

    assert str(found).startswith("base/a.yaml:1: secret 'one'")
