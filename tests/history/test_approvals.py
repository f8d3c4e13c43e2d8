"""Approvals, the same on both databases."""

from __future__ import annotations

from dataclasses import replace

from rmqsync.history.approvals import ApprovalHistory
from rmqsync.model.approvals import Approval

ONE = Approval(
    id="1",
    cluster="one",
    fingerprint="f" * 64,
    addresses=("queue:shop/a", "queue:shop/b"),
    who="ann",
    reason="agreed",
    at="2026-01-01T00:00:00Z",
    until="2999-01-01T00:00:00Z",
)


def test_what_was_added_is_found_for_its_plan_only(history_url: str) -> None:
    store = ApprovalHistory(history_url)
    assert store.open("one") == ()
    store.add(ONE)
    store.add(replace(ONE, id="2", until="2026-01-02T00:00:00Z"))

    assert store.open("one", "f" * 64) == (ONE,)
    assert store.open("one") == (ONE,)
    assert store.open("one", "0" * 64) == ()
    assert store.open("two", "f" * 64) == ()


def test_all_are_spent_or_none(history_url: str) -> None:
    store = ApprovalHistory(history_url)
    store.add(ONE)
    store.add(replace(ONE, id="2"))

    assert not store.spend(["1", "3"])
    assert len(store.open("one")) == 2
    assert store.spend(["1", "2"])
    assert store.open("one") == ()
    assert not store.spend(["1"])


def test_revoked_approvals_are_gone(history_url: str) -> None:
    store = ApprovalHistory(history_url)
    store.add(ONE)
    store.add(replace(ONE, id="2", cluster="two"))

    assert store.revoke("one") == 1
    assert store.revoke("one") == 0
    assert [one.id for one in store.open("two")] == ["2"]
