from __future__ import annotations

import pytest

from rmqsync.text.nearest import did_you_mean, nearest

KNOWN = ["routing_key", "routing_keys", "apply-to", "durable", "auto_delete", "x-queue-type"]


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("routing-key", "routing_key"),
        ("routingkey", "routing_key"),
        ("routing_kyes", "routing_keys"),
        ("apply_to", "apply-to"),
        ("Durable", "durable"),
        ("autodelete", "auto_delete"),
        ("x-queue-tpye", "x-queue-type"),
        ("nothing like it", None),
        ("", None),
        ("d" * 10_000, None),
    ],
)
def test_the_nearest_known_word_is_found(word: str, known: str | None) -> None:
    assert nearest(word, KNOWN) == known


def test_the_hint_is_a_question() -> None:
    assert did_you_mean("durabel", KNOWN) == "did you mean 'durable'?"
    assert did_you_mean("zzz", KNOWN) is None
