"""What a server does not give is not asked for at every turn, nor never again."""

from __future__ import annotations

from rmqsync.repo.lost import REMEMBERED_S, Lost


def test_a_request_that_was_refused_is_known_for_a_while() -> None:
    now = [0.0]
    lost = Lost(lambda: now[0])
    lost.add(["a", "b"], "no")

    assert (lost.words(["b", "a"]), lost.words(["a"])) == ("no", None)
    now[0] = REMEMBERED_S
    assert lost.words(["a", "b"]) is None


def test_the_oldest_is_forgotten_where_there_are_too_many() -> None:
    lost = Lost()
    for number in range(1001):
        lost.add([str(number)], "no")

    assert (lost.words(["0"]), lost.words(["1"]), lost.words(["1000"])) == (None, "no", "no")
