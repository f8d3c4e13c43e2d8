from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rmqsync.model.changes import (
    ABSENT,
    Action,
    Cause,
    ClusterPlan,
    ClusterResult,
    FieldChange,
    Hold,
    HoldCode,
    Impact,
    Outcome,
    Ref,
    Result,
)
from rmqsync.report import text
from rmqsync.report.plan_json import plan_document
from tests.report import plans
from tests.report.plans import added, became, gone, queue, secret

LEGEND = """\
rmqsync used the definitions of commit 5c2d89bf0d3c to generate the following execution
plan. Resource actions are indicated with the following symbols:
"""
AT_A_TERMINAL = "apply at a terminal, without --auto-approve"


def shown(*changes: object, verbose: bool = False) -> str:
    cluster = ClusterPlan("c", changes=changes)  # type: ignore[arg-type]
    return text.plan(plan_document(plans.plan(cluster)), verbose=verbose)


def test_nothing_to_do() -> None:
    document = plan_document(plans.NOTHING)

    assert text.plan(document) == "No changes. Your infrastructure matches the configuration.\n"


def test_every_sort_of_field_change() -> None:
    change = queue(
        Action.UPDATE,
        "q",
        added("a", to=1),
        gone("b", was=[1, "x"]),
        became("arguments", "x-max-length", was=1, to=2, forces=True),
        became("c", was=None, to={}),
        secret("password", was="x", to="y"),
        secret("new", to="y"),
        secret("old", was="y"),
    )

    assert (
        shown(change)
        == LEGEND
        + """\
  ~ update in-place

rmqsync will perform the following actions on cluster c:

  # queue 'q' in vhost 'common' will be updated in-place
  ~ queue:common/q {
      + a                      = 1
      - b                      = [1, "x"] -> null
      ~ arguments.x-max-length = 1 -> 2 # forces replacement
      ~ c                      = null -> {}
      ~ password               = (sensitive value)
      + new                    = (sensitive value)
      - old                    = (sensitive value) -> null
    }

Plan: 0 to add, 1 to change, 0 to destroy.
"""
    )


def test_with_only_held_changes_it_never_says_no_changes() -> None:
    change = queue(Action.DELETE, "qu.order.old", hold=plans.LOSES_MESSAGES)

    assert (
        shown(change)
        == LEGEND
        + """\
  - destroy

Held back, none of this will be done unless it is allowed:

  # queue 'qu.order.old' in vhost 'common' would be destroyed
  # held (loss): deleting it loses 14203 messages; this run may cause access at worst
  # allow it with: --allow-loss messages:queue:common/qu.order.old
  - queue:common/qu.order.old

Plan: 0 to add, 0 to change, 0 to destroy.
Held: 1 change (1 loss).
"""
    )


def test_a_replacement_counts_as_added_and_as_destroyed() -> None:
    output = shown(queue(Action.REPLACE, "q"), queue(Action.CREATE, "p"))

    assert output.endswith("\nPlan: 2 to add, 0 to change, 1 to destroy.\n")


def test_a_hold_that_nothing_overrides_names_no_flag() -> None:
    output = shown(queue(Action.DELETE, "q", hold=plans.UNHEALTHY))

    assert "  # held (unhealthy): a memory alarm is set on rabbit@mq2\n  - queue:common/q" in output


@pytest.mark.parametrize("verbose", [False, True])
def test_many_implied_objects_are_folded_and_counted(verbose: bool) -> None:
    implied = tuple(plans.bound(f"k{number}") for number in range(8))
    change = queue(Action.DELETE, "q", impact=Impact(0, 0, implied))

    lines = [line for line in shown(change, verbose=verbose).splitlines() if "  #   " in line]

    assert len(lines) == (8 if verbose else 6)
    assert (lines[-1] == "  #   and 3 more") is not verbose


