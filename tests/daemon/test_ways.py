"""What lets a held change go ahead, as whole commands and as what to write where."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rmqsync.config.settings import Event
from rmqsync.daemon.happenings import Said, happenings
from rmqsync.daemon.ways import Ways, together, ways
from tests.daemon.web import fleet

A = fleet.queue("qu.a", "shop")
APPROVE = "rmqsync approve one queue:shop/qu.a"
APPLY = "rmqsync apply --cluster one"


def held(code: str, override: str | None, name: str = A, **more: Any) -> Any:
    return fleet.change(name, "delete", hold=fleet.hold(code, override), **more)


@pytest.mark.parametrize(
    ("code", "override", "expected"),
    [
        ("adoption", "--adopt", Ways((APPROVE, f"{APPLY} --adopt"))),
        ("max-deletes", "--max-deletes 200", Ways((APPROVE, f"{APPLY} --max-deletes 200"))),
        ("loss", f"--allow-loss messages:{A}",
         Ways((APPROVE, f"{APPLY} --allow-loss messages:{A}"))),
        ("not-ahead", "--allow-rewind", Ways((f"{APPLY} --allow-rewind",))),
        ("paused", "rmqsync resume one", Ways(("rmqsync resume one",))),
        ("protected", None, Ways()),
        ("altered", "state: absent",
         Ways((), "declare it in the definitions with `state: absent`")),
        ("on-change", "on_change: recreate",
         Ways((), "write `on_change: recreate` into its definition, at base/queues.yaml:7")),
        ("takes-foreign", "state: absent for each of them as well",
         Ways((), "declare each of them in the definitions with `state: absent`")),
        ("drift", "on_drift: heal",
         Ways((APPROVE, APPLY), "write `on_drift: heal` in the settings, below `clusters:` and "
              "`one:`; then all drift is undone at once, always")),
        ("window", "apply at a terminal, without --auto-approve",
         Ways((), "apply at a terminal, without --auto-approve")),
        ("unhealthy", "x: y", Ways((), "write `x: y` into the definitions")),
    ],
)  # fmt: skip
def test_what_allows_it_can_be_typed_as_it_stands(
    code: str, override: str | None, expected: Ways
) -> None:
    assert ways("one", held(code, override)) == expected


def test_names_are_quoted_for_a_shell() -> None:
    name = fleet.queue("a'b; rm")

    (approve, _) = ways("o ne", held("adoption", "--adopt", name)).commands

    assert approve.startswith("rmqsync approve 'o ne' ")
    assert "; rm" not in approve.replace("%3B%20rm", "") or "'" in approve


def test_at_least_two_of_one_reason_are_approved_together() -> None:
    names = [fleet.queue(f"qu.{number}") for number in range(3)]
    changes = [held("max-deletes", "--max-deletes 3", name) for name in names]
    changes += [held("loss", "--allow-loss x"), held("protected", None), held("protected", None)]

    assert together(changes) == [("max-deletes", names)]


def test_who_is_told_of_holds_is_told_the_way_out() -> None:
    changes = [held("loss", f"--allow-loss messages:{A}"), held("altered", "state: absent")]
    drifted = held("drift", "on_drift: heal", fleet.DRIFTED, cause="drift")
    plan = fleet.plan("one", [*changes, drifted])
    found, _ = happenings(Said(), fleet.cluster("one", "held", plan=plan), None)

    (one,) = found
    assert list(one.lines[2:]) == [
        f"to allow: {APPROVE}",
        f"to allow: {APPLY} --allow-loss messages:{A}",
        f"to allow {A}: declare it in the definitions with `state: absent`",
    ]
    assert fleet.DRIFTED not in str(one.lines)


def test_many_of_one_reason_have_one_way_out() -> None:
    names = [fleet.queue(f"qu.{number}") for number in range(100)]
    plan = fleet.plan("one", [held("max-deletes", "--max-deletes 100", name) for name in names])
    ((one,), _) = happenings(Said(), fleet.cluster("one", "held", plan=plan), None)

    assert one.lines[20:] == (
        "and 80 more",
        "to allow: rmqsync approve one",
        f"to allow: {APPLY} --max-deletes 100",
    )


def test_what_is_held_later_is_told_too_and_only_that() -> None:
    names = [fleet.queue(f"qu.{number}") for number in range(4)]
    told = Said()
    said = []
    for numbers, sync in (("01", "held"), ("01", "held"), ("012", "failed"), ("023", "held")):
        changes = [held("protected", None, names[int(number)]) for number in numbers]
        plan = fleet.plan("one", changes)
        found, told = happenings(told, fleet.cluster("one", sync, plan=plan), None)
        said += [(one.title, len(one.lines)) for one in found if one.event is Event.HELD]
        shown = "".join(line for one in found for line in one.lines)

    assert said == [
        ("cluster one: changes are held", 2),
        ("cluster one: 2 more changes are held", 2),
    ]
    assert [name in shown for name in names] == [False, False, True, True]


def test_what_another_guard_holds_now_is_told_anew_with_its_way_out_and_once() -> None:
    beside = fleet.queue("qu.b", "shop")
    paused, loss = ("paused", "rmqsync resume one"), ("loss", f"--allow-loss messages:{A}")
    altered = ("altered", "state: absent")
    told = Said()
    said = []
    for first, second, sync in (
        (paused, paused, "held"),
        (loss, paused, "held"),
        (loss, paused, "unreachable"),
        (loss, paused, "held"),
        (altered, altered, "held"),
    ):
        plan = fleet.plan("one", [held(*first), held(*second, name=beside)])
        found, told = happenings(told, fleet.cluster("one", cast(Any, sync), plan=plan), None)
        said += [one for one in found if one.event is Event.HELD]

    assert [one.title for one in said] == [
        "cluster one: changes are held",
        "cluster one: 1 change is held for another reason now",
        "cluster one: 2 changes are held for another reason now",
    ]
    assert list(said[1].lines[1:]) == [
        f"to allow: {APPROVE}",
        f"to allow: {APPLY} --allow-loss messages:{A}",
    ]
    assert beside not in str(said[1].lines)


def test_what_comes_beside_what_another_guard_holds_is_told_apart() -> None:
    names = [fleet.queue("qu.b"), fleet.queue("qu.c")]
    told = Said()
    for codes in (["paused"], ["loss", "loss", "loss"]):
        changes = [held(code, None, name) for code, name in zip(codes, [A, *names], strict=False)]
        plan = fleet.plan("one", changes)
        found, told = happenings(told, fleet.cluster("one", "held", plan=plan), None)

    assert [one.title for one in found] == [
        "cluster one: 2 more changes are held",
        "cluster one: 1 change is held for another reason now",
    ]
    assert [A in str(one.lines) for one in found] == [False, True]


def test_where_nothing_is_written_no_command_is_told_that_would_be_refused() -> None:
    plan = fleet.plan("one", [held("loss", f"--allow-loss messages:{A}")])
    one = fleet.cluster("one", "held", plan=plan, mode="report")
    ((found,), _) = happenings(Said(), one, None)

    assert found.lines[1:] == (
        "there is nothing to allow: the mode of the cluster is report, so it is compared and "
        "never written",
    )


def test_what_was_held_before_is_told_again_once_nothing_was() -> None:
    plan = fleet.plan("one", [held("protected", None)])
    told = Said()
    titles = []
    for sync in ("held", "in-sync", "held"):
        found, told = happenings(told, fleet.cluster("one", sync, plan=plan), None)
        titles += [one.title for one in found]

    assert titles[0] == titles[2] == "cluster one: changes are held"


def test_what_stands_behind_a_hold_counts_in_what_allows_it() -> None:
    names = [fleet.queue(f"qu.{number}") for number in range(6)]
    also = (["loss"], ["loss"], [], [], ["on-change"], ["on-change"])
    found = [held("drift", "on_drift: heal", name) for name in names]
    for one, codes in zip(found, also, strict=True):
        assert one["hold"] is not None
        if codes:
            one["hold"]["also"] = codes

    commands = [len(ways("one", one).commands) for one in found]
    at_once = [(one.code, len(one.addresses)) for one in together(found)]

    assert commands == [1, 1, 2, 2, 0, 0]  # a yes at a terminal allows no loss
    assert at_once == [("drift and loss", 2), ("drift", 2)]
