"""Which addresses may use a secret."""

from __future__ import annotations

import pytest

from rmqsync.config.secrets import SecretRef, SecretSource, allowed


@pytest.mark.parametrize(
    ("patterns", "address", "expected"),
    [
        (["user:order-svc"], "user:order-svc", True),
        (["user:order-svc"], "user:order-svc2", False),
        (["user:order-svc"], "xuser:order-svc", False),
        (["shovel:a/*", "user:*"], "user:x", True),
        (["federation_upstream:*/*"], "federation_upstream:%2F/site-b", True),
        (["federation_upstream:*/*"], "federation_upstream_set:a/b", False),
        ([], "user:x", False),
    ],
)
def test_a_pattern_matches_the_whole_address(
    patterns: list[str], address: str, expected: bool
) -> None:
    assert allowed(patterns, address) is expected
    if patterns:
        assert SecretSource(env="A", patterns=tuple(patterns)).allows(address) is expected


@pytest.mark.parametrize("places", [{}, {"env": "A", "file": "b"}], ids=["none", "both"])
def test_a_reference_is_to_one_place(places: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^a secret needs env or file, and not both$"):
        SecretRef(**places)


def test_a_reference_is_named_in_messages() -> None:
    assert str(SecretRef(env="A")) == "environment variable A"
    assert str(SecretRef(file="/run/a")) == "file '/run/a'"