@pytest.mark.parametrize("verbose", [False, True])
def test_many_unmanaged_objects_are_folded_and_counted(verbose: bool) -> None:
    refs = [Ref("queue", ("v", str(n))) for n in range(9)]
    refs += [Ref("exchange", ("v", str(n))) for n in range(2)]
    document = plan_document(plans.plan(ClusterPlan("c", unmanaged=tuple(refs))))

    lines = text.plan(document, verbose=verbose).splitlines()

    if verbose:
        assert lines[0] == "Unmanaged, left alone: 11 objects"
        assert lines[1] == "    queue '0' in vhost 'v'"
    else:
        assert lines[0] == (
            "Unmanaged, left alone: 11 objects (9 queues, 2 exchanges); -v lists them."
        )
    assert lines[-1] == "No changes. Your infrastructure matches the configuration."


def test_an_unreachable_cluster_is_an_error_and_not_no_changes() -> None:
    document = plan_document(plans.plan(plans.DR))

    assert text.plan(document) == (
        "Error: cluster dr was not planned: mq1.dr:15671: connection refused\n"
    )


def test_two_sides_that_are_alike() -> None:
    document = plan_document(plans.NOTHING, sides=("rev:a", "cluster:b"))

    assert text.plan(document) == "No changes. rev:a and cluster:b are alike.\n"


def apply(result: ClusterResult) -> str:
    return text.plan(plan_document(plans.plan(result.plan), [result]))


def test_an_apply_that_did_it_all() -> None:
    done = ClusterResult(plans.CREATES, (plans.DONE,) * 3, verified=True)

    assert apply(done) == (
        "Verified: read again, and what was applied is as planned.\n"
        "\n"
        "Apply complete! Resources: 3 added, 0 changed, 0 destroyed.\n"
    )


def test_an_apply_with_nothing_to_do() -> None:
    assert apply(ClusterResult(plans.FRANKFURT)) == (
        "No changes. Your infrastructure matches the configuration.\n"
    )


def test_an_apply_that_left_only_held_changes_is_complete_and_counts_them() -> None:
    cluster = ClusterPlan("c", changes=(queue(Action.DELETE, "q", hold=plans.UNHEALTHY),))

    assert apply(ClusterResult(cluster, (plans.HELD,))) == (
        "Held: queue 'q' in vhost 'common' was not destroyed\n"
        "    a memory alarm is set on rabbit@mq2\n"
        "\n"
        "Apply complete! Resources: 0 added, 0 changed, 0 destroyed.\n"
        "Held: 1 change (1 unhealthy).\n"
    )


def test_a_broker_that_stored_something_else_is_told_of() -> None:
    remaining = ("exchange:common/ex.refund.topic",)
    result = ClusterResult(plans.CREATES, (plans.DONE,) * 3, verified=False, remaining=remaining)

    assert apply(result) == (
        "Not verified: read again, and 1 object still differs "
        "though the broker reported no error:\n"
        "    exchange 'ex.refund.topic' in vhost 'common'\n"
        "\n"
        "Apply incomplete. Resources: 3 added, 0 changed, 0 destroyed; 0 failed, 0 skipped.\n"
        "Nothing was rolled back. Mend the cause and apply again: what is done is not repeated.\n"
    )


def test_what_a_failed_replacement_left_missing_counts_as_destroyed() -> None:
    cluster = ClusterPlan("c", changes=(queue(Action.REPLACE, "q"),))
    failed = Result(Outcome.FAILED, "it was deleted")
    missing = ("queue:common/q",)

    assert apply(ClusterResult(cluster, (failed,), verified=False, gone=missing)).endswith(
        "Apply incomplete. Resources: 0 added, 0 changed, 1 destroyed; 1 failed, 0 skipped.\n"
        "Nothing else was applied. Mend the cause and apply again.\n"
    )


def test_an_interrupted_apply_says_what_was_done_and_what_not() -> None:
    result = ClusterResult(plans.CREATES, (plans.DONE,), interrupted=True)
    not_done = "    the run ended before it\n"

    assert apply(result) == (
        "Interrupted: the request in flight was finished, no other sent.\n"
        "Skipped: queue 'qu.refund.crm' in vhost 'common' was not created\n"
        + not_done
        + "Skipped: "
        "binding from exchange 'ex.refund.topic' to queue 'qu.refund.crm' with key 'refund.#' "
        "in vhost 'common' was not created\n" + not_done + "Not verified: the cluster was not read "
        "again.\n"
        "\n"
        "Apply incomplete. Resources: 1 added, 0 changed, 0 destroyed; 0 failed, 2 skipped.\n"
        "Nothing was rolled back. Mend the cause and apply again: what is done is not repeated.\n"
    )


def test_every_failure_is_named() -> None:
    changes = tuple(queue(Action.CREATE, f"q{number}") for number in range(500))
    failed = tuple(Result(Outcome.FAILED, f"reason {number}") for number in range(500))

    output = apply(ClusterResult(ClusterPlan("c", changes=changes), failed, verified=False))

    for number in range(500):
        assert (
            f"Failed: queue 'q{number}' in vhost 'common' was not created\n"
            f"    reason {number}\n" in output
        )
    assert output.endswith("0 destroyed; 500 failed, 0 skipped.\nNothing was applied.\n")


def test_ten_thousand_changes_take_no_time() -> None:
    changes = tuple(
        queue(Action.UPDATE, f"q{number}", became("arguments", "x-max-length", was=1, to=number))
        for number in range(10_000)
    )
    document = plan_document(plans.plan(ClusterPlan("c", changes=changes)))

    started = time.process_time()
    text.plan(document)

    assert time.process_time() - started < 1.5  # 0.3 s where nothing else runs


def test_what_somebody_changed_beside_git_is_told_with_all_three_values() -> None:
    both = became("definition", "max-length", was=77, to=11)._replace(cause=Cause.BOTH, last=9)
    change = replace(queue(Action.UPDATE, "q", became("pattern", was="a", to="b")), left=(both,))

    told = shown(replace(change, cause=Cause.GIT))

    assert "queue 'q' in vhost 'common': definition.max-length was 9, now 77, declared 11" in told


def test_a_secret_that_somebody_changed_is_no_secret_that_was_removed() -> None:
    change = queue(Action.UPDATE, "q", secret("password", to="x"), secret("password_hash", was="y"))

    told = shown(replace(change, cause=Cause.DRIFT))

    assert "queue 'q' in vhost 'common': password, password_hash changed (sensitive)\n" in told


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (gone("durable", was=True)._replace(last=False), "durable was false, now true"),
        (gone("expires", was=5), "expires was not set, now 5"),
        (FieldChange(("expires",), ABSENT, ABSENT, last=5), "expires was 5, now not set"),
    ],
)
def test_of_what_git_gave_up_it_is_told_what_a_hand_did(field: FieldChange, told: str) -> None:
    """The other fields of a deletion are only listed."""
    fields = (gone("arguments", was="as it was"), field._replace(cause=Cause.BOTH))

    output = shown(replace(queue(Action.DELETE, "q", *fields), cause=Cause.BOTH))

    note = output.partition("rmqsync used")[0]
    assert f"  queue 'q' in vhost 'common': {told}, not declared any more\n" in note
    assert note.count("queue 'q'") == 1
    assert "expires = null" not in output


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("--adopt", "allow it with: --adopt"),
        ("on_drift: heal", "to allow it, write: on_drift: heal"),
        ("rmqsync resume c1", "to allow it, run: rmqsync resume c1"),
        (AT_A_TERMINAL, f"to allow it: {AT_A_TERMINAL}"),
    ],
)
def test_what_allows_it_is_run_written_or_done(override: str, line: str) -> None:
    hold = Hold(HoldCode.PAUSED, "so it is", override)

    assert f"  # {line}\n" in shown(queue(Action.DELETE, "q", hold=hold))
